//! Linear discriminant analysis with a shrunk covariance: the class whose mean is nearest when distances are measured by the spread
//! of pictures around their class means. Every class has the same prior probability.
//!
//! With fewer pictures than features the pooled covariance has no inverse, so it is mixed with a multiple of the identity. How much
//! follows from the pictures themselves: Ledoit and Wolf 2004 <https://doi.org/10.1016/S0047-259X(03)00096-4>.

use rayon::prelude::*;
use striate_kernels::gram::gram;

use super::linear::cholesky::Cholesky;
use super::linear::dense::LANES;

/// How far the bias of a class without examples lies under the least of the others.
const ABSENT: f64 = 1e6;
/// Least share of the identity, which keeps the system solvable where pictures outnumber features by far.
const LEAST: f64 = 1e-6;

/// A linear classifier of features.
#[derive(Clone, Debug, PartialEq)]
pub struct Discriminant {
    /// `[K, D]`.
    pub weight: Vec<f32>,
    /// `[K]`.
    pub bias: Vec<f32>,
    /// The share of the identity in the covariance, in `[0, 1]`.
    pub shrinkage: f64,
}

/// Fits to `features` `[N, D]` with `labels` `[N]`, below `classes`. Where every class has one picture there is no spread to see, and
/// this is the nearest centroid. The same bits for any number of threads.
///
/// # Panics
/// If there is no example, lengths do not fit together, or a label is not below `classes`.
pub fn discriminant(features: &[f32], labels: &[u32], classes: usize) -> Discriminant {
    let n = labels.len();
    assert!(n > 0, "discriminant: needs an example, got none");
    let d = features.len() / n;
    assert!(d > 0 && d * n == features.len(), "discriminant: features must be [N, D]");
    let (means, counts) = class_means(features, labels, classes, d);
    let residuals: Vec<f32> = features
        .chunks_exact(d)
        .zip(labels)
        .flat_map(|(row, &label)| {
            let mean = &means[label as usize * d..][..d];
            row.iter().zip(mean).map(|(&x, mean)| (f64::from(x) - mean) as f32)
        })
        .collect();
    let present = counts.iter().filter(|&&count| count > 0).count();
    let spread = Spread::of(&residuals, n, d, n.saturating_sub(present).max(1));
    let solved = spread.solve(&means, d);

    let (mut weight, mut bias) = (vec![0.0; classes * d], vec![f64::NAN; classes]);
    for class in (0..classes).filter(|&class| counts[class] > 0) {
        let rows = (&solved[class * d..][..d], &means[class * d..][..d]);
        weight[class * d..][..d].iter_mut().zip(rows.0).for_each(|(w, &s)| *w = s as f32);
        bias[class] = -0.5 * rows.0.iter().zip(rows.1).map(|(s, m)| s * m).sum::<f64>();
    }
    let least = bias.iter().copied().filter(|b| b.is_finite()).fold(0.0, f64::min);
    let bias = bias.iter().map(|&b| if b.is_finite() { b as f32 } else { (2.0 * least - ABSENT) as f32 }).collect();
    Discriminant { weight, bias, shrinkage: spread.shrinkage }
}

fn class_means(features: &[f32], labels: &[u32], classes: usize, d: usize) -> (Vec<f64>, Vec<usize>) {
    let (mut means, mut counts) = (vec![0.0; classes * d], vec![0_usize; classes]);
    for (row, &label) in features.chunks_exact(d).zip(labels) {
        let class = label as usize;
        assert!(class < classes, "discriminant: labels must be below {classes}, got {label}");
        counts[class] += 1;
        means[class * d..][..d].iter_mut().zip(row).for_each(|(sum, &x)| *sum += f64::from(x));
    }
    for (mean, &count) in means.chunks_exact_mut(d).zip(&counts) {
        mean.iter_mut().for_each(|sum| *sum /= count.max(1) as f64);
    }
    (means, counts)
}

/// The shrunk covariance `scale * ((1 - shrinkage) * R^T R / N + shrinkage * variance * I)` of residuals R `[N, D]`.
struct Spread<'a> {
    residuals: &'a [f32],
    /// Products of rows `[N, N]` or of columns `[D, D]`, whichever is smaller; the upper triangle.
    products: Vec<f64>,
    side: usize,
    n: usize,
    /// Mean variance of a feature around its class mean.
    variance: f64,
    shrinkage: f64,
    /// From the mean over N to the unbiased estimate.
    scale: f64,
}

impl<'a> Spread<'a> {
    fn of(residuals: &'a [f32], n: usize, d: usize, freedom: usize) -> Self {
        let side = n.min(d);
        let mut products = vec![0.0; side * side];
        let (shift, mut sums) = (vec![0.0; side], vec![0.0; side]);
        if n <= d {
            gram(&transposed(residuals, d), &shift, &mut sums, &mut products);
        } else {
            gram(residuals, &shift, &mut sums, &mut products);
        }
        let (n_, d_) = (n as f64, d as f64);
        let lengths: Vec<f64> =
            residuals.chunks_exact(d).map(|row| row.iter().map(|&x| f64::from(x) * f64::from(x)).sum()).collect();
        let variance = lengths.iter().sum::<f64>() / (n_ * d_);
        let upper = |i: usize| products[i * side + i + 1..(i + 1) * side].iter().map(|p| p * p).sum::<f64>();
        let squares: f64 = (0..side).map(|i| products[i * side + i] * products[i * side + i] + 2.0 * upper(i)).sum();
        let squares = squares / (n_ * n_); // of the entries of R^T R / N, however it was computed
        let fourth = lengths.iter().map(|length| length * length).sum::<f64>() / n_;
        let delta = (squares - d_ * variance * variance) / d_;
        let beta = ((fourth - squares) / (n_ * d_)).min(delta);
        let shrinkage = if delta > 0.0 { (beta / delta).clamp(LEAST, 1.0) } else { 1.0 };
        Self { residuals, products, side, n, variance, shrinkage, scale: n_ / freedom as f64 }
    }

    /// The inverse covariance times each row of `means` `[K, D]`.
    fn solve(&self, means: &[f64], d: usize) -> Vec<f64> {
        let identity = self.shrinkage * self.variance;
        let factor = (1.0 - self.shrinkage) / self.n as f64; // of R^T R
        if self.variance <= f64::MIN_POSITIVE {
            return means.to_vec(); // one picture of each class, or copies
        }
        if factor <= 0.0 {
            return means.iter().map(|m| m / (identity * self.scale)).collect();
        }
        let (side, padded) = (self.side, self.side.next_multiple_of(LANES));
        let dual = self.n <= d;
        // Of rows: N a / (1 - shrinkage) I + R R^T (Woodbury). Of columns: the covariance itself.
        let (ridge, times) = if dual { (identity / factor, 1.0) } else { (identity, factor) };
        let mut matrix = vec![0.0; padded * padded];
        for i in 0..padded {
            for j in 0..=i.min(side - 1) {
                matrix[i * padded + j] = if i < side { times * self.products[j * side + i] } else { 0.0 };
            }
            matrix[i * padded + i] += ridge;
        }
        let cholesky = Cholesky::new(matrix, padded, ridge * 1e-12);
        let rows: Vec<&[f64]> = means.chunks_exact(d).collect();
        let solved = rows.par_chunks(LANES).flat_map(|rows| {
            let mut panel = vec![0.0; padded * LANES];
            for (lane, mean) in rows.iter().enumerate() {
                for i in 0..side {
                    panel[i * LANES + lane] = if dual { dot(self.row(i, d), mean) } else { mean[i] };
                }
            }
            cholesky.solve_lower(&mut panel);
            cholesky.solve_upper(&mut panel);
            rows.iter()
                .enumerate()
                .flat_map(|(lane, mean)| {
                    let y = |i: usize| panel[i * LANES + lane];
                    let mut out = if dual { mean.to_vec() } else { (0..d).map(y).collect() };
                    if dual {
                        for i in 0..side {
                            let y = y(i);
                            out.iter_mut().zip(self.row(i, d)).for_each(|(out, &r)| *out -= y * f64::from(r));
                        }
                        out.iter_mut().for_each(|out| *out /= identity);
                    }
                    out.iter_mut().for_each(|out| *out /= self.scale);
                    out
                })
                .collect::<Vec<f64>>()
        });
        solved.collect()
    }

    fn row(&self, i: usize, d: usize) -> &[f32] {
        &self.residuals[i * d..][..d]
    }
}

fn dot(row: &[f32], mean: &[f64]) -> f64 {
    row.iter().zip(mean).map(|(&r, m)| f64::from(r) * m).sum()
}

/// `[N, D]` to `[D, N]`.
fn transposed(rows: &[f32], d: usize) -> Vec<f32> {
    (0..d).flat_map(|column| rows.iter().skip(column).step_by(d).copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heads::logistic::tests::problem;
    use crate::metrics::argmax;

    fn logits(model: &Discriminant, row: &[f32]) -> Vec<f64> {
        let weights = model.weight.chunks_exact(row.len()).zip(&model.bias);
        let weight = |w: &[f32]| w.iter().zip(row).map(|(w, x)| f64::from(*w) * f64::from(*x)).sum::<f64>();
        weights.map(|(w, b)| weight(w) + f64::from(*b)).collect()
    }

    #[test]
    fn shrinkage_and_logits_are_those_of_scikit_learn_and_numpy() {
        let fixture: serde_json::Value = serde_json::from_str(include_str!("../../fixtures/discriminant.json"))
            .expect("fixtures/discriminant.json is JSON");
        for row in fixture.as_array().expect("rows") {
            let whole = |name: &str| row[name].as_u64().expect("a whole number") as usize;
            let (n, d, k, learned) = (whole("n"), whole("d"), whole("k"), whole("learned"));
            let (x, labels) = problem(n, d, k);
            let model = discriminant(&x[..learned * d], &labels[..learned], k);
            let shrinkage = row["shrinkage"].as_f64().expect("a number");
            assert!((model.shrinkage - shrinkage).abs() < 1e-5, "{} {shrinkage}", model.shrinkage);
            for (i, expected) in row["logits"].as_array().expect("rows").iter().enumerate() {
                let ours = logits(&model, &x[(learned + i) * d..][..d]);
                for (class, expected) in expected.as_array().expect("numbers").iter().enumerate() {
                    let (difference, expected) = (ours[class] - ours[0], expected.as_f64().expect("a number"));
                    assert!((difference - expected).abs() < 2e-3 * expected.abs().max(1.0), "{difference} {expected}");
                }
            }
        }
    }

    #[test]
    fn one_picture_of_each_class_is_the_nearest_centroid_and_an_absent_class_is_never_the_answer() {
        let (x, _) = problem(30, 6, 2);
        let model = discriminant(&x[..12], &[0, 2], 4);
        for row in x.chunks_exact(6) {
            let distance = |mean: &[f32]| mean.iter().zip(row).map(|(m, x)| (m - x) * (m - x)).sum::<f32>();
            let nearest = if distance(&x[..6]) <= distance(&x[6..12]) { 0 } else { 2 };
            assert_eq!(argmax(&logits(&model, row)), nearest);
        }
    }

    #[test]
    fn threads_change_no_bit() {
        let (x, labels) = problem(90, 40, 5);
        let fit = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a thread pool");
            pool.install(|| (discriminant(&x, &labels, 5), discriminant(&x[..20 * 40], &labels[..20], 5)))
        };
        assert_eq!(fit(1), fit(3));
    }
}
