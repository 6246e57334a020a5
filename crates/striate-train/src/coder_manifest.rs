//! What the file of an autoencoder says of itself; as [`crate::manifest`] for another task.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use striate_data::preprocess::Preprocess;
use striate_nn::coders::CoderConfig;

use crate::manifest::{ManifestError, Provenance, read};

/// The task of such a file.
pub const TASK: &str = "reconstruct";

/// All that is needed to use the weights, and to trust them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoderManifest {
    /// Version of this format.
    pub format: u32,
    /// [`TASK`].
    pub task: String,
    /// The autoencoder.
    pub coder: CoderConfig,
    /// Picture file to what is encoded.
    pub preprocess: Preprocess,
    /// What both sides of a picture are multiplied by before squares of the autoencoder's size are cut from it; absent where
    /// whole pictures are made that size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crops: Option<f64>,
    /// Where it comes from.
    pub provenance: Provenance,
    /// Figures it was saved with, by name.
    pub metrics: BTreeMap<String, f64>,
}

impl CoderManifest {
    /// Reads and checks the text that stands under [`crate::manifest::KEY`].
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        read(text, Self::check)
    }

    /// Whether its parts fit each other; the autoencoder's own limits are checked where it is built.
    fn check(&self) -> Result<(), String> {
        let Self { coder, preprocess, .. } = self;
        preprocess.check().map_err(|e| e.to_string())?;
        if self.task != TASK {
            return Err(format!("its task is {:?}, and an autoencoder's is {TASK:?}", self.task));
        }
        if self.crops.is_some_and(|scale| !(scale > 0.0 && scale <= 1.0)) {
            return Err("its crops must have a scale above 0 and at most 1".into());
        }
        let (channels, [h, w], [coder_h, coder_w]) = (preprocess.channels(), preprocess.size, coder.image_size);
        if (channels, h, w) != (coder.in_channels, coder_h, coder_w) {
            let own = coder.in_channels;
            return Err(format!(
                "it prepares {channels}x{h}x{w} values for an autoencoder of {own}x{coder_h}x{coder_w}"
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{FORMAT, Manifest, task};

    fn manifest() -> CoderManifest {
        CoderManifest {
            format: FORMAT,
            task: TASK.into(),
            coder: CoderConfig::new("pca", 1, [8, 8], 3),
            preprocess: Preprocess { size: [8, 8], ..Preprocess::gray() },
            crops: None,
            provenance: Provenance {
                recipe: String::new(),
                seed: 0,
                data_fingerprint: "00".into(),
                trained_on: 9,
                version: "0.1.0".into(),
            },
            metrics: BTreeMap::new(),
        }
    }

    #[test]
    fn what_is_written_is_read_and_is_no_classifier() {
        let text = serde_json::to_string(&manifest()).expect("a manifest has a JSON form");
        assert_eq!(CoderManifest::parse(&text), Ok(manifest()));
        assert_eq!(task(&text).as_deref(), Ok(TASK));
        assert!(Manifest::parse(&text).is_err());
    }

    #[test]
    fn parts_that_do_not_fit_are_refused() {
        let told = |change: fn(&mut CoderManifest)| {
            let mut manifest = manifest();
            change(&mut manifest);
            let text = serde_json::to_string(&manifest).expect("a manifest has a JSON form");
            CoderManifest::parse(&text).expect_err("does not fit").to_string()
        };
        assert!(told(|m| m.task = "classify".into()).contains("an autoencoder's is"));
        assert!(told(|m| m.coder.image_size = [8, 9]).contains("1x8x8 values for an autoencoder of 1x8x9"));
        assert!(told(|m| m.format = FORMAT + 1).contains("newer striate"));
    }
}
