//! Weights that an autoencoder begins with: principal components, which the best linear one of its shape would have.

use std::ops::ControlFlow;

use striate_data::loader::{Batch, LoaderSpec};
use striate_kernels::rng::Key;
use striate_kernels::symmetric::largest_eigenpairs;
use striate_nn::coders::{Coder, SQUARE};
use striate_nn::weights::{load_named, named_tensors};
use striate_vision::pca::Pca;

use crate::components::{self, HELD};
use crate::fit::{Epoch, FitError, Task};
use crate::reconstruct::{ReconstructSpec, Source};

/// Squares whose principal components a convolutional autoencoder begins with.
const SQUARES: usize = 6000;
/// Pictures or crops whose principal components a fully connected one begins with, at most.
const PICTURES: usize = 5000;
/// Deviations that a code lies above its rectifier's bend, so that nearly all of it passes at first.
const ABOVE: f64 = 4.0;

/// Gives the linear maps of a convolutional autoencoder the principal components of squares, and where the recipe asks for it those of a
/// fully connected one the components of whole pictures; all multiplied by one number that makes codes of deviation 1 on average.
pub(crate) fn started(spec: &ReconstructSpec, net: Coder) -> Result<Coder, FitError> {
    match &net {
        Coder::Conv(_) => of_squares(spec, net),
        Coder::Dense(_) if spec.recipe.model.from_components => of_pictures(spec, net),
        _ => Ok(net),
    }
}

fn of_squares(spec: &ReconstructSpec, net: Coder) -> Result<Coder, FitError> {
    let mut tensors = named_tensors(&net);
    let (length, kept) = (spec.coder.in_channels * SQUARE * SQUARE, tensors["embed.bias"].values.len());
    let (moments, mean) = moments(spec, length)?;
    let kept = kept.min(length);
    let (variances, axes) = largest_eigenpairs(&moments, length, kept).expect("finite moments have axes");
    let scale = scale(variances.iter().copied());
    for (k, axis) in axes.chunks_exact(length).enumerate() {
        let along: f64 = axis.iter().zip(&mean).map(|(a, m)| a * m).sum();
        for (i, a) in axis.iter().enumerate() {
            let outputs = tensors["unembed.weight"].shape[1];
            tensors.get_mut("embed.weight").expect("a layer of it").values[k * length + i] = (a * scale) as f32;
            tensors.get_mut("unembed.weight").expect("a layer of it").values[i * outputs + k] = (a / scale) as f32;
        }
        tensors.get_mut("embed.bias").expect("a layer of it").values[k] = (-along * scale) as f32;
    }
    tensors.get_mut("unembed.bias").expect("a layer of it").values = mean.iter().map(|&m| m as f32).collect();
    Ok(load_named(net, &tensors)?)
}

fn of_pictures(spec: &ReconstructSpec, net: Coder) -> Result<Coder, FitError> {
    let most = PICTURES.min(HELD / spec.coder.values());
    let pca = match spec.source {
        Source::Whole(loader) => {
            let order = &loader.order[..loader.order.len().min(most)];
            let source = Source::Whole(LoaderSpec { order, ..loader });
            components::fit(&ReconstructSpec { source, ..*spec }, &mut |_, _| {})?
        }
        Source::Crops(crops, items) => {
            let source = Source::Crops(crops, items.min(most));
            components::fit(&ReconstructSpec { source, ..*spec }, &mut |_, _| {})?
        }
    };
    let tensors = components::tensors(&pca);
    let scale = scale(pca.explained_variance().iter().map(|&v| f64::from(v)));
    let mut filled = named_tensors(&net);
    let mut fill = |name: &str, values: Vec<f32>| {
        filled.get_mut(name).expect("an autoencoder of two layers").values = values;
    };
    let times = |name: &str, by: f64| tensors[name].values.iter().map(|&v| (f64::from(v) * by) as f32).collect();
    fill("encoder.0.weight", times("encoder.weight", scale));
    fill("decoder.0.weight", times("decoder.weight", 1.0 / scale));
    let above: Vec<f64> = pca.explained_variance().iter().map(|&v| ABOVE * f64::from(v).max(0.0).sqrt()).collect();
    let bias = tensors["encoder.bias"].values.iter().zip(&above);
    fill("encoder.0.bias", bias.map(|(&bias, above)| ((f64::from(bias) + above) * scale) as f32).collect());
    fill("decoder.0.bias", less(&pca, &above));
    Ok(load_named(net, &filled)?)
}

/// The mean picture, less what codes of these numbers stand for.
fn less(pca: &Pca, codes: &[f64]) -> Vec<f32> {
    let d = pca.mean().len();
    let mut mean: Vec<f64> = pca.mean().iter().map(|&m| f64::from(m)).collect();
    for (axis, code) in pca.components().chunks_exact(d).zip(codes) {
        mean.iter_mut().zip(axis).for_each(|(mean, &a)| *mean -= code * f64::from(a));
    }
    mean.into_iter().map(|v| v as f32).collect()
}

/// What makes codes of deviation 1 on average.
fn scale(variances: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = variances.len() as f64;
    let deviation = variances.map(|v| v.max(0.0).sqrt()).sum::<f64>() / count;
    1.0 / deviation.max(1e-6)
}

/// Second moments about the mean of squares of the pictures, and that mean: `[L, L]` of which `i <= j` is filled, `[L]`.
fn moments(spec: &ReconstructSpec, length: usize) -> Result<(Vec<f64>, Vec<f64>), FitError> {
    let [c, h, w] = spec.shape();
    let key = Key::new(spec.recipe.train.seed).with_name("squares");
    let batch = spec.items().min(64);
    let (mut sums, mut firsts, mut count) = (vec![0.0_f64; length * length], vec![0.0_f64; length], 0);
    let mut square = vec![0.0_f64; length];
    let epoch = Epoch { key, batch, from: 0, end: (spec.items() / batch).max(1) };
    spec.for_each_batch::<FitError>(epoch, |Batch { pixels, .. }| {
        for picture in pixels.chunks_exact(c * h * w) {
            for at in 0..(h / SQUARE) * (w / SQUARE) {
                let (top, left) = (at / (w / SQUARE) * SQUARE, at % (w / SQUARE) * SQUARE);
                for (i, value) in square.iter_mut().enumerate() {
                    let (channel, dy, dx) = (i / (SQUARE * SQUARE), i / SQUARE % SQUARE, i % SQUARE);
                    *value = f64::from(picture[(channel * h + top + dy) * w + left + dx]);
                }
                for (i, &a) in square.iter().enumerate() {
                    firsts[i] += a;
                    sums[i * length..][i..length].iter_mut().zip(&square[i..]).for_each(|(sum, b)| *sum += a * b);
                }
                count += 1;
            }
            if count >= SQUARES {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    })?;
    let mean: Vec<f64> = firsts.iter().map(|sum| sum / count as f64).collect();
    let central = |(at, sum): (usize, &f64)| sum / count as f64 - mean[at / length] * mean[at % length];
    Ok((sums.iter().enumerate().map(central).collect(), mean))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::Recipe;
    use burn::tensor::{Device, Tensor, TensorData};
    use striate_data::dataset::{Dataset, OpenOptions};
    use striate_data::preprocess::Preprocess;
    use striate_nn::Pass;
    use striate_nn::coders::CoderConfig;
    use striate_vision::array::Array;

    #[test]
    fn a_fully_connected_one_begins_as_good_as_its_components() {
        let text = "model = { name = 'dense_autoencoder', code = 12, from_components = true }\ntrain = { epochs = 1, batch = 50 }\noptimizer = { name = 'sgd', lr = 0.1 }";
        let recipe = Recipe::parse(text).expect("a recipe");
        let dataset = Dataset::open("@digits", &OpenOptions::default()).expect("embedded");
        let (preprocess, device) = (Preprocess { size: [8, 8], ..Preprocess::gray() }, Device::flex());
        let order: Vec<usize> = (0..200).collect();
        let coder = CoderConfig::new("dense_autoencoder", 1, [8, 8], 12);
        let loader = LoaderSpec {
            dataset: &dataset,
            order: &order,
            preprocess: &preprocess,
            augment: None,
            cache: None,
            batch: 50,
            workers: 2,
        };
        let source = Source::Whole(loader);
        let spec = ReconstructSpec {
            recipe: &recipe,
            coder: &coder,
            source,
            preprocess: &preprocess,
            valid: &[],
            device: &device,
        };
        let net = started(&spec, spec.init().expect("a net")).expect("components");
        let pixels: Vec<f32> =
            order.iter().flat_map(|&i| preprocess.apply(&dataset.picture(i).expect("readable").picture)).collect();
        let rows = Array::new(vec![200, 64], pixels.clone());
        let pca = Pca::fit(&rows, 12).expect("components");
        let best = pca.inverse_transform(&pca.transform(&rows).expect("fits")).expect("fits");
        let x = Tensor::<4>::from_data(TensorData::new(pixels.clone(), [200, 1, 8, 8]), &device);
        let codes = net.encode(x, &Pass::Infer);
        let values = codes.clone().into_data().try_into_vec::<f32>().expect("f32");
        let mean = values.iter().sum::<f32>() / values.len() as f32;
        assert!(mean > 2.0, "codes lie above the bend, at {mean}");
        let back = net.decode(codes, &Pass::Infer).into_data().try_into_vec::<f32>().expect("f32");
        let lost = |back: &[f32]| back.iter().zip(&pixels).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>();
        let ratio = lost(&back) / lost(best.values());
        assert!((0.999..1.001).contains(&ratio), "loses {ratio} of what components lose");
    }
}
