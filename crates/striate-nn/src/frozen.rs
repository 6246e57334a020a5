//! A net for inference alone: convolutions with their norms folded in, weights packed once.

use std::collections::HashMap;
use std::sync::Mutex;

use burn::module::ParamId;
use burn::tensor::Tensor;
use striate_engine::ops::FoldedConv2d;

use crate::{Net, Pass};

/// A net that does not change any more.
///
/// Its convolutions are made ready as they are first met, for the size of picture they are met with.
#[derive(Debug)]
pub struct Frozen<N = Net> {
    net: N,
    plan: Plan,
}

/// Convolutions made ready so far, by the identity of their weights and the height and width of their input.
#[derive(Debug, Default)]
pub struct Plan {
    ready: Mutex<HashMap<(ParamId, usize, usize), FoldedConv2d>>,
}

impl Plan {
    /// The convolution with weights `id` for `x`; `fold` makes it where it is met first.
    pub(crate) fn ready(&self, id: ParamId, x: [usize; 4], fold: impl FnOnce() -> FoldedConv2d) -> FoldedConv2d {
        let mut ready = self.ready.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        ready.entry((id, x[2], x[3])).or_insert_with(fold).clone()
    }
}

impl<N> Frozen<N> {
    /// Keeps `net` as it is.
    pub fn new(net: N) -> Self {
        Self { net, plan: Plan::default() }
    }

    /// The net.
    pub fn net(&self) -> &N {
        &self.net
    }

    /// Its convolutions made ready.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The pass that its parts are run with.
    pub fn pass(&self) -> Pass<'_> {
        Pass::Frozen(&self.plan)
    }
}

impl Frozen {
    /// # Shapes
    /// - `x`: `[N, C, H, W]`, output: `[N, K]`
    pub fn forward(&self, x: Tensor<4>) -> Tensor<2> {
        self.net.forward(x, &self.pass())
    }

    /// # Shapes
    /// - `x`: `[N, C, H, W]`, output: `[N, D]`
    pub fn features(&self, x: Tensor<4>) -> Tensor<2> {
        self.net.features(x, &self.pass())
    }

    /// # Shapes
    /// - `x`: `[N, C, H, W]`, outputs: `[N, D]` and `[N, K]`
    pub fn features_and_logits(&self, x: Tensor<4>) -> (Tensor<2>, Tensor<2>) {
        self.net.features_and_logits(x, &Pass::Frozen(&self.plan))
    }
}
