//! What a forward pass costs, counted by the layers themselves on one picture.

use std::cell::Cell;

use burn::tensor::{Device, Tensor};

use crate::{NetConfig, NetError, Pass};

/// Runs one picture of zeros through a net of zeros on the CPU and adds up what its layers report.
pub(crate) fn forward_macs(config: &NetConfig) -> Result<u64, NetError> {
    let device = Device::flex();
    let net = config.init_zeros(&device)?;
    let [h, w] = config.image_size;
    let total = Cell::new(0);
    net.forward(Tensor::zeros([1, config.in_channels, h, w], &device), &Pass::Count(&total));
    Ok(total.get())
}
