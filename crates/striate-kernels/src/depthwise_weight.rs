//! The gradient of the weights of a depthwise convolution: for each tap, pixels times gradients, channels as lanes.

use rayon::prelude::*;

use crate::conv2d::Conv2dShape;
use crate::isa::{Kernel, dispatch};
use crate::memory::buffer;
use crate::simd::Simd;

/// Adds the products of one line of a gradient to `sums` (`[tap][C]`).
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
        let Conv2dShape { h, w, stride, dilation, kh, kw, pad, c_in: channels, .. } = *self.shape;
        let line = self.gradient.1;
        let above = |ky: usize| (line * stride + ky * dilation).checked_sub(pad[0]).filter(|&y| y < h);
        let all_three = kh == 3 && kw == 3 && above(0).is_some() && above(2).is_some();
        // SAFETY: rows and channels are inside the tensors.
        unsafe {
            for c in (0..channels).step_by(S::LANES) {
                let at = (c, (channels - c).min(S::LANES));
                if let (true, Some(y)) = (all_three, above(0)) {
                    self.taps::<S, 3, 3>(s, self.x.add(y * w * channels), [0, 0], at);
                    continue;
                }
                for ky in 0..kh {
                    let Some(y) = above(ky) else { continue };
                    let row = self.x.add(y * w * channels);
                    for kx in (0..kw).step_by(5) {
                        match kw - kx {
                            1 => self.taps::<S, 1, 1>(s, row, [ky, kx], at),
                            2 => self.taps::<S, 1, 2>(s, row, [ky, kx], at),
                            3 => self.taps::<S, 1, 3>(s, row, [ky, kx], at),
                            4 => self.taps::<S, 1, 4>(s, row, [ky, kx], at),
                            _ => self.taps::<S, 1, 5>(s, row, [ky, kx], at),
                        }
                    }
                }
            }
        }
    }
}

impl LineGradient<'_> {
    /// `R` by `K` taps from `(ky, kx)` on, for `width` channels from `c`; every sum has a register.
    ///
    /// # Safety
    /// `row` is the row of the picture under `ky`, and those under the next taps are inside, too; the machine has the
    /// instructions of `S`.
    #[inline(always)]
    unsafe fn taps<S: Simd, const R: usize, const K: usize>(
        &self,
        s: S,
        row: *const f32,
        [ky, kx]: [usize; 2],
        (c, width): (usize, usize),
    ) {
        let Conv2dShape { w, w_out, kw, stride, dilation, pad, c_in: channels, .. } = *self.shape;
        // Outputs whose tap is inside the picture: both ends fall from tap to tap.
        let first = |k: usize| pad[1].saturating_sub((kx + k) * dilation).div_ceil(stride).min(w_out);
        let last = |k: usize| (w + pad[1]).saturating_sub((kx + k) * dilation).div_ceil(stride).min(w_out);
        let (inner_first, inner_last) = (first(0), last(K - 1));
        let down = dilation * w * channels;
        // SAFETY: each tap is inside the picture for the outputs that it is read for.
        unsafe {
            let (to, gradient) = (self.sums.add((ky * kw + kx) * channels + c), self.gradient.0.add(c));
            let mut sums = [[s.splat(0.0); K]; R];
            for r in 0..R {
                for k in 0..K {
                    let mut sum = s.load_some(to.add((r * kw + k) * channels), width);
                    for ox in first(k)..inner_first.min(last(k)) {
                        let at = (ox * stride + (kx + k) * dilation - pad[1]) * channels + r * down + c;
                        let g = s.load_some(gradient.add(ox * channels), width);
                        sum = s.fma(s.load_some(row.add(at), width), g, sum);
                    }
                    sums[r][k] = sum;
                }
            }
            for ox in inner_first..inner_last {
                let g = s.load_some(gradient.add(ox * channels), width);
                let pixels = row.add((ox * stride + kx * dilation - pad[1]) * channels + c);
                for r in 0..R {
                    for k in 0..K {
                        let pixel = s.load_some(pixels.add(k * dilation * channels + r * down), width);
                        sums[r][k] = s.fma(pixel, g, sums[r][k]);
                    }
                }
            }
            for r in 0..R {
                for k in 0..K {
                    let mut sum = sums[r][k];
                    for ox in inner_last.max(inner_first).max(first(k))..last(k) {
                        let at = (ox * stride + (kx + k) * dilation - pad[1]) * channels + r * down + c;
                        let g = s.load_some(gradient.add(ox * channels), width);
                        sum = s.fma(s.load_some(row.add(at), width), g, sum);
                    }
                    s.store_some(to.add((r * kw + k) * channels), sum, width);
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
