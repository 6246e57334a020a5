//! Dropout with a mask that the caller decided, number by number.

use burn::tensor::{Tensor, TensorData};

/// What is kept: one value for each element of the layer's input, either 0 or `1 / (1 - p)`.
pub struct DropoutMask {
    /// Row-major values, of the input's shape.
    pub values: Vec<f32>,
}

/// Multiplies by the mask.
///
/// # Shapes
/// - `x`, output: any, with as many elements as the mask has values
///
/// # Panics
/// If the mask has another length than `x` has elements.
pub fn dropout<const D: usize>(x: Tensor<D>, mask: DropoutMask) -> Tensor<D> {
    let shape = x.dims();
    assert_eq!(mask.values.len(), shape.iter().product::<usize>(), "dropout: the mask does not cover x {shape:?}");
    let mask = Tensor::<D>::from_data(TensorData::new(mask.values, shape), &x.device().inner());
    x * mask
}
