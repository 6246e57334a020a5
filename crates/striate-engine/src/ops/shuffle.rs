//! Pixels to channels and back.

use burn::tensor::Tensor;
use burn_flex::FlexTensor;
use striate_kernels::memory::buffer;
use striate_kernels::shuffle::{self as kernel, ShuffleShape};

use crate::custom::{INPUTS, Keeps, Kept, Op, apply_to, on_cpu};
use crate::layout::{dims, from_pixels, pixels};

/// Squares of `factor` x `factor` pixels become channels, as PyTorch's `pixel_unshuffle`.
///
/// # Shapes
/// - `x`: `[N, C, H, W]`, output: `[N, C * factor * factor, H / factor, W / factor]`
///
/// # Panics
/// If `factor` does not divide both sides.
pub fn pixel_unshuffle(x: Tensor<4>, factor: usize) -> Tensor<4> {
    let [n, c, h, w] = x.dims();
    assert!(h.is_multiple_of(factor) && w.is_multiple_of(factor), "pixel_unshuffle: {h}x{w} by {factor}");
    if on_cpu(&x.device()) {
        return apply_to(Shuffle { shape: ShuffleShape { n, h, w, c, factor }, apart: false }, x);
    }
    let (rows, columns) = (h / factor, w / factor);
    let x = x.reshape([n, c, rows, factor, columns, factor]).permute([0, 1, 3, 5, 2, 4]);
    x.reshape([n, c * factor * factor, rows, columns])
}

/// Channels become squares of `factor` x `factor` pixels, as PyTorch's `pixel_shuffle`. Shi et al. 2016
/// <https://arxiv.org/abs/1609.05158>.
///
/// # Shapes
/// - `x`: `[N, C * factor * factor, H, W]`, output: `[N, C, H * factor, W * factor]`
///
/// # Panics
/// If the channels are not squares of `factor`.
pub fn pixel_shuffle(x: Tensor<4>, factor: usize) -> Tensor<4> {
    let [n, channels, rows, columns] = x.dims();
    let c = channels / (factor * factor);
    assert_eq!(channels, c * factor * factor, "pixel_shuffle: {channels} channels by {factor}");
    let (h, w) = (rows * factor, columns * factor);
    if on_cpu(&x.device()) {
        return apply_to(Shuffle { shape: ShuffleShape { n, h, w, c, factor }, apart: true }, x);
    }
    let x = x.reshape([n, c, factor, factor, rows, columns]).permute([0, 1, 4, 2, 5, 3]);
    x.reshape([n, c, h, w])
}

/// One is the gradient of the other.
#[derive(Debug)]
struct Shuffle {
    shape: ShuffleShape,
    apart: bool,
}

impl Shuffle {
    fn run(&self, x: &FlexTensor, apart: bool) -> FlexTensor {
        let ShuffleShape { n, h, w, c, factor } = self.shape;
        let mut y = buffer(x.layout().num_elements());
        let to = if apart {
            kernel::pixel_shuffle(&self.shape, &pixels(x), &mut y);
            [n, c, h, w]
        } else {
            kernel::pixel_unshuffle(&self.shape, &pixels(x), &mut y);
            [n, c * factor * factor, h / factor, w / factor]
        };
        debug_assert_eq!(dims(x).iter().product::<usize>(), y.len());
        from_pixels(y, to)
    }
}

impl Op for Shuffle {
    fn keeps(&self) -> Keeps {
        Keeps { inputs: [false; INPUTS], output: false }
    }

    fn forward(&self, [x, ..]: [FlexTensor; INPUTS]) -> FlexTensor {
        self.run(&x, self.apart)
    }

    fn backward(&self, kept: Kept) -> [Option<FlexTensor>; INPUTS] {
        [Some(self.run(&kept.gradient, !self.apart)), None, None, None]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, Distribution};

    #[test]
    fn there_and_back_with_gradients() {
        let x = Tensor::<4>::random([2, 3, 4, 6], Distribution::Default, &Device::flex().autodiff()).require_grad();
        let small = pixel_unshuffle(x.clone(), 2);
        assert_eq!(small.dims(), [2, 12, 2, 3]);
        let composed = x.clone().reshape([2, 3, 2, 2, 3, 2]).permute([0, 1, 3, 5, 2, 4]).reshape([2, 12, 2, 3]);
        assert_eq!(small.to_data(), composed.to_data());
        let back = pixel_shuffle(small, 2);
        assert_eq!(back.to_data(), x.to_data());
        let grads = back.square().sum().backward();
        assert_eq!(x.grad(&grads).expect("a gradient").to_data(), (x.inner() * 2.0).to_data());
    }
}
