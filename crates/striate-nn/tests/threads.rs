//! The same bits for 1, 2 and 3 threads: logits and all gradients of a training step.

extern crate striate_engine as burn;

use std::collections::BTreeMap;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use striate_kernels::rng::Key;
use striate_nn::losses::CrossEntropy;
use striate_nn::weights::{Path, named_tensors};
use striate_nn::{NetConfig, Noise, Pass};

struct Collect<'a> {
    path: Path,
    grads: &'a Gradients,
    bits: BTreeMap<String, Vec<u32>>,
}

impl ModuleVisitor for Collect<'_> {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }
    fn exit_module(&mut self, _: &str, container_type: &str) {
        self.path.exit(container_type);
    }
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(grad) = param.val().grad(self.grads) {
            self.bits.insert(format!("gradient of {}", self.path), bits(grad));
        }
    }
}

fn bits<const D: usize>(x: Tensor<D>) -> Vec<u32> {
    x.try_into_vec_as::<f32>().expect("f32").into_iter().map(f32::to_bits).collect()
}

/// One forward and backward pass on formula-like inputs; everything it computed, by name.
fn step(config: &NetConfig, batch: usize) -> BTreeMap<String, Vec<u32>> {
    let device = Device::flex().autodiff();
    let net = config.init(7, &device).expect("a net");
    let shape = [batch, config.in_channels, config.image_size[0], config.image_size[1]];
    let mut stream = Key::new(3).stream();
    let pixels: Vec<f32> = (0..shape.iter().product()).map(|_| stream.range(-1.0, 1.0)).collect();
    let labels: Vec<u32> = (0..batch as u32).map(|i| i % config.num_classes as u32).collect();
    let noise = Noise { key: Key::new(5), pictures: (0..batch as u64).collect() };
    let x = Tensor::<4>::from_data(TensorData::new(pixels, shape), &device);
    let logits = net.forward(x.clone(), &Pass::Train(&noise));
    let grads = CrossEntropy::default().forward(logits.clone(), &labels).backward();
    let mut collect = Collect { path: Path::default(), grads: &grads, bits: BTreeMap::new() };
    net.visit(&mut collect);
    let mut all = collect.bits;
    let learned = named_tensors(&net).keys().filter(|path| !path.contains("running")).count();
    assert_eq!(all.len(), learned, "{}: every parameter has a gradient", config.name);
    all.insert("logits".to_owned(), bits(logits));
    all.insert("inference".to_owned(), bits(net.valid().forward(x.inner(), &Pass::Infer)));
    for (path, tensor) in named_tensors(&net).into_iter().filter(|(path, _)| path.contains("running")) {
        all.insert(path, tensor.values.into_iter().map(f32::to_bits).collect());
    }
    all
}

fn same_for_any_number_of_threads(name: &str, batch: usize, side: usize) {
    let config = NetConfig { image_size: [side; 2], ..NetConfig::new(name, 10).expect("a model") };
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| step(&config, batch))
    };
    let one = run(1);
    for threads in [2, 3] {
        for (what, bits) in run(threads) {
            assert_eq!(one[&what], bits, "{name}: {what} differs between 1 and {threads} threads");
        }
    }
}

#[test]
fn linear() {
    same_for_any_number_of_threads("linear", 64, 32);
}

#[test]
fn conv4() {
    same_for_any_number_of_threads("conv4", 16, 32);
}

#[test]
fn lenet5() {
    same_for_any_number_of_threads("lenet5", 64, 28);
}

#[test]
fn resnet20() {
    same_for_any_number_of_threads("resnet20", 16, 32);
}

#[test]
fn resnet18() {
    same_for_any_number_of_threads("resnet18", 4, 32);
}

#[test]
fn mobilenet_v2() {
    same_for_any_number_of_threads("mobilenet_v2", 4, 96);
}

#[test]
fn squeezenet1_1() {
    same_for_any_number_of_threads("squeezenet1_1", 4, 97);
}

#[test]
fn efficientnet_lite0() {
    same_for_any_number_of_threads("efficientnet_lite0", 4, 96);
}
