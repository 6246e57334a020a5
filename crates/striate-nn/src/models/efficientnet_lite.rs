//! `efficientnet_lite0`, under timm's names. Tan and Le 2019 <https://arxiv.org/abs/1905.11946>, the Lite form of Google's
//! TPU models <https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite>: ReLU6, no squeeze-and-excitation.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use striate_engine::ops::{self, Activation, Padding};

use crate::blocks::{Mbconv, MbconvConfig};
use crate::layers::{
    After, BatchNorm, BatchNormConfig, Conv2d, Conv2dConfig, Dropout, Linear, LinearConfig, Neighbours,
};
use crate::{NetConfig, Pass, Variant};

/// Expansion, channels, blocks, stride of the first block, kernel.
const STAGES: [(usize, usize, usize, usize, usize); 7] = [
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
];
const STEM: usize = 32;
const FEATURES: usize = 1280;

/// A stem, seven stages of blocks, a 1x1 convolution, a global average pool and a linear layer.
#[derive(Module, Debug)]
pub struct EfficientNetLite {
    conv_stem: Conv2d,
    bn1: BatchNorm,
    blocks: Vec<Vec<Mbconv>>,
    conv_head: Conv2d,
    bn2: BatchNorm,
    classifier: Classifier,
    dropout: Dropout,
}

#[derive(Module, Debug)]
enum Classifier {
    Linear(Linear),
    Neighbours(Neighbours),
}

impl EfficientNetLite {
    /// All zeros, until weights fill it.
    pub fn new(config: &NetConfig, device: &Device) -> Self {
        let same_padding = config.variant == Variant::Published;
        let eps = if same_padding { 1e-3 } else { 1e-5 };
        let padding = if same_padding { Padding::Same } else { Padding::Each(1) };
        let norm = |channels| BatchNormConfig::new(channels).with_eps(eps).init(device);
        let mut in_channels = STEM;
        let mut stage = |(expand_ratio, out_channels, blocks, stride, kernel_size)| {
            let block = |i| {
                let stride = if i == 0 { stride } else { 1 };
                let block =
                    MbconvConfig { in_channels, out_channels, kernel_size, stride, expand_ratio, same_padding, eps };
                in_channels = out_channels;
                block.init(device)
            };
            (0..blocks).map(block).collect()
        };
        let blocks = STAGES.map(&mut stage).to_vec();
        Self {
            conv_stem: Conv2dConfig { stride: 2, padding, ..Conv2dConfig::new([config.in_channels, STEM], 3) }
                .init(device),
            bn1: norm(STEM),
            blocks,
            conv_head: Conv2dConfig::new([in_channels, FEATURES], 1).init(device),
            bn2: norm(FEATURES),
            classifier: match &config.neighbours {
                None => Classifier::Linear(LinearConfig::new(FEATURES, config.num_classes).init(device)),
                Some(neighbours) => Classifier::Neighbours(neighbours.init(FEATURES, config.num_classes, device)),
            },
            dropout: Dropout::new(config.dropout, 0),
        }
    }

    /// # Shapes
    /// - `x`: `[N, C, H, W]`, output: `[N, 1280]`
    pub fn features(&self, x: Tensor<4>, pass: &Pass) -> Tensor<2> {
        self.features_above(self.below_last_block(x, pass), pass)
    }

    /// What the last block sees.
    ///
    /// # Shapes
    /// - `x`: `[N, C, H, W]`, output: `[N, 192, H / 32, W / 32]`, rounded up
    pub fn below_last_block(&self, x: Tensor<4>, pass: &Pass) -> Tensor<4> {
        let mut x = self.conv_stem.forward_norm(x, &self.bn1, After::act(Activation::Relu6), pass); // [N, 32, H / 2, W / 2]
        for block in self.below() {
            x = block.forward(x, pass);
        }
        x
    }

    /// Features of what [`Self::below_last_block`] gave.
    ///
    /// # Shapes
    /// - `x`: `[N, 192, H, W]`, output: `[N, 1280]`
    pub fn features_above(&self, mut x: Tensor<4>, pass: &Pass) -> Tensor<2> {
        for block in self.blocks.iter().flatten().skip(self.below().count()) {
            x = block.forward(x, pass); // [N, 320, H, W]
        }
        let x = self.conv_head.forward_norm(x, &self.bn2, After::act(Activation::Relu6), pass); // [N, 1280, H, W]
        ops::global_avg_pool2d(x) // [N, 1280]
    }

    /// All blocks but the last.
    fn below(&self) -> impl Iterator<Item = &Mbconv> {
        let count = self.blocks.iter().flatten().count();
        self.blocks.iter().flatten().take(count.saturating_sub(1))
    }

    /// Length of the features.
    pub fn feature_len(&self) -> usize {
        match &self.classifier {
            Classifier::Linear(linear) => linear.in_features(),
            Classifier::Neighbours(neighbours) => neighbours.in_features(),
        }
    }

    /// # Shapes
    /// - `x`: `[N, C, H, W]`, output: `[N, K]`
    pub fn forward(&self, x: Tensor<4>, pass: &Pass) -> Tensor<2> {
        self.head(self.features(x, pass), pass)
    }

    /// Logits of features.
    ///
    /// # Shapes
    /// - `features`: `[N, 1280]`, output: `[N, K]`
    pub fn head(&self, features: Tensor<2>, pass: &Pass) -> Tensor<2> {
        let x = self.dropout.forward(features, pass);
        match &self.classifier {
            Classifier::Linear(linear) => linear.forward(x, pass),
            Classifier::Neighbours(neighbours) => neighbours.forward(x, pass),
        }
    }
}
