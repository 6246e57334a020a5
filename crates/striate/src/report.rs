//! The answers of tasks as plain structs; their JSON is a contract that other programs lean on.

mod labels;

use crate::audit::Audit;
pub use crate::probe::{ProbeKind, ProbeReport};
pub use labels::{Extrapolation, LabelCurve, LabelDifference, LabelForecast, LabelPoint, LabelReport};
use serde::{Deserialize, Serialize};

/// Held-out figures of one classifier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Share of pictures labelled right, `[0, 1]`.
    pub accuracy: f64,
    /// Mean over classes of the share of the class labelled right, `[0, 1]`.
    pub balanced_accuracy: f64,
    /// 95 % interval of the balanced accuracy. Of one model on pictures of its own: percentile bootstrap over groups of pictures. Of a
    /// ladder's rungs and its choice: for a model that is fitted again to all pictures ([`striate_train::metrics::out_of_fold`]).
    pub ci95: [f64; 2],
    /// Pictures it was measured on.
    pub n: usize,
}

/// One step of the ladder: the simplest things first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rung {
    /// One of [`crate::train::RUNGS`].
    pub name: String,
    /// Out-of-fold or held-out figures.
    #[serde(flatten)]
    pub score: Score,
    /// Wall time it took.
    pub seconds: f64,
}

/// A rung that was not run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Skipped {
    /// The rung.
    pub name: String,
    /// Why, in a sentence.
    pub why: String,
}

/// A picture and its copy in an earlier given split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Leak {
    /// Name of the picture in the earlier split (train before valid before test).
    pub a: String,
    /// Name of its copy.
    pub b: String,
    /// How it was found.
    pub why: String,
}

/// The answer of `filter`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FilterReport {
    /// What was filtered.
    pub file: String,
    /// The answer's file.
    pub out: String,
    /// Weights of the kernel along each axis.
    pub kernel: Vec<usize>,
    /// Whether the kernel is a product of one list of weights for each axis, and was run as such.
    pub separable: bool,
    /// The answer's axes.
    pub shape: Vec<usize>,
    /// The least finite value.
    pub least: f32,
    /// The greatest finite value.
    pub greatest: f32,
    /// The values drawn black and white; null where the numbers themselves were written.
    pub drawn: Option<[f32; 2]>,
    /// What decoding the picture did or left out.
    pub notes: Vec<String>,
}

/// The answer of `train`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainReport {
    /// The run folder.
    pub run: String,
    /// The model file.
    pub model: String,
    /// The ladder, simplest first; empty when one model was asked for.
    pub rungs: Vec<Rung>,
    /// Rungs not run.
    pub skipped: Vec<Skipped>,
    /// The rung or model saved.
    pub chosen: String,
    /// What to expect of the model, in sentences that need no statistics; the first is the headline.
    pub verdict: Vec<String>,
    /// What the choice among rungs is worth: chosen without the fold that scores it. Null where nothing was held out.
    pub selected: Option<Score>,
    /// Figures on the test split; null where folds were used or leaks were found.
    pub test: Option<Score>,
    /// What more labels would buy; null where no ladder was climbed.
    pub labels: Option<LabelReport>,
    /// What codes keep of the pictures; absent but for an autoencoder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<CodeReport>,
    /// How well damage is undone; absent but for a restorer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restore: Option<RestoreReport>,
    /// Copies across given splits: one pair for each picture that has a copy in an earlier split.
    pub leaks: Vec<Leak>,
    /// What could make figures or labels worth less than they look.
    #[serde(default)]
    pub audit: Audit,
    /// Wall time.
    pub seconds: f64,
}

/// What the codes of an autoencoder keep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CodeReport {
    /// Numbers of a code.
    pub length: usize,
    /// Numbers of a picture.
    pub values: usize,
    /// Share of the training pictures' variance along each component, the largest first.
    pub explained_variance_ratio: Vec<f32>,
    /// Mean over held-out pictures of the peak signal-to-noise ratio of what comes back, in dB over all values in `[0, 1]`,
    /// cut off but not rounded. Null where nothing was held out.
    pub psnr: Option<f64>,
    /// The same of the mean picture, which a code of no number gives.
    pub psnr_of_mean: Option<f64>,
    /// Held-out pictures, or crops of such.
    pub n: usize,
    /// Whether it was measured on crops side by side in place of whole pictures.
    #[serde(default)]
    pub of_crops: bool,
    /// What codes tell of the classes beside other vectors, where pictures are labelled; absent where they are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<ProbeReport>,
}

/// How well a restorer undoes what held-out pictures suffered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RestoreReport {
    /// Mean over held-out pictures of the peak signal-to-noise ratio of what comes back, in dB over all values in `[0, 1]`,
    /// cut off but not rounded. Null where nothing was held out, or no clean picture is known.
    pub psnr: Option<f64>,
    /// The same of the damaged pictures, neither cut off nor rounded.
    pub psnr_of_damaged: Option<f64>,
    /// Held-out pictures.
    pub n: usize,
}

/// The answer of `restore`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RestoreFilesReport {
    /// Pictures restored.
    pub restored: Vec<RestoredFile>,
    /// Pictures whose answer was there already.
    pub known: usize,
    /// Pictures that could not be read.
    pub faults: Vec<Fault>,
}

/// A picture and its answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RestoredFile {
    /// The picture.
    pub file: String,
    /// The answer's file.
    pub out: String,
}

/// The answer of `reconstruct`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReconstructReport {
    /// Pictures written.
    pub pictures: Vec<ReconstructedFile>,
    /// Pictures whose answer was there already.
    pub known: usize,
    /// Pictures that could not be read.
    pub faults: Vec<Fault>,
}

/// A picture, or a row of codes, and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReconstructedFile {
    /// The picture, or the row.
    pub file: String,
    /// The answer's file.
    pub out: String,
    /// Peak signal-to-noise ratio against what the autoencoder was given, in dB over all values in `[0, 1]`; null for a code.
    pub psnr: Option<f64>,
}

/// Figures of one class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassScore {
    /// Its name.
    pub class: String,
    /// Of those labelled so, the share that is; null when none was labelled so.
    pub precision: Option<f64>,
    /// Of those that are, the share labelled so; null when there is none.
    pub recall: Option<f64>,
    /// Harmonic mean of both; null when one is null.
    pub f1: Option<f64>,
    /// Pictures of this class.
    pub n: usize,
}

/// The answer of `eval`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvalReport {
    /// `balanced_accuracy` or another metric asked for.
    pub metric: String,
    /// Its value.
    pub value: f64,
    /// 95 % interval of `value`: percentile bootstrap over groups of pictures.
    pub ci95: [f64; 2],
    /// Pictures scored.
    pub n: usize,
    /// Share of pictures labelled right.
    pub accuracy: f64,
    /// Figures by class, in the model's order.
    pub per_class: Vec<ClassScore>,
    /// `confusion[truth][predicted]`, in the model's order.
    pub confusion: Vec<Vec<usize>>,
    /// Damaged pictures left out.
    pub skipped: usize,
}

/// One line of `predict --json`: a labelled picture or why there is none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Prediction {
    /// A label.
    Labelled {
        /// The picture.
        file: String,
        /// The likeliest class; null where its probability is below `--min-confidence`.
        label: Option<String>,
        /// Probability of the likeliest class, `[0, 1]`.
        probability: f64,
        /// The likeliest classes, best first, at most five.
        top: Vec<(String, f64)>,
        /// Whether it is unlike the pictures that the model learned from; absent where the model cannot tell.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        unlike: Option<bool>,
        /// Its distance to them, as a multiple of the one beyond which it is unlike; absent where the model cannot tell.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        distance: Option<f64>,
    },
    /// No label.
    Failed {
        /// The picture.
        file: String,
        /// What is wrong and what to do.
        error: String,
    },
}

/// The answer of `embed`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EmbedReport {
    /// What made the vectors.
    pub with: String,
    /// Pictures that have a vector.
    pub rows: usize,
    /// Numbers of a vector.
    pub columns: usize,
    /// Vectors that this run computed.
    pub computed: usize,
    /// Vectors that an earlier run had computed.
    pub reused: usize,
    /// Pictures that could not be read.
    pub faults: Vec<Fault>,
    /// The table.
    pub out: String,
    /// The names and labels of its rows.
    pub names: String,
}

/// A picture that could not be read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    /// The picture.
    pub file: String,
    /// What is wrong and what to do.
    pub error: String,
}
