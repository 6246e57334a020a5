//! Products of dense f64 matrices in a fixed order of sums, so that threads and vector width change no bit.
//!
//! A right-hand side is cut into panels of [`LANES`] columns, `[rows, LANES]` each; every sum runs over its index in
//! order, in one accumulator, without fused multiply-add. The same source is compiled for several vector widths and
//! chosen as the program runs: a wider vector only computes more sums at once.

/// Columns of a panel.
pub const LANES: usize = 8;
/// Rows of a tile; row counts and strides are multiples of it.
pub const ROWS: usize = 4;
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
pub fn four(matrix: &[f64], stride: usize, i: usize, from: usize, len: usize) -> [&[f64]; ROWS] {
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

/// The first `len` columns of the first [`LANES`] rows, transposed: `[len, LANES]`.
pub fn panel_of_rows(matrix: &[f64], stride: usize, len: usize) -> Vec<f64> {
    let mut panel = vec![0.0; len * LANES];
    for lane in 0..LANES {
        let row = &matrix[lane * stride..][..len];
        panel.iter_mut().skip(lane).step_by(LANES).zip(row).for_each(|(to, &from)| *to = from);
    }
    panel
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use striate_kernels::rng::Key;

    pub fn noise(len: usize, seed: u64) -> Vec<f64> {
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
}
