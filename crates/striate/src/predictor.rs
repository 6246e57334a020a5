//! A trained model, ready to label pictures: the one way from a picture to probabilities.

use std::path::Path;

use burn::tensor::{Device, Tensor, TensorData};
use rayon::prelude::*;
use striate_data::picture::Picture;
use striate_engine::device::chosen;
use striate_nn::weights::{NamedTensors, load_named};
use striate_nn::{Frozen, Net};
use striate_train::manifest::{Manifest, UnlikeRule};
use striate_train::metrics::temperature::at;

use crate::audit::unlike::Reference;
use crate::error::Error;
use crate::{hand_made, model_file};

/// Input values of one forward pass: bounds its memory, with 13 pictures of 3x224x224 and 64 of 3x32x32.
const VALUES_A_PASS: usize = 1 << 21;

/// A model and all that is needed to use it.
pub struct Predictor {
    /// What the model says of itself.
    pub manifest: Manifest,
    /// What pictures are compared with to tell those unlike the training pictures.
    reference: Option<Reference>,
    net: Frozen,
    pub(crate) device: Device,
}

impl Predictor {
    /// Opens a model file, or the one in a run folder.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let (manifest, tensors) = model_file::read(path)?;
        Self::new(path, manifest, tensors)
    }

    /// The model that was read from `path`.
    pub(crate) fn new(path: &Path, manifest: Manifest, mut tensors: NamedTensors) -> Result<Self, Error> {
        let reference = Reference::take_from(&mut tensors);
        let device = chosen();
        let in_file = |source| Error::Weights { path: model_file::model_path(path), source };
        let net = manifest.net.init_zeros(&device).map_err(in_file)?;
        let net = load_named(net, &tensors).map_err(in_file)?;
        let reference = reference.filter(|reference| reference.columns() == net.feature_len());
        Ok(Self { manifest, reference, net: Frozen::new(net), device })
    }

    /// For each picture the probability of each class, in the order of `manifest.classes`. A picture's do not depend on
    /// which others it comes with.
    pub fn probabilities(&self, pictures: &[Picture]) -> Vec<Vec<f64>> {
        let rows = |part: &[Picture]| {
            let prepared: Vec<Vec<f32>> = part.par_iter().map(|p| self.manifest.preprocess.apply(p)).collect();
            let rows = self.forward(&prepared.iter().map(Vec::as_slice).collect::<Vec<_>>());
            rows.into_iter().map(|(probabilities, _)| probabilities)
        };
        pictures.chunks(self.batch()).flat_map(rows).collect()
    }

    /// How pictures unlike the training pictures are told, where the model can tell.
    pub fn unlike_rule(&self) -> Option<UnlikeRule> {
        self.manifest.unlike.filter(|_| self.reference.is_some())
    }

    /// How many pictures go through the net at a time.
    pub fn batch(&self) -> usize {
        (VALUES_A_PASS / self.values()).clamp(1, 64)
    }

    /// Of pictures that went through the preprocessing, in one forward pass: probabilities, and the distance to the
    /// training pictures as a multiple of the one beyond which a picture is unlike them, where the model can tell.
    pub(crate) fn forward(&self, prepared: &[&[f32]]) -> Vec<(Vec<f64>, Option<f64>)> {
        if prepared.is_empty() {
            return Vec::new();
        }
        let [h, w] = self.manifest.preprocess.size;
        let shape = [prepared.len(), self.manifest.preprocess.channels(), h, w];
        let x = Tensor::<4>::from_data(TensorData::new(prepared.concat(), shape), &self.device); // [N, C, H, W]
        let values = |tensor: Tensor<2>| tensor.into_data().try_into_vec::<f32>().expect("a net computes in f32");
        let probabilities =
            |logits: Tensor<2>| at(&values(logits), self.manifest.classes.len(), self.manifest.temperature);
        let (Some(reference), Some(rule)) = (&self.reference, self.unlike_rule()) else {
            return probabilities(self.logits(x)).into_iter().map(|row| (row, None)).collect();
        };
        let (features, logits) = self.net.features_and_logits(self.input(x)); // [N, D], [N, K]
        let distances = reference.distances(&values(features)).into_iter().map(|d| Some(d / rule.threshold));
        probabilities(logits).into_iter().zip(distances).collect()
    }

    /// Logits of a batch of pictures that went through the preprocessing. # Shapes: `x` `[N, C, H, W]`, output `[N, K]`
    pub(crate) fn logits(&self, x: Tensor<4>) -> Tensor<2> {
        self.net.forward(self.input(x))
    }

    /// What the last layer sees of it. # Shapes: `x` `[N, C, H, W]`, output `[N, D]`
    pub(crate) fn features(&self, x: Tensor<4>) -> Tensor<2> {
        self.net.features(self.input(x))
    }

    /// The net.
    pub(crate) fn net(&self) -> &Net {
        self.net.net()
    }

    /// What the net sees: the pictures, or features made of them.
    fn input(&self, x: Tensor<4>) -> Tensor<4> {
        match self.manifest.features {
            None => x,
            Some(kind) => hand_made::features(kind, x),
        }
    }

    /// Values of one prepared picture, C * H * W.
    fn values(&self) -> usize {
        self.manifest.preprocess.channels() * self.manifest.preprocess.size.iter().product::<usize>()
    }
}
