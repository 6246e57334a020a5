//! Which rung of the ladder is saved: the one that is expected to be best on new pictures, by what was measured here and by what such
//! rungs were worth on other data.
//!
//! With few labels the measured figures are mostly noise, so each is weighed against a prior: how well each kind of rung did with so
//! many labels on the sets of docs/choice.md. Figures and prior are both taken to be normal, which makes the expected figure of each
//! rung a weighted mean of the two. With many labels the prior counts for nothing.

mod evidence;
pub mod prior;
pub mod study;
pub mod tables;

pub use evidence::{Evidence, worth};
use prior::Prior;

/// The simplest rung within this much of the best expected balanced accuracy is kept.
pub const TOLERANCE: f64 = 0.0025;

/// A choice among rungs.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// The rung, by its place in the evidence.
    pub rung: usize,
    /// What is expected of each rung on new pictures: its balanced accuracy.
    pub expected: Vec<f64>,
}

impl Choice {
    /// What is given up, in expected balanced accuracy, for a simpler model than the best.
    pub fn given_up(&self) -> f64 {
        self.expected.iter().copied().fold(f64::NEG_INFINITY, f64::max) - self.expected[self.rung]
    }
}

/// Chooses among the rungs of `evidence`, simplest first.
///
/// # Panics
/// If there is no rung.
pub fn choose(prior: &Prior, evidence: &Evidence) -> Choice {
    let expected = evidence.expected(prior);
    let best = expected.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let rung = expected.iter().position(|e| *e >= best - TOLERANCE).expect("a rung to choose");
    Choice { rung, expected }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of 4 classes.
    fn evidence<'a>(labels: &'a [u32], worth: &'a [Vec<f64>], names: &'a [&'a str]) -> Evidence<'a> {
        Evidence {
            names: names.to_vec(),
            worth: worth.iter().map(Vec::as_slice).collect(),
            labels,
            groups: (0..labels.len() as u32).collect(),
            classes: 4,
            per_class: labels.len() as f64 / 4.0,
        }
    }

    fn right(n: usize, f: impl Fn(usize) -> bool) -> Vec<f64> {
        (0..n).map(|i| f64::from(u8::from(f(i)))).collect()
    }

    const NAMES: [&str; 2] = ["pixels", "efficientnet_lite0_discriminant"];

    #[test]
    fn with_few_labels_the_prior_decides_and_with_many_what_was_measured() {
        let prior = Prior::embedded();
        for (n, better) in [(8, 1), (2000, 0)] {
            let labels: Vec<u32> = (0..n as u32).map(|i| i % 4).collect();
            let answers = [right(n, |i| i / 4 % 2 == 0), right(n, |i| i / 4 % 5 < 2)]; // 50 and 40 %
            let choice = choose(prior, &evidence(&labels, &answers, &NAMES));
            assert_eq!(choice.rung, better, "{n}: {choice:?}");
            assert!(choice.given_up() <= TOLERANCE);
        }
    }

    #[test]
    fn without_a_picture_scored_the_prior_is_all_there_is() {
        let choice =
            choose(Prior::embedded(), &Evidence { per_class: 1.0, ..evidence(&[], &[vec![], vec![]], &NAMES) });
        assert_eq!(choice.rung, 1, "{choice:?}");
    }

    #[test]
    fn a_rung_that_the_prior_does_not_know_is_judged_by_its_figures() {
        let labels: Vec<u32> = (0..400).map(|i| i % 4).collect();
        let answers = [right(400, |i| i % 3 == 0), right(400, |i| i % 10 > 0)];
        assert_eq!(choose(Prior::embedded(), &evidence(&labels, &answers, &["pixels", "new"])).rung, 1);
    }
}
