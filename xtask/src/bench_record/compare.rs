//! Whether two programs compute the same, and how their times compare.

/// Largest relative difference that counts as the same.
const TOLERANCE: f64 = 1e-3;
/// The same for a loss after a step, whose rounding the step has carried on.
const TOLERANCE_STEPPED: f64 = 1e-2;

/// What comparing two `check` lines gave.
#[derive(Clone, Debug, PartialEq)]
pub enum Agreement {
    /// The largest relative difference, within what is allowed.
    Agrees(f64),
    /// The numbers differ; in what way.
    Disagrees(String),
    /// The other program does not check.
    NotAsked,
}

/// Compares number by number. Training works give three losses, the later ones after steps.
pub fn agreement(work: &str, ours: &[f64], theirs: &[f64]) -> Agreement {
    if ours.is_empty() || ours.len() != theirs.len() {
        return Agreement::Disagrees(format!("{} numbers against {}", ours.len(), theirs.len()));
    }
    let training = ["W1", "W2", "W3"].contains(&work);
    let mut worst = 0.0_f64;
    for (i, (a, b)) in ours.iter().zip(theirs).enumerate() {
        let difference = if a == b { 0.0 } else { (a - b).abs() / b.abs() };
        let allowed = if training && i >= 2 { TOLERANCE_STEPPED } else { TOLERANCE };
        if difference.is_nan() || difference > allowed {
            return Agreement::Disagrees(format!("number {}: {a:e} against {b:e}", i + 1));
        }
        worst = worst.max(difference);
    }
    Agreement::Agrees(worst)
}

/// How many times as fast as theirs ours is: each round against itself, as the machine is not the same in all.
pub fn ratios(ours: &[f64], theirs: &[f64]) -> Vec<f64> {
    ours.iter().zip(theirs).map(|(ours, theirs)| theirs / ours).collect()
}

/// The middle, or the mean of the two in the middle.
pub fn median(values: &[f64]) -> f64 {
    let mut rising = values.to_vec();
    rising.sort_by(f64::total_cmp);
    let half = rising.len() / 2;
    if rising.len().is_multiple_of(2) { (rising[half - 1] + rising[half]) / 2.0 } else { rising[half] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_losses_may_differ_more_than_the_first() {
        let theirs = [2.0, 2.0, 1.0, 1.0];
        assert_eq!(agreement("W2", &theirs, &theirs), Agreement::Agrees(0.0));
        assert!(matches!(agreement("W2", &[2.0, 2.0, 1.005, 1.005], &theirs), Agreement::Agrees(_)));
        assert!(matches!(agreement("W2", &[2.01, 2.0, 1.0, 1.0], &theirs), Agreement::Disagrees(_)));
        assert!(matches!(agreement("W5.a.fwd", &[2.0, 2.0, 1.005, 1.0], &theirs), Agreement::Disagrees(_)));
        assert!(matches!(agreement("W1", &[2.0, f64::NAN, 1.0, 1.0], &theirs), Agreement::Disagrees(_)));
        assert!(matches!(agreement("W1", &[], &[]), Agreement::Disagrees(_)));
    }

    #[test]
    fn ratios_are_taken_within_each_round() {
        assert_eq!(ratios(&[1.0, 2.0, 1.0], &[2.0, 8.0, 3.0]), [2.0, 4.0, 3.0]);
    }
}
