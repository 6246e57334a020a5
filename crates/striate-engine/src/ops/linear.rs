//! The fully connected layer.

use burn::tensor::Tensor;

/// `x * weight^T + bias`.
///
/// # Shapes
/// - `x`: `[N, C_in]`, `weight`: `[C_out, C_in]`, `bias`: `[C_out]`, output: `[N, C_out]`
///
/// # Panics
/// If the inner sizes differ.
pub fn linear(x: Tensor<2>, weight: Tensor<2>, bias: Option<Tensor<1>>) -> Tensor<2> {
    let ([_, c_in], [_, expected]) = (x.dims(), weight.dims());
    assert_eq!(c_in, expected, "linear: x has {c_in} columns, the weight wants {expected}");
    let y = x.matmul(weight.transpose()); // [N, C_out]
    match bias {
        Some(bias) => y + bias.unsqueeze(),
        None => y,
    }
}
