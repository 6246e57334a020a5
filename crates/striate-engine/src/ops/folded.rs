//! A convolution for inference: the normalisation after it folded into its weights, which are packed once.

use std::sync::Arc;

use burn::tensor::Tensor;
use burn_flex::FlexTensor;
use striate_kernels::conv2d::{self as kernel, Epilogue, PackedWeight};
use striate_kernels::memory::buffer;

use super::{Activation, Conv2dSpec, conv2d};
use crate::custom::{INPUTS, Keeps, Kept, Op, absent, apply, on_cpu};
use crate::memory::{dims, from_pixels, pixels};

/// `activation(conv(x) * scale + shift + residual)` with constants for weights, scale and shift.
#[derive(Debug)]
pub struct FoldedConv2d {
    spec: Conv2dSpec,
    weight: Tensor<4>,
    bias: Tensor<1>,
}

/// [`FoldedConv2d`] ready for one size of picture.
#[derive(Clone, Debug)]
pub struct PackedConv2d {
    folded: Arc<FoldedConv2d>,
    packed: Option<Arc<Packed>>,
}

#[derive(Debug)]
struct Packed {
    spec: Conv2dSpec,
    weight_dims: [usize; 4],
    weight: PackedWeight,
    bias: Vec<f32>,
}

impl FoldedConv2d {
    /// Multiplies each output channel's weights by `scale`.
    ///
    /// # Shapes
    /// - `weight`: `[C_out, C_in / groups, KH, KW]`, `scale`, `shift`: `[C_out]`
    pub fn new(weight: Tensor<4>, (scale, shift): (Tensor<1>, Tensor<1>), spec: Conv2dSpec) -> Self {
        let [c_out, _, _, _] = weight.dims();
        let weight = weight.without_autodiff() * scale.without_autodiff().reshape([c_out, 1, 1, 1]);
        Self { spec, weight, bias: shift.without_autodiff() }
    }
}

impl PackedConv2d {
    /// Packs for pictures of the size of `x`.
    pub fn new(folded: Arc<FoldedConv2d>, x: [usize; 4]) -> Self {
        let packed = on_cpu(&folded.weight.device()).then(|| {
            let values = |data: burn::tensor::TensorData| data.try_into_vec_as::<f32>().expect("a net computes in f32");
            let weight_dims = folded.weight.dims();
            let shape = folded.spec.shape(x, weight_dims);
            let weight = kernel::pack_weight(&shape, &values(folded.weight.clone().into_data()));
            Arc::new(Packed { spec: folded.spec, weight_dims, weight, bias: values(folded.bias.clone().into_data()) })
        });
        Self { folded, packed }
    }

    /// # Shapes
    /// - `x`: `[N, C_in, H, W]` with the sides it was packed for, `residual`, output: `[N, C_out, H_out, W_out]`
    pub fn forward(&self, x: Tensor<4>, residual: Option<Tensor<4>>, activation: Activation) -> Tensor<4> {
        let device = x.device();
        let Some(packed) = &self.packed else {
            let FoldedConv2d { spec, weight, bias } = &*self.folded;
            let y = conv2d(x, weight.clone(), Some(bias.clone()), *spec, Activation::Identity);
            return activation.composed(match residual {
                Some(residual) => y + residual,
                None => y,
            });
        };
        let op = Run { packed: packed.clone(), has_residual: residual.is_some(), activation };
        match residual {
            Some(residual) => apply(op, (x, residual, absent(&device), absent(&device))),
            None => apply(op, (x, absent(&device), absent(&device), absent(&device))),
        }
    }
}

#[derive(Debug)]
struct Run {
    packed: Arc<Packed>,
    has_residual: bool,
    activation: Activation,
}

impl Op for Run {
    fn keeps(&self) -> Keeps {
        Keeps { inputs: [false; INPUTS], output: false }
    }

    fn forward(&self, [x, residual, ..]: [FlexTensor; INPUTS]) -> FlexTensor {
        let Packed { spec, weight_dims, weight, bias } = &*self.packed;
        let shape = spec.shape(dims(&x), *weight_dims);
        let residual = self.has_residual.then(|| pixels(&residual));
        let epilogue = Epilogue { bias: Some(bias), residual: residual.as_deref(), clamp: self.activation.bounds() };
        let mut y = buffer(shape.y_len());
        kernel::conv2d(&shape, &pixels(&x), weight, epilogue, &mut y);
        from_pixels(y, [shape.n, shape.c_out, shape.h_out, shape.w_out])
    }

    fn backward(&self, _: Kept) -> [Option<FlexTensor>; INPUTS] {
        unreachable!("a folded convolution is for inference")
    }
}
