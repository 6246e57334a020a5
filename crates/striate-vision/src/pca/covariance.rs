//! Mean and covariance of rows that stream by, in f64.

use striate_kernels::gram::gram;

use super::{MAX_SIDE, Pca, check_k, eigen, refuse};
use crate::error::Error;

/// Rows of the first chunk that say what all rows are taken less of: near the mean of all is near enough.
const SHIFT_ROWS: usize = 1024;

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
            self.shift = shift(&rows[..rows.len().min(SHIFT_ROWS * d)], d);
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
        // Columns that never change, as the borders of many pictures, have no part in a component.
        let moving: Vec<usize> = (0..d).filter(|&i| self.products[i * d + i] != 0.0).collect();
        let side = moving.len();
        let mut matrix = vec![0.0; side * side]; // only i <= j
        for (i, row) in matrix.chunks_exact_mut(side.max(1)).enumerate() {
            let from = &self.products[moving[i] * d..][..d];
            moving[i..].iter().zip(&mut row[i..]).for_each(|(&column, to)| *to = from[column]);
        }
        let found = eigen::largest(&matrix, side, k.min(side))?;
        let mean = self.shift.iter().zip(&off).map(|(&shift, off)| (f64::from(shift) + off) as f32).collect();
        let (mut components, mut variances) = (vec![0.0; k * d], vec![0.0; k]);
        for (i, (&value, vector)) in found.values.iter().zip(found.vectors.chunks(side.max(1))).enumerate() {
            variances[i] = value as f32;
            moving.iter().zip(vector).for_each(|(&column, &v)| components[i * d + column] = v as f32);
        }
        if side < k {
            eigen::complete(&mut components, d);
        }
        Ok(Pca::signed(mean, components, variances, eigen::trace(&self.products, d)))
    }
}

/// The mean of each column, or 0 where that is as near as its values lie to each other: sums stay exact, and where pictures are
/// black there is nothing to add up.
fn shift(rows: &[f32], d: usize) -> Vec<f32> {
    let mut mean = super::mean_of(rows, d);
    let mut squares = vec![0.0_f64; d];
    for row in rows.chunks_exact(d) {
        squares.iter_mut().zip(row.iter().zip(&mean)).for_each(|(sum, (v, mean))| *sum += f64::from(v - mean).powi(2));
    }
    let n = (rows.len() / d) as f64;
    mean.iter_mut()
        .zip(&squares)
        .filter(|(mean, sum)| f64::from(**mean).powi(2) < *sum / n)
        .for_each(|(mean, _)| *mean = 0.0);
    mean
}
