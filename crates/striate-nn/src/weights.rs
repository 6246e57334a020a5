//! A net's weights by name, and back. Names are PyTorch's: `layer1.0.conv1.weight`.

use std::collections::BTreeMap;
use std::fmt;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::{Tensor, TensorData};

use crate::NetError;
pub use crate::named_tensor::{NamedTensor, NamedTensors};

/// Where a visitor or mapper of a net stands. An enum is not a level of its own: PyTorch has none.
///
/// ```
/// use striate_nn::weights::Path;
/// let mut path = Path::default();
/// path.enter("ResNet", "Enum:Net");
/// path.enter("layer1", "Struct:ResNet");
/// path.enter("0", "Vec");
/// assert_eq!(path.to_string(), "layer1.0");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Path(Vec<String>);

impl Path {
    /// To be called by `enter_module`, with its arguments.
    pub fn enter(&mut self, name: &str, container_type: &str) {
        if !container_type.starts_with("Enum:") {
            self.0.push(name.to_owned());
        }
    }

    /// To be called by `exit_module`, with its second argument.
    pub fn exit(&mut self, container_type: &str) {
        if !container_type.starts_with("Enum:") {
            self.0.pop();
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

/// Whether the path is of a statistic that training updates without a gradient.
pub fn is_running(path: &str) -> bool {
    path.ends_with("running_mean") || path.ends_with("running_var")
}

/// A parameter or running statistic, without its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// `layer1.0.conv1.weight`.
    pub path: String,
    /// What the net knows it by.
    pub id: ParamId,
    /// Its shape.
    pub shape: Vec<usize>,
}

/// All parameters and running statistics, in the order in which the net holds them.
pub fn parameters<M: Module>(net: &M) -> Vec<Parameter> {
    struct Collect {
        path: Path,
        parameters: Vec<Parameter>,
    }
    impl ModuleVisitor for Collect {
        fn enter_module(&mut self, name: &str, container_type: &str) {
            self.path.enter(name, container_type);
        }
        fn exit_module(&mut self, _: &str, container_type: &str) {
            self.path.exit(container_type);
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let (path, shape) = (self.path.to_string(), param.lazy_shape().as_slice().to_vec());
            self.parameters.push(Parameter { path, id: param.id, shape });
        }
    }
    let mut collect = Collect { path: Path::default(), parameters: Vec::new() };
    net.visit(&mut collect);
    collect.parameters
}

/// All parameters and running statistics.
pub fn named_tensors<M: Module>(net: &M) -> NamedTensors {
    struct Collect {
        path: Path,
        tensors: NamedTensors,
    }
    impl ModuleVisitor for Collect {
        fn enter_module(&mut self, name: &str, container_type: &str) {
            self.path.enter(name, container_type);
        }
        fn exit_module(&mut self, _: &str, container_type: &str) {
            self.path.exit(container_type);
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let value = param.val();
            let shape = value.dims().to_vec();
            let values = value.try_into_vec_as::<f32>().expect("a float tensor reads as f32");
            self.tensors.insert(self.path.to_string(), NamedTensor { shape, values });
        }
    }
    let mut collect = Collect { path: Path::default(), tensors: BTreeMap::new() };
    net.visit(&mut collect);
    collect.tensors
}

/// The net with these numbers in it: all of its own, no other, all finite.
pub fn load_named<M: Module>(net: M, tensors: &NamedTensors) -> Result<M, NetError> {
    struct Check<'a> {
        path: Path,
        tensors: &'a NamedTensors,
        seen: usize,
        fault: Option<NetError>,
    }
    impl ModuleVisitor for Check<'_> {
        fn enter_module(&mut self, name: &str, container_type: &str) {
            self.path.enter(name, container_type);
        }
        fn exit_module(&mut self, _: &str, container_type: &str) {
            self.path.exit(container_type);
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let (name, expected) = (self.path.to_string(), param.lazy_shape().as_slice().to_vec());
            let fault = match self.tensors.get(&name) {
                None => Some(NetError::Missing { name, shape: expected }),
                Some(tensor) => {
                    self.seen += 1;
                    fault(&name, tensor, &expected)
                }
            };
            self.fault = self.fault.take().or(fault);
        }
    }
    let mut check = Check { path: Path::default(), tensors, seen: 0, fault: None };
    net.visit(&mut check);
    let seen = check.seen;
    if let Some(fault) = check.fault {
        return Err(fault);
    }
    if seen < tensors.len() {
        let own = named_tensors(&net);
        let extra = tensors.keys().find(|name| !own.contains_key(*name));
        return Err(NetError::Extra { name: extra.cloned().unwrap_or_default() });
    }
    Ok(net.map(&mut Load { path: Path::default(), tensors }))
}

fn fault(name: &str, tensor: &NamedTensor, expected: &[usize]) -> Option<NetError> {
    let name = name.to_owned();
    if tensor.shape != expected || tensor.values.len() != expected.iter().product::<usize>() {
        return Some(NetError::Shape { name, expected: expected.to_vec(), got: tensor.shape.clone() });
    }
    let index = tensor.values.iter().position(|value| !value.is_finite())?;
    Some(NetError::NotFinite { name, index, value: tensor.values[index] })
}

struct Load<'a> {
    path: Path,
    tensors: &'a NamedTensors,
}

impl ModuleMapper for Load<'_> {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _: &str, container_type: &str) {
        self.path.exit(container_type);
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(tensor) = self.tensors.get(&self.path.to_string()) else { return param };
        param.map(|old| {
            let data = TensorData::new(tensor.values.clone(), old.dims());
            let fresh = Tensor::from_data(data, &old.device());
            if old.is_require_grad() { fresh.require_grad() } else { fresh }
        })
    }
}
