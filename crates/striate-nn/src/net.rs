//! Any model of the registry, under one type.

use burn::module::Module;
use burn::tensor::Tensor;

use crate::Pass;
use crate::models::{Airbench94, Conv4, EfficientNetLite, LeNet5, LinearNet, MobileNetV2, ResNet, SqueezeNet};
use crate::weights::{is_running, named_tensors};

/// A net: pictures to logits. Built by [`crate::NetConfig::init`].
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant)] // there are few nets, and they are moved seldom
pub enum Net {
    /// `linear`.
    Linear(LinearNet),
    /// `conv4`.
    Conv4(Conv4),
    /// `airbench94`.
    Airbench94(Airbench94),
    /// `lenet5`.
    LeNet5(LeNet5),
    /// `resnet18` and its kin, `plain20` and `plain56`.
    ResNet(ResNet),
    /// `mobilenet_v2`.
    MobileNetV2(MobileNetV2),
    /// `squeezenet1_1`.
    SqueezeNet(SqueezeNet),
    /// `efficientnet_lite0`.
    EfficientNetLite(EfficientNetLite),
}

/// Calls the same method of whichever model it is.
macro_rules! each {
    ($net:expr, $model:ident => $call:expr) => {
        match $net {
            Net::Linear($model) => $call,
            Net::Conv4($model) => $call,
            Net::Airbench94($model) => $call,
            Net::LeNet5($model) => $call,
            Net::ResNet($model) => $call,
            Net::MobileNetV2($model) => $call,
            Net::SqueezeNet($model) => $call,
            Net::EfficientNetLite($model) => $call,
        }
    };
}

impl Net {
    /// Logits.
    ///
    /// # Shapes
    /// - `x`: `[N, C, H, W]`, output: `[N, K]`
    ///
    /// # Panics
    /// If `x` does not have the channels or size that the net was built for.
    pub fn forward(&self, x: Tensor<4>, pass: &Pass) -> Tensor<2> {
        each!(self, model => model.forward(x, pass))
    }

    /// What the last linear layer sees.
    ///
    /// # Shapes
    /// - `x`: `[N, C, H, W]`, output: `[N, D]`
    ///
    /// # Panics
    /// If `x` does not have the channels or size that the net was built for.
    pub fn features(&self, x: Tensor<4>, pass: &Pass) -> Tensor<2> {
        each!(self, model => model.features(x, pass))
    }

    /// What the last block sees, where the net can be cut there: to train what lies above over activations computed once.
    ///
    /// # Shapes
    /// - `x`: `[N, C, H, W]`, output: `[N, C', H', W']`, and `[N, E]` where features are pooled after every stage
    ///
    /// # Panics
    /// If the net is not `efficientnet_lite0`.
    pub fn below_last_block(&self, x: Tensor<4>, pass: &Pass) -> (Tensor<4>, Option<Tensor<2>>) {
        self.cut().below_last_block(x, pass)
    }

    /// Features of what [`Net::below_last_block`] gave.
    ///
    /// # Shapes
    /// - `x`: `[N, C', H', W']`, `early`: `[N, E]`, output: `[N, D]`
    ///
    /// # Panics
    /// If the net is not `efficientnet_lite0`, or `early` is missing where features are pooled after every stage.
    pub fn features_above(&self, x: Tensor<4>, early: Option<Tensor<2>>, pass: &Pass) -> Tensor<2> {
        self.cut().features_above(x, early, pass)
    }

    /// Logits of what [`Net::below_last_block`] gave.
    ///
    /// # Shapes
    /// - `x`: `[N, C', H', W']`, output: `[N, K]`
    ///
    /// # Panics
    /// If the net is not `efficientnet_lite0`, or pools features after every stage.
    pub fn forward_above(&self, x: Tensor<4>, pass: &Pass) -> Tensor<2> {
        self.cut().head(self.cut().features_above(x, None, pass), pass)
    }

    fn cut(&self) -> &EfficientNetLite {
        match self {
            Net::EfficientNetLite(model) => model,
            _ => panic!("Net: efficientnet_lite0 alone can be cut below its last block"),
        }
    }

    /// Both in one pass: what [`Net::features`] and [`Net::forward`] give.
    ///
    /// # Shapes
    /// - `x`: `[N, C, H, W]`, outputs: `[N, D]` and `[N, K]`
    ///
    /// # Panics
    /// If `x` does not have the channels or size that the net was built for.
    pub fn features_and_logits(&self, x: Tensor<4>, pass: &Pass) -> (Tensor<2>, Tensor<2>) {
        macro_rules! by_head {
            ($model:expr) => {{
                let features = $model.features(x, pass);
                (features.clone(), $model.head(features, pass))
            }};
        }
        match self {
            Net::Linear(model) => by_head!(model),
            Net::Conv4(model) => by_head!(model),
            Net::Airbench94(model) => by_head!(model),
            Net::LeNet5(model) => by_head!(model),
            Net::ResNet(model) => by_head!(model),
            Net::MobileNetV2(model) => by_head!(model),
            Net::SqueezeNet(model) => model.features_and_logits(x, pass), // its logits are not of its features
            Net::EfficientNetLite(model) => by_head!(model),
        }
    }

    /// D, the length of a picture's features.
    pub fn feature_len(&self) -> usize {
        each!(self, model => model.feature_len())
    }

    /// Path of the layer that turns features into logits, the one to replace for other classes.
    pub fn last_layer(&self) -> &'static str {
        match self {
            Net::Linear(_) | Net::Conv4(_) | Net::Airbench94(_) | Net::ResNet(_) => "fc",
            Net::LeNet5(_) => "fc2",
            Net::MobileNetV2(_) | Net::SqueezeNet(_) => "classifier.1",
            Net::EfficientNetLite(_) => "classifier",
        }
    }

    /// Path of the convolution whose weights come from the pictures themselves, before training, and stay; where there is one.
    pub fn whitening(&self) -> Option<&'static str> {
        matches!(self, Net::Airbench94(_)).then_some("whiten")
    }

    /// Numbers in its weights, without running statistics.
    pub fn parameter_count(&self) -> usize {
        let learned = named_tensors(self).into_iter().filter(|(path, _)| !is_running(path));
        learned.map(|(_, tensor)| tensor.values.len()).sum()
    }
}
