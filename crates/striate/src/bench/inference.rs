//! Inference: pictures to logits, on the way that `predict` takes.

use burn::tensor::Tensor;
use striate_engine::device::chosen;
use striate_nn::{Frozen, NetConfig, NetError, Variant};

use super::formula::{INPUT, filled, tensor};
use super::task::{Output, Task};

struct Inference {
    net: Frozen,
    x: Tensor<4>,
}

impl Task for Inference {
    fn run(&mut self) -> Vec<Output> {
        vec![Output::Logits(self.net.forward(self.x.clone()))]
    }
}

/// A net of the registry for 1000 classes, in the form that timm and torchvision compute.
pub(super) fn config(name: &str) -> Result<NetConfig, NetError> {
    Ok(NetConfig { variant: Variant::Torch, ..NetConfig::new(name, 1000)? })
}

/// A net of the registry on formula pictures of `side` pixels.
pub(super) fn inference(name: &str, batch: usize, side: usize) -> Result<Box<dyn Task>, NetError> {
    let (config, device) = (config(name)?, chosen());
    let config = NetConfig { image_size: [side; 2], ..config };
    let net = Frozen::new(filled(config.init_zeros(&device)?));
    let x = tensor([batch, config.in_channels, side, side], INPUT, 1.0, &device);
    Ok(Box::new(Inference { net, x }))
}
