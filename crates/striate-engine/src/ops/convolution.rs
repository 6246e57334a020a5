//! Two-dimensional convolution (cross-correlation, as everywhere in deep learning).

use burn::tensor::{Tensor, module, ops::ConvOptions};

/// Zeros around the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// So many on all four sides.
    Each(usize),
    /// TensorFlow's "SAME": the output has `ceil(side / stride)` pixels; of an odd number of zeros the greater half comes last.
    Same,
}

/// How a kernel moves over a picture; the same for rows and columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv2dSpec {
    /// Step of the kernel, in pixels.
    pub stride: usize,
    /// Zeros around the picture.
    pub padding: Padding,
    /// Distance between the kernel's taps, in pixels.
    pub dilation: usize,
    /// Channels are split into so many groups, each convolved alone.
    pub groups: usize,
}

impl Conv2dSpec {
    /// Zeros before and after an axis of `side` pixels under a kernel of `kernel` taps.
    fn zeros(&self, side: usize, kernel: usize) -> (usize, usize) {
        match self.padding {
            Padding::Each(zeros) => (zeros, zeros),
            Padding::Same => {
                let reach = (side.div_ceil(self.stride) - 1) * self.stride + self.dilation * (kernel - 1) + 1;
                let zeros = reach.saturating_sub(side);
                (zeros / 2, zeros - zeros / 2)
            }
        }
    }
}

/// Convolves; no bias is `None`.
///
/// # Shapes
/// - `x`: `[N, C_in, H, W]`, `weight`: `[C_out, C_in / groups, KH, KW]`, `bias`: `[C_out]`
/// - output: `[N, C_out, H_out, W_out]`
///
/// # Panics
/// If the channels do not fit, or the padded picture is smaller than the kernel.
pub fn conv2d(x: Tensor<4>, weight: Tensor<4>, bias: Option<Tensor<1>>, spec: Conv2dSpec) -> Tensor<4> {
    let [_, c_in, h, w] = x.dims();
    let [_, c_group, kh, kw] = weight.dims();
    assert_eq!(
        c_in,
        c_group * spec.groups,
        "conv2d: x has {c_in} channels, the weight wants {c_group} x {}",
        spec.groups
    );
    let padding = [spec.zeros(h, kh), spec.zeros(w, kw)];
    for (side, kernel, zeros) in [(h, kh, padding[0]), (w, kw, padding[1])] {
        let (padded, reach) = (side + zeros.0 + zeros.1, spec.dilation * (kernel - 1) + 1);
        assert!(padded >= reach, "conv2d: a padded side of {padded} is smaller than the kernel's {reach}");
    }
    let options = ConvOptions::new_with_padding([spec.stride; 2], padding, [spec.dilation; 2], spec.groups);
    module::conv2d(x, weight, bias, options)
}

/// Multiply-adds of the direct method for one picture.
///
/// # Shapes
/// - `weight`: `[C_out, C_in / groups, KH, KW]`, `out`: `[N, C_out, H_out, W_out]`
pub fn conv2d_macs(weight: [usize; 4], out: [usize; 4]) -> u64 {
    let (taps, [_, c_out, h_out, w_out]) = (weight[1..].iter().product::<usize>(), out);
    (taps * c_out * h_out * w_out) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, TensorData};

    fn spec(stride: usize, padding: Padding) -> Conv2dSpec {
        Conv2dSpec { stride, padding, dilation: 1, groups: 1 }
    }

    #[test]
    fn same_padding_is_tensorflows() {
        assert_eq!(spec(2, Padding::Same).zeros(224, 3), (0, 1));
        assert_eq!(spec(2, Padding::Same).zeros(225, 3), (1, 1));
        assert_eq!(spec(1, Padding::Same).zeros(7, 5), (2, 2));
        assert_eq!(spec(2, Padding::Same).zeros(56, 5), (1, 2));
        assert_eq!(spec(2, Padding::Same).zeros(7, 1), (0, 0));
    }

    #[test]
    fn asymmetric_padding_and_its_gradient_agree_with_padding_by_hand() {
        let device = Device::flex().autodiff();
        let values: Vec<f32> = (0..2 * 6 * 6).map(|i| ((i * 7) % 11) as f32 - 5.0).collect();
        let taps: Vec<f32> = (0..3 * 2 * 9).map(|i| ((i * 5) % 7) as f32 - 3.0).collect();
        let input = || Tensor::<4>::from_data(TensorData::new(values.clone(), [1, 2, 6, 6]), &device).require_grad();
        let weight = || Tensor::<4>::from_data(TensorData::new(taps.clone(), [3, 2, 3, 3]), &device).require_grad();
        let loss = |y: Tensor<4>| (y.clone() * y).sum();

        let (x, w) = (input(), weight());
        let y = conv2d(x.clone(), w.clone(), None, spec(2, Padding::Same));
        let grads = loss(y.clone()).backward();
        let (x2, w2) = (input(), weight());
        let padded = x2.clone().pad([(0, 1), (0, 1)], 0.0);
        let y2 = conv2d(padded, w2.clone(), None, spec(2, Padding::Each(0)));
        let grads2 = loss(y2.clone()).backward();

        assert_eq!(y.dims(), [1, 3, 3, 3]);
        let data = |t: Option<Tensor<4>>| t.expect("a gradient").into_data();
        assert_eq!(y.into_data(), y2.into_data());
        assert_eq!(data(x.grad(&grads)), data(x2.grad(&grads2)));
        assert_eq!(data(w.grad(&grads)), data(w2.grad(&grads2)));
    }

    #[test]
    fn macs_of_a_grouped_convolution() {
        assert_eq!(conv2d_macs([144, 1, 3, 3], [8, 144, 56, 56]), 144 * 9 * 56 * 56);
    }
}
