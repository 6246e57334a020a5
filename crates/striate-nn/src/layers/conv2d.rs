//! Two-dimensional convolution.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use striate_engine::ops::{self, Activation, Conv2dSpec, FoldedConv2d, Padding};

use super::{After, BatchNorm};
use crate::layers::zeros::zeros;
use crate::{Pass, watch};

/// How to build a [`Conv2d`]; kernels are square.
#[derive(Debug, Clone)]
pub struct Conv2dConfig {
    /// Channels of the input.
    pub in_channels: usize,
    /// Channels of the output.
    pub out_channels: usize,
    /// Taps of the kernel along each side.
    pub kernel_size: usize,
    /// Step of the kernel, in pixels.
    pub stride: usize,
    /// Zeros around the picture.
    pub padding: Padding,
    /// Channels are split into so many groups, each convolved alone.
    pub groups: usize,
    /// Whether a number is added to each output channel.
    pub bias: bool,
}

/// `y[o] = bias[o] + sum_i weight[o, i] * x[i]`, where `*` is cross-correlation.
#[derive(Module, Debug)]
pub struct Conv2d {
    weight: Param<Tensor<4>>,       // [C_out, C_in / groups, K, K]
    bias: Option<Param<Tensor<1>>>, // [C_out]
    #[module(skip)]
    spec: Conv2dSpec,
}

impl Conv2dConfig {
    /// Stride 1, no padding, one group, no bias.
    pub fn new(channels: [usize; 2], kernel_size: usize) -> Self {
        let [in_channels, out_channels] = channels;
        Self { in_channels, out_channels, kernel_size, stride: 1, padding: Padding::Each(0), groups: 1, bias: false }
    }

    /// All zeros, until [`crate::NetConfig::init`] or weights fill them.
    ///
    /// # Panics
    /// If `groups` does not divide both numbers of channels.
    pub fn init(&self, device: &Device) -> Conv2d {
        let Self { in_channels, out_channels, kernel_size, groups, .. } = *self;
        assert!(
            in_channels % groups == 0 && out_channels % groups == 0,
            "Conv2d: {groups} groups do not divide {in_channels} and {out_channels} channels"
        );
        Conv2d {
            weight: zeros([out_channels, in_channels / groups, kernel_size, kernel_size], device),
            bias: self.bias.then(|| zeros([out_channels], device)),
            spec: Conv2dSpec { stride: self.stride, padding: self.padding, dilation: 1, groups },
        }
    }
}

impl Conv2d {
    /// With weights that training leaves as they are; a bias is learned all the same.
    pub fn frozen(self) -> Self {
        Self { weight: self.weight.set_require_grad(false), ..self }
    }

    /// Channels of the input.
    pub fn in_channels(&self) -> usize {
        self.weight.lazy_shape().dims::<4>()[1] * self.spec.groups
    }

    /// # Shapes
    /// - `x`: `[N, C_in, H, W]`, output: `[N, C_out, H_out, W_out]`
    ///
    /// # Panics
    /// If `x` does not have the channels it was built for, or is smaller than the kernel.
    pub fn forward(&self, x: Tensor<4>, pass: &Pass) -> Tensor<4> {
        self.forward_act(x, Activation::Identity, pass)
    }

    /// With what follows, in one pass over memory. # Shapes and panics: as [`Conv2d::forward`]
    pub fn forward_act(&self, x: Tensor<4>, activation: Activation, pass: &Pass) -> Tensor<4> {
        if let Pass::Watch(watch) = pass {
            let y = match watch.inner() {
                Some(_) if watch.is_over() => self.zeros(&x),
                Some(inner) => self.forward_act(x, watch.activation(self.weight.id, activation), &inner),
                None => self.reach(&x),
            };
            return watch.saw(self.weight.id, y);
        }
        if let Pass::Frozen(plan) = pass {
            let (c_out, device) = ([self.weight.shape().dims::<4>()[0]], x.device());
            let shift = || self.bias.as_ref().map_or_else(|| Tensor::zeros(c_out, &device), Param::val);
            let fold = || self.folded(x.dims(), (Tensor::ones(c_out, &device), shift()));
            return plan.ready(self.weight.id, x.dims(), fold).forward(x, None, activation);
        }
        let y = ops::conv2d(x, self.weight.val(), self.bias.as_ref().map(Param::val), self.spec, activation);
        pass.add_macs(ops::conv2d_macs(self.weight.shape().dims(), y.dims()) * y.dims()[0] as u64);
        y
    }

    /// `activation(norm(conv(x)) + residual)`; convolution and norm are one where the net is frozen.
    ///
    /// # Shapes
    /// - `x`: `[N, C_in, H, W]`, residual, output: `[N, C_out, H_out, W_out]`
    ///
    /// # Panics
    /// As [`Conv2d::forward`], and if the convolution has a bias: the norm has one.
    pub fn forward_norm(&self, x: Tensor<4>, norm: &BatchNorm, after: After, pass: &Pass) -> Tensor<4> {
        assert!(self.bias.is_none(), "Conv2d::forward_norm: a convolution before a norm has no bias");
        match pass {
            Pass::Watch(watch) => {
                let after = After { activation: watch.activation(self.weight.id, after.activation), ..after };
                let y = match watch.inner() {
                    Some(_) if watch.is_over() => self.zeros(&x),
                    Some(inner) => self.forward_norm(x, norm, after, &inner),
                    None => after.greatest(self.reach(&x)),
                };
                watch.saw(self.weight.id, y)
            }
            Pass::Frozen(plan) => {
                let ready = plan.ready(self.weight.id, x.dims(), || self.folded(x.dims(), norm.scale_and_shift()));
                ready.forward(x, after.residual, after.activation)
            }
            _ => norm.forward_then(self.forward(x, pass), after, pass),
        }
    }

    /// As [`watch::reach`].
    fn reach(&self, x: &Tensor<4>) -> Tensor<4> {
        let [c_out, _, kernel, _] = self.weight.shape().dims::<4>();
        watch::reach(x, [c_out, kernel], self.spec)
    }

    /// In place of the output.
    fn zeros(&self, x: &Tensor<4>) -> Tensor<4> {
        let ([n, _, h, w], [c_out, _, kernel, _]) = (x.dims(), self.weight.shape().dims::<4>());
        let side = |side| self.spec.windows(side, kernel).len();
        Tensor::zeros([n, c_out, side(h), side(w)], &x.device())
    }

    fn folded(&self, x: [usize; 4], scale_and_shift: (Tensor<1>, Tensor<1>)) -> FoldedConv2d {
        FoldedConv2d::new(x, self.weight.val(), scale_and_shift, self.spec)
    }
}
