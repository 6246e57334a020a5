//! `lenet5`: two 5x5 convolutions and two linear layers, after LeCun et al. 1998
//! <https://doi.org/10.1109/5.726791>, with 32 and 64 channels, ReLU and max pooling as is usual today.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use striate_engine::ops::{self, Activation, Padding, PoolSpec};

use crate::layers::{Conv2d, Conv2dConfig, Dropout, Linear, LinearConfig};
use crate::{NetConfig, Pass};

/// Length of the features.
const HIDDEN: usize = 128;

/// Convolution, pool, convolution, pool, linear, linear.
#[derive(Module, Debug)]
pub struct LeNet5 {
    conv1: Conv2d,
    conv2: Conv2d,
    fc1: Linear,
    fc2: Linear,
    dropout: Dropout,
}

impl LeNet5 {
    /// All zeros, until weights fill it.
    pub fn new(config: &NetConfig, device: &Device) -> Self {
        let conv = |channels| {
            Conv2dConfig { bias: true, padding: Padding::Each(2), ..Conv2dConfig::new(channels, 5) }.init(device)
        };
        let [h, w] = config.image_size.map(|side| side / 2 / 2);
        Self {
            conv1: conv([config.in_channels, 32]),
            conv2: conv([32, 64]),
            fc1: LinearConfig::new(64 * h * w, HIDDEN).init(device),
            fc2: LinearConfig::new(HIDDEN, config.num_classes).init(device),
            dropout: Dropout::new(config.dropout, 0),
        }
    }

    /// # Shapes
    /// - `x`: `[N, C, H, W]`, output: `[N, 128]`
    pub fn features(&self, x: Tensor<4>, pass: &Pass) -> Tensor<2> {
        let x = ops::max_pool2d(self.conv1.forward_act(x, Activation::Relu, pass), PoolSpec::tiles(2)); // [N, 32, H / 2, W / 2]
        let x = ops::max_pool2d(self.conv2.forward_act(x, Activation::Relu, pass), PoolSpec::tiles(2)); // [N, 64, H / 4, W / 4]
        self.fc1.forward_act(x.flatten(1, 3), Activation::Relu, pass) // [N, 128]
    }

    /// Length of the features.
    pub fn feature_len(&self) -> usize {
        self.fc2.in_features()
    }

    /// # Shapes
    /// - `x`: `[N, C, H, W]`, output: `[N, K]`
    pub fn forward(&self, x: Tensor<4>, pass: &Pass) -> Tensor<2> {
        self.head(self.features(x, pass), pass)
    }

    /// # Shapes
    /// - `features`: `[N, D]`, output: `[N, K]`
    pub fn head(&self, features: Tensor<2>, pass: &Pass) -> Tensor<2> {
        self.fc2.forward(self.dropout.forward(features, pass), pass)
    }
}
