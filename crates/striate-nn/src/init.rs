//! Fresh weights.
//!
//! Each weight is drawn from a stream named by the seed and the weight's path, so it does not depend on what else the
//! net holds. Convolutions: uniform within `sqrt(6 / fan_in)` (He et al. 2015 <https://arxiv.org/abs/1502.01852>).
//! Linear layers: uniform within `1 / sqrt(fan_in)`. Biases 0; norms as made (weight 1, bias 0).

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Tensor, TensorData};
use striate_kernels::rng::Key;

use crate::weights::{Path, load_named, named_tensors};

/// Draws all weights of convolutions and linear layers.
pub(crate) fn fill<M: Module>(net: M, seed: u64) -> M {
    net.map(&mut Fill { path: Path::default(), key: Key::new(seed).with_name("init") })
}

/// The net with the weights that `last` names by path a tenth as large: the last ones of branches that are added to what they see.
pub(crate) fn shrunk<M: Module>(net: M, last: impl Fn(&str) -> bool) -> M {
    let mut tensors = named_tensors(&net);
    for (_, tensor) in tensors.iter_mut().filter(|(path, _)| last(path)) {
        tensor.values.iter_mut().for_each(|v| *v *= 0.1);
    }
    load_named(net, &tensors).expect("these are the net's own weights")
}

struct Fill {
    path: Path,
    key: Key,
}

impl ModuleMapper for Fill {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _: &str, container_type: &str) {
        self.path.exit(container_type);
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if D < 2 {
            return param;
        }
        let mut stream = self.key.with_name(&self.path.to_string()).stream();
        param.map(|weight| {
            let shape = weight.dims();
            let fan_in = shape[1..].iter().product::<usize>() as f32;
            let bound = if D == 4 { (6.0 / fan_in).sqrt() } else { 1.0 / fan_in.sqrt() };
            let values: Vec<f32> = (0..shape.iter().product()).map(|_| stream.range(-bound, bound)).collect();
            let fresh = Tensor::from_data(TensorData::new(values, shape), &weight.device());
            if weight.is_require_grad() { fresh.require_grad() } else { fresh }
        })
    }
}
