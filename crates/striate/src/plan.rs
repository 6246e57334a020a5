//! What fits into the ladder's time: a plan from counts alone, so that the same data gives the same answer on any machine.
//!
//! Costs are multiply-adds over one nominal speed, not measured time: a slow moment of the machine changes no result.

/// Multiply-adds a second that a plan counts on: what two ordinary cores do in convolutions, with some reserve.
/// `striate bench --kernels` shows what a machine really does.
pub const MACS_PER_SECOND: f64 = 8e9;

/// A forward and a backward pass cost about three forward passes.
const TRAINING: f64 = 3.0;

/// Seconds that `pictures` forward passes take by plan.
pub fn inference_seconds(macs: u64, pictures: usize) -> f64 {
    macs as f64 * pictures as f64 / MACS_PER_SECOND
}

/// Forward passes that fit into `seconds`.
pub fn inference_capacity(macs: u64, seconds: f64) -> usize {
    (seconds * MACS_PER_SECOND / macs.max(1) as f64) as usize
}

/// How one training of the ladder is cut to fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrainingPlan {
    /// Epochs.
    pub epochs: usize,
    /// Training pictures, of those there are.
    pub pictures: usize,
}

/// Epochs a net from scratch should have at least, and at most.
const EPOCHS: std::ops::RangeInclusive<usize> = 8..=60;

/// The most epochs, then the most pictures, that fit `trainings` trainings into `seconds`; nothing where even the
/// fewest epochs on `least` pictures do not fit.
pub fn training_plan(macs: u64, pictures: usize, trainings: usize, seconds: f64, least: usize) -> Option<TrainingPlan> {
    let passes = seconds * MACS_PER_SECOND / (TRAINING * macs.max(1) as f64 * trainings.max(1) as f64);
    let epochs = (passes / pictures.max(1) as f64) as usize;
    if epochs >= *EPOCHS.start() {
        return Some(TrainingPlan { epochs: epochs.min(*EPOCHS.end()), pictures });
    }
    let fitting = (passes / *EPOCHS.start() as f64) as usize;
    (fitting >= least).then_some(TrainingPlan { epochs: *EPOCHS.start(), pictures: fitting })
}

/// As [`MACS_PER_SECOND`], where 1x1 convolutions are trained over activations that lie in memory: nothing is decoded or resized,
/// and most of the work is products of large matrices.
const TUNED_MACS_PER_SECOND: f64 = 24e9;

/// Epochs that fine-tuning should have at least, and at most: it begins near its end.
const TUNED_EPOCHS: std::ops::RangeInclusive<usize> = 2..=8;

/// The epochs of fine-tuning that fit `trainings` trainings into `seconds`; nothing where the fewest do not. `macs`: of the trained
/// part.
pub fn fine_tuning_epochs(macs: u64, pictures: usize, trainings: usize, seconds: f64) -> Option<usize> {
    let epoch = TRAINING * macs as f64 * (pictures * trainings).max(1) as f64 / TUNED_MACS_PER_SECOND;
    let epochs = (seconds / epoch) as usize;
    (epochs >= *TUNED_EPOCHS.start()).then(|| epochs.min(*TUNED_EPOCHS.end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_never_exceeds_its_seconds() {
        for (pictures, seconds) in [(10, 1.0), (196, 30.0), (2_000, 48.0), (60_000, 48.0), (50, 0.2)] {
            let Some(plan) = training_plan(9_000_000, pictures, 5, seconds, 20) else { continue };
            let planned = 5.0 * TRAINING * inference_seconds(9_000_000, plan.pictures) * plan.epochs as f64;
            assert!(planned <= seconds * 1.001, "{pictures} pictures: {planned} s of {seconds}");
            assert!(plan.pictures <= pictures && EPOCHS.contains(&plan.epochs));
        }
    }

    #[test]
    fn fine_tuning_gets_fewer_epochs_from_more_pictures() {
        let epochs = |pictures| fine_tuning_epochs(50_000_000, pictures, 6, 18.0);
        assert_eq!((epochs(10), epochs(170), epochs(300)), (Some(8), Some(2), None));
    }

    #[test]
    fn what_does_not_fit_is_not_planned() {
        assert_eq!(training_plan(9_000_000, 1_000, 5, 0.01, 20), None);
        assert_eq!(inference_capacity(400_000_000, 2.0), (2.0 * MACS_PER_SECOND / 4e8) as usize);
    }
}
