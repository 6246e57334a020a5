//! Whether a forward pass trains or infers, and the randomness of a training pass.

use std::cell::Cell;

use burn::tensor::Tensor;
use striate_engine::ops;
use striate_kernels::rng::Key;

use crate::frozen::Plan;
use crate::watch::Watch;

/// What a forward pass is for.
#[derive(Clone, Copy, Debug)]
pub enum Pass<'a> {
    /// Running statistics, no dropout; a picture's output does not depend on its batch.
    Infer,
    /// Batch statistics (the running ones are updated) and dropout.
    Train(&'a Noise),
    /// As [`Pass::Infer`], with convolutions made ready once: [`crate::Frozen`] runs it.
    Frozen(&'a Plan),
    /// As [`Pass::Infer`], and adds up the multiply-adds of all pictures.
    Count(&'a Cell<u64>),
    /// As [`Pass::Infer`] or [`Pass::Frozen`], and keeps what convolutions give.
    Watch(&'a Watch<'a>),
}

impl Pass<'_> {
    pub(crate) fn add_macs(&self, macs: u64) {
        if let Pass::Count(total) = self {
            total.set(total.get() + macs);
        }
    }

    /// One tensor for two ways. Whoever watches may end within one of them, and the other then leads nowhere.
    pub(crate) fn fork(&self, x: Tensor<4>) -> (Tensor<4>, Tensor<4>) {
        match self {
            Pass::Watch(_) => (x.clone(), x),
            _ => ops::fork(x),
        }
    }

    /// What joins two ways of a net: their sum, or the greater of both where coordinates travel ([`crate::watch`]).
    pub(crate) fn sum(&self, a: Tensor<4>, b: Tensor<4>) -> Tensor<4> {
        match self {
            Pass::Watch(watch) => watch.sum(a, b),
            _ => ops::add(a, b),
        }
    }
}

/// The randomness of one training step.
///
/// The dropout mask of a picture is a function of `key`, the layer and the picture, so it does not depend on the batch
/// that the picture is in, on the number of threads or on what was drawn before.
#[derive(Clone, Debug)]
pub struct Noise {
    /// Of the seed and the epoch.
    pub key: Key,
    /// Which picture each row of the batch is.
    pub pictures: Vec<u64>,
}
