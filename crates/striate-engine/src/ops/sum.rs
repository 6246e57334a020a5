//! The sum of all numbers of a picture tensor.

use burn::tensor::Tensor;
use burn_flex::FlexTensor;
use striate_kernels::memory::buffer;
use striate_kernels::sum::total;

use crate::custom::{INPUTS, Keeps, Kept, Op, apply_to, on_cpu};
use crate::layout::{from_pixels, from_rows, pixels, rows};

/// # Shapes
/// - `x`: `[N, C, H, W]`, output: `[1]`
pub fn sum(x: Tensor<4>) -> Tensor<1> {
    if on_cpu(&x.device()) { apply_to(Sum(x.dims()), x) } else { x.sum() }
}

#[derive(Debug)]
struct Sum([usize; 4]);

impl Op for Sum {
    fn keeps(&self) -> Keeps {
        Keeps { inputs: [false; INPUTS], output: false }
    }

    fn forward(&self, [x, ..]: [FlexTensor; INPUTS]) -> FlexTensor {
        from_rows(vec![total(&pixels(&x))], [1])
    }

    fn backward(&self, kept: Kept) -> [Option<FlexTensor>; INPUTS] {
        let mut dx = buffer(self.0.iter().product());
        dx.fill(rows(&kept.gradient)[0]);
        [Some(from_pixels(dx, self.0)), None, None, None]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, Distribution};

    #[test]
    fn a_sum_and_its_gradient() {
        let x = Tensor::<4>::random([2, 3, 4, 5], Distribution::Default, &Device::flex().autodiff()).require_grad();
        let y = sum(x.clone());
        let want = x.clone().inner().sum().into_scalar::<f32>();
        assert!((y.clone().into_scalar::<f32>() - want).abs() < 1e-4);
        let grads = (y * 3.0).backward();
        let dx = x.grad(&grads).expect("a gradient").into_data().try_into_vec_as::<f32>().expect("f32");
        assert_eq!(dx, [3.0; 120]);
    }
}
