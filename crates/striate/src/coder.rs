//! A saved autoencoder, ready to use: pictures to codes and back.

use std::path::Path;

use burn::tensor::{Device, Tensor, TensorData};
use striate_engine::device::chosen;
use striate_nn::Pass;
use striate_nn::coders::{Coder, CoderConfig};
use striate_nn::weights::{NamedTensors, load_named};
use striate_train::coder_manifest::CoderManifest;
use striate_train::fit::FitError;

use crate::error::Error;
use crate::model_file::{self, Weights};

/// An autoencoder and all that is needed to use it.
pub struct CoderModel {
    /// What the file says of itself.
    pub manifest: CoderManifest,
    coder: Coder,
    device: Device,
}

impl CoderModel {
    /// Reads a model file, or that of a run folder.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let refuse = |why: &str, advice| {
            Err(Error::NotAModel { path: model_file::model_path(path), why: why.to_string(), advice })
        };
        let advice = "give a model that `striate train --recipe autoencoder` or `--recipe pca` made";
        match model_file::weights(path)? {
            Weights::Coder(manifest, tensors) => Self::new(path, *manifest, &tensors),
            Weights::Own(..) => refuse("this is a classifier, which gives labels and no pictures", advice),
            Weights::Restorer(..) => refuse("this net restores pictures, and has no code", "`striate restore` with it"),
            Weights::Foreign(_) => refuse("these are weights of another program", advice),
        }
    }

    /// The autoencoder that was read from `path`.
    pub(crate) fn new(path: &Path, manifest: CoderManifest, tensors: &NamedTensors) -> Result<Self, Error> {
        let device = chosen();
        let in_file = |source| Error::Weights { path: model_file::model_path(path), source };
        let coder = manifest.coder.init_zeros(&device).map_err(in_file)?;
        let coder = load_named(coder, tensors).map_err(in_file)?;
        Ok(Self { manifest, coder, device })
    }

    /// The autoencoder.
    pub(crate) fn coder(&self) -> &Coder {
        &self.coder
    }

    /// Codes (`[N, K]`) of pictures that went through the preprocessing, `[N, C, H, W]`.
    pub fn encode(&self, prepared: &[f32]) -> Result<Vec<f32>, Error> {
        let CoderConfig { in_channels, image_size: [h, w], .. } = self.manifest.coder;
        let shape = [prepared.len() / self.manifest.coder.values(), in_channels, h, w];
        let x = Tensor::<4>::from_data(TensorData::new(prepared.to_vec(), shape), &self.device); // [N, C, H, W]
        let codes = self.coder.encode(x, &Pass::Infer); // [N, K]
        finite(codes.into_data().try_into_vec::<f32>().expect("an autoencoder computes in f32"))
    }

    /// Pictures in `[0, 1]` (`[N, C, H, W]`) of codes, `[N, K]`; what lies outside is cut off.
    pub fn decode(&self, codes: &[f32]) -> Result<Vec<f32>, Error> {
        let mut values = self.decode_unclipped(codes)?;
        values.iter_mut().for_each(|v| *v = v.clamp(0.0, 1.0));
        Ok(values)
    }

    /// As [`CoderModel::decode`], with what lies outside.
    pub(crate) fn decode_unclipped(&self, codes: &[f32]) -> Result<Vec<f32>, Error> {
        let k = self.manifest.coder.code;
        let codes = Tensor::<2>::from_data(TensorData::new(codes.to_vec(), [codes.len() / k, k]), &self.device); // [N, K]
        let x = self.coder.decode(codes, &Pass::Infer); // [N, C, H, W]
        let mut values = finite(x.into_data().try_into_vec::<f32>().expect("an autoencoder computes in f32"))?;
        self.manifest.preprocess.unnormalise(&mut values);
        Ok(values)
    }

    /// What comes back, in `[0, 1]`, of pictures that went through the preprocessing; both `[N, C, H, W]`.
    pub fn reconstruct(&self, prepared: &[f32]) -> Result<Vec<f32>, Error> {
        self.decode(&self.encode(prepared)?)
    }
}

fn finite(values: Vec<f32>) -> Result<Vec<f32>, Error> {
    if values.iter().all(|v| v.is_finite()) { Ok(values) } else { Err(FitError::NoNumber.into()) }
}
