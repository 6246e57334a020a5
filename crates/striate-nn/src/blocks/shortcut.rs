//! What a residual block adds to its result.

use burn::tensor::Tensor;
use striate_engine::ops::{Activation, PoolSpec, max_pool2d};

use super::ConvNorm;
use crate::Pass;
use crate::layers::After;

/// The way around a residual block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shortcut {
    /// The input, or its 1x1 convolution where the shape changes (option B of He et al. 2016).
    Projection,
    /// The input, with every other pixel and channels of zeros where the shape changes (option A): no parameters.
    Zeros,
    /// Nothing: a plain net.
    None,
}

/// Numbers that decide the shape of a way around.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub shortcut: Shortcut,
    pub out_channels: usize,
    pub stride: usize,
}

/// What goes around, if anything does. # Shapes: output `[N, C_out, H_out, W_out]`
pub(super) fn shortcut(x: Tensor<4>, downsample: Option<&ConvNorm>, step: Step, pass: &Pass) -> Option<Tensor<4>> {
    match (step.shortcut, downsample) {
        (Shortcut::None, _) => None,
        (_, Some((conv, norm))) => Some(conv.forward_norm(x, norm, After::act(Activation::Identity), pass)),
        (Shortcut::Projection, None) => Some(x),
        (Shortcut::Zeros, None) => Some(subsampled(x, step)),
    }
}

/// `x`, and `x` to be added later.
pub(super) fn around(x: Tensor<4>, pass: &Pass) -> (Tensor<4>, Option<Tensor<4>>) {
    let (x, around) = pass.fork(x);
    (x, Some(around))
}

/// Every `stride`-th pixel, then channels of zeros, half before and half after.
fn subsampled(x: Tensor<4>, step: Step) -> Tensor<4> {
    let [_, c_in, _, _] = x.dims();
    let x = match step.stride {
        1 => x,
        stride => max_pool2d(x, PoolSpec { kernel_size: 1, stride, padding: 0, ceil_mode: false }), // [N, C_in, H_out, W_out]
    };
    let zeros = step.out_channels - c_in;
    match zeros {
        0 => x,
        _ => x.pad([(zeros / 2, zeros - zeros / 2), (0, 0), (0, 0)], 0.0), // [N, C_out, H_out, W_out]
    }
}
