//! A budget of time, kept by the clock: before each piece of work it answers whether the piece still fits, by what pieces of the same
//! kind took in this process. It decides what is done and what is left out, never how a thing is computed.

use std::time::{Duration, Instant};

use striate_train::explain::maximise::Style;

/// Share of the budget by which a piece that was begun may overrun it, and seconds that it always may.
const GRACE: (f64, f64) = (0.05, 0.5);

/// Kinds of work; the units of one kind take about the same time each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// Pictures read and sent through the net, with what is kept of them.
    Look,
    /// Rows of patches, encoded and written.
    Row,
    /// Small files written.
    File,
    /// The net or another one opened.
    Open,
    /// Pictures through the net alone.
    Forward,
    /// Pictures explained by the cheap methods.
    Portrait,
    /// Pictures explained by occlusion.
    Occlusion,
    /// Pictures explained by integrated gradients.
    Integrated,
    /// Multiply-adds of any drawing.
    Drawing,
    /// Multiply-adds of drawings of one style, with the same number of pictures, up to the same layer or to the answers.
    DrawingAt(Style, usize, Option<usize>),
}

/// When the work began, how long it may take, and what each kind of work took last.
pub(crate) struct Clock {
    budget: f64,
    now: Box<dyn Fn() -> Duration>,
    reserve: f64,
    /// Seconds per unit.
    rates: Vec<(Work, f64)>,
}

impl Clock {
    /// Starts now.
    pub fn start(budget: Duration) -> Self {
        let begun = Instant::now();
        Self::new(budget, move || begun.elapsed())
    }

    /// `now` tells the time since the start.
    fn new(budget: Duration, now: impl Fn() -> Duration + 'static) -> Self {
        Self { budget: budget.as_secs_f64(), now: Box::new(now), reserve: 0.0, rates: Vec::new() }
    }

    /// Seconds since the start.
    pub fn now(&self) -> f64 {
        (self.now)().as_secs_f64()
    }

    /// Seconds that are left for more work; below 0 where the budget is spent.
    pub fn left(&self) -> f64 {
        self.budget - self.reserve - self.now()
    }

    /// The time by which a stage must end that may take half of what is left, so that the stages after it get their share.
    pub fn half(&self) -> f64 {
        self.now() + self.left().max(0.0) / 2.0
    }

    /// Keeps seconds for work that must follow, in addition to those kept already.
    pub fn keep(&mut self, seconds: f64) {
        self.reserve += seconds;
    }

    /// Does a piece of work and remembers what it took.
    pub fn time<T>(&mut self, work: Work, units: f64, piece: impl FnOnce() -> T) -> T {
        let begun = self.now();
        let result = piece();
        self.measured(work, units, self.now() - begun);
        result
    }

    /// So many units took so many seconds. The last piece counts as much as all before it: the machine may have become busier.
    pub fn measured(&mut self, work: Work, units: f64, seconds: f64) {
        let rate = seconds / units;
        match self.rates.iter_mut().find(|(known, _)| *known == work) {
            Some((_, old)) => *old = f64::midpoint(*old, rate),
            None => self.rates.push((work, rate)),
        }
    }

    /// Counts on so many seconds per unit, until a piece was measured.
    pub fn suppose(&mut self, work: Work, rate: f64) {
        if self.cost(work, 1.0).is_none() {
            self.rates.push((work, rate));
        }
    }

    /// Seconds that so many units will take, where a piece of this kind was measured.
    pub fn cost(&self, work: Work, units: f64) -> Option<f64> {
        self.rates.iter().find(|(known, _)| *known == work).map(|(_, rate)| rate * units)
    }

    /// Whether work of these seconds can still be done. Where nobody knows them, it is tried as long as there is time.
    pub fn fits(&self, seconds: Option<f64>) -> bool {
        self.left() > seconds.unwrap_or(0.0)
    }

    /// How many units can be done by a time that [`Clock::half`] told; none where no piece was measured.
    pub fn units_by(&self, due: f64, work: Work) -> Option<usize> {
        let rate = self.cost(work, 1.0)?;
        Some(((due - self.now()).max(0.0) / rate.max(1e-9)) as usize)
    }

    /// Whether a piece that was begun has to be given up, as it needs so many seconds more.
    pub fn is_hopeless(&self, seconds: f64) -> bool {
        seconds > self.left() + (GRACE.0 * self.budget).max(GRACE.1)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use super::*;

    /// A clock of 100 seconds, and its hand.
    fn fake() -> (Clock, Rc<Cell<u64>>) {
        let hand = Rc::new(Cell::new(0));
        let seen = Rc::clone(&hand);
        (Clock::new(Duration::from_secs(100), move || Duration::from_secs(seen.get())), hand)
    }

    #[test]
    fn a_piece_fits_by_what_earlier_ones_took() {
        let (mut clock, hand) = fake();
        assert!(clock.fits(clock.cost(Work::Row, 5.0)), "nothing is known: it is tried");
        clock.time(Work::Row, 5.0, || hand.set(10));
        assert_eq!(clock.cost(Work::Row, 40.0), Some(80.0));
        assert!(clock.fits(Some(80.0)) && !clock.fits(Some(91.0)));
        assert_eq!(clock.cost(Work::File, 1.0), None, "each kind has a rate of its own");
        hand.set(100);
        assert!(!clock.fits(None), "no time is left to try");
    }

    #[test]
    fn a_machine_that_becomes_busy_is_noticed() {
        let (mut clock, _) = fake();
        clock.measured(Work::Look, 4.0, 4.0);
        for _ in 0..5 {
            clock.measured(Work::Look, 4.0, 12.0);
        }
        let cost = clock.cost(Work::Look, 1.0).expect("measured");
        assert!(cost > 2.9 && cost < 3.0, "{cost}");
    }

    #[test]
    fn a_stage_gets_half_of_what_is_not_kept() {
        let (mut clock, hand) = fake();
        hand.set(10);
        clock.keep(20.0);
        clock.keep(10.0);
        assert_eq!((clock.left(), clock.half()), (60.0, 40.0));
        assert_eq!(clock.units_by(40.0, Work::Look), None);
        clock.measured(Work::Look, 1.0, 0.5);
        assert_eq!(clock.units_by(40.0, Work::Look), Some(60));
        hand.set(200);
        assert_eq!((clock.units_by(40.0, Work::Look), clock.half()), (Some(0), 200.0));
    }

    #[test]
    fn what_was_begun_may_overrun_a_little() {
        let (clock, hand) = fake();
        hand.set(90);
        assert!(!clock.is_hopeless(14.0) && clock.is_hopeless(16.0));
        hand.set(106);
        assert!(clock.is_hopeless(0.0));
    }

    #[test]
    fn a_supposed_rate_counts_until_one_is_measured() {
        let (mut clock, _) = fake();
        clock.suppose(Work::Occlusion, 7.0);
        assert_eq!(clock.cost(Work::Occlusion, 2.0), Some(14.0));
        clock.measured(Work::Integrated, 1.0, 3.0);
        clock.suppose(Work::Integrated, 7.0);
        assert_eq!(clock.cost(Work::Integrated, 1.0), Some(3.0));
    }
}
