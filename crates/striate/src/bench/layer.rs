//! Single convolutions, the shapes that nets are made of: forward alone, or with both gradients.

use std::fmt;

use burn::tensor::{Device, Tensor};
use striate_engine::device::chosen;
use striate_engine::ops::{self, Activation, Conv2dSpec, FoldedConv2d, Padding};

use super::formula::{INPUT, scale, tensor};
use super::task::{Output, Task};

/// A convolution of square maps by square kernels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layer {
    /// N.
    pub batch: usize,
    /// C_in and C_out.
    pub channels: [usize; 2],
    /// H and W of the input, in pixels.
    pub side: usize,
    /// Taps along each side of the kernel.
    pub kernel_size: usize,
    /// Step of the kernel, in pixels.
    pub stride: usize,
    /// Zeros on each side, in pixels.
    pub padding: usize,
    /// Channels are split into so many groups.
    pub groups: usize,
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { batch, channels: [c_in, c_out], side, kernel_size: k, stride, groups, .. } = *self;
        let kind = if groups == c_in { "depthwise" } else { "conv" };
        write!(f, "{kind} {k}x{k} stride {stride}, {c_in} to {c_out}, {batch} of {side}x{side}")
    }
}

impl Layer {
    fn weight(&self) -> [usize; 4] {
        let [c_in, c_out] = self.channels;
        [c_out, c_in / self.groups, self.kernel_size, self.kernel_size]
    }

    fn input(&self) -> [usize; 4] {
        [self.batch, self.channels[0], self.side, self.side]
    }

    fn output(&self) -> [usize; 4] {
        let side = (self.side + 2 * self.padding - self.kernel_size) / self.stride + 1;
        [self.batch, self.channels[1], side, side]
    }

    /// Multiply-adds of the direct method, all pictures.
    pub(super) fn macs(&self) -> u64 {
        ops::conv2d_macs(self.weight(), self.output()) * self.batch as u64
    }

    /// Bytes of input, weight and output: each has to cross the memory bus at least once.
    pub(super) fn bytes(&self) -> u64 {
        let len = |shape: [usize; 4]| shape.iter().product::<usize>();
        4 * (len(self.input()) + len(self.weight()) + len(self.output())) as u64
    }

    fn spec(&self) -> Conv2dSpec {
        Conv2dSpec { stride: self.stride, padding: Padding::Each(self.padding), dilation: 1, groups: self.groups }
    }

    fn tensors(&self, device: &Device) -> [Tensor<4>; 2] {
        let fan_in = self.weight()[1..].iter().product();
        let x = ops::channels_last(tensor(self.input(), INPUT, 1.0, device)); // as it lies inside a net
        [x, tensor(self.weight(), 0, scale(fan_in), device)]
    }

    /// The output alone, without a graph.
    pub(super) fn forward(&self) -> Box<dyn Task> {
        let [x, weight] = self.tensors(&chosen());
        let [c_out, ..] = weight.dims();
        let ones = Tensor::ones([c_out], &chosen());
        let zeros = Tensor::zeros([c_out], &chosen());
        let conv = FoldedConv2d::new(x.dims(), weight, (ones, zeros), self.spec());
        Box::new(Forward { x, conv })
    }

    /// The output, and the gradients of the sum of all its elements.
    pub(super) fn forward_backward(&self) -> Box<dyn Task> {
        let [x, weight] = self.tensors(&chosen().autodiff()).map(Tensor::require_grad);
        Box::new(ForwardBackward { x, weight, spec: self.spec() })
    }
}

/// As in inference: weights packed before.
struct Forward {
    x: Tensor<4>,
    conv: FoldedConv2d,
}

impl Task for Forward {
    fn run(&mut self) -> Vec<Output> {
        vec![Output::Maps(self.conv.forward(self.x.clone(), None, Activation::Identity))]
    }
}

struct ForwardBackward {
    x: Tensor<4>,
    weight: Tensor<4>,
    spec: Conv2dSpec,
}

impl Task for ForwardBackward {
    fn run(&mut self) -> Vec<Output> {
        let y = ops::conv2d(self.x.clone(), self.weight.clone(), None, self.spec, Activation::Identity);
        let mut grads = ops::sum(y.clone()).backward();
        let mut grad = |of: &Tensor<4>| of.grad_remove(&mut grads).expect("both operands have a gradient");
        let (x, weight) = (grad(&self.x), grad(&self.weight));
        vec![Output::Maps(y), Output::Maps(x), Output::Maps(weight)]
    }
}
