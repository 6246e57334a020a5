//! The objective of a linear classifier and its gradient, in coordinates where its curvature is near one.
//!
//! `f(W, b) = sum_i s_i loss(W z_i + b, y_i) / S + |W|^2 / (2 C S)` with `S = sum_i s_i`, which is scikit-learn's
//! objective divided by `C S`; the loss says whether the bias is free. The solver moves `U = R^T W` with
//! `R R^T = a Z^T Z / N + I / (C N)`, `a` the mean curvature of the loss, so that steps need no scale.

use rayon::prelude::*;

use super::cholesky::Cholesky;
use super::dense::{LANES, add_scaled, add_transposed_times_panel, dot, times_panel};
use super::features::{BLOCK, Features};
use super::loss::Loss;

/// Parts of the pictures that are summed apart and then in order, whatever the number of threads.
const PARTS: usize = 16;

/// Pictures with their classes, as one fit sees them.
pub struct Problem<'a> {
    /// Of one picture.
    pub loss: Loss,
    /// All pictures.
    pub features: &'a Features<'a>,
    /// The class of every picture of `features`.
    pub labels: &'a [u32],
    /// Those that count.
    pub rows: &'a [u32],
    /// The weight of a picture, by class.
    pub weights: &'a [f64],
    /// C: the inverse strength of the penalty, as scikit-learn has it.
    pub strength: f64,
}

/// Change of coordinates that evens out the curvature.
pub struct Preconditioner {
    factor: Cholesky, // R
    bias: f64,        // root of the curvature of the bias
}

impl Preconditioner {
    /// `moments` as [`Features::moments`] gives them; `share` is the weight of the penalty, 1 / (C S).
    ///
    /// # Panics
    /// If `moments` is not `[stride, stride]`.
    pub fn new(moments: &[f64], stride: usize, curvature: f64, share: f64) -> Self {
        let mut matrix: Vec<f64> = moments.iter().map(|m| m * curvature).collect();
        (0..stride).for_each(|i| matrix[i * stride + i] += share);
        Self { factor: Cholesky::new(matrix, stride, share), bias: curvature.sqrt() }
    }

    /// U of W.
    pub fn enter(&self, theta: &[f64]) -> Vec<f64> {
        let panel = |panel: &[f64]| {
            let (weight, bias) = panel.split_at(panel.len() - LANES);
            let mut out = self.factor.times_upper(weight);
            out.extend(bias.iter().map(|b| b * self.bias));
            out
        };
        theta.par_chunks(self.panel_len()).flat_map_iter(panel).collect()
    }

    /// W of U, in place.
    pub fn leave(&self, theta: &mut [f64]) {
        theta.par_chunks_mut(self.panel_len()).for_each(|panel| {
            let (weight, bias) = panel.split_at_mut(panel.len() - LANES);
            self.factor.solve_upper(weight);
            bias.iter_mut().for_each(|b| *b /= self.bias);
        });
    }

    /// Gradient by U of that by W, in place.
    pub fn pull(&self, gradient: &mut [f64]) {
        gradient.par_chunks_mut(self.panel_len()).for_each(|panel| {
            let (weight, bias) = panel.split_at_mut(panel.len() - LANES);
            self.factor.solve_lower(weight);
            bias.iter_mut().for_each(|b| *b /= self.bias);
        });
    }

    fn panel_len(&self) -> usize {
        (self.factor.len() + 1) * LANES
    }
}

/// Sums over pictures, each by its weight.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sums {
    /// The weights.
    pub weight: f64,
    /// Losses.
    pub loss: f64,
    /// Means over classes of the second derivatives by the logits.
    pub curvature: f64,
}

impl Sums {
    /// Of both.
    pub fn add(self, other: Self) -> Self {
        Self {
            weight: self.weight + other.weight,
            loss: self.loss + other.loss,
            curvature: self.curvature + other.curvature,
        }
    }
}

impl Problem<'_> {
    /// Parameters: for each [`LANES`] classes a panel of weights `[stride, LANES]` and their biases.
    pub fn zeros(&self) -> Vec<f64> {
        vec![0.0; self.weights.len().div_ceil(LANES) * (self.features.stride() + 1) * LANES]
    }

    /// Sum of the weights of the pictures.
    pub fn total(&self) -> f64 {
        self.rows.iter().map(|&row| self.weights[self.labels[row as usize] as usize]).sum()
    }

    /// The objective; writes its gradient.
    pub fn evaluate(&self, theta: &[f64], gradient: &mut [f64]) -> f64 {
        let total = self.total();
        let parts: Vec<(Sums, Vec<f64>)> = self
            .rows
            .par_chunks(self.part_rows())
            .map(|rows| {
                let mut gradient = vec![0.0; theta.len()];
                let sums = self.add_part(rows, theta, Some(&mut gradient));
                (sums, gradient)
            })
            .collect();
        gradient.fill(0.0);
        parts.iter().for_each(|(_, part)| add_scaled(gradient, 1.0 / total, part));
        let share = 1.0 / (self.strength * total);
        let mut value = parts.iter().map(|(sums, _)| sums.loss).sum::<f64>() / total;
        let weight_len = self.features.stride() * LANES;
        for (theta, gradient) in
            theta.chunks_exact(weight_len + LANES).zip(gradient.chunks_exact_mut(weight_len + LANES))
        {
            let penalised = if self.loss.penalises_bias() { weight_len + LANES } else { weight_len };
            let weight = &theta[..penalised];
            value += 0.5 * share * dot(weight, weight);
            add_scaled(&mut gradient[..penalised], share, weight);
        }
        value
    }

    /// Loss without the penalty, and curvature.
    pub fn score(&self, theta: &[f64]) -> Sums {
        let parts: Vec<Sums> =
            self.rows.par_chunks(self.part_rows()).map(|rows| self.add_part(rows, theta, None)).collect();
        parts.into_iter().fold(Sums::default(), Sums::add)
    }

    fn part_rows(&self) -> usize {
        self.rows.len().div_ceil(PARTS).next_multiple_of(BLOCK).max(BLOCK)
    }

    /// Sums over some pictures; adds to the gradient of the loss.
    fn add_part(&self, rows: &[u32], theta: &[f64], mut gradient: Option<&mut Vec<f64>>) -> Sums {
        let stride = self.features.stride();
        let panel_len = (stride + 1) * LANES;
        let panels = theta.len() / panel_len;
        let (mut z, mut logits) = (Vec::new(), vec![0.0; panels * BLOCK * LANES]); // [panel][row, LANES]
        let mut row_logits = vec![0.0; self.weights.len()];
        let mut sums = Sums::default();
        for rows in rows.chunks(BLOCK) {
            self.features.load(rows, &mut z);
            let m = z.len() / stride;
            for (logits, theta) in logits.chunks_exact_mut(BLOCK * LANES).zip(theta.chunks_exact(panel_len)) {
                times_panel(&z, stride, &theta[..stride * LANES], &mut logits[..m * LANES]);
            }
            for (i, &row) in rows.iter().enumerate() {
                let class = self.labels[row as usize] as usize;
                for (k, logit) in row_logits.iter_mut().enumerate() {
                    let (panel, lane) = (k / LANES, k % LANES);
                    let bias = theta[panel * panel_len + stride * LANES + lane];
                    *logit = logits[(panel * BLOCK + i) * LANES + lane] + bias;
                }
                let weight = self.weights[class];
                sums.weight += weight;
                let (loss, curvature) = self.loss.differentiate(&mut row_logits, class);
                sums.loss += weight * loss;
                sums.curvature += weight * curvature;
                for (k, residual) in row_logits.iter().enumerate() {
                    logits[(k / LANES * BLOCK + i) * LANES + k % LANES] = weight * residual;
                }
            }
            let Some(gradient) = gradient.as_deref_mut() else { continue };
            for (residual, gradient) in logits.chunks_exact(BLOCK * LANES).zip(gradient.chunks_exact_mut(panel_len)) {
                let (weight, bias) = gradient.split_at_mut(stride * LANES);
                // Rows that pad the block are zero in z, so what stands in their residuals does not count.
                add_transposed_times_panel(&z, stride, 0, &residual[..m * LANES], weight);
                residual[..rows.len() * LANES].chunks_exact(LANES).for_each(|residual| add_scaled(bias, 1.0, residual));
            }
        }
        sums
    }
}
