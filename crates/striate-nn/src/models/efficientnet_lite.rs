//! `efficientnet_lite0`, under timm's names. Tan and Le 2019 <https://arxiv.org/abs/1905.11946>, the Lite form of Google's
//! TPU models <https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite>: ReLU6, no squeeze-and-excitation.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use striate_engine::ops::{self, Activation, Padding};

use crate::blocks::{Mbconv, MbconvConfig};
use crate::layers::{
    After, BatchNorm, BatchNormConfig, Conv2d, Conv2dConfig, Dropout, Linear, LinearConfig, Neighbours, Normalize,
};
use crate::{NetConfig, Pass, Pooled, Variant};

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
/// Channels of the stem and of each stage but the last together.
const EARLY_CHANNELS: usize = STEM + 16 + 24 + 40 + 80 + 112 + 192;
/// Columns of features of all stages that are standard deviations: after the means of the stem and of each stage but the last, before
/// the means of the last activations.
pub const DEVIATIONS: std::ops::Range<usize> = EARLY_CHANNELS..2 * EARLY_CHANNELS - STEM;
/// Keeps the slope of a standard deviation finite.
const LEAST_VARIANCE: f32 = 1e-6;

/// A stem, seven stages of blocks, a 1x1 convolution, a global average pool and a linear layer.
#[derive(Module, Debug)]
pub struct EfficientNetLite {
    conv_stem: Conv2d,
    bn1: BatchNorm,
    blocks: Vec<Vec<Mbconv>>,
    conv_head: Conv2d,
    bn2: BatchNorm,
    normalize: Option<Normalize>,
    classifier: Classifier,
    dropout: Dropout,
    stages: bool,
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
        let stages = config.pooled == Pooled::Stages;
        let len = if stages { DEVIATIONS.end + FEATURES } else { FEATURES };
        Self {
            conv_stem: Conv2dConfig { stride: 2, padding, ..Conv2dConfig::new([config.in_channels, STEM], 3) }
                .init(device),
            bn1: norm(STEM),
            blocks,
            conv_head: Conv2dConfig::new([in_channels, FEATURES], 1).init(device),
            bn2: norm(FEATURES),
            normalize: config.normalize.then(|| Normalize::new(len, device)),
            classifier: match &config.neighbours {
                None => Classifier::Linear(LinearConfig::new(len, config.num_classes).init(device)),
                Some(neighbours) => Classifier::Neighbours(neighbours.init(len, config.num_classes, device)),
            },
            dropout: Dropout::new(config.dropout, 0),
            stages,
        }
    }

    /// # Shapes
    /// - `x`: `[N, C, H, W]`, output: `[N, D]`, D the length of [`Self::feature_len`]
    pub fn features(&self, x: Tensor<4>, pass: &Pass) -> Tensor<2> {
        let (below, early) = self.below_last_block(x, pass);
        self.features_above(below, early, pass)
    }

    /// What the last block sees, and what is pooled on the way, where features are pooled after every stage.
    ///
    /// # Shapes
    /// - `x`: `[N, C, H, W]`, outputs: `[N, 192, H / 32, W / 32]`, rounded up, and `[N, 960]`
    pub fn below_last_block(&self, x: Tensor<4>, pass: &Pass) -> (Tensor<4>, Option<Tensor<2>>) {
        let mut x = self.conv_stem.forward_norm(x, &self.bn1, After::act(Activation::Relu6), pass); // [N, 32, H / 2, W / 2]
        let (mut means, mut deviations) = (Vec::new(), Vec::new());
        if self.stages {
            means.push(ops::global_avg_pool2d(x.clone()));
        }
        for stage in self.below() {
            for block in stage {
                x = block.forward(x, pass);
            }
            if self.stages {
                let mean = ops::global_avg_pool2d(x.clone()); // [N, C]
                let variance = ops::global_mean_square2d(x.clone()) - mean.clone().square();
                deviations.push((variance.clamp_min(0.0) + LEAST_VARIANCE).sqrt());
                means.push(mean);
            }
        }
        let early = self.stages.then(|| Tensor::cat(means.into_iter().chain(deviations).collect(), 1)); // [N, 960]
        (x, early)
    }

    /// Features of what [`Self::below_last_block`] gave.
    ///
    /// # Shapes
    /// - `x`: `[N, 192, H, W]`, `early`: `[N, 960]`, output: `[N, D]`
    ///
    /// # Panics
    /// If features are pooled after every stage and `early` is missing.
    pub fn features_above(&self, mut x: Tensor<4>, early: Option<Tensor<2>>, pass: &Pass) -> Tensor<2> {
        for block in self.blocks.iter().skip(self.below().len()).flatten() {
            x = block.forward(x, pass); // [N, 320, H, W]
        }
        let x = self.conv_head.forward_norm(x, &self.bn2, After::act(Activation::Relu6), pass); // [N, 1280, H, W]
        let features = ops::global_avg_pool2d(x); // [N, 1280]
        if !self.stages {
            return features;
        }
        let early = early.expect("features of all stages need what was pooled below the last block");
        Tensor::cat(vec![early, features], 1) // [N, D]
    }

    /// All stages but the last, which is one block.
    fn below(&self) -> &[Vec<Mbconv>] {
        &self.blocks[..self.blocks.len() - 1]
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
    /// - `features`: `[N, D]`, output: `[N, K]`
    pub fn head(&self, features: Tensor<2>, pass: &Pass) -> Tensor<2> {
        let x = match &self.normalize {
            Some(normalize) => normalize.forward(features),
            None => features,
        };
        let x = self.dropout.forward(x, pass);
        match &self.classifier {
            Classifier::Linear(linear) => linear.forward(x, pass),
            Classifier::Neighbours(neighbours) => neighbours.forward(x, pass),
        }
    }
}
