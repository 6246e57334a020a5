//! The convolutional autoencoder: squares of 16 pixels to a few numbers each, by a linear map and a net beside it that sees the
//! surroundings, and back the same way.
//!
//! The linear maps can begin as the principal components of squares; the nets then learn what those cannot say.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use striate_engine::ops;

use super::CoderConfig;
use crate::Pass;
use crate::blocks::{Residual, conv1x1, conv3x3, through};
use crate::layers::Conv2d;

/// Side of a square, in pixels.
pub const SQUARE: usize = 16;
/// Pixels a side of the squares that the nets first see, and squares of squares from size to size.
const FIRST: usize = 4;
const NEXT: usize = 2;
/// Channels of the first size where not given; the next have twice and four times as many.
const WIDTH: usize = 48;
/// Residual blocks of each size.
const BLOCKS: [usize; 3] = [1, 1, 4];

/// Both ways of the code.
#[derive(Module, Debug)]
pub struct ConvCoder {
    /// Square to code, `[K, C * 256, 1, 1]`.
    embed: Conv2d,
    /// Code to square, `[C * 256, K, 1, 1]`.
    unembed: Conv2d,
    encoder: Encoder,
    decoder: Decoder,
    height: usize,
    width: usize,
}

#[derive(Module, Debug)]
struct Encoder {
    first: Conv2d,
    blocks: Vec<Vec<Residual>>,
    shrink: Vec<Conv2d>,
    last: Conv2d,
}

#[derive(Module, Debug)]
struct Decoder {
    first: Conv2d,
    blocks: Vec<Vec<Residual>>,
    grow: Vec<Conv2d>,
    last: Conv2d,
}

impl ConvCoder {
    /// All zeros, until weights fill it.
    pub fn new(config: &CoderConfig, device: &Device) -> Self {
        let ([h, w], c) = (config.image_size, config.in_channels);
        let code = config.code / (h / SQUARE * (w / SQUARE));
        let base = config.width.unwrap_or(WIDTH);
        let widths = [base, 2 * base, 4 * base];
        let square = NEXT * NEXT;
        let rows = || widths.iter().zip(BLOCKS).map(|(&width, n)| Residual::row(width, n, device)).collect();
        Self {
            embed: conv1x1([c * SQUARE * SQUARE, code], device),
            unembed: conv1x1([code, c * SQUARE * SQUARE], device),
            encoder: Encoder {
                first: conv3x3([c * FIRST * FIRST, widths[0]], device),
                blocks: rows(),
                shrink: (0..2).map(|i| conv1x1([widths[i] * square, widths[i + 1]], device)).collect(),
                last: conv1x1([widths[2], code], device),
            },
            decoder: Decoder {
                first: conv3x3([code, widths[2]], device),
                blocks: rows(),
                grow: (0..2).map(|i| conv1x1([widths[i + 1], widths[i] * square], device)).collect(),
                last: conv3x3([widths[0], c * FIRST * FIRST], device),
            },
            height: h / SQUARE,
            width: w / SQUARE,
        }
    }

    /// # Shapes
    /// - `x`: `[N, C, H, W]`, output: `[N, K]`, channel by channel of the map `[N, K / squares, H / 16, W / 16]`
    pub fn encode(&self, x: Tensor<4>, pass: &Pass) -> Tensor<2> {
        let linear = self.embed.forward(ops::pixel_unshuffle(x.clone(), SQUARE), pass); // [N, K', H / 16, W / 16]
        let Encoder { first, blocks, shrink, last } = &self.encoder;
        let mut x = first.forward(ops::pixel_unshuffle(x, FIRST), pass); // [N, width, H / 4, W / 4]
        for (i, blocks) in blocks.iter().enumerate() {
            x = through(blocks, x, pass);
            if let Some(shrink) = shrink.get(i) {
                x = shrink.forward(ops::pixel_unshuffle(x, NEXT), pass); // half of both sides
            }
        }
        ops::add(last.forward(x, pass), linear).flatten(1, 3)
    }

    /// # Shapes
    /// - `codes`: `[N, K]`, output: `[N, C, H, W]`
    pub fn decode(&self, codes: Tensor<2>, pass: &Pass) -> Tensor<4> {
        let [n, k] = codes.dims();
        let (code, around) = ops::fork(codes.reshape([n, k / (self.height * self.width), self.height, self.width]));
        let linear = ops::pixel_shuffle(self.unembed.forward(around, pass), SQUARE); // [N, C, H, W]
        let Decoder { first, blocks, grow, last } = &self.decoder;
        let mut x = first.forward(code, pass); // [N, 4 width, H / 16, W / 16]
        for (i, blocks) in blocks.iter().enumerate().rev() {
            x = through(blocks, x, pass);
            if let Some(grow) = i.checked_sub(1).and_then(|i| grow.get(i)) {
                x = ops::pixel_shuffle(grow.forward(x, pass), NEXT); // twice both sides
            }
        }
        ops::add(ops::pixel_shuffle(last.forward(x, pass), FIRST), linear)
    }
}
