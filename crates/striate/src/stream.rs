//! A data set's pictures one after another: made ready on threads of their own, taken in order and in batches, while a bounded
//! number waits.

use std::convert::Infallible;
use std::ops::ControlFlow;

use striate_data::ordered::{Spread, in_order};

/// Calls `make` for each number below `count`, and `take` with up to `batch` results at a time and the number of the first.
pub(crate) fn in_batches<T: Send>(
    count: usize,
    batch: usize,
    make: impl Fn(usize) -> T + Sync,
    mut take: impl FnMut(usize, Vec<T>) -> ControlFlow<()>,
) {
    let spread = Spread { count, workers: rayon::current_num_threads(), window: 2 * batch };
    let (mut waiting, mut taken) = (Vec::new(), 0);
    let Ok(()) = in_order(spread, make, |made| {
        waiting.push(made);
        taken += 1;
        if waiting.len() < batch && taken < count {
            return Ok::<_, Infallible>(ControlFlow::Continue(()));
        }
        Ok(take(taken - waiting.len(), std::mem::take(&mut waiting)))
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_come_in_order_and_the_last_is_what_is_left() {
        let mut seen = Vec::new();
        in_batches(
            7,
            3,
            |i| i * i,
            |first, batch| {
                seen.push((first, batch));
                ControlFlow::Continue(())
            },
        );
        assert_eq!(seen, [(0, vec![0, 1, 4]), (3, vec![9, 16, 25]), (6, vec![36])]);
        in_batches(
            9,
            3,
            |i| i,
            |first, _| {
                assert_eq!(first, 0, "nothing comes after a break");
                ControlFlow::Break(())
            },
        );
    }
}
