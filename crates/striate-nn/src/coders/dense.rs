//! The fully connected autoencoder: linear layers with rectifiers between, wide to narrow to wide.
//! Hinton, Salakhutdinov 2006 <https://doi.org/10.1126/science.1127647>.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use striate_engine::ops::Activation;

use super::CoderConfig;
use crate::Pass;
use crate::layers::{Linear, LinearConfig};

/// Every layer but the last of the encoder and of the decoder is followed by a rectifier; the decoder begins with one on the code.
#[derive(Module, Debug)]
pub struct DenseCoder {
    encoder: Vec<Linear>,
    decoder: Vec<Linear>,
    channels: usize,
    height: usize,
    width: usize,
}

impl DenseCoder {
    /// All zeros, until weights fill it.
    pub fn new(config: &CoderConfig, device: &Device) -> Self {
        let (values, code) = (config.values(), config.code);
        let down: Vec<usize> = [&[values], config.hidden.as_slice(), &[code]].concat();
        let up = match &config.decoder_hidden {
            Some(hidden) => [&[code], hidden.as_slice(), &[values]].concat(),
            None => down.iter().rev().copied().collect(),
        };
        let row = |widths: &[usize]| widths.windows(2).map(|w| LinearConfig::new(w[0], w[1]).init(device)).collect();
        let ([height, width], channels) = (config.image_size, config.in_channels);
        Self { encoder: row(&down), decoder: row(&up), channels, height, width }
    }

    /// # Shapes
    /// - `x`: `[N, C, H, W]`, output: `[N, K]`
    pub fn encode(&self, x: Tensor<4>, pass: &Pass) -> Tensor<2> {
        through(&self.encoder, x.flatten(1, 3), pass)
    }

    /// # Shapes
    /// - `codes`: `[N, K]`, output: `[N, C, H, W]`
    pub fn decode(&self, codes: Tensor<2>, pass: &Pass) -> Tensor<4> {
        let n = codes.dims()[0];
        let x = burn::tensor::activation::relu(codes);
        through(&self.decoder, x, pass).reshape([n, self.channels, self.height, self.width])
    }
}

fn through(layers: &[Linear], x: Tensor<2>, pass: &Pass) -> Tensor<2> {
    let last = layers.len() - 1;
    let activation = |i: usize| if i < last { Activation::Relu } else { Activation::Identity };
    layers.iter().enumerate().fold(x, |x, (i, layer)| layer.forward_act(x, activation(i), pass))
}
