//! `pca-autoencoder`: a linear autoencoder that is trained finds the subspace of the principal components, and not the components.
//! Bourlard, Kamp 1988; Baldi, Hornik 1989.

use striate_data::dataset::{Dataset, OpenOptions};
use striate_data::loader::{LoadError, LoaderSpec};
use striate_data::preprocess::Preprocess;
use striate_data::unit_cache::UnitCache;
use striate_engine::device::chosen;
use striate_kernels::symmetric::largest_eigenpairs;
use striate_nn::coders::{Coder, CoderConfig};
use striate_nn::weights::named_tensors;
use striate_train::fit::{EpochRecord, FitError, State, Watch, fit};
use striate_train::recipe::Recipe;
use striate_train::reconstruct::{ReconstructSpec, Source};
use striate_vision::array::Array;
use striate_vision::pca::Pca;

use super::{Figure, Lab, LabOptions, LabReport};
use crate::error::Error;
use crate::event::{Event, Observer};

pub(super) const LAB: Lab = Lab {
    name: "pca-autoencoder",
    claim: "A linear autoencoder trained by gradient descent spans the subspace of the principal components, while its weights are not the components.",
    cause: "linearity",
    run,
};

/// Numbers of a code: behind the fourth component of the digits, variances drop by a third.
const CODE: usize = 4;
/// Largest principal angle that still counts as the same subspace, in radians.
const ANGLE: f64 = 1e-2;
/// A unit whose cosine with some component is greater is that component.
const SAME: f64 = 0.99;
/// All pictures are one step, so that noise of the gradient does not keep it from its goal.
const RECIPE: &str = "
model = { name = 'linear_autoencoder' }
train = { epochs = 5000, batch = 2000 }
optimizer = { name = 'adam', lr = 0.01 }
schedule = { name = 'cosine' }
";

fn run(options: &LabOptions, observer: Observer) -> Result<LabReport, Error> {
    let linear = options.without.is_none();
    let dataset = Dataset::open("@digits", &OpenOptions::default())?;
    let preprocess = Preprocess { size: [8, 8], ..Preprocess::gray() };
    let order: Vec<usize> = (0..dataset.len()).collect();
    let mut pixels = Vec::with_capacity(64 * order.len());
    for &index in &order {
        let name = || dataset.name(index);
        let decoded = dataset.picture(index).map_err(|source| LoadError { index, name: name(), source })?;
        pixels.extend(preprocess.apply(&decoded.picture));
    }
    let pca = Pca::fit(&Array::new(vec![order.len(), 64], pixels), CODE)?;

    let mut recipe = Recipe::parse(RECIPE).map_err(|source| Error::Recipe { name: "of the lab".into(), source })?;
    recipe.train.seed = options.seed;
    // Without linearity: a rectifier stands between code and picture.
    let coder = CoderConfig::new(if linear { "linear_autoencoder" } else { "dense_autoencoder" }, 1, [8, 8], CODE);
    let (cache, device) = (UnitCache::new(&preprocess, order.len(), 1 << 20), chosen());
    let (dataset, order, preprocess, workers) = (&dataset, &order[..], &preprocess, rayon::current_num_threads());
    let cache = Some(&cache);
    let loader = LoaderSpec { dataset, order, preprocess, augment: None, cache, batch: order.len(), workers };
    let source = Source::Whole(loader);
    let spec = ReconstructSpec { recipe: &recipe, coder: &coder, source, preprocess, valid: &[], device: &device };
    observer(Event::Stage(format!("training {} on {} digits", coder.name, order.len())));
    let (net, _) = fit(&spec, State::new(&spec)?, &mut Told(observer))?;

    let decoder = decoder(&net, linear);
    let components: Vec<Vec<f64>> = rows(pca.components());
    let sines = sines(&components, &orthonormal(decoder.clone()));
    let largest = sines.iter().fold(0.0_f64, |most, sine| most.max(*sine));
    let angle = libm::asin(largest.min(1.0));
    let alike = mean_best_cosine(&decoder, &components);
    let figures = vec![
        Figure::below("largest principal angle to the components' subspace, radians", angle, ANGLE),
        Figure::below("mean over the decoder's units of the best cosine with a component", alike, SAME),
    ];
    let seen = figures.iter().all(|figure| figure.holds);
    let words = vec![
        format!(
            "{CODE} numbers of 64, {} digits. The subspaces lie {angle:.5} radians apart at most{}.",
            order.len(),
            if angle < ANGLE { ": they are one" } else { ": they are two" }
        ),
        format!(
            "A unit of the trained net has a cosine of {alike:.3} with the component nearest to it: the loss does not care which basis of the subspace it finds."
        ),
    ];
    Ok(LabReport { lab: LAB.name, claim: LAB.claim, without: options.without.clone(), seen, figures, words })
}

struct Told<'a>(Observer<'a>);

impl Watch<Coder> for Told<'_> {
    type Error = FitError;

    fn step(&mut self, _: &State<Coder>, done: u64, total: u64, loss: f64) -> Result<(), FitError> {
        (self.0)(Event::Progress { done, total, unit: "steps", note: format!("loss {loss:.4}") });
        Ok(())
    }

    fn epoch(&mut self, _: &State<Coder>, _: &EpochRecord) -> Result<(), FitError> {
        Ok(())
    }
}

fn rows(values: &[f32]) -> Vec<Vec<f64>> {
    values.chunks_exact(64).map(|row| row.iter().map(|&v| f64::from(v)).collect()).collect()
}

/// What each number of the code adds to a picture.
fn decoder(net: &Coder, linear: bool) -> Vec<Vec<f64>> {
    let path = if linear { "decoder.weight" } else { "decoder.0.weight" };
    let weight = &named_tensors(net)[path].values; // [64, K]
    (0..CODE).map(|k| (0..64).map(|i| f64::from(weight[i * CODE + k])).collect()).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// A basis of the same subspace whose vectors are orthogonal and of length 1 (Gram and Schmidt, twice against rounding).
fn orthonormal(mut vectors: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    for i in 0..vectors.len() {
        let (before, rest) = vectors.split_at_mut(i);
        for _ in 0..2 {
            for earlier in before.iter() {
                let along = dot(earlier, &rest[0]);
                rest[0].iter_mut().zip(earlier).for_each(|(v, e)| *v -= along * e);
            }
        }
        let length = dot(&rest[0], &rest[0]).sqrt().max(f64::MIN_POSITIVE);
        rest[0].iter_mut().for_each(|v| *v /= length);
    }
    vectors
}

/// Sines of the principal angles between the subspaces of two orthonormal bases: singular values of what the first leaves of the
/// second. Björck, Golub 1973.
fn sines(a: &[Vec<f64>], b: &[Vec<f64>]) -> Vec<f64> {
    let left: Vec<Vec<f64>> = b
        .iter()
        .map(|b| {
            let mut left = b.clone();
            for a in a {
                let along = dot(a, b);
                left.iter_mut().zip(a).for_each(|(v, a)| *v -= along * a);
            }
            left
        })
        .collect();
    let k = left.len();
    let gram: Vec<f64> = (0..k * k).map(|i| dot(&left[i / k], &left[i % k])).collect();
    let (squares, _) = largest_eigenpairs(&gram, k, k).unwrap_or((vec![1.0; k], Vec::new()));
    squares.into_iter().map(|square| square.max(0.0).sqrt()).collect()
}

fn mean_best_cosine(units: &[Vec<f64>], components: &[Vec<f64>]) -> f64 {
    let best = |unit: &Vec<f64>| {
        let length = dot(unit, unit).sqrt().max(f64::MIN_POSITIVE);
        components.iter().map(|c| (dot(unit, c) / length).abs()).fold(0.0, f64::max)
    };
    units.iter().map(best).sum::<f64>() / units.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn angles_between_planes() {
        let e = |i: usize| (0..64).map(|j| f64::from(u8::from(i == j))).collect::<Vec<f64>>();
        let tilted: Vec<f64> = e(1).iter().zip(e(2)).map(|(a, b)| a * 0.8 + b * 0.6).collect();
        let mut sines = sines(&[e(0), e(1)], &orthonormal(vec![tilted, e(0)]));
        sines.sort_by(f64::total_cmp);
        assert!(sines[0].abs() < 1e-7 && (sines[1] - 0.6).abs() < 1e-12, "{sines:?}");
    }
}
