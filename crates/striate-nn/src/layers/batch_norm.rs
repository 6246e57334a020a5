//! Batch normalisation over `[N, C, H, W]`. Ioffe and Szegedy 2015 <https://arxiv.org/abs/1502.03167>.

use burn::config::Config;
use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use striate_engine::ops::{self, Activation, BatchNormSpec};

use super::Running;
use crate::Pass;

/// How to build a [`BatchNorm`].
#[derive(Config, Debug)]
pub struct BatchNormConfig {
    /// Channels C of input and output.
    pub channels: usize,
    /// Added to the variance before the root.
    #[config(default = 1e-5)]
    pub eps: f64,
    /// Share of a batch in the running statistics, PyTorch's convention.
    #[config(default = 0.1)]
    pub momentum: f32,
}

/// `(x - mean) / sqrt(var + eps) * weight + bias` for each channel.
///
/// A [`Pass::Train`] takes mean and variance from the batch and updates the running ones (the variance unbiased, as
/// PyTorch does); any other pass takes the running ones, whatever the device.
#[derive(Module, Debug)]
pub struct BatchNorm {
    weight: Param<Tensor<1>>, // [C]
    bias: Param<Tensor<1>>,   // [C]
    running_mean: Running,    // [C]
    running_var: Running,     // [C]
    eps: f64,
    momentum: f32,
}

impl BatchNormConfig {
    /// Weight 1, bias 0, running mean 0 and variance 1.
    pub fn init(&self, device: &Device) -> BatchNorm {
        let (zeros, ones) = (Tensor::zeros([self.channels], device), Tensor::ones([self.channels], device));
        BatchNorm {
            weight: Param::from_tensor(ones.clone()),
            bias: Param::from_tensor(zeros.clone()),
            running_mean: Running::new(zeros),
            running_var: Running::new(ones),
            eps: self.eps,
            momentum: self.momentum,
        }
    }
}

/// What follows a norm: a sum, then an activation.
#[derive(Debug)]
pub struct After {
    /// Added, of the output's shape.
    pub residual: Option<Tensor<4>>,
    /// Last.
    pub activation: Activation,
}

impl After {
    /// An activation alone.
    pub fn act(activation: Activation) -> Self {
        Self { residual: None, activation }
    }

    /// The greater of `x` and the residual, where coordinates travel ([`crate::watch`]).
    pub(super) fn greatest(self, x: Tensor<4>) -> Tensor<4> {
        match self.residual {
            Some(residual) => x.max_pair(residual),
            None => x,
        }
    }
}

impl BatchNorm {
    /// # Shapes
    /// - `x`, output: `[N, C, H, W]`
    ///
    /// # Panics
    /// If `x` does not have the C channels it was built for.
    pub fn forward(&self, x: Tensor<4>, pass: &Pass) -> Tensor<4> {
        self.forward_then(x, After::act(Activation::Identity), pass)
    }

    /// With what follows, in one pass over memory. # Shapes and panics: as [`BatchNorm::forward`]
    pub fn forward_then(&self, x: Tensor<4>, after: After, pass: &Pass) -> Tensor<4> {
        let [n, c, h, w] = x.dims();
        let [channels] = self.weight.shape().dims();
        assert_eq!(c, channels, "BatchNorm: x has {c} channels, the layer {channels}");
        if let Pass::Watch(watch) = pass {
            return match watch.inner() {
                Some(inner) => self.forward_then(x, after, &inner),
                None => after.greatest(x),
            };
        }
        let After { residual, activation } = after;
        if !matches!(pass, Pass::Train(_)) {
            return ops::scale_shift(x, self.scale_and_shift(), residual, activation);
        }
        let (weight, bias) = (self.weight.val(), self.bias.val());
        let spec = BatchNormSpec { weight, bias, eps: self.eps, residual, activation };
        let (y, batch) = ops::batch_norm(x, spec);
        let count = (n * h * w) as f32;
        let unbiased = if count > 1.0 { count / (count - 1.0) } else { 1.0 };
        self.running_mean.update(batch.mean, self.momentum);
        self.running_var.update(batch.var * unbiased, self.momentum);
        y
    }

    /// What the norm comes down to by its running statistics, `[C]` each.
    pub(super) fn scale_and_shift(&self) -> (Tensor<1>, Tensor<1>) {
        let scale = self.weight.val() / (self.running_var.value() + self.eps).sqrt();
        let shift = self.bias.val() - self.running_mean.value() * scale.clone();
        (scale, shift)
    }
}
