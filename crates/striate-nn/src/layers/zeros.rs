//! A weight of zeros that takes memory when it is first used: until then its shape can be held against a file's.

use burn::module::{Param, ParamId};
use burn::tensor::{Device, Tensor};

/// Zeros of a shape, learned.
pub(crate) fn zeros<const D: usize>(shape: [usize; D], device: &Device) -> Param<Tensor<D>> {
    let fill = move |device: &Device, learned: bool| {
        let zeros = Tensor::zeros(shape, device);
        if learned { zeros.require_grad() } else { zeros }
    };
    Param::uninitialized(ParamId::new(), fill, device.clone(), true, shape.into())
}
