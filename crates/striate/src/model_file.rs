//! A model file from disk: its manifest and its weights, checked before anything is computed with them.

use std::path::{Path, PathBuf};

use striate_nn::checkpoint::{Checkpoint, CheckpointError};
use striate_nn::weights::NamedTensors;
use striate_train::manifest::{KEY, Manifest, ManifestError};

use crate::error::Error;

/// The model file that `path` means: itself, or the one in the run folder it names.
pub fn model_path(path: &Path) -> PathBuf {
    if path.is_dir() { path.join("model.safetensors") } else { path.to_path_buf() }
}

/// Manifest and weights of the model at `path` (a file, or a run folder).
pub fn read(path: &Path) -> Result<(Manifest, NamedTensors), Error> {
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
    let not_a_model = |why: String, advice| Error::NotAModel { path: file.clone(), why, advice };
    let text = metadata.get(KEY).ok_or_else(|| {
        let why = "these are weights without striate's manifest (classes, preprocessing), from another program".into();
        not_a_model(why, "give a model.safetensors that `striate train` wrote")
    })?;
    let manifest = Manifest::parse(text).map_err(|ManifestError { why, advice }| not_a_model(why, advice))?;
    Ok((manifest, tensors))
}

/// The weights in `file`, if it holds no manifest: those of another program.
pub fn without_manifest(file: &Path) -> Result<Option<Checkpoint>, Error> {
    if !file.is_file() {
        return Ok(None); // `read` says why that is no model
    }
    let checkpoint = Checkpoint::read(file)?;
    Ok((!checkpoint.metadata.contains_key(KEY)).then_some(checkpoint))
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
