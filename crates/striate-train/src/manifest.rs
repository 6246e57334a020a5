//! What a model file says of itself: task, net, classes, preprocessing, provenance, metrics.
//!
//! The manifest is one metadata key of the safetensors file. It holds no date, host, path, thread count, instruction
//! set or duration, so that equal training gives equal bytes.

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
    /// Where it comes from.
    pub provenance: Provenance,
    /// Figures it was saved with, by name.
    pub metrics: std::collections::BTreeMap<String, f64>,
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
