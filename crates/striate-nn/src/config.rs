//! What a net is: enough to build it again from a model file.

use serde::{Deserialize, Serialize};

/// Says which net to build. Stands in recipes and in model files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetConfig {
    /// A name of the registry, such as `resnet18`.
    pub name: String,
    /// Classes K, the length of the output.
    pub num_classes: usize,
    /// Channels of the input: 1 or 3.
    pub in_channels: usize,
    /// Height and width of the input, in pixels.
    pub image_size: [usize; 2],
    /// Channels of each block, where the model lets them be chosen (`conv4`); `None` is the model's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<usize>,
    /// Probability of dropout before the last linear layer, in `[0, 1)`.
    #[serde(default)]
    pub dropout: f64,
    /// First layers of `resnet18/34/50`; `None` chooses by the size of the picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stem: Option<Stem>,
    /// Which published form of `efficientnet_lite0` or `squeezenet1_1` this is; other models have one form.
    #[serde(default)]
    pub variant: Variant,
    /// Nearest neighbours in place of the last linear layer, where the model can have them (`efficientnet_lite0`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub neighbours: Option<NeighboursConfig>,
    /// What the features are pooled from; `efficientnet_lite0` alone can pool more than its last activations.
    #[serde(default, skip_serializing_if = "Pooled::is_last")]
    pub pooled: Pooled,
    /// Whether features are power-transformed, standardized and scaled to length 1 before the last layer, where the model can
    /// do so (`efficientnet_lite0`): see [`crate::layers::normalize`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub normalize: bool,
}

/// What the features of a net are pooled from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pooled {
    /// The mean of each channel of the last activations.
    #[default]
    Last,
    /// The mean of each channel of the stem and after every stage, the standard deviations of the same stages, then the means of the
    /// last activations. Early stages tell strokes and textures apart, the last one objects.
    Stages,
}

impl Pooled {
    fn is_last(&self) -> bool {
        *self == Self::Last
    }
}

/// How to build a last layer of nearest neighbours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NeighboursConfig {
    /// Examples M that it keeps.
    pub examples: usize,
    /// Neighbours that vote.
    pub k: usize,
    /// What similarities are divided by before the exponential.
    pub temperature: f64,
}

/// First layers of a residual net.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stem {
    /// One 3x3 convolution: for sides up to 64 pixels.
    Small,
    /// A 7x7 convolution of stride 2 and a max pool of stride 2, as on ImageNet.
    Large,
}

/// Two programs may run one set of weights differently.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Variant {
    /// As the published weights were trained. Lite0: TensorFlow's SAME padding and a batch norm eps of 1e-3. SqueezeNet:
    /// pools without overhang and no rectifier after the last convolution.
    #[default]
    Published,
    /// As timm's and torchvision's classes compute. Lite0: symmetric padding, eps 1e-5. SqueezeNet: pools with overhang,
    /// a rectifier after the last convolution.
    Torch,
}
