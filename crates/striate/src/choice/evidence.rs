//! What was measured of the rungs of a ladder, and what is expected of each on new pictures by that and a prior.

use super::prior::Prior;
use std::collections::BTreeMap;

/// Variance of the common level of all rungs, in squares of a chance-corrected accuracy: next to nothing is known of it.
const LEVEL: f64 = 1.0;
/// Pictures that a covariance of answers guessed beforehand counts as much as.
const GUESSED: f64 = 8.0;
/// Correlation of two rungs' answers in that guess.
const CORRELATION: f64 = 0.5;
/// Least variance of an answer, so that three right answers of three prove little.
const LEAST: f64 = 0.05;

/// What a Brier skill counts beside an accuracy that is corrected for chance. Skills are smaller than such accuracies; found with the
/// other constants here on the sets of docs/choice.md.
const SKILL: f64 = 1.2;

/// What answers on one picture are worth as evidence: the mean of the share that was right and of how near the probabilities came to
/// the truth, both so that guessing among `classes` has 1 / K and being always right and sure about 1. Two rungs that are right equally
/// often on few pictures can be told apart by their probabilities. `brier` is the picture's Brier score, in `[0, 2]`.
pub fn worth(right: f64, brier: f64, classes: usize) -> f64 {
    let chance = 1.0 / classes as f64;
    let skill = 1.0 - brier / (1.0 - chance);
    0.5 * (right + chance + (1.0 - chance) * SKILL * skill)
}

/// What was measured of the rungs of a ladder on the same pictures.
#[derive(Clone, Debug)]
pub struct Evidence<'a> {
    /// Their names, simplest first.
    pub names: Vec<&'a str>,
    /// For each rung and picture what its answers were worth ([`worth`]); no picture where nothing could be scored.
    pub worth: Vec<&'a [f64]>,
    /// The pictures' classes.
    pub labels: &'a [u32],
    /// Their groups, which err together.
    pub groups: Vec<u32>,
    /// Number of classes.
    pub classes: usize,
    /// Labels per class that the saved model learns from: the harmonic mean over classes.
    pub per_class: f64,
}

impl Evidence<'_> {
    /// The balanced accuracy to expect of each rung on new pictures.
    pub(super) fn expected(&self, prior: &Prior) -> Vec<f64> {
        let rungs = self.names.len();
        let chance = 1.0 / self.classes as f64;
        let corrected = |accuracy: f64| (accuracy - chance) / (1.0 - chance);
        let seen = prior.of(&self.names, self.per_class);
        let (figures, covariance) = self.figures();
        let Some(figures) = figures else {
            return seen.mean.iter().map(|mean| chance + (1.0 - chance) * mean).collect();
        };
        let measured: Vec<f64> = (0..rungs).map(|i| corrected(figures[i]) + seen.gain[i] - seen.mean[i]).collect();
        let prior_at = |i: usize, j: usize| seen.covariance[i][j] + LEVEL;
        let scale = seen.noise / ((1.0 - chance) * (1.0 - chance));
        let sum = |i: usize, j: usize| prior_at(i, j) + scale * covariance[i][j];
        let weights = solve((0..rungs).map(|i| (0..rungs).map(|j| sum(i, j)).collect()).collect(), measured);
        let expected = |i: usize| seen.mean[i] + (0..rungs).map(|j| prior_at(i, j) * weights[j]).sum::<f64>();
        (0..rungs).map(|i| chance + (1.0 - chance) * expected(i)).collect()
    }

    /// The balanced worth of each rung and the covariance of these figures, of evidence with pictures.
    pub(super) fn spread(&self) -> (Vec<f64>, Vec<Vec<f64>>) {
        let (figures, covariance) = self.figures();
        (figures.unwrap_or_default(), covariance)
    }

    /// The balanced worth of each rung, and the covariance of these figures over other pictures of the kind.
    fn figures(&self) -> (Option<Vec<f64>>, Vec<Vec<f64>>) {
        let rungs = self.names.len();
        if self.labels.is_empty() {
            return (None, Vec::new());
        }
        let mut counts = vec![0.0; self.classes];
        self.labels.iter().for_each(|&label| counts[label as usize] += 1.0);
        let present = counts.iter().filter(|&&n| n > 0.0).count() as f64;
        let weight = |i: usize| 1.0 / (present * counts[self.labels[i] as usize]);
        let mut means = vec![vec![0.0; self.classes]; rungs];
        for (means, worth) in means.iter_mut().zip(&self.worth) {
            worth.iter().zip(self.labels).for_each(|(w, &label)| means[label as usize] += w / counts[label as usize]);
        }
        let figures: Vec<f64> = means.iter().map(|means| means.iter().sum::<f64>() / present).collect();

        let mut groups: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
        for (i, &label) in self.labels.iter().enumerate() {
            let sums = groups.entry(self.groups[i]).or_insert_with(|| vec![0.0; rungs]);
            for (rung, sum) in sums.iter_mut().enumerate() {
                *sum += weight(i) * (self.worth[rung][i] - means[rung][label as usize]);
            }
        }
        let n = self.labels.len() as f64;
        let squares: f64 = (0..self.labels.len()).map(|i| weight(i) * weight(i)).sum();
        let level = (figures.iter().sum::<f64>() / rungs as f64).clamp(0.0, 1.0);
        let guess = (level * (1.0 - level)).max(LEAST);
        let covariance = |a: usize, b: usize| {
            let empirical: f64 = groups.values().map(|sums| sums[a] * sums[b]).sum();
            let guessed = squares * guess * if a == b { 1.0 } else { CORRELATION };
            (n * empirical + (GUESSED + present) * guessed) / (n + GUESSED)
        };
        (Some(figures), (0..rungs).map(|a| (0..rungs).map(|b| covariance(a, b)).collect()).collect())
    }
}

/// Solves `a x = b` for a positive definite `a`, by Gaussian elimination.
fn solve(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> Vec<f64> {
    let n = b.len();
    for i in 0..n {
        for k in i + 1..n {
            let factor = a[k][i] / a[i][i];
            let above = a[i].clone();
            a[k].iter_mut().zip(above).for_each(|(x, above)| *x -= factor * above);
            b[k] -= factor * b[i];
        }
    }
    for i in (0..n).rev() {
        let known: f64 = (i + 1..n).map(|j| a[i][j] * b[j]).sum();
        b[i] = (b[i] - known) / a[i][i];
    }
    b
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_of_equations_is_solved() {
        let a = vec![vec![4.0, 1.0, 0.5], vec![1.0, 3.0, 0.2], vec![0.5, 0.2, 2.0]];
        let x = [1.0, -2.0, 0.5];
        let b = (0..3).map(|i| (0..3).map(|j| a[i][j] * x[j]).sum()).collect();
        assert!(solve(a, b).iter().zip(x).all(|(ours, x)| (ours - x).abs() < 1e-12));
    }

    #[test]
    fn figures_are_balanced_and_their_spread_falls_with_pictures() {
        let of = |n: u32| {
            let labels: Vec<u32> = (0..n).map(|i| u32::from(i % 4 == 0)).collect();
            let worth: Vec<f64> = (0..n).map(|i| if i % 4 == 0 { 1.0 } else { f64::from(i % 2) }).collect();
            let evidence = Evidence {
                names: vec!["a"],
                worth: vec![&worth],
                labels: &labels,
                groups: (0..n).collect(),
                classes: 2,
                per_class: 4.0,
            };
            let (figures, covariance) = evidence.figures();
            (figures.expect("pictures")[0], covariance[0][0])
        };
        let ((few, wide), (many, narrow)) = (of(16), of(1600));
        assert!((few - 5.0 / 6.0).abs() < 1e-12 && (many - few).abs() < 1e-12, "{few} {many}");
        assert!(wide > 20.0 * narrow, "{wide} {narrow}");
    }
}
