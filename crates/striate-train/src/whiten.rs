//! A first layer that whitens: its weights are the principal axes of small patches of the training pictures, each divided by the
//! deviation along it, and their opposites. Page 2019, "How to train your ResNet 8"; Jordan 2024 <https://arxiv.org/abs/2404.00498>.

use std::ops::ControlFlow;

use crate::classify::FitSpec;
use crate::fit::FitError;
use striate_data::loader::{Batch, LoaderSpec, for_each_batch};
use striate_kernels::rng::Key;
use striate_kernels::symmetric::largest_eigenpairs;
use striate_nn::Net;
use striate_nn::weights::{load_named, named_tensors};

/// Pictures that patches are taken from: their second moments vary by well under a percent from draw to draw.
const PICTURES: usize = 2_000;
/// Added to the variance along an axis, so that axes that hold hardly more than rounding are not blown up.
const EPS: f64 = 5e-4;

/// Fills the whitening layer, where the net has one.
pub fn whitened(spec: &FitSpec, net: Net) -> Result<Net, FitError> {
    let Some(layer) = net.whitening() else { return Ok(net) };
    let mut tensors = named_tensors(&net);
    let weight = tensors.get_mut(&format!("{layer}.weight")).expect("the whitening layer is a layer of the net");
    let side = weight.shape[3];
    let length = weight.shape[1] * side * side;
    assert_eq!(weight.shape[0], 2 * length, "whitened: `{layer}` must have two outputs for each value of a patch");

    let moments = second_moments(spec, side, length)?;
    let (values, axes) = largest_eigenpairs(&moments, length, length).expect("finite moments have axes");
    for (k, axis) in axes.chunks_exact(length).enumerate() {
        let scale = 1.0 / (values[k] + EPS).sqrt();
        for (i, v) in axis.iter().enumerate() {
            weight.values[k * length + i] = (v * scale) as f32;
            weight.values[(length + k) * length + i] = (-v * scale) as f32;
        }
    }
    Ok(load_named(net, &tensors)?)
}

/// Mean of `p p^T` over all patches `p`, `[C, side, side]` flat, of some training pictures: `[L, L]`, of which `i <= j` is filled.
fn second_moments(spec: &FitSpec, side: usize, length: usize) -> Result<Vec<f64>, FitError> {
    let mut order = spec.train.to_vec();
    Key::new(spec.recipe.train.seed).with_name("whiten").stream().shuffle(&mut order);
    order.truncate(PICTURES);
    let FitSpec { dataset, preprocess, cache, workers, .. } = *spec;
    let loader = LoaderSpec { dataset, order: &order, preprocess, augment: None, cache, batch: 1, workers };
    let (mut sums, mut count) = (vec![0.0_f64; length * length], 0_u64);
    for_each_batch::<FitError>(&loader, |Batch { pixels, shape: [_, c, h, w], .. }| {
        let mut patch = vec![0.0_f64; length];
        for y in 0..h - (side - 1) {
            for x in 0..w - (side - 1) {
                for (i, value) in patch.iter_mut().enumerate() {
                    let (channel, dy, dx) = (i / (side * side), i / side % side, i % side);
                    debug_assert!(channel < c);
                    *value = f64::from(pixels[(channel * h + y + dy) * w + x + dx]);
                }
                for i in 0..length {
                    for j in i..length {
                        sums[i * length + j] += patch[i] * patch[j];
                    }
                }
                count += 1;
            }
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(sums.into_iter().map(|sum| sum / count as f64).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::Recipe;
    use burn::tensor::Device;
    use striate_data::dataset::{Dataset, OpenOptions};
    use striate_data::preprocess::Preprocess;
    use striate_nn::NetConfig;

    #[test]
    fn patches_of_other_pictures_come_out_uncorrelated_and_of_one_size() {
        let text =
            "model.name = 'airbench94'\ntrain = { epochs = 1, batch = 8 }\noptimizer = { name = 'sgd', lr = 0.1 }";
        let recipe = Recipe::parse(text).expect("a recipe");
        let dataset = Dataset::open("@digits", &OpenOptions::default()).expect("embedded");
        let preprocess = Preprocess { size: [16, 16], ..Preprocess::gray() };
        let net =
            NetConfig { in_channels: 1, image_size: [16, 16], ..NetConfig::new("airbench94", 10).expect("a model") };
        let (train, others): (Vec<usize>, Vec<usize>) = (0..dataset.len()).partition(|i| i % 2 == 0);
        let spec = FitSpec {
            recipe: &recipe,
            net: &net,
            dataset: &dataset,
            labels: &vec![0; dataset.len()],
            train: &train,
            valid: &[],
            preprocess: &preprocess,
            cache: None,
            device: &Device::flex(),
            workers: 2,
        };
        let filled = whitened(&spec, net.init(1, spec.device).expect("a net")).expect("readable pictures");
        let weight = &named_tensors(&filled)["whiten.weight"].values; // [8, 1, 2, 2]
        let moments = second_moments(&FitSpec { train: &others, ..spec }, 2, 4).expect("readable pictures");
        let moment = |i: usize, j: usize| moments[i.min(j) * 4 + i.max(j)];
        for a in 0..4 {
            for b in 0..4 {
                let row = |k: usize, i: usize| f64::from(weight[k * 4 + i]);
                let product: f64 = (0..16).map(|ij| row(a, ij / 4) * moment(ij / 4, ij % 4) * row(b, ij % 4)).sum();
                // The least variances are not far above EPS, and come out smaller than 1.
                let wanted = if a == b { 0.8..1.1 } else { -0.1..0.1 };
                assert!(wanted.contains(&product), "responses {a} and {b} have the moment {product}");
            }
        }
        for i in 0..16 {
            assert_eq!(weight[16 + i], -weight[i], "the second half is the opposite of the first");
        }
    }
}
