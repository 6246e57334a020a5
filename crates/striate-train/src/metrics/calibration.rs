//! Whether probabilities mean what they say: reliability bins, expected calibration error, log loss.

use super::argmax;

/// Equal-width bins of the confidence, as in Guo et al. 2017.
pub const BINS: usize = 15;

/// Pictures whose confidence (the probability of the answer given) lies in `(low, high]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bin {
    /// Lower edge, `[0, 1]`, outside but for 0.
    pub low: f64,
    /// Upper edge, `[0, 1]`, inside.
    pub high: f64,
    /// Pictures in it.
    pub n: usize,
    /// Their mean confidence; `None` of no pictures.
    pub confidence: Option<f64>,
    /// Share of them labelled right; `None` of no pictures.
    pub accuracy: Option<f64>,
}

/// The reliability diagram's bins.
///
/// # Panics
/// If there is not one row of probabilities for each label.
pub fn reliability(probabilities: &[Vec<f64>], truth: &[u32]) -> Vec<Bin> {
    assert_eq!(probabilities.len(), truth.len(), "reliability: one row of probabilities for each label");
    let edge = |i: usize| i as f64 / BINS as f64;
    let mut sums = [(0usize, 0.0, 0usize); BINS]; // pictures, confidence, right
    for (row, &class) in probabilities.iter().zip(truth) {
        let answer = argmax(row);
        let confidence = row[answer as usize];
        let bin = (1..BINS).find(|&i| confidence <= edge(i)).map_or(BINS - 1, |i| i - 1);
        sums[bin] = (sums[bin].0 + 1, sums[bin].1 + confidence, sums[bin].2 + usize::from(answer == class));
    }
    let bin = |(i, (n, confidence, right)): (usize, (usize, f64, usize))| Bin {
        low: edge(i),
        high: edge(i + 1),
        n,
        confidence: (n > 0).then(|| confidence / n as f64),
        accuracy: (n > 0).then(|| right as f64 / n as f64),
    };
    sums.into_iter().enumerate().map(bin).collect()
}

/// Mean over pictures of the gap between confidence and accuracy of their bin, `[0, 1]`; NaN of no pictures.
/// Guo, Pleiss, Sun, Weinberger 2017 <https://arxiv.org/abs/1706.04599>.
pub fn expected_calibration_error(bins: &[Bin]) -> f64 {
    let gap = |bin: &Bin| match (bin.confidence, bin.accuracy) {
        (Some(confidence), Some(accuracy)) => bin.n as f64 * (confidence - accuracy).abs(),
        _ => 0.0,
    };
    bins.iter().map(gap).sum::<f64>() / bins.iter().map(|bin| bin.n).sum::<usize>() as f64
}

/// Mean of `-ln p(truth)` in nats, with p held above the spacing of f64 at 1, as scikit-learn does; NaN of no pictures.
///
/// # Panics
/// If there is not one row of probabilities for each label.
pub fn log_loss(probabilities: &[Vec<f64>], truth: &[u32]) -> f64 {
    assert_eq!(probabilities.len(), truth.len(), "log_loss: one row of probabilities for each label");
    let loss = |(row, &class): (&Vec<f64>, &u32)| -libm::log(row[class as usize].max(f64::EPSILON));
    probabilities.iter().zip(truth).map(loss).sum::<f64>() / truth.len() as f64
}

#[cfg(test)]
mod tests {
    use super::super::tests::{fixture, labels, numbers};
    use super::*;

    #[test]
    fn bins_and_losses_are_those_of_scikit_learn() {
        let fixture = fixture();
        let truth = labels(&fixture["truth"]);
        let probabilities: Vec<Vec<f64>> =
            fixture["probabilities"].as_array().expect("rows").iter().map(numbers).collect();
        let bins = reliability(&probabilities, &truth);
        let filled: Vec<&Bin> = bins.iter().filter(|bin| bin.n > 0).collect();
        let [confidence, accuracy] = ["bin_confidence", "bin_accuracy"].map(|name| numbers(&fixture[name]));
        assert_eq!(filled.len(), confidence.len());
        for (i, bin) in filled.iter().enumerate() {
            assert!((bin.confidence.expect("filled") - confidence[i]).abs() < 1e-12, "{bin:?}");
            assert!((bin.accuracy.expect("filled") - accuracy[i]).abs() < 1e-12, "{bin:?}");
        }
        let close = |ours: f64, name: &str| (ours - fixture[name].as_f64().expect("a number")).abs() < 1e-12;
        assert!(close(expected_calibration_error(&bins), "expected_calibration_error"));
        assert!(close(log_loss(&probabilities, &truth), "log_loss"));
    }

    #[test]
    fn a_certain_answer_that_is_wrong_has_a_finite_loss() {
        let loss = log_loss(&[vec![1.0, 0.0]], &[1]);
        assert!(loss > 30.0 && loss < 40.0, "{loss}");
        let bins = reliability(&[vec![1.0, 0.0]], &[1]);
        assert_eq!((bins[14].n, bins[14].accuracy), (1, Some(0.0)));
        assert_eq!(expected_calibration_error(&bins), 1.0);
    }
}
