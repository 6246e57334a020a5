//! Two 3x3 convolutions around a rectifier, added to what they see: the block of nets that give pictures, which do without norms.
//! Lim et al. 2017 <https://arxiv.org/abs/1707.02921>.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use striate_engine::ops::{Activation, Padding};

use crate::Pass;
use crate::layers::{Conv2d, Conv2dConfig};

/// `x + conv2(relu(conv1(x)))`
#[derive(Module, Debug)]
pub struct Residual {
    conv1: Conv2d,
    conv2: Conv2d,
}

/// A 3x3 convolution with biases that keeps the size. # Shapes: `channels` are `[C_in, C_out]`
pub fn conv3x3(channels: [usize; 2], device: &Device) -> Conv2d {
    Conv2dConfig { padding: Padding::Each(1), bias: true, ..Conv2dConfig::new(channels, 3) }.init(device)
}

/// A 1x1 convolution with biases. # Shapes: `channels` are `[C_in, C_out]`
pub fn conv1x1(channels: [usize; 2], device: &Device) -> Conv2d {
    Conv2dConfig { bias: true, ..Conv2dConfig::new(channels, 1) }.init(device)
}

impl Residual {
    /// All zeros, until weights fill it.
    pub fn new(channels: usize, device: &Device) -> Self {
        Self { conv1: conv3x3([channels; 2], device), conv2: conv3x3([channels; 2], device) }
    }

    /// So many in a row.
    pub fn row(channels: usize, blocks: usize, device: &Device) -> Vec<Self> {
        (0..blocks).map(|_| Self::new(channels, device)).collect()
    }

    /// # Shapes
    /// - `x`, output: `[N, C, H, W]`
    pub fn forward(&self, x: Tensor<4>, pass: &Pass) -> Tensor<4> {
        let (x, around) = pass.fork(x);
        let y = self.conv1.forward_act(x, Activation::Relu, pass);
        pass.sum(self.conv2.forward(y, pass), around)
    }
}

/// One after another. # Shapes: `x`, output `[N, C, H, W]`
pub fn through(blocks: &[Residual], x: Tensor<4>, pass: &Pass) -> Tensor<4> {
    blocks.iter().fold(x, |x, block| block.forward(x, pass))
}
