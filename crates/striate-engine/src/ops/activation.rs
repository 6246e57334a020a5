//! Rectifiers.

use burn::tensor::{Tensor, activation};

/// `max(x, 0)`, of any shape.
pub fn relu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    activation::relu(x)
}

/// `min(max(x, 0), 6)`, of any shape. Howard et al. 2017 <https://arxiv.org/abs/1704.04861>.
pub fn relu6<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    activation::relu6(x)
}
