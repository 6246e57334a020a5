//! A model file from disk: its manifest and its weights, checked before anything is computed with them.

use std::path::{Path, PathBuf};

use striate_nn::checkpoint::{Checkpoint, CheckpointError};
use striate_nn::weights::NamedTensors;
use striate_train::manifest::{FORMAT, KEY, Manifest};

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
    let manifest = manifest(text).map_err(|(why, advice)| not_a_model(why, advice))?;
    Ok((manifest, tensors))
}

/// Reads and checks the manifest: why it cannot be used and what to do.
fn manifest(text: &str) -> Result<Manifest, (String, &'static str)> {
    #[derive(serde::Deserialize)]
    struct Version {
        format: u32,
    }
    const AGAIN: &str = "train the model again";
    let version: Version = serde_json::from_str(text).map_err(|e| (format!("its manifest is damaged ({e})"), AGAIN))?;
    if version.format > FORMAT {
        let why = format!("it has format {}, and this program reads up to {FORMAT}", version.format);
        return Err((why, "use a newer striate"));
    }
    let manifest: Manifest =
        serde_json::from_str(text).map_err(|e| (format!("its manifest is damaged ({e})"), AGAIN))?;
    let net = &manifest.net;
    let channels = manifest.preprocess.channels();
    let unprepared = manifest.preprocess.check().err();
    let why = if let Some(e) = unprepared {
        e.to_string()
    } else if manifest.task != "classify" {
        format!("its task is {:?}, and only \"classify\" is known", manifest.task)
    } else if manifest.classes.len() != net.num_classes || manifest.classes.is_empty() {
        format!("it names {} classes for a net of {}", manifest.classes.len(), net.num_classes)
    } else if channels != net.in_channels || manifest.preprocess.size != net.image_size {
        let [h, w] = manifest.preprocess.size;
        let [net_h, net_w] = net.image_size;
        format!("it prepares {channels}x{h}x{w} values for a net of {}x{net_h}x{net_w}", net.in_channels)
    } else {
        return Ok(manifest);
    };
    Err((why, AGAIN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_manifest_is_refused() {
        for (text, why) in
            [("", "damaged"), ("{}", "format"), ("{\"format\":99}", "newer"), ("{\"format\":1}", "damaged")]
        {
            let (what, advice) = manifest(text).expect_err("no manifest");
            assert!(what.contains(why) || advice.contains(why), "{text}: {what}; {advice}");
        }
    }

    #[test]
    fn folders_and_absent_files_are_named() {
        let e = read(Path::new("no/such.safetensors")).expect_err("absent").to_string();
        assert!(e.contains("no/such.safetensors") && e.contains("check its name"), "{e}");
        let e = read(&std::env::temp_dir()).expect_err("a folder").to_string();
        assert!(e.contains("holds no model.safetensors"), "{e}");
    }
}
