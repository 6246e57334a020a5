//! Linear support vector machines on features: squared hinge, one class against the rest, with an L2 penalty.
//!
//! The objective is that of scikit-learn's `LinearSVC(dual=False)` on standardised features, its bias penalised as there
//! (liblinear, Fan et al. 2008 <https://www.jmlr.org/papers/v9/fan08a.html>).

use super::linear::{Linear, LinearConfig, Loss};
use super::logistic::Examples;

/// How to fit an [`Svm`].
#[derive(Clone, Debug, PartialEq)]
pub struct SvmConfig {
    /// Classes K.
    pub classes: usize,
    /// Values of C, ascending: the inverse strength of the penalty. Of several, the one with the least squared hinge on inner
    /// folds; from the first that is worse than the last, none is tried.
    pub strengths: Vec<f64>,
    /// Inner folds, which choose among strengths.
    pub folds: usize,
    /// Weighs pictures by the inverse frequency of their class.
    pub balanced: bool,
    /// Decides the inner folds.
    pub seed: u64,
}

impl SvmConfig {
    /// Five strengths by three folds, unweighted.
    pub fn new(classes: usize) -> Self {
        Self { classes, strengths: vec![1e-5, 1e-4, 1e-3, 1e-2, 1e-1], folds: 3, balanced: false, seed: 0 }
    }
}

/// A linear classifier of features. Its answers are margins: softmax makes shares of them that no loss has tuned.
#[derive(Clone, Debug, PartialEq)]
pub struct Svm {
    /// `[K, D]`, for features as they came.
    pub weight: Vec<f32>,
    /// `[K]`.
    pub bias: Vec<f32>,
    /// The strength C chosen.
    pub strength: f64,
    /// Strengths tried, each with its mean squared hinge on the inner folds; empty where there was no choice.
    pub tried: Vec<(f64, f64)>,
    /// Mean loss with the penalty: liblinear's objectives of all classes, divided by C and the sum of the weights.
    pub objective: f64,
}

impl SvmConfig {
    /// Fits. The same bits for any number of threads.
    ///
    /// # Panics
    /// As [`super::logistic::LogisticConfig::fit`].
    pub fn fit(&self, examples: &Examples) -> Svm {
        let Self { classes, ref strengths, folds, balanced, seed } = *self;
        let linear = LinearConfig { loss: Loss::SquaredHinge, classes, strengths, folds, balanced, seed };
        let Linear { weight, bias, strength, tried, objective } = linear.fit(examples);
        Svm { weight, bias, strength, tried, objective }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heads::logistic::tests::problem;

    fn margins(model: &Svm, x: &[f32]) -> Vec<f64> {
        let rows = model.weight.chunks_exact(x.len()).zip(&model.bias);
        let dot = |w: &[f32]| w.iter().zip(x).map(|(w, x)| f64::from(*w) * f64::from(*x)).sum::<f64>();
        rows.map(|(w, b)| f64::from(*b) + dot(w)).collect()
    }

    #[test]
    fn optima_are_those_of_scikit_learn() {
        let fixture: serde_json::Value =
            serde_json::from_str(include_str!("../../fixtures/svm.json")).expect("fixtures/svm.json is JSON");
        for row in fixture.as_array().expect("rows") {
            let whole = |name: &str| row[name].as_u64().expect("a whole number") as usize;
            let number = |name: &str| row[name].as_f64().expect("a number");
            let (n, d, k) = (whole("n"), whole("d"), whole("k"));
            let (x, labels) = problem(n, d, k);
            let config = SvmConfig { strengths: vec![number("c")], ..SvmConfig::new(k) };
            let model = config.fit(&Examples { features: &x, labels: &labels, groups: &labels });
            let gap = (model.objective - number("objective")) / number("objective");
            assert!(gap.abs() < 1e-5, "{row}: {gap}");
            for (i, expected) in row["margins"].as_array().expect("rows").iter().enumerate() {
                let ours = margins(&model, &x[i * d..][..d]);
                for (ours, expected) in ours.iter().zip(expected.as_array().expect("numbers")) {
                    let expected = expected.as_f64().expect("a number");
                    assert!((ours - expected).abs() < 3e-3 * (1.0 + expected.abs()), "{row}: {ours} {expected}");
                }
            }
        }
    }

    #[test]
    fn threads_change_no_bit_and_the_strength_is_chosen() {
        let (x, labels) = problem(150, 40, 4);
        let groups: Vec<u32> = (0..150).map(|i| i / 2).collect();
        let fit = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a thread pool");
            let examples = Examples { features: &x, labels: &labels, groups: &groups };
            pool.install(|| SvmConfig { balanced: true, ..SvmConfig::new(4) }.fit(&examples))
        };
        let one = fit(1);
        assert_eq!(one, fit(3));
        let least = one.tried.iter().map(|&(_, loss)| loss).fold(f64::INFINITY, f64::min);
        assert!(one.tried.len() > 1 && one.tried.contains(&(one.strength, least)), "{:?}", one.tried);
    }
}
