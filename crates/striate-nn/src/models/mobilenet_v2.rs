//! `mobilenet_v2`, under torchvision's names. Sandler et al. 2018 <https://arxiv.org/abs/1801.04381>.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use striate_engine::ops::{self, Padding};

use crate::blocks::{ConvNorm, InvertedResidual, InvertedResidualConfig, conv_norm, conv_norm_relu6};
use crate::layers::{Conv2dConfig, Dropout, Linear, LinearConfig};
use crate::{NetConfig, Pass};

/// Table 2 of the paper: expansion, channels, blocks, stride of the first block.
const STAGES: [(usize, usize, usize, usize); 7] =
    [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)];
const STEM: usize = 32;
const FEATURES: usize = 1280;

/// A stem, 17 inverted residuals, a 1x1 convolution, a global average pool and a linear layer.
#[derive(Module, Debug)]
pub struct MobileNetV2 {
    features: Vec<Part>,
    classifier: (Dropout, Linear),
}

#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant)] // a net holds 19, all of them built once
enum Part {
    Conv(ConvNorm),
    Block(InvertedResidual),
}

impl MobileNetV2 {
    /// All zeros, until weights fill it.
    pub fn new(config: &NetConfig, device: &Device) -> Self {
        let stem =
            Conv2dConfig { stride: 2, padding: Padding::Each(1), ..Conv2dConfig::new([config.in_channels, STEM], 3) };
        let mut features = vec![Part::Conv(conv_norm(&stem, device))];
        let mut in_channels = STEM;
        for (expand_ratio, out_channels, blocks, stride) in STAGES {
            for i in 0..blocks {
                let stride = if i == 0 { stride } else { 1 };
                let block = InvertedResidualConfig { in_channels, out_channels, stride, expand_ratio };
                features.push(Part::Block(block.init(device)));
                in_channels = out_channels;
            }
        }
        features.push(Part::Conv(conv_norm(&Conv2dConfig::new([in_channels, FEATURES], 1), device)));
        let fc = LinearConfig::new(FEATURES, config.num_classes).init(device);
        Self { features, classifier: (Dropout::new(config.dropout, 0), fc) }
    }

    /// # Shapes
    /// - `x`: `[N, C, H, W]`, output: `[N, 1280]`
    pub fn features(&self, mut x: Tensor<4>, pass: &Pass) -> Tensor<2> {
        for part in &self.features {
            x = match part {
                Part::Conv(conv) => conv_norm_relu6(conv, x, pass),
                Part::Block(block) => block.forward(x, pass),
            };
        }
        ops::global_avg_pool2d(x) // [N, 1280]
    }

    /// Length of the features.
    pub fn feature_len(&self) -> usize {
        self.classifier.1.in_features()
    }

    /// # Shapes
    /// - `x`: `[N, C, H, W]`, output: `[N, K]`
    pub fn forward(&self, x: Tensor<4>, pass: &Pass) -> Tensor<2> {
        self.head(self.features(x, pass), pass)
    }

    /// # Shapes
    /// - `features`: `[N, D]`, output: `[N, K]`
    pub fn head(&self, features: Tensor<2>, pass: &Pass) -> Tensor<2> {
        let (dropout, fc) = &self.classifier;
        fc.forward(dropout.forward(features, pass), pass)
    }
}
