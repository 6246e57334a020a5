//! Why a net answers as it does: gradients of its answers, and of what its layers say, with respect to the picture.

mod canvas;
pub mod evidence;
mod look;
pub mod maximise;
mod warp;

use burn::module::ParamId;
use burn::tensor::{Device, Tensor, TensorData};
use striate_data::preprocess::{Colour, Preprocess};
use striate_engine::ops::{self, Activation};
use striate_nn::watch::Watch;
use striate_nn::{Frozen, Pass, Viewed};

/// A net and how it is given pictures.
#[derive(Clone, Copy, Debug)]
pub struct Sight<'a> {
    /// The net.
    pub net: &'a Frozen<Viewed>,
    /// Picture to input.
    pub preprocess: &'a Preprocess,
    /// Where it computes.
    pub device: &'a Device,
}

/// One number that a net makes of a picture. Layers are convolutions, named by their weights; what they say is taken before their
/// activation, which would have no gradient where it cuts off.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// The mean of a channel over its map.
    Channel(ParamId, usize),
    /// The unit in the middle of a channel's map.
    Unit(ParamId, usize),
    /// The mean over the map of the product with a vector over all channels.
    Direction(ParamId, Vec<f32>),
    /// The logit of a class, or a number of a code.
    Class(usize),
}

impl Sight<'_> {
    /// Numbers of a picture.
    pub(crate) fn picture(&self) -> usize {
        self.preprocess.channels() * self.preprocess.size.iter().product::<usize>()
    }

    /// The input that pictures in `[0, 1]` become. # Shapes: `unit`, output: `[N, C, H, W]`
    pub(crate) fn input(&self, unit: &[f32]) -> Tensor<4> {
        let mut values = unit.to_vec();
        values.chunks_exact_mut(self.picture()).for_each(|picture| self.preprocess.normalise(picture));
        let [h, w] = self.preprocess.size;
        let shape = [values.len() / self.picture(), self.preprocess.channels(), h, w];
        Tensor::from_data(TensorData::new(values, shape), self.device)
    }

    /// A gradient by the input as one by values in `[0, 1]`.
    pub(crate) fn by_unit(&self, mut gradient: Vec<f32>) -> Vec<f32> {
        let plane: usize = self.preprocess.size.iter().product();
        for picture in gradient.chunks_exact_mut(self.picture()) {
            for (values, std) in picture.chunks_exact_mut(plane).zip(&self.preprocess.std) {
                values.iter_mut().for_each(|v| *v /= std);
            }
            if self.preprocess.colour == Colour::Bgr {
                let (red, others) = picture.split_at_mut(plane);
                red.swap_with_slice(&mut others[plane..]);
            }
        }
        gradient
    }

    /// The numbers that the net answers with: logits, or a code. # Shapes: `unit`: `[N, C, H, W]`, output: `[N, K]`
    pub fn logits(&self, unit: &[f32]) -> Vec<f32> {
        values(self.net.answers(self.input(unit), &self.net.pass()))
    }

    /// What each picture scores. # Shapes: `unit`: `[N, C, H, W]`, output: `[N]`
    pub fn scores(&self, unit: &[f32], target: &Target) -> Vec<f32> {
        values(self.score(self.input(unit), target).0)
    }

    /// The gradient of the sum of the scores by unit values; `apart` times the scores are taken off for pictures that are [`alike`].
    ///
    /// # Shapes
    /// - `unit`, output: `[N, C, H, W]`
    fn gradient(&self, unit: &[f32], target: &Target, apart: f32) -> Vec<f32> {
        let x = self.input(unit).autodiff().require_grad();
        let (scores, maps) = self.score(x.clone(), target);
        let mut sum = total(scores.clone());
        if let Some(maps) = maps.filter(|maps| apart > 0.0 && maps.dims()[0] > 1) {
            let size: f32 = values(scores.without_autodiff()).into_iter().map(f32::abs).sum();
            sum = sum - alike(maps) * (apart * size);
        }
        let gradient = x.grad_remove(&mut sum.backward()).map(values);
        self.by_unit(gradient.unwrap_or_else(|| vec![0.0; unit.len()]))
    }

    /// The scores `[N]`, and the layer's maps where the target is in one.
    fn score(&self, x: Tensor<4>, target: &Target) -> (Tensor<1>, Option<Tensor<4>>) {
        let (layer, channel) = match target {
            Target::Class(class) => return (row(self.net.answers(x, &self.net.pass()), *class), None),
            Target::Channel(layer, channel) | Target::Unit(layer, channel) => (*layer, Some(*channel)),
            Target::Direction(layer, _) => (*layer, None),
        };
        let watch = Watch::until(self.net.plan(), layer);
        self.net.net().features(x, &Pass::Watch(&watch));
        let maps = watch.take().pop().expect("Sight: a layer of this net").output; // [N, C, H, W]
        let [n, c, h, w] = maps.dims();
        let seen = match target {
            Target::Unit(..) => maps.clone().slice([0..n, 0..c, h / 2..h / 2 + 1, w / 2..w / 2 + 1]),
            _ => maps.clone(),
        };
        let means = ops::global_avg_pool2d(seen); // [N, C]
        let scores = match (target, channel) {
            (Target::Direction(_, along), _) => {
                let along = Tensor::from_data(TensorData::new(along.clone(), [1, c]), self.device);
                ops::linear(means, along, None, Activation::Identity).reshape([n])
            }
            (_, channel) => row(means, channel.unwrap_or_default()),
        };
        (scores, Some(maps))
    }
}

/// Column `at` of `[N, K]`.
fn row(x: Tensor<2>, at: usize) -> Tensor<1> {
    let [n, _] = x.dims();
    x.slice([0..n, at..at + 1]).reshape([n])
}

fn total(x: Tensor<1>) -> Tensor<1> {
    let [n] = x.dims();
    ops::sum(x.reshape([n, 1, 1, 1]))
}

fn values<const D: usize>(x: Tensor<D>) -> Vec<f32> {
    x.into_data().try_into_vec::<f32>().expect("a net computes in f32")
}

/// Mean cosine between the Gram matrices of pictures, pair by pair: 1 where all have the same textures.
/// Olah, Mordvintsev, Schubert 2017 <https://doi.org/10.23915/distill.00007>, "Diversity".
///
/// # Shapes
/// - `maps`: `[N, C, H, W]`, output: `[1]`
fn alike(maps: Tensor<4>) -> Tensor<1> {
    let [n, c, h, w] = maps.dims();
    let product = |a: Tensor<2>, b: Tensor<2>| ops::linear(a, b, None, Activation::Identity);
    let gram = |i: usize| {
        let map = maps.clone().slice([i..i + 1, 0..c, 0..h, 0..w]).reshape([c, h * w]);
        let gram = product(map.clone(), map).reshape([1, c * c]); // [1, C * C]
        let length = product(gram.clone(), gram.clone()).sqrt() + 1e-6; // [1, 1]
        gram / length
    };
    let grams = Tensor::cat((0..n).map(gram).collect(), 0); // [N, C * C]
    let cosines = total(product(grams.clone(), grams).reshape([n * n])); // the diagonal adds up to N
    (cosines - n as f32) / (n * (n - 1)) as f32
}

#[cfg(test)]
mod tests;
