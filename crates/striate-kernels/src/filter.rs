//! Weighted sums of lines: what correlation by rows, by columns, by planes and with dense kernels all come down to.

use crate::isa::{Kernel, dispatch};
use crate::simd::Simd;

/// Registers of one line that share a read of a weight: enough to hide the latency of two multiply-add units.
const REGISTERS: usize = 8;

/// `y[i] = sum over t of weights[t] * sources[t][i]`, in the order of t.
///
/// A correlation along a line passes the same line from several offsets, one across lines passes neighbouring lines.
///
/// # Panics
/// If there are not as many weights as sources, or a source is shorter than `y`.
pub fn weighted_sum(sources: &[&[f32]], weights: &[f32], y: &mut [f32]) {
    assert!(sources.len() == weights.len(), "weighted_sum: {} weights, {} sources", weights.len(), sources.len());
    let shortest = sources.iter().map(|source| source.len()).min().unwrap_or(y.len());
    assert!(shortest >= y.len(), "weighted_sum: a source of {shortest} numbers, {} to write", y.len());
    // SAFETY: as many weights as sources, and each source is at least as long as `y`.
    unsafe { dispatch(WeightedSum { sources, weights, y }) }
}

struct WeightedSum<'a> {
    sources: &'a [&'a [f32]],
    weights: &'a [f32],
    y: &'a mut [f32],
}

impl WeightedSum<'_> {
    /// # Safety
    /// `V` registers from `at`, the last of `width` lanes, are inside every source and `y`.
    #[inline(always)]
    unsafe fn stretch<S: Simd, const V: usize>(&mut self, s: S, at: usize, width: usize) {
        // SAFETY: the caller's promise.
        unsafe {
            let mut sums = [s.splat(0.0); V];
            for (source, &weight) in self.sources.iter().zip(self.weights) {
                let (from, weight) = (source.as_ptr().add(at), s.splat(weight));
                for v in 0..V {
                    let x = if V == 1 { s.load_some(from, width) } else { s.load(from.add(v * S::LANES)) };
                    sums[v] = s.fma(x, weight, sums[v]);
                }
            }
            let to = self.y.as_mut_ptr().add(at);
            for v in 0..V {
                if V == 1 {
                    s.store_some(to, sums[v], width);
                } else {
                    s.store(to.add(v * S::LANES), sums[v]);
                }
            }
        }
    }
}

impl Kernel for WeightedSum<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(mut self, s: S) {
        let (len, mut at) = (self.y.len(), 0);
        // SAFETY: each stretch ends inside `y`, and no source is shorter.
        unsafe {
            while len - at >= REGISTERS * S::LANES {
                self.stretch::<S, REGISTERS>(s, at, S::LANES);
                at += REGISTERS * S::LANES;
            }
            while at < len {
                self.stretch::<S, 1>(s, at, len - at);
                at += S::LANES.min(len - at);
            }
        }
    }
}

/// `y = scale * sqrt(a^2 + b^2)`: the length of a gradient.
///
/// # Panics
/// If the lengths differ.
pub fn magnitude(a: &[f32], b: &[f32], scale: f32, y: &mut [f32]) {
    assert!(a.len() == y.len() && b.len() == y.len(), "magnitude: lengths differ");
    // SAFETY: all slices have the same length.
    unsafe { dispatch(Magnitude { a, b, scale, y }) }
}

struct Magnitude<'a> {
    a: &'a [f32],
    b: &'a [f32],
    scale: f32,
    y: &'a mut [f32],
}

impl Kernel for Magnitude<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self, s: S) {
        for i in (0..self.y.len()).step_by(S::LANES) {
            let left = self.y.len() - i;
            // SAFETY: all slices have the same length.
            unsafe {
                let (a, b) = (s.load_some(self.a.as_ptr().add(i), left), s.load_some(self.b.as_ptr().add(i), left));
                let length = s.sqrt(s.fma(a, a, s.mul(b, b)));
                s.store_some(self.y.as_mut_ptr().add(i), s.mul(s.splat(self.scale), length), left);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer_tests::{near, same_everywhere, values};

    #[test]
    fn weighted_sums_of_any_length() {
        for (len, taps) in [(0, 3), (1, 1), (7, 0), (130, 9), (1000, 17)] {
            let (line, weights) = (values("line", len + taps), values("w", taps));
            let sources: Vec<&[f32]> = (0..taps).map(|t| &line[t..]).collect();
            let out = same_everywhere(|| {
                let mut y = vec![f32::NAN; len];
                weighted_sum(&sources, &weights, &mut y);
                vec![y]
            });
            let sum = |i: usize| (0..taps).map(|t| f64::from(line[i + t]) * f64::from(weights[t])).sum();
            near(&out[0], &(0..len).map(sum).collect::<Vec<f64>>());
        }
    }

    #[test]
    fn magnitudes() {
        let (a, b) = (values("a", 77), values("b", 77));
        let out = same_everywhere(|| {
            let mut y = vec![f32::NAN; 77];
            magnitude(&a, &b, 0.5, &mut y);
            vec![y]
        });
        let expected: Vec<f64> = a.iter().zip(&b).map(|(&a, &b)| 0.5 * f64::from(a).hypot(f64::from(b))).collect();
        near(&out[0], &expected);
    }

    #[test]
    #[should_panic(expected = "a source of 2 numbers, 3 to write")]
    fn a_short_source_is_refused() {
        weighted_sum(&[&[1.0, 2.0]], &[1.0], &mut [0.0; 3]);
    }
}
