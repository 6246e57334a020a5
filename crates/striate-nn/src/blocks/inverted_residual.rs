//! Expand, filter each channel alone, project back. Sandler et al. 2018 <https://arxiv.org/abs/1801.04381>.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use striate_engine::ops::{Activation, Padding};

use super::shortcut::around;
use super::{ConvNorm, conv_norm, conv_norm_relu6};
use crate::Pass;
use crate::layers::{After, BatchNorm, Conv2d, Conv2dConfig};

/// How to build an [`InvertedResidual`].
#[derive(Clone, Debug)]
pub struct InvertedResidualConfig {
    /// Channels of the input.
    pub in_channels: usize,
    /// Channels of the output.
    pub out_channels: usize,
    /// Of the depthwise convolution.
    pub stride: usize,
    /// Inner channels for one input channel; 1 leaves the expanding convolution out.
    pub expand_ratio: usize,
}

/// The block of MobileNetV2, under torchvision's names; the input is added where the shape stays.
#[derive(Module, Debug)]
pub struct InvertedResidual {
    conv: Stages,
    residual: bool,
}

/// Torchvision numbers the stages from 0 whether or not the first expands.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant)] // a net holds a few dozen, all of them built once
enum Stages {
    /// Depthwise, project.
    Plain((ConvNorm, Conv2d, BatchNorm)),
    /// Expand, depthwise, project.
    Expanded((ConvNorm, ConvNorm, Conv2d, BatchNorm)),
}

impl InvertedResidualConfig {
    /// All zeros, until weights fill it.
    pub fn init(&self, device: &Device) -> InvertedResidual {
        let Self { in_channels, out_channels, stride, expand_ratio } = *self;
        let inner = in_channels * expand_ratio;
        let depthwise =
            Conv2dConfig { stride, padding: Padding::Each(1), groups: inner, ..Conv2dConfig::new([inner, inner], 3) };
        let depthwise = conv_norm(&depthwise, device);
        let (project, norm) = conv_norm(&Conv2dConfig::new([inner, out_channels], 1), device);
        let conv = match expand_ratio {
            1 => Stages::Plain((depthwise, project, norm)),
            _ => {
                let expand = conv_norm(&Conv2dConfig::new([in_channels, inner], 1), device);
                Stages::Expanded((expand, depthwise, project, norm))
            }
        };
        InvertedResidual { conv, residual: stride == 1 && in_channels == out_channels }
    }
}

impl InvertedResidual {
    /// # Shapes
    /// - `x`: `[N, C_in, H, W]`, output: `[N, C_out, H / stride, W / stride]`, rounded up
    pub fn forward(&self, x: Tensor<4>, pass: &Pass) -> Tensor<4> {
        let (x, residual) = if self.residual { around(x, pass) } else { (x, None) };
        let after = After { residual, activation: Activation::Identity };
        match &self.conv {
            Stages::Plain((depthwise, project, norm)) => {
                let y = conv_norm_relu6(depthwise, x, pass); // [N, C_in, H_out, W_out]
                project.forward_norm(y, norm, after, pass) // [N, C_out, H_out, W_out]
            }
            Stages::Expanded((expand, depthwise, project, norm)) => {
                let y = conv_norm_relu6(expand, x, pass); // [N, inner, H, W]
                let y = conv_norm_relu6(depthwise, y, pass); // [N, inner, H_out, W_out]
                project.forward_norm(y, norm, after, pass) // [N, C_out, H_out, W_out]
            }
        }
    }
}
