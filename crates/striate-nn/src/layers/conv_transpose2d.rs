//! Two-dimensional transposed convolution: the gradient of a strided convolution's input, as a layer.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use striate_engine::ops::{self, Activation, ConvTranspose2dSpec};

use crate::Pass;
use crate::layers::zeros::zeros;

/// How to build a [`ConvTranspose2d`]; kernels are square and odd.
#[derive(Debug, Clone)]
pub struct ConvTranspose2dConfig {
    /// Channels of the input.
    pub in_channels: usize,
    /// Channels of the output.
    pub out_channels: usize,
    /// Taps of the kernel along each side.
    pub kernel_size: usize,
    /// By how much each side becomes longer.
    pub stride: usize,
}

/// Each pixel of the input is spread over a kernel's place in the output.
#[derive(Module, Debug)]
pub struct ConvTranspose2d {
    weight: Param<Tensor<4>>, // [C_in, C_out, K, K], PyTorch's layout
    bias: Param<Tensor<1>>,   // [C_out]
    stride: usize,
}

impl ConvTranspose2dConfig {
    /// All zeros, until weights fill it.
    pub fn init(&self, device: &Device) -> ConvTranspose2d {
        let Self { in_channels, out_channels, kernel_size, stride } = *self;
        assert!(kernel_size % 2 == 1, "ConvTranspose2d: a kernel of {kernel_size} has no middle");
        ConvTranspose2d {
            weight: zeros([in_channels, out_channels, kernel_size, kernel_size], device),
            bias: zeros([out_channels], device),
            stride,
        }
    }
}

impl ConvTranspose2d {
    /// With what follows, in one pass over memory.
    ///
    /// # Shapes
    /// - `x`: `[N, C_in, H, W]`, output: `[N, C_out, stride * H, stride * W]`
    ///
    /// # Panics
    /// If `x` does not have the channels it was built for.
    pub fn forward_act(&self, x: Tensor<4>, activation: Activation, pass: &Pass) -> Tensor<4> {
        let [_, _, kernel, _] = self.weight.lazy_shape().dims::<4>();
        let spec = ConvTranspose2dSpec { stride: self.stride, padding: kernel / 2, output_padding: self.stride - 1 };
        let [n, _, h, w] = x.dims();
        pass.add_macs((n * h * w * self.weight.lazy_shape().num_elements()) as u64);
        ops::conv_transpose2d(x, self.weight.val(), Some(self.bias.val()), spec, activation)
    }
}
