//! ReLU as a module, for a place in a sequence that only holds a number.

use burn::module::Module;
use burn::tensor::Tensor;
use striate_engine::ops;

/// `max(x, 0)`.
#[derive(Module, Debug)]
pub struct Relu {}

impl Relu {
    /// # Shapes
    /// - `x`, output: any
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        ops::relu(x)
    }
}
