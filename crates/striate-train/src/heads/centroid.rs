//! Nearest centroid: a picture gets the class whose mean picture is nearest, by Euclidean distance.
//!
//! Of `|x - mu|^2 = |x|^2 - (2 mu . x - |mu|^2)` only the bracket depends on the class, so it is a linear classifier
//! with weight `2 mu` and bias `-|mu|^2`.

/// How far the bias of a class without examples lies under the least of the others.
const ABSENT: f64 = 1e6;

/// A linear classifier of features: the nearest of the means of the classes.
#[derive(Clone, Debug, PartialEq)]
pub struct Centroid {
    /// `[K, D]`: twice the mean of each class.
    pub weight: Vec<f32>,
    /// `[K]`: minus the squared norm of each mean.
    pub bias: Vec<f32>,
}

/// The means of `features` `[N, D]` by their `labels` `[N]`, below `classes`.
///
/// # Panics
/// If there is no example, lengths do not fit together, or a label is not below `classes`.
pub fn nearest_centroid(features: &[f32], labels: &[u32], classes: usize) -> Centroid {
    let n = labels.len();
    assert!(n > 0, "nearest_centroid: needs an example, got none");
    let d = features.len() / n;
    assert!(d > 0 && d * n == features.len(), "nearest_centroid: features must be [N, D]");
    let mut sums = vec![0.0; classes * d];
    let mut counts = vec![0_usize; classes];
    for (row, &label) in features.chunks_exact(d).zip(labels) {
        let class = label as usize;
        assert!(class < classes, "nearest_centroid: labels must be below {classes}, got {label}");
        counts[class] += 1;
        sums[class * d..][..d].iter_mut().zip(row).for_each(|(sum, &x)| *sum += f64::from(x));
    }
    let means = sums.chunks_exact_mut(d).zip(&counts);
    means.for_each(|(mean, &count)| mean.iter_mut().for_each(|sum| *sum /= count.max(1) as f64));
    let norm = |mean: &[f64]| mean.iter().map(|m| m * m).sum::<f64>();
    let biases: Vec<f64> = sums.chunks_exact(d).map(|mean| -norm(mean)).collect();
    let least = biases.iter().copied().fold(0.0, f64::min);
    let bias = biases.iter().zip(&counts).map(|(&bias, &count)| if count > 0 { bias } else { 2.0 * least - ABSENT });
    Centroid { weight: sums.iter().map(|mean| (2.0 * mean) as f32).collect(), bias: bias.map(|b| b as f32).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heads::logistic::tests::uniform;

    /// The formula of `fixtures/centroid.py`.
    fn problem(n: usize, d: usize, k: usize) -> (Vec<f32>, Vec<u32>) {
        let labels: Vec<u32> = (0..n).map(|i| (uniform(i as u64 + 1_000_000_000).powi(2) * k as f64) as u32).collect();
        let x = (0..n * d).map(|at| {
            let (i, column) = (at / d, at % d);
            let signal = if column % k == labels[i] as usize { 0.3 } else { 0.0 };
            ((uniform(at as u64) + signal) * (1 + column % 3) as f64 + column as f64 / d as f64) as f32
        });
        (x.collect(), labels)
    }

    fn predict(model: &Centroid, row: &[f32]) -> u32 {
        let logits: Vec<f64> = model
            .weight
            .chunks_exact(row.len())
            .zip(&model.bias)
            .map(|(w, b)| f64::from(*b) + w.iter().zip(row).map(|(w, x)| f64::from(*w) * f64::from(*x)).sum::<f64>())
            .collect();
        crate::metrics::argmax(&logits)
    }

    #[test]
    fn predictions_are_those_of_scikit_learn() {
        let fixture: serde_json::Value =
            serde_json::from_str(include_str!("../../fixtures/centroid.json")).expect("fixtures/centroid.json is JSON");
        for row in fixture.as_array().expect("rows") {
            let whole = |name: &str| row[name].as_u64().expect("a whole number") as usize;
            let (n, d, k, learned) = (whole("n"), whole("d"), whole("k"), whole("learned"));
            let (x, labels) = problem(n, d, k);
            let model = nearest_centroid(&x[..learned * d], &labels[..learned], k);
            let ours: String = x.chunks_exact(d).map(|row| predict(&model, row).to_string()).collect();
            assert_eq!(ours, row["predicted"].as_str().expect("digits"), "{n} {d} {k}");
        }
    }

    #[test]
    fn a_class_without_examples_is_never_the_answer() {
        let (x, labels) = problem(50, 6, 2);
        let labels: Vec<u32> = labels.iter().map(|&label| label * 2).collect(); // 0 and 2 of 0..4
        let model = nearest_centroid(&x, &labels, 4);
        assert!(x.chunks_exact(6).all(|row| [0, 2].contains(&predict(&model, row))));
    }
}
