//! Optimisers: how weights follow the gradient. SGD, Adam and AdamW as PyTorch defines them.
//!
//! Weight decay spares biases and norms: it acts on parameters of two or more axes only.

use crate::recipe::{OptimizerPart, Rule};
use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Gradients, Tensor};
use std::collections::BTreeMap;
use striate_engine::ops::{self, Adam, Sgd};
use striate_nn::weights::Path;

/// The moving state of an optimiser, by parameter path.
#[derive(Clone, Debug)]
pub struct Optimizer {
    config: OptimizerPart,
    /// SGD: velocity. Adam: first and second moment. Flat.
    slots: BTreeMap<String, Vec<Tensor<1>>>,
    /// Steps done.
    steps: u64,
}

impl Optimizer {
    /// An optimiser that has done no step.
    pub fn new(config: &OptimizerPart) -> Self {
        Self { config: config.clone(), slots: BTreeMap::new(), steps: 0 }
    }

    /// Steps done, and the slots by parameter path: what a checkpoint keeps.
    pub fn state(&self) -> (u64, &BTreeMap<String, Vec<Tensor<1>>>) {
        (self.steps, &self.slots)
    }

    /// Goes on from a checkpoint's state.
    pub fn restore(&mut self, steps: u64, slots: BTreeMap<String, Vec<Tensor<1>>>) {
        self.steps = steps;
        self.slots = slots;
    }

    /// One step down the gradient with learning rate `lr`. Parameters without a gradient stay.
    pub fn step<M: Module>(&mut self, net: &mut M, grads: &mut Gradients, lr: f64) {
        let scale = if self.config.clip_norm > 0.0 { clip_scale(net, grads, self.config.clip_norm) } else { 1.0 };
        self.steps += 1;
        // Nobody else may hold a weight, or its step would begin with a copy.
        let hollow = net.clone().map(&mut Hollow);
        let whole = std::mem::replace(net, hollow);
        *net = whole.map(&mut Step { optimizer: self, grads, rate: Rate { lr, scale }, path: Path::default() });
    }

    /// The new value of one flat parameter.
    fn update(&mut self, path: &str, value: Tensor<1>, grad: Tensor<1>, decays: bool, rate: Rate) -> Tensor<1> {
        let config = &self.config;
        let decay = if decays { config.weight_decay } else { 0.0 };
        let slots = self.slots.remove(path);
        let (value, slots) = match config.name {
            Rule::Sgd => {
                let velocity = slots.and_then(|mut slots| slots.pop());
                let sgd = Sgd {
                    lr: rate.lr as f32,
                    momentum: config.momentum as f32,
                    nesterov: config.nesterov,
                    decay: decay as f32,
                    scale: rate.scale as f32,
                };
                let (value, velocity) = ops::sgd_step(value, grad, velocity, sgd);
                (value, if config.momentum == 0.0 { vec![] } else { vec![velocity] })
            }
            Rule::Adam | Rule::AdamW => {
                let moments = slots.and_then(|slots| <[Tensor<1>; 2]>::try_from(slots).ok());
                let decoupled = config.name == Rule::AdamW;
                let adam = Adam {
                    lr: rate.lr,
                    betas: config.betas,
                    eps: config.eps,
                    decay: if decoupled { 0.0 } else { decay as f32 },
                    shrink: if decoupled { (1.0 - rate.lr * decay) as f32 } else { 1.0 },
                    scale: rate.scale as f32,
                    steps: self.steps,
                };
                let (value, moments) = ops::adam_step(value, grad, moments, adam);
                (value, moments.into())
            }
        };
        if !slots.is_empty() {
            self.slots.insert(path.to_string(), slots);
        }
        value
    }
}

/// How far a step goes: the learning rate, and what the gradient is multiplied by.
#[derive(Clone, Copy)]
struct Rate {
    lr: f64,
    scale: f64,
}

struct Step<'a> {
    optimizer: &'a mut Optimizer,
    grads: &'a mut Gradients,
    rate: Rate,
    path: Path,
}

impl ModuleMapper for Step<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _: &str, container: &str) {
        self.path.exit(container);
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(grad) = param.base().grad_remove(self.grads) else { return param };
        let path = self.path.to_string();
        param.map(|tensor| {
            let shape = tensor.shape();
            let flat = |t: Tensor<D>| -> Tensor<1> { t.reshape([-1]) };
            let value = self.optimizer.update(&path, flat(tensor.without_autodiff()), flat(grad), D > 1, self.rate);
            Tensor::from_inner(value.reshape(shape)).require_grad()
        })
    }
}

/// Lets go of every weight: what is left is only a place for the net.
struct Hollow;

impl ModuleMapper for Hollow {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let device = param.base().device().inner();
        Param::from_tensor(Tensor::zeros([1; D], &device))
    }
}

/// What the gradient is multiplied by so that its L2 norm over all parameters is at most `limit` (Pascanu et al. 2013).
fn clip_scale<M: Module>(net: &M, grads: &Gradients, limit: f64) -> f64 {
    struct Norm<'a> {
        grads: &'a Gradients,
        sum: f64,
    }
    impl burn::module::ModuleVisitor for Norm<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Some(grad) = param.base().grad(self.grads) {
                self.sum += f64::from(grad.square().sum().into_scalar::<f32>());
            }
        }
    }
    let mut norm = Norm { grads, sum: 0.0 };
    net.visit(&mut norm);
    (limit / (norm.sum.sqrt() + 1e-6)).min(1.0)
}
