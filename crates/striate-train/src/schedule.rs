//! The learning rate at a step.

use crate::recipe::Schedule;
use std::f64::consts::PI;

/// Where a training stands.
#[derive(Clone, Copy, Debug)]
pub struct Position {
    /// Steps done, from 0.
    pub step: u64,
    /// Steps an epoch.
    pub steps_per_epoch: u64,
    /// Epochs in all.
    pub epochs: u64,
}

impl Schedule {
    /// The learning rate of the step at `at`, given the peak rate.
    pub fn lr(&self, peak: f64, at: Position) -> f64 {
        let total = (at.steps_per_epoch * at.epochs) as f64;
        let step = at.step as f64;
        match self {
            Self::Constant => peak,
            Self::Step { epochs, gamma } => {
                let epoch = at.step / at.steps_per_epoch;
                let drops = epochs.iter().filter(|&&e| e as u64 <= epoch).count();
                peak * gamma.powi(drops as i32)
            }
            Self::Cosine { warmup_epochs } => {
                let warmup = warmup_epochs * at.steps_per_epoch as f64;
                if step < warmup {
                    peak * (step + 1.0) / (warmup + 1.0)
                } else {
                    half_cosine(peak, 0.0, (step - warmup) / (total - warmup).max(1.0))
                }
            }
            Self::OneCycle { rise, divide } => {
                let top = rise * total;
                if step < top {
                    half_cosine(peak / divide, peak, step / top)
                } else {
                    half_cosine(peak, peak / divide / 1e4, (step - top) / (total - top).max(1.0))
                }
            }
        }
    }
}

/// From `a` at 0 to `b` at 1.
fn half_cosine(a: f64, b: f64, at: f64) -> f64 {
    b + (a - b) * 0.5 * (1.0 + (PI * at.min(1.0)).cos())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(step: u64) -> Position {
        Position { step, steps_per_epoch: 10, epochs: 10 }
    }

    #[test]
    fn step_drops_at_the_start_of_its_epochs() {
        let schedule = Schedule::Step { epochs: vec![5, 8], gamma: 0.1 };
        assert_eq!(schedule.lr(1.0, at(49)), 1.0);
        assert!((schedule.lr(1.0, at(50)) - 0.1).abs() < 1e-12);
        assert!((schedule.lr(1.0, at(99)) - 0.01).abs() < 1e-12);
    }

    #[test]
    fn cosine_warms_up_then_falls_to_nothing() {
        let schedule = Schedule::Cosine { warmup_epochs: 1.0 };
        assert!(schedule.lr(1.0, at(0)) < schedule.lr(1.0, at(5)));
        assert_eq!(schedule.lr(1.0, at(10)), 1.0);
        assert!((schedule.lr(1.0, at(55)) - 0.5).abs() < 1e-12); // half of the way down
        assert!(schedule.lr(1.0, at(99)) < 1e-3);
    }

    #[test]
    fn one_cycle_rises_and_falls() {
        let schedule = Schedule::OneCycle { rise: 0.3, divide: 25.0 };
        assert!((schedule.lr(1.0, at(0)) - 0.04).abs() < 1e-12);
        assert_eq!(schedule.lr(1.0, at(30)), 1.0);
        assert!(schedule.lr(1.0, at(99)) < 1e-2);
    }
}
