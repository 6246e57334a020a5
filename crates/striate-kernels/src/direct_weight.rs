//! The gradient of the weights of a direct convolution: for each tap, outer products of pixels and gradients.

use rayon::prelude::*;

use crate::conv2d::Conv2dShape;
use crate::memory::buffer;
use crate::outer::{BLOCK, OuterProduct};
use crate::shared_slice::Shared;

/// Numbers of packed pixels that are worked on at a time: they shall stay in the cache of the machine.
const STRETCH: usize = 1 << 18;

/// Copies the pixels of one picture into blocks of 16 channels, with zeros around: `[block][h_padded][w_padded][16]`.
struct Blocked {
    h: usize,
    w: usize,
    /// Channels of a pixel, first one of the group, and how many.
    channels: (usize, usize, usize),
    pad: [usize; 2],
    padded: [usize; 2],
}

impl Blocked {
    fn blocks(&self) -> usize {
        self.channels.2.div_ceil(BLOCK)
    }

    fn plane(&self) -> usize {
        self.padded[0] * self.padded[1] * BLOCK
    }

    /// Writes one block of one picture.
    fn copy(&self, picture: &[f32], block: usize, to: &mut [f32]) {
        let (c, first, many) = self.channels;
        let start = block * BLOCK;
        let width = (many - start).min(BLOCK);
        let (mut filled, line) = (0, self.padded[1] * BLOCK);
        for (y, row) in picture.chunks_exact(self.w * c).enumerate() {
            let y = y + self.pad[0];
            if y >= self.padded[0] {
                break;
            }
            let at = y * line + self.pad[1] * BLOCK;
            to[filled..at].fill(0.0);
            let pixels = self.w.min(self.padded[1].saturating_sub(self.pad[1]));
            for (pixel, to) in row.chunks_exact(c).zip(to[at..at + pixels * BLOCK].chunks_exact_mut(BLOCK)) {
                let pixel = &pixel[first + start..][..width];
                if let (Ok(pixel), Ok(to)) = (<&[f32; BLOCK]>::try_from(pixel), <&mut [f32; BLOCK]>::try_from(&mut *to))
                {
                    *to = *pixel;
                } else {
                    to[..width].copy_from_slice(pixel);
                    to[width..].fill(0.0);
                }
            }
            filled = at + pixels * BLOCK;
        }
        to[filled..].fill(0.0);
    }
}

/// Writes the gradient of the weights, `[C_out, C_in / groups, KH, KW]`.
pub(crate) fn backward_weight(shape: &Conv2dShape, x: &[f32], gradient: &[f32], weight: &mut [f32]) {
    let of_group = weight.len() / shape.groups;
    for (group, weight) in weight.chunks_exact_mut(of_group.max(1)).enumerate() {
        of_one_group(shape, group, x, gradient, weight);
    }
}

fn of_one_group(shape: &Conv2dShape, group: usize, x: &[f32], gradient: &[f32], weight: &mut [f32]) {
    let Conv2dShape { n, h, w, h_out, w_out, stride, dilation, kh, kw, .. } = *shape;
    let (rows, columns) = (shape.c_in / shape.groups, shape.c_out / shape.groups);
    let reach = |out: usize, k: usize| (out - 1) * stride + (k - 1) * dilation + 1;
    let from = Blocked {
        h,
        w,
        channels: (shape.c_in, group * rows, rows),
        pad: shape.pad,
        padded: [reach(h_out, kh), reach(w_out, kw)],
    };
    let to = Blocked {
        h: h_out,
        w: w_out,
        channels: (shape.c_out, group * columns, columns),
        pad: [0, 0],
        padded: [h_out, w_out],
    };
    let (before, after) = (from.blocks() * from.plane(), to.blocks() * to.plane());
    let pictures = (STRETCH / (before + after)).clamp(1, n);
    let (mut pixels, mut gradients) = (buffer(pictures * before), buffer(pictures * after));
    let (taps, n_padded) = (kh * kw, columns.next_multiple_of(BLOCK));
    let mut sums = buffer(taps * rows * n_padded);
    let (pixels, gradients, totals) = (Shared::new(&mut pixels), Shared::new(&mut gradients), Shared::new(&mut sums));
    // Rows of a task: whole blocks, and enough tasks where a kernel has few taps.
    let rows_each = if taps >= 8 { rows.next_multiple_of(BLOCK) } else { 2 * BLOCK };
    let splits = rows.div_ceil(rows_each);
    for start in (0..n).step_by(pictures) {
        let here = pictures.min(n - start);
        (0..here * (from.blocks() + to.blocks())).into_par_iter().for_each(|task| {
            let (picture, block) = (task / (from.blocks() + to.blocks()), task % (from.blocks() + to.blocks()));
            let (blocked, source, target, block) = match block.checked_sub(from.blocks()) {
                None => (&from, x, &pixels, block),
                Some(block) => (&to, gradient, &gradients, block),
            };
            let size = blocked.h * blocked.w * blocked.channels.0;
            let at = (picture * blocked.blocks() + block) * blocked.plane();
            // SAFETY: each task has a plane of its own.
            let plane = unsafe { std::slice::from_raw_parts_mut(target.at(at), blocked.plane()) };
            blocked.copy(&source[(start + picture) * size..][..size], block, plane);
        });
        (0..taps * splits).into_par_iter().for_each(|task| {
            let (tap, split) = (task / splits, task % splits);
            let (ky, kx) = (tap / kw * dilation, tap % kw * dilation);
            let first_row = split * rows_each;
            for picture in 0..here {
                let line = from.padded[1] * BLOCK;
                let at = picture * before + first_row / BLOCK * from.plane() + ky * line + kx * BLOCK;
                // SAFETY: a kernel's tap stays inside the padded picture; each task has sums of its own.
                unsafe {
                    OuterProduct {
                        rows: rows_each.min(rows - first_row),
                        n: n_padded,
                        lines: h_out,
                        steps: w_out,
                        a: pixels.at(at),
                        a_block: from.plane(),
                        a_line: stride * line,
                        a_step: stride * BLOCK,
                        b: gradients.at(picture * after),
                        b_block: to.plane(),
                        b_line: w_out * BLOCK,
                        b_step: BLOCK,
                        sums: totals.at((tap * rows + first_row) * n_padded),
                        sums_row: n_padded,
                        first: start + picture == 0,
                    }
                    .run();
                }
            }
        });
    }
    let sums = &sums[..];
    weight.par_chunks_mut(taps * rows).enumerate().for_each(|(column, weight)| {
        for (row, weight) in weight.chunks_exact_mut(taps).enumerate() {
            for (tap, value) in weight.iter_mut().enumerate() {
                *value = sums[(tap * rows + row) * n_padded + column];
            }
        }
    });
}
