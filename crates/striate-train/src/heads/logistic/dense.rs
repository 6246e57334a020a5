//! Products and factors of dense f64 matrices in a fixed order of sums, so that threads and vector width change no bit.
//!
//! A right-hand side is cut into panels of [`LANES`] columns, `[rows, LANES]` each; every sum runs over its index in
//! order, in one accumulator, without fused multiply-add. The same source is compiled for several vector widths and
//! chosen as the program runs: a wider vector only computes more sums at once.

use rayon::prelude::*;

/// Columns of a panel.
pub const LANES: usize = 8;
/// Rows of a tile; row counts and strides are multiples of it.
pub const ROWS: usize = 4;
/// Rows of a block of the Cholesky factorisation: 64 x 64 f64 are 32 KiB, the first cache of most machines.
const BLOCK: usize = 64;

/// Columns of a product that are summed before the next rows: 256 x 8 f64 are 16 KiB and stay in the first cache.
const DEPTH: usize = 256;

/// A row length for `n` columns: an odd number of [`LANES`], so that the same column of many rows does not fall on few
/// lines of a cache.
pub fn stride_of(n: usize) -> usize {
    (n.div_ceil(LANES) | 1) * LANES
}

/// `n` rounded up to a whole number of `of`.
pub fn padded(n: usize, of: usize) -> usize {
    n.div_ceil(of) * of
}

type Tile = [[f64; LANES]; ROWS];

/// `sums[t][lane] += sum_d rows[t][d] * panel[d, lane]`.
#[inline(always)]
fn add_tile(rows: [&[f64]; ROWS], panel: &[f64], sums: &mut Tile) {
    let [a, b, c, d] = rows;
    for ((((&a, &b), &c), &d), lanes) in a.iter().zip(b).zip(c).zip(d).zip(panel.chunks_exact(LANES)) {
        for (sums, x) in sums.iter_mut().zip([a, b, c, d]) {
            for (sum, lane) in sums.iter_mut().zip(lanes) {
                *sum += x * lane;
            }
        }
    }
}

/// Columns `from..from + len` of the four rows from row `i` of a matrix of the given stride.
#[inline(always)]
fn four(matrix: &[f64], stride: usize, i: usize, from: usize, len: usize) -> [&[f64]; ROWS] {
    std::array::from_fn(|t| &matrix[(i + t) * stride + from..][..len])
}

/// `out[i, lane] = sum_d matrix[i, d] * panel[d, lane]`: `matrix` `[m, stride]` with m a multiple of [`ROWS`], its first
/// `panel.len() / LANES` columns, `out` `[m, LANES]`.
pub fn times_panel(matrix: &[f64], stride: usize, panel: &[f64], out: &mut [f64]) {
    pulp::Arch::new().dispatch(TimesPanel { matrix, stride, panel, out });
}

struct TimesPanel<'a> {
    matrix: &'a [f64],
    stride: usize,
    panel: &'a [f64],
    out: &'a mut [f64],
}

impl pulp::WithSimd for TimesPanel<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) {
        self.out.fill(0.0);
        for (at, panel) in self.panel.chunks(DEPTH * LANES).enumerate() {
            for (i, out) in self.out.chunks_exact_mut(ROWS * LANES).enumerate() {
                let mut sums = Tile::default();
                sums.as_flattened_mut().copy_from_slice(out);
                let rows = four(self.matrix, self.stride, i * ROWS, at * DEPTH, panel.len() / LANES);
                add_tile(rows, panel, &mut sums);
                out.copy_from_slice(sums.as_flattened());
            }
        }
    }
}

/// `out[d, lane] += sum_i matrix[i, d] * panel[i, lane]`: `matrix` `[m, stride]`, `panel` `[m, LANES]`, `out`
/// `[stride, LANES]` with the stride a multiple of [`ROWS`]; starts at column `from`, a multiple of [`ROWS`].
pub fn add_transposed_times_panel(matrix: &[f64], stride: usize, from: usize, panel: &[f64], out: &mut [f64]) {
    pulp::Arch::new().dispatch(AddTransposedTimesPanel { matrix, stride, from, panel, out });
}

struct AddTransposedTimesPanel<'a> {
    matrix: &'a [f64],
    stride: usize,
    from: usize,
    panel: &'a [f64],
    out: &'a mut [f64],
}

impl pulp::WithSimd for AddTransposedTimesPanel<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) {
        let columns = (self.from..self.stride).step_by(ROWS);
        for (d, out) in columns.zip(self.out[self.from * LANES..].chunks_exact_mut(ROWS * LANES)) {
            let mut sums = Tile::default();
            for (row, lanes) in self.matrix.chunks_exact(self.stride).zip(self.panel.chunks_exact(LANES)) {
                for (sums, x) in sums.iter_mut().zip(&row[d..d + ROWS]) {
                    for (sum, lane) in sums.iter_mut().zip(lanes) {
                        *sum += x * lane;
                    }
                }
            }
            for (out, sum) in out.iter_mut().zip(sums.as_flattened()) {
                *out += sum;
            }
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

/// Sum of products, in [`LANES`] interleaved sums that are added in order.
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len(), "dot: lengths differ");
    let mut sums = [0.0; LANES];
    let (a, b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f64 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a.zip(b) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    sums.iter().sum::<f64>() + rest
}

/// `y += factor * x`.
pub fn add_scaled(y: &mut [f64], factor: f64, x: &[f64]) {
    y.iter_mut().zip(x).for_each(|(y, x)| *y += factor * x);
}

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

/// The first `len` columns of the first [`LANES`] rows, transposed: `[len, LANES]`.
pub fn panel_of_rows(matrix: &[f64], stride: usize, len: usize) -> Vec<f64> {
    let mut panel = vec![0.0; len * LANES];
    for lane in 0..LANES {
        let row = &matrix[lane * stride..][..len];
        panel.iter_mut().skip(lane).step_by(LANES).zip(row).for_each(|(to, &from)| *to = from);
    }
    panel
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

#[cfg(test)]
mod tests {
    use super::*;
    use striate_kernels::rng::Key;

    fn noise(len: usize, seed: u64) -> Vec<f64> {
        let mut stream = Key::new(seed).stream();
        (0..len).map(|_| f64::from(stream.range(-1.0, 1.0))).collect()
    }

    #[test]
    fn products_are_those_of_the_definition() {
        let (m, stride, d) = (12, 8, 7);
        let (matrix, panel) = (noise(m * stride, 1), noise(d * LANES, 2));
        let mut out = vec![0.0; m * LANES];
        times_panel(&matrix, stride, &panel, &mut out);
        for i in 0..m {
            for lane in 0..LANES {
                let expected: f64 = (0..d).map(|d| matrix[i * stride + d] * panel[d * LANES + lane]).sum();
                assert!((out[i * LANES + lane] - expected).abs() < 1e-14);
            }
        }
        let panel = noise(m * LANES, 3);
        let mut out = vec![1.0; stride * LANES];
        add_transposed_times_panel(&matrix, stride, 4, &panel, &mut out);
        for d in 0..stride {
            for lane in 0..LANES {
                let sum: f64 = (0..m).map(|i| matrix[i * stride + d] * panel[i * LANES + lane]).sum();
                let expected = if d < 4 { 1.0 } else { 1.0 + sum };
                assert!((out[d * LANES + lane] - expected).abs() < 1e-14);
            }
        }
    }

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
