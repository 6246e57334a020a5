//! One tensor for two ways, as at the start of a residual block.

use std::sync::{Arc, Mutex};

use burn::tensor::Tensor;
use burn_flex::FlexTensor;
use striate_kernels::memory::buffer;
use striate_kernels::sum::sum;

use crate::custom::{INPUTS, Keeps, Kept, Op, apply_to, on_cpu};
use crate::layout::{dims, from_pixels, pixels};

/// `x` twice. The gradients of both are added by our own kernel, which keeps the layout; Burn's would rearrange them.
///
/// Both must be used: the gradient of `x` is there when those of both are.
///
/// # Shapes
/// - `x`, outputs: `[N, C, H, W]`
pub fn fork(x: Tensor<4>) -> (Tensor<4>, Tensor<4>) {
    let device = x.device();
    if !on_cpu(&device) || !x.is_autodiff() {
        return (x.clone(), x);
    }
    let first = Arc::new(Mutex::new(None));
    let way = |x: Tensor<4>| apply_to(Way(first.clone()), x);
    (way(x.clone()), way(x))
}

/// One of the two; shared is the gradient that came first.
#[derive(Debug)]
struct Way(Arc<Mutex<Option<FlexTensor>>>);

impl Op for Way {
    fn name(&self, _: &[FlexTensor; INPUTS]) -> String {
        "sum of two gradients".to_owned()
    }

    fn keeps(&self) -> Keeps {
        Keeps { inputs: [false; INPUTS], output: false }
    }

    fn forward(&self, [x, ..]: [FlexTensor; INPUTS]) -> FlexTensor {
        x
    }

    fn backward(&self, kept: Kept) -> [Option<FlexTensor>; INPUTS] {
        let mut first = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let Some(other) = first.take() else {
            *first = Some(kept.gradient);
            return [None, None, None, None];
        };
        let mut both = buffer(other.layout().num_elements());
        sum(&pixels(&kept.gradient), &pixels(&other), &mut both);
        [Some(from_pixels(both, dims(&other))), None, None, None]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, TensorData};

    #[test]
    fn gradients_of_both_ways_add_up() {
        let device = Device::flex().autodiff();
        let values: Vec<f32> = (0..2 * 3 * 4 * 5).map(|i| i as f32).collect();
        let x = Tensor::<4>::from_data(TensorData::new(values, [2, 3, 4, 5]), &device).require_grad();
        let (a, b) = fork(x.clone());
        let grads = (a * 2.0 + b.square()).sum().backward();
        let wanted = x.clone().inner() * 2.0 + 2.0;
        assert_eq!(x.grad(&grads).expect("a gradient").into_data(), wanted.into_data());
    }
}
