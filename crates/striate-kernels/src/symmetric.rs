//! Eigenvalues and eigenvectors of a symmetric matrix in f64: Householder's tridiagonal form, its eigenvalues, and the vectors
//! that are wanted by inverse iteration.
//!
//! Golub, Van Loan, "Matrix Computations", 8.3. Library routines size their blocks by the machine; here every sum has one order,
//! so that a model's components are the same bits everywhere. Products are rounded alone: a fused one is slow where there is no
//! FMA.

use rayon::prelude::*;

use crate::isa::{Kernel, dispatch};
use crate::simd::Simd;
use crate::tridiagonal::Tridiagonal;

/// Numbers of the matrix that one task takes: some 0.1 ms. There is a pass for every row, and threads that meet more often
/// wait for each other.
const NUMBERS: usize = 1 << 18;

/// Eigenvectors that one task turns back.
const VECTORS: usize = 16;

/// The `k` largest eigenvalues of a symmetric matrix (`[N, N]`, of which `i <= j` is read), the largest first, and a vector of
/// length 1 for each, `[K, N]`. `None` if it does not converge, as with numbers that are not finite.
///
/// # Panics
/// If the lengths do not fit, or `k` is above N.
pub fn largest_eigenpairs(matrix: &[f64], n: usize, k: usize) -> Option<(Vec<f64>, Vec<f64>)> {
    assert!(matrix.len() == n * n && k <= n, "largest_eigenpairs: {} numbers, side {n}, {k} wanted", matrix.len());
    let scale = matrix.iter().fold(0.0_f64, |most, v| most.max(v.abs()));
    if !matrix.iter().all(|v| v.is_finite()) {
        return None;
    }
    let scale = if scale > 0.0 { scale } else { 1.0 };
    let scaled = matrix.iter().map(|v| v / scale).collect();
    let form = Form::new(scaled, n);
    let (mut values, mut vectors) = form.tridiagonal.largest(k)?;
    form.turn_back(&mut vectors);
    values.iter_mut().for_each(|value| *value *= scale);
    Some((values, vectors))
}

/// `Q T Q^T`: T by its diagonals, Q by its reflections `1 - beta v v^T`.
struct Form {
    n: usize,
    tridiagonal: Tridiagonal,
    /// `[N, N]`: v of reflection k stands in row k behind the diagonal.
    reflections: Vec<f64>,
    betas: Vec<f64>,
}

impl Form {
    /// Of a matrix of which the upper half is read.
    fn new(mut a: Vec<f64>, n: usize) -> Self {
        let (mut diagonal, mut beside, mut betas) = (vec![0.0; n], vec![0.0; n], vec![0.0; n]);
        // The change that the last reflection makes to the rows below, `v w^T + w v^T`; it waits for their next reading.
        let (mut v, mut w) = (vec![0.0; n], vec![0.0; n]);
        for k in 0..n {
            diagonal[k] = a[k * n + k];
            if k + 1 == n {
                break;
            }
            let (row, below) = a[k * n + k + 1..].split_at_mut(n - k - 1);
            let (beta, alpha) = reflection(row);
            (beside[k], betas[k]) = (alpha, beta);
            // `below` begins with the entry of row k + 1 in column 0.
            let below = &mut below[..(n - k - 1) * n];
            let each = NUMBERS.div_ceil(n);
            let parts: Vec<Vec<f64>> = below
                .par_chunks_mut(each * n)
                .enumerate()
                .map(|(i, rows)| {
                    let mut sums = vec![0.0; n - k - 1];
                    let pass = Pass { rows, n, from: k + 1, first: i * each, v: &v, w: &w, next: row, sums: &mut sums };
                    // SAFETY: it only touches slices, by their own lengths.
                    unsafe { dispatch(pass) };
                    sums
                })
                .collect();
            let mut p = vec![0.0; n - k - 1];
            for part in &parts {
                for (p, part) in p.iter_mut().zip(part) {
                    *p += part;
                }
            }
            p.iter_mut().for_each(|p| *p *= beta);
            let along = 0.5 * beta * dot(row, &p);
            v[k + 1..].copy_from_slice(row);
            for (w, (p, v)) in w[k + 1..].iter_mut().zip(p.iter().zip(&*row)) {
                *w = p - along * v;
            }
            // The next row is read before the next pass, and is not part of it.
            subtract(&mut below[k + 1..n], (v[k + 1], &w[k + 1..]), (w[k + 1], &v[k + 1..]));
        }
        Self { n, tridiagonal: Tridiagonal { diagonal, beside }, reflections: a, betas }
    }

    /// Vectors of T (`[K, N]`) as vectors of the matrix.
    fn turn_back(&self, vectors: &mut [f64]) {
        let n = self.n;
        vectors.par_chunks_mut((VECTORS * n).max(1)).for_each(|vectors| {
            // SAFETY: it only touches slices, by their own lengths.
            unsafe { dispatch(TurnBack { form: self, vectors }) };
        });
    }
}

/// Makes of `x` the v of the reflection that leaves only its first entry, and gives its beta and what is left.
fn reflection(x: &mut [f64]) -> (f64, f64) {
    let rest = dot(&x[1..], &x[1..]);
    if rest == 0.0 {
        return (0.0, x[0]);
    }
    let alpha = -(x[0] * x[0] + rest).sqrt().copysign(x[0]);
    x[0] -= alpha;
    (2.0 / (x[0] * x[0] + rest), alpha)
}

/// The sum of products in eight chains, whatever the machine.
#[inline(always)]
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0.0; 8];
    let (a, b) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f64 = a.remainder().iter().zip(b.remainder()).fold(0.0, |sum, (a, b)| sum + a * b);
    for (a, b) in a.zip(b) {
        for i in 0..8 {
            lanes[i] += a[i] * b[i];
        }
    }
    lanes.iter().fold(rest, |sum, lane| sum + lane)
}

/// `x -= a.0 * a.1 + b.0 * b.1`
#[inline(always)]
fn subtract(x: &mut [f64], a: (f64, &[f64]), b: (f64, &[f64])) {
    for ((x, y), z) in x.iter_mut().zip(a.1).zip(b.1) {
        *x -= a.0 * y + b.0 * z;
    }
}

/// Brings rows up to date and adds them to the product of the matrix and the next v.
struct Pass<'a> {
    rows: &'a mut [f64],
    n: usize,
    /// The column, and row, from which the matrix is still worked on.
    from: usize,
    /// Of `rows`, counted from there.
    first: usize,
    v: &'a [f64],
    w: &'a [f64],
    next: &'a [f64],
    sums: &'a mut [f64],
}

impl Kernel for Pass<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self, _: S) {
        for (i, row) in self.rows.chunks_exact_mut(self.n).enumerate() {
            let at = self.first + i;
            // The upper half of the matrix: each entry counts for its row and, but for the diagonal, for its column.
            let (v, w) = (&self.v[self.from + at..], &self.w[self.from + at..]);
            let row = &mut row[self.from + at..];
            subtract(row, (v[0], w), (w[0], v));
            let next = &self.next[at..];
            for (sum, &x) in self.sums[at..].iter_mut().zip(&*row) {
                *sum += next[0] * x;
            }
            self.sums[at] += dot(&row[1..], &next[1..]);
        }
    }
}

struct TurnBack<'a> {
    form: &'a Form,
    vectors: &'a mut [f64],
}

impl Kernel for TurnBack<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self, _: S) {
        let n = self.form.n;
        for k in (0..n.saturating_sub(1)).rev() {
            let v = &self.form.reflections[k * n + k + 1..(k + 1) * n];
            for vector in self.vectors.chunks_exact_mut(n) {
                let vector = &mut vector[k + 1..];
                let along = self.form.betas[k] * dot(v, vector);
                for (x, v) in vector.iter_mut().zip(v) {
                    *x -= along * v;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer_tests::{same_everywhere, values};

    /// A symmetric matrix of which only the upper half is right.
    fn matrix(n: usize) -> Vec<f64> {
        values("matrix", n * n).into_iter().map(f64::from).collect()
    }

    fn check(matrix: &[f64], n: usize, k: usize) {
        let at = |i: usize, j: usize| matrix[i.min(j) * n + i.max(j)];
        let bits = same_everywhere(|| {
            let (values, vectors) = largest_eigenpairs(matrix, n, k).expect("converges");
            // Halves of each f64, so that every bit is compared.
            let all = values.into_iter().chain(vectors);
            vec![all.flat_map(|v| [v as f32, (v - f64::from(v as f32)) as f32]).collect()]
        });
        let all: Vec<f64> = bits[0].chunks(2).map(|v| f64::from(v[0]) + f64::from(v[1])).collect();
        let (values, vectors) = all.split_at(k);
        assert!(values.windows(2).all(|v| v[0] >= v[1]), "{values:?}");
        let scale = matrix.iter().fold(1e-300_f64, |m, v| m.max(v.abs())) * n as f64;
        for (i, (value, x)) in values.iter().zip(vectors.chunks(n)).enumerate() {
            for r in 0..n {
                let product: f64 = (0..n).map(|c| at(r, c) * x[c]).sum();
                assert!((product - value * x[r]).abs() < 1e-12 * scale, "n {n}, vector {i}, row {r}");
            }
            for (j, y) in vectors.chunks(n).enumerate() {
                let product: f64 = x.iter().zip(y).map(|(a, b)| a * b).sum();
                assert!((product - f64::from(u8::from(i == j))).abs() < 1e-11, "n {n}: {i} by {j} is {product}");
            }
        }
    }

    #[test]
    fn random_matrices() {
        for (n, k) in [(1, 1), (2, 2), (3, 1), (9, 9), (70, 70), (150, 20)] {
            check(&matrix(n), n, k);
        }
    }

    #[test]
    fn matrices_with_equal_eigenvalues() {
        let n = 40;
        let diagonal = |of: &dyn Fn(usize) -> f64| -> Vec<f64> {
            (0..n * n).map(|i| if i / n == i % n { of(i / n) } else { 0.0 }).collect()
        };
        check(&vec![0.0; n * n], n, n);
        check(&diagonal(&|_| 1.0), n, n);
        check(&diagonal(&|i| (i % 3) as f64), n, n);
        check(&vec![2.5; n * n], n, n);
        check(&diagonal(&|i| 1e-3_f64.powi(i as i32 % 7) * 1e30), n, n);
        // Blocks that do not touch, of rank one each.
        let block = |i: usize| if i / n / 10 == i % n / 10 { 1.0 } else { 0.0 };
        check(&(0..n * n).map(block).collect::<Vec<f64>>(), n, n);
    }

    #[test]
    fn no_matrix() {
        assert!(largest_eigenpairs(&[f64::NAN], 1, 1).is_none());
        assert_eq!(largest_eigenpairs(&[], 0, 0), Some((vec![], vec![])));
    }
}
