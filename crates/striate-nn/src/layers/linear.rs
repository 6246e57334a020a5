//! The fully connected layer.

use burn::config::Config;
use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use striate_engine::ops::{self, Activation};

use crate::Pass;
use crate::layers::zeros::zeros;

/// How to build a [`Linear`].
#[derive(Config, Debug)]
pub struct LinearConfig {
    /// Numbers of an input row.
    pub in_features: usize,
    /// Numbers of an output row.
    pub out_features: usize,
}

/// `x * weight^T + bias`.
#[derive(Module, Debug)]
pub struct Linear {
    weight: Param<Tensor<2>>, // [C_out, C_in], PyTorch's layout
    bias: Param<Tensor<1>>,   // [C_out]
}

impl LinearConfig {
    /// All zeros, until [`crate::NetConfig::init`] or weights fill them.
    pub fn init(&self, device: &Device) -> Linear {
        Linear {
            weight: zeros([self.out_features, self.in_features], device),
            bias: zeros([self.out_features], device),
        }
    }
}

impl Linear {
    /// Numbers of an input row.
    pub fn in_features(&self) -> usize {
        self.weight.lazy_shape().dims::<2>()[1]
    }

    /// Its weight, `[C_out, C_in]`.
    pub fn weight(&self) -> Tensor<2> {
        self.weight.val()
    }

    /// # Shapes
    /// - `x`: `[N, C_in]`, output: `[N, C_out]`
    ///
    /// # Panics
    /// If `x` does not have the columns it was built for.
    pub fn forward(&self, x: Tensor<2>, pass: &Pass) -> Tensor<2> {
        self.forward_act(x, Activation::Identity, pass)
    }

    /// With what follows, in one pass over memory. # Shapes and panics: as [`Linear::forward`]
    pub fn forward_act(&self, x: Tensor<2>, activation: Activation, pass: &Pass) -> Tensor<2> {
        pass.add_macs((x.dims()[0] * self.weight.shape().num_elements()) as u64);
        ops::linear(x, self.weight.val(), Some(self.bias.val()), activation)
    }
}
