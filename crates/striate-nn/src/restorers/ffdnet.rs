//! `ffdnet`: works on squares of two pixels, so that it is fast on large pictures, and is told how much noise there is.
//! Zhang, Zuo, Zhang 2018 <https://arxiv.org/abs/1710.04026>, with residual blocks in place of batch norms.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use striate_engine::ops::{self, Activation};

use super::RestorerConfig;
use crate::Pass;
use crate::blocks::{Residual, conv3x3, through};
use crate::layers::Conv2d;

/// Side of the squares that become channels.
const FACTOR: usize = 2;

/// A convolution, residual blocks, a convolution, at half the size.
#[derive(Module, Debug)]
pub struct FfdNet {
    head: Conv2d,
    body: Vec<Residual>,
    tail: Conv2d,
}

impl FfdNet {
    /// All zeros, until weights fill it.
    pub fn new(config: &RestorerConfig, device: &Device) -> Self {
        let &RestorerConfig { in_channels, maps, width, depth, .. } = config;
        Self {
            head: conv3x3([(in_channels + maps) * FACTOR * FACTOR, width], device),
            body: Residual::row(width, depth, device),
            tail: conv3x3([width, in_channels * FACTOR * FACTOR], device),
        }
    }

    /// # Shapes
    /// - `x`: `[N, C + M, H, W]`, output: `[N, C, H, W]`
    pub fn forward(&self, x: Tensor<4>, pass: &Pass) -> Tensor<4> {
        let x = self.head.forward(ops::pixel_unshuffle(x, FACTOR), pass); // [N, width, H / 2, W / 2]
        let x = ops::activate(through(&self.body, x, pass), Activation::Relu);
        ops::pixel_shuffle(self.tail.forward(x, pass), FACTOR) // [N, C, H, W]
    }

    /// Pixels around a pixel that it sees.
    pub fn reach(&self) -> usize {
        FACTOR * (2 * self.body.len() + 2) + FACTOR - 1
    }
}
