//! Weights and inputs from one formula that any program can compute, so that two programs can be held against each other.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Tensor, TensorData};

/// The `k` of an input; layers count from 0.
pub(super) const INPUT: u32 = 1000;

/// `len` values in `[-0.5, 0.5)`: element i is a hash of i and `k`, in 32-bit arithmetic that wraps.
pub fn formula(len: usize, k: u32) -> Vec<f32> {
    let value = |i: usize| {
        let h = (i as u32).wrapping_mul(2_654_435_761).wrapping_add(k.wrapping_mul(40_503));
        let h = (h ^ (h >> 16)).wrapping_mul(2_246_822_519);
        (f64::from(h ^ (h >> 13)) / 4_294_967_296.0 - 0.5) as f32
    };
    (0..len).map(value).collect()
}

/// A tensor of formula values times `scale`, row-major.
pub(super) fn tensor<const D: usize>(shape: [usize; D], k: u32, scale: f32, device: &Device) -> Tensor<D> {
    let values = formula(shape.iter().product(), k).into_iter().map(|value| value * scale).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// What the formula is multiplied by: uniform weights within `sqrt(6 / fan_in)`, as He et al. 2015 draw them.
pub(super) fn scale(fan_in: usize) -> f32 {
    (2.0 * (6.0 / fan_in as f64).sqrt()) as f32
}

/// The net with formula weights: the k-th convolution or linear layer, in the order in which the net declares them, gets
/// `formula(k)`. That is PyTorch's order of `modules()`, as nets here declare their layers as torchvision and timm do.
/// Biases and norms stay as made: 0, and weight 1, bias 0, running mean 0 and variance 1.
pub(super) fn filled<M: Module>(net: M) -> M {
    net.map(&mut Fill { k: 0, containers: Vec::new() })
}

struct Fill {
    k: u32,
    containers: Vec<String>,
}

impl ModuleMapper for Fill {
    fn enter_module(&mut self, _: &str, container_type: &str) {
        self.containers.push(container_type.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.containers.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if D < 2 {
            return param;
        }
        let k = self.k;
        self.k += 1;
        let transposed = self.containers.last().is_some_and(|container| container.ends_with("ConvTranspose2d"));
        param.map(|weight| {
            let shape = weight.dims();
            let inputs = if transposed { shape[0] } else { shape[1] };
            let fan_in = inputs * shape[2..].iter().product::<usize>();
            let fresh = tensor(shape, k, scale(fan_in), &weight.device());
            if weight.is_require_grad() { fresh.require_grad() } else { fresh }
        })
    }
}
