//! The sum of two picture tensors.

use burn::tensor::Tensor;
use burn_flex::FlexTensor;
use striate_kernels::memory::buffer;
use striate_kernels::sum::sum;

use crate::custom::{INPUTS, Keeps, Kept, Op, absent, apply, on_cpu};
use crate::layout::{dims, from_pixels, pixels};

/// `a + b`, in the layout that our kernels read.
///
/// # Shapes
/// - `a`, `b`, output: `[N, C, H, W]`
///
/// # Panics
/// If the shapes differ.
pub fn add(a: Tensor<4>, b: Tensor<4>) -> Tensor<4> {
    assert_eq!(a.dims(), b.dims(), "add: shapes differ");
    let device = a.device();
    if on_cpu(&device) { apply(Add, (a, b, absent::<1>(&device), absent::<1>(&device))) } else { a + b }
}

#[derive(Debug)]
struct Add;

impl Op for Add {
    fn keeps(&self) -> Keeps {
        Keeps { inputs: [false; INPUTS], output: false }
    }

    fn forward(&self, [a, b, ..]: [FlexTensor; INPUTS]) -> FlexTensor {
        let mut y = buffer(a.layout().num_elements());
        sum(&pixels(&a), &pixels(&b), &mut y);
        from_pixels(y, dims(&a))
    }

    fn backward(&self, kept: Kept) -> [Option<FlexTensor>; INPUTS] {
        let gradient = |wanted: bool| wanted.then(|| kept.gradient.clone());
        [gradient(kept.wanted[0]), gradient(kept.wanted[1]), None, None]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, Distribution};

    #[test]
    fn a_sum_and_its_gradients() {
        let device = Device::flex().autodiff();
        let draw = || Tensor::<4>::random([2, 3, 4, 5], Distribution::Default, &device).require_grad();
        let (a, b) = (draw(), draw());
        let y = add(a.clone(), b.clone());
        assert_eq!(y.to_data(), (a.clone() + b.clone()).to_data());
        let grads = y.square().sum().backward();
        let wanted = ((a.clone() + b.clone()).inner() * 2.0).to_data();
        assert_eq!(a.grad(&grads).expect("a gradient").to_data(), wanted);
        assert_eq!(b.grad(&grads).expect("a gradient").to_data(), wanted);
    }
}
