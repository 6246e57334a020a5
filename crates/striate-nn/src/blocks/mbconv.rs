//! The block of EfficientNet, under timm's names. Tan and Le 2019 <https://arxiv.org/abs/1905.11946>.
//!
//! The Lite form has no squeeze-and-excitation and ReLU6 in place of swish.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use striate_engine::ops::{Activation, Padding};

use super::shortcut::around;
use crate::Pass;
use crate::layers::{After, BatchNorm, BatchNormConfig, Conv2d, Conv2dConfig};

/// How to build an [`Mbconv`].
#[derive(Clone, Debug)]
pub struct MbconvConfig {
    /// Channels of the input.
    pub in_channels: usize,
    /// Channels of the output.
    pub out_channels: usize,
    /// Taps of the depthwise kernel along each side.
    pub kernel_size: usize,
    /// Of the depthwise convolution.
    pub stride: usize,
    /// Inner channels for one input channel; 1 leaves the expanding convolution out.
    pub expand_ratio: usize,
    /// TensorFlow's SAME zeros, or as many on each side.
    pub same_padding: bool,
    /// Of every batch norm.
    pub eps: f64,
}

/// Expand (where there is an expansion), filter each channel alone, project; the input is added where the shape stays.
///
/// timm calls the stages by other names where nothing expands.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant)] // a net holds a few dozen, all of them built once
pub enum Mbconv {
    /// Depthwise, project.
    Separable(Separable),
    /// Expand, depthwise, project.
    Expanded(Expanded),
}

/// The stages of an [`Mbconv`] without expansion.
#[derive(Module, Debug)]
pub struct Separable {
    conv_dw: Conv2d,
    bn1: BatchNorm,
    conv_pw: Conv2d,
    bn2: BatchNorm,
    residual: bool,
}

/// The stages of an [`Mbconv`] with expansion.
#[derive(Module, Debug)]
pub struct Expanded {
    conv_pw: Conv2d,
    bn1: BatchNorm,
    conv_dw: Conv2d,
    bn2: BatchNorm,
    conv_pwl: Conv2d,
    bn3: BatchNorm,
    residual: bool,
}

impl MbconvConfig {
    /// All zeros, until weights fill it.
    pub fn init(&self, device: &Device) -> Mbconv {
        let Self { in_channels, out_channels, kernel_size, stride, expand_ratio, same_padding, eps } = *self;
        let inner = in_channels * expand_ratio;
        let norm = |channels| BatchNormConfig::new(channels).with_eps(eps).init(device);
        let pointwise = |c_in, c_out| Conv2dConfig::new([c_in, c_out], 1).init(device);
        let padding = if same_padding { Padding::Same } else { Padding::Each(kernel_size / 2) };
        let depthwise =
            Conv2dConfig { stride, padding, groups: inner, ..Conv2dConfig::new([inner, inner], kernel_size) };
        let conv_dw = depthwise.init(device);
        let residual = stride == 1 && in_channels == out_channels;
        match expand_ratio {
            1 => Mbconv::Separable(Separable {
                conv_dw,
                bn1: norm(inner),
                conv_pw: pointwise(inner, out_channels),
                bn2: norm(out_channels),
                residual,
            }),
            _ => Mbconv::Expanded(Expanded {
                conv_pw: pointwise(in_channels, inner),
                bn1: norm(inner),
                conv_dw,
                bn2: norm(inner),
                conv_pwl: pointwise(inner, out_channels),
                bn3: norm(out_channels),
                residual,
            }),
        }
    }
}

impl Mbconv {
    /// # Shapes
    /// - `x`: `[N, C_in, H, W]`, output: `[N, C_out, H / stride, W / stride]`, rounded up
    pub fn forward(&self, x: Tensor<4>, pass: &Pass) -> Tensor<4> {
        let relu6 = || After::act(Activation::Relu6);
        let after = |residual: bool, x: Tensor<4>| {
            let (x, residual) = if residual { around(x, pass) } else { (x, None) };
            (x, After { residual, activation: Activation::Identity })
        };
        match self {
            Mbconv::Separable(stage) => {
                let (x, after) = after(stage.residual, x);
                let y = stage.conv_dw.forward_norm(x, &stage.bn1, relu6(), pass); // [N, C_in, H_out, W_out]
                stage.conv_pw.forward_norm(y, &stage.bn2, after, pass) // [N, C_out, H_out, W_out]
            }
            Mbconv::Expanded(stage) => {
                let (x, after) = after(stage.residual, x);
                let y = stage.conv_pw.forward_norm(x, &stage.bn1, relu6(), pass); // [N, inner, H, W]
                let y = stage.conv_dw.forward_norm(y, &stage.bn2, relu6(), pass); // [N, inner, H_out, W_out]
                stage.conv_pwl.forward_norm(y, &stage.bn3, after, pass) // [N, C_out, H_out, W_out]
            }
        }
    }
}
