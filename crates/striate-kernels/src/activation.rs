//! Rectifiers: holding numbers between two bounds, and the gradient of that.

use rayon::prelude::*;

use crate::isa::{Kernel, dispatch};
use crate::simd::Simd;

/// Numbers that one task takes.
const STRETCH: usize = 1 << 14;

/// `min(max(x, low), high)`; a NaN stays.
///
/// # Panics
/// If the lengths differ.
pub fn clamp(x: &[f32], clamp: (f32, f32), y: &mut [f32]) {
    assert_eq!(x.len(), y.len(), "clamp: lengths differ");
    // SAFETY: both pieces have the same length.
    let each = |(x, y): (&[f32], &mut [f32])| unsafe { dispatch(Clamp { x, clamp, y }) };
    x.par_chunks(STRETCH).zip(y.par_chunks_mut(STRETCH)).for_each(each);
}

/// `dy` where `y`, the clamped output, is between the bounds, else 0.
///
/// # Panics
/// If the lengths differ.
pub fn clamp_backward(y: &[f32], dy: &[f32], clamp: (f32, f32), dx: &mut [f32]) {
    assert!(y.len() == dy.len() && dx.len() == dy.len(), "clamp_backward: lengths differ");
    let pieces = y.par_chunks(STRETCH).zip(dy.par_chunks(STRETCH)).zip(dx.par_chunks_mut(STRETCH));
    // SAFETY: all pieces have the same length.
    pieces.for_each(|((y, dy), dx)| unsafe { dispatch(Backward { y, dy, clamp, dx }) });
}

struct Clamp<'a> {
    x: &'a [f32],
    clamp: (f32, f32),
    y: &'a mut [f32],
}

impl Kernel for Clamp<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self, s: S) {
        // SAFETY: both slices have the same length.
        unsafe {
            let (low, high) = (s.splat(self.clamp.0), s.splat(self.clamp.1));
            for i in (0..self.x.len()).step_by(S::LANES) {
                let width = self.x.len() - i;
                let x = s.load_some(self.x.as_ptr().add(i), width);
                s.store_some(self.y.as_mut_ptr().add(i), s.min(high, s.max(low, x)), width);
            }
        }
    }
}

struct Backward<'a> {
    y: &'a [f32],
    dy: &'a [f32],
    clamp: (f32, f32),
    dx: &'a mut [f32],
}

impl Kernel for Backward<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self, s: S) {
        // SAFETY: all slices have the same length.
        unsafe {
            let (low, high) = (s.splat(self.clamp.0), s.splat(self.clamp.1));
            for i in (0..self.y.len()).step_by(S::LANES) {
                let width = self.y.len() - i;
                let y = s.load_some(self.y.as_ptr().add(i), width);
                let dy = s.load_some(self.dy.as_ptr().add(i), width);
                s.store_some(self.dx.as_mut_ptr().add(i), s.keep_between(dy, y, low, high), width);
            }
        }
    }
}
