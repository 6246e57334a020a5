//! Features as the solver sees them: standardised, and where pictures are much fewer than features, in the span of the
//! pictures.
//!
//! The minimiser of a loss of `w . x_i` plus `|w|^2` is a combination of the x_i (representer theorem, Schölkopf,
//! Herbrich, Smola 2001). So with the Gram matrix `X X^T = L L^T`, L `[N, N]`, the problem on the rows of L has the same
//! logits, the same loss and the same `|w|^2`, and N columns instead of D.

use rayon::prelude::*;

use super::cholesky::Cholesky;
use super::dense::{LANES, ROWS, add_transposed_times_panel, padded, panel_of_rows, stride_of, times_panel};

/// Rows that go through the products at once: 64 x 1280 f64 are 640 KiB, within the second cache.
pub const BLOCK: usize = 64;
/// Added to the diagonal of the Gram matrix, by its trace, so that pictures that repeat do not stop the factorisation;
/// it moves the loss by less than 1e-10.
const JITTER: f64 = 1e-12;

/// Standardised features of the pictures of one fit.
pub struct Features<'a> {
    x: &'a [f32], // [N, D]
    n: usize,
    d: usize,
    mean: Vec<f64>,  // [D]
    scale: Vec<f64>, // [D], 1 / standard deviation; 0 where a feature is constant
    span: Option<Cholesky>,
    stride: usize,
}

impl<'a> Features<'a> {
    /// `x`: `[N, D]`, finite.
    pub fn new(x: &'a [f32], d: usize) -> Self {
        let n = x.len() / d;
        let (mean, scale) = moments(x, d);
        let mut features = Self { x, n, d, mean, scale, span: None, stride: stride_of(d) };
        if 4 * n <= 3 * d {
            // Beyond, the factorisation costs more than the columns that it saves.
            features.span = Some(features.factor_gram());
            features.stride = stride_of(n);
        }
        features
    }

    /// Columns, a multiple of [`LANES`]; those that pad it are zero.
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// Puts these pictures into `out`: `[rows, stride]`, with rows of zeros up to a multiple of [`ROWS`].
    pub fn load(&self, rows: &[u32], out: &mut Vec<f64>) {
        out.clear();
        for &row in rows {
            match &self.span {
                Some(span) => out.extend_from_slice(&span.lower()[row as usize * self.stride..][..self.stride]),
                None => self.push_standardised(row as usize, out),
            }
        }
        out.resize(padded(rows.len(), ROWS) * self.stride, 0.0);
    }

    /// Second moments of the columns, `Z^T Z / N`, lower triangle of `[stride, stride]`. Of many pictures an even choice
    /// of twice as many as there are columns is enough for the preconditioner that this is for.
    pub fn moments(&self) -> Vec<f64> {
        let (n, stride) = (self.n, self.stride);
        let m = n.min(2 * stride);
        let rows: Vec<u32> = (0..m).map(|i| (i * n / m) as u32).collect();
        let mut z = Vec::with_capacity(padded(m, ROWS) * stride);
        self.load(&rows, &mut z);
        let mut out = vec![0.0; stride * stride];
        let panels: Vec<Vec<f64>> = (0..stride)
            .into_par_iter()
            .step_by(LANES)
            .map(|column| {
                let mut sums = vec![0.0; stride * LANES]; // columns of the result
                for block in z.chunks(BLOCK * stride) {
                    let panel: Vec<f64> = block
                        .chunks_exact(stride)
                        .flat_map(|row| row[column..column + LANES].iter().copied())
                        .collect();
                    add_transposed_times_panel(block, stride, column, &panel, &mut sums);
                }
                sums
            })
            .collect();
        for (j, panel) in panels.iter().enumerate() {
            for (out, sums) in out.chunks_exact_mut(stride).zip(panel.chunks_exact(LANES)) {
                out[j * LANES..(j + 1) * LANES].iter_mut().zip(sums).for_each(|(out, sum)| *out = sum / m as f64);
            }
        }
        out
    }

    /// Weights for the columns, a panel `[stride, LANES]`, as weights for the standardised features, `[D, LANES]` and
    /// more rows of zeros.
    pub fn unfold(&self, panel: &[f64]) -> Vec<f64> {
        let Some(span) = &self.span else { return panel.to_vec() };
        let mut dual = panel.to_vec(); // L^T dual = v, so that X^T dual has the logits L v
        span.solve_upper(&mut dual);
        let stride = stride_of(self.d);
        let mut weight = vec![0.0; stride * LANES];
        let mut block = Vec::new();
        for start in (0..self.n).step_by(BLOCK) {
            block.clear();
            let end = self.n.min(start + BLOCK);
            (start..end).for_each(|row| self.push_standardised(row, &mut block));
            add_transposed_times_panel(&block, stride, 0, &dual[start * LANES..end * LANES], &mut weight);
        }
        weight
    }

    /// Weight and bias for features as they came from those for standardised ones: `w (x - mean) scale + b`.
    pub fn fold(&self, standardised: impl Iterator<Item = f64>, bias: f64) -> (Vec<f32>, f32) {
        let weight: Vec<f64> = standardised.zip(&self.scale).map(|(w, scale)| w * scale).collect();
        let shift: f64 = weight.iter().zip(&self.mean).map(|(w, mean)| w * mean).sum();
        (weight.into_iter().map(|w| w as f32).collect(), (bias - shift) as f32)
    }

    fn push_standardised(&self, row: usize, out: &mut Vec<f64>) {
        let row = &self.x[row * self.d..][..self.d];
        let columns = row.iter().zip(&self.mean).zip(&self.scale);
        out.extend(columns.map(|((&x, mean), scale)| (f64::from(x) - mean) * scale));
        out.extend(std::iter::repeat_n(0.0, stride_of(self.d) - self.d));
    }

    fn factor_gram(&self) -> Cholesky {
        let (n, stride) = (stride_of(self.n), stride_of(self.d));
        let mut x = Vec::with_capacity(n * stride);
        (0..self.n).for_each(|row| self.push_standardised(row, &mut x));
        x.resize(n * stride, 0.0);
        let columns: Vec<Vec<f64>> = (0..n)
            .into_par_iter()
            .step_by(LANES)
            .map(|column| {
                let panel = panel_of_rows(&x[column * stride..], stride, stride);
                let mut out = vec![0.0; (n - column) * LANES];
                times_panel(&x[column * stride..], stride, &panel, &mut out);
                out
            })
            .collect();
        drop(x);
        let mut gram = vec![0.0; n * n];
        for (j, panel) in columns.iter().enumerate() {
            for (i, sums) in panel.chunks_exact(LANES).enumerate() {
                gram[(j * LANES + i) * n + j * LANES..][..LANES].copy_from_slice(sums);
            }
        }
        let trace: f64 = (0..n).map(|i| gram[i * n + i]).sum();
        let jitter = JITTER * trace.max(1.0);
        (0..n).for_each(|i| gram[i * n + i] += jitter);
        Cholesky::new(gram, n, jitter)
    }
}

/// Mean and 1 / standard deviation of each column.
fn moments(x: &[f32], d: usize) -> (Vec<f64>, Vec<f64>) {
    let n = (x.len() / d) as f64;
    let mut mean = vec![0.0; d];
    for row in x.chunks_exact(d) {
        mean.iter_mut().zip(row).for_each(|(sum, &x)| *sum += f64::from(x));
    }
    mean.iter_mut().for_each(|sum| *sum /= n);
    let mut square = vec![0.0; d];
    for row in x.chunks_exact(d) {
        for ((sum, mean), &x) in square.iter_mut().zip(&mean).zip(row) {
            let off = f64::from(x) - mean;
            *sum += off * off;
        }
    }
    let scale = square.iter().zip(&mean).map(|(&square, mean)| {
        let deviation = (square / n).sqrt();
        // What is left of a constant after rounding to f32 is no feature.
        if deviation > 1e-7 * mean.abs().max(1e-30) { 1.0 / deviation } else { 0.0 }
    });
    let scale = scale.collect();
    (mean, scale)
}
