//! `linear`: the pixels, flattened, and one linear layer. With cross entropy this is logistic regression on raw pixels.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use crate::layers::{Dropout, Linear, LinearConfig};
use crate::{NetConfig, Pass};

/// One linear layer on the pixels.
#[derive(Module, Debug)]
pub struct LinearNet {
    fc: Linear,
    dropout: Dropout,
}

impl LinearNet {
    /// All zeros, until weights fill it.
    pub fn new(config: &NetConfig, device: &Device) -> Self {
        let [h, w] = config.image_size;
        Self {
            fc: LinearConfig::new(config.in_channels * h * w, config.num_classes).init(device),
            dropout: Dropout::new(config.dropout, 0),
        }
    }

    /// # Shapes
    /// - `x`: `[N, C, H, W]`, output: `[N, C * H * W]`
    pub fn features(&self, x: Tensor<4>, _: &Pass) -> Tensor<2> {
        x.flatten(1, 3)
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
