//! A convolution for inference: the normalisation after it folded into its weights, which are packed once.

use std::sync::Arc;

use burn::tensor::{Tensor, TensorData};
use burn_flex::FlexTensor;
use striate_kernels::conv2d::{self as kernel, Epilogue, PackedWeight};
use striate_kernels::memory::buffer;

use super::{Activation, Conv2dSpec, conv2d};
use crate::custom::{INPUTS, Keeps, Kept, Op, absent, apply, on_cpu};
use crate::layout::{dims, from_pixels, optional_pixels, pixels};

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
    weight_dims: [usize; 4],
    weight: PackedWeight,
    bias: Vec<f32>,
}

impl FoldedConv2d {
    /// Multiplies each output channel's weights by `scale`, and packs them for pictures of the shape `x`.
    ///
    /// # Shapes
    /// - `x`: `[N, C_in, H, W]`, `weight`: `[C_out, C_in / groups, KH, KW]`, `scale`, `shift`: `[C_out]`
    pub fn new(x: [usize; 4], weight: Tensor<4>, (scale, shift): (Tensor<1>, Tensor<1>), spec: Conv2dSpec) -> Self {
        let weight_dims = weight.dims();
        let scale = scale.without_autodiff().reshape([weight_dims[0], 1, 1, 1]);
        let (weight, bias) = (weight.without_autodiff() * scale, shift.without_autodiff());
        if !on_cpu(&weight.device()) {
            return Self(Kind::Composed(Arc::new((spec, weight, bias))));
        }
        let values = |data: TensorData| data.try_into_vec_as::<f32>().expect("a net computes in f32");
        let weight = kernel::pack_weight(&spec.shape(x, weight_dims), &values(weight.into_data()));
        Self(Kind::Packed(Arc::new(Packed { spec, weight_dims, weight, bias: values(bias.into_data()) })))
    }

    /// # Shapes
    /// - `x`: `[N, C_in, H, W]` with the sides it was packed for, `residual`, output: `[N, C_out, H_out, W_out]`
    pub fn forward(&self, x: Tensor<4>, residual: Option<Tensor<4>>, activation: Activation) -> Tensor<4> {
        match &self.0 {
            Kind::Packed(packed) => {
                let device = x.device();
                let residual = residual.unwrap_or_else(|| absent(&device));
                let nothing = absent::<1>(&device);
                apply(Run { packed: packed.clone(), activation }, (x, residual, nothing.clone(), nothing))
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
    activation: Activation,
}

impl Op for Run {
    fn name(&self, _: &[FlexTensor; INPUTS]) -> String {
        self.packed.spec.name(self.packed.weight_dims)
    }

    fn keeps(&self) -> Keeps {
        Keeps { inputs: [false; INPUTS], output: false }
    }

    fn forward(&self, [x, residual, ..]: [FlexTensor; INPUTS]) -> FlexTensor {
        let Packed { spec, weight_dims, weight, bias } = &*self.packed;
        let shape = spec.shape(dims(&x), *weight_dims);
        let residual = optional_pixels(&residual);
        let epilogue = Epilogue { bias: Some(bias), residual: residual.as_deref(), clamp: self.activation.bounds() };
        let mut y = buffer(shape.y_len());
        kernel::conv2d(&shape, &pixels(&x), weight, epilogue, &mut y);
        from_pixels(y, [shape.n, shape.c_out, shape.h_out, shape.w_out])
    }

    fn backward(&self, _: Kept) -> [Option<FlexTensor>; INPUTS] {
        unreachable!("a folded convolution is for inference")
    }
}
