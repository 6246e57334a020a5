//! Multi-scale structural similarity as a loss: [`crate::metrics::ssim::ms_ssim`] with a gradient.
//! Zhao, Gallo, Frosio, Kautz 2017 <https://arxiv.org/abs/1511.08861>.
//!
//! The means of each scale are tensors on the graph. Their product to the powers is computed beside it, with the gradient by each
//! mean, so that no power function of the machine stands between a seed and its bits.

use burn::tensor::{Tensor, TensorData};
use striate_engine::ops::{self, Activation, Conv2dSpec, Padding};

use crate::metrics::ssim::{C1, C2, SIGMA, TAPS, WEIGHTS, scales};

/// Terms below this have no power that could be derived.
const LEAST: f64 = 1e-6;

/// `1 - ms_ssim`, the mean over pictures and channels, as one number on the graph.
///
/// # Shapes
/// - `x`, `wanted`: `[N, C, H, W]` in `[0, 1]`, sides of 11 or more, output: `[1]`
pub(super) fn loss(mut x: Tensor<4>, mut wanted: Tensor<4>) -> Tensor<1> {
    let [n, c, h, w] = x.dims();
    let scales = scales(h.min(w)).expect("the loss is of pictures of 11 pixels or more");
    let weights = &WEIGHTS[..scales];
    let sum: f64 = if scales == WEIGHTS.len() { 1.0 } else { weights.iter().sum() };
    let window = window(c, &x);
    let mut means = Vec::new(); // [N, C] for each scale
    for scale in 0..scales {
        let (ssim, contrast) = maps(x.clone(), wanted.clone(), &window);
        means.push(ops::global_avg_pool2d(if scale + 1 == scales { ssim } else { contrast }));
        if scale + 1 < scales {
            (x, wanted) = (halved(x), halved(wanted));
        }
    }
    let values: Vec<Vec<f64>> = means
        .iter()
        .map(|mean| {
            let data = mean.clone().inner().into_data().try_into_vec::<f32>().expect("similarities are f32");
            data.into_iter().map(|v| f64::from(v).max(LEAST)).collect()
        })
        .collect();
    let count = n * c;
    let product = |i: usize| -> f64 {
        weights.iter().zip(&values).map(|(weight, values)| libm::pow(values[i], weight / sum)).product()
    };
    let products: Vec<f64> = (0..count).map(product).collect();
    // What is on the graph has the gradient of the product by each mean; what is not makes up the value.
    let mut linear = Tensor::<1>::zeros([1], &x.device());
    let mut off = 0.0;
    for ((mean, weight), values) in means.into_iter().zip(weights).zip(&values) {
        let slope = |i: usize| products[i] * weight / sum / values[i] / count as f64;
        let slopes: Vec<f32> = (0..count).map(|i| slope(i) as f32).collect();
        off += slopes.iter().zip(values).map(|(s, v)| f64::from(*s) * v).sum::<f64>();
        let slopes = Tensor::<2>::from_data(TensorData::new(slopes, [n, c]), &mean.device().inner());
        let slopes = if mean.is_autodiff() { Tensor::from_inner(slopes) } else { slopes };
        linear = linear + (mean * slopes).sum();
    }
    let value = 1.0 - products.iter().sum::<f64>() / count as f64;
    linear.neg() + (value + off)
}

/// The Gaussian window for each channel, `[C, 1, 11, 11]`.
fn window(c: usize, x: &Tensor<4>) -> Tensor<4> {
    let middle = (TAPS / 2) as f64;
    let tap = |i: usize| libm::exp(-(i as f64 - middle).powi(2) / (2.0 * SIGMA * SIGMA));
    let sum: f64 = (0..TAPS).map(tap).sum();
    let plane = (0..TAPS * TAPS).map(|i| (tap(i / TAPS) * tap(i % TAPS) / (sum * sum)) as f32);
    let values: Vec<f32> = std::iter::repeat_n(plane.collect::<Vec<f32>>(), c).flatten().collect();
    constant(values, [c, 1, TAPS, TAPS], x)
}

/// A tensor that is not learned, on the device of `x`.
fn constant(values: Vec<f32>, shape: [usize; 4], x: &Tensor<4>) -> Tensor<4> {
    let fixed = Tensor::from_data(TensorData::new(values, shape), &x.device().inner());
    if x.is_autodiff() { Tensor::from_inner(fixed) } else { fixed }
}

/// Structural similarity, and its part of contrast and structure, at every window.
fn maps(x: Tensor<4>, y: Tensor<4>, window: &Tensor<4>) -> (Tensor<4>, Tensor<4>) {
    let spec = Conv2dSpec { stride: 1, padding: Padding::Each(0), dilation: 1, groups: x.dims()[1] };
    let blurred = |t: Tensor<4>| ops::conv2d(t, window.clone(), None, spec, Activation::Identity);
    let (mx, my) = (blurred(x.clone()), blurred(y.clone()));
    let (xx, yy) = (mx.clone() * mx.clone(), my.clone() * my.clone());
    let xy = mx * my;
    let both = blurred(x.clone() * x.clone() + y.clone() * y.clone()) - xx.clone() - yy.clone();
    let covariance = blurred(x * y) - xy.clone();
    let contrast = (covariance * 2.0 + C2) / (both + C2);
    let luminance = (xy * 2.0 + C1) / (xx + yy + C1);
    (luminance * contrast.clone(), contrast)
}

/// Means of 2x2 pixels.
fn halved(x: Tensor<4>) -> Tensor<4> {
    let c = x.dims()[1];
    let quarter = constant(vec![0.25; c * 4], [c, 1, 2, 2], &x);
    let spec = Conv2dSpec { stride: 2, padding: Padding::Each(0), dilation: 1, groups: c };
    ops::conv2d(x, quarter, None, spec, Activation::Identity)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::ssim::ms_ssim;
    use burn::tensor::Device;

    #[test]
    fn agrees_with_the_metric_and_with_differences() {
        let shape = [2, 3, 24, 32];
        let count: usize = shape.iter().product();
        let picture = |m: usize| (0..count).map(|i| ((i * m) % 97) as f32 / 97.0).collect::<Vec<f32>>();
        let near: Vec<f32> = picture(7).iter().zip(picture(13)).map(|(a, b)| 0.7 * a + 0.3 * b).collect();
        let device = Device::flex().autodiff();
        let tensor =
            |values: &[f32], device: &Device| Tensor::from_data(TensorData::new(values.to_vec(), shape), device);
        let wanted = tensor(&picture(7), &device.clone().inner());
        let x = tensor(&near, &device).require_grad();
        let value = loss(x.clone(), Tensor::from_inner(wanted.clone()));
        let whole = shape[1..].iter().product::<usize>();
        let metric = |values: &[f32]| {
            let pairs = values.chunks(whole).zip(picture(7).chunks(whole).map(<[f32]>::to_vec).collect::<Vec<_>>());
            let each = |(a, b): (&[f32], Vec<f32>)| ms_ssim(a, &b, [3, 24, 32]).expect("large enough");
            1.0 - pairs.map(each).sum::<f64>() / 2.0
        };
        let got = f64::from(value.clone().into_scalar::<f32>());
        assert!((got - metric(&near)).abs() < 1e-5, "{got} and {}", metric(&near));
        let gradient =
            x.grad(&value.backward()).expect("a gradient").into_data().try_into_vec_as::<f32>().expect("f32");
        let scale = gradient.iter().fold(0.0_f32, |m, g| m.max(g.abs()));
        for at in [0, 777, 1300, 2000, count - 1] {
            let moved = |by: f32| {
                let mut values = near.clone();
                values[at] += by;
                metric(&values)
            };
            let slope = (moved(1e-3) - moved(-1e-3)) / 2e-3;
            assert!(
                (slope - f64::from(gradient[at])).abs() < 0.02 * f64::from(scale),
                "{at}: {slope} and {}",
                gradient[at]
            );
        }
    }
}
