//! Exponential moving average of a net's weights: what is saved is the average, what is trained goes on.
//!
//! The decay at step t is `min(decay, (1 + t) / (10 + t))`, so that the first weights are soon forgotten (as in TensorFlow).

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::Tensor;
use std::collections::BTreeMap;
use striate_nn::weights::Path;

/// The averaged weights and running statistics, flat, by path.
#[derive(Clone, Debug)]
pub struct Ema {
    decay: f64,
    /// The averages.
    pub averages: BTreeMap<String, Tensor<1>>,
}

impl Ema {
    /// An average over nothing yet.
    pub fn new(decay: f64) -> Self {
        Self { decay, averages: BTreeMap::new() }
    }

    /// Takes in the weights after step number `step` (from 1).
    pub fn update<N: Module>(&mut self, net: &N, step: u64) {
        let step = step as f64;
        let decay = self.decay.min((1.0 + step) / (10.0 + step));
        let averages = &mut self.averages;
        walk(net.clone(), &mut |path, value| {
            let average = match averages.remove(path) {
                Some(old) => old * decay + value.clone() * (1.0 - decay),
                None => value.clone(),
            };
            averages.insert(path.to_string(), average);
            value
        });
    }

    /// `net` with the averages for weights.
    pub fn applied_to<N: Module>(&self, net: N) -> N {
        walk(net, &mut |path, value| self.averages.get(path).cloned().unwrap_or(value))
    }
}

/// Maps every flat tensor of the net, off the graph.
fn walk<N: Module>(net: N, f: &mut dyn FnMut(&str, Tensor<1>) -> Tensor<1>) -> N {
    struct Walk<'a> {
        path: Path,
        f: &'a mut dyn FnMut(&str, Tensor<1>) -> Tensor<1>,
    }
    impl ModuleMapper for Walk<'_> {
        fn enter_module(&mut self, name: &str, container: &str) {
            self.path.enter(name, container);
        }

        fn exit_module(&mut self, _: &str, container: &str) {
            self.path.exit(container);
        }

        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            let path = self.path.to_string();
            param.map(|tensor| {
                let (shape, tracked, autodiff) = (tensor.shape(), tensor.is_require_grad(), tensor.is_autodiff());
                let flat: Tensor<1> = tensor.without_autodiff().reshape([-1]);
                let mapped: Tensor<D> = (self.f)(&path, flat).reshape(shape);
                let mapped = if autodiff { Tensor::from_inner(mapped) } else { mapped };
                if tracked { mapped.require_grad() } else { mapped }
            })
        }
    }
    net.map(&mut Walk { path: Path::default(), f })
}
