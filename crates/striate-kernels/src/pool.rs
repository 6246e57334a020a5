//! Pooling of channels-last tensors: the largest of each window, and the mean of each whole map.

use rayon::prelude::*;

use crate::isa::{Kernel, dispatch};
use crate::simd::Simd;

/// The sizes of a pooling: `x` is `[N, H, W, C]`, `y` `[N, H_out, W_out, C]`.
#[derive(Clone, Copy, Debug)]
pub struct PoolShape {
    /// Pictures.
    pub n: usize,
    /// Height of the input.
    pub h: usize,
    /// Width of the input.
    pub w: usize,
    /// Channels.
    pub c: usize,
    /// Side of the window, in pixels.
    pub kernel: usize,
    /// Step of the window, in pixels.
    pub stride: usize,
    /// Pixels before the first that are never the largest.
    pub pad: usize,
    /// Height of the output.
    pub h_out: usize,
    /// Width of the output.
    pub w_out: usize,
}

impl PoolShape {
    fn check(&self, op: &str, x: usize, y: usize) {
        let (want_x, want_y) = (self.n * self.h * self.w * self.c, self.n * self.h_out * self.w_out * self.c);
        assert!(x == want_x && y == want_y, "{op}: {x} and {y} numbers, {self:?} wants {want_x} and {want_y}");
    }

    /// Pixels of a side that window `out` covers.
    fn window(&self, out: usize, side: usize) -> std::ops::Range<usize> {
        let start = out * self.stride;
        start.saturating_sub(self.pad)..(start + self.kernel).saturating_sub(self.pad).min(side)
    }
}

/// The largest number of each window.
///
/// # Panics
/// If the lengths do not fit.
pub fn max_pool2d(shape: &PoolShape, x: &[f32], y: &mut [f32]) {
    shape.check("max_pool2d", x.len(), y.len());
    let line = (shape.w_out * shape.c).max(1);
    y.par_chunks_mut(line).enumerate().for_each(|(at, y)| {
        let (image, oy) = (at / shape.h_out, at % shape.h_out);
        let x = &x[image * shape.h * shape.w * shape.c..];
        // SAFETY: windows are inside the picture.
        unsafe { dispatch(MaxLine { shape, x, oy, y }) }
    });
}

struct MaxLine<'a> {
    shape: &'a PoolShape,
    x: &'a [f32],
    oy: usize,
    y: &'a mut [f32],
}

impl Kernel for MaxLine<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self, s: S) {
        let PoolShape { h, w, c, w_out, .. } = *self.shape;
        for ox in 0..w_out {
            let (rows, columns) = (self.shape.window(self.oy, h), self.shape.window(ox, w));
            for i in (0..c).step_by(S::LANES) {
                let width = c - i;
                // SAFETY: the window is inside the picture, and the line has room for the pixel.
                unsafe {
                    let mut largest = s.splat(f32::NEG_INFINITY);
                    for y in rows.clone() {
                        for x in columns.clone() {
                            largest = s.max(largest, s.load_some(self.x.as_ptr().add((y * w + x) * c + i), width));
                        }
                    }
                    s.store_some(self.y.as_mut_ptr().add(ox * c + i), largest, width);
                }
            }
        }
    }
}

/// The gradient of `x`: each output's goes to the first pixel of its window that was the largest.
///
/// # Panics
/// If the lengths do not fit.
pub fn max_pool2d_backward(shape: &PoolShape, x: &[f32], y: &[f32], dy: &[f32], dx: &mut [f32]) {
    shape.check("max_pool2d_backward", x.len(), y.len());
    shape.check("max_pool2d_backward", dx.len(), dy.len());
    let (size, out) = (shape.h * shape.w * shape.c, shape.h_out * shape.w_out * shape.c);
    dx.par_chunks_mut(size.max(1)).enumerate().for_each(|(image, dx)| {
        dx.fill(0.0);
        let (x, y, dy) = (&x[image * size..][..size], &y[image * out..][..out], &dy[image * out..][..out]);
        // SAFETY: windows are inside the picture.
        unsafe { dispatch(MaxBackward { shape, x, y, dy, dx }) }
    });
}

struct MaxBackward<'a> {
    shape: &'a PoolShape,
    x: &'a [f32],
    y: &'a [f32],
    dy: &'a [f32],
    dx: &'a mut [f32],
}

impl Kernel for MaxBackward<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self, s: S) {
        let PoolShape { h, w, c, h_out, w_out, .. } = *self.shape;
        let dx = self.dx.as_mut_ptr();
        for (oy, ox) in (0..h_out * w_out).map(|at| (at / w_out, at % w_out)) {
            let (rows, columns) = (self.shape.window(oy, h), self.shape.window(ox, w));
            for i in (0..c).step_by(S::LANES) {
                let (at, width) = ((oy * w_out + ox) * c + i, c - i);
                // SAFETY: the window is inside the picture, the output inside the map.
                unsafe {
                    let largest = s.load_some(self.y.as_ptr().add(at), width);
                    let mut left = s.load_some(self.dy.as_ptr().add(at), width); // what no pixel has taken yet
                    for y in rows.clone() {
                        for x in columns.clone() {
                            let pixel = (y * w + x) * c + i;
                            let value = s.load_some(self.x.as_ptr().add(pixel), width);
                            let taken = s.keep_equal(left, value, largest);
                            left = s.sub(left, taken);
                            s.store_some(dx.add(pixel), s.add(s.load_some(dx.add(pixel), width), taken), width);
                        }
                    }
                }
            }
        }
    }
}

/// The mean of each channel of each picture: `[N, pixels, C]` to `[N, C]`.
///
/// # Panics
/// If the lengths do not fit.
pub fn mean_of_maps(x: &[f32], c: usize, y: &mut [f32]) {
    mean_of_powers::<false>(x, c, y);
}

/// The mean of the squares of each channel of each picture: `[N, pixels, C]` to `[N, C]`.
///
/// # Panics
/// If the lengths do not fit.
pub fn mean_square_of_maps(x: &[f32], c: usize, y: &mut [f32]) {
    mean_of_powers::<true>(x, c, y);
}

fn mean_of_powers<const SQUARE: bool>(x: &[f32], c: usize, y: &mut [f32]) {
    assert!(c > 0 && y.len().is_multiple_of(c), "mean_of_maps: {} numbers are not rows of {c}", y.len());
    let size = x.len() / (y.len() / c).max(1);
    assert!(size.is_multiple_of(c), "mean_of_maps: {} numbers are not maps of {c} channels", x.len());
    let scale = 1.0 / (size / c) as f32;
    // SAFETY: a picture is whole rows of C numbers.
    let each = |(x, y): (&[f32], &mut [f32])| unsafe { dispatch(Mean::<SQUARE> { x, scale, y }) };
    x.par_chunks(size.max(1)).zip(y.par_chunks_mut(c)).for_each(each);
}

struct Mean<'a, const SQUARE: bool> {
    x: &'a [f32],
    scale: f32,
    y: &'a mut [f32],
}

impl<const SQUARE: bool> Kernel for Mean<'_, SQUARE> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self, s: S) {
        let c = self.y.len();
        for i in (0..c).step_by(S::LANES) {
            // SAFETY: rows of C numbers.
            unsafe {
                let mut sum = s.splat(0.0);
                for row in (0..self.x.len()).step_by(c) {
                    let x = s.load_some(self.x.as_ptr().add(row + i), c - i);
                    sum = if SQUARE { s.fma(x, x, sum) } else { s.add(sum, x) };
                }
                s.store_some(self.y.as_mut_ptr().add(i), s.mul(sum, s.splat(self.scale)), c - i);
            }
        }
    }
}

/// The gradient of `x` under [`mean_of_maps`].
///
/// # Panics
/// If the lengths do not fit.
pub fn mean_of_maps_backward(dy: &[f32], c: usize, dx: &mut [f32]) {
    let size = dx.len() / (dy.len() / c).max(1);
    let scale = 1.0 / (size / c) as f32;
    dx.par_chunks_mut(size.max(1)).zip(dy.par_chunks(c)).for_each(|(dx, dy)| {
        let (first, rest) = dx.split_at_mut(c);
        first.iter_mut().zip(dy).for_each(|(dx, &dy)| *dx = dy * scale);
        rest.chunks_exact_mut(c).for_each(|row| row.copy_from_slice(first));
    });
}
