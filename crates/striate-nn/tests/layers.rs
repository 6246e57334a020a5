//! Layers on their own: gradients against finite differences, running statistics, dropout, and the way through a file.

extern crate striate_engine as burn;

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use striate_engine::ops::{
    Activation, Padding, PoolSpec, activate, avg_pool2d, global_avg_pool2d, global_mean_square2d, max_pool2d,
};
use striate_kernels::rng::Key;
use striate_nn::layers::{BatchNormConfig, Conv2dConfig, Dropout, LinearConfig};
use striate_nn::losses::CrossEntropy;
use striate_nn::weights::{NamedTensors, load_named, named_tensors};
use striate_nn::{Noise, Pass};

fn drawn(shape: &[usize], name: &str) -> Vec<f32> {
    let mut stream = Key::new(1).with_name(name).stream();
    (0..shape.iter().product()).map(|_| stream.range(-1.0, 1.0)).collect()
}

fn noise(n: u64) -> Noise {
    Noise { key: Key::new(2), pictures: (0..n).collect() }
}

/// Compares the gradient of a weighted sum of `f(x)` with central differences at every element of x.
fn check_gradient(shape: [usize; 4], what: &str, f: impl Fn(Tensor<4>) -> Tensor<4>) {
    let device = Device::flex().autodiff();
    let values = drawn(&shape, what);
    let at = |values: &[f32]| Tensor::<4>::from_data(TensorData::new(values.to_vec(), shape), &device);
    let weighted = |y: Tensor<4>| {
        let weights = Tensor::<4>::from_data(TensorData::new(drawn(&y.dims(), "weights"), y.dims()), &device);
        (y * weights).sum()
    };
    let x = at(&values).require_grad();
    let grads = weighted(f(x.clone())).backward();
    let grad = x.grad(&grads).expect("a gradient").try_into_vec_as::<f32>().expect("f32");
    let largest = grad.iter().fold(0.0_f32, |most, g| most.max(g.abs()));
    let step = 4e-3;
    let here = weighted(f(x)).into_scalar::<f32>();
    let mut kinks = 0;
    for i in 0..values.len() {
        let slope = |by: f32| {
            let mut values = values.clone();
            values[i] += by;
            (weighted(f(at(&values))).into_scalar::<f32>() - here) / by
        };
        let (above, below) = (slope(step), slope(-step));
        if (above - below).abs() > 0.1 * largest {
            kinks += 1; // a maximum changes hands, or a rectifier bends: there is no derivative
            continue;
        }
        let difference = (above + below) / 2.0;
        assert!((difference - grad[i]).abs() <= 0.02 * largest, "{what}: element {i}: {difference} and {}", grad[i]);
    }
    assert!(kinks * 10 <= values.len(), "{what}: {kinks} of {} elements have no derivative", values.len());
}

/// A layer with all its parameters drawn anew, by way of names.
fn redrawn<M: Module>(layer: M) -> M {
    let mut tensors: NamedTensors = named_tensors(&layer);
    for (name, tensor) in &mut tensors {
        let positive = name == "running_var";
        tensor.values = drawn(&tensor.shape, name).into_iter().map(|v| if positive { 1.5 + v } else { v }).collect();
    }
    let layer = load_named(layer, &tensors).expect("its own names");
    assert_eq!(named_tensors(&layer), tensors, "the way through names and back");
    layer
}

#[test]
fn convolution() {
    let device = Device::flex().autodiff();
    for (stride, padding, groups) in [
        (1, Padding::Each(1), 1),
        (2, Padding::Each(0), 1),
        (2, Padding::Same, 2),
        (1, Padding::Same, 4),
        (2, Padding::Each(1), 4),
    ] {
        let config = Conv2dConfig { stride, padding, groups, bias: true, ..Conv2dConfig::new([4, 8], 3) };
        let layer = redrawn(config.init(&device));
        check_gradient([2, 4, 6, 5], &format!("{config:?}"), |x| layer.forward(x, &Pass::Infer));
    }
}

#[test]
fn linear() {
    let device = Device::flex().autodiff();
    let layer = redrawn(LinearConfig::new(12, 5).init(&device));
    check_gradient([3, 3, 2, 2], "linear", |x| layer.forward(x.flatten(1, 3), &Pass::Infer).reshape([3, 5, 1, 1]));
}

#[test]
fn pools_and_rectifiers() {
    let overlapping = PoolSpec { kernel_size: 3, stride: 2, padding: 1, ceil_mode: false };
    check_gradient([2, 2, 6, 6], "max", |x| max_pool2d(x, PoolSpec::tiles(2)));
    check_gradient([2, 2, 7, 7], "overlapping", |x| max_pool2d(x, overlapping));
    check_gradient([2, 2, 7, 7], "average", |x| avg_pool2d(x, overlapping));
    check_gradient([2, 3, 4, 5], "global", |x| global_avg_pool2d(x).reshape([2, 3, 1, 1]));
    check_gradient([2, 3, 4, 5], "global square", |x| global_mean_square2d(x).reshape([2, 3, 1, 1]));
    check_gradient([2, 3, 4, 5], "relu6", |x| activate(x * 12.0, Activation::Relu6));
}

#[test]
fn a_pool_that_hangs_over_the_edge() {
    let device = Device::flex();
    let x = Tensor::<4>::from_data(
        [[[[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0], [9.0, 1.0, 2.0, 3.0], [4.0, 5.0, 6.0, 9.5]]]],
        &device,
    );
    let pool = |ceil_mode| PoolSpec { kernel_size: 3, stride: 2, padding: 0, ceil_mode };
    assert_eq!(max_pool2d(x.clone(), pool(false)).try_into_vec_as::<f32>().expect("f32"), [9.0]);
    assert_eq!(max_pool2d(x, pool(true)).try_into_vec_as::<f32>().expect("f32"), [9.0, 8.0, 9.0, 9.5]);
}

#[test]
fn batch_norm() {
    let device = Device::flex().autodiff();
    let layer = redrawn(BatchNormConfig::new(3).init(&device));
    let noise = noise(4);
    check_gradient([4, 3, 3, 2], "training", |x| layer.clone().forward(x, &Pass::Train(&noise)));
    check_gradient([4, 3, 3, 2], "inference", |x| layer.forward(x, &Pass::Infer));
}

#[test]
fn running_statistics_follow_pytorchs_rule_and_a_clone_keeps_its_own() {
    let device = Device::flex().autodiff();
    let layer = BatchNormConfig::new(1).init(&device);
    let before = layer.clone();
    let x = Tensor::<4>::from_data(TensorData::new(vec![1.0_f32, 2.0, 3.0, 6.0], [2, 1, 2, 1]), &device);
    layer.forward(x, &Pass::Train(&noise(2)));
    let after = named_tensors(&layer);
    assert!((after["running_mean"].values[0] - 0.1 * 3.0).abs() < 1e-6); // mean 3
    assert!((after["running_var"].values[0] - (0.9 + 0.1 * 14.0 / 3.0)).abs() < 1e-6); // unbiased variance 14/3
    assert_eq!(named_tensors(&before)["running_mean"].values, [0.0]);
    assert_eq!(named_tensors(&layer.valid()), after, "the last update is not lost on the way to inference");
}

#[test]
fn inference_of_a_picture_does_not_depend_on_its_batch() {
    let device = Device::flex();
    let layer = redrawn(BatchNormConfig::new(2).init(&device));
    let x = Tensor::<4>::from_data(TensorData::new(drawn(&[3, 2, 4, 4], "x"), [3, 2, 4, 4]), &device);
    let all = layer.forward(x.clone(), &Pass::Infer).narrow(0, 1, 1);
    assert_eq!(all.into_data(), layer.forward(x.narrow(0, 1, 1), &Pass::Infer).into_data());
}

#[test]
fn dropout_keeps_its_share_and_a_picture_keeps_its_mask() {
    let device = Device::flex();
    let layer = Dropout::new(0.25, 3);
    let x = Tensor::<2>::ones([4, 1000], &device);
    let rows = |pictures: Vec<u64>| {
        let noise = Noise { key: Key::new(9), pictures };
        layer.forward(x.clone(), &Pass::Train(&noise)).try_into_vec_as::<f32>().expect("f32")
    };
    let (a, b) = (rows(vec![10, 11, 12, 13]), rows(vec![13, 12, 99, 10]));
    assert_eq!(a[..1000], b[3000..], "picture 10 has one mask wherever it stands");
    assert_ne!(a[..1000], a[1000..2000], "two pictures have two masks");
    let mean = a.iter().sum::<f32>() / 4000.0;
    assert!((mean - 1.0).abs() < 0.04, "mean {mean}"); // 4 standard errors
    assert_eq!(layer.forward(x.clone(), &Pass::Infer).into_data(), x.into_data());
}

#[test]
fn cross_entropy_with_weights_and_smoothing_is_pytorchs() {
    // torch.nn.functional.cross_entropy(logits, [2, 0], weight=[1, 2, 3], label_smoothing=0.1) by its documented formula
    let (logits, weights, smoothing) = ([[0.5_f64, -1.0, 2.0], [1.5, 0.25, -0.75]], [1.0, 2.0, 3.0], 0.1);
    let (mut loss, mut total) = (0.0, 0.0);
    for (row, label) in logits.iter().zip([2, 0]) {
        let log_sum = row.iter().map(|v| v.exp()).sum::<f64>().ln();
        let all: f64 = row.iter().zip(weights).map(|(v, w)| w * (log_sum - v)).sum();
        loss += (1.0 - smoothing) * weights[label] * (log_sum - row[label]) + smoothing / 3.0 * all;
        total += weights[label];
    }
    let own = CrossEntropy { label_smoothing: 0.1, class_weights: Some(vec![1.0, 2.0, 3.0]) };
    let logits = Tensor::<2>::from_data([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]], &Device::flex());
    let got = own.forward(logits, &[2, 0]).into_scalar::<f32>();
    assert!((f64::from(got) - loss / total).abs() < 1e-6, "{got} and {}", loss / total);
}
