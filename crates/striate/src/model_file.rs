//! A model file from disk: its manifest and its weights, checked before anything is computed with them.

use std::path::{Path, PathBuf};

use striate_nn::checkpoint::{Checkpoint, CheckpointError};
use striate_nn::weights::NamedTensors;
use striate_train::coder_manifest::{CoderManifest, TASK};
use striate_train::manifest::{self, KEY, Manifest, ManifestError};
use striate_train::restorer_manifest::{self, RestorerManifest};

use crate::error::Error;

/// The model file that `path` means: itself, or the one in the run folder it names.
pub fn model_path(path: &Path) -> PathBuf {
    if path.is_dir() { path.join("model.safetensors") } else { path.to_path_buf() }
}

/// What a file of weights is.
pub enum Weights {
    /// A model of ours.
    Own(Box<Manifest>, NamedTensors),
    /// An autoencoder of ours.
    Coder(Box<CoderManifest>, NamedTensors),
    /// A restorer of ours.
    Restorer(Box<RestorerManifest>, NamedTensors),
    /// Weights without our manifest, from another program.
    Foreign(NamedTensors),
}

/// Manifest and weights of the model at `path` (a file, or a run folder).
pub fn read(path: &Path) -> Result<(Manifest, NamedTensors), Error> {
    match weights(path)? {
        Weights::Own(manifest, tensors) => Ok((*manifest, tensors)),
        Weights::Coder(..) => {
            let why = "this is an autoencoder, which knows no labels".into();
            let advice = "`striate embed --with` it for codes, or `striate train` a classifier";
            Err(Error::NotAModel { path: model_path(path), why, advice })
        }
        Weights::Restorer(..) => {
            let why = "this is a net that restores pictures, which knows no labels".into();
            let advice = "`striate restore` pictures with it, or `striate train` a classifier";
            Err(Error::NotAModel { path: model_path(path), why, advice })
        }
        Weights::Foreign(_) => {
            let why =
                "these are weights without striate's manifest (classes, preprocessing), from another program".into();
            let advice = "give a model.safetensors that `striate train` wrote";
            Err(Error::NotAModel { path: model_path(path), why, advice })
        }
    }
}

/// What stands at `path` (a file, or a run folder).
pub fn weights(path: &Path) -> Result<Weights, Error> {
    let file = model_path(path);
    if path.is_dir() && !file.exists() {
        let why = "this folder holds no model.safetensors".to_string();
        let advice = "give a model file or the folder of a finished run (`striate train --resume` finishes one)";
        return Err(Error::NotAModel { path: path.to_path_buf(), why, advice });
    }
    let Checkpoint { tensors, metadata } = Checkpoint::read(&file).map_err(|e| match e {
        CheckpointError::Io { path, source } => Error::reading(&path)(source),
        e => Error::Checkpoint(e),
    })?;
    let Some(text) = metadata.get(KEY) else { return Ok(Weights::Foreign(tensors)) };
    let not_a_model = |ManifestError { why, advice }| Error::NotAModel { path: file.clone(), why, advice };
    match manifest::task(text).map_err(not_a_model)?.as_str() {
        TASK => Ok(Weights::Coder(Box::new(CoderManifest::parse(text).map_err(not_a_model)?), tensors)),
        restorer_manifest::TASK => {
            let manifest = RestorerManifest::parse(text).map_err(not_a_model)?;
            Ok(Weights::Restorer(Box::new(manifest), tensors))
        }
        _ => Ok(Weights::Own(Box::new(Manifest::parse(text).map_err(not_a_model)?), tensors)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_and_absent_files_are_named() {
        let e = read(Path::new("no/such.safetensors")).expect_err("absent").to_string();
        assert!(e.contains("no/such.safetensors") && e.contains("check its name"), "{e}");
        let e = read(&std::env::temp_dir()).expect_err("a folder").to_string();
        assert!(e.contains("holds no model.safetensors"), "{e}");
    }
}
