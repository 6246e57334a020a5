//! Batch normalisation of channels-last tensors with what follows it: a residual sum and a rectifier.
//!
//! `x` is rows of C numbers (N, H and W are rows). Sums go over stretches of 256 rows, in order and in f32, then over
//! stretches in f64, so their bits do not depend on the threads. Ioffe and Szegedy 2015 <https://arxiv.org/abs/1502.03167>.

use rayon::prelude::*;

use crate::isa::{Kernel, dispatch};
use crate::simd::Simd;

/// Rows that are summed in f32.
const STRETCH: usize = 256;

/// Registers of channels that a pass over rows takes at a time.
const ABREAST: usize = 4;

/// What the forward pass leaves for the backward pass, `[C]` each.
#[derive(Clone, Debug)]
pub struct Statistics {
    /// Mean of each channel.
    pub mean: Vec<f32>,
    /// Variance of each channel, divided by the number of rows (biased).
    pub var: Vec<f32>,
}

/// Scale and shift of each channel, `[C]` each, and what is added to the variance before the root.
#[derive(Clone, Copy, Debug)]
pub struct Affine<'a> {
    /// Gamma.
    pub weight: &'a [f32],
    /// Beta.
    pub bias: &'a [f32],
    /// Added to the variance.
    pub eps: f64,
}

/// Normalises by the batch's own statistics: `y = clamp((x - mean) / sqrt(var + eps) * weight + bias + residual)`.
///
/// # Panics
/// If the lengths do not fit.
pub fn batch_norm(x: &[f32], affine: Affine, residual: Option<&[f32]>, clamp: (f32, f32), y: &mut [f32]) -> Statistics {
    let statistics = statistics(x, affine.weight.len());
    let (scale, shift) = scale_and_shift(&statistics, affine);
    scale_shift(x, (&scale, &shift), residual, clamp, y);
    statistics
}

/// Mean and variance of each of `c` channels.
///
/// # Panics
/// If `x` is not rows of `c` numbers.
pub fn statistics(x: &[f32], c: usize) -> Statistics {
    assert!(c > 0 && x.len().is_multiple_of(c), "batch_norm: {} numbers are not rows of {c}", x.len());
    // Sums are of differences from the first row: a mean far from 0 costs no digits.
    let origin = x.get(..c).map_or_else(|| vec![0.0; c], <[f32]>::to_vec);
    let sums = channel_sums(Op::Moments { x, origin: &origin }, c, x.len() / c);
    let count = ((x.len() / c) as f64).max(1.0);
    let mean_off = |i: usize| sums[0][i] / count;
    let mean = (0..c).map(|i| (f64::from(origin[i]) + mean_off(i)) as f32).collect();
    let var = (0..c).map(|i| (sums[1][i] / count - mean_off(i) * mean_off(i)).max(0.0) as f32).collect();
    Statistics { mean, var }
}

/// The two numbers of each channel that a normalisation comes down to.
pub fn scale_and_shift(statistics: &Statistics, affine: Affine) -> (Vec<f32>, Vec<f32>) {
    let scale: Vec<f32> = affine
        .weight
        .iter()
        .zip(&statistics.var)
        .map(|(&weight, &var)| (f64::from(weight) / (f64::from(var) + affine.eps).sqrt()) as f32)
        .collect();
    let shift = (0..scale.len()).map(|i| (-statistics.mean[i]).mul_add(scale[i], affine.bias[i])).collect();
    (scale, shift)
}

/// `y = clamp(x * scale + shift + residual)`, scale and shift by channel.
///
/// # Panics
/// If the lengths do not fit.
pub fn scale_shift(
    x: &[f32],
    (scale, shift): (&[f32], &[f32]),
    residual: Option<&[f32]>,
    clamp: (f32, f32),
    y: &mut [f32],
) {
    let c = scale.len();
    assert!(c > 0 && x.len().is_multiple_of(c), "scale_shift: {} numbers are not rows of {c}", x.len());
    assert!(
        y.len() == x.len() && residual.is_none_or(|r| r.len() == x.len()) && shift.len() == c,
        "scale_shift: lengths differ"
    );
    let stretch = STRETCH * c;
    y.par_chunks_mut(stretch.max(1)).enumerate().for_each(|(at, y)| {
        let x = &x[at * stretch..][..y.len()];
        let residual = residual.map(|r| &r[at * stretch..][..y.len()]);
        // SAFETY: the slices have the same length, in whole rows.
        unsafe { dispatch(Apply { x, scale, shift, residual, clamp, y }) }
    });
}

struct Apply<'a> {
    x: &'a [f32],
    scale: &'a [f32],
    shift: &'a [f32],
    residual: Option<&'a [f32]>,
    clamp: (f32, f32),
    y: &'a mut [f32],
}

impl Kernel for Apply<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self, s: S) {
        let c = self.scale.len();
        let (x, y) = (self.x.as_ptr(), self.y.as_mut_ptr());
        // SAFETY: all slices hold the rows that are gone through.
        unsafe {
            let (low, high) = (s.splat(self.clamp.0), s.splat(self.clamp.1));
            for row in (0..self.y.len()).step_by(c) {
                for i in (0..c).step_by(S::LANES) {
                    let width = c - i;
                    let scale = s.load_some(self.scale.as_ptr().add(i), width);
                    let shift = s.load_some(self.shift.as_ptr().add(i), width);
                    let mut v = s.fma(s.load_some(x.add(row + i), width), scale, shift);
                    if let Some(residual) = self.residual {
                        v = s.add(v, s.load_some(residual.as_ptr().add(row + i), width));
                    }
                    s.store_some(y.add(row + i), s.min(high, s.max(low, v)), width);
                }
            }
        }
    }
}

/// What the backward pass of [`batch_norm`] reads.
#[derive(Clone, Copy, Debug)]
pub struct Backward<'a> {
    /// Input of the forward pass.
    pub x: &'a [f32],
    /// Output of the forward pass, if it was clamped.
    pub y: Option<&'a [f32]>,
    /// Gradient of the output.
    pub dy: &'a [f32],
    /// Of the forward pass.
    pub statistics: &'a Statistics,
    /// Of the forward pass.
    pub affine: Affine<'a>,
    /// Of the forward pass.
    pub clamp: (f32, f32),
}

/// Gradients of weight and bias; `dx` is overwritten, and so is `dresidual` where there was a residual.
///
/// # Panics
/// If the lengths do not fit.
pub fn batch_norm_backward(of: Backward, dx: &mut [f32], dresidual: Option<&mut [f32]>) -> (Vec<f32>, Vec<f32>) {
    let Backward { x, y, dy, statistics, affine, clamp } = of;
    let c = affine.weight.len();
    assert!(
        x.len() == dy.len() && dx.len() == x.len() && y.is_none_or(|y| y.len() == x.len()),
        "batch_norm: lengths differ"
    );
    assert!(c > 0 && x.len().is_multiple_of(c), "batch_norm: {} numbers are not rows of {c}", x.len());
    assert_eq!(statistics.mean.len(), c, "batch_norm: statistics of another number of channels");
    let rows = x.len() / c;
    let mean = &statistics.mean;
    let sums = channel_sums(Op::Gradient { x, y, dy, mean, clamp }, c, rows);
    let count = (rows as f64).max(1.0);
    let inverse: Vec<f64> = statistics.var.iter().map(|&var| 1.0 / (f64::from(var) + affine.eps).sqrt()).collect();
    // dx = a * dz + b * x + c
    let a: Vec<f64> = (0..c).map(|i| f64::from(affine.weight[i]) * inverse[i]).collect();
    let b: Vec<f64> = (0..c).map(|i| -a[i] * inverse[i] * inverse[i] * sums[1][i] / count).collect();
    let shift: Vec<f32> = (0..c).map(|i| (-a[i] * sums[0][i] / count - b[i] * f64::from(mean[i])) as f32).collect();
    let (a, b): (Vec<f32>, Vec<f32>) = a.iter().zip(&b).map(|(&a, &b)| (a as f32, b as f32)).unzip();
    let stretch = (STRETCH * c).max(1);
    let pieces = dx.par_chunks_mut(stretch).enumerate();
    let input = |at: usize, len: usize| Input {
        x: &x[at * stretch..][..len],
        y: y.map(|y| &y[at * stretch..][..len]),
        dy: &dy[at * stretch..][..len],
        by_channel: [&a, &b, &shift],
        clamp,
    };
    // SAFETY: all slices of a piece have the same length, in whole rows.
    match dresidual {
        None => {
            // SAFETY: all slices of a piece have the same length, in whole rows.
            pieces.for_each(|(at, dx)| unsafe { dispatch(Piece { input: input(at, dx.len()), dx, dresidual: None }) })
        }
        Some(dresidual) => pieces.zip(dresidual.par_chunks_mut(stretch)).for_each(|((at, dx), dresidual)| {
            assert_eq!(dx.len(), dresidual.len(), "batch_norm: the residual has another length");
            // SAFETY: as above.
            unsafe { dispatch(Piece { input: input(at, dx.len()), dx, dresidual: Some(dresidual) }) }
        }),
    }
    let dweight = (0..c).map(|i| (sums[1][i] * inverse[i]) as f32).collect();
    (dweight, sums[0].iter().map(|&sum| sum as f32).collect())
}

struct Input<'a> {
    x: &'a [f32],
    y: Option<&'a [f32]>,
    dy: &'a [f32],
    by_channel: [&'a [f32]; 3],
    clamp: (f32, f32),
}

struct Piece<'a> {
    input: Input<'a>,
    dx: &'a mut [f32],
    dresidual: Option<&'a mut [f32]>,
}

impl Kernel for Piece<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self, s: S) {
        let Input { x, y, dy, by_channel: [a, b, shift], clamp } = self.input;
        let (c, dx) = (a.len(), self.dx.as_mut_ptr());
        let dresidual = self.dresidual.map(<[f32]>::as_mut_ptr);
        // SAFETY: all slices hold the rows that are gone through.
        unsafe {
            let (low, high) = (s.splat(clamp.0), s.splat(clamp.1));
            for row in (0..x.len()).step_by(c) {
                for i in (0..c).step_by(S::LANES) {
                    let (at, width) = (row + i, c - i);
                    let mut dz = s.load_some(dy.as_ptr().add(at), width);
                    if let Some(y) = y {
                        dz = s.keep_between(dz, s.load_some(y.as_ptr().add(at), width), low, high);
                    }
                    if let Some(dresidual) = dresidual {
                        s.store_some(dresidual.add(at), dz, width);
                    }
                    let x = s.load_some(x.as_ptr().add(at), width);
                    let a = s.load_some(a.as_ptr().add(i), width);
                    let b = s.load_some(b.as_ptr().add(i), width);
                    let shift = s.load_some(shift.as_ptr().add(i), width);
                    s.store_some(dx.add(at), s.fma(dz, a, s.fma(x, b, shift)), width);
                }
            }
        }
    }
}

/// Gradients of scale and shift under [`scale_shift`]: the sums of `dy * x` and of `dy` of each of `c` channels.
///
/// # Panics
/// If the lengths do not fit.
pub fn scale_shift_gradients(x: &[f32], dy: &[f32], c: usize) -> (Vec<f32>, Vec<f32>) {
    assert!(c > 0 && x.len().is_multiple_of(c) && x.len() == dy.len(), "scale_shift_gradients: lengths do not fit");
    let (mean, clamp) = (vec![0.0; c], (f32::NEG_INFINITY, f32::INFINITY));
    let [shift, scale] = channel_sums(Op::Gradient { x, y: None, dy, mean: &mean, clamp }, c, x.len() / c);
    let rounded = |sums: Vec<f64>| sums.into_iter().map(|sum| sum as f32).collect();
    (rounded(scale), rounded(shift))
}

/// The sum of each of `c` channels over all rows, as of a bias's gradient.
///
/// # Panics
/// If `x` is not rows of `c` numbers.
pub fn sum_rows(x: &[f32], c: usize) -> Vec<f32> {
    assert!(c > 0 && x.len().is_multiple_of(c), "sum_rows: {} numbers are not rows of {c}", x.len());
    let sums = channel_sums(Op::Sum { x }, c, x.len() / c);
    sums[0].iter().map(|&sum| sum as f32).collect()
}

/// Two sums of each channel over one stretch.
struct Sums<'a> {
    op: Op<'a>,
    c: usize,
    rows: std::ops::Range<usize>,
    /// `[2][C]`
    to: &'a mut [f32],
}

#[derive(Clone, Copy)]
enum Op<'a> {
    /// Of `x`.
    Sum { x: &'a [f32] },
    /// Of `x - origin` and its square.
    Moments { x: &'a [f32], origin: &'a [f32] },
    /// Of `dz` and `dz * (x - mean)`, where `dz` is `dy` inside the clamp.
    Gradient { x: &'a [f32], y: Option<&'a [f32]>, dy: &'a [f32], mean: &'a [f32], clamp: (f32, f32) },
}

fn channel_sums(op: Op, c: usize, rows: usize) -> [Vec<f64>; 2] {
    let mut parts = vec![0.0_f32; rows.div_ceil(STRETCH) * 2 * c];
    parts.par_chunks_mut(2 * c).enumerate().for_each(|(at, to)| {
        let rows = at * STRETCH..((at + 1) * STRETCH).min(rows);
        // SAFETY: the operands hold all rows.
        unsafe { dispatch(Sums { op, c, rows, to }) }
    });
    let mut totals = [vec![0.0_f64; c], vec![0.0_f64; c]];
    for part in parts.chunks_exact(2 * c) {
        for (total, part) in totals.iter_mut().zip(part.chunks_exact(c)) {
            for (total, &part) in total.iter_mut().zip(part) {
                *total += f64::from(part);
            }
        }
    }
    totals
}

impl Sums<'_> {
    /// # Safety
    /// The operands hold all rows; `V` registers from channel `i` on, `width` channels of which there are.
    #[inline(always)]
    unsafe fn columns<S: Simd, const V: usize>(&mut self, s: S, i: usize, width: usize) {
        let c = self.c;
        // SAFETY: the caller's promise.
        unsafe {
            let (mut first, mut second) = ([s.splat(0.0); V], [s.splat(0.0); V]);
            for row in self.rows.clone() {
                for v in 0..V {
                    let (lane, width) = (v * S::LANES, width - v * S::LANES);
                    let at = row * c + i + lane;
                    match self.op {
                        Op::Sum { x } => first[v] = s.add(first[v], s.load_some(x.as_ptr().add(at), width)),
                        Op::Moments { x, origin } => {
                            let origin = s.load_some(origin.as_ptr().add(i + lane), width);
                            let off = s.sub(s.load_some(x.as_ptr().add(at), width), origin);
                            first[v] = s.add(first[v], off);
                            second[v] = s.fma(off, off, second[v]);
                        }
                        Op::Gradient { x, y, dy, mean, clamp } => {
                            let mut dz = s.load_some(dy.as_ptr().add(at), width);
                            if let Some(y) = y {
                                let y = s.load_some(y.as_ptr().add(at), width);
                                dz = s.keep_between(dz, y, s.splat(clamp.0), s.splat(clamp.1));
                            }
                            let mean = s.load_some(mean.as_ptr().add(i + lane), width);
                            let off = s.sub(s.load_some(x.as_ptr().add(at), width), mean);
                            first[v] = s.add(first[v], dz);
                            second[v] = s.fma(dz, off, second[v]);
                        }
                    }
                }
            }
            for v in 0..V {
                let (lane, width) = (v * S::LANES, width - v * S::LANES);
                s.store_some(self.to.as_mut_ptr().add(i + lane), first[v], width);
                s.store_some(self.to.as_mut_ptr().add(c + i + lane), second[v], width);
            }
        }
    }
}

impl Kernel for Sums<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(mut self, s: S) {
        let mut i = 0;
        while i < self.c {
            // SAFETY: so many channels are left.
            unsafe {
                if self.c - i >= ABREAST * S::LANES {
                    self.columns::<S, ABREAST>(s, i, ABREAST * S::LANES);
                    i += ABREAST * S::LANES;
                } else {
                    self.columns::<S, 1>(s, i, self.c - i);
                    i += S::LANES;
                }
            }
        }
    }
}
