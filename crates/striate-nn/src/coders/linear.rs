//! The linear autoencoder: one linear layer to the code, one back. The best of its kind is what principal components give
//! (Bourlard, Kamp 1988; Baldi, Hornik 1989).

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use striate_engine::ops::{self, Activation};

use super::CoderConfig;
use crate::Pass;
use crate::layers::{Linear, LinearConfig, zeros};

/// `code = A x + a`, `x' = B code + b`; where it is tied, B is A transposed.
#[derive(Module, Debug)]
pub struct LinearCoder {
    encoder: Linear,
    decoder: Option<Linear>,
    /// b of a tied one, `[D]`.
    bias: Option<Param<Tensor<1>>>,
    channels: usize,
    height: usize,
    width: usize,
}

impl LinearCoder {
    /// All zeros, until weights fill it.
    pub fn new(config: &CoderConfig, device: &Device) -> Self {
        let [height, width] = config.image_size;
        Self {
            encoder: LinearConfig::new(config.values(), config.code).init(device),
            decoder: (!config.tied).then(|| LinearConfig::new(config.code, config.values()).init(device)),
            bias: config.tied.then(|| zeros([config.values()], device)),
            channels: config.in_channels,
            height,
            width,
        }
    }

    /// # Shapes
    /// - `x`: `[N, C, H, W]`, output: `[N, K]`
    pub fn encode(&self, x: Tensor<4>, pass: &Pass) -> Tensor<2> {
        self.encoder.forward(x.flatten(1, 3), pass)
    }

    /// # Shapes
    /// - `codes`: `[N, K]`, output: `[N, C, H, W]`
    pub fn decode(&self, codes: Tensor<2>, pass: &Pass) -> Tensor<4> {
        let n = codes.dims()[0];
        let x = match &self.decoder {
            Some(decoder) => decoder.forward(codes, pass),
            None => {
                let weight = self.encoder.weight().transpose(); // [D, K]
                ops::linear(codes, weight, self.bias.as_ref().map(Param::val), Activation::Identity)
            }
        };
        x.reshape([n, self.channels, self.height, self.width])
    }
}
