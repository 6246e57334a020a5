//! Histograms of gradient orientation, mod 180 degrees, column by column: the votes under HOG and edge histograms.
//!
//! No arc tangent: a gradient turned into the upper half plane lies at or past the angle t where `cos(t) * y >= sin(t) * x`.
//! Counting the votes at or past every bin's start needs one comparison a bin, and neighbouring counts differ by a bin.

use crate::isa::{Kernel, dispatch};
use crate::simd::Simd;

/// Bins whose counts stay in registers while the rows go by.
const TOGETHER: usize = 8;

/// Bins of equal width over 180 degrees, the first from 0.
#[derive(Clone, Debug)]
pub struct Bins {
    /// Cosine and sine of each bin's start, but for the first.
    starts: Vec<(f32, f32)>,
}

impl Bins {
    /// # Panics
    /// If `n` is 0.
    pub fn new(n: usize) -> Self {
        assert!(n > 0, "Bins::new: at least one bin, got 0");
        let start = |k: usize| {
            // A right angle has the cosine 0, which no rounding of pi gives.
            let angle = std::f64::consts::PI * k as f64 / n as f64;
            let cos = if 2 * k == n { 0.0 } else { libm::cos(angle) };
            (cos as f32, libm::sin(angle) as f32)
        };
        Self { starts: (1..n).map(start).collect() }
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.starts.len() + 1
    }

    /// Writes to `sums` (`[bins, W]`), for each column, the summed lengths of the gradients at or past each bin's start:
    /// bin k holds `sums[k] - sums[k + 1]`. `dx` and `dy` are `[rows, W]`, and are turned into the upper half plane.
    ///
    /// # Panics
    /// If the lengths do not fit.
    pub fn votes(&self, dx: &mut [f32], dy: &mut [f32], sums: &mut [f32]) {
        let w = sums.len() / self.count();
        let fits = sums.len() == w * self.count() && dx.len() == dy.len() && (w == 0 || dx.len().is_multiple_of(w));
        assert!(fits, "Bins::votes: {} and {} gradients, {} sums", dx.len(), dy.len(), sums.len());
        let mut lengths = vec![0.0; dx.len()];
        // SAFETY: the gradients and lengths have the same size, whole rows of `w`; the sums have `w` for each bin.
        unsafe { dispatch(Votes { starts: &self.starts, w, dx, dy, lengths: &mut lengths, sums }) }
    }
}

struct Votes<'a> {
    starts: &'a [(f32, f32)],
    w: usize,
    dx: &'a mut [f32],
    dy: &'a mut [f32],
    lengths: &'a mut [f32],
    sums: &'a mut [f32],
}

impl Votes<'_> {
    /// Turns every gradient by 180 degrees if that brings it into the upper half plane, and measures it.
    ///
    /// # Safety
    /// Gradients and lengths have the same size.
    #[inline(always)]
    unsafe fn turn<S: Simd>(&mut self, s: S) {
        for i in (0..self.dx.len()).step_by(S::LANES) {
            let left = self.dx.len() - i;
            // SAFETY: the caller's promise.
            unsafe {
                let (px, py) = (self.dx.as_mut_ptr().add(i), self.dy.as_mut_ptr().add(i));
                let (x, y, zero) = (s.load_some(px, left), s.load_some(py, left), s.splat(0.0));
                let sign = s.sub(s.keep_at_least(s.splat(2.0), y, zero), s.splat(1.0));
                let (turned, up) = (s.mul(x, sign), s.mul(y, sign));
                // 180 degrees is 0 degrees.
                let right = s.max(turned, s.sub(zero, turned));
                let turned = s.add(turned, s.keep_equal(s.sub(right, turned), up, zero));
                s.store_some(px, turned, left);
                s.store_some(py, up, left);
                let length = s.sqrt(s.fma(x, x, s.mul(y, y)));
                s.store_some(self.lengths.as_mut_ptr().add(i), length, left);
            }
        }
    }

    /// The sums of `B` bins from bin `first + 1`, for the columns of one register.
    ///
    /// # Safety
    /// The columns are inside the rows, the bins among `starts`.
    #[inline(always)]
    unsafe fn bins<S: Simd, const B: usize>(&mut self, s: S, first: usize, column: usize, width: usize) {
        // SAFETY: the caller's promise.
        unsafe {
            let mut sums = [s.splat(0.0); B];
            let mut at = column;
            while at < self.dx.len() {
                let x = s.load_some(self.dx.as_ptr().add(at), width);
                let y = s.load_some(self.dy.as_ptr().add(at), width);
                let length = s.load_some(self.lengths.as_ptr().add(at), width);
                for b in 0..B {
                    let (cos, sin) = *self.starts.get_unchecked(first + b);
                    // Products that are each rounded alone: at 45 degrees both are the same, and a fused one would not be.
                    let (up, right) = (s.mul(s.splat(cos), y), s.mul(s.splat(sin), x));
                    sums[b] = s.add(sums[b], s.keep_at_least(length, up, right));
                }
                at += self.w;
            }
            for b in 0..B {
                s.store_some(self.sums.as_mut_ptr().add((first + b + 1) * self.w + column), sums[b], width);
            }
        }
    }
}

impl Kernel for Votes<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(mut self, s: S) {
        // SAFETY: columns step through a row, bins through `starts`; every access is of what they cover.
        unsafe {
            self.turn(s);
            for column in (0..self.w).step_by(S::LANES) {
                let width = self.w - column;
                let mut all = s.splat(0.0);
                let mut at = column;
                while at < self.dx.len() {
                    all = s.add(all, s.load_some(self.lengths.as_ptr().add(at), width));
                    at += self.w;
                }
                s.store_some(self.sums.as_mut_ptr().add(column), all, width);
                let mut first = 0;
                while first < self.starts.len() {
                    if self.starts.len() - first >= TOGETHER {
                        self.bins::<S, TOGETHER>(s, first, column, width);
                        first += TOGETHER;
                    } else {
                        self.bins::<S, 1>(s, first, column, width);
                        first += 1;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer_tests::{near, same_everywhere, values};

    #[test]
    fn votes_fall_where_the_arc_tangent_says() {
        for (n, rows, w) in [(1, 2, 3), (9, 8, 37), (12, 5, 16), (4, 3, 1)] {
            let grain = |v: Vec<f32>| -> Vec<f32> { v.into_iter().map(|v| (v * 4.0).round()).collect() };
            let (dx, dy) = (grain(values("dx", rows * w)), grain(values("dy", rows * w)));
            let out = same_everywhere(|| {
                let mut sums = vec![f32::NAN; n * w];
                Bins::new(n).votes(&mut dx.clone(), &mut dy.clone(), &mut sums);
                vec![sums]
            });
            let mut expected = vec![0.0; n * w];
            for i in 0..rows * w {
                let (x, y) = (f64::from(dx[i]), f64::from(dy[i]));
                let angle = y.atan2(x).to_degrees().rem_euclid(180.0);
                let bin = (0..n).rev().find(|&k| angle >= 180.0 / n as f64 * k as f64 - 1e-9).expect("a bin");
                for k in 0..=bin {
                    expected[k * w + i % w] += x.hypot(y);
                }
            }
            near(&out[0], &expected);
        }
    }
}
