//! Temperature scaling: one number that logits are divided by, so that probabilities mean what they say. It changes no answer.
//! Guo, Pleiss, Sun, Weinberger 2017 <https://arxiv.org/abs/1706.04599>.

use super::calibration::log_loss;
use crate::infer::softmax;

/// Natural logarithms of temperatures that are looked at.
const RANGE: [f64; 2] = [-7.0, 7.0];
/// Steps of the golden-section search: the last interval is below 1e-4.
const STEPS: usize = 26;

/// What is known of a temperature before a picture was seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Expected {
    /// Its natural logarithm.
    pub ln: f64,
    /// The standard deviation of that.
    pub deviation: f64,
}

/// The likeliest temperature, given `logits` (row-major `[N, K]` of held-out pictures), their true classes and what was expected.
/// What was expected alone where there is no picture.
pub fn temperature(logits: &[f32], truth: &[u32], classes: usize, expected: Expected) -> f64 {
    let objective = |ln: f64| {
        let away = (ln - expected.ln) / expected.deviation;
        let loss = if truth.is_empty() { 0.0 } else { log_loss(&at(logits, classes, libm::exp(ln)), truth) };
        loss * truth.len() as f64 + 0.5 * away * away
    };
    let ratio = 0.618_033_988_749_894_9;
    let [mut low, mut high] = RANGE;
    let (mut a, mut b) = (high - ratio * (high - low), low + ratio * (high - low));
    let (mut at_a, mut at_b) = (objective(a), objective(b));
    for _ in 0..STEPS {
        if at_a <= at_b {
            (high, b, at_b) = (b, a, at_a);
            a = high - ratio * (high - low);
            at_a = objective(a);
        } else {
            (low, a, at_a) = (a, b, at_b);
            b = low + ratio * (high - low);
            at_b = objective(b);
        }
    }
    libm::exp(0.5 * (low + high))
}

/// Probabilities at a temperature, one row per picture.
pub fn at(logits: &[f32], classes: usize, temperature: f64) -> Vec<Vec<f64>> {
    let scaled: Vec<f32> = logits.iter().map(|&logit| (f64::from(logit) / temperature) as f32).collect();
    softmax(&scaled, classes)
}

/// Squared distance between the probabilities of a picture and the truth, summed over classes: 0 is perfect, 2 the worst (Brier 1950).
pub fn brier(probabilities: &[f64], class: u32) -> f64 {
    let target = |k: usize| if k == class as usize { 1.0 } else { 0.0 };
    probabilities.iter().enumerate().map(|(k, p)| (p - target(k)) * (p - target(k))).sum()
}

/// Mean over pictures of [`brier`]. NaN of no pictures.
///
/// # Panics
/// If there is not one row of probabilities for each label.
pub fn brier_score(probabilities: &[Vec<f64>], truth: &[u32]) -> f64 {
    assert_eq!(probabilities.len(), truth.len(), "brier_score: one row of probabilities for each label");
    probabilities.iter().zip(truth).map(|(row, &class)| brier(row, class)).sum::<f64>() / truth.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use striate_kernels::rng::Key;

    #[test]
    fn it_finds_the_temperature_that_answers_were_drawn_with() {
        let mut stream = Key::new(4).stream();
        let (mut logits, mut truth) = (Vec::new(), Vec::new());
        for _ in 0..4000 {
            let row: Vec<f32> = (0..3).map(|_| 12.0 * stream.uniform()).collect();
            let probabilities = &at(&row, 3, 3.0)[0];
            let draw = f64::from(stream.uniform());
            let class =
                if draw < probabilities[0] { 0 } else { 1 + u32::from(draw >= probabilities[0] + probabilities[1]) };
            logits.extend(row);
            truth.push(class);
        }
        let vague = Expected { ln: 0.0, deviation: 2.0 };
        let found = temperature(&logits, &truth, 3, vague);
        assert!((found - 3.0).abs() < 0.3, "{found}");
        let firm = temperature(&logits, &truth, 3, Expected { ln: 0.0, deviation: 1e-3 });
        assert!((firm - 1.0).abs() < 0.1, "{firm}");
        let alone = temperature(&[], &[], 3, Expected { ln: 0.7, deviation: 1.0 });
        assert!((libm::log(alone) - 0.7).abs() < 1e-3, "{alone}");
        let scores = [1.0, 3.0].map(|t| brier_score(&at(&logits, 3, t), &truth));
        assert!(scores[1] < scores[0], "{scores:?}");
        assert_eq!(brier_score(&[vec![1.0, 0.0], vec![1.0, 0.0]], &[0, 1]), 1.0);
    }
}
