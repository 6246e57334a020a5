//! Eigenvectors of symmetric matrices, and bases made whole.

use striate_kernels::symmetric::largest_eigenpairs;

use super::refuse;
use crate::error::Error;

/// The largest eigenvalues first, none below 0, and a vector of length 1 for each, `[K, D]`.
pub(super) struct Largest {
    pub values: Vec<f64>,
    pub vectors: Vec<f64>,
}

/// Of the symmetric matrix that `matrix` (`[D, D]`) holds where `i <= j`.
pub(super) fn largest(matrix: &[f64], d: usize, k: usize) -> Result<Largest, Error> {
    if matrix.iter().any(|v| !v.is_finite()) {
        return Err(refuse("the rows hold numbers that are not finite, or too large".into(), "give finite numbers"));
    }
    if d > super::MAX_SIDE {
        let advice = format!("give rows or columns of {} at most, or take the randomised way", super::MAX_SIDE);
        return Err(refuse(format!("a matrix of side {d}"), &advice));
    }
    let (mut values, vectors) = largest_eigenpairs(matrix, d, k)
        .ok_or_else(|| refuse("the decomposition did not converge".into(), "scale the numbers to about 1"))?;
    // Rounding leaves some a little below 0.
    values.iter_mut().for_each(|value| *value = value.max(0.0));
    Ok(Largest { values, vectors })
}

/// The sum of the diagonal.
pub(super) fn trace(matrix: &[f64], d: usize) -> f64 {
    (0..d).map(|i| matrix[i * d + i]).sum()
}

/// Below this an eigenvalue of products of f32 is rounding: the vector says nothing.
pub(super) fn rounding(side: usize, largest: f64) -> f64 {
    largest * side as f64 * f64::from(f32::EPSILON) * 0.01
}

/// Makes rows of `d` numbers orthonormal, in order, in f64; a row that holds nothing new becomes a unit vector made orthogonal.
pub(super) fn complete(rows: &mut [f32], d: usize) {
    let mut done: Vec<Vec<f64>> = Vec::new();
    for row in rows.chunks_exact_mut(d) {
        let mut fresh: Vec<f64> = row.iter().map(|&v| f64::from(v)).collect();
        let mut left = orthogonal(&mut fresh, &done);
        let mut unit = 0;
        // Some unit vector keeps at least this much outside of what is there.
        let enough = ((d - done.len()) as f64 / (2 * d) as f64).sqrt();
        while left < 0.5 && !(unit > 0 && left >= enough) && unit < d {
            fresh.fill(0.0);
            fresh[unit] = 1.0;
            left = orthogonal(&mut fresh, &done);
            unit += 1;
        }
        fresh.iter_mut().for_each(|v| *v /= left);
        row.iter_mut().zip(&fresh).for_each(|(to, &v)| *to = v as f32);
        done.push(fresh);
    }
}

/// Takes from `row` what lies along `others`, twice, against rounding, and gives what is left of its length.
fn orthogonal(row: &mut [f64], others: &[Vec<f64>]) -> f64 {
    for other in others.iter().chain(others) {
        let along: f64 = row.iter().zip(other).map(|(a, b)| a * b).sum();
        row.iter_mut().zip(other).for_each(|(a, b)| *a -= along * b);
    }
    row.iter().map(|v| v * v).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_matrix() {
        let found = largest(&[2.0, 1.0, f64::from(f32::MAX), 2.0], 2, 2).expect("finite");
        assert!((found.values[0] - 3.0).abs() < 1e-12 && (found.values[1] - 1.0).abs() < 1e-12, "{:?}", found.values);
        assert!((found.vectors[0] - found.vectors[1]).abs() < 1e-12);
        assert!(largest(&[f64::NAN], 1, 1).is_err());
        assert_eq!(trace(&[2.0, 1.0, 0.0, 5.0], 2), 7.0);
    }

    #[test]
    fn empty_rows_become_orthogonal_ones() {
        let mut rows = vec![0.6, 0.8, 0.0, 0.0, 0.0, 0.0, 0.6, 0.8, 1e-9];
        complete(&mut rows, 3);
        for (i, j) in [(0, 1), (0, 2), (1, 2), (0, 0), (1, 1), (2, 2)] {
            let product: f32 = (0..3).map(|c| rows[i * 3 + c] * rows[j * 3 + c]).sum();
            assert!((product - if i == j { 1.0 } else { 0.0 }).abs() < 1e-6, "{i} {j} {rows:?}");
        }
    }
}
