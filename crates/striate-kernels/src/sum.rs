//! Sums of two tensors.

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

#[cfg(test)]
mod tests {
    #[test]
    fn adds() {
        let a: Vec<f32> = (0..1003).map(|i| i as f32).collect();
        let mut y = vec![f32::NAN; a.len()];
        super::sum(&a, &a, &mut y);
        assert!(y.iter().zip(&a).all(|(y, a)| *y == 2.0 * a));
    }
}
