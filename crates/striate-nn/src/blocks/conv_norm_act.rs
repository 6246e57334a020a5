//! A convolution and the batch norm that follows it, as PyTorch numbers them: `0` and `1`.

use burn::tensor::{Device, Tensor};
use striate_engine::ops::Activation;

use crate::Pass;
use crate::layers::{After, BatchNorm, BatchNormConfig, Conv2d, Conv2dConfig};

/// The convolution is part `0`, the norm part `1`.
pub type ConvNorm = (Conv2d, BatchNorm);

/// Builds the pair; the convolution has no bias, since the norm has one.
pub fn conv_norm(config: &Conv2dConfig, device: &Device) -> ConvNorm {
    (config.init(device), BatchNormConfig::new(config.out_channels).init(device))
}

/// Convolution, norm, ReLU6.
///
/// # Shapes
/// - `x`: `[N, C_in, H, W]`, output: `[N, C_out, H_out, W_out]`
pub fn conv_norm_relu6((conv, norm): &ConvNorm, x: Tensor<4>, pass: &Pass) -> Tensor<4> {
    conv.forward_norm(x, norm, After::act(Activation::Relu6), pass)
}
