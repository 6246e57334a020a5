//! Sums of products of columns (`X^T X`): the inside of a covariance, from streamed rows.
//!
//! Products are summed in f32 over 1024 rows at most and beyond that in f64, so that the error does not grow with the rows.
//! Columns that are all 0 in a block of rows add nothing and are passed by: pictures have black borders.

use std::ops::Range;

use rayon::prelude::*;

use crate::isa::{Kernel, dispatch};
use crate::memory::buffer;
use crate::outer::{BLOCK, OuterProduct};
use crate::shared_slice::Shared;
use crate::simd::Simd;

/// Rows of a packed block: 16 columns of it, twice, stay in the nearest cache.
const BLOCK_ROWS: usize = 128;

/// Rows that are packed before the products at most, which are one chain in f32: 784 columns of them take 3 MiB, beside what the
/// caller holds.
const PACKED_ROWS: usize = 8 * BLOCK_ROWS;

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
        let (parts, runs): (Vec<Vec<f32>>, Vec<Vec<Range<usize>>>) = blocks
            .map(|(x, packed)| {
                let mut sums = vec![0.0; wide];
                // SAFETY: `packed` has as many rows as `x`, widened; so have the sums and shifts.
                unsafe { dispatch(Pack { x, d, shift: &shift, packed, sums: &mut sums }) };
                (sums, runs(&packed[..x.len() / d * wide], wide))
            })
            .unzip();
        for part in &parts {
            sums.iter_mut().zip(part).for_each(|(sum, part)| *sum += f64::from(*part));
        }
        let (to, packed) = (Shared::new(products), &packed[..x.len() / d * wide]);
        tiles.par_iter().for_each(|&(row, column)| {
            // SAFETY: each task has a tile of its own, inside the products; `packed` holds whole rows.
            unsafe {
                dispatch(Tile { packed, runs: &runs, wide, d, row: row * TILE, column: column * TILE, to: to.at(0) })
            }
        });
    }
}

/// Columns of a packed block that are not all 0, in runs of whole blocks of columns.
fn runs(packed: &[f32], wide: usize) -> Vec<Range<usize>> {
    let panels = packed.chunks_exact(packed.len() / (wide / BLOCK));
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (i, _) in panels.enumerate().filter(|(_, panel)| panel.iter().any(|v| *v != 0.0)) {
        match runs.last_mut() {
            Some(run) if run.end == i * BLOCK => run.end += BLOCK,
            _ => runs.push(i * BLOCK..(i + 1) * BLOCK),
        }
    }
    runs
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
    /// Of each packed block, the columns that add anything.
    runs: &'a [Vec<Range<usize>>],
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
        let part = |run: &Range<usize>, from: usize| run.start.max(from)..run.end.min(from + TILE);
        for (block, runs) in self.packed.chunks(BLOCK_ROWS * wide).zip(self.runs) {
            for across in runs.iter().map(|run| part(run, column)).filter(|run| !run.is_empty()) {
                for down in runs.iter().map(|run| part(run, row)).filter(|run| !run.is_empty()) {
                    if row != column {
                        // SAFETY: both factors are inside the block, the products inside the tile.
                        unsafe { self.add(s, block, down, across.clone(), &mut tile) };
                        continue;
                    }
                    // Of a tile on the diagonal only what lies above it, a block of columns at a time.
                    for c in across.clone().step_by(BLOCK).filter(|c| down.start <= *c) {
                        let down = down.start..down.end.min(c + BLOCK);
                        // SAFETY: as before.
                        unsafe { self.add(s, block, down, c..c + BLOCK, &mut tile) };
                    }
                }
            }
        }
        for r in 0..TILE.min(d - row) {
            // SAFETY: the tile's rows and columns that are inside the result.
            let to = unsafe { std::slice::from_raw_parts_mut(self.to.add((row + r) * d + column), n.min(d - column)) };
            for (to, &sum) in to.iter_mut().zip(&tile[r * TILE..]) {
                *to += f64::from(sum);
            }
        }
    }
}

impl Tile<'_> {
    /// Adds the products of some columns (`down` the tile, `across` it) over the rows of a packed block.
    ///
    /// # Safety
    /// The columns are whole blocks inside the packed block and the tile.
    #[inline(always)]
    unsafe fn add<S: Simd>(&self, s: S, block: &[f32], down: Range<usize>, across: Range<usize>, tile: &mut [f32]) {
        let steps = block.len() / self.wide;
        let at = (down.start - self.row) * TILE + across.start - self.column;
        // SAFETY: the caller's promise.
        unsafe {
            let product = OuterProduct {
                rows: down.len(),
                n: across.len(),
                lines: 1,
                steps,
                a: block.as_ptr().add(down.start * steps),
                a_block: steps * BLOCK,
                a_line: 0,
                a_step: BLOCK,
                b: block.as_ptr().add(across.start * steps),
                b_block: steps * BLOCK,
                b_line: 0,
                b_step: BLOCK,
                sums: tile.as_mut_ptr().add(at),
                sums_row: TILE,
                first: false,
            };
            Kernel::run(product, s);
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
        for (n, d) in [(1, 1), (3, 17), (700, 70), (900, 130), (5000, 33)] {
            let (mut x, shift) = (values("x", n * d), values("shift", d));
            // Columns 16 to 47 do not move after some rows, as far as they are there.
            for (at, x) in x.iter_mut().enumerate().filter(|(at, _)| at / d >= 200 && (16..48).contains(&(at % d))) {
                *x = shift[at % d];
            }
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
