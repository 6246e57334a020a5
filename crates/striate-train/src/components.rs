//! Principal components of pictures, and a linear autoencoder made of them.

use std::ops::ControlFlow;

use striate_data::loader::{Batch, for_each_batch};
use striate_nn::weights::{NamedTensor, NamedTensors};
use striate_vision::array::Array;
use striate_vision::error::Error;
use striate_vision::pca::{Covariance, Pca, RandomisedOptions};

use crate::fit::{Epoch, FitError, Task, batches};
use crate::reconstruct::{ReconstructSpec, Source};

/// Numbers of a picture whose covariance is held, in 128 MiB; more need the pictures themselves.
const STREAMED: usize = 4096;
/// Pictures whose products with each other are held, in 288 MiB: exact, and for as many components as five thousand crops have in a code
/// several times as fast as the randomised way.
const PAIRED: usize = 6144;
/// Numbers of pictures that are held at once at most, 1 GiB.
pub const HELD: usize = 1 << 28;

/// The components, in one pass over the pictures where their covariance can be held. `told` hears after each batch how many pictures are
/// read, of how many.
///
/// # Errors
/// If a picture cannot be read, there are too few or too many, or more components are asked for than there are.
pub fn fit(spec: &ReconstructSpec, told: &mut dyn FnMut(u64, u64)) -> Result<Pca, FitError> {
    let (n, d, k) = (spec.items(), spec.coder.values(), spec.coder.code);
    if d <= STREAMED {
        let mut covariance = Covariance::new(d)?;
        each_batch(spec, told, |batch| {
            covariance.push(&batch.pixels);
            Ok(())
        })?;
        return Ok(covariance.components(k)?);
    }
    if n.saturating_mul(d) > HELD {
        let what = format!("{n} pictures of {d} values are more than the {HELD} values that are held at once");
        let advice = "give a smaller --image-size, or fewer pictures or crops".into();
        return Err(Error::Request { op: "principal components", what, advice }.into());
    }
    let mut rows = Vec::with_capacity(n * d);
    each_batch(spec, told, |batch| {
        rows.extend_from_slice(&batch.pixels);
        Ok(())
    })?;
    let rows = Array::new(vec![rows.len() / d, d], rows);
    let options = RandomisedOptions { seed: spec.recipe.train.seed, ..RandomisedOptions::default() };
    Ok(if n <= PAIRED { Pca::fit(&rows, k)? } else { Pca::fit_randomised(&rows, k, &options)? })
}

/// Goes once through all pictures in their order, or through the crops of an epoch.
fn each_batch(
    spec: &ReconstructSpec,
    told: &mut dyn FnMut(u64, u64),
    mut f: impl FnMut(&Batch) -> Result<(), FitError>,
) -> Result<(), FitError> {
    let total = spec.items() as u64;
    let mut done = 0;
    let each = |batch: Batch| {
        f(&batch)?;
        done += batch.indices.len() as u64;
        told(done, total);
        Ok(ControlFlow::Continue(()))
    };
    match &spec.source {
        Source::Whole(loader) => for_each_batch(loader, each),
        Source::Crops(..) => {
            let (batch, end) = batches(spec.recipe, spec.items());
            let key = striate_kernels::rng::Key::new(spec.recipe.train.seed);
            spec.for_each_batch(Epoch { key, batch, from: 0, end }, each)
        }
    }
}

/// `code = W (x - mean)`, `x' = W^T code + mean` as the weights of a linear autoencoder.
pub fn tensors(pca: &Pca) -> NamedTensors {
    let (components, mean) = (pca.components(), pca.mean());
    let (d, k) = (mean.len(), pca.explained_variance().len());
    let along = |row: &[f32]| row.iter().zip(mean).map(|(w, m)| f64::from(*w) * f64::from(*m)).sum::<f64>();
    let bias = components.chunks_exact(d).map(|row| -along(row) as f32).collect();
    let across = (0..d * k).map(|i| components[i % k * d + i / k]).collect();
    let named = [
        ("encoder.weight", vec![k, d], components.to_vec()),
        ("encoder.bias", vec![k], bias),
        ("decoder.weight", vec![d, k], across),
        ("decoder.bias", vec![d], mean.to_vec()),
    ];
    named.into_iter().map(|(name, shape, values)| (name.to_string(), NamedTensor { shape, values })).collect()
}
