//! Cholesky factors of dense f64 matrices, on the products of [`super::dense`]: the same bits for any number of threads.

use rayon::prelude::*;

use super::dense::{LANES, ROWS, add_transposed_times_panel, four, panel_of_rows, times_panel};

/// Rows of a block of the Cholesky factorisation: 64 x 64 f64 are 32 KiB, the first cache of most machines.
const BLOCK: usize = 64;

/// The lower factor L of a positive definite `A = L L^T`, `[n, n]` with n a multiple of [`LANES`].
pub struct Cholesky {
    lower: Vec<f64>,
    n: usize,
}

impl Cholesky {
    /// Reads the lower triangle of `matrix`. A pivot under `floor` (rounding has eaten it) is held at `floor`.
    ///
    /// # Panics
    /// If `n` is no multiple of [`LANES`] or `matrix` not `[n, n]`.
    pub fn new(mut matrix: Vec<f64>, n: usize, floor: f64) -> Self {
        assert!(n.is_multiple_of(LANES) && matrix.len() == n * n, "Cholesky: [n, n], n a multiple of {LANES}, got {n}");
        for start in (0..n).step_by(BLOCK) {
            let width = BLOCK.min(n - start);
            let rest = &mut matrix[start * n..];
            // The rows of this block of columns, transposed into panels: all rows below are multiplied with them.
            let panels: Vec<Vec<f64>> =
                (0..width).step_by(LANES).map(|column| panel_of_rows(&rest[column * n..], n, start)).collect();
            rest.par_chunks_mut(ROWS * n).for_each(|rows| {
                let mut product = [0.0; ROWS * LANES];
                for (column, panel) in (start..).step_by(LANES).zip(&panels) {
                    times_panel(rows, n, panel, &mut product);
                    for (row, product) in rows.chunks_exact_mut(n).zip(product.chunks_exact(LANES)) {
                        row[column..column + LANES].iter_mut().zip(product).for_each(|(x, p)| *x -= p);
                    }
                }
            });
            let (top, below) = rest.split_at_mut(width * n);
            factor_block(top, n, start, width, floor);
            below.par_chunks_mut(n).for_each(|row| {
                for j in 0..width {
                    let l = &top[j * n + start..][..=j];
                    let sum: f64 = row[start..start + j].iter().zip(l).map(|(a, b)| a * b).sum();
                    row[start + j] = (row[start + j] - sum) / l[j];
                }
            });
        }
        for i in 0..n {
            matrix[i * n + i + 1..(i + 1) * n].fill(0.0);
        }
        Self { lower: matrix, n }
    }

    /// n.
    pub fn len(&self) -> usize {
        self.n
    }

    /// L, `[n, n]`, zero above the diagonal.
    pub fn lower(&self) -> &[f64] {
        &self.lower
    }

    /// `L^T x` of a panel `[n, LANES]`.
    pub fn times_upper(&self, x: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; x.len()];
        add_transposed_times_panel(&self.lower, self.n, 0, x, &mut out);
        out
    }

    /// Solves `L y = x` in place; `x` is a panel `[n, LANES]`.
    pub fn solve_lower(&self, x: &mut [f64]) {
        let n = self.n;
        for i in (0..n).step_by(ROWS) {
            let (done, rest) = x.split_at_mut(i * LANES);
            let mut sums = [0.0; ROWS * LANES];
            times_panel(&self.lower[i * n..(i + ROWS) * n], n, done, &mut sums);
            for t in 0..ROWS {
                let row = &self.lower[(i + t) * n + i..][..=t];
                for lane in 0..LANES {
                    let inner: f64 = (0..t).map(|s| row[s] * rest[s * LANES + lane]).sum();
                    rest[t * LANES + lane] = (rest[t * LANES + lane] - sums[t * LANES + lane] - inner) / row[t];
                }
            }
        }
    }

    /// Solves `L^T y = x` in place; `x` is a panel `[n, LANES]`.
    pub fn solve_upper(&self, x: &mut [f64]) {
        let n = self.n;
        for i in (0..n).step_by(ROWS).rev() {
            let (before, rest) = x.split_at_mut(i * LANES);
            let here = &mut rest[..ROWS * LANES];
            for t in (0..ROWS).rev() {
                for lane in 0..LANES {
                    let inner: f64 =
                        (t + 1..ROWS).map(|s| self.lower[(i + s) * n + i + t] * here[s * LANES + lane]).sum();
                    here[t * LANES + lane] = (here[t * LANES + lane] - inner) / self.lower[(i + t) * n + i + t];
                }
            }
            let rows = four(&self.lower, n, i, 0, i);
            pulp::Arch::new().dispatch(SubtractRows { rows, x: here, out: before });
        }
    }
}

/// Factors the block on the diagonal: `width` rows of stride n, from column `start`.
fn factor_block(rows: &mut [f64], n: usize, start: usize, width: usize, floor: f64) {
    for i in 0..width {
        for j in 0..=i {
            let (a, b) = (&rows[i * n + start..][..j], &rows[j * n + start..][..j]);
            let rest = rows[i * n + start + j] - a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            let value = if i == j { rest.max(floor).sqrt() } else { rest / rows[j * n + start + j] };
            rows[i * n + start + j] = value;
        }
    }
}

/// `out[j, lane] -= sum_t rows[t][j] * x[t, lane]`; `x` `[ROWS, LANES]`, `out` `[rows[t].len(), LANES]`.
struct SubtractRows<'a> {
    rows: [&'a [f64]; ROWS],
    x: &'a [f64],
    out: &'a mut [f64],
}

impl pulp::WithSimd for SubtractRows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) {
        let ([a, b, c, d], x) = (self.rows, &self.x[..ROWS * LANES]);
        for ((((&a, &b), &c), &d), out) in a.iter().zip(b).zip(c).zip(d).zip(self.out.chunks_exact_mut(LANES)) {
            for (lane, out) in out.iter_mut().enumerate() {
                let pair = a * x[lane] + b * x[LANES + lane];
                *out -= pair + (c * x[2 * LANES + lane] + d * x[3 * LANES + lane]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::dense::dot;
    use super::super::dense::tests::noise;
    use super::*;

    #[test]
    fn cholesky_solves() {
        for n in [8, 64, 136] {
            let a = noise(n * n, n as u64);
            let mut matrix = vec![0.0; n * n];
            for i in 0..n {
                for j in 0..n {
                    matrix[i * n + j] = dot(&a[i * n..][..n], &a[j * n..][..n]) + if i == j { 1.0 } else { 0.0 };
                }
            }
            let x = noise(n * LANES, 7);
            let mut solved = x.clone();
            let factor = Cholesky::new(matrix.clone(), n, 0.0);
            factor.solve_lower(&mut solved);
            factor.solve_upper(&mut solved);
            let mut back = vec![0.0; n * LANES];
            times_panel(&matrix, n, &solved, &mut back);
            let worst = back.iter().zip(&x).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(worst < 1e-9, "{n}: {worst}");
        }
    }
}
