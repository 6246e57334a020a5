//! ReLU as a module, for a place in a sequence that only holds a number.

use burn::module::Module;
use burn::tensor::Tensor;
use striate_engine::ops::{self, Activation};

/// `max(x, 0)`.
#[derive(Module, Debug)]
pub struct Relu {}

impl Relu {
    /// # Shapes
    /// - `x`, output: `[N, C, H, W]`
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        ops::activate(x, Activation::Relu)
    }
}
