//! The linear layer.

use burn::tensor::Tensor;
use burn_flex::FlexTensor;
use striate_kernels::batch_norm::sum_rows;
use striate_kernels::linear::{self as kernel, LinearShape};
use striate_kernels::memory::buffer;

use super::Activation;
use crate::custom::{INPUTS, Keeps, Kept, Op, absent, apply, on_cpu};
use crate::layout::{from_rows, optional, rows};

/// `activation(x * weight^T + bias)`.
///
/// # Shapes
/// - `x`: `[N, C_in]`, `weight`: `[C_out, C_in]`, `bias`: `[C_out]`, output: `[N, C_out]`
///
/// # Panics
/// If the inner sizes differ.
pub fn linear(x: Tensor<2>, weight: Tensor<2>, bias: Option<Tensor<1>>, activation: Activation) -> Tensor<2> {
    let ([_, c_in], [_, expected]) = (x.dims(), weight.dims());
    assert_eq!(c_in, expected, "linear: x has {c_in} columns, the weight wants {expected}");
    let device = x.device();
    if on_cpu(&device) {
        let bias = bias.unwrap_or_else(|| absent(&device));
        return apply(Linear(activation), (x, weight, bias, absent::<1>(&device)));
    }
    let y = x.matmul(weight.transpose()); // [N, C_out]
    activation.composed(match bias {
        Some(bias) => y + bias.unsqueeze(),
        None => y,
    })
}

#[derive(Debug)]
struct Linear(Activation);

fn shape(x: &FlexTensor, weight: &FlexTensor) -> LinearShape {
    let (x, weight) = (x.layout().shape(), weight.layout().shape());
    LinearShape { n: x[0], c_in: x[1], c_out: weight[0] }
}

impl Op for Linear {
    fn keeps(&self) -> Keeps {
        Keeps { inputs: [true, true, false, false], output: self.0 != Activation::Identity }
    }

    fn forward(&self, [x, weight, bias, _]: [FlexTensor; INPUTS]) -> FlexTensor {
        let shape = shape(&x, &weight);
        let mut y = buffer(shape.n * shape.c_out);
        kernel::linear(&shape, &rows(&x), &rows(&weight), optional(&bias).as_deref(), self.0.bounds(), &mut y);
        from_rows(y, [shape.n, shape.c_out])
    }

    fn backward(&self, kept: Kept) -> [Option<FlexTensor>; INPUTS] {
        let [x, weight, ..] = &kept.inputs;
        let shape = shape(x, weight);
        let LinearShape { n, c_in, c_out } = shape;
        let dy = self.0.backward(&rows(&kept.output), rows(&kept.gradient));
        let dx = kept.wanted[0].then(|| {
            let mut dx = buffer(n * c_in);
            kernel::linear_backward_input(&shape, &dy, &rows(weight), &mut dx);
            from_rows(dx, [n, c_in])
        });
        let dweight = kept.wanted[1].then(|| {
            let mut dweight = buffer(c_out * c_in);
            kernel::linear_backward_weight(&shape, &rows(x), &dy, &mut dweight);
            from_rows(dweight, [c_out, c_in])
        });
        let dbias = kept.wanted[2].then(|| from_rows(sum_rows(&dy, c_out), [c_out]));
        [dx, dweight, dbias, None]
    }
}
