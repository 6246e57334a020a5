//! Max pooling as a module.

use burn::module::Module;
use burn::tensor::Tensor;
use striate_engine::ops::{self, PoolSpec};

/// The largest value of each window.
#[derive(Module, Debug)]
pub struct MaxPool2d {
    #[module(skip)]
    spec: PoolSpec,
}

impl MaxPool2d {
    /// Over windows as `spec` says.
    pub fn new(spec: PoolSpec) -> Self {
        Self { spec }
    }

    /// # Shapes
    /// - `x`: `[N, C, H, W]`, output: `[N, C, H_out, W_out]`
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        ops::max_pool2d(x, self.spec)
    }
}
