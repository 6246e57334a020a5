//! Pictures unlike the training pictures, told by the distance of their features to the nearest of those.
//!
//! Sun, Ming, Zhu, Li 2022 <https://arxiv.org/abs/2204.06507>: features are scaled to length 1, and a picture beyond a
//! distance that few pictures of the same kind reach is of another kind. Their roots are taken before (power
//! normalisation, Perronnin, Sánchez, Mensink 2010), so that no few strong ones decide: pictures of noise, which the
//! plain features leave near photos, then lie beyond them. The distance is set on pictures that the net of their round
//! did not learn from, and its false alarms are counted on yet others.

use rayon::prelude::*;
use striate_kernels::rng::Key;
use striate_nn::weights::{NamedTensor, NamedTensors};
use striate_train::manifest::UnlikeRule;

use crate::audit::UnlikeFigures;
use crate::judge::sample;

/// The tensor of a model file that holds the training pictures' features, `[M, D]`, each of length 1.
pub(crate) const TENSOR: &str = "unlike.features";
/// Most pictures kept, and most numbers: 2 MiB of a model file.
const MOST: usize = 512;
const MOST_NUMBERS: usize = 1 << 19;
/// Fewest pictures that a threshold is set by: 1 in 20 lies beyond it.
const LEAST: usize = 40;
/// The share of pictures of the same kind within the threshold.
const WITHIN: f64 = 0.95;

/// Which of `train` are kept to compare with.
pub(crate) fn kept(train: &[usize], features: usize, seed: u64) -> Vec<usize> {
    sample(train, MOST.min(MOST_NUMBERS / features.max(1)).max(1), Key::new(seed).with_name("unlike"))
}

/// Features of training pictures, each of length 1.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reference {
    rows: Vec<f32>, // [M, D]
    columns: usize,
}

impl Reference {
    /// From features `[M, D]` as a net gives them.
    ///
    /// # Panics
    /// If the features are not rows of `columns`, or there is none.
    pub fn new(features: &[f32], columns: usize) -> Self {
        let whole = columns > 0 && !features.is_empty() && features.len().is_multiple_of(columns);
        assert!(whole, "Reference::new: {} features are not rows of {columns}", features.len());
        Self { rows: features.chunks_exact(columns).flat_map(unit).collect(), columns }
    }

    /// Distance of each row of `features` `[N, D]` to the nearest kept picture, in `[0, 2]`.
    pub fn distances(&self, features: &[f32]) -> Vec<f64> {
        let nearest = |row: &[f32]| {
            let row = unit(row);
            let squares = self.rows.chunks_exact(self.columns).map(|kept| squared(kept, &row));
            f64::from(squares.fold(f32::INFINITY, f32::min)).sqrt()
        };
        features.par_chunks_exact(self.columns).map(nearest).collect()
    }

    /// How many pictures are kept.
    pub fn len(&self) -> usize {
        self.rows.len() / self.columns
    }

    /// As a tensor of a model file.
    pub fn to_tensor(&self) -> NamedTensor {
        NamedTensor { shape: vec![self.len(), self.columns], values: self.rows.clone() }
    }

    /// Takes [`TENSOR`] out of a model's tensors; nothing where it is absent or does not fit.
    pub fn take_from(tensors: &mut NamedTensors) -> Option<Self> {
        let NamedTensor { shape, values } = tensors.remove(TENSOR)?;
        let [_, columns] = *shape.as_slice() else { return None };
        let fits = columns > 0 && !values.is_empty() && values.iter().all(|v| v.is_finite());
        fits.then_some(Self { rows: values, columns })
    }

    /// Numbers of a picture's features.
    pub fn columns(&self) -> usize {
        self.columns
    }
}

/// The roots of a row, signs kept, scaled to length 1; a row of zeros stays.
fn unit(row: &[f32]) -> Vec<f32> {
    let length = row.iter().map(|&v| f64::from(v.abs())).sum::<f64>().sqrt();
    let scaled = |v: f32| (f64::from(v.abs()).sqrt().copysign(f64::from(v)) / length) as f32;
    row.iter().map(|&v| if length > 0.0 { scaled(v) } else { 0.0 }).collect()
}

/// Squared distance, in eight sums of fixed order.
fn squared(a: &[f32], b: &[f32]) -> f32 {
    const LANES: usize = 8;
    let mut sums = [0.0_f32; LANES];
    let (a_parts, b_parts) = (a.chunks(LANES), b.chunks(LANES));
    for (a, b) in a_parts.zip(b_parts) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            let d = a - b;
            *sum += d * d;
        }
    }
    sums.iter().sum()
}

/// The rule from distances of pictures that were held out, `parts` naming the part of each; nothing where they are too few.
pub(crate) fn rule(distances: &[f64], parts: &[u8]) -> Option<UnlikeRule> {
    if distances.len() < LEAST {
        return None;
    }
    assert_eq!(distances.len(), parts.len(), "unlike::rule: a part for each distance");
    let (mut alarms, mut counted) = (0, 0);
    for part in 0..=parts.iter().copied().max().unwrap_or(0) {
        let (inside, outside): (Vec<_>, Vec<_>) = distances.iter().zip(parts).partition(|(_, p)| **p == part);
        if inside.is_empty() || outside.is_empty() {
            continue;
        }
        let limit = threshold(outside.into_iter().map(|(d, _)| *d).collect());
        counted += inside.len();
        alarms += inside.iter().filter(|(d, _)| **d > limit).count();
    }
    let threshold = threshold(distances.to_vec());
    let usable = counted > 0 && threshold > 0.0;
    usable.then(|| UnlikeRule { threshold, false_alarms: alarms as f64 / counted as f64, n: counted })
}

/// The least distance that [`WITHIN`] of the pictures do not exceed.
fn threshold(mut distances: Vec<f64>) -> f64 {
    distances.sort_unstable_by(f64::total_cmp);
    let at = (WITHIN * distances.len() as f64).ceil() as usize;
    distances[at.clamp(1, distances.len()) - 1]
}

/// What is told of a rule.
pub(crate) fn figures(rule: &UnlikeRule, reference: &Reference) -> UnlikeFigures {
    let UnlikeRule { threshold, false_alarms, n } = *rule;
    UnlikeFigures { threshold, false_alarms, n, compared_with: reference.len() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cloud(n: usize, columns: usize, seed: u64, centre: &dyn Fn(usize) -> f32) -> Vec<f32> {
        let mut stream = Key::new(seed).stream();
        (0..n * columns).map(|at| centre(at % columns) + stream.range(-0.5, 0.5)).collect()
    }

    #[test]
    fn another_kind_is_told_and_the_same_kind_alarms_as_often_as_it_says() {
        let (own, other) = (|k: usize| if k < 10 { 1.0 } else { 0.0 }, |k: usize| if k < 10 { 0.0 } else { 1.0 });
        let reference = Reference::new(&cloud(100, 20, 1, &own), 20);
        let held = reference.distances(&cloud(200, 20, 2, &own));
        let parts: Vec<u8> = (0..200).map(|i| (i % 5) as u8).collect();
        let rule = rule(&held, &parts).expect("enough pictures");
        assert!((0.01..0.1).contains(&rule.false_alarms), "{rule:?}");
        let flagged = |features: &[f32]| reference.distances(features).iter().filter(|d| **d > rule.threshold).count();
        assert_eq!(flagged(&cloud(50, 20, 3, &other)), 50);
        assert!(flagged(&cloud(400, 20, 4, &own)) < 50);
        assert_eq!(rule.n, 200);
    }

    #[test]
    fn too_few_set_no_threshold() {
        assert_eq!(rule(&[0.1; 39], &[0; 39]), None);
        assert_eq!(rule(&[0.1; 60], &[0; 60]), None, "one part leaves none to set it by");
    }

    #[test]
    fn a_tensor_comes_back_and_a_strange_one_does_not() {
        let reference = Reference::new(&[9.0, 16.0, 0.0, 0.0], 2);
        assert_eq!(reference.rows, [0.6, 0.8, 0.0, 0.0]);
        let mut tensors = NamedTensors::from([(TENSOR.to_string(), reference.to_tensor())]);
        assert_eq!(Reference::take_from(&mut tensors), Some(reference.clone()));
        assert!(tensors.is_empty());
        assert_eq!(Reference::take_from(&mut tensors), None);
        for shape in [vec![4], vec![4, 0]] {
            tensors.insert(TENSOR.to_string(), NamedTensor { shape, values: vec![0.5; 4] });
            assert_eq!(Reference::take_from(&mut tensors), None);
        }
        let distances = reference.distances(&[36.0, 64.0, -64.0, 36.0]);
        assert!(distances[0] < 1e-6 && (distances[1] - 1.0).abs() < 1e-6, "{distances:?}"); // the zero row is at 1
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let train: Vec<usize> = (0..10_000).collect();
        assert_eq!(kept(&train, 64, 1).len(), 512);
        assert_eq!(kept(&train, 1280, 1).len(), 409);
        assert_eq!(kept(&train[..9], 1280, 1).len(), 9);
    }
}
