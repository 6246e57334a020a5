//! A convolution of a net that learns no more: the normalisation after it folded into its weights, which are packed once. Its input has
//! a gradient; its weights have none.

use std::sync::{Arc, OnceLock};

use burn::tensor::{Tensor, TensorData};
use burn_flex::FlexTensor;
use striate_kernels::conv2d::{self as kernel, Conv2dShape, Epilogue, PackedWeight};
use striate_kernels::memory::buffer;

use super::{Activation, Conv2dSpec, conv2d};
use crate::custom::{INPUTS, Keeps, Kept, Op, absent, apply, on_cpu};
use crate::layout::{dims, from_pixels, optional_pixels, pixels, rows};

/// `activation(conv(x) * scale + shift + residual)` with constants for weights, scale and shift, and pictures of one size.
#[derive(Clone, Debug)]
pub struct FoldedConv2d(Kind);

#[derive(Clone, Debug)]
enum Kind {
    /// For our kernels.
    Packed(Arc<Packed>),
    /// For any other device.
    Composed(Arc<(Conv2dSpec, Tensor<4>, Tensor<1>)>),
}

#[derive(Debug)]
struct Packed {
    spec: Conv2dSpec,
    weight: PackedWeight,
    bias: Vec<f32>,
    /// As they were, shared with the net.
    unfolded: Tensor<4>,
    scale: Vec<f32>,
    /// Folded and not packed, once a gradient is asked for.
    folded: OnceLock<Vec<f32>>,
}

impl Packed {
    fn folded(&self, unfolded: &[f32]) -> &[f32] {
        self.folded.get_or_init(|| {
            let of_channel = unfolded.len() / self.scale.len().max(1);
            let scaled = |(weights, scale): (&[f32], &f32)| weights.iter().map(|w| w * scale).collect::<Vec<f32>>();
            unfolded.chunks_exact(of_channel.max(1)).zip(&self.scale).flat_map(scaled).collect()
        })
    }
}

impl FoldedConv2d {
    /// Multiplies each output channel's weights by `scale`, and packs them for pictures of the shape `x`.
    ///
    /// # Shapes
    /// - `x`: `[N, C_in, H, W]`, `weight`: `[C_out, C_in / groups, KH, KW]`, `scale`, `shift`: `[C_out]`
    pub fn new(x: [usize; 4], weight: Tensor<4>, (scale, shift): (Tensor<1>, Tensor<1>), spec: Conv2dSpec) -> Self {
        let weight_dims = weight.dims();
        let (unfolded, scale) = (weight.without_autodiff(), scale.without_autodiff());
        let by_channel = scale.clone().reshape([weight_dims[0], 1, 1, 1]);
        let (weight, bias) = (unfolded.clone() * by_channel, shift.without_autodiff());
        if !on_cpu(&weight.device()) {
            return Self(Kind::Composed(Arc::new((spec, weight, bias))));
        }
        let values = |data: TensorData| data.try_into_vec_as::<f32>().expect("a net computes in f32");
        let weight = kernel::pack_weight(&spec.shape(x, weight_dims), &values(weight.into_data()));
        let (bias, scale) = (values(bias.into_data()), values(scale.into_data()));
        Self(Kind::Packed(Arc::new(Packed { spec, weight, bias, unfolded, scale, folded: OnceLock::new() })))
    }

    /// # Shapes
    /// - `x`: `[N, C_in, H, W]` with the sides it was packed for, `residual`, output: `[N, C_out, H_out, W_out]`
    pub fn forward(&self, x: Tensor<4>, residual: Option<Tensor<4>>, activation: Activation) -> Tensor<4> {
        match &self.0 {
            Kind::Packed(packed) => {
                let device = x.device();
                let shape = packed.spec.shape(x.dims(), packed.unfolded.dims());
                let run = Run { packed: packed.clone(), shape, activation };
                let residual = residual.unwrap_or_else(|| absent(&device));
                apply(run, (x, residual, packed.unfolded.clone(), absent::<1>(&device)))
            }
            Kind::Composed(parts) => {
                let (spec, weight, bias) = &**parts;
                let y = conv2d(x, weight.clone(), Some(bias.clone()), *spec, Activation::Identity);
                activation.composed(match residual {
                    Some(residual) => y + residual,
                    None => y,
                })
            }
        }
    }
}

#[derive(Debug)]
struct Run {
    packed: Arc<Packed>,
    shape: Conv2dShape,
    activation: Activation,
}

impl Op for Run {
    fn name(&self, [_, _, weight, _]: &[FlexTensor; INPUTS]) -> String {
        self.packed.spec.name(dims(weight))
    }

    fn keeps(&self) -> Keeps {
        Keeps { inputs: [false, false, true, false], output: self.activation != Activation::Identity }
    }

    fn forward(&self, [x, residual, ..]: [FlexTensor; INPUTS]) -> FlexTensor {
        let Self { packed, shape, activation } = self;
        let residual = optional_pixels(&residual);
        let epilogue = Epilogue { bias: Some(&packed.bias), residual: residual.as_deref(), clamp: activation.bounds() };
        let mut y = buffer(shape.y_len());
        kernel::conv2d(shape, &pixels(&x), &packed.weight, epilogue, &mut y);
        from_pixels(y, [shape.n, shape.c_out, shape.h_out, shape.w_out])
    }

    fn backward(&self, kept: Kept) -> [Option<FlexTensor>; INPUTS] {
        let Self { packed, shape, activation } = self;
        let dy = activation.backward(&pixels(&kept.output), pixels(&kept.gradient));
        let dx = kept.wanted[0].then(|| {
            let mut dx = buffer(shape.x_len());
            kernel::conv2d_backward_input(shape, &dy, packed.folded(&rows(&kept.inputs[2])), &mut dx);
            from_pixels(dx, [shape.n, shape.c_in, shape.h, shape.w])
        });
        let y = [shape.n, shape.c_out, shape.h_out, shape.w_out];
        let dresidual = kept.wanted[1].then(|| from_pixels(dy.into_owned(), y));
        [dx, dresidual, None, None]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::{Padding, scale_shift};
    use burn::tensor::Device;

    #[test]
    fn gradients_are_those_of_convolution_and_norm_apart() {
        let device = Device::flex();
        let numbers = |shape: [usize; 4], step: usize| {
            let values = (0..shape.iter().product()).map(|i: usize| (i * step % 23) as f32 / 23.0 - 0.4).collect();
            Tensor::<4>::from_data(TensorData::new::<f32, _>(values, shape), &device)
        };
        let vector = |values: [f32; 3]| Tensor::<1>::from_data(TensorData::from(values), &device);
        for (stride, activation) in [(1, Activation::Relu6), (2, Activation::Identity)] {
            let spec = Conv2dSpec { stride, padding: Padding::Same, dilation: 1, groups: 1 };
            let weight = numbers([3, 2, 3, 3], 5) * 2.0;
            let (scale, shift) = (vector([0.5, -1.5, 2.0]), vector([0.1, 0.2, -0.3]));
            let side = if stride == 1 { 7 } else { 4 };
            let (x, residual) = (numbers([2, 2, 7, 7], 7), numbers([2, 3, side, side], 3));
            let gradients = |folded: bool| {
                let (x, residual) = (x.clone().autodiff().require_grad(), residual.clone().autodiff().require_grad());
                let (scale, shift) = (scale.clone(), shift.clone());
                let y = if folded {
                    let ready = FoldedConv2d::new(x.dims(), weight.clone(), (scale, shift), spec);
                    ready.forward(x.clone(), Some(residual.clone()), activation)
                } else {
                    let y = conv2d(x.clone(), weight.clone(), None, spec, Activation::Identity);
                    scale_shift(y, (scale, shift), Some(residual.clone()), activation)
                };
                let mut grads = y.clone().square().sum().backward();
                let both = [x, residual].map(|t| t.grad_remove(&mut grads).expect("a gradient").into_data());
                both.map(|data| data.try_into_vec::<f32>().expect("f32"))
            };
            let apart = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            let ([dx, dr], [dx2, dr2]) = (gradients(true), gradients(false));
            assert!(apart(&dx, &dx2) < 1e-4 && apart(&dr, &dr2) < 1e-4, "{} {}", apart(&dx, &dx2), apart(&dr, &dr2));
            assert!(dx.iter().any(|v| v.abs() > 1.0) && dr.iter().any(|v| v.abs() > 1.0));
        }
    }
}
