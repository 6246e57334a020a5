//! Two 3x3 convolutions and a shortcut. He et al. 2016 <https://arxiv.org/abs/1512.03385>.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use striate_engine::ops::{Activation, Padding};

use super::shortcut::{Step, shortcut};
use super::{ConvNorm, Shortcut, conv_norm};
use crate::Pass;
use crate::layers::{After, BatchNorm, BatchNormConfig, Conv2d, Conv2dConfig};

/// How to build a [`BasicBlock`].
#[derive(Clone, Debug)]
pub struct BasicBlockConfig {
    /// Channels of the input.
    pub in_channels: usize,
    /// Channels of the output.
    pub out_channels: usize,
    /// Of the first convolution and the shortcut.
    pub stride: usize,
    /// The way around.
    pub shortcut: Shortcut,
}

/// `relu(bn2(conv2(relu(bn1(conv1(x))))) + shortcut(x))`.
#[derive(Module, Debug)]
pub struct BasicBlock {
    conv1: Conv2d,
    bn1: BatchNorm,
    conv2: Conv2d,
    bn2: BatchNorm,
    downsample: Option<ConvNorm>,
    #[module(skip)]
    step: Step,
}

impl BasicBlockConfig {
    /// All zeros, until weights fill it.
    pub fn init(&self, device: &Device) -> BasicBlock {
        let Self { in_channels, out_channels, stride, shortcut } = *self;
        let conv = |c_in, stride| {
            Conv2dConfig { stride, padding: Padding::Each(1), ..Conv2dConfig::new([c_in, out_channels], 3) }
                .init(device)
        };
        let changes = stride != 1 || in_channels != out_channels;
        let downsample = (shortcut == Shortcut::Projection && changes)
            .then(|| conv_norm(&Conv2dConfig { stride, ..Conv2dConfig::new([in_channels, out_channels], 1) }, device));
        BasicBlock {
            conv1: conv(in_channels, stride),
            bn1: BatchNormConfig::new(out_channels).init(device),
            conv2: conv(out_channels, 1),
            bn2: BatchNormConfig::new(out_channels).init(device),
            downsample,
            step: Step { shortcut, out_channels, stride },
        }
    }
}

impl BasicBlock {
    /// # Shapes
    /// - `x`: `[N, C_in, H, W]`, output: `[N, C_out, H / stride, W / stride]`, rounded up
    pub fn forward(&self, x: Tensor<4>, pass: &Pass) -> Tensor<4> {
        let (x, around) = if self.step.shortcut == Shortcut::None { (x.clone(), x) } else { pass.fork(x) };
        let y = self.conv1.forward_norm(x, &self.bn1, After::act(Activation::Relu), pass); // [N, C_out, H_out, W_out]
        let residual = shortcut(around, self.downsample.as_ref(), self.step, pass);
        self.conv2.forward_norm(y, &self.bn2, After { residual, activation: Activation::Relu }, pass)
    }
}
