//! `dncnn`: a row of 3x3 convolutions with batch norm at full size, which says what to take away from the picture.
//! Zhang et al. 2017 <https://arxiv.org/abs/1608.03981>.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use striate_engine::ops::{Activation, Padding};

use super::RestorerConfig;
use crate::Pass;
use crate::blocks::{ConvNorm, conv_norm, conv3x3};
use crate::layers::{After, Conv2d, Conv2dConfig};

/// The first and last layer have no norm.
#[derive(Module, Debug)]
pub struct DnCnn {
    head: Conv2d,
    body: Vec<ConvNorm>,
    tail: Conv2d,
}

impl DnCnn {
    /// All zeros, until weights fill it.
    pub fn new(config: &RestorerConfig, device: &Device) -> Self {
        let &RestorerConfig { in_channels, maps, width, depth, .. } = config;
        let conv = Conv2dConfig { padding: Padding::Each(1), ..Conv2dConfig::new([width; 2], 3) };
        Self {
            head: conv3x3([in_channels + maps, width], device),
            body: (2..depth).map(|_| conv_norm(&conv, device)).collect(),
            tail: conv3x3([width, in_channels], device),
        }
    }

    /// # Shapes
    /// - `x`: `[N, C + M, H, W]`, output: `[N, C, H, W]`
    pub fn forward(&self, x: Tensor<4>, pass: &Pass) -> Tensor<4> {
        let x = self.head.forward_act(x, Activation::Relu, pass); // [N, width, H, W]
        let layer = |x, (conv, norm): &ConvNorm| conv.forward_norm(x, norm, After::act(Activation::Relu), pass);
        self.tail.forward(self.body.iter().fold(x, layer), pass) // [N, C, H, W]
    }

    /// Pixels around a pixel that it sees.
    pub fn reach(&self) -> usize {
        self.body.len() + 2
    }
}
