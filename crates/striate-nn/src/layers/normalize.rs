//! Features made even before a last layer that has few examples to learn from: a signed square root, standardized columns, rows of length 1.
//!
//! The root evens out skewed activations (Yang, Liu, Xu 2021 <https://arxiv.org/abs/2101.06395>), centering and length 1 are those of
//! SimpleShot (Wang et al. 2019 <https://arxiv.org/abs/1911.04623>). Mean and scale are those of the training pictures.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData};

use crate::layers::zeros::zeros;

/// Keeps the slope of the root finite at 0.
const EPS: f32 = 1e-6;
/// Least length of a row.
const LEAST: f32 = 1e-12;
/// Sums of squares side by side, in a fixed order.
const LANES: usize = 16;

/// `z / |z|` with `z = (x / sqrt(|x| + 1e-6) - mean) * scale`.
#[derive(Module, Debug)]
pub struct Normalize {
    mean: Param<Tensor<1>>,  // [D]
    scale: Param<Tensor<1>>, // [D]
}

impl Normalize {
    /// All zeros, until weights fill it.
    pub fn new(feature_len: usize, device: &Device) -> Self {
        Self { mean: zeros([feature_len], device), scale: zeros([feature_len], device) }
    }

    /// # Shapes
    /// - `x`, output: `[N, D]`
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let ([n, d], device) = (x.dims(), x.device());
        if device.is_autodiff() {
            let root = x.clone() / (x.abs() + EPS).sqrt();
            let z = (root - self.mean.val().unsqueeze()) * self.scale.val().unsqueeze();
            let length = (z.clone().square().sum_dim(1) + LEAST).sqrt(); // [N, 1]
            return z / length;
        }
        let values = |x: Tensor<1>| x.into_data().try_into_vec_as::<f32>().expect("a net computes in f32");
        let x = x.into_data().try_into_vec_as::<f32>().expect("a net computes in f32");
        let rows = normalized(&x, &values(self.mean.val()), &values(self.scale.val()));
        Tensor::from_data(TensorData::new(rows, [n, d]), &device)
    }
}

/// The signed square root of a feature.
pub fn root(x: f32) -> f32 {
    x / (x.abs() + EPS).sqrt()
}

/// Rows `[N, D]` of features, normalized; `mean` and `scale` are `[D]`.
pub fn normalized(rows: &[f32], mean: &[f32], scale: &[f32]) -> Vec<f32> {
    let mut out = rows.to_vec();
    for row in out.chunks_exact_mut(mean.len()) {
        row.iter_mut().zip(mean.iter().zip(scale)).for_each(|(x, (mean, scale))| *x = (root(*x) - mean) * scale);
        let mut sums = [0.0_f32; LANES];
        for part in row.chunks(LANES) {
            sums.iter_mut().zip(part).for_each(|(sum, x)| *sum += x * x);
        }
        let length = sums.iter().sum::<f32>().sqrt().max(LEAST);
        row.iter_mut().for_each(|x| *x /= length);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::{NamedTensor, load_named};
    use std::collections::BTreeMap;

    #[test]
    fn rows_have_length_one_and_a_gradient() {
        let device = Device::flex();
        let tensor = |values: [f32; 3]| NamedTensor { shape: vec![3], values: values.to_vec() };
        let tensors = BTreeMap::from([
            ("mean".to_string(), tensor([0.5, 0.0, 1.0])),
            ("scale".to_string(), tensor([1.0, 2.0, 0.5])),
        ]);
        let layer = load_named(Normalize::new(3, &device), &tensors).expect("fits");
        let at = |values: [f32; 3]| Tensor::<2>::from_data([values], &device);
        let plain = |values| layer.forward(at(values)).into_data().try_into_vec_as::<f32>().expect("f32");
        let z = [2.0 - 0.5, -2.0, 0.5 * (0.0 - 1.0)]; // of the features 4, -1, 0
        let length = z.iter().map(|z: &f64| z * z).sum::<f64>().sqrt();
        for (ours, z) in plain([4.0, -1.0, 0.0]).iter().zip(z) {
            assert!((f64::from(*ours) - z / length).abs() < 1e-5, "{ours} {}", z / length);
        }
        let x = at([4.0, -1.0, 0.3]).autodiff().require_grad();
        let first = layer.forward(x.clone()).slice([0..1, 0..1]);
        let gradient = x.grad_remove(&mut first.backward()).expect("a gradient");
        let gradient = gradient.into_data().try_into_vec_as::<f32>().expect("f32");
        for (column, step) in [(0, [0.01_f32, 0.0, 0.0]), (1, [0.0, 0.01, 0.0]), (2, [0.0, 0.0, 0.01])] {
            let moved = |sign: f32| plain([4.0 + sign * step[0], -1.0 + sign * step[1], 0.3 + sign * step[2]])[0];
            let slope = (moved(1.0) - moved(-1.0)) / 0.02;
            assert!((gradient[column] - slope).abs() < 1e-3, "{gradient:?} {column} {slope}");
        }
    }
}
