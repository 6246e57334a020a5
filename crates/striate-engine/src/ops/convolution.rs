//! Two-dimensional convolution (cross-correlation, as everywhere in deep learning).

use burn::tensor::{Tensor, module, ops::ConvOptions};
use burn_flex::FlexTensor;
use striate_kernels::batch_norm::sum_rows;
use striate_kernels::conv2d::{self as kernel, Conv2dShape, Epilogue};
use striate_kernels::memory::buffer;

use super::Activation;
use crate::custom::{INPUTS, Keeps, Kept, Op, absent, apply, on_cpu};
use crate::layout::{dims, from_pixels, from_rows, optional, pixels, rows};

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

    /// For each output along an axis of `side` pixels, which of them the taps of a kernel of `kernel` taps fall on; taps on zeros are
    /// left out.
    pub fn windows(&self, side: usize, kernel: usize) -> Vec<Vec<usize>> {
        let (before, after) = self.zeros(side, kernel);
        let reach = self.dilation * (kernel - 1) + 1;
        let outputs = (side + before + after).checked_sub(reach).map_or(0, |free| free / self.stride + 1);
        let tap = |output: usize, tap: usize| (output * self.stride + tap * self.dilation).checked_sub(before);
        let window = |output| (0..kernel).filter_map(|k| tap(output, k)).filter(|&at| at < side).collect();
        (0..outputs).map(window).collect()
    }
}

/// `activation(conv(x, weight) + bias)`; no bias is `None`.
///
/// # Shapes
/// - `x`: `[N, C_in, H, W]`, `weight`: `[C_out, C_in / groups, KH, KW]`, `bias`: `[C_out]`
/// - output: `[N, C_out, H_out, W_out]`
///
/// # Panics
/// If the channels do not fit, or the padded picture is smaller than the kernel.
pub fn conv2d(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    spec: Conv2dSpec,
    activation: Activation,
) -> Tensor<4> {
    let device = x.device();
    let shape = spec.shape(x.dims(), weight.dims());
    if on_cpu(&device) {
        let bias = bias.unwrap_or_else(|| absent(&device));
        return apply(Convolution { spec, activation }, (x, weight, bias, absent::<1>(&device)));
    }
    let padding = [spec.zeros(shape.h, shape.kh), spec.zeros(shape.w, shape.kw)];
    let options = ConvOptions::new_with_padding([spec.stride; 2], padding, [spec.dilation; 2], spec.groups);
    activation.composed(module::conv2d(x, weight, bias, options))
}

impl Conv2dSpec {
    /// Which kind of convolution it is, in words.
    pub(super) fn name(&self, [_, c_group, kh, kw]: [usize; 4]) -> String {
        let kind = if self.groups > 1 && c_group == 1 { "depthwise" } else { "convolution" };
        let stride = if self.stride == 1 { String::new() } else { format!(" stride {}", self.stride) };
        format!("{kind} {kh}x{kw}{stride}")
    }

    /// All sizes, checked.
    pub(super) fn shape(&self, [n, c_in, h, w]: [usize; 4], [c_out, c_group, kh, kw]: [usize; 4]) -> Conv2dShape {
        let Self { stride, dilation, groups, .. } = *self;
        assert_eq!(c_in, c_group * groups, "conv2d: x has {c_in} channels, the weight wants {c_group} x {groups}");
        let side = |side: usize, kernel: usize| {
            let (before, after) = self.zeros(side, kernel);
            let (padded, reach) = (side + before + after, dilation * (kernel - 1) + 1);
            assert!(padded >= reach, "conv2d: a padded side of {padded} is smaller than the kernel's {reach}");
            (before, (padded - reach) / stride + 1)
        };
        let ((top, h_out), (left, w_out)) = (side(h, kh), side(w, kw));
        Conv2dShape { n, h, w, c_in, c_out, kh, kw, stride, pad: [top, left], dilation, groups, h_out, w_out }
    }
}

#[derive(Debug)]
struct Convolution {
    spec: Conv2dSpec,
    activation: Activation,
}

impl Op for Convolution {
    fn name(&self, [_, weight, ..]: &[FlexTensor; INPUTS]) -> String {
        self.spec.name(dims(weight))
    }

    fn keeps(&self) -> Keeps {
        Keeps { inputs: [true, true, true, false], output: self.activation != Activation::Identity }
    }

    fn forward(&self, [x, weight, bias, _]: [FlexTensor; INPUTS]) -> FlexTensor {
        let shape = self.spec.shape(dims(&x), dims(&weight));
        let mut y = buffer(shape.y_len());
        let bias = optional(&bias);
        let epilogue = Epilogue { bias: bias.as_deref(), clamp: self.activation.bounds(), ..Epilogue::NONE };
        kernel::conv2d(&shape, &pixels(&x), &kernel::pack_weight(&shape, &rows(&weight)), epilogue, &mut y);
        from_pixels(y, [shape.n, shape.c_out, shape.h_out, shape.w_out])
    }

    fn backward(&self, kept: Kept) -> [Option<FlexTensor>; INPUTS] {
        let [x, weight, ..] = &kept.inputs;
        let shape = self.spec.shape(dims(x), dims(weight));
        let dy = self.activation.backward(&pixels(&kept.output), pixels(&kept.gradient));
        let dx = kept.wanted[0].then(|| {
            let mut dx = buffer(shape.x_len());
            kernel::conv2d_backward_input(&shape, &dy, &rows(weight), &mut dx);
            from_pixels(dx, dims(x))
        });
        let dweight = kept.wanted[1].then(|| {
            let mut dweight = buffer(shape.weight_len());
            kernel::conv2d_backward_weight(&shape, &pixels(x), &dy, &mut dweight);
            from_rows(dweight, dims(weight))
        });
        let dbias = kept.wanted[2].then(|| from_rows(sum_rows(&dy, shape.c_out), [shape.c_out]));
        [dx, dweight, dbias, None]
    }
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
        let y = conv2d(x.clone(), w.clone(), None, spec(2, Padding::Same), Activation::Identity);
        let grads = loss(y.clone()).backward();
        let (x2, w2) = (input(), weight());
        let padded = x2.clone().pad([(0, 1), (0, 1)], 0.0);
        let y2 = conv2d(padded, w2.clone(), None, spec(2, Padding::Each(0)), Activation::Identity);
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
