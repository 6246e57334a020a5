//! Batch normalisation over `[N, C, H, W]`, with a residual sum and an activation after it.
//! Ioffe and Szegedy 2015 <https://arxiv.org/abs/1502.03167>.

use std::sync::{Arc, OnceLock};

use burn::tensor::{Tensor, TensorData, module};
use burn_flex::FlexTensor;
use striate_kernels::batch_norm::{self as kernel, Affine, Backward, Statistics};
use striate_kernels::memory::buffer;

use super::Activation;
use crate::custom::{INPUTS, Keeps, Kept, Op, absent, apply, on_cpu};
use crate::layout::{dims, from_pixels, from_rows, optional_pixels, pixels, rows};

/// The operands of a normalisation.
pub struct BatchNormSpec {
    /// Scale of each channel (gamma), `[C]`.
    pub weight: Tensor<1>,
    /// Shift of each channel (beta), `[C]`.
    pub bias: Tensor<1>,
    /// Added to the variance before the root.
    pub eps: f64,
    /// Added to the normalised numbers, of the input's shape.
    pub residual: Option<Tensor<4>>,
    /// Follows.
    pub activation: Activation,
}

/// Mean and variance of each channel, `[C]` each.
pub struct BatchStatistics {
    /// Mean over N, H and W.
    pub mean: Tensor<1>,
    /// Variance over N, H and W, divided by the count (biased).
    pub var: Tensor<1>,
}

/// Normalises by the batch's own statistics and returns them, without a gradient.
///
/// # Shapes
/// - `x`, output: `[N, C, H, W]`
pub fn batch_norm(x: Tensor<4>, spec: BatchNormSpec) -> (Tensor<4>, BatchStatistics) {
    let device = x.device();
    let [_, c, _, _] = x.dims();
    if !on_cpu(&device) {
        let out = module::batch_norm_train(x, spec.weight, spec.bias, spec.eps);
        let statistics = BatchStatistics { mean: out.mean.without_autodiff(), var: out.variance.without_autodiff() };
        return (finished(out.output, spec.residual, spec.activation), statistics);
    }
    let statistics = Arc::new(OnceLock::new());
    let op = Norm { eps: spec.eps, activation: spec.activation, statistics: statistics.clone() };
    let residual = spec.residual.unwrap_or_else(|| absent(&device));
    let y = apply(op, (x, spec.weight, spec.bias, residual));
    let Statistics { mean, var } = statistics.get().expect("the forward pass sets them");
    let tensor = |values: &Vec<f32>| Tensor::from_data(TensorData::new(values.clone(), [c]), &device.clone().inner());
    let statistics = BatchStatistics { mean: tensor(mean), var: tensor(var) };
    (y, statistics)
}

/// `activation(x * scale + shift + residual)`, scale and shift by channel: a norm by given statistics.
///
/// # Shapes
/// - `x`, residual, output: `[N, C, H, W]`, `scale`, `shift`: `[C]`
pub fn scale_shift(
    x: Tensor<4>,
    (scale, shift): (Tensor<1>, Tensor<1>),
    residual: Option<Tensor<4>>,
    activation: Activation,
) -> Tensor<4> {
    let ([_, c, _, _], device) = (x.dims(), x.device());
    if !on_cpu(&device) {
        let y = x * scale.reshape([1, c, 1, 1]) + shift.reshape([1, c, 1, 1]);
        return finished(y, residual, activation);
    }
    apply(ScaleShift(activation), (x, scale, shift, residual.unwrap_or_else(|| absent(&device))))
}

fn finished(y: Tensor<4>, residual: Option<Tensor<4>>, activation: Activation) -> Tensor<4> {
    activation.composed(match residual {
        Some(residual) => y + residual,
        None => y,
    })
}

#[derive(Debug)]
struct Norm {
    eps: f64,
    activation: Activation,
    statistics: Arc<OnceLock<Statistics>>,
}

impl Op for Norm {
    fn name(&self, _: &[FlexTensor; INPUTS]) -> String {
        "batch norm".to_owned()
    }

    fn keeps(&self) -> Keeps {
        Keeps { inputs: [true, true, true, false], output: self.activation != Activation::Identity }
    }

    fn forward(&self, [x, weight, bias, residual]: [FlexTensor; INPUTS]) -> FlexTensor {
        let mut y = buffer(x.layout().num_elements());
        let affine = Affine { weight: &rows(&weight), bias: &rows(&bias), eps: self.eps };
        let residual = optional_pixels(&residual);
        let statistics = kernel::batch_norm(&pixels(&x), affine, residual.as_deref(), self.activation.bounds(), &mut y);
        self.statistics.get_or_init(|| statistics);
        from_pixels(y, dims(&x))
    }

    fn backward(&self, kept: Kept) -> [Option<FlexTensor>; INPUTS] {
        let [x, weight, bias, _] = &kept.inputs;
        let (shape, len) = (dims(x), x.layout().num_elements());
        let y = (self.activation != Activation::Identity).then(|| pixels(&kept.output));
        let of = Backward {
            x: &pixels(x),
            y: y.as_deref(),
            dy: &pixels(&kept.gradient),
            statistics: self.statistics.get().expect("the forward pass sets them"),
            affine: Affine { weight: &rows(weight), bias: &rows(bias), eps: self.eps },
            clamp: self.activation.bounds(),
        };
        let mut dx = buffer(len);
        let mut dresidual = kept.wanted[3].then(|| buffer(len));
        let (dweight, dbias) = kernel::batch_norm_backward(of, &mut dx, dresidual.as_deref_mut());
        let c = [dweight.len()];
        [
            Some(from_pixels(dx, shape)),
            Some(from_rows(dweight, c)),
            Some(from_rows(dbias, c)),
            dresidual.map(|dresidual| from_pixels(dresidual, shape)),
        ]
    }
}

/// By given statistics.
#[derive(Debug)]
struct ScaleShift(Activation);

impl Op for ScaleShift {
    fn keeps(&self) -> Keeps {
        Keeps { inputs: [true, true, false, false], output: true }
    }

    fn forward(&self, [x, scale, shift, residual]: [FlexTensor; INPUTS]) -> FlexTensor {
        let mut y = buffer(x.layout().num_elements());
        let residual = optional_pixels(&residual);
        let (scale, shift) = (rows(&scale), rows(&shift));
        kernel::scale_shift(&pixels(&x), (&scale, &shift), residual.as_deref(), self.0.bounds(), &mut y);
        from_pixels(y, dims(&x))
    }

    fn backward(&self, kept: Kept) -> [Option<FlexTensor>; INPUTS] {
        let (x, y, dy, scale) =
            (pixels(&kept.inputs[0]), pixels(&kept.output), pixels(&kept.gradient), rows(&kept.inputs[1]));
        let (shape, c) = (dims(&kept.output), [scale.len()]);
        let dz = self.0.backward(&y, dy);
        let mut dx = buffer(dz.len());
        let (nothing, free) = (vec![0.0; scale.len()], Activation::Identity.bounds());
        kernel::scale_shift(&dz, (&scale, &nothing), None, free, &mut dx);
        let (dscale, dshift) = kernel::scale_shift_gradients(&x, &dz, scale.len());
        [
            Some(from_pixels(dx, shape)),
            Some(from_rows(dscale, c)),
            Some(from_rows(dshift, c)),
            kept.wanted[3].then(|| from_pixels(dz.into_owned(), shape)),
        ]
    }
}
