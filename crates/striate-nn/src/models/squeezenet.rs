//! `squeezenet1_1`, under torchvision's names. Iandola et al. 2016 <https://arxiv.org/abs/1602.07360>, release 1.1.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use striate_engine::ops::{self, Activation, PoolSpec};

use crate::blocks::{Fire, FireConfig};
use crate::layers::{Conv2d, Conv2dConfig, Dropout, MaxPool2d, Relu};
use crate::{NetConfig, Pass, Variant};

/// Squeezed and expanded channels of each fire block; a pool stands before the first, third and fifth.
const FIRES: [(usize, usize); 8] =
    [(16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256)];
const STEM: usize = 64;

/// A convolution, eight fire blocks, a 1x1 convolution to the classes and a global average pool.
#[derive(Module, Debug)]
pub struct SqueezeNet {
    features: Vec<Part>,
    classifier: (Dropout, Conv2d),
    rectified: bool,
}

#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant)] // a net holds 13, all of them built once
enum Part {
    Conv(Conv2d),
    Relu(Relu),
    Pool(MaxPool2d),
    Fire(Fire),
}

impl SqueezeNet {
    /// All zeros, until weights fill it.
    pub fn new(config: &NetConfig, device: &Device) -> Self {
        let torch = config.variant == Variant::Torch;
        let pool = MaxPool2d::new(PoolSpec { kernel_size: 3, stride: 2, padding: 0, ceil_mode: torch });
        let stem = Conv2dConfig { stride: 2, bias: true, ..Conv2dConfig::new([config.in_channels, STEM], 3) };
        let mut features = vec![Part::Conv(stem.init(device)), Part::Relu(Relu {})];
        let mut in_channels = STEM;
        for (i, (squeeze, expand)) in FIRES.into_iter().enumerate() {
            if matches!(i, 0 | 2 | 4) {
                features.push(Part::Pool(pool.clone()));
            }
            features.push(Part::Fire(FireConfig { in_channels, squeeze, expand }.init(device)));
            in_channels = 2 * expand;
        }
        let conv = Conv2dConfig { bias: true, ..Conv2dConfig::new([in_channels, config.num_classes], 1) };
        Self { features, classifier: (Dropout::new(config.dropout, 0), conv.init(device)), rectified: torch }
    }

    /// The last maps, averaged.
    ///
    /// # Shapes
    /// - `x`: `[N, C, H, W]`, output: `[N, 512]`
    pub fn features(&self, x: Tensor<4>, pass: &Pass) -> Tensor<2> {
        ops::global_avg_pool2d(self.maps(x, pass))
    }

    /// Length of the features.
    pub fn feature_len(&self) -> usize {
        self.classifier.1.in_channels()
    }

    /// # Shapes
    /// - `x`: `[N, C, H, W]`, output: `[N, K]`
    pub fn forward(&self, x: Tensor<4>, pass: &Pass) -> Tensor<2> {
        self.classify(self.maps(x, pass), pass)
    }

    /// # Shapes
    /// - `x`: `[N, C, H, W]`, outputs: `[N, 512]` and `[N, K]`
    pub fn features_and_logits(&self, x: Tensor<4>, pass: &Pass) -> (Tensor<2>, Tensor<2>) {
        let maps = self.maps(x, pass); // [N, 512, H_out, W_out]
        (ops::global_avg_pool2d(maps.clone()), self.classify(maps, pass))
    }

    fn classify(&self, maps: Tensor<4>, pass: &Pass) -> Tensor<2> {
        let (dropout, conv) = &self.classifier;
        let y = conv.forward(dropout.forward(maps, pass), pass); // [N, K, H_out, W_out]
        ops::global_avg_pool2d(if self.rectified { ops::activate(y, Activation::Relu) } else { y }) // [N, K]
    }

    fn maps(&self, mut x: Tensor<4>, pass: &Pass) -> Tensor<4> {
        for part in &self.features {
            x = match part {
                Part::Conv(conv) => conv.forward(x, pass),
                Part::Relu(relu) => relu.forward(x),
                Part::Pool(pool) => pool.forward(x),
                Part::Fire(fire) => fire.forward(x, pass),
            };
        }
        x // [N, 512, H / 16, W / 16], roughly
    }
}
