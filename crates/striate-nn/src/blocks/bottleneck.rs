//! A 3x3 convolution between two 1x1 convolutions, and a shortcut. He et al. 2016 <https://arxiv.org/abs/1512.03385>.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use striate_engine::ops::{Activation, Padding};

use super::shortcut::{Step, shortcut};
use super::{ConvNorm, Shortcut, conv_norm};
use crate::Pass;
use crate::layers::{After, BatchNorm, BatchNormConfig, Conv2d, Conv2dConfig};

/// How to build a [`Bottleneck`].
#[derive(Clone, Debug)]
pub struct BottleneckConfig {
    /// Channels of the input.
    pub in_channels: usize,
    /// Channels of the 3x3 convolution; the output has four times as many.
    pub channels: usize,
    /// Of the 3x3 convolution (as torchvision places it) and the shortcut.
    pub stride: usize,
}

/// `relu(bn3(conv3(relu(bn2(conv2(relu(bn1(conv1(x)))))))) + shortcut(x))`.
#[derive(Module, Debug)]
pub struct Bottleneck {
    conv1: Conv2d,
    bn1: BatchNorm,
    conv2: Conv2d,
    bn2: BatchNorm,
    conv3: Conv2d,
    bn3: BatchNorm,
    downsample: Option<ConvNorm>,
    #[module(skip)]
    step: Step,
}

impl Bottleneck {
    /// Output channels for one channel of the 3x3 convolution.
    pub const EXPANSION: usize = 4;
}

impl BottleneckConfig {
    /// All zeros, until weights fill it.
    pub fn init(&self, device: &Device) -> Bottleneck {
        let Self { in_channels, channels, stride } = *self;
        let out_channels = channels * Bottleneck::EXPANSION;
        let norm = |channels| BatchNormConfig::new(channels).init(device);
        let middle = Conv2dConfig { stride, padding: Padding::Each(1), ..Conv2dConfig::new([channels, channels], 3) };
        let downsample = (stride != 1 || in_channels != out_channels)
            .then(|| conv_norm(&Conv2dConfig { stride, ..Conv2dConfig::new([in_channels, out_channels], 1) }, device));
        Bottleneck {
            conv1: Conv2dConfig::new([in_channels, channels], 1).init(device),
            bn1: norm(channels),
            conv2: middle.init(device),
            bn2: norm(channels),
            conv3: Conv2dConfig::new([channels, out_channels], 1).init(device),
            bn3: norm(out_channels),
            downsample,
            step: Step { shortcut: Shortcut::Projection, out_channels, stride },
        }
    }
}

impl Bottleneck {
    /// # Shapes
    /// - `x`: `[N, C_in, H, W]`, output: `[N, 4 * C, H / stride, W / stride]`, rounded up
    pub fn forward(&self, x: Tensor<4>, pass: &Pass) -> Tensor<4> {
        let relu = || After::act(Activation::Relu);
        let (x, around) = pass.fork(x);
        let y = self.conv1.forward_norm(x, &self.bn1, relu(), pass); // [N, C, H, W]
        let y = self.conv2.forward_norm(y, &self.bn2, relu(), pass); // [N, C, H_out, W_out]
        let residual = shortcut(around, self.downsample.as_ref(), self.step, pass);
        self.conv3.forward_norm(y, &self.bn3, After { residual, activation: Activation::Relu }, pass)
    }
}
