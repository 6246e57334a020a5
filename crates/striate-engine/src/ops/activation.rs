//! Rectifiers.

use std::borrow::Cow;

use burn::tensor::{Tensor, activation};
use burn_flex::FlexTensor;
use striate_kernels::activation::{clamp, clamp_backward};
use striate_kernels::memory::buffer;

use crate::custom::{INPUTS, Keeps, Kept, Op, apply_to, on_cpu};
use crate::layout::{dims, from_pixels, pixels};

/// What follows a layer, number by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// Nothing.
    Identity,
    /// `max(x, 0)`
    Relu,
    /// `min(max(x, 0), 6)`. Howard et al. 2017 <https://arxiv.org/abs/1704.04861>.
    Relu6,
}

impl Activation {
    /// The bounds that it holds numbers between.
    pub(crate) fn bounds(self) -> (f32, f32) {
        match self {
            Self::Identity => (f32::NEG_INFINITY, f32::INFINITY),
            Self::Relu => (0.0, f32::INFINITY),
            Self::Relu6 => (0.0, 6.0),
        }
    }

    /// The gradient before the activation, given its output `y` and that of its output.
    pub(crate) fn backward<'a>(self, y: &[f32], dy: Cow<'a, [f32]>) -> Cow<'a, [f32]> {
        if self == Self::Identity {
            return dy;
        }
        let mut before = buffer(dy.len());
        clamp_backward(y, &dy, self.bounds(), &mut before);
        Cow::Owned(before)
    }

    /// By Burn's own operations.
    pub(crate) fn composed<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        match self {
            Self::Identity => x,
            Self::Relu => activation::relu(x),
            Self::Relu6 => activation::relu6(x),
        }
    }
}

/// The activation of a picture tensor. # Shapes: `x`, output `[N, C, H, W]`
pub fn activate(x: Tensor<4>, activation: Activation) -> Tensor<4> {
    let device = x.device();
    if activation == Activation::Identity || !on_cpu(&device) {
        return activation.composed(x);
    }
    apply_to(Clamp(activation), x)
}

#[derive(Debug)]
struct Clamp(Activation);

impl Op for Clamp {
    fn keeps(&self) -> Keeps {
        Keeps { inputs: [false; INPUTS], output: true }
    }

    fn forward(&self, [x, ..]: [FlexTensor; INPUTS]) -> FlexTensor {
        let mut y = buffer(x.layout().num_elements());
        clamp(&pixels(&x), self.0.bounds(), &mut y);
        from_pixels(y, dims(&x))
    }

    fn backward(&self, kept: Kept) -> [Option<FlexTensor>; INPUTS] {
        let dx = self.0.backward(&pixels(&kept.output), pixels(&kept.gradient));
        [Some(from_pixels(dx.into_owned(), dims(&kept.output))), None, None, None]
    }
}
