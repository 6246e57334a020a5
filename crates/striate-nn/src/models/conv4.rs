//! `conv4`: four blocks of 3x3 convolution, batch norm, ReLU and 2x2 max pool: the small net of few-shot learning.
//! Vinyals et al. 2016 <https://arxiv.org/abs/1606.04080>; here with a global average pool before the last layer.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use striate_engine::ops::{self, Activation, Padding, PoolSpec};

use crate::blocks::{ConvNorm, conv_norm};
use crate::layers::{After, Conv2dConfig, Dropout, Linear, LinearConfig};
use crate::{NetConfig, Pass};

/// Channels of each block unless the configuration says otherwise.
const WIDTH: usize = 32;

/// Four convolutions of one width, and a linear layer.
#[derive(Module, Debug)]
pub struct Conv4 {
    blocks: Vec<ConvNorm>,
    fc: Linear,
    dropout: Dropout,
}

impl Conv4 {
    /// All zeros, until weights fill it.
    pub fn new(config: &NetConfig, device: &Device) -> Self {
        let width = config.width.unwrap_or(WIDTH);
        let block = |i| {
            let c_in = if i == 0 { config.in_channels } else { width };
            conv_norm(&Conv2dConfig { padding: Padding::Each(1), ..Conv2dConfig::new([c_in, width], 3) }, device)
        };
        Self {
            blocks: (0..4).map(block).collect(),
            fc: LinearConfig::new(width, config.num_classes).init(device),
            dropout: Dropout::new(config.dropout, 0),
        }
    }

    /// # Shapes
    /// - `x`: `[N, C, H, W]`, output: `[N, width]`
    pub fn features(&self, mut x: Tensor<4>, pass: &Pass) -> Tensor<2> {
        for (conv, norm) in &self.blocks {
            x = conv.forward_norm(x, norm, After::act(Activation::Relu), pass); // [N, width, H, W]
            let [_, _, h, w] = x.dims();
            if h.min(w) >= 2 {
                x = ops::max_pool2d(x, PoolSpec::tiles(2)); // [N, width, H / 2, W / 2]
            }
        }
        ops::global_avg_pool2d(x) // [N, width]
    }

    /// Length of the features.
    pub fn feature_len(&self) -> usize {
        self.fc.in_features()
    }

    /// # Shapes
    /// - `x`: `[N, C, H, W]`, output: `[N, K]`
    pub fn forward(&self, x: Tensor<4>, pass: &Pass) -> Tensor<2> {
        self.head(self.features(x, pass), pass)
    }

    /// # Shapes
    /// - `features`: `[N, D]`, output: `[N, K]`
    pub fn head(&self, features: Tensor<2>, pass: &Pass) -> Tensor<2> {
        self.fc.forward(self.dropout.forward(features, pass), pass)
    }
}
