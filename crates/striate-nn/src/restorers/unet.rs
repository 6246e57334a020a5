//! `unet`: three sizes of the picture, down and up again, with what each size saw added on the way up.
//! Ronneberger, Fischer, Brox 2015 <https://arxiv.org/abs/1505.04597>; sums and residual blocks as Zhang et al. 2021
//! <https://arxiv.org/abs/2008.13751>.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use striate_engine::ops;

use super::RestorerConfig;
use crate::Pass;
use crate::blocks::{Residual, conv1x1, conv3x3, through};
use crate::layers::Conv2d;

/// Side of the squares that become channels, at the start and from level to level.
const FACTOR: usize = 2;

/// Two levels and the lowest.
#[derive(Module, Debug)]
pub struct UNet {
    head: Conv2d,
    down: Vec<Vec<Residual>>,
    shrink: Vec<Conv2d>,
    bottom: Vec<Residual>,
    grow: Vec<Conv2d>,
    up: Vec<Vec<Residual>>,
    tail: Conv2d,
}

impl UNet {
    /// All zeros, until weights fill it.
    pub fn new(config: &RestorerConfig, device: &Device) -> Self {
        let &RestorerConfig { in_channels, maps, width, depth, .. } = config;
        let square = FACTOR * FACTOR;
        let widths = [width, 2 * width, 10 * width / 3];
        let rows = || widths[..2].iter().map(|&width| Residual::row(width, depth, device)).collect();
        Self {
            head: conv3x3([(in_channels + maps) * square, width], device),
            down: rows(),
            shrink: (0..2).map(|i| conv1x1([widths[i] * square, widths[i + 1]], device)).collect(),
            bottom: Residual::row(widths[2], depth, device),
            grow: (0..2).map(|i| conv1x1([widths[i + 1], widths[i] * square], device)).collect(),
            up: rows(),
            tail: conv3x3([width, in_channels * square], device),
        }
    }

    /// # Shapes
    /// - `x`: `[N, C + M, H, W]`, output: `[N, C, H, W]`
    pub fn forward(&self, x: Tensor<4>, pass: &Pass) -> Tensor<4> {
        let mut x = self.head.forward(ops::pixel_unshuffle(x, FACTOR), pass); // [N, width, H / 2, W / 2]
        let mut across = Vec::new();
        for (blocks, shrink) in self.down.iter().zip(&self.shrink) {
            let (way, around) = pass.fork(through(blocks, x, pass));
            across.push(around);
            x = shrink.forward(ops::pixel_unshuffle(way, FACTOR), pass); // half of both sides
        }
        x = through(&self.bottom, x, pass); // [N, 10 width / 3, H / 8, W / 8]
        for (blocks, grow) in self.up.iter().zip(&self.grow).rev() {
            let grown = ops::pixel_shuffle(grow.forward(x, pass), FACTOR); // twice both sides
            x = through(blocks, pass.sum(grown, across.pop().expect("a way across each level")), pass);
        }
        // No rectifier before the tail: where little is to be added, its channels would die all together.
        ops::pixel_shuffle(self.tail.forward(x, pass), FACTOR) // [N, C, H, W]
    }

    /// Pixels around a pixel that it sees.
    pub fn reach(&self) -> usize {
        let blocks = 2 * self.bottom.len();
        // Squares: of the head and tail, of the blocks of each level, and what squares of squares add.
        FACTOR * (2 + 2 * blocks) + 2 * FACTOR * (2 * blocks) + 4 * FACTOR * blocks + 8 * FACTOR
    }
}
