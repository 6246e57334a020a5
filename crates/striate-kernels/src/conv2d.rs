//! Two-dimensional convolution (cross-correlation) of channels-last tensors, and its gradients.
//!
//! `x` is `[N, H, W, C_in]`, `y` `[N, H_out, W_out, C_out]`, `weight` `[C_out, C_in / groups, KH, KW]`. Every output is one chain
//! of fused multiply-adds in a fixed order, so its bits depend on neither threads, nor instruction set, nor batch.

use crate::isa::Isa;
use crate::memory::buffer;
use crate::product::Finish;
use crate::winograd::{self, Filters, Phases, Tiling};
use crate::{depthwise, depthwise_weight, direct, direct_weight, row_weight};

/// The sizes of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv2dShape {
    /// Pictures.
    pub n: usize,
    /// Height of the input.
    pub h: usize,
    /// Width of the input.
    pub w: usize,
    /// Channels of the input.
    pub c_in: usize,
    /// Channels of the output.
    pub c_out: usize,
    /// Taps of the kernel, down.
    pub kh: usize,
    /// Taps of the kernel, across.
    pub kw: usize,
    /// Step of the kernel, in pixels.
    pub stride: usize,
    /// Zeros before the first row and the first column; those after follow from the output's size.
    pub pad: [usize; 2],
    /// Distance between taps, in pixels.
    pub dilation: usize,
    /// Channels are split into so many groups, each convolved alone.
    pub groups: usize,
    /// Height of the output.
    pub h_out: usize,
    /// Width of the output.
    pub w_out: usize,
}

/// How a convolution is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// Tiles of 6x6 over kernels of so many taps a side of each phase: 3 or 5.
    Winograd(usize),
    /// Tap by tap.
    Direct,
    /// Channel by channel.
    Depthwise,
}

/// What happens to an output before it is written.
#[derive(Clone, Copy, Debug)]
pub struct Epilogue<'a> {
    /// Added to each channel.
    pub bias: Option<&'a [f32]>,
    /// Added to each number; laid out as the output.
    pub residual: Option<&'a [f32]>,
    /// The result is held between these; a NaN stays.
    pub clamp: (f32, f32),
}

impl Epilogue<'_> {
    /// Nothing.
    pub const NONE: Self = Self { bias: None, residual: None, clamp: (f32::NEG_INFINITY, f32::INFINITY) };

    fn finish(&self, channels: usize, len: usize) -> Finish {
        let checked = |values: Option<&[f32]>, want: usize, what: &str| match values {
            None => std::ptr::null(),
            Some(values) => {
                assert_eq!(values.len(), want, "conv2d: the {what} has another length");
                values.as_ptr()
            }
        };
        Finish {
            bias: checked(self.bias, channels, "bias"),
            residual: checked(self.residual, len, "residual"),
            low: self.clamp.0,
            high: self.clamp.1,
        }
    }
}

/// Weights as the kernels read them, for the instruction set that is chosen when they are packed.
#[derive(Debug)]
pub struct PackedWeight {
    shape: Conv2dShape,
    algorithm: Algorithm,
    isa: Isa,
    values: Vec<f32>,
}

impl Conv2dShape {
    /// Numbers of the input.
    pub fn x_len(&self) -> usize {
        self.n * self.h * self.w * self.c_in
    }

    /// Numbers of the output.
    pub fn y_len(&self) -> usize {
        self.n * self.h_out * self.w_out * self.c_out
    }

    /// Numbers of the weight.
    pub fn weight_len(&self) -> usize {
        self.c_out * (self.c_in / self.groups) * self.kh * self.kw
    }

    /// The way it is computed: one constant rule for all machines, which does not look at the number of pictures.
    ///
    /// Winograd where its products are at most two thirds of the direct method's (transforms cost the rest) and there are
    /// channels enough to fill registers.
    pub fn algorithm(&self) -> Algorithm {
        if self.groups > 1 && self.groups == self.c_in && self.c_in == self.c_out {
            return Algorithm::Depthwise;
        }
        let Some(taps) = self.winograd_taps() else { return Algorithm::Direct };
        let side = 7 - taps;
        let tiles = self.h_out.div_ceil(side) * self.w_out.div_ceil(side);
        let products = tiles * 36 * self.stride * self.stride;
        let enough = self.c_in.min(self.c_out) >= 16;
        if enough && 3 * products <= 2 * self.h_out * self.w_out * self.kh * self.kw {
            Algorithm::Winograd(taps)
        } else {
            Algorithm::Direct
        }
    }

    /// Every way it can be computed.
    pub fn candidates(&self) -> Vec<Algorithm> {
        let depthwise = self.groups == self.c_in && self.c_in == self.c_out;
        let special =
            if depthwise { Some(Algorithm::Depthwise) } else { self.winograd_taps().map(Algorithm::Winograd) };
        [Algorithm::Direct].into_iter().chain(special).collect()
    }

    /// Taps a side over phases, 3 or 5, if Winograd's method can do it at all.
    fn winograd_taps(&self) -> Option<usize> {
        if self.groups != 1 || self.dilation != 1 || self.kh != self.kw {
            return None;
        }
        let side = |pad: usize| {
            let (before, after) = (pad.div_ceil(self.stride), (self.kh - 1).checked_sub(pad)? / self.stride);
            Some(before + after + 1)
        };
        match side(self.pad[0])?.max(side(self.pad[1])?) {
            ..=3 => Some(3),
            4 | 5 => Some(5),
            _ => None,
        }
    }

    fn tiling(&self, taps: usize) -> Tiling {
        Tiling {
            images: self.n,
            source: Phases { h: self.h, w: self.w, c: self.c_in, step: self.stride },
            target: Phases { h: self.h_out, w: self.w_out, c: self.c_out, step: 1 },
            pad: self.pad.map(|pad| pad.div_ceil(self.stride)),
            taps,
        }
    }

    fn filters(&self, taps: usize) -> Filters {
        let all = self.kh * self.kw;
        Filters {
            taps,
            inner: (self.c_in, self.stride * self.stride, all),
            columns: (self.c_out, 1, self.c_in * all),
            offsets: Filters::offsets(self.kh, self.stride, self.pad, taps, false),
        }
    }

    /// Pixels of the input, pixels of the output and taps along an axis: 0 down, 1 across.
    pub(crate) fn axis(&self, axis: usize) -> (usize, usize, usize) {
        if axis == 0 { (self.h, self.h_out, self.kh) } else { (self.w, self.w_out, self.kw) }
    }

    /// Row and column of the pixel that a tap meets for the output at `(y, x)`, if it is inside.
    pub(crate) fn pixel_under(&self, tap: usize, y: usize, x: usize) -> Option<(usize, usize)> {
        let y = (y * self.stride + tap / self.kw * self.dilation).checked_sub(self.pad[0])?;
        let x = (x * self.stride + tap % self.kw * self.dilation).checked_sub(self.pad[1])?;
        (y < self.h && x < self.w).then_some((y, x))
    }

    fn check_candidate(&self, op: &str, algorithm: Algorithm) {
        assert!(self.candidates().contains(&algorithm), "{op}: {self:?} cannot be computed by {algorithm:?}");
    }

    fn check(&self, op: &str, x: usize, weight: usize, y: usize) {
        assert_eq!(x, self.x_len(), "{op}: x has {x} numbers, {self:?} wants {}", self.x_len());
        assert_eq!(
            weight,
            self.weight_len(),
            "{op}: the weight has {weight} numbers, {self:?} wants {}",
            self.weight_len()
        );
        assert_eq!(y, self.y_len(), "{op}: y has {y} numbers, {self:?} wants {}", self.y_len());
        assert!(
            self.c_in.is_multiple_of(self.groups) && self.c_out.is_multiple_of(self.groups) && self.stride > 0,
            "{op}: {self:?}: groups must divide the channels, and the stride be at least 1"
        );
    }
}

/// Packs weights for [`conv2d`]; `shape.n` does not matter.
///
/// # Panics
/// If the weight does not have the shape's length.
pub fn pack_weight(shape: &Conv2dShape, weight: &[f32]) -> PackedWeight {
    pack_weight_by(shape.algorithm(), shape, weight)
}

/// As [`pack_weight`], for one of the shape's candidates.
///
/// # Panics
/// As [`pack_weight`], and if `algorithm` is no candidate.
pub fn pack_weight_by(algorithm: Algorithm, shape: &Conv2dShape, weight: &[f32]) -> PackedWeight {
    shape.check("pack_weight", shape.x_len(), weight.len(), shape.y_len());
    shape.check_candidate("pack_weight", algorithm);
    let values = match algorithm {
        Algorithm::Direct => direct::pack_forward(shape, weight),
        Algorithm::Depthwise => depthwise::pack(shape, weight),
        Algorithm::Winograd(taps) => {
            let filters = shape.filters(taps);
            let mut values = buffer(filters.packed_len());
            winograd::pack(&filters, weight, &mut values);
            values
        }
    };
    PackedWeight { shape: *shape, algorithm, isa: Isa::current(), values }
}

/// Convolves `x` into `y`.
///
/// # Panics
/// If a slice does not have the shape's length, or the weights were packed for another shape or instruction set.
pub fn conv2d(shape: &Conv2dShape, x: &[f32], weight: &PackedWeight, epilogue: Epilogue, y: &mut [f32]) {
    shape.check("conv2d", x.len(), shape.weight_len(), y.len());
    assert_eq!(Conv2dShape { n: shape.n, ..weight.shape }, *shape, "conv2d: the weights were packed for another shape");
    assert_eq!(weight.isa, Isa::current(), "conv2d: the weights were packed for other instructions");
    if y.is_empty() {
        return;
    }
    let finish = epilogue.finish(shape.c_out, y.len());
    // SAFETY: the epilogue's slices have the lengths that were just checked.
    unsafe {
        match weight.algorithm {
            Algorithm::Winograd(taps) => winograd::convolve(shape.tiling(taps), x, &weight.values, finish, y),
            Algorithm::Direct => direct::forward(shape, x, &weight.values, finish, y),
            Algorithm::Depthwise => depthwise::forward(shape, x, &weight.values, finish, y),
        }
    }
}

/// The gradient of `x`, given that of `y`.
///
/// # Panics
/// If a slice does not have the shape's length.
pub fn conv2d_backward_input(shape: &Conv2dShape, dy: &[f32], weight: &[f32], dx: &mut [f32]) {
    conv2d_transposed(shape, dy, weight, Epilogue::NONE, dx);
}

/// The gradient of `x` with a last touch: the transposed convolution, from `[N, H_out, W_out, C_out]` to `[N, H, W, C_in]`.
///
/// # Panics
/// If a slice does not have the shape's length.
pub fn conv2d_transposed(shape: &Conv2dShape, dy: &[f32], weight: &[f32], epilogue: Epilogue, dx: &mut [f32]) {
    conv2d_transposed_by(shape.algorithm(), shape, dy, weight, epilogue, dx);
}

/// As [`conv2d_transposed`], by one of the shape's candidates.
///
/// # Panics
/// As [`conv2d_transposed`], and if `algorithm` is no candidate.
pub fn conv2d_transposed_by(
    algorithm: Algorithm,
    shape: &Conv2dShape,
    dy: &[f32],
    weight: &[f32],
    epilogue: Epilogue,
    dx: &mut [f32],
) {
    shape.check("conv2d_backward_input", dx.len(), weight.len(), dy.len());
    shape.check_candidate("conv2d_backward_input", algorithm);
    if dx.is_empty() {
        return;
    }
    match algorithm {
        Algorithm::Depthwise => {
            assert!(epilogue.bias.is_none() && epilogue.residual.is_none(), "a depthwise gradient has no epilogue");
            depthwise::backward_input(shape, dy, weight, dx);
        }
        Algorithm::Direct => {
            let finish = epilogue.finish(shape.c_in, dx.len());
            // SAFETY: the epilogue's slices have the lengths that were just checked.
            unsafe { direct::transposed(shape, dy, weight, finish, dx) }
        }
        Algorithm::Winograd(taps) => {
            let forward = shape.tiling(taps);
            let pad = forward.pad.map(|pad| taps - 1 - pad);
            let tiling = Tiling { source: forward.target, target: forward.source, pad, ..forward };
            let filters = shape.filters(taps);
            let filters = Filters {
                inner: filters.columns,
                columns: filters.inner,
                offsets: Filters::offsets(shape.kh, shape.stride, shape.pad, taps, true),
                ..filters
            };
            let mut packed = buffer(filters.packed_len());
            winograd::pack(&filters, weight, &mut packed);
            let finish = epilogue.finish(shape.c_in, dx.len());
            // SAFETY: as above.
            unsafe { winograd::convolve(tiling, dy, &packed, finish, dx) }
        }
    }
}

/// The gradient of the weights, given `x` and the gradient of `y`.
///
/// # Panics
/// If a slice does not have the shape's length.
pub fn conv2d_backward_weight(shape: &Conv2dShape, x: &[f32], dy: &[f32], dweight: &mut [f32]) {
    conv2d_backward_weight_by(shape.algorithm(), shape, x, dy, dweight);
}

/// As [`conv2d_backward_weight`], by one of the shape's candidates.
///
/// # Panics
/// As [`conv2d_backward_weight`], and if `algorithm` is no candidate.
pub fn conv2d_backward_weight_by(
    algorithm: Algorithm,
    shape: &Conv2dShape,
    x: &[f32],
    dy: &[f32],
    dweight: &mut [f32],
) {
    shape.check("conv2d_backward_weight", x.len(), dweight.len(), dy.len());
    shape.check_candidate("conv2d_backward_weight", algorithm);
    if dy.is_empty() || x.is_empty() {
        dweight.fill(0.0);
        return;
    }
    match algorithm {
        Algorithm::Winograd(taps) => {
            let of = winograd::WeightGradient {
                tiling: shape.tiling(taps),
                source: x,
                gradient: dy,
                filters: &shape.filters(taps),
            };
            winograd::backward_weight(of, dweight);
        }
        Algorithm::Direct if row_weight::serves(shape) => row_weight::backward_weight(shape, x, dy, dweight),
        Algorithm::Direct => direct_weight::backward_weight(shape, x, dy, dweight),
        Algorithm::Depthwise => depthwise_weight::backward_weight(shape, x, dy, dweight),
    }
}

#[cfg(test)]
mod tests;
