//! The gradient of the weights where what a row of taps meets lies side by side: 1x1 kernels, and pictures of few
//! channels with zeros around them. Both factors of the outer products are read where they lie.

use rayon::prelude::*;

use crate::conv2d::Conv2dShape;
use crate::memory::buffer;
use crate::outer::{BLOCK, OuterProduct};
use crate::padded::{is_padded, pad, sides};
use crate::shared_slice::Shared;

/// Rows of sums that a task takes.
const ROWS: usize = 2 * BLOCK;
/// Outputs that all rows and columns of a task go through before the next ones: they shall stay in the nearest cache.
const OUTPUTS: usize = 128;
/// Where rows give fewer tasks than this, pictures are summed in so many parts of fixed size, added in order.
const TASKS: usize = 8;

/// Whether `shape` can be computed so.
pub(crate) fn serves(shape: &Conv2dShape) -> bool {
    let one = shape.kh * shape.kw == 1 && shape.pad == [0, 0];
    shape.groups == 1 && shape.c_out.is_multiple_of(BLOCK) && (one || is_padded(shape))
}

/// Writes the gradient of the weights, `[C_out, C_in, KH, KW]`.
pub(crate) fn backward_weight(shape: &Conv2dShape, x: &[f32], gradient: &[f32], weight: &mut [f32]) {
    let Conv2dShape { n: pictures, c_in, c_out, kh, kw, stride, h_out, w_out, .. } = *shape;
    let padded = is_padded(shape).then(|| pad(shape, x));
    let [height, width] = if padded.is_some() { sides(shape) } else { [shape.h, shape.w] };
    let x = padded.as_deref().unwrap_or(x);
    let rows = kw * c_in;
    let splits = rows.div_ceil(ROWS);
    let parts = if kh * splits < TASKS { TASKS.min(pictures) } else { 1 };
    let each = pictures.div_ceil(parts);
    let of_part = kh * rows * c_out;
    let mut sums = buffer(parts * of_part);
    let totals = Shared::new(&mut sums);
    let lines_each = (OUTPUTS / w_out).max(1);
    (0..parts * kh * splits).into_par_iter().for_each(|task| {
        let (part, ky, split) = (task / (kh * splits), task / splits % kh, task % splits);
        let first_row = split * ROWS;
        let mut first = true;
        for picture in part * each..((part + 1) * each).min(pictures) {
            for line in (0..h_out).step_by(lines_each) {
                let x = &x[((picture * height + line * stride + ky) * width) * c_in + first_row..];
                let gradient = &gradient[(picture * h_out + line) * w_out * c_out..];
                // SAFETY: rows of taps stay inside the (padded) picture; each task has sums of its own.
                unsafe {
                    OuterProduct {
                        rows: ROWS.min(rows - first_row),
                        n: c_out,
                        lines: lines_each.min(h_out - line),
                        steps: w_out,
                        a: x.as_ptr(),
                        a_block: BLOCK,
                        a_line: stride * width * c_in,
                        a_step: stride * c_in,
                        b: gradient.as_ptr(),
                        b_block: BLOCK,
                        b_line: w_out * c_out,
                        b_step: c_out,
                        sums: totals.at(part * of_part + (ky * rows + first_row) * c_out),
                        sums_row: c_out,
                        first,
                    }
                    .run();
                }
                first = false;
            }
        }
        if first {
            // SAFETY: as above; no picture fell to this part.
            let own = unsafe { totals.at(part * of_part + (ky * rows + first_row) * c_out) };
            // SAFETY: as above.
            unsafe { std::slice::from_raw_parts_mut(own, ROWS.min(rows - first_row) * c_out) }.fill(0.0);
        }
    });
    let sums = &sums[..];
    weight.par_chunks_mut(c_in * kh * kw).enumerate().for_each(|(o, weight)| {
        for (i, value) in weight.iter_mut().enumerate() {
            let (ci, ky, kx) = (i / (kh * kw), i / kw % kh, i % kw);
            let at = (ky * rows + kx * c_in + ci) * c_out + o;
            *value = (1..parts).fold(sums[at], |sum, part| sum + sums[part * of_part + at]);
        }
    });
}
