//! What a net is: enough to build it again from a model file.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use crate::{Net, NetError, init, macs, registry};

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

impl NetConfig {
    /// The model of this name with its usual picture size, channels and dropout.
    pub fn new(name: &str, num_classes: usize) -> Result<Self, NetError> {
        let entry = registry::find(name)?;
        Ok(Self {
            name: name.to_owned(),
            num_classes,
            in_channels: entry.in_channels,
            image_size: [entry.image_size; 2],
            width: None,
            dropout: entry.dropout,
            stem: None,
            variant: Variant::default(),
        })
    }

    /// The net with fresh weights, a function of the seed and of each weight's path only.
    pub fn init(&self, seed: u64, device: &Device) -> Result<Net, NetError> {
        Ok(init::fill(self.init_zeros(device)?, seed))
    }

    /// The net before any weight is drawn, to be filled from a file.
    pub fn init_zeros(&self, device: &Device) -> Result<Net, NetError> {
        let entry = registry::find(&self.name)?;
        self.check(entry)?;
        Ok((entry.build)(self, device))
    }

    /// Multiply-adds of convolutions and linear layers for one picture; training costs about three times as much.
    pub fn forward_macs(&self) -> Result<u64, NetError> {
        macs::forward_macs(self)
    }

    fn check(&self, entry: &registry::Entry) -> Result<(), NetError> {
        let wrong = |field, why| Err(NetError::Config { model: self.name.clone(), field, why });
        if self.num_classes == 0 || self.num_classes > 1_000_000 {
            return wrong("num_classes", format!("must be from 1 to 1000000, got {}", self.num_classes));
        }
        if !matches!(self.in_channels, 1 | 3) {
            return wrong("in_channels", format!("must be 1 or 3, got {}", self.in_channels));
        }
        let [h, w] = self.image_size;
        if h.min(w) < entry.min_side || h.max(w) > 4096 {
            return wrong("image_size", format!("must be from {} to 4096 on each side, got {h}x{w}", entry.min_side));
        }
        if self.width.is_some() && !entry.has_width {
            return wrong("width", "cannot be chosen; leave it out".to_owned());
        }
        if matches!(self.width, Some(width) if width == 0 || width > 4096) {
            return wrong("width", "must be from 1 to 4096".to_owned());
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return wrong("dropout", format!("must be in [0, 1), got {}", self.dropout));
        }
        Ok(())
    }
}
