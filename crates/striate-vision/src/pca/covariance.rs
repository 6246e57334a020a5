//! Mean and covariance of rows that stream by, in f64.

use striate_kernels::gram::gram;

use super::{MAX_SIDE, Pca, check_k, eigen, refuse};
use crate::error::Error;

/// Rows of the first chunk whose mean all rows are taken less of: near the mean of all is near enough.
const SHIFT_ROWS: usize = 4096;

/// Sums of rows and of their products; chunks go by, and none is kept.
#[derive(Clone, Debug)]
pub struct Covariance {
    rows: usize,
    shift: Vec<f32>,
    sums: Vec<f64>,
    /// `[D, D]`, only `i <= j`.
    products: Vec<f64>,
}

impl Covariance {
    /// Of rows with `d` columns, none yet.
    ///
    /// # Errors
    /// If `d` is 0 or above 8192.
    pub fn new(d: usize) -> Result<Self, Error> {
        if !(1..=MAX_SIDE).contains(&d) {
            let advice = format!("give 1 to {MAX_SIDE}, or take the randomised way");
            return Err(refuse(format!("a covariance of {d} columns"), &advice));
        }
        Ok(Self { rows: 0, shift: Vec::new(), sums: vec![0.0; d], products: vec![0.0; d * d] })
    }

    /// How many columns a row has.
    pub fn columns(&self) -> usize {
        self.sums.len()
    }

    /// Adds rows, `[n, D]`.
    ///
    /// # Panics
    /// If the numbers are no whole rows.
    pub fn push(&mut self, rows: &[f32]) {
        let d = self.columns();
        assert!(rows.len().is_multiple_of(d), "Covariance::push: {} numbers are no rows of {d}", rows.len());
        if rows.is_empty() {
            return;
        }
        if self.rows == 0 {
            self.shift = super::mean_of(&rows[..rows.len().min(SHIFT_ROWS * d)], d);
        }
        gram(rows, &self.shift, &mut self.sums, &mut self.products);
        self.rows += rows.len() / d;
    }

    /// The first `k` principal components.
    ///
    /// # Errors
    /// If less than two rows came, `k` is 0 or above `min(N, D)`, or a number was not finite.
    pub fn components(mut self, k: usize) -> Result<Pca, Error> {
        let (n, d) = (self.rows, self.columns());
        check_k(k, n, d)?;
        let off: Vec<f64> = self.sums.iter().map(|sum| sum / n as f64).collect();
        for (i, row) in self.products.chunks_exact_mut(d).enumerate() {
            for (product, off_j) in row.iter_mut().zip(&off).skip(i) {
                *product = (*product - n as f64 * off[i] * off_j) / (n - 1) as f64;
            }
        }
        let found = eigen::largest(&self.products, d, k)?;
        let mean = self.shift.iter().zip(&off).map(|(&shift, off)| (f64::from(shift) + off) as f32).collect();
        let components = found.vectors.iter().map(|&v| v as f32).collect();
        let variances = found.values.iter().map(|&v| v as f32).collect();
        Ok(Pca::signed(mean, components, variances, eigen::trace(&self.products, d)))
    }
}
