//! Principal components: exact, randomised, or from rows that stream by.
//!
//! Exact: the eigenvectors of the covariance, or of the products of rows where there are fewer rows than columns. Products are
//! summed by [`striate_kernels::gram`] and decomposed by [`striate_kernels::symmetric`].

mod covariance;
mod eigen;
mod randomised;

use rayon::prelude::*;
use striate_kernels::linear::{LinearShape, linear, linear_backward_input, linear_backward_weight};
use striate_kernels::memory::buffer;

pub use covariance::Covariance;
pub use randomised::RandomisedOptions;

use crate::array::Array;
use crate::error::Error;

/// Rows that one task projects.
const ROWS: usize = 256;

/// The side of a decomposed matrix at most; f64 of it and of its eigenvectors take 1 GiB.
const MAX_SIDE: usize = 1 << 13;

/// A mean and the orthogonal directions of greatest variance around it.
#[derive(Clone, Debug, PartialEq)]
pub struct Pca {
    mean: Vec<f32>,       // [D]
    components: Vec<f32>, // [K, D]
    explained_variance: Vec<f32>,
    total_variance: f64,
}

impl Pca {
    /// The first `k` components of rows `[N, D]`, exactly. Takes memory for `min(N, D)^2` f64 beside the rows, and for the
    /// rows again where there are fewer of them than columns.
    ///
    /// # Errors
    /// If there are less than two rows, `k` is 0 or above `min(N, D)`, that is above 8192, or a number is not finite.
    pub fn fit(rows: &Array, k: usize) -> Result<Self, Error> {
        let (n, d) = sides(rows)?;
        check_k(k, n, d)?;
        if n < d {
            return Self::fit_wide(rows, n, d, k);
        }
        let mut covariance = Covariance::new(d)?;
        covariance.push(rows.values());
        covariance.components(k)
    }

    /// As [`Pca::fit`], from chunks `[n, D]` that are held one at a time. The last bits depend on where chunks end.
    ///
    /// # Errors
    /// As [`Pca::fit`]; if chunks differ in their columns or there is none.
    pub fn fit_chunks(chunks: impl IntoIterator<Item = Array>, k: usize) -> Result<Self, Error> {
        let mut covariance: Option<Covariance> = None;
        for chunk in chunks {
            let (_, d) = sides(&chunk)?;
            let so_far = match &mut covariance {
                None => covariance.insert(Covariance::new(d)?),
                Some(so_far) => so_far,
            };
            if so_far.columns() != d {
                let what = format!("a chunk of {d} columns after one of {}", so_far.columns());
                return Err(refuse(what, "give chunks with the same columns"));
            }
            so_far.push(chunk.values());
        }
        covariance.ok_or_else(|| refuse("no chunk came".into(), "give rows"))?.components(k)
    }

    /// The first `k` components by random projection (Halko, Martinsson, Tropp 2011), for many rows of many columns.
    /// Takes memory for the rows again.
    ///
    /// # Errors
    /// As [`Pca::fit`], but for the limit.
    pub fn fit_randomised(rows: &Array, k: usize, options: &RandomisedOptions) -> Result<Self, Error> {
        let (n, d) = sides(rows)?;
        check_k(k, n, d)?;
        let mean = mean_of(rows.values(), d);
        randomised::fit(rows.values(), mean, k, options)
    }

    /// The mean of the rows, `[D]`.
    pub fn mean(&self) -> &[f32] {
        &self.mean
    }

    /// Directions of length 1, `[K, D]`, the greatest variance first. Of each one the entry of the largest magnitude (the
    /// first of equals) is positive.
    pub fn components(&self) -> &[f32] {
        &self.components
    }

    /// The variance along each component, over `N - 1`.
    pub fn explained_variance(&self) -> &[f32] {
        &self.explained_variance
    }

    /// Each component's share of the variance of all columns.
    pub fn explained_variance_ratio(&self) -> Vec<f32> {
        let all = if self.total_variance > 0.0 { self.total_variance } else { 1.0 };
        self.explained_variance.iter().map(|&v| (f64::from(v) / all) as f32).collect()
    }

    /// Rows `[N, D]` along the components, `[N, K]`.
    ///
    /// # Errors
    /// If the columns are not D.
    pub fn transform(&self, rows: &Array) -> Result<Array, Error> {
        let (d, k) = (self.mean.len(), self.explained_variance.len());
        let n = columns(rows, d)?;
        let mut y = buffer(n * k);
        y.par_chunks_mut(ROWS * k)
            .zip(rows.values().par_chunks(ROWS * d))
            .for_each(|(y, rows)| project(&less(rows, &self.mean), d, &self.components, y));
        Ok(Array::new(vec![n, k], y))
    }

    /// What rows `[N, K]` along the components stand for, `[N, D]`.
    ///
    /// # Errors
    /// If the columns are not K.
    pub fn inverse_transform(&self, rows: &Array) -> Result<Array, Error> {
        let (d, k) = (self.mean.len(), self.explained_variance.len());
        let n = columns(rows, k)?;
        let mut x = buffer(n * d);
        x.par_chunks_mut(ROWS * d).zip(rows.values().par_chunks(ROWS * k)).for_each(|(x, rows)| {
            let shape = LinearShape { n: rows.len() / k, c_in: d, c_out: k };
            linear_backward_input(&shape, rows, &self.components, x);
            for x in x.chunks_exact_mut(d) {
                x.iter_mut().zip(&self.mean).for_each(|(x, mean)| *x += mean);
            }
        });
        Ok(Array::new(vec![n, d], x))
    }

    /// From the products of rows: `X X^T u = s^2 u` gives the component `X^T u / s`.
    fn fit_wide(rows: &Array, n: usize, d: usize, k: usize) -> Result<Self, Error> {
        let mean = mean_of(rows.values(), d);
        let centred = less(rows.values(), &mean);
        let mut across = buffer(n * d); // [D, N]
        across.par_chunks_mut(n).enumerate().for_each(|(column, to)| {
            to.iter_mut().enumerate().for_each(|(row, to)| *to = centred[row * d + column]);
        });
        let mut products = vec![0.0; n * n];
        striate_kernels::gram::gram(&across, &vec![0.0; n], &mut vec![0.0; n], &mut products);
        drop(across);
        centre_twice(&mut products, n);
        let total_variance = eigen::trace(&products, n) / (n - 1) as f64;
        let found = eigen::largest(&products, n, k)?;
        let enough = eigen::rounding(n, found.values[0]);
        let mut weights = vec![0.0; n * k]; // [N, K]
        for (i, &value) in found.values.iter().enumerate().filter(|(_, value)| **value > enough) {
            for row in 0..n {
                weights[row * k + i] = (found.vectors[i * n + row] / value.sqrt()) as f32;
            }
        }
        let mut components = buffer(k * d);
        linear_backward_weight(&LinearShape { n, c_in: d, c_out: k }, &centred, &weights, &mut components);
        eigen::complete(&mut components, d);
        let variances = found.values.iter().map(|value| (value / (n - 1) as f64) as f32).collect();
        Ok(Self::signed(mean, components, variances, total_variance))
    }

    /// Turns each component so that its largest entry is positive.
    fn signed(mean: Vec<f32>, mut components: Vec<f32>, explained_variance: Vec<f32>, total_variance: f64) -> Self {
        for component in components.chunks_exact_mut(mean.len()) {
            let largest = component.iter().fold(0.0_f32, |best, &v| if v.abs() > best.abs() { v } else { best });
            if largest < 0.0 {
                component.iter_mut().for_each(|v| *v = -*v);
            }
        }
        Self { mean, components, explained_variance, total_variance }
    }
}

/// `y = rows * directions^T`, of rows and directions of `d` columns.
fn project(rows: &[f32], d: usize, directions: &[f32], y: &mut [f32]) {
    let k = directions.len() / d;
    y.par_chunks_mut(ROWS * k).zip(rows.par_chunks(ROWS * d)).for_each(|(y, rows)| {
        let shape = LinearShape { n: rows.len() / d, c_in: d, c_out: k };
        linear(&shape, rows, directions, None, (f32::NEG_INFINITY, f32::INFINITY), y);
    });
}

fn refuse(what: String, advice: &str) -> Error {
    Error::request("PCA", what, advice)
}

fn sides(rows: &Array) -> Result<(usize, usize), Error> {
    match *rows.shape() {
        [n, d] if d > 0 => Ok((n, d)),
        _ => Err(refuse(format!("an array of shape {:?}", rows.shape()), "give rows [N, D]")),
    }
}

fn columns(rows: &Array, wanted: usize) -> Result<usize, Error> {
    match sides(rows)? {
        (n, d) if d == wanted => Ok(n),
        (_, d) => Err(refuse(format!("rows of {d} columns"), &format!("give rows of {wanted}, as it was made of"))),
    }
}

fn check_k(k: usize, n: usize, d: usize) -> Result<(), Error> {
    if n < 2 {
        return Err(refuse(format!("{n} rows"), "give two at least"));
    }
    if k == 0 || k > n.min(d) {
        return Err(refuse(format!("{k} components of {n} x {d} numbers"), &format!("ask for 1 to {}", n.min(d))));
    }
    Ok(())
}

/// The mean of rows, summed in f64.
fn mean_of(rows: &[f32], d: usize) -> Vec<f32> {
    let mut sums = vec![0.0_f64; d];
    for row in rows.chunks_exact(d) {
        sums.iter_mut().zip(row).for_each(|(sum, &v)| *sum += f64::from(v));
    }
    let n = (rows.len() / d) as f64;
    sums.iter().map(|sum| (sum / n) as f32).collect()
}

/// Every row less the mean.
fn less(rows: &[f32], mean: &[f32]) -> Vec<f32> {
    let mut centred = buffer(rows.len());
    centred.par_chunks_mut(ROWS * mean.len()).zip(rows.par_chunks(ROWS * mean.len())).for_each(|(to, rows)| {
        for (to, row) in to.chunks_exact_mut(mean.len()).zip(rows.chunks_exact(mean.len())) {
            to.iter_mut().zip(row.iter().zip(mean)).for_each(|(to, (v, mean))| *to = v - mean);
        }
    });
    centred
}

/// Makes products (`i <= j` of `[N, N]`) those of rows whose mean is 0 to the last bit of an f64, not of an f32.
fn centre_twice(products: &mut [f64], n: usize) {
    let at = |i: usize, j: usize| i.min(j) * n + i.max(j);
    let means: Vec<f64> = (0..n).map(|i| (0..n).map(|j| products[at(i, j)]).sum::<f64>() / n as f64).collect();
    let all = means.iter().sum::<f64>() / n as f64;
    for i in 0..n {
        for j in i..n {
            products[i * n + j] += all - means[i] - means[j];
        }
    }
}

#[cfg(test)]
mod tests;
