//! The mean and scale by which features are standardized before a last layer: see [`striate_nn::layers::normalize`].

use std::ops::Range;

use striate_nn::layers::normalize::{normalized, root};

/// Share of the mean standard deviation that is added to that of each feature: of a few pictures some features hardly vary by chance.
const FLOOR: f64 = 0.2;
/// What a standard deviation over a map counts beside a mean: much of what it tells, the mean beside it tells too.
const DEVIATION: f64 = 0.7;

/// What features are standardized by.
#[derive(Clone, Debug, PartialEq)]
pub struct Normalization {
    /// `[D]`, of signed square roots.
    pub mean: Vec<f32>,
    /// `[D]`, the inverse of standard deviations.
    pub scale: Vec<f32>,
}

impl Normalization {
    /// By the rows of `features` `[N, D]`, of which some columns are standard deviations over maps (`FLOOR` and `DEVIATION` were chosen
    /// on the sets of docs/choice.md).
    ///
    /// # Panics
    /// If there is no row.
    pub fn fit(features: &[f32], d: usize, deviations: Range<usize>) -> Self {
        let n = features.len() / d;
        assert!(n > 0 && n * d == features.len(), "Normalization: features must be [N, D]");
        let moments = |column: usize| {
            let values = || features.iter().skip(column).step_by(d).map(|&x| f64::from(root(x)));
            let mean = values().sum::<f64>() / n as f64;
            let variance = values().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n as f64;
            (mean, variance.sqrt())
        };
        let columns: Vec<(f64, f64)> = (0..d).map(moments).collect();
        let floor = (FLOOR * columns.iter().map(|(_, deviation)| deviation).sum::<f64>() / d as f64).max(1e-9);
        Self {
            mean: columns.iter().map(|&(mean, _)| mean as f32).collect(),
            scale: (columns.iter().enumerate())
                .map(|(column, &(_, spread))| {
                    let weight = if deviations.contains(&column) { DEVIATION } else { 1.0 };
                    (weight / (spread + floor)) as f32
                })
                .collect(),
        }
    }

    /// Rows `[N, D]`, normalized.
    pub fn apply(&self, features: &[f32]) -> Vec<f32> {
        normalized(features, &self.mean, &self.scale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_centered_and_rows_have_length_one() {
        let features: Vec<f32> = (0..60).map(|i| (i * 37 % 23) as f32 * (1 + i % 3) as f32).collect();
        let rows = Normalization::fit(&features, 3, 1..2).apply(&features);
        for row in rows.chunks_exact(3) {
            assert!((row.iter().map(|x| x * x).sum::<f32>() - 1.0).abs() < 1e-5);
        }
        assert!((0..3).all(|c| rows.iter().skip(c).step_by(3).sum::<f32>().abs() < 3.0), "{rows:?}");
        let one = Normalization::fit(&features[..3], 3, 1..2);
        assert!(one.apply(&features).iter().all(|x| x.is_finite()), "one picture has no spread");
    }
}
