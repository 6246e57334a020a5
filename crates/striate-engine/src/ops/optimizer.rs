//! Steps of optimisers on flat parameters, in one pass over memory.

use burn::tensor::{Tensor, TensorData};
use striate_kernels::optimizer as kernel;
pub use striate_kernels::optimizer::{Adam, Sgd};

use crate::custom::on_cpu;
use crate::timing::{listened, timed};

/// One step of stochastic gradient descent: the new parameter and velocity. No velocity is one of zeros.
///
/// # Shapes
/// - all: `[len]`
pub fn sgd_step(
    weight: Tensor<1>,
    gradient: Tensor<1>,
    velocity: Option<Tensor<1>>,
    sgd: Sgd,
) -> (Tensor<1>, Tensor<1>) {
    let device = weight.device();
    let velocity = velocity.unwrap_or_else(|| gradient.zeros_like());
    if !on_cpu(&device) {
        let gradient = gradient * sgd.scale + weight.clone() * sgd.decay;
        let velocity = velocity * sgd.momentum + gradient.clone();
        let step = if sgd.nesterov { gradient + velocity.clone() * sgd.momentum } else { velocity.clone() };
        return (weight - step * sgd.lr, velocity);
    }
    let (mut weight, gradient, mut velocity) = (values(weight), values(gradient), values(velocity));
    timed("step", listened(|| "sgd".to_owned()), || kernel::sgd(sgd, &mut weight, &gradient, &mut velocity));
    (flat(weight, &device), flat(velocity, &device))
}

/// One step of Adam: the new parameter and moments. No moments are ones of zeros.
///
/// # Shapes
/// - all: `[len]`
pub fn adam_step(
    weight: Tensor<1>,
    gradient: Tensor<1>,
    moments: Option<[Tensor<1>; 2]>,
    adam: Adam,
) -> (Tensor<1>, [Tensor<1>; 2]) {
    let device = weight.device();
    let moments = moments.unwrap_or_else(|| [gradient.zeros_like(), gradient.zeros_like()]);
    if !on_cpu(&device) {
        let [b1, b2] = adam.betas;
        let gradient = gradient * adam.scale + weight.clone() * adam.decay;
        let [first, second] = moments;
        let first = first * b1 + gradient.clone() * (1.0 - b1);
        let second = second * b2 + gradient.square() * (1.0 - b2);
        let steps = adam.steps as i32;
        let root = second.clone().sqrt() / (1.0 - b2.powi(steps)).sqrt() + adam.eps;
        let step = first.clone() / root * (adam.lr / (1.0 - b1.powi(steps)));
        return (weight * adam.shrink - step, [first, second]);
    }
    let (mut weight, gradient, [mut first, mut second]) = (values(weight), values(gradient), moments.map(values));
    let name = listened(|| "adam".to_owned());
    timed("step", name, || kernel::adam(adam, &mut weight, &gradient, [&mut first, &mut second]));
    (flat(weight, &device), [flat(first, &device), flat(second, &device)])
}

/// The numbers of a tensor; without a copy where nobody else holds it.
fn values(tensor: Tensor<1>) -> Vec<f32> {
    tensor.into_data().try_into_vec_as::<f32>().expect("parameters are f32")
}

fn flat(values: Vec<f32>, device: &burn::tensor::Device) -> Tensor<1> {
    let len = values.len();
    Tensor::from_data(TensorData::new(values, [len]), device)
}
