//! What a model file says of itself: task, net, classes, preprocessing, provenance, metrics.
//!
//! The manifest is one metadata key of the safetensors file. It holds no date, host, path, thread count, instruction
//! set or duration, so that equal training gives equal bytes.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use striate_data::preprocess::Preprocess;
use striate_nn::NetConfig;

/// The metadata key that holds the manifest.
pub const KEY: &str = "striate";
/// The format that this program writes, and the newest it reads.
pub const FORMAT: u32 = 1;

/// All that is needed to use the weights, and to trust them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of this format.
    pub format: u32,
    /// `classify`.
    pub task: String,
    /// The net.
    pub net: NetConfig,
    /// Class names, in the order of the logits.
    pub classes: Vec<String>,
    /// Picture file to input tensor.
    pub preprocess: Preprocess,
    /// Hand-made features of the prepared picture, which are then the net's input, one row; none where it sees the picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub features: Option<HandMade>,
    /// What logits are divided by before they become probabilities, found on held-out pictures; 1 where that was not done.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub temperature: f64,
    /// Where it comes from.
    pub provenance: Provenance,
    /// Figures it was saved with, by name.
    pub metrics: std::collections::BTreeMap<String, f64>,
    /// How pictures unlike those it learned from are told; absent where they are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unlike: Option<UnlikeRule>,
}

fn one() -> f64 {
    1.0
}

fn is_one(temperature: &f64) -> bool {
    *temperature == 1.0
}

/// A picture whose features lie farther from the nearest kept training picture than `threshold` is unlike them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnlikeRule {
    /// Distance of features of length 1, in `[0, 2]`.
    pub threshold: f64,
    /// Share of held-out pictures beyond a threshold that was set without them.
    pub false_alarms: f64,
    /// Pictures that `false_alarms` was measured on.
    pub n: usize,
}

/// Hand-made features of a gray picture, computed between preprocessing and net.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HandMade {
    /// Histograms of edge orientation, 8 in each of 4 x 4 cells, then HOG (Dalal and Triggs 2005): 9 orientations in cells of
    /// 8 x 8 pixels, blocks of 3 x 3 cells.
    EdgesHog,
}

impl HandMade {
    /// Side of the square picture that they are computed from, in pixels.
    pub const SIDE: usize = 64;

    /// Numbers of a picture.
    pub const fn columns(self) -> usize {
        match self {
            HandMade::EdgesHog => 4 * 4 * 8 + 6 * 6 * 3 * 3 * 9,
        }
    }
}

/// Where a model comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// The recipe as TOML, complete.
    pub recipe: String,
    /// The seed.
    pub seed: u64,
    /// Hash of names, labels and contents of the pictures it learned from.
    pub data_fingerprint: String,
    /// Pictures it learned from.
    pub trained_on: usize,
    /// Version of the program.
    pub version: String,
}

/// A manifest that cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{why}; {advice}")]
pub struct ManifestError {
    /// What is wrong.
    pub why: String,
    /// What to do.
    pub advice: &'static str,
}

/// What stands in a manifest of any task.
#[derive(Deserialize)]
struct Head {
    format: u32,
    #[serde(default)]
    task: String,
}

impl Head {
    fn read(text: &str) -> Result<Self, ManifestError> {
        let head: Self = serde_json::from_str(text).map_err(damaged)?;
        if head.format > FORMAT {
            let why = format!("it has format {}, and this program reads up to {FORMAT}", head.format);
            return Err(ManifestError { why, advice: "use a newer striate" });
        }
        Ok(head)
    }
}

/// The task that the text under [`KEY`] names.
pub fn task(text: &str) -> Result<String, ManifestError> {
    Ok(Head::read(text)?.task)
}

/// Reads a manifest and checks it.
pub(crate) fn read<M: DeserializeOwned>(
    text: &str,
    check: impl Fn(&M) -> Result<(), String>,
) -> Result<M, ManifestError> {
    Head::read(text)?;
    let manifest: M = serde_json::from_str(text).map_err(damaged)?;
    check(&manifest).map_err(again)?;
    Ok(manifest)
}

fn again(why: String) -> ManifestError {
    ManifestError { why, advice: "train the model again" }
}

fn damaged(e: serde_json::Error) -> ManifestError {
    again(format!("its manifest is damaged ({e})"))
}

impl Manifest {
    /// Reads and checks the text that stands under [`KEY`].
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        read(text, Self::check)
    }

    /// Whether its parts fit each other; the net's own limits are checked where it is built.
    fn check(&self) -> Result<(), String> {
        let Self { net, preprocess, classes, .. } = self;
        preprocess.check().map_err(|e| e.to_string())?;
        if self.task != "classify" {
            return Err(format!("its task is {:?}, and only \"classify\" is known", self.task));
        }
        if classes.len() != net.num_classes || classes.is_empty() {
            return Err(format!("it names {} classes for a net of {}", classes.len(), net.num_classes));
        }
        if !(self.temperature.is_finite() && self.temperature > 0.0) {
            return Err(format!("its temperature is {}, and only a positive number is one", self.temperature));
        }
        let mut names = std::collections::BTreeSet::new();
        if let Some(twice) = classes.iter().find(|name| !names.insert(*name)) {
            return Err(format!("it names the class {twice:?} twice"));
        }
        let (channels, [h, w], [net_h, net_w]) = (preprocess.channels(), preprocess.size, net.image_size);
        if let Some(features) = self.features {
            let side = HandMade::SIDE;
            if (channels, preprocess.size) != (1, [side; 2]) {
                return Err(format!(
                    "it makes features of {channels}x{h}x{w} values, and they are made of 1x{side}x{side}"
                ));
            }
            if (net.in_channels, net.image_size) != (1, [1, features.columns()]) {
                let (channels, len) = (net.in_channels, features.columns());
                return Err(format!("it makes 1x1x{len} features for a net of {channels}x{net_h}x{net_w}"));
            }
            return Ok(());
        }
        if channels != net.in_channels || preprocess.size != net.image_size {
            return Err(format!(
                "it prepares {channels}x{h}x{w} values for a net of {}x{net_h}x{net_w}",
                net.in_channels
            ));
        }
        match self.unlike {
            Some(UnlikeRule { threshold, .. }) if !(threshold.is_finite() && threshold > 0.0) => {
                Err(format!("its distance to unlike pictures is {threshold}, and only a positive one is one"))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn manifest() -> Manifest {
        let net = NetConfig::new("lenet5", 2).expect("a model");
        let provenance = Provenance {
            recipe: String::new(),
            seed: u64::MAX,
            data_fingerprint: "00".into(),
            trained_on: 9,
            version: "0.1.0".into(),
        };
        Manifest {
            format: FORMAT,
            task: "classify".into(),
            preprocess: Preprocess { size: net.image_size, ..Preprocess::gray() },
            features: None,
            net,
            classes: vec!["a".into(), "b".into()],
            temperature: 1.0,
            provenance,
            metrics: BTreeMap::from([("test.accuracy".into(), 0.1 + 0.2)]),
            unlike: None,
        }
    }

    fn text(manifest: &Manifest) -> String {
        serde_json::to_string(manifest).expect("a manifest has a JSON form")
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(Manifest::parse(&text(&manifest())), Ok(manifest()));
        assert!(!text(&manifest()).contains("unlike"), "as older programs wrote it");
        let unlike = Some(UnlikeRule { threshold: 0.7, false_alarms: 0.05, n: 200 });
        let manifest = Manifest { unlike, ..manifest() };
        assert_eq!(Manifest::parse(&text(&manifest)), Ok(manifest));
    }

    #[test]
    fn what_is_no_manifest_is_refused() {
        for (text, why) in
            [("", "damaged"), ("{}", "format"), ("{\"format\":99}", "newer"), ("{\"format\":1}", "damaged")]
        {
            let told = Manifest::parse(text).expect_err("no manifest").to_string();
            assert!(told.contains(why), "{text}: {told}");
        }
    }

    #[test]
    fn parts_that_do_not_fit_are_refused() {
        let told = |change: fn(&mut Manifest)| {
            let mut manifest = manifest();
            change(&mut manifest);
            Manifest::parse(&text(&manifest)).expect_err("does not fit").to_string()
        };
        assert!(told(|m| m.task = "segment".into()).contains("only \"classify\""));
        assert!(told(|m| m.classes.truncate(1)).contains("names 1 classes for a net of 2"));
        assert!(told(|m| m.classes[1] = "a".into()).contains("the class \"a\" twice"));
        assert!(told(|m| m.net.in_channels = 3).contains("prepares 1x28x28 values for a net of 3x28x28"));
        assert!(told(|m| m.preprocess.std = vec![0.0]).contains("positive"));
        assert!(told(|m| m.features = Some(HandMade::EdgesHog)).contains("features of 1x28x28 values"));
        let net_of_pixels = |m: &mut Manifest| {
            m.features = Some(HandMade::EdgesHog);
            m.preprocess.size = [64; 2];
        };
        assert!(told(net_of_pixels).contains("1x1x3044 features for a net of 1x28x28"));
    }

    #[test]
    fn features_are_named_and_a_manifest_without_them_says_nothing_of_them() {
        let mut manifest = manifest();
        assert!(!text(&manifest).contains("features"));
        manifest.features = Some(HandMade::EdgesHog);
        manifest.preprocess.size = [64; 2];
        manifest.net.image_size = [1, HandMade::EdgesHog.columns()];
        assert!(text(&manifest).contains(r#""features":"edges_hog""#));
        assert_eq!(Manifest::parse(&text(&manifest)), Ok(manifest));
    }
}
