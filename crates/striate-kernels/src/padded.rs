//! Pictures of few channels with zeros around them: all that a row of taps meets lies side by side, as one inner axis.

use rayon::prelude::*;

use crate::conv2d::Conv2dShape;
use crate::memory::buffer;

/// Channels below which a row of taps is worth more as one inner axis than the copy costs; `striate bench --only W1` and
/// the stems of `W4` measure it.
const FEW: usize = 16;

/// Whether `shape` is computed over padded pictures.
pub(crate) fn is_padded(shape: &Conv2dShape) -> bool {
    shape.groups == 1 && shape.dilation == 1 && shape.kw > 1 && shape.c_in < FEW
}

/// Height and width that outputs can reach.
pub(crate) fn sides(shape: &Conv2dShape) -> [usize; 2] {
    [(shape.h_out - 1) * shape.stride + shape.kh, (shape.w_out - 1) * shape.stride + shape.kw]
}

/// Copies `x` to `[N, sides, C]`.
pub(crate) fn pad(shape: &Conv2dShape, x: &[f32]) -> Vec<f32> {
    let [height, width] = sides(shape);
    let (line, from) = (width * shape.c_in, shape.w * shape.c_in);
    let before = (shape.pad[1] * shape.c_in).min(line);
    let here = from.min(line - before);
    let mut padded = buffer(shape.n * height * line);
    padded.par_chunks_mut(line).with_min_len(16).enumerate().for_each(|(i, to)| {
        let y = (i % height).checked_sub(shape.pad[0]).filter(|&y| y < shape.h);
        let Some(y) = y else { return to.fill(0.0) };
        to[..before].fill(0.0);
        to[before..before + here].copy_from_slice(&x[(i / height * shape.h + y) * from..][..here]);
        to[before + here..].fill(0.0);
    });
    padded
}
