//! How a kernel of ours becomes a differentiable operation of Burn: one extension of Burn's backends serves all of them.
//!
//! An [`Op`] computes on CPU tensors and says what its backward pass reads. On any other device an operation is composed
//! of Burn's own; [`on_cpu`] tells them apart.

use std::fmt::Debug;
use std::sync::Arc;

use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, DispatchDevice, Flex, TensorMetadata, backend_extension};
use burn::tensor::{Device, Tensor};
use burn_autodiff::checkpoint::base::Checkpointer;
use burn_autodiff::checkpoint::strategy::CheckpointStrategy;
use burn_autodiff::grads::Gradients;
use burn_autodiff::ops::{Backward, Ops, OpsKind};
use burn_flex::FlexTensor;

use crate::layout::from_rows;
use crate::timing::{listened, timed};

/// Inputs of an operation; those that it does not need are empty.
pub(crate) const INPUTS: usize = 4;

/// Which inputs, and whether the output, the backward pass reads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keeps {
    pub inputs: [bool; INPUTS],
    pub output: bool,
}

/// What a backward pass is given. What [`Op::keeps`] does not name is not there.
pub(crate) struct Kept {
    pub inputs: [FlexTensor; INPUTS],
    pub output: FlexTensor,
    /// Gradient of the output.
    pub gradient: FlexTensor,
    /// Whose gradients are asked for.
    pub wanted: [bool; INPUTS],
}

/// A differentiable operation on CPU tensors.
pub(crate) trait Op: Debug + Send + Sync {
    /// What is kept for [`Op::backward`].
    fn keeps(&self) -> Keeps;
    /// The output.
    fn forward(&self, inputs: [FlexTensor; INPUTS]) -> FlexTensor;
    /// A gradient for each input that wants one; none, if another operation will bring it.
    fn backward(&self, kept: Kept) -> [Option<FlexTensor>; INPUTS];
    /// What it is called where time is told, given its inputs; the name of its type unless it says more.
    fn name(&self, _: &[FlexTensor; INPUTS]) -> String {
        let debug = format!("{self:?}");
        debug.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_lowercase()
    }
}

/// Whether the kernels of ours compute on this device.
pub(crate) fn on_cpu(device: &Device) -> bool {
    matches!(device.clone().inner().as_dispatch(), DispatchDevice::Flex(_))
}

/// An input that is not there.
pub(crate) fn absent<const D: usize>(device: &Device) -> Tensor<D> {
    Tensor::zeros([0; D], &device.clone().inner())
}

/// Runs an `op` of one input; see [`apply`].
pub(crate) fn apply_to<const A: usize, const OUT: usize>(op: impl Op + 'static, x: Tensor<A>) -> Tensor<OUT> {
    let nothing = absent::<1>(&x.device());
    apply(op, (x, nothing.clone(), nothing.clone(), nothing))
}

/// Runs `op`; its backward pass becomes part of the graph where an input is tracked.
pub(crate) fn apply<const A: usize, const B: usize, const C: usize, const D: usize, const OUT: usize>(
    op: impl Op + 'static,
    (a, b, c, d): (Tensor<A>, Tensor<B>, Tensor<C>, Tensor<D>),
) -> Tensor<OUT> {
    let [a, b, c, d] = [a.into_dispatch(), b.into_dispatch(), c.into_dispatch(), d.into_dispatch()];
    Tensor::from_dispatch(<Dispatch as Custom>::forward(a, b, c, d, Arc::new(op)))
}

/// The extension of Burn's backends.
#[backend_extension(Autodiff, Flex)]
pub(crate) trait Custom: Backend {
    fn forward(
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        c: FloatTensor<Self>,
        d: FloatTensor<Self>,
        op: Arc<dyn Op>,
    ) -> FloatTensor<Self>;

    /// Gradients in the order of the inputs; an empty one is none.
    #[allow(clippy::too_many_arguments)] // tensors pass Burn's macro one by one
    fn backward(
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        c: FloatTensor<Self>,
        d: FloatTensor<Self>,
        output: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        wanted: [bool; INPUTS],
        op: Arc<dyn Op>,
    ) -> Vec<FloatTensor<Self>>;
}

impl Custom for Flex {
    fn forward(a: FlexTensor, b: FlexTensor, c: FlexTensor, d: FlexTensor, op: Arc<dyn Op>) -> FlexTensor {
        let inputs = [a, b, c, d];
        timed("forward", listened(|| op.name(&inputs)), || op.forward(inputs))
    }

    fn backward(
        a: FlexTensor,
        b: FlexTensor,
        c: FlexTensor,
        d: FlexTensor,
        output: FlexTensor,
        gradient: FlexTensor,
        wanted: [bool; INPUTS],
        op: Arc<dyn Op>,
    ) -> Vec<FlexTensor> {
        let inputs = [a, b, c, d];
        let name = listened(|| op.name(&inputs));
        let gradients = timed("backward", name, || op.backward(Kept { inputs, output, gradient, wanted }));
        gradients.into_iter().map(|gradient| gradient.unwrap_or_else(|| from_rows(Vec::new(), [0]))).collect()
    }
}

/// The backward pass of any [`Op`].
#[derive(Debug)]
struct Step(Arc<dyn Op>);

/// What is kept: inputs and output.
type State<B> = ([Option<FloatTensor<B>>; INPUTS], Option<FloatTensor<B>>);

impl<B: Custom> Backward<B, INPUTS> for Step {
    type State = State<B>;

    fn backward(self, ops: Ops<State<B>, INPUTS>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<B>(&ops.node);
        let (inputs, output) = ops.state;
        // What was not kept is not read: any tensor stands in for it.
        let [a, b, c, d] = inputs.map(|input| input.unwrap_or_else(|| gradient.clone()));
        let output = output.unwrap_or_else(|| gradient.clone());
        let wanted = std::array::from_fn(|i| ops.parents[i].is_some());
        let gradients = B::backward(a, b, c, d, output, gradient, wanted, self.0);
        for (parent, gradient) in ops.parents.into_iter().zip(gradients) {
            if let Some(parent) = parent
                && gradient.shape().num_elements() > 0
            {
                grads.register::<B>(parent.id, gradient);
            }
        }
    }
}

impl<B: Custom, C: CheckpointStrategy> Custom for Autodiff<B, C> {
    fn forward(
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        c: FloatTensor<Self>,
        d: FloatTensor<Self>,
        op: Arc<dyn Op>,
    ) -> FloatTensor<Self> {
        let nodes = [a.node(), b.node(), c.node(), d.node()];
        let keeps = op.keeps();
        let [a, b, c, d] = [a, b, c, d].map(|tensor| tensor.into_primitive());
        match Step(op.clone()).prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let kept = [&a, &b, &c, &d];
                let kept = std::array::from_fn(|i| keeps.inputs[i].then(|| kept[i].clone()));
                let output = B::forward(a, b, c, d, op);
                let state = (kept, keeps.output.then(|| output.clone()));
                prep.finish(state, output)
            }
            OpsKind::UnTracked(prep) => prep.finish(B::forward(a, b, c, d, op)),
        }
    }

    fn backward(
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: [bool; INPUTS],
        _: Arc<dyn Op>,
    ) -> Vec<FloatTensor<Self>> {
        unreachable!("a backward pass is not differentiated again")
    }
}
