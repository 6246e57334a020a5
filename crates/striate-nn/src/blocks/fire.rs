//! Squeeze to few channels, expand by 1x1 and 3x3 kernels side by side. Iandola et al. 2016 <https://arxiv.org/abs/1602.07360>.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use striate_engine::ops::{Activation, Padding};

use crate::Pass;
use crate::layers::{Conv2d, Conv2dConfig};

/// How to build a [`Fire`].
#[derive(Clone, Debug)]
pub struct FireConfig {
    /// Channels of the input.
    pub in_channels: usize,
    /// Channels between the two layers.
    pub squeeze: usize,
    /// Channels of each half of the output.
    pub expand: usize,
}

/// The block of SqueezeNet, under torchvision's names.
#[derive(Module, Debug)]
pub struct Fire {
    squeeze: Conv2d,
    expand1x1: Conv2d,
    expand3x3: Conv2d,
}

impl FireConfig {
    /// All zeros, until weights fill it.
    pub fn init(&self, device: &Device) -> Fire {
        let Self { in_channels, squeeze, expand } = *self;
        let conv = |channels, kernel_size| {
            let padding = Padding::Each(kernel_size / 2);
            Conv2dConfig { bias: true, padding, ..Conv2dConfig::new(channels, kernel_size) }.init(device)
        };
        Fire {
            squeeze: conv([in_channels, squeeze], 1),
            expand1x1: conv([squeeze, expand], 1),
            expand3x3: conv([squeeze, expand], 3),
        }
    }
}

impl Fire {
    /// # Shapes
    /// - `x`: `[N, C_in, H, W]`, output: `[N, 2 * expand, H, W]`
    pub fn forward(&self, x: Tensor<4>, pass: &Pass) -> Tensor<4> {
        let squeezed = self.squeeze.forward_act(x, Activation::Relu, pass); // [N, squeeze, H, W]
        let small = self.expand1x1.forward_act(squeezed.clone(), Activation::Relu, pass);
        let large = self.expand3x3.forward_act(squeezed, Activation::Relu, pass);
        Tensor::cat(vec![small, large], 1) // [N, 2 * expand, H, W]
    }
}
