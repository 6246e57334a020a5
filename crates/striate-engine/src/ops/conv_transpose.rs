//! Two-dimensional transposed convolution: the gradient of a convolution's input, used forward.

use burn::tensor::{Tensor, module, ops::ConvTransposeOptions};
use burn_flex::FlexTensor;
use striate_kernels::batch_norm::sum_rows;
use striate_kernels::conv2d::{self as kernel, Conv2dShape, Epilogue};
use striate_kernels::memory::buffer;

use super::Activation;
use crate::custom::{INPUTS, Keeps, Kept, Op, absent, apply, on_cpu};
use crate::layout::{dims, from_pixels, from_rows, optional, pixels, rows};

/// How the kernel moves over the output; the same for rows and columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvTranspose2dSpec {
    /// Step of the kernel, in pixels of the output.
    pub stride: usize,
    /// Pixels cut off on each side.
    pub padding: usize,
    /// Pixels added after the last, below the stride.
    pub output_padding: usize,
}

/// `activation(conv_transpose(x, weight) + bias)`, as PyTorch's `conv_transpose2d`.
///
/// # Shapes
/// - `x`: `[N, C_in, H, W]`, `weight`: `[C_in, C_out, KH, KW]`, `bias`: `[C_out]`
/// - output: `[N, C_out, (H - 1) * stride - 2 * padding + KH + output_padding, ...]`
///
/// # Panics
/// If the channels do not fit, or nothing is left of the output.
pub fn conv_transpose2d(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    spec: ConvTranspose2dSpec,
    activation: Activation,
) -> Tensor<4> {
    let ([_, c_in, ..], [expected, ..], device) = (x.dims(), weight.dims(), x.device());
    assert_eq!(c_in, expected, "conv_transpose2d: x has {c_in} channels, the weight wants {expected}");
    if on_cpu(&device) {
        let bias = bias.unwrap_or_else(|| absent(&device));
        return apply(Transposed { spec, activation }, (x, weight, bias, absent::<1>(&device)));
    }
    let ConvTranspose2dSpec { stride, padding, output_padding } = spec;
    let options = ConvTransposeOptions::new([stride; 2], [padding; 2], [output_padding; 2], [1; 2], 1);
    activation.composed(module::conv_transpose2d(x, weight, bias, options))
}

#[derive(Debug)]
struct Transposed {
    spec: ConvTranspose2dSpec,
    activation: Activation,
}

impl Transposed {
    /// The convolution whose input is our output.
    fn shape(&self, [n, c_out, h_out, w_out]: [usize; 4], [_, c_in, kh, kw]: [usize; 4]) -> Conv2dShape {
        let ConvTranspose2dSpec { stride, padding, output_padding } = self.spec;
        let side = |side: usize, kernel: usize| {
            let side = ((side - 1) * stride + kernel + output_padding).checked_sub(2 * padding);
            side.filter(|&side| side > 0).expect("conv_transpose2d: something is left of the output")
        };
        let (h, w) = (side(h_out, kh), side(w_out, kw));
        Conv2dShape { n, h, w, c_in, c_out, kh, kw, stride, pad: [padding; 2], dilation: 1, groups: 1, h_out, w_out }
    }
}

impl Op for Transposed {
    fn name(&self, [_, weight, ..]: &[FlexTensor; INPUTS]) -> String {
        let [_, _, kh, kw] = dims(weight);
        format!("transposed {kh}x{kw} stride {}", self.spec.stride)
    }

    fn keeps(&self) -> Keeps {
        Keeps { inputs: [true, true, false, false], output: self.activation != Activation::Identity }
    }

    fn forward(&self, [x, weight, bias, _]: [FlexTensor; INPUTS]) -> FlexTensor {
        let shape = self.shape(dims(&x), dims(&weight));
        let mut y = buffer(shape.x_len());
        let bias = optional(&bias);
        let epilogue = Epilogue { bias: bias.as_deref(), clamp: self.activation.bounds(), ..Epilogue::NONE };
        kernel::conv2d_transposed(&shape, &pixels(&x), &rows(&weight), epilogue, &mut y);
        from_pixels(y, [shape.n, shape.c_in, shape.h, shape.w])
    }

    fn backward(&self, kept: Kept) -> [Option<FlexTensor>; INPUTS] {
        let [x, weight, ..] = &kept.inputs;
        let shape = self.shape(dims(x), dims(weight));
        let dy = self.activation.backward(&pixels(&kept.output), pixels(&kept.gradient));
        let dx = kept.wanted[0].then(|| {
            let mut dx = buffer(shape.y_len());
            let packed = kernel::pack_weight(&shape, &rows(weight));
            kernel::conv2d(&shape, &dy, &packed, Epilogue::NONE, &mut dx);
            from_pixels(dx, dims(x))
        });
        let dweight = kept.wanted[1].then(|| {
            let mut dweight = buffer(shape.weight_len());
            kernel::conv2d_backward_weight(&shape, &dy, &pixels(x), &mut dweight);
            from_rows(dweight, dims(weight))
        });
        let dbias = kept.wanted[2].then(|| from_rows(sum_rows(&dy, shape.c_in), [shape.c_in]));
        [dx, dweight, dbias, None]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, TensorData};

    #[test]
    fn agrees_with_burns_own() {
        let device = Device::flex().autodiff();
        for (c_in, c_out, k, stride, padding, output_padding) in
            [(20, 18, 5, 2, 2, 1), (3, 4, 3, 1, 1, 0), (4, 3, 4, 2, 1, 0)]
        {
            let values = |n: usize, m: usize| (0..n).map(|i| ((i * m) % 11) as f32 - 5.0).collect::<Vec<_>>();
            let x = Tensor::<4>::from_data(TensorData::new(values(2 * c_in * 30, 7), [2, c_in, 5, 6]), &device);
            let w =
                Tensor::<4>::from_data(TensorData::new(values(c_in * c_out * k * k, 5), [c_in, c_out, k, k]), &device);
            let bias = Tensor::<1>::from_data(TensorData::new(values(c_out, 3), [c_out]), &device);
            let run = |ours: bool| {
                let (x, w, bias) = (x.clone().require_grad(), w.clone().require_grad(), bias.clone().require_grad());
                let spec = ConvTranspose2dSpec { stride, padding, output_padding };
                let y = if ours {
                    conv_transpose2d(x.clone(), w.clone(), Some(bias.clone()), spec, Activation::Identity)
                } else {
                    let options = ConvTransposeOptions::new([stride; 2], [padding; 2], [output_padding; 2], [1; 2], 1);
                    module::conv_transpose2d(x.clone(), w.clone(), Some(bias.clone()), options)
                };
                let grads = (y.clone() * y.clone()).sum().backward();
                let flat = |t: Tensor<4>| t.into_data().try_into_vec_as::<f32>().expect("f32");
                let bias = bias.grad(&grads).expect("a gradient").into_data().try_into_vec_as::<f32>().expect("f32");
                [flat(y), flat(x.grad(&grads).expect("a gradient")), flat(w.grad(&grads).expect("a gradient")), bias]
            };
            for (ours, burns) in run(true).iter().zip(&run(false)) {
                let scale = burns.iter().fold(1.0_f32, |m, v| m.max(v.abs()));
                assert_eq!(ours.len(), burns.len());
                assert!(ours.iter().zip(burns).all(|(a, b)| (a - b).abs() <= 2e-5 * scale), "kernel {k}");
            }
        }
    }
}
