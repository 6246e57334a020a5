//! Depthwise convolution: each channel alone, channels as lanes.
//!
//! Along each axis an output meets a run of taps, evenly spaced in the kernel and in the source; the gradient of the input
//! is the same walk with the kernel turned around. Where several outputs of a line meet all taps of a 3x3 or 5x5 kernel, they
//! are computed together, so that each pixel and each weight is loaded once.

use rayon::prelude::*;

use crate::conv2d::Conv2dShape;
use crate::isa::{Kernel, dispatch};
use crate::product::Finish;
use crate::shared_slice::Shared;
use crate::simd::Simd;

/// Outputs side by side that are computed together.
const TOGETHER: usize = 4;

/// Numbers of an output that no cache would keep till they are read: from here on they go straight to memory, which spares
/// reading what they replace. `striate bench --only W5.d` measures it.
const STREAMED: usize = 1 << 21;

/// Numbers in a cache line.
const CACHE_LINE: usize = 16;

/// The taps that one output meets along an axis: tap `tap + i * tap_step` lies on source `source + i * source_step`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Run {
    tap: usize,
    tap_step: usize,
    source: usize,
    source_step: usize,
    count: usize,
}

impl Run {
    /// From the taps of an output, in order; the sources rise with them.
    fn of(mut met: impl Iterator<Item = (usize, usize)>) -> Self {
        let Some((tap, source)) = met.next() else { return Self::default() };
        let Some(next) = met.next() else { return Self { tap, tap_step: 1, source, source_step: 1, count: 1 } };
        Self { tap, tap_step: next.0 - tap, source, source_step: next.1 - source, count: 2 + met.count() }
    }
}

/// The runs of every output of an axis of the forward pass.
fn forward_axis(shape: &Conv2dShape, axis: usize) -> Vec<Run> {
    let (source, out, taps) = shape.axis(axis);
    let met = |at: usize, tap: usize| {
        let from = (at * shape.stride + tap * shape.dilation).checked_sub(shape.pad[axis])?;
        (from < source).then_some((tap, from))
    };
    (0..out).map(|at| Run::of((0..taps).filter_map(|tap| met(at, tap)))).collect()
}

/// The runs of every input of an axis, over the gradient; taps count from the last one.
fn backward_axis(shape: &Conv2dShape, axis: usize) -> Vec<Run> {
    let (source, out, taps) = shape.axis(axis);
    let met = |at: usize, tap: usize| {
        let from = (at + shape.pad[axis]).checked_sub((taps - 1 - tap) * shape.dilation)?;
        (from.is_multiple_of(shape.stride) && from / shape.stride < out).then_some((tap, from / shape.stride))
    };
    (0..source).map(|at| Run::of((0..taps).filter_map(|tap| met(at, tap)))).collect()
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
    let walk = Walk::new(shape, [shape.h, shape.w], [0, 1].map(|axis| forward_axis(shape, axis)));
    // SAFETY: the runs stay inside `x`; the caller vouches for `finish`.
    unsafe { walk.all(x, packed, finish, y) }
}

/// The gradient of the input.
pub(crate) fn backward_input(shape: &Conv2dShape, gradient: &[f32], weight: &[f32], dx: &mut [f32]) {
    let (taps, c) = (shape.kh * shape.kw, shape.c_in);
    let turned: Vec<f32> = (0..taps * c).map(|i| weight[i % c * taps + taps - 1 - i / c]).collect();
    let walk = Walk::new(shape, [shape.h_out, shape.w_out], [0, 1].map(|axis| backward_axis(shape, axis)));
    // SAFETY: the runs stay inside the gradient; nothing is read through the finish.
    unsafe { walk.all(gradient, &turned, Finish::NONE, dx) }
}

/// All outputs of one convolution.
struct Walk {
    channels: usize,
    /// Taps across.
    kw: usize,
    /// Height and width.
    source: [usize; 2],
    /// Of every row and of every column of the target.
    rows: Vec<Run>,
    columns: Vec<Run>,
    /// The column from which, and the number of outputs that, are computed at a time.
    steps: Vec<(usize, usize)>,
    /// Between the sources of neighbouring outputs that are computed together.
    stride: usize,
}

impl Walk {
    fn new(shape: &Conv2dShape, source: [usize; 2], [rows, columns]: [Vec<Run>; 2]) -> Self {
        let full = |run: &Run| run.count == shape.kw && run.tap_step == 1 && run.source_step == 1;
        let between = |x: usize| columns[x + 1].source.wrapping_sub(columns[x].source);
        let stride =
            (1..columns.len()).find(|&x| full(&columns[x - 1]) && full(&columns[x])).map_or(0, |x| between(x - 1));
        let kernel = matches!((shape.kw, stride), (3 | 5, 1 | 2));
        let together = |x: usize| {
            kernel
                && x + TOGETHER <= columns.len()
                && columns[x..x + TOGETHER].iter().all(full)
                && (x..x + TOGETHER - 1).all(|x| between(x) == stride)
        };
        let (mut steps, mut x) = (Vec::new(), 0);
        while x < columns.len() {
            let many = if together(x) { TOGETHER } else { 1 };
            steps.push((x, many));
            x += many;
        }
        Self { channels: shape.c_in, kw: shape.kw, source, rows, columns, steps, stride }
    }

    /// # Safety
    /// The pointers of `finish` fit the target.
    unsafe fn all(&self, source: &[f32], weight: &[f32], finish: Finish, target: &mut [f32]) {
        let [h_source, w_source] = self.source;
        let (h, line) = (self.rows.len(), self.columns.len() * self.channels);
        let target_len = target.len();
        let to = Shared::new(target);
        let lines = target_len / line.max(1);
        let streams = target_len >= STREAMED;
        (0..lines).into_par_iter().for_each(|i| {
            let (image, row) = (i / h, self.rows[i % h]);
            let source = source[(image * h_source + row.source) * w_source * self.channels..].as_ptr();
            // SAFETY: the runs stay inside the picture, and each task has a line of its own.
            unsafe {
                dispatch(Line {
                    walk: self,
                    row,
                    source,
                    weight: weight.as_ptr(),
                    out: to.at(i * line),
                    at: i * line,
                    finish,
                    streams,
                })
            }
        });
    }
}

/// One line of the target.
struct Line<'a> {
    walk: &'a Walk,
    row: Run,
    /// The first row that is read.
    source: *const f32,
    /// `[tap][C]`
    weight: *const f32,
    out: *mut f32,
    /// Of the line in the target, for the residual.
    at: usize,
    finish: Finish,
    /// Whether outputs go past the caches.
    streams: bool,
}

impl Kernel for Line<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self, s: S) {
        for &(x, many) in &self.walk.steps {
            // SAFETY: the steps were made for such kernels.
            unsafe {
                match (many, self.walk.kw, self.walk.stride) {
                    (TOGETHER, 3, 1) => self.together::<S, 3, 1>(s, x),
                    (TOGETHER, 3, 2) => self.together::<S, 3, 2>(s, x),
                    (TOGETHER, 5, 1) => self.together::<S, 5, 1>(s, x),
                    (TOGETHER, 5, 2) => self.together::<S, 5, 2>(s, x),
                    _ => self.alone(s, x),
                }
            }
        }
        if self.streams {
            s.end_stream();
        }
    }
}

impl Line<'_> {
    /// # Safety
    /// The channels are inside the tensors.
    #[inline(always)]
    unsafe fn start<S: Simd>(&self, s: S, c: usize, width: usize) -> S::V {
        // SAFETY: the caller's promise.
        unsafe { if self.finish.bias.is_null() { s.splat(0.0) } else { s.load_some(self.finish.bias.add(c), width) } }
    }

    /// # Safety
    /// As [`Line::start`]; `x` is inside the line.
    #[inline(always)]
    unsafe fn write<S: Simd>(&self, s: S, x: usize, (c, width): (usize, usize), sum: S::V) {
        let at = x * self.walk.channels + c;
        // SAFETY: the caller's promise.
        unsafe {
            let mut v = sum;
            if !self.finish.residual.is_null() {
                v = s.add(v, s.load_some(self.finish.residual.add(self.at + at), width));
            }
            let v = s.min(s.splat(self.finish.high), s.max(s.splat(self.finish.low), v));
            let to = self.out.add(at);
            if self.streams && width >= S::LANES && to.addr().is_multiple_of(4 * S::LANES) {
                s.stream(to, v);
            } else {
                s.store_some(to, v, width);
            }
        }
    }

    /// Outputs from `x` that meet all `K` taps across, `STRIDE` pixels apart.
    ///
    /// # Safety
    /// They do, and the machine has the instructions of `S`.
    #[inline(always)]
    unsafe fn together<S: Simd, const K: usize, const STRIDE: usize>(&self, s: S, x: usize) {
        let Walk { channels, source: [_, w_source], .. } = *self.walk;
        let first = self.walk.columns[x].source * channels;
        let down = self.row.source_step * w_source * channels;
        for c in (0..channels).step_by(S::LANES) {
            let width = (channels - c).min(S::LANES);
            // SAFETY: the runs stay inside the source; what is asked for ahead need not.
            unsafe {
                if c % CACHE_LINE == 0 {
                    for row in 0..STRIDE {
                        let ahead = self.source.wrapping_add((self.row.count + row) * down + first + c);
                        for column in 0..TOGETHER * STRIDE {
                            s.prefetch(ahead.wrapping_add(column * channels));
                        }
                    }
                }
                let mut sums = [self.start(s, c, width); TOGETHER];
                for i in 0..self.row.count {
                    let source = self.source.add(i * down + first + c);
                    let weight = self.weight.add((self.row.tap + i * self.row.tap_step) * K * channels + c);
                    let mut weights = [s.splat(0.0); K];
                    for (k, w) in weights.iter_mut().enumerate() {
                        *w = s.load_some(weight.add(k * channels), width);
                    }
                    for column in 0..(TOGETHER - 1) * STRIDE + K {
                        let pixel = s.load_some(source.add(column * channels), width);
                        for (k, &w) in weights.iter().enumerate() {
                            if column >= k && (column - k) % STRIDE == 0 && (column - k) / STRIDE < TOGETHER {
                                let o = (column - k) / STRIDE;
                                sums[o] = s.fma(pixel, w, sums[o]);
                            }
                        }
                    }
                }
                for (o, &sum) in sums.iter().enumerate() {
                    self.write(s, x + o, (c, width), sum);
                }
            }
        }
    }

    /// One output, whatever taps it meets.
    ///
    /// # Safety
    /// The machine has the instructions of `S`.
    #[inline(always)]
    unsafe fn alone<S: Simd>(&self, s: S, x: usize) {
        let Walk { channels, kw, source: [_, w_source], .. } = *self.walk;
        let (row, run) = (self.row, self.walk.columns[x]);
        for c in (0..channels).step_by(S::LANES) {
            let width = (channels - c).min(S::LANES);
            // SAFETY: the runs stay inside the source.
            unsafe {
                let mut sum = self.start(s, c, width);
                for i in 0..row.count {
                    let source = self.source.add((i * row.source_step * w_source + run.source) * channels + c);
                    let weight = self.weight.add(((row.tap + i * row.tap_step) * kw + run.tap) * channels + c);
                    for k in 0..run.count {
                        let pixel = s.load_some(source.add(k * run.source_step * channels), width);
                        sum = s.fma(pixel, s.load_some(weight.add(k * run.tap_step * channels), width), sum);
                    }
                }
                self.write(s, x, (c, width), sum);
            }
        }
    }
}
