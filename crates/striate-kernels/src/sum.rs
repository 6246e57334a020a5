//! Sums: of two tensors, and of all numbers of one.

use rayon::prelude::*;

use crate::isa::{Kernel, dispatch};
use crate::simd::Simd;

/// Numbers that one task takes.
const STRETCH: usize = 1 << 14;

/// `y = a + b`
///
/// # Panics
/// If the lengths differ.
pub fn sum(a: &[f32], b: &[f32], y: &mut [f32]) {
    assert!(a.len() == b.len() && y.len() == a.len(), "sum: lengths differ");
    let pieces = a.par_chunks(STRETCH).zip(b.par_chunks(STRETCH)).zip(y.par_chunks_mut(STRETCH));
    // SAFETY: all pieces have the same length.
    pieces.for_each(|((a, b), y)| unsafe { dispatch(Sum { a, b, y }) });
}

struct Sum<'a> {
    a: &'a [f32],
    b: &'a [f32],
    y: &'a mut [f32],
}

impl Kernel for Sum<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self, s: S) {
        // SAFETY: all slices have the same length.
        unsafe {
            for i in (0..self.y.len()).step_by(S::LANES) {
                let left = self.y.len() - i;
                let sum = s.add(s.load_some(self.a.as_ptr().add(i), left), s.load_some(self.b.as_ptr().add(i), left));
                s.store_some(self.y.as_mut_ptr().add(i), sum, left);
            }
        }
    }
}

/// Running sums side by side in a stretch, whatever the registers are.
const SUMS: usize = 64;

/// The sum of all numbers: in stretches of fixed length, each by sums side by side, added up in order.
pub fn total(x: &[f32]) -> f32 {
    let of_stretch = |x: &[f32]| {
        let mut sums = [0.0_f32; SUMS];
        // SAFETY: there are as many sums as the kernel adds to.
        unsafe { dispatch(Total { x, sums: &mut sums }) }
        sums.iter().fold(0.0, |sum, part| sum + part)
    };
    let parts: Vec<f32> = x.par_chunks(STRETCH).map(of_stretch).collect();
    parts.iter().fold(0.0, |sum, part| sum + part)
}

struct Total<'a> {
    x: &'a [f32],
    sums: &'a mut [f32; SUMS],
}

impl Kernel for Total<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self, s: S) {
        for x in self.x.chunks(SUMS) {
            for lane in (0..SUMS).step_by(S::LANES) {
                let width = x.len().saturating_sub(lane).min(S::LANES);
                let sums = self.sums[lane..].as_mut_ptr();
                // SAFETY: lanes are inside the sums, and so many numbers are left.
                unsafe { s.store(sums, s.add(s.load(sums), s.load_some(x.as_ptr().wrapping_add(lane), width))) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn totals() {
        let x: Vec<f32> = (0..40_003).map(|i| (i % 7) as f32).collect();
        assert_eq!(super::total(&x), x.iter().sum());
        assert_eq!(super::total(&[]), 0.0);
    }

    #[test]
    fn adds() {
        let a: Vec<f32> = (0..1003).map(|i| i as f32).collect();
        let mut y = vec![f32::NAN; a.len()];
        super::sum(&a, &a, &mut y);
        assert!(y.iter().zip(&a).all(|(y, a)| *y == 2.0 * a));
    }
}
