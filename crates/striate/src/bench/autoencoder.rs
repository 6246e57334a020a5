//! The autoencoder that W3 trains: strided convolutions down to a vector of 1024 numbers, and their mirror.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, activation};
use striate_engine::ops::{self, Activation, ConvTranspose2dSpec, Padding};
use striate_nn::Pass;
use striate_nn::layers::{Conv2d, Conv2dConfig, Linear, LinearConfig};

const CHANNELS: [usize; 5] = [3, 64, 128, 192, 256];
const KERNEL: usize = 5;
/// Side of the smallest map, for a picture of 128 pixels.
const SIDE: usize = 8;
const MAP: usize = CHANNELS[4] * SIDE * SIDE;
const CODE: usize = 1024;

/// Pictures of 3x128x128 to themselves.
#[derive(Module, Debug)]
pub(super) struct Autoencoder {
    enc: Vec<Conv2d>,
    fc1: Linear,
    fc2: Linear,
    dec: Vec<ConvTranspose2d>,
}

/// The gradient of a strided convolution as a layer: every side becomes twice as long.
#[derive(Module, Debug)]
struct ConvTranspose2d {
    weight: Param<Tensor<4>>, // [C_in, C_out, K, K], PyTorch's layout
    bias: Param<Tensor<1>>,   // [C_out]
}

impl ConvTranspose2d {
    fn new(channels: [usize; 2], device: &Device) -> Self {
        let [c_in, c_out] = channels;
        Self {
            weight: Param::from_tensor(Tensor::zeros([c_in, c_out, KERNEL, KERNEL], device)),
            bias: Param::from_tensor(Tensor::zeros([c_out], device)),
        }
    }

    /// # Shapes
    /// - `x`: `[N, C_in, H, W]`, output: `[N, C_out, 2 H, 2 W]`
    fn forward(&self, x: Tensor<4>, activation: Activation) -> Tensor<4> {
        let spec = ConvTranspose2dSpec { stride: 2, padding: KERNEL / 2, output_padding: 1 };
        ops::conv_transpose2d(x, self.weight.val(), Some(self.bias.val()), spec, activation)
    }
}

impl Autoencoder {
    /// All zeros, until weights fill it.
    pub(super) fn new(device: &Device) -> Self {
        let down = |i: usize| {
            let config = Conv2dConfig::new([CHANNELS[i], CHANNELS[i + 1]], KERNEL);
            Conv2dConfig { stride: 2, padding: Padding::Each(KERNEL / 2), bias: true, ..config }.init(device)
        };
        Self {
            enc: (0..4).map(down).collect(),
            fc1: LinearConfig::new(MAP, CODE).init(device),
            fc2: LinearConfig::new(CODE, MAP).init(device),
            dec: (0..4).rev().map(|i| ConvTranspose2d::new([CHANNELS[i + 1], CHANNELS[i]], device)).collect(),
        }
    }

    /// # Shapes
    /// - `x`, output: `[N, 3, 128, 128]`
    pub(super) fn forward(&self, mut x: Tensor<4>, pass: &Pass) -> Tensor<4> {
        for conv in &self.enc {
            x = conv.forward_act(x, Activation::Relu, pass); // [N, C, H / 2, W / 2]
        }
        let code = self.fc1.forward_act(x.flatten(1, 3), Activation::Relu, pass); // [N, 1024]
        let map = self.fc2.forward_act(code, Activation::Relu, pass); // [N, 16384]
        let mut x = map.reshape([-1, CHANNELS[4] as i32, SIDE as i32, SIDE as i32]); // [N, 256, 8, 8]
        for (i, conv) in self.dec.iter().enumerate() {
            let activation = if i < 3 { Activation::Relu } else { Activation::Identity };
            x = conv.forward(x, activation); // [N, C, 2 H, 2 W]
        }
        activation::sigmoid(x)
    }

    /// Multiply-adds of one picture's forward pass.
    pub(super) fn macs() -> u64 {
        // An encoder's layer and its mirror join the same maps, so they cost the same.
        let layer = |i: usize| CHANNELS[i] * CHANNELS[i + 1] * KERNEL * KERNEL * (SIDE << (3 - i)).pow(2);
        (2 * ((0..4).map(layer).sum::<usize>() + MAP * CODE)) as u64
    }
}
