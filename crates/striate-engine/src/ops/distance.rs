//! How far pictures lie from others.

use burn::tensor::Tensor;
use burn_flex::FlexTensor;
use striate_kernels::distance::{self as kernel};
use striate_kernels::memory::buffer;

use crate::custom::{INPUTS, Keeps, Kept, Op, absent, apply, on_cpu};
use crate::layout::{dims, from_pixels, from_rows, optional_pixels, pixels};

pub use striate_kernels::distance::Distance;

/// `sum weight * distance(x - target)`, as one number; every weight is 1 where none are given.
///
/// # Shapes
/// - `x`, `target`, `weight`: `[N, C, H, W]`, output: `[1]`
///
/// # Panics
/// If the shapes differ.
pub fn distance(x: Tensor<4>, target: Tensor<4>, weight: Option<Tensor<4>>, kind: Distance) -> Tensor<1> {
    assert_eq!(x.dims(), target.dims(), "distance: shapes differ");
    assert!(weight.as_ref().is_none_or(|w| w.dims() == x.dims()), "distance: the weight has another shape");
    let device = x.device();
    if on_cpu(&device) {
        let weight = weight.unwrap_or_else(|| absent(&device));
        return apply(Between(kind), (x, target, weight, absent::<1>(&device)));
    }
    let d = x - target;
    let d = if kind == Distance::Squared { d.square() } else { d.abs() };
    weight.map_or_else(|| d.clone(), |w| w * d.clone()).sum()
}

#[derive(Debug)]
struct Between(Distance);

impl Op for Between {
    fn name(&self, _: &[FlexTensor; INPUTS]) -> String {
        "distance of pictures".to_owned()
    }

    fn keeps(&self) -> Keeps {
        Keeps { inputs: [true, true, true, false], output: false }
    }

    fn forward(&self, [x, target, weight, _]: [FlexTensor; INPUTS]) -> FlexTensor {
        let weight = optional_pixels(&weight);
        from_rows(vec![kernel::distance(&pixels(&x), &pixels(&target), weight.as_deref(), self.0)], [1])
    }

    fn backward(&self, kept: Kept) -> [Option<FlexTensor>; INPUTS] {
        assert!(!kept.wanted[1] && !kept.wanted[2], "distance: target and weight are constants");
        let [x, target, weight, _] = &kept.inputs;
        let mut dx = buffer(x.layout().num_elements());
        let (scale, weight) = (crate::layout::rows(&kept.gradient)[0], optional_pixels(weight));
        kernel::distance_backward([&pixels(x), &pixels(target)], weight.as_deref(), self.0, scale, &mut dx);
        [Some(from_pixels(dx, dims(x))), None, None, None]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, Distribution};

    #[test]
    fn agrees_with_burns_own() {
        let device = Device::flex().autodiff();
        let draw = || Tensor::<4>::random([2, 3, 4, 5], Distribution::Default, &device);
        for kind in [Distance::Squared, Distance::Absolute] {
            let (x, target, weight) = (draw().require_grad(), draw(), draw());
            let loss = distance(x.clone(), target.clone(), Some(weight.clone()), kind);
            let d = x.clone() - target;
            let wanted = (weight * if kind == Distance::Squared { d.square() } else { d.abs() }).sum();
            let values = |t: &Tensor<1>| t.clone().into_scalar::<f32>();
            assert!((values(&loss) - values(&wanted)).abs() < 1e-4);
            let gradient = |loss: Tensor<1>| x.grad(&(loss * 3.0).backward()).expect("a gradient");
            let off = (gradient(loss) - gradient(wanted)).abs().max().into_scalar::<f32>();
            assert!(off < 1e-5, "{off}");
        }
    }
}
