//! Residual nets. He et al. 2016 <https://arxiv.org/abs/1512.03385>.
//!
//! `resnet18/34/50` as in torchvision (stages of 64, 128, 256, 512 channels); `resnet20/32/44/56/110` as in section 4.2 of
//! the paper (three stages of 16, 32, 64 channels, shortcuts without parameters) and `plain20/56`, the same without shortcuts.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use striate_engine::ops::{self, Activation, Padding, PoolSpec};

use crate::blocks::{BasicBlock, BasicBlockConfig, Bottleneck, BottleneckConfig, Shortcut};
use crate::layers::{After, BatchNorm, BatchNormConfig, Conv2d, Conv2dConfig, Dropout, Linear, LinearConfig};
use crate::{NetConfig, Pass, Stem};

/// Up to this side a picture goes through the small stem unless the configuration says otherwise: the large one divides
/// the side by 4 before the first block, which leaves an 8x8 map of a 32x32 picture.
const SMALL_SIDE: usize = 64;

/// Which residual net.
#[derive(Clone, Copy, Debug)]
pub enum ResNetDepth {
    /// Four stages of so many blocks of two 3x3 convolutions.
    Basic([usize; 4]),
    /// Four stages of so many bottlenecks.
    Bottleneck([usize; 4]),
    /// Three stages of so many blocks each, for small pictures, and the way around each.
    Small(usize, Shortcut),
}

/// A stem, three or four stages of blocks, a global average pool and a linear layer.
#[derive(Module, Debug)]
pub struct ResNet {
    conv1: Conv2d,
    bn1: BatchNorm,
    layer1: Vec<Block>,
    layer2: Vec<Block>,
    layer3: Vec<Block>,
    layer4: Vec<Block>,
    fc: Linear,
    dropout: Dropout,
    pools: bool,
}

#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant)] // a net holds at most 54, all of them built once
enum Block {
    Basic(BasicBlock),
    Bottleneck(Bottleneck),
}

impl ResNet {
    /// All zeros, until weights fill it.
    pub fn new(depth: ResNetDepth, config: &NetConfig, device: &Device) -> Self {
        let (width, counts) = match depth {
            ResNetDepth::Basic(counts) | ResNetDepth::Bottleneck(counts) => (64, counts),
            ResNetDepth::Small(count, _) => (16, [count, count, count, 0]),
        };
        let large = match depth {
            ResNetDepth::Small(..) => false,
            _ => match config.stem {
                Some(stem) => stem == Stem::Large,
                None => config.image_size.iter().any(|&side| side > SMALL_SIDE),
            },
        };
        let stem = Conv2dConfig::new([config.in_channels, width], if large { 7 } else { 3 });
        let stem = if large {
            Conv2dConfig { stride: 2, padding: Padding::Each(3), ..stem }
        } else {
            Conv2dConfig { padding: Padding::Each(1), ..stem }
        };
        let mut stages = Stages { depth, in_channels: width, device };
        Self {
            conv1: stem.init(device),
            bn1: BatchNormConfig::new(width).init(device),
            layer1: stages.next(width, counts[0], 1),
            layer2: stages.next(2 * width, counts[1], 2),
            layer3: stages.next(4 * width, counts[2], 2),
            layer4: stages.next(8 * width, counts[3], 2),
            fc: LinearConfig::new(stages.in_channels, config.num_classes).init(device),
            dropout: Dropout::new(config.dropout, 0),
            pools: large,
        }
    }

    /// # Shapes
    /// - `x`: `[N, C, H, W]`, output: `[N, D]`
    pub fn features(&self, x: Tensor<4>, pass: &Pass) -> Tensor<2> {
        let mut x = self.conv1.forward_norm(x, &self.bn1, After::act(Activation::Relu), pass);
        if self.pools {
            x = ops::max_pool2d(x, PoolSpec { kernel_size: 3, stride: 2, padding: 1, ceil_mode: false });
        }
        for block in [&self.layer1, &self.layer2, &self.layer3, &self.layer4].into_iter().flatten() {
            x = match block {
                Block::Basic(block) => block.forward(x, pass),
                Block::Bottleneck(block) => block.forward(x, pass),
            };
        }
        ops::global_avg_pool2d(x) // [N, D]
    }

    /// Length of the features.
    pub fn feature_len(&self) -> usize {
        self.fc.in_features()
    }

    /// # Shapes
    /// - `x`: `[N, C, H, W]`, output: `[N, K]`
    pub fn forward(&self, x: Tensor<4>, pass: &Pass) -> Tensor<2> {
        self.head(self.features(x, pass), pass)
    }

    /// # Shapes
    /// - `features`: `[N, D]`, output: `[N, K]`
    pub fn head(&self, features: Tensor<2>, pass: &Pass) -> Tensor<2> {
        self.fc.forward(self.dropout.forward(features, pass), pass)
    }
}

/// Builds stage after stage; each takes what the one before gives.
struct Stages<'a> {
    depth: ResNetDepth,
    in_channels: usize,
    device: &'a Device,
}

impl Stages<'_> {
    fn next(&mut self, channels: usize, count: usize, stride: usize) -> Vec<Block> {
        let block = |i| {
            let (in_channels, stride) = (self.in_channels, if i == 0 { stride } else { 1 });
            let basic =
                |shortcut| BasicBlockConfig { in_channels, out_channels: channels, stride, shortcut }.init(self.device);
            let (block, out_channels) = match self.depth {
                ResNetDepth::Basic(_) => (Block::Basic(basic(Shortcut::Projection)), channels),
                ResNetDepth::Small(_, shortcut) => (Block::Basic(basic(shortcut)), channels),
                ResNetDepth::Bottleneck(_) => {
                    let block = BottleneckConfig { in_channels, channels, stride }.init(self.device);
                    (Block::Bottleneck(block), channels * Bottleneck::EXPANSION)
                }
            };
            self.in_channels = out_channels;
            block
        };
        (0..count).map(block).collect()
    }
}
