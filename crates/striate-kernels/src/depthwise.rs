//! Depthwise convolution: each channel alone, channels as lanes.

use rayon::prelude::*;

use crate::conv2d::Conv2dShape;
use crate::isa::{Kernel, dispatch};
use crate::memory::buffer;
use crate::product::Finish;
use crate::shared_slice::Shared;
use crate::simd::Simd;

/// Output pixels side by side that share one read of a weight.
const PIXELS: usize = 4;

/// A few pixels of a line: for each tap and pixel, where the source is read.
struct Line<'a> {
    /// `[tap][PIXELS]`
    table: &'a [*const f32],
    /// `[tap][C]`
    weight: &'a [f32],
    channels: usize,
    /// The first pixel, and how many.
    out: (*mut f32, usize),
    /// Of the first pixel in the output, for the residual.
    at: usize,
    finish: Finish,
}

impl Kernel for Line<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self, s: S) {
        let Self { channels, finish, .. } = self;
        let taps = self.table.len() / PIXELS;
        for c in (0..channels).step_by(S::LANES) {
            let width = (channels - c).min(S::LANES);
            // SAFETY: the table's pointers and the weights can be read for all channels, the pixels be written.
            unsafe {
                let start = if finish.bias.is_null() { s.splat(0.0) } else { s.load_some(finish.bias.add(c), width) };
                let mut sums = [start; PIXELS];
                for tap in 0..taps {
                    let w = s.load_some(self.weight.as_ptr().add(tap * channels + c), width);
                    for (i, sum) in sums.iter_mut().enumerate() {
                        let p = *self.table.get_unchecked(tap * PIXELS + i);
                        *sum = s.fma(s.load_some(p.add(c), width), w, *sum);
                    }
                }
                for (i, &sum) in sums.iter().enumerate().take(self.out.1) {
                    let mut v = sum;
                    if !finish.residual.is_null() {
                        v = s.add(v, s.load_some(finish.residual.add(self.at + i * channels + c), width));
                    }
                    v = s.min(s.splat(finish.high), s.max(s.splat(finish.low), v));
                    let to = self.out.0.add(i * channels + c);
                    s.store_some(to, v, width);
                }
            }
        }
    }
}

/// Weights `[C, 1, KH, KW]` as `[KH * KW, C]`.
pub(crate) fn pack(shape: &Conv2dShape, weight: &[f32]) -> Vec<f32> {
    let (taps, c) = (shape.kh * shape.kw, shape.c_in);
    (0..taps * c).map(|i| weight[i % c * taps + i / c]).collect()
}

/// Convolves `x` with packed weights into `y`.
///
/// # Safety
/// The pointers of `finish` can be read for the channels and the size of `y`.
pub(crate) unsafe fn forward(shape: &Conv2dShape, x: &[f32], packed: &[f32], finish: Finish, y: &mut [f32]) {
    let tap = |y: usize, x: usize, tap: usize| shape.pixel_under(tap, y, x);
    let (source, target) = ([shape.h, shape.w], [shape.h_out, shape.w_out]);
    // SAFETY: `tap` gives pixels inside the source; the caller vouches for `finish`.
    unsafe { lines(shape, (x, source), packed, finish, (y, target), &tap) }
}

/// The gradient of the input, from packed weights.
pub(crate) fn backward_input(shape: &Conv2dShape, gradient: &[f32], packed: &[f32], dx: &mut [f32]) {
    let s = shape.stride;
    let back = |i: usize, pad: usize, tap: usize, out: usize| {
        let at = (i + pad).checked_sub(tap * shape.dilation)?;
        (at.is_multiple_of(s) && at / s < out).then_some(at / s)
    };
    let tap = |iy: usize, ix: usize, tap: usize| {
        let y = back(iy, shape.pad[0], tap / shape.kw, shape.h_out)?;
        Some((y, back(ix, shape.pad[1], tap % shape.kw, shape.w_out)?))
    };
    let (source, target) = ([shape.h_out, shape.w_out], [shape.h, shape.w]);
    // SAFETY: `tap` gives pixels inside the gradient; nothing is read through the finish.
    unsafe { lines(shape, (gradient, source), packed, Finish::NONE, (dx, target), &tap) }
}

/// # Safety
/// `tap` gives pixels inside the source; the pointers of `finish` fit the target.
unsafe fn lines(
    shape: &Conv2dShape,
    (source, [h_source, w_source]): (&[f32], [usize; 2]),
    packed: &[f32],
    finish: Finish,
    (target, [h, w]): (&mut [f32], [usize; 2]),
    tap: &(dyn Fn(usize, usize, usize) -> Option<(usize, usize)> + Sync),
) {
    let (c, taps) = (shape.c_in, shape.kh * shape.kw);
    let zeros = vec![0.0_f32; c];
    let to = Shared::new(target);
    (0..shape.n * h).into_par_iter().for_each(|line| {
        let (image, y) = (line / h, line % h);
        let mut table = vec![zeros.as_ptr(); taps * PIXELS];
        for x in (0..w).step_by(PIXELS) {
            let many = PIXELS.min(w - x);
            for t in 0..taps {
                for i in 0..many {
                    table[t * PIXELS + i] = match tap(y, x + i, t) {
                        Some((y, x)) => source[((image * h_source + y) * w_source + x) * c..].as_ptr(),
                        None => zeros.as_ptr(),
                    };
                }
            }
            let at = ((image * h + y) * w + x) * c;
            // SAFETY: the table points into the source, each task has a line of its own.
            unsafe {
                let out = (to.at(at), many);
                dispatch(Line { table: &table, weight: packed, channels: c, out, at, finish });
            }
        }
    });
}

/// Adds the outer products of one line of one picture to `sums` (`[tap][C]`).
struct LineGradient<'a> {
    shape: &'a Conv2dShape,
    /// The picture.
    x: *const f32,
    /// The line of the gradient, and which one it is.
    gradient: (*const f32, usize),
    sums: *mut f32,
}

impl Kernel for LineGradient<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self, s: S) {
        let Conv2dShape { h, w, w_out, stride, dilation, kh, kw, pad, c_in: channels, .. } = *self.shape;
        for ky in 0..kh {
            let y = (self.gradient.1 * stride + ky * dilation) as isize - pad[0] as isize;
            if y < 0 || y >= h as isize {
                continue;
            }
            for kx in 0..kw {
                // Outputs whose tap is inside the picture.
                let first = pad[1].saturating_sub(kx * dilation).div_ceil(stride);
                let last = (w + pad[1]).saturating_sub(kx * dilation).div_ceil(stride).min(w_out);
                for c in (0..channels).step_by(S::LANES) {
                    let width = (channels - c).min(S::LANES);
                    // SAFETY: the tap is inside the picture for these outputs.
                    unsafe {
                        let to = self.sums.add((ky * kw + kx) * channels + c);
                        let mut sum = s.load_some(to, width);
                        for ox in first..last {
                            let x = ox * stride + kx * dilation - pad[1];
                            let pixel = s.load_some(self.x.add((y as usize * w + x) * channels + c), width);
                            sum = s.fma(pixel, s.load_some(self.gradient.0.add(ox * channels + c), width), sum);
                        }
                        s.store_some(to, sum, width);
                    }
                }
            }
        }
    }
}

/// Writes the gradient of the weights, `[C, 1, KH, KW]`: a sum for each picture, then over pictures in order.
pub(crate) fn backward_weight(shape: &Conv2dShape, x: &[f32], gradient: &[f32], weight: &mut [f32]) {
    let (c, taps) = (shape.c_in, shape.kh * shape.kw);
    let (picture, out) = (shape.h * shape.w * c, shape.h_out * shape.w_out * c);
    let mut parts = buffer(shape.n * taps * c);
    parts.par_chunks_mut((taps * c).max(1)).enumerate().for_each(|(image, sums)| {
        sums.fill(0.0);
        for line in 0..shape.h_out {
            let gradient = gradient[image * out + line * shape.w_out * c..].as_ptr();
            let x = x[image * picture..].as_ptr();
            // SAFETY: picture and line lie inside the tensors, the sums are this task's.
            unsafe { dispatch(LineGradient { shape, x, gradient: (gradient, line), sums: sums.as_mut_ptr() }) }
        }
    });
    for (i, value) in weight.iter_mut().enumerate() {
        let at = i % taps * c + i / taps;
        *value = parts.chunks_exact(taps * c).map(|sums| sums[at]).fold(0.0, |sum, part| sum + part);
    }
}
