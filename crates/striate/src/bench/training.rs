//! Training steps: forward, loss, backward and the optimiser, as the training loop does them.

use burn::module::Module;
use burn::tensor::{Device, Tensor, activation};
use std::cell::Cell;
use striate_engine::device::chosen;
use striate_kernels::rng::Key;
use striate_nn::coders::CoderConfig;
use striate_nn::losses::CrossEntropy;
use striate_nn::{NetConfig, NetError, Noise, Pass};
use striate_train::optim::Optimizer;
use striate_train::recipe::{OptimizerPart, Rule};

use super::formula::{INPUT, filled, tensor};
use super::task::{Output, Task};

/// Classes of every classifier that is trained here.
const CLASSES: usize = 10;

/// The mean loss of a batch.
type Loss<M> = fn(&M, Tensor<4>, &Pass) -> Tensor<1>;

struct Training<M> {
    net: M,
    optimizer: Optimizer,
    lr: f64,
    x: Tensor<4>,
    noise: Noise,
    loss: Loss<M>,
}

impl<M: Module> Training<M> {
    fn new(net: M, rule: Rule, x: Tensor<4>, loss: Loss<M>) -> Self {
        let optimizer = optimizer(rule);
        let noise = Noise { key: Key::new(0), pictures: (0..x.dims()[0] as u64).collect() };
        Self { net: filled(net).train(), lr: optimizer.lr, optimizer: Optimizer::new(&optimizer), x, noise, loss }
    }
}

impl<M: Module> Task for Training<M> {
    fn run(&mut self) -> Vec<Output> {
        let loss = (self.loss)(&self.net, self.x.clone(), &Pass::Train(&self.noise));
        let mut grads = loss.backward();
        self.optimizer.step(&mut self.net, &mut grads, self.lr);
        vec![Output::Loss(loss)]
    }
}

/// Steps of a net of the registry, on formula pictures of class 0, 1, 2, ..., with cross entropy.
///
/// # Shapes
/// - `shape`: `[N, C, H, W]`
pub(super) fn classifier(name: &str, shape: [usize; 4], rule: Rule) -> Result<Box<dyn Task>, NetError> {
    let [_, in_channels, h, w] = shape;
    let config = NetConfig { in_channels, image_size: [h, w], ..NetConfig::new(name, CLASSES)? };
    let net = config.init_zeros(&chosen())?;
    let x = tensor(shape, INPUT, 1.0, &chosen().autodiff());
    Ok(Box::new(Training::new(net, rule, x, |net, x, pass| {
        let labels: Vec<u32> = (0..x.dims()[0]).map(|i| (i % CLASSES) as u32).collect();
        CrossEntropy::default().forward(net.forward(x, pass), &labels)
    })))
}

/// Steps of the autoencoder on formula pictures in `[0, 1)`, with the mean squared error and Adam.
pub(super) fn autoencoder(batch: usize) -> Box<dyn Task> {
    let x = tensor([batch, 3, 128, 128], INPUT, 1.0, &chosen().autodiff()) + 0.5;
    let net = coder().init_zeros(&chosen()).expect("a coder of 128 pixels");
    Box::new(Training::new(net, Rule::Adam, x, |net, x, pass| {
        let back = activation::sigmoid(net.decode(net.encode(x.clone(), pass), pass));
        (back - x).square().mean()
    }))
}

/// The autoencoder of W3.
fn coder() -> CoderConfig {
    CoderConfig::new("strided_autoencoder", 3, [128; 2], 1024)
}

/// Multiply-adds of one picture's way through it.
pub(super) fn autoencoder_macs() -> u64 {
    let (device, macs) = (Device::flex(), Cell::new(0));
    let (net, pass) = (coder().init_zeros(&device).expect("a coder of 128 pixels"), Pass::Count(&macs));
    net.decode(net.encode(Tensor::zeros([1, 3, 128, 128], &device), &pass), &pass);
    macs.get()
}

/// PyTorch's defaults, with the learning rate and momentum that the comparison uses.
fn optimizer(name: Rule) -> OptimizerPart {
    OptimizerPart {
        name,
        lr: if name == Rule::Sgd { 1e-2 } else { 1e-3 },
        momentum: 0.9,
        nesterov: false,
        betas: [0.9, 0.999],
        eps: 1e-8,
        weight_decay: 0.0,
        clip_norm: 0.0,
    }
}
