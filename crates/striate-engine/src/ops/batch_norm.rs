//! Batch normalisation over `[N, C, H, W]`. Ioffe and Szegedy 2015 <https://arxiv.org/abs/1502.03167>.

use burn::tensor::{Tensor, module};

/// The operands of a normalisation, each of shape `[C]`.
pub struct BatchNormSpec {
    /// Scale of each channel (gamma).
    pub weight: Tensor<1>,
    /// Shift of each channel (beta).
    pub bias: Tensor<1>,
    /// Added to the variance before the root.
    pub eps: f64,
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
pub fn batch_norm_train(x: Tensor<4>, spec: BatchNormSpec) -> (Tensor<4>, BatchStatistics) {
    let out = module::batch_norm_train(x, spec.weight, spec.bias, spec.eps);
    (out.output, BatchStatistics { mean: out.mean.without_autodiff(), var: out.variance.without_autodiff() })
}

/// Normalises by given statistics: one multiplication and one addition a value.
///
/// # Shapes
/// - `x`, output: `[N, C, H, W]`
pub fn batch_norm_infer(x: Tensor<4>, spec: BatchNormSpec, statistics: BatchStatistics) -> Tensor<4> {
    let [_, c, _, _] = x.dims();
    let scale = spec.weight / (statistics.var + spec.eps).sqrt(); // [C]
    let shift = spec.bias - statistics.mean * scale.clone(); // [C]
    x * scale.reshape([1, c, 1, 1]) + shift.reshape([1, c, 1, 1])
}
