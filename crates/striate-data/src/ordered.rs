//! Work done on several threads and taken in order: a bounded window of results waits, never more.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// How the work is spread.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    /// Pieces of work, numbered from 0.
    pub count: usize,
    /// Threads that make; at least one is used.
    pub workers: usize,
    /// Results that may be made or in the making before they are taken; at least one.
    pub window: usize,
}

struct State<T> {
    next: usize,                // the first piece that nobody has begun
    base: usize,                // the first piece that was not taken
    ready: VecDeque<Option<T>>, // from `base` on
    stop: bool,
}

struct Queue<T> {
    state: Mutex<State<T>>,
    room: Condvar,
    made: Condvar,
}

impl<T> Queue<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // A thread that panicked has set `stop`; the state itself is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends every thread home when it is dropped, by a return as well as by a panic.
struct StopAll<'a, T>(&'a Queue<T>);

impl<T> Drop for StopAll<'_, T> {
    fn drop(&mut self) {
        self.0.lock().stop = true;
        self.0.room.notify_all();
        self.0.made.notify_all();
    }
}

/// Calls `make` for each number in `0..count` on worker threads, and `take` with each result, in order, on this thread.
///
/// Ends early when `take` breaks or fails. All threads have ended when it returns.
///
/// # Panics
/// If `make` or `take` does.
pub fn in_order<T: Send, E>(
    spread: Spread,
    make: impl Fn(usize) -> T + Sync,
    mut take: impl FnMut(T) -> Result<ControlFlow<()>, E>,
) -> Result<(), E> {
    let window = spread.window.max(1);
    let state = State { next: 0, base: 0, ready: VecDeque::with_capacity(window), stop: false };
    let queue = Queue { state: Mutex::new(state), room: Condvar::new(), made: Condvar::new() };
    std::thread::scope(|scope| {
        for _ in 0..spread.workers.clamp(1, spread.count.max(1)) {
            scope.spawn(|| work(&queue, spread.count, window, &make));
        }
        let _stop = StopAll(&queue);
        for _ in 0..spread.count {
            let mut state = queue.lock();
            while !state.stop && !matches!(state.ready.front(), Some(Some(_))) {
                state = queue.made.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            // Nothing there: a worker panicked, and the scope passes that on.
            let Some(result) = state.ready.front_mut().and_then(Option::take) else { break };
            state.ready.pop_front();
            state.base += 1;
            drop(state);
            queue.room.notify_one();
            if take(result)?.is_break() {
                break;
            }
        }
        Ok(())
    })
}

fn work<T>(queue: &Queue<T>, count: usize, window: usize, make: &(impl Fn(usize) -> T + Sync)) {
    loop {
        let mut state = queue.lock();
        while !state.stop && state.next < count && state.next >= state.base + window {
            state = queue.room.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.stop || state.next >= count {
            // The room that this thread was woken for may be another's.
            queue.room.notify_one();
            return;
        }
        let number = state.next;
        state.next += 1;
        state.ready.push_back(None);
        drop(state);
        let guard = StopAll(queue); // only a panic in `make` lets it drop
        let result = make(number);
        std::mem::forget(guard);
        let mut state = queue.lock();
        let slot = number - state.base; // a piece is taken only after it was made, so base <= number
        state.ready[slot] = Some(result);
        drop(state);
        queue.made.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    fn uneven(i: usize) -> usize {
        std::thread::sleep(Duration::from_micros((i * 7919 % 13) as u64 * 30));
        i
    }

    #[test]
    fn results_come_in_order_and_the_window_holds() {
        for (workers, window) in [(0, 0), (1, 1), (2, 3), (8, 16), (5, 1)] {
            let (made, mut taken) = (AtomicUsize::new(0), 0);
            let spread = Spread { count: 200, workers, window };
            let make = |i| {
                made.fetch_add(1, Ordering::SeqCst);
                uneven(i)
            };
            in_order(spread, make, |i| {
                assert_eq!(i, taken);
                taken += 1;
                assert!(made.load(Ordering::SeqCst) <= taken + window.max(1), "more than the window was made");
                Ok::<_, ()>(ControlFlow::Continue(()))
            })
            .expect("no error");
            assert_eq!(taken, 200, "{workers} workers, window {window}");
        }
    }

    #[test]
    fn a_break_and_an_error_end_it() {
        let spread = Spread { count: usize::MAX, workers: 4, window: 8 };
        let stop =
            |at| move |i| if i == at { Ok::<_, String>(ControlFlow::Break(())) } else { Ok(ControlFlow::Continue(())) };
        assert_eq!(in_order(spread, uneven, stop(20)), Ok(()));
        assert_eq!(in_order(spread, uneven, |_| Err("no".to_string())), Err("no".to_string()));
        assert_eq!(in_order(Spread { count: 0, ..spread }, uneven, |_| Err("called")), Ok(()));
    }

    #[test]
    fn a_panic_on_either_side_is_passed_on_and_nothing_hangs() {
        let spread = Spread { count: 100, workers: 3, window: 4 };
        let make = |i: usize| if i == 50 { panic!("make") } else { i };
        let on = |f: &dyn Fn()| std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).is_err();
        assert!(on(&|| in_order(spread, make, |_| Ok::<_, ()>(ControlFlow::Continue(()))).expect("unreachable")));
        assert!(on(&|| in_order(spread, uneven, |_| -> Result<_, ()> { panic!("take") }).expect("unreachable")));
    }
}
