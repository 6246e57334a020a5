//! Principal components by random projection.
//!
//! Halko, Martinsson, Tropp 2011, "Finding structure with randomness" (SIAM Review 53), algorithm 4.4 (subspace iteration), on
//! the side of the columns, then the exact components of the rows within the subspace (Rayleigh, Ritz).

use rayon::prelude::*;
use striate_kernels::gram::gram;
use striate_kernels::linear::{LinearShape, linear_backward_input, linear_backward_weight};
use striate_kernels::memory::buffer;
use striate_kernels::rng::Key;

use super::{Pca, eigen, less, project};
use crate::error::Error;

/// Rows whose products are one chain in f32.
const STRETCH: usize = 1024;

/// How to search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RandomisedOptions {
    /// Directions beyond those asked for: p of the paper.
    pub oversampling: usize,
    /// Times that the rows are gone through to sharpen the subspace: q of the paper.
    pub power_iterations: usize,
    /// Decides the first directions.
    pub seed: u64,
}

impl Default for RandomisedOptions {
    /// 10 more directions, 4 iterations, as scikit-learn.
    fn default() -> Self {
        Self { oversampling: 10, power_iterations: 4, seed: 0 }
    }
}

pub(super) fn fit(rows: &[f32], mean: Vec<f32>, k: usize, options: &RandomisedOptions) -> Result<Pca, Error> {
    let d = mean.len();
    let n = rows.len() / d;
    let l = k.saturating_add(options.oversampling).min(n.min(d));
    let centred = less(rows, &mean);
    let mut basis = normal(l * d, options.seed); // [L, D]
    orthonormal(&mut basis, d)?;
    let mut along = buffer(n * l); // [N, L]
    for _ in 0..=options.power_iterations {
        project(&centred, d, &basis, &mut along);
        gather(&centred, d, &along, &mut basis);
        orthonormal(&mut basis, d)?;
    }
    project(&centred, d, &basis, &mut along);
    let mut products = vec![0.0; l * l];
    let zeros = vec![0.0; l];
    gram(&along, &zeros, &mut vec![0.0; l], &mut products);
    let found = eigen::largest(&products, l, k)?;
    let turn: Vec<f32> = found.vectors.iter().map(|&v| v as f32).collect(); // [K, L]
    let mut components = vec![0.0; k * d];
    linear_backward_input(&LinearShape { n: k, c_in: d, c_out: l }, &turn, &basis, &mut components);
    eigen::complete(&mut components, d);
    let scale = (n - 1) as f64;
    let variances = found.values.iter().map(|value| (value / scale) as f32).collect();
    let total = centred.chunks_exact(d).map(|row| row.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>()).sum::<f64>();
    Ok(Pca::signed(mean, components, variances, total / scale))
}

/// `basis = along^T * rows`: [`STRETCH`] rows at a time stay in the cache, and the sums over them are added in order.
fn gather(rows: &[f32], d: usize, along: &[f32], basis: &mut [f32]) {
    let l = basis.len() / d;
    let mut sums = vec![0.0_f64; l * d];
    for (rows, along) in rows.chunks(STRETCH * d).zip(along.chunks(STRETCH * l)) {
        let shape = LinearShape { n: rows.len() / d, c_in: d, c_out: l };
        linear_backward_weight(&shape, rows, along, basis);
        sums.par_iter_mut().with_min_len(d).zip(&*basis).for_each(|(sum, &part)| *sum += f64::from(part));
    }
    basis.iter_mut().zip(&sums).for_each(|(to, &sum)| *to = sum as f32);
}

/// Makes rows of `d` numbers an orthonormal basis of what they span, by the eigenvectors of their products; twice, since the
/// first time the products of a steep spectrum are rounded.
fn orthonormal(basis: &mut Vec<f32>, d: usize) -> Result<(), Error> {
    let l = basis.len() / d;
    for _ in 0..2 {
        let scale = basis.iter().fold(0.0_f32, |m, v| m.max(v.abs()));
        if scale > 0.0 {
            // Powers of large numbers would leave the range of f32.
            basis.iter_mut().for_each(|v| *v /= scale);
        }
        let across: Vec<f32> = (0..l * d).map(|i| basis[i % l * d + i / l]).collect(); // [D, L]
        let mut products = vec![0.0; l * l];
        gram(&across, &vec![0.0; l], &mut vec![0.0; l], &mut products);
        let found = eigen::largest(&products, l, l)?;
        let least = eigen::rounding(l, found.values[0]);
        let scale = |i: usize| if least > 0.0 { 1.0 / found.values[i].max(least).sqrt() } else { 0.0 };
        let turn: Vec<f32> = (0..l * l).map(|i| (found.vectors[i] * scale(i / l)) as f32).collect(); // [L, L]
        let mut turned = vec![0.0; l * d];
        linear_backward_input(&LinearShape { n: l, c_in: d, c_out: l }, &turn, basis, &mut turned);
        *basis = turned;
    }
    Ok(())
}

/// Normal random numbers.
fn normal(len: usize, seed: u64) -> Vec<f32> {
    let mut stream = Key::new(seed).with_name("randomised PCA").stream();
    (0..len).map(|_| stream.normal() as f32).collect()
}
