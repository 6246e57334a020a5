//! Sums of products of columns (`X^T X`): the inside of a covariance, from streamed rows.
//!
//! Products are summed in f32 over 128 rows and over blocks in f64, so that the error does not grow with the rows.

use rayon::prelude::*;

use crate::isa::{Kernel, dispatch};
use crate::memory::buffer;
use crate::outer::{BLOCK, OuterProduct};
use crate::shared_slice::Shared;
use crate::simd::Simd;

/// Rows whose products are one chain in f32.
const BLOCK_ROWS: usize = 128;

/// Rows that are packed before the products at most: 32 blocks are tasks enough, and 784 columns of them stay in a cache of
/// 16 MiB. It decides no sum.
const PACKED_ROWS: usize = 32 * BLOCK_ROWS;

/// Side of a tile of the result that one task computes.
const TILE: usize = 64;

/// Adds to `products` (`[D, D]`, only `i <= j`) the sums over rows of `(x[i] - shift[i]) * (x[j] - shift[j])`, and to `sums`
/// (`[D]`) those of `x[i] - shift[i]`. `x` is `[N, D]`. A shift near the mean keeps both small, and so exact.
///
/// # Panics
/// If the lengths do not fit.
pub fn gram(x: &[f32], shift: &[f32], sums: &mut [f64], products: &mut [f64]) {
    let d = shift.len();
    let fits = sums.len() == d && products.len() == d * d && (d == 0 || x.len().is_multiple_of(d));
    assert!(fits, "gram: {} numbers, {d} shifts, {} sums, {} products", x.len(), sums.len(), products.len());
    if x.is_empty() {
        return;
    }
    let wide = d.next_multiple_of(BLOCK);
    let shift: Vec<f32> = shift.iter().copied().chain(std::iter::repeat(0.0)).take(wide).collect();
    let tiles: Vec<(usize, usize)> = (0..d.div_ceil(TILE)).flat_map(|i| (0..=i).map(move |j| (j, i))).collect();
    // An eighth of the rows, so that the memory beside them stays small.
    let n = x.len() / d;
    let rows = (n / 8).next_multiple_of(BLOCK_ROWS).clamp(BLOCK_ROWS, PACKED_ROWS);
    let mut packed = buffer(wide * rows.min(n));
    for x in x.chunks(rows * d) {
        let blocks = x.par_chunks(BLOCK_ROWS * d).zip(packed.par_chunks_mut(BLOCK_ROWS * wide));
        let parts: Vec<Vec<f32>> = blocks
            .map(|(x, packed)| {
                let mut sums = vec![0.0; wide];
                // SAFETY: `packed` has as many rows as `x`, widened; so have the sums and shifts.
                unsafe { dispatch(Pack { x, d, shift: &shift, packed, sums: &mut sums }) };
                sums
            })
            .collect();
        for part in &parts {
            sums.iter_mut().zip(part).for_each(|(sum, part)| *sum += f64::from(*part));
        }
        let (to, packed) = (Shared::new(products), &packed[..x.len() / d * wide]);
        tiles.par_iter().for_each(|&(row, column)| {
            // SAFETY: each task has a tile of its own, inside the products; `packed` holds whole rows.
            unsafe { dispatch(Tile { packed, wide, d, row: row * TILE, column: column * TILE, to: to.at(0) }) }
        });
    }
}

/// Rows less the shift, in blocks of 16 columns: `[block][row][16]`; and their sums.
struct Pack<'a> {
    x: &'a [f32],
    d: usize,
    shift: &'a [f32],
    packed: &'a mut [f32],
    sums: &'a mut [f32],
}

impl Kernel for Pack<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self, s: S) {
        let rows = self.x.len() / self.d;
        for row in 0..rows {
            for column in (0..self.shift.len()).step_by(S::LANES) {
                let width = self.d.saturating_sub(column).min(S::LANES);
                // SAFETY: the columns are inside the row, or masked; packed rows, shifts and sums are widened.
                unsafe {
                    let from = self.x.as_ptr().wrapping_add(row * self.d + column);
                    let shift = s.load(self.shift.as_ptr().add(column));
                    let v = s.sub(s.load_some(from, width), shift);
                    let sum = self.sums.as_mut_ptr().add(column);
                    s.store(sum, s.add(s.load(sum), v));
                    let to = (column / BLOCK * rows + row) * BLOCK + column % BLOCK;
                    s.store(self.packed.as_mut_ptr().add(to), v);
                }
            }
        }
    }
}

/// A tile of the products, over all packed rows.
struct Tile<'a> {
    packed: &'a [f32],
    wide: usize,
    d: usize,
    row: usize,
    column: usize,
    /// The whole result.
    to: *mut f64,
}

impl Kernel for Tile<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self, s: S) {
        let Self { wide, d, row, column, .. } = self;
        let mut tile = [0.0_f32; TILE * TILE];
        let n = TILE.min(wide - column);
        for block in self.packed.chunks(BLOCK_ROWS * wide) {
            let steps = block.len() / wide;
            // SAFETY: both factors are inside the block, the products inside the tile and the result.
            unsafe {
                let product = OuterProduct {
                    rows: TILE.min(wide - row),
                    n,
                    lines: 1,
                    steps,
                    a: block.as_ptr().add(row * steps),
                    a_block: steps * BLOCK,
                    a_line: 0,
                    a_step: BLOCK,
                    b: block.as_ptr().add(column * steps),
                    b_block: steps * BLOCK,
                    b_line: 0,
                    b_step: BLOCK,
                    sums: tile.as_mut_ptr(),
                    sums_row: TILE,
                    first: true,
                };
                Kernel::run(product, s);
                for r in 0..TILE.min(d - row) {
                    let to = std::slice::from_raw_parts_mut(self.to.add((row + r) * d + column), n.min(d - column));
                    for (to, &sum) in to.iter_mut().zip(&tile[r * TILE..]) {
                        *to += f64::from(sum);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer_tests::values;

    #[test]
    fn products_of_columns_are_those_of_plain_loops_on_every_path() {
        use crate::layer_tests::same_everywhere;
        for (n, d) in [(1, 1), (3, 17), (700, 70), (5000, 33)] {
            let (x, shift) = (values("x", n * d), values("shift", d));
            let out = same_everywhere(|| {
                let (mut sums, mut products) = (vec![0.0; d], vec![0.0; d * d]);
                gram(&x, &shift, &mut sums, &mut products);
                // As f32 halves, so that every bit of an f64 is compared.
                let halves =
                    |v: Vec<f64>| v.iter().flat_map(|v| [*v as f32, (*v - f64::from(*v as f32)) as f32]).collect();
                vec![halves(sums), halves(products)]
            });
            let at = |r: usize, i: usize| f64::from(x[r * d + i] - shift[i]);
            let tolerance = 1e-6 * n as f64;
            for i in 0..d {
                let sum: f64 = (0..n).map(|r| at(r, i)).sum();
                assert!((f64::from(out[0][2 * i]) - sum).abs() < tolerance, "sum {i} of {n} x {d}");
                for j in i..d {
                    let product: f64 = (0..n).map(|r| at(r, i) * at(r, j)).sum();
                    let ours = f64::from(out[1][2 * (i * d + j)]);
                    assert!((ours - product).abs() < tolerance, "{i}, {j} of {n} x {d}: {ours}, reference {product}");
                }
            }
        }
    }
}
