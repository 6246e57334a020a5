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

/// Rows of the output that share a read of a line.
pub const ROWS: usize = 4;

/// Registers of each row, so that [`ROWS`] of them hide the latency of the multiply-add units.
const WIDTH: usize = 2;

/// A correlation's sizes, as planes, lines and pixels under its kernel.
#[derive(Clone, Copy, Debug)]
pub struct FilterShape {
    /// Planes.
    pub kd: usize,
    /// Lines of a plane.
    pub kh: usize,
    /// Pixels of a line.
    pub kw: usize,
    /// Numbers of a pixel.
    pub channels: usize,
}

/// Up to [`ROWS`] neighbouring rows of a correlation: `y[r][i]` is the sum, in this order, over planes a, lines b and pixels t
/// of `weights[a, b, t] * lines[a][r + b][i + t * channels]`.
///
/// `lines` has, for each plane, `KH - 1` lines more than `y` has rows.
///
/// # Panics
/// If the lengths do not fit.
pub fn correlate_rows(shape: FilterShape, weights: &[f32], lines: &[&[f32]], rows: usize, y: &mut [f32]) {
    let FilterShape { kd, kh, kw, channels } = shape;
    let each = kh + rows.max(1) - 1;
    let fits = (1..=ROWS).contains(&rows) && y.len().is_multiple_of(rows) && weights.len() == kd * kh * kw && kw > 0;
    let shortest = lines.iter().map(|line| line.len()).min().unwrap_or(usize::MAX);
    let fits = fits && lines.len() == kd * each && shortest >= y.len() / rows.max(1) + kw.saturating_sub(1) * channels;
    assert!(fits, "correlate_rows: {} lines, {rows} rows, {} numbers, {shape:?}", lines.len(), y.len());
    // SAFETY: there are lines for every row, plane and line of the kernel, long enough for its last pixel.
    unsafe { dispatch(CorrelateRows { shape, weights, lines, rows, y }) }
}

struct CorrelateRows<'a> {
    shape: FilterShape,
    weights: &'a [f32],
    lines: &'a [&'a [f32]],
    rows: usize,
    y: &'a mut [f32],
}

impl CorrelateRows<'_> {
    /// # Safety
    /// `R` is the number of rows, and `V` registers from `at`, the last of `width` lanes, are inside each.
    #[inline(always)]
    unsafe fn stretch<S: Simd, const R: usize, const V: usize>(&mut self, s: S, at: usize, width: usize) {
        let FilterShape { kd, kh, kw, channels } = self.shape;
        let each = kh + R - 1;
        let len = self.y.len() / R;
        // SAFETY: the caller's promise, and the lengths that were checked.
        unsafe {
            let mut sums = [[s.splat(0.0); V]; R];
            for plane in 0..kd {
                for line in 0..each {
                    let from = self.lines.get_unchecked(plane * each + line).as_ptr().add(at);
                    for t in 0..kw {
                        let mut x = [s.splat(0.0); V];
                        for v in 0..V {
                            let from = from.add(t * channels + v * S::LANES);
                            x[v] = if V == 1 { s.load_some(from, width) } else { s.load(from) };
                        }
                        for r in 0..R {
                            // The kernel's line that lies on this one, for the row.
                            let b = line.wrapping_sub(r);
                            if b < kh {
                                let weight = s.splat(*self.weights.get_unchecked((plane * kh + b) * kw + t));
                                for v in 0..V {
                                    sums[r][v] = s.fma(x[v], weight, sums[r][v]);
                                }
                            }
                        }
                    }
                }
            }
            for r in 0..R {
                let to = self.y.as_mut_ptr().add(r * len + at);
                for v in 0..V {
                    if V == 1 {
                        s.store_some(to, sums[r][v], width);
                    } else {
                        s.store(to.add(v * S::LANES), sums[r][v]);
                    }
                }
            }
        }
    }

    /// # Safety
    /// `R` is the number of rows.
    #[inline(always)]
    unsafe fn rows<S: Simd, const R: usize>(&mut self, s: S) {
        let (len, mut at) = (self.y.len() / R, 0);
        // SAFETY: each stretch ends inside a row.
        unsafe {
            while len - at >= WIDTH * S::LANES {
                self.stretch::<S, R, WIDTH>(s, at, S::LANES);
                at += WIDTH * S::LANES;
            }
            while at < len {
                self.stretch::<S, R, 1>(s, at, len - at);
                at += S::LANES.min(len - at);
            }
        }
    }
}

impl Kernel for CorrelateRows<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(mut self, s: S) {
        // SAFETY: the lengths were checked.
        unsafe {
            match self.rows {
                4 => self.rows::<S, 4>(s),
                3 => self.rows::<S, 3>(s),
                2 => self.rows::<S, 2>(s),
                _ => self.rows::<S, 1>(s),
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
    fn rows_of_a_correlation() {
        for (rows, len, [kd, kh, kw], channels) in
            [(1, 3, [1, 1, 1], 1), (4, 100, [1, 7, 1], 1), (3, 37, [2, 2, 3], 3), (2, 64, [1, 1, 5], 2)]
        {
            let shape = FilterShape { kd, kh, kw, channels };
            let (each, long) = (kh + rows - 1, len + (kw - 1) * channels);
            let (x, weights) = (values("x", kd * each * long), values("w", kd * kh * kw));
            let lines: Vec<&[f32]> = x.chunks(long).collect();
            let out = same_everywhere(|| {
                let mut y = vec![f32::NAN; rows * len];
                correlate_rows(shape, &weights, &lines, rows, &mut y);
                vec![y]
            });
            let sum = |at: usize| -> f64 {
                let (r, i) = (at / len, at % len);
                let taps = (0..kd * kh * kw).map(|w| (w, w / (kh * kw), w / kw % kh, w % kw));
                taps.map(|(w, a, b, t)| f64::from(weights[w]) * f64::from(lines[a * each + r + b][i + t * channels]))
                    .sum()
            };
            near(&out[0], &(0..rows * len).map(sum).collect::<Vec<f64>>());
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
