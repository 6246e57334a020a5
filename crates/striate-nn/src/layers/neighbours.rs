//! k nearest neighbours as a last layer: what it learned from are its weights.
//!
//! Neighbours are weighed as Caron et al. 2021 do <https://arxiv.org/abs/2104.14294>: by `exp(similarity / temperature)`, the
//! similarity being the cosine of the angle between features (Wu et al. 2018 <https://arxiv.org/abs/1805.01978>).

use burn::module::{Module, Param};
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor, TensorData};
use striate_engine::ops::{self, Activation};

use crate::layers::zeros::zeros;
use crate::{NeighboursConfig, Pass};

/// Share of the vote that is spread evenly over the classes, so that one without a neighbour has a logit.
const EVEN: f64 = 0.01;
/// Added to what the exponential of an example sees that is not among the nearest: it counts for nothing.
const FAR: f32 = -1e4;

/// Logits from the nearest of the examples that it keeps.
#[derive(Module, Debug)]
pub struct Neighbours {
    features: Param<Tensor<2>>, // [M, D], rows of length 1
    votes: Param<Tensor<2>>,    // [K, M], how much an example counts for a class
    k: usize,
    temperature: f64,
}

impl NeighboursConfig {
    /// All zeros, until weights fill it.
    pub fn init(&self, feature_len: usize, classes: usize, device: &Device) -> Neighbours {
        Neighbours {
            features: zeros([self.examples, feature_len], device),
            votes: zeros([classes, self.examples], device),
            k: self.k,
            temperature: self.temperature,
        }
    }
}

impl Neighbours {
    /// Numbers of an input row.
    pub fn in_features(&self) -> usize {
        self.features.lazy_shape().dims::<2>()[1]
    }

    /// # Shapes
    /// - `x`: `[N, D]`, output: `[N, K]`
    ///
    /// # Panics
    /// If `x` does not have the columns it was built for, or the pass trains: the examples are not learned by gradients.
    pub fn forward(&self, x: Tensor<2>, pass: &Pass) -> Tensor<2> {
        assert!(!matches!(pass, Pass::Train(_)), "Neighbours: its examples are not learned by gradients");
        let ([n, d], device) = (x.dims(), x.device());
        let [classes, examples] = self.votes.shape().dims();
        pass.add_macs((n * d * examples) as u64);
        if device.is_autodiff() {
            return self.forward_tracked(x);
        }
        let rows = unit_rows(&values(x), d);
        let x = Tensor::<2>::from_data(TensorData::new(rows, [n, d]), &device);
        let similarities = values(ops::linear(x, self.features.val(), None, Activation::Identity)); // [N, M]
        let vote = Vote { votes: &values(self.votes.val()), classes, temperature: self.temperature };
        let logits = similarities.chunks_exact(examples).flat_map(|row| vote.logits(&nearest(row, self.k, |_| true)));
        Tensor::from_data(TensorData::new(logits.collect::<Vec<f32>>(), [n, classes]), &device)
    }

    /// The same, with a gradient to `x`: which examples are the nearest is held fixed, as where it changes there is none.
    fn forward_tracked(&self, x: Tensor<2>) -> Tensor<2> {
        let [classes, examples] = self.votes.shape().dims();
        let length = x.clone().square().sum_dim(1).sqrt() + 1e-12; // [N, 1]
        let similarities = ops::linear(x / length, self.features.val(), None, Activation::Identity); // [N, M]
        let mut others = vec![FAR; similarities.dims()[0] * examples];
        let rows = values(similarities.clone().without_autodiff());
        for (others, row) in others.chunks_exact_mut(examples).zip(rows.chunks_exact(examples)) {
            nearest(row, self.k, |_| true).into_iter().for_each(|(i, _)| others[i] = 0.0);
        }
        let others = Tensor::<2>::from_data(TensorData::new(others, similarities.dims()), &similarities.device());
        let weights = softmax(similarities / self.temperature + others, 1); // [N, M]
        let votes = ops::linear(weights, self.votes.val(), None, Activation::Identity); // [N, K]
        let shares = votes.clone() / (votes.sum_dim(1) + 1e-12);
        (shares * (1.0 - EVEN) + EVEN / classes as f64).log()
    }
}

fn values(x: Tensor<2>) -> Vec<f32> {
    x.into_data().try_into_vec_as::<f32>().expect("a net computes in f32")
}

/// Rows of `d` numbers, each divided by its length; zeros stay.
pub fn unit_rows(rows: &[f32], d: usize) -> Vec<f32> {
    let unit = |row: &[f32]| {
        let length = row.iter().map(|&v| f64::from(v) * f64::from(v)).sum::<f64>().sqrt().max(1e-12);
        row.iter().map(|&v| (f64::from(v) / length) as f32).collect::<Vec<f32>>()
    };
    rows.chunks_exact(d).flat_map(unit).collect()
}

/// The `k` most similar of the examples that count, the nearest first, of equals the first; each with its similarity.
pub fn nearest(similarities: &[f32], k: usize, counts: impl Fn(usize) -> bool) -> Vec<(usize, f32)> {
    let mut all: Vec<(usize, f32)> = similarities.iter().copied().enumerate().filter(|&(i, _)| counts(i)).collect();
    let order = |a: &(usize, f32), b: &(usize, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
    if k < all.len() {
        all.select_nth_unstable_by(k, order);
        all.truncate(k);
    }
    all.sort_unstable_by(order);
    all
}

/// How neighbours vote.
#[derive(Clone, Copy, Debug)]
pub struct Vote<'a> {
    /// `[K, M]`: how much an example counts for a class.
    pub votes: &'a [f32],
    /// Classes K.
    pub classes: usize,
    /// What similarities are divided by before the exponential.
    pub temperature: f64,
}

impl Vote<'_> {
    /// Each class's share of the vote of neighbours as [`nearest`] gives them, `[K]`; even where nobody votes.
    pub fn shares(&self, neighbours: &[(usize, f32)]) -> Vec<f64> {
        let examples = self.votes.len() / self.classes;
        let highest = f64::from(neighbours.first().map_or(0.0, |first| first.1));
        let mut sums = vec![0.0; self.classes];
        for &(example, similarity) in neighbours {
            let weight = libm::exp((f64::from(similarity) - highest) / self.temperature);
            for (class, sum) in sums.iter_mut().enumerate() {
                *sum += weight * f64::from(self.votes[class * examples + example]);
            }
        }
        let total: f64 = sums.iter().sum();
        if total <= 0.0 {
            return vec![1.0 / self.classes as f64; self.classes];
        }
        sums.iter().map(|sum| sum / total).collect()
    }

    /// Logits `[K]` whose softmax are the shares, a hundredth of them spread evenly.
    pub fn logits(&self, neighbours: &[(usize, f32)]) -> Vec<f32> {
        let even = EVEN / self.classes as f64;
        self.shares(neighbours).iter().map(|share| libm::log((1.0 - EVEN) * share + even) as f32).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::{NamedTensor, load_named};
    use std::collections::BTreeMap;

    #[test]
    fn the_nearest_vote_by_their_similarity() {
        let device = Device::flex();
        let layer = NeighboursConfig { examples: 3, k: 2, temperature: 0.5 }.init(2, 2, &device);
        let tensor =
            |shape: [usize; 2], values: [f32; 6]| NamedTensor { shape: shape.to_vec(), values: values.to_vec() };
        let tensors = BTreeMap::from([
            ("features".to_string(), tensor([3, 2], [1.0, 0.0, 0.6, 0.8, -1.0, 0.0])),
            ("votes".to_string(), tensor([2, 3], [1.0, 0.0, 1.0, 0.0, 1.0, 0.0])),
        ]);
        let layer = load_named(layer, &tensors).expect("fits");
        let x = Tensor::<2>::from_data([[5.0, 0.0], [0.0, 0.0]], &device);
        let logits = values(layer.forward(x, &Pass::Infer));
        let near = 1.0 / (1.0 + libm::exp((0.6 - 1.0) / 0.5)); // the first example against the second, at cosine 0.6
        let expected = |share: f64| libm::log(0.99 * share + 0.005) as f32;
        assert!((logits[0] - expected(near)).abs() < 1e-6 && (logits[1] - expected(1.0 - near)).abs() < 1e-6);
        assert_eq!(logits[2..], [expected(0.5); 2], "nothing is like zeros: the first two vote alike");

        // On a graph it gives the same, and a gradient.
        let at = |values: [f32; 2]| Tensor::<2>::from_data([values], &device);
        let x = at([2.0, 1.0]).autodiff().require_grad();
        let tracked = layer.forward(x.clone(), &Pass::Infer);
        let plain = |values: [f32; 2]| f64::from(self::values(layer.forward(at(values), &Pass::Infer))[1]);
        let second = tracked.slice([0..1, 1..2]);
        assert!((f64::from(second.clone().into_scalar::<f32>()) - plain([2.0, 1.0])).abs() < 1e-5);
        let gradient = self::values(x.grad_remove(&mut second.backward()).expect("a gradient"));
        let slope = (plain([2.0, 1.01]) - plain([2.0, 0.99])) / 0.02;
        assert!((f64::from(gradient[1]) - slope).abs() < 1e-3 && slope.abs() > 0.05, "{gradient:?} {slope}");
    }

    #[test]
    fn of_equals_the_first_and_only_those_that_count() {
        let similarities = [0.5, 0.9, 0.5, 0.1];
        assert_eq!(nearest(&similarities, 2, |_| true), [(1, 0.9), (0, 0.5)]);
        assert_eq!(nearest(&similarities, 2, |i| i != 1), [(0, 0.5), (2, 0.5)]);
        assert_eq!(nearest(&similarities, 9, |i| i > 1).len(), 2);
    }
}
