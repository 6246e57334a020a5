//! `airbench94`: the net of the fastest CIFAR-10 trainings: a first layer that whitens, and three pairs of 3x3 convolutions.
//! Jordan 2024 <https://arxiv.org/abs/2404.00498>; here with rectifiers and with norms that scale.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use striate_engine::ops::{self, Activation, Padding, PoolSpec};

use crate::layers::{After, BatchNorm, BatchNormConfig, Conv2d, Conv2dConfig, Linear, LinearConfig};
use crate::{NetConfig, Pass};

/// Channels of the three pairs.
const WIDTHS: [usize; 3] = [64, 256, 256];
/// Side of the patches that the first layer whitens, in pixels.
const PATCH: usize = 2;
/// What the paper multiplies logits by.
const LOGIT_SCALE: f64 = 1.0 / 9.0;

/// A whitening convolution, three pairs of convolutions, a linear layer.
#[derive(Module, Debug)]
pub struct Airbench94 {
    whiten: Conv2d,
    layer1: Pair,
    layer2: Pair,
    layer3: Pair,
    fc: Linear,
}

/// Two 3x3 convolutions with batch norm; a max pool follows the first.
#[derive(Module, Debug)]
struct Pair {
    conv1: Conv2d,
    bn1: BatchNorm,
    conv2: Conv2d,
    bn2: BatchNorm,
}

impl Pair {
    fn new(c_in: usize, c_out: usize, device: &Device) -> Self {
        let conv =
            |c_in| Conv2dConfig { padding: Padding::Each(1), ..Conv2dConfig::new([c_in, c_out], 3) }.init(device);
        // A few epochs are too short for the usual share of a batch in the running statistics.
        let norm = || BatchNormConfig::new(c_out).with_momentum(0.4).init(device);
        Self { conv1: conv(c_in), bn1: norm(), conv2: conv(c_out), bn2: norm() }
    }

    /// # Shapes
    /// - `x`: `[N, C_in, H, W]`, output: `[N, C_out, H / 2, W / 2]`
    fn forward(&self, x: Tensor<4>, pass: &Pass) -> Tensor<4> {
        let relu = || After::act(Activation::Relu);
        let y = ops::max_pool2d(self.conv1.forward(x, pass), PoolSpec::tiles(2)); // [N, C_out, H / 2, W / 2]
        let y = self.bn1.forward_then(y, relu(), pass);
        self.conv2.forward_norm(y, &self.bn2, relu(), pass)
    }
}

impl Airbench94 {
    /// All zeros, until weights fill it.
    pub fn new(config: &NetConfig, device: &Device) -> Self {
        let patch = config.in_channels * PATCH * PATCH;
        let whiten = Conv2dConfig { bias: true, ..Conv2dConfig::new([config.in_channels, 2 * patch], PATCH) };
        let [one, two, three] = WIDTHS;
        Self {
            whiten: whiten.init(device).frozen(),
            layer1: Pair::new(2 * patch, one, device),
            layer2: Pair::new(one, two, device),
            layer3: Pair::new(two, three, device),
            fc: LinearConfig::new(three, config.num_classes).init(device),
        }
    }

    /// # Shapes
    /// - `x`: `[N, C, H, W]`, output: `[N, 256]`
    pub fn features(&self, x: Tensor<4>, pass: &Pass) -> Tensor<2> {
        let x = self.whiten.forward_act(x, Activation::Relu, pass); // [N, 8 C, H - 1, W - 1]
        let x = self.layer1.forward(x, pass); // [N, 64, H / 2, W / 2]
        let x = self.layer2.forward(x, pass); // [N, 256, H / 4, W / 4]
        let x = self.layer3.forward(x, pass); // [N, 256, H / 8, W / 8]
        let [_, _, h, w] = x.dims();
        ops::global_avg_pool2d(ops::max_pool2d(x, PoolSpec::tiles(h.min(w)))) // [N, 256]
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
    /// - `features`: `[N, 256]`, output: `[N, K]`
    pub fn head(&self, features: Tensor<2>, pass: &Pass) -> Tensor<2> {
        self.fc.forward(features * LOGIT_SCALE, pass)
    }
}
