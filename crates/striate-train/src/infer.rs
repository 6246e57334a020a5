//! Forward passes over many pictures, without a graph: logits, features, probabilities.

use crate::classify::FitSpec;
use crate::fit::FitError;
use burn::tensor::{Device, Tensor, TensorData};
use std::ops::ControlFlow;
use striate_data::dataset::Dataset;
use striate_data::loader::{LoaderSpec, for_each_batch};
use striate_data::preprocess::Preprocess;
use striate_data::unit_cache::UnitCache;
use striate_nn::Frozen;

/// Pictures in one forward pass.
const BATCH: usize = 32;

/// Which pictures to pass through, and how.
#[derive(Clone, Copy)]
pub struct InferSpec<'a> {
    /// The pictures.
    pub dataset: &'a Dataset,
    /// Which of them, in which order.
    pub indices: &'a [usize],
    /// Picture to input.
    pub preprocess: &'a Preprocess,
    /// Decoded pictures kept.
    pub cache: Option<&'a UnitCache>,
    /// Where to compute.
    pub device: &'a Device,
    /// Threads that decode.
    pub workers: usize,
}

impl<'a> InferSpec<'a> {
    /// The same data and preprocessing as a training, on `indices`.
    pub fn of(spec: &FitSpec<'a>, indices: &'a [usize]) -> Self {
        Self {
            dataset: spec.dataset,
            indices,
            preprocess: spec.preprocess,
            cache: spec.cache,
            device: spec.device,
            workers: spec.workers,
        }
    }
}

/// Logits of every picture, row-major `[N, K]`. `progress` hears of pictures done.
pub fn logits(net: &Frozen, spec: &InferSpec, progress: &dyn Fn(usize)) -> Result<Vec<f32>, FitError> {
    rows(spec, progress, &|x| net.forward(x))
}

/// What the last layer sees of every picture, row-major `[N, D]`. `progress` hears of pictures done.
pub fn features(net: &Frozen, spec: &InferSpec, progress: &dyn Fn(usize)) -> Result<Vec<f32>, FitError> {
    rows(spec, progress, &|x| net.features(x))
}

/// What `f` makes of every picture, one row `[D]` each: it gets batches `[N, C, H, W]` and gives `[N, D]`.
pub fn rows(
    spec: &InferSpec,
    progress: &dyn Fn(usize),
    f: &dyn Fn(Tensor<4>) -> Tensor<2>,
) -> Result<Vec<f32>, FitError> {
    let loader = LoaderSpec {
        dataset: spec.dataset,
        order: spec.indices,
        preprocess: spec.preprocess,
        augment: None,
        batch: BATCH,
        workers: spec.workers,
        cache: spec.cache,
    };
    let mut rows = Vec::new();
    let mut done = 0;
    for_each_batch(&loader, |batch| {
        done += batch.indices.len();
        let x = Tensor::<4>::from_data(TensorData::new(batch.pixels, batch.shape), spec.device); // [N, C, H, W]
        let answers = f(x).into_data().try_into_vec_as::<f32>().expect("a net computes in f32");
        if !answers.iter().all(|v| v.is_finite()) {
            return Err(FitError::NoNumber);
        }
        rows.extend(answers);
        progress(done);
        Ok::<_, FitError>(ControlFlow::Continue(()))
    })?;
    Ok(rows)
}

/// Row-wise softmax of `[N, K]` logits, in f64: a row a picture.
///
/// # Panics
/// If the logits are not rows of `classes`.
pub fn softmax(logits: &[f32], classes: usize) -> Vec<Vec<f64>> {
    assert_eq!(logits.len() % classes, 0, "softmax: {} logits are not rows of {classes}", logits.len());
    let row = |row: &[f32]| {
        let top = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let parts: Vec<f64> = row.iter().map(|&v| libm::exp(f64::from(v - top))).collect();
        let sum: f64 = parts.iter().sum();
        parts.iter().map(|p| p / sum).collect()
    };
    logits.chunks_exact(classes).map(row).collect()
}
