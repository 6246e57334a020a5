//! The plain convolutional autoencoder: strided convolutions down to one vector, and their mirror. Masci et al. 2011
//! <https://doi.org/10.1007/978-3-642-21735-7_7>, with strides in place of pools.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use striate_engine::ops::{Activation, Padding};

use super::CoderConfig;
use crate::Pass;
use crate::layers::{Conv2d, Conv2dConfig, ConvTranspose2d, ConvTranspose2dConfig, Linear, LinearConfig};

/// Channels after each convolution, each of which halves both sides.
const CHANNELS: [usize; 4] = [64, 128, 192, 256];
const KERNEL: usize = 5;
/// What both sides of a picture are multiples of.
pub(super) const MULTIPLE: usize = 1 << CHANNELS.len();

/// Convolutions, a linear layer to the code, and back.
#[derive(Module, Debug)]
pub struct StridedCoder {
    enc: Vec<Conv2d>,
    fc1: Linear,
    fc2: Linear,
    dec: Vec<ConvTranspose2d>,
    height: usize,
    width: usize,
}

impl StridedCoder {
    /// All zeros, until weights fill it.
    pub fn new(config: &CoderConfig, device: &Device) -> Self {
        let widths = [&[config.in_channels], CHANNELS.as_slice()].concat();
        let [height, width] = config.image_size.map(|side| side / MULTIPLE);
        let map = CHANNELS[CHANNELS.len() - 1] * height * width;
        let down = |i: usize| {
            let conv = Conv2dConfig::new([widths[i], widths[i + 1]], KERNEL);
            Conv2dConfig { stride: 2, padding: Padding::Each(KERNEL / 2), bias: true, ..conv }.init(device)
        };
        let up = |i: usize| {
            let (in_channels, out_channels) = (widths[i + 1], widths[i]);
            ConvTranspose2dConfig { in_channels, out_channels, kernel_size: KERNEL, stride: 2 }.init(device)
        };
        Self {
            enc: (0..CHANNELS.len()).map(down).collect(),
            fc1: LinearConfig::new(map, config.code).init(device),
            fc2: LinearConfig::new(config.code, map).init(device),
            dec: (0..CHANNELS.len()).rev().map(up).collect(),
            height,
            width,
        }
    }

    /// # Shapes
    /// - `x`: `[N, C, H, W]`, output: `[N, K]`, none below 0
    pub fn encode(&self, x: Tensor<4>, pass: &Pass) -> Tensor<2> {
        let x = self.enc.iter().fold(x, |x, conv| conv.forward_act(x, Activation::Relu, pass)); // [N, 256, H / 16, W / 16]
        self.fc1.forward_act(x.flatten(1, 3), Activation::Relu, pass)
    }

    /// # Shapes
    /// - `codes`: `[N, K]`, output: `[N, C, H, W]`
    pub fn decode(&self, codes: Tensor<2>, pass: &Pass) -> Tensor<4> {
        let n = codes.dims()[0];
        let map = self.fc2.forward_act(codes, Activation::Relu, pass);
        let mut x = map.reshape([n, CHANNELS[CHANNELS.len() - 1], self.height, self.width]);
        for (i, conv) in self.dec.iter().enumerate() {
            let activation = if i + 1 < self.dec.len() { Activation::Relu } else { Activation::Identity };
            x = conv.forward_act(x, activation, pass); // [N, C, 2 H, 2 W]
        }
        x
    }
}
