//! Weights trained on ImageNet that come with the program, and how their pictures were prepared.
//!
//! Matrices are stored as f16, which moves logits by at most 0.3 % of the largest (`tests/golden.rs`).

use burn::tensor::Device;

use crate::checkpoint::Checkpoint;
use crate::weights::{NamedTensors, load_named, named_tensors};
use crate::{Net, NetConfig, NetError, Pooled};

/// How a picture becomes the input that the weights were trained on.
#[derive(Clone, Debug, PartialEq)]
pub struct InputSpec {
    /// Height and width, in pixels.
    pub size: usize,
    /// Side of the centre square that is cut out, as a share of the picture's shorter side.
    pub crop_fraction: f32,
    /// How the square is resized.
    pub filter: Filter,
    /// Subtracted from each channel of the picture in `[0, 1]`, in the order of `bgr`.
    pub mean: [f32; 3],
    /// Then each channel is divided by this.
    pub std: [f32; 3],
    /// Whether blue comes first.
    pub bgr: bool,
}

/// How a picture is resized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// Linear along each axis.
    Bilinear,
    /// Cubic along each axis.
    Bicubic,
}

/// Weights of one model.
pub struct Pretrained {
    /// The model's name in the registry.
    pub model: &'static str,
    /// What the weights may be used under.
    pub licence: &'static str,
    /// What they want to see.
    pub input: InputSpec,
    bytes: &'static [u8],
}

const IMAGENET_CLASSES: usize = 1000;

static ALL: [Pretrained; 2] = [
    Pretrained {
        model: "efficientnet_lite0",
        licence: include_str!("../assets/efficientnet_lite0.LICENSE"),
        input: InputSpec {
            size: 224,
            crop_fraction: 224.0 / 256.0,
            filter: Filter::Bicubic,
            mean: [127.0 / 255.0; 3],
            std: [128.0 / 255.0; 3],
            bgr: false,
        },
        bytes: include_bytes!("../assets/efficientnet_lite0.safetensors"),
    },
    Pretrained {
        model: "squeezenet1_1",
        licence: include_str!("../assets/squeezenet1_1.LICENSE"),
        input: InputSpec {
            size: 227,
            crop_fraction: 1.0,
            filter: Filter::Bilinear,
            mean: [104.006 / 255.0, 116.669 / 255.0, 122.679 / 255.0],
            std: [1.0 / 255.0; 3],
            bgr: true,
        },
        bytes: include_bytes!("../assets/squeezenet1_1.safetensors"),
    },
];

/// The weights of this model, if there are any.
pub fn find(model: &str) -> Option<&'static Pretrained> {
    ALL.iter().find(|weights| weights.model == model)
}

impl Pretrained {
    /// The net as it was trained, for 1000 classes.
    pub fn config(&self) -> Result<NetConfig, NetError> {
        NetConfig::new(self.model, IMAGENET_CLASSES)
    }

    /// All weights by name.
    pub fn tensors(&self) -> Result<NamedTensors, NetError> {
        Ok(Checkpoint::from_bytes(self.bytes)?.tensors)
    }

    /// The net as it was trained, with its 1000 classes.
    pub fn init(&self, device: &Device) -> Result<Net, NetError> {
        load_named(self.config()?.init_zeros(device)?, &self.tensors()?)
    }

    /// The net without a last layer, its features pooled after every stage ([`Pooled::Stages`]): a last layer of one class of zeros
    /// stands where another is to come.
    pub fn init_stages(&self, device: &Device) -> Result<Net, NetError> {
        let net = NetConfig { pooled: Pooled::Stages, ..NetConfig::new(self.model, 1)? }.init_zeros(device)?;
        let last = format!("{}.", net.last_layer());
        let mut tensors = named_tensors(&net);
        tensors.retain(|name, _| name.starts_with(&last));
        tensors.extend(self.tensors()?.into_iter().filter(|(name, _)| !name.starts_with(&last)));
        load_named(net, &tensors)
    }
}
