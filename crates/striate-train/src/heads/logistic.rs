//! Multinomial logistic regression with an L2 penalty on features of pictures, for the last layer of a net.

use super::linear::{Linear, LinearConfig, Loss};

/// How to fit a [`Logistic`].
#[derive(Clone, Debug, PartialEq)]
pub struct LogisticConfig {
    /// Classes K.
    pub classes: usize,
    /// Values of C, ascending: the inverse strength of the penalty, as scikit-learn has it for standardised features. Of
    /// several, the one with the least log loss on inner folds; from the first that is worse than the last, none is tried.
    pub strengths: Vec<f64>,
    /// Inner folds, which choose among strengths.
    pub folds: usize,
    /// Weighs pictures by the inverse frequency of their class.
    pub balanced: bool,
    /// Decides the inner folds.
    pub seed: u64,
}

impl LogisticConfig {
    /// Five strengths by three folds, unweighted.
    pub fn new(classes: usize) -> Self {
        Self { classes, strengths: vec![1e-4, 1e-3, 1e-2, 1e-1, 1.0], folds: 3, balanced: false, seed: 0 }
    }
}

/// Features of pictures whose class is known.
#[derive(Clone, Copy, Debug)]
pub struct Examples<'a> {
    /// `[N, D]`, finite.
    pub features: &'a [f32],
    /// `[N]`, below K.
    pub labels: &'a [u32],
    /// `[N]`; pictures of one group share their inner fold.
    pub groups: &'a [u32],
}

/// A linear classifier of features.
#[derive(Clone, Debug, PartialEq)]
pub struct Logistic {
    /// `[K, D]`, for features as they came.
    pub weight: Vec<f32>,
    /// `[K]`.
    pub bias: Vec<f32>,
    /// The strength C chosen.
    pub strength: f64,
    /// Strengths tried, each with its mean log loss on the inner folds, in nats; empty where there was no choice.
    pub tried: Vec<(f64, f64)>,
    /// Mean loss with the penalty: scikit-learn's objective divided by C and the sum of the weights.
    pub objective: f64,
}

impl LogisticConfig {
    /// Fits. The same bits for any number of threads.
    ///
    /// # Panics
    /// If there is no example or no strength, lengths do not fit together, a label is not below `classes`, or a feature
    /// is not finite.
    pub fn fit(&self, examples: &Examples) -> Logistic {
        let Self { classes, ref strengths, folds, balanced, seed } = *self;
        let linear = LinearConfig { loss: Loss::CrossEntropy, classes, strengths, folds, balanced, seed };
        let Linear { weight, bias, strength, tried, objective } = linear.fit(examples);
        Logistic { weight, bias, strength, tried, objective }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The formula of `fixtures/formula.py`.
    pub fn uniform(index: u64) -> f64 {
        let mut x = index.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        x ^= x >> 33;
        x = x.wrapping_mul(0xFF51_AFD7_ED55_8CCD);
        x ^= x >> 33;
        (x >> 40) as f64 / 16_777_216.0
    }

    pub fn problem(n: usize, d: usize, k: usize) -> (Vec<f32>, Vec<u32>) {
        let labels: Vec<u32> = (0..n).map(|i| (uniform(i as u64 + 1_000_000_000).powi(2) * k as f64) as u32).collect();
        let x = (0..n * d).map(|at| {
            let (i, column) = (at / d, at % d);
            let signal = if column % k == labels[i] as usize { 0.5 } else { 0.0 };
            ((uniform(at as u64) + signal) * (1 + column % 7) as f64 + column as f64) as f32
        });
        (x.collect(), labels)
    }

    fn probabilities(model: &Logistic, x: &[f32]) -> Vec<f64> {
        let logits = model
            .weight
            .chunks_exact(x.len())
            .zip(&model.bias)
            .map(|(w, b)| f64::from(*b) + w.iter().zip(x).map(|(w, x)| f64::from(*w) * f64::from(*x)).sum::<f64>());
        let exp: Vec<f64> = logits.map(f64::exp).collect();
        exp.iter().map(|e| e / exp.iter().sum::<f64>()).collect()
    }

    #[test]
    fn optima_are_those_of_scikit_learn() {
        let fixture: serde_json::Value =
            serde_json::from_str(include_str!("../../fixtures/logistic.json")).expect("fixtures/logistic.json is JSON");
        for row in fixture.as_array().expect("rows") {
            let whole = |name: &str| row[name].as_u64().expect("a whole number") as usize;
            let number = |name: &str| row[name].as_f64().expect("a number");
            let (n, d, k) = (whole("n"), whole("d"), whole("k"));
            let (x, labels) = problem(n, d, k);
            let config = LogisticConfig {
                strengths: vec![number("c")],
                balanced: row["balanced"] == true,
                ..LogisticConfig::new(k)
            };
            let model = config.fit(&Examples { features: &x, labels: &labels, groups: &labels });
            let gap = model.objective - number("objective");
            assert!(gap.abs() < 1e-6, "{row}: {gap}");
            for (i, expected) in row["probabilities"].as_array().expect("rows").iter().enumerate() {
                let ours = probabilities(&model, &x[i * d..][..d]);
                for (ours, expected) in ours.iter().zip(expected.as_array().expect("numbers")) {
                    assert!((ours - expected.as_f64().expect("a number")).abs() < 3e-4, "{row}: {ours} {expected}");
                }
            }
        }
    }

    #[test]
    fn threads_change_no_bit_and_the_strength_is_chosen() {
        for (n, d) in [(220, 33), (90, 200)] {
            let (x, labels) = problem(n, d, 4);
            let groups: Vec<u32> = (0..n as u32).map(|i| i / 2).collect();
            let fit = |threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a thread pool");
                let examples = Examples { features: &x, labels: &labels, groups: &groups };
                pool.install(|| LogisticConfig::new(4).fit(&examples))
            };
            let one = fit(1);
            assert_eq!(one, fit(2));
            assert_eq!(one, fit(5));
            let least = one.tried.iter().map(|&(_, loss)| loss).fold(f64::INFINITY, f64::min);
            assert!(one.tried.contains(&(one.strength, least)), "{:?}", one.tried);
        }
    }

    #[test]
    fn a_class_without_examples_is_never_the_answer() {
        let (x, labels) = problem(50, 6, 2);
        let labels: Vec<u32> = labels.iter().map(|&label| label * 2).collect(); // 0 and 2 of 0..4
        let groups: Vec<u32> = (0..50).collect();
        let model = LogisticConfig::new(4).fit(&Examples { features: &x, labels: &labels, groups: &groups });
        let of_first = probabilities(&model, &x[..6]);
        assert!(of_first[1] < 1e-9 && of_first[3] < 1e-9, "{of_first:?}");
    }

    #[test]
    fn one_class_one_group_and_constant_features_are_no_trouble() {
        let examples = Examples { features: &[1.0, 2.0, 1.0, 2.0], labels: &[1, 1], groups: &[3, 3] };
        let model = LogisticConfig { balanced: true, ..LogisticConfig::new(2) }.fit(&examples);
        assert!(model.weight.iter().all(|w| *w == 0.0), "{model:?}");
        assert!(model.bias[1] > model.bias[0] && model.objective == 0.0, "{model:?}");
    }
}
