//! The linear layer `y = x * weight^T`, and its gradients. No weight is packed: each is read once where it lies.

use rayon::prelude::*;

use crate::memory::buffer;
use crate::outer::{BLOCK, OuterProduct};
use crate::product::{Finish, Product, packed_len, panel_of, panel_width};
use crate::shared_slice::Shared;

/// Outputs, or inputs, that one task takes.
const STRETCH: usize = 64;

/// The sizes of a linear layer: `x` is `[N, C_in]`, `y` `[N, C_out]`, `weight` `[C_out, C_in]`.
#[derive(Clone, Copy, Debug)]
pub struct LinearShape {
    /// Rows.
    pub n: usize,
    /// Columns of the input.
    pub c_in: usize,
    /// Columns of the output.
    pub c_out: usize,
}

impl LinearShape {
    fn check(&self, op: &str, x: usize, weight: usize, y: usize) {
        let fits = x == self.n * self.c_in && weight == self.c_out * self.c_in && y == self.n * self.c_out;
        assert!(fits, "{op}: {x}, {weight} and {y} numbers do not fit {self:?}");
    }
}

/// `y = clamp(x * weight^T + bias)`.
///
/// # Panics
/// If the lengths do not fit.
pub fn linear(shape: &LinearShape, x: &[f32], weight: &[f32], bias: Option<&[f32]>, clamp: (f32, f32), y: &mut [f32]) {
    shape.check("linear", x.len(), weight.len(), y.len());
    let LinearShape { n, c_in, c_out } = *shape;
    if y.is_empty() {
        return;
    }
    // Weights are the rows of the product and pictures its columns, so that only pictures are packed.
    let mut columns = buffer(packed_len(c_in, n));
    let each = panel_width() * c_in;
    columns.par_chunks_mut(each.max(1)).enumerate().for_each(|(panel, to)| {
        let (many, width) = panel_of(panel, n);
        for lane in 0..width {
            let row = (lane < many).then(|| &x[(panel * panel_width() + lane) * c_in..][..c_in]);
            for k in 0..c_in {
                to[k * width + lane] = row.map_or(0.0, |row| row[k]);
            }
        }
    });
    let mut across = buffer(c_out * n); // [C_out, N]
    let (to, columns) = (Shared::new(&mut across), &columns[..]);
    (0..c_out.div_ceil(STRETCH)).into_par_iter().for_each(|at| {
        let first = at * STRETCH;
        let rows = STRETCH.min(c_out - first);
        let table: Vec<*const f32> = (first..first + rows).map(|o| weight[o * c_in..].as_ptr()).collect();
        let out_rows: Vec<usize> = (first..first + rows).map(|o| o * n).collect();
        // SAFETY: rows and columns lie inside the slices; each task has rows of its own.
        unsafe {
            Product {
                rows,
                table: table.as_ptr(),
                taps: 1,
                depth: c_in,
                b: columns.as_ptr(),
                n,
                panels: 0..n.div_ceil(panel_width()),
                out: to.at(0),
                out_rows: out_rows.as_ptr(),
                finish: Finish::NONE,
            }
            .run();
        }
    });
    let across = &across[..];
    y.par_chunks_mut(c_out).enumerate().for_each(|(row, y)| {
        for (o, y) in y.iter_mut().enumerate() {
            let sum = across[o * n + row] + bias.map_or(0.0, |bias| bias[o]);
            let sum = if clamp.0 > sum { clamp.0 } else { sum };
            *y = if clamp.1 < sum { clamp.1 } else { sum };
        }
    });
}

/// The gradient of `x`: `dy * weight`.
///
/// # Panics
/// If the lengths do not fit.
pub fn linear_backward_input(shape: &LinearShape, dy: &[f32], weight: &[f32], dx: &mut [f32]) {
    shape.check("linear_backward_input", dx.len(), weight.len(), dy.len());
    let LinearShape { n, c_in, c_out } = *shape;
    if dx.is_empty() {
        return;
    }
    if !c_in.is_multiple_of(BLOCK) {
        let wide = c_in.next_multiple_of(BLOCK);
        let (weight, mut padded) = (widened(weight, c_in, wide), buffer(n * wide));
        linear_backward_input(&LinearShape { c_in: wide, ..*shape }, dy, &weight, &mut padded);
        narrowed(&padded, wide, dx, c_in);
        return;
    }
    let blocks = n.div_ceil(BLOCK);
    let mut across = buffer(blocks * c_out * BLOCK); // [block of rows][C_out][16]
    across.par_chunks_mut((c_out * BLOCK).max(1)).enumerate().for_each(|(block, to)| {
        for (o, to) in to.chunks_exact_mut(BLOCK).enumerate() {
            for (lane, to) in to.iter_mut().enumerate() {
                *to = dy.get((block * BLOCK + lane) * c_out + o).copied().unwrap_or(0.0);
            }
        }
    });
    let (to, across) = (Shared::new(dx), &across[..]);
    (0..c_in.div_ceil(STRETCH)).into_par_iter().for_each(|at| {
        let first = at * STRETCH;
        // SAFETY: rows and columns lie inside the slices; each task has columns of its own.
        unsafe {
            OuterProduct {
                rows: n,
                n: STRETCH.min(c_in - first),
                lines: 1,
                steps: c_out,
                a: across.as_ptr(),
                a_block: c_out * BLOCK,
                a_line: 0,
                a_step: BLOCK,
                b: weight[first..].as_ptr(),
                b_block: BLOCK,
                b_line: 0,
                b_step: c_in,
                sums: to.at(first),
                sums_row: c_in,
                first: true,
            }
            .run();
        }
    });
}

/// The gradient of the weight: `dy^T * x`.
///
/// # Panics
/// If the lengths do not fit.
pub fn linear_backward_weight(shape: &LinearShape, x: &[f32], dy: &[f32], dweight: &mut [f32]) {
    shape.check("linear_backward_weight", x.len(), dweight.len(), dy.len());
    let LinearShape { n, c_in, c_out } = *shape;
    if !c_in.is_multiple_of(BLOCK) {
        let wide = c_in.next_multiple_of(BLOCK);
        let (x, mut padded) = (widened(x, c_in, wide), buffer(c_out * wide));
        linear_backward_weight(&LinearShape { c_in: wide, ..*shape }, &x, dy, &mut padded);
        narrowed(&padded, wide, dweight, c_in);
        return;
    }
    let to = Shared::new(dweight);
    let pieces = c_in.div_ceil(STRETCH);
    (0..c_out.div_ceil(STRETCH) * pieces).into_par_iter().for_each(|at| {
        let (row, column) = (at / pieces * STRETCH, at % pieces * STRETCH);
        // SAFETY: rows and columns lie inside the slices; each task has a piece of its own.
        unsafe {
            OuterProduct {
                rows: STRETCH.min(c_out - row),
                n: STRETCH.min(c_in - column),
                lines: 1,
                steps: n,
                a: dy.as_ptr().wrapping_add(row),
                a_block: BLOCK,
                a_line: 0,
                a_step: c_out,
                b: x.as_ptr().wrapping_add(column),
                b_block: BLOCK,
                b_line: 0,
                b_step: c_in,
                sums: to.at(row * c_in + column),
                sums_row: c_in,
                first: true,
            }
            .run();
        }
    });
}

/// Rows of `narrow` numbers as rows of `wide`, zeros after.
fn widened(rows: &[f32], narrow: usize, wide: usize) -> Vec<f32> {
    let mut out = buffer(rows.len() / narrow * wide);
    for (to, from) in out.chunks_exact_mut(wide).zip(rows.chunks_exact(narrow)) {
        to[..narrow].copy_from_slice(from);
        to[narrow..].fill(0.0);
    }
    out
}

/// The first `narrow` numbers of rows of `wide`.
fn narrowed(rows: &[f32], wide: usize, to: &mut [f32], narrow: usize) {
    for (to, from) in to.chunks_exact_mut(narrow).zip(rows.chunks_exact(wide)) {
        to.copy_from_slice(&from[..narrow]);
    }
}
