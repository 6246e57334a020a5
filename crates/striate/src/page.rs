//! What `report.html` shows, as plain data: filled by the tasks, drawn by [`crate::html`].

use crate::report::{ClassScore, TrainReport};

/// A small picture, already encoded.
#[derive(Clone, Debug)]
pub struct Thumb {
    /// JPEG or PNG bytes.
    pub bytes: Vec<u8>,
    /// `image/jpeg` or `image/png`.
    pub mime: &'static str,
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

/// Pictures of one class.
#[derive(Clone, Debug)]
pub struct ClassGlance {
    /// Its name.
    pub class: String,
    /// Pictures in train, valid and test; where no splits are given all stand in the first.
    pub counts: [usize; 3],
    /// A few examples with their names.
    pub examples: Vec<(String, Thumb)>,
}

/// Two pictures that look the same.
#[derive(Clone, Debug)]
pub struct Twins {
    /// Name and picture of the one.
    pub a: (String, Option<Thumb>),
    /// Name and picture of the other.
    pub b: (String, Option<Thumb>),
    /// How it was found.
    pub why: String,
    /// Whether they stand in different given splits.
    pub leak: bool,
}

/// The data at a glance.
#[derive(Clone, Debug, Default)]
pub struct DataGlance {
    /// As the user named it.
    pub source: String,
    /// Whether the splits were given.
    pub given_splits: bool,
    /// By class.
    pub classes: Vec<ClassGlance>,
    /// Damaged pictures: name and why.
    pub skipped: Vec<(String, String)>,
    /// Near-duplicates (at most some tens; `twins_total` counts all).
    pub twins: Vec<Twins>,
    /// All near-duplicate pairs found.
    pub twins_total: usize,
    /// Remarks, such as an ignored ICC profile, each with how many pictures it holds for.
    pub notes: Vec<(String, usize)>,
}

/// One measured point of a training curve.
#[derive(Clone, Debug)]
pub struct CurvePoint {
    /// Epochs finished.
    pub epoch: f64,
    /// Mean training loss of the epoch.
    pub train_loss: f64,
    /// Loss on pictures held out, where there are some.
    pub valid_loss: Option<f64>,
    /// Balanced accuracy on pictures held out.
    pub valid_accuracy: Option<f64>,
}

/// A training curve.
#[derive(Clone, Debug)]
pub struct Curve {
    /// Which training it was.
    pub name: String,
    /// Its points.
    pub points: Vec<CurvePoint>,
}

/// A picture that was labelled wrong, out of fold or held out.
#[derive(Clone, Debug)]
pub struct Mistake {
    /// Its name.
    pub file: String,
    /// The picture.
    pub thumb: Option<Thumb>,
    /// Index of the true class.
    pub truth: usize,
    /// Index of the class given.
    pub predicted: usize,
    /// Probability of the class given.
    pub probability: f64,
}

/// Predictions against truth.
#[derive(Clone, Debug, Default)]
pub struct Confusion {
    /// Class names.
    pub classes: Vec<String>,
    /// `counts[truth][predicted]`.
    pub counts: Vec<Vec<usize>>,
    /// Mistaken pictures, surest first (may be fewer than the counts say).
    pub mistakes: Vec<Mistake>,
    /// On what: `5-fold cross-validation, out of fold` or `the test split`.
    pub measured_on: String,
}

/// One bin of a reliability diagram.
#[derive(Clone, Debug)]
pub struct CalibrationBin {
    /// Mean probability given to the predicted class.
    pub confidence: f64,
    /// Share labelled right.
    pub accuracy: f64,
    /// Pictures in the bin.
    pub n: usize,
}

/// How far probabilities can be taken at their word.
#[derive(Clone, Debug, Default)]
pub struct Calibration {
    /// Bins of equal width that hold pictures.
    pub bins: Vec<CalibrationBin>,
    /// Expected calibration error (Guo et al. 2017), in `[0, 1]`.
    pub ece: f64,
    /// Brier score (Brier 1950): mean squared distance of probabilities to the truth, summed over classes, in `[0, 2]`.
    pub brier: f64,
}

/// What augmentation does to some pictures: a row each, the original first.
#[derive(Clone, Debug, Default)]
pub struct AugmentSheet {
    /// Rows of pictures.
    pub rows: Vec<Vec<Thumb>>,
    /// What is drawn, in words: `shift up to 10 %, horizontal flip`.
    pub summary: String,
}

/// A picture and what came back of it.
#[derive(Clone, Debug)]
pub struct Restored {
    /// Its name.
    pub file: String,
    /// As it was encoded.
    pub original: Thumb,
    /// What it suffered in between, and its peak signal-to-noise ratio then, in dB.
    pub damaged: Option<(Thumb, f64)>,
    /// As it came back.
    pub restored: Thumb,
    /// Peak signal-to-noise ratio, in dB.
    pub psnr: f64,
}

/// What an autoencoder keeps of pictures.
#[derive(Clone, Debug, Default)]
pub struct CodeSheet {
    /// The mean picture.
    pub mean: Option<Thumb>,
    /// The first components around gray, the one of most variance first; where they were not solved for, what each of the code's
    /// most moving numbers changes.
    pub components: Vec<Thumb>,
    /// From the code of one held-out picture to that of another, in equal steps.
    pub between: Vec<Vec<Thumb>>,
    /// Held-out pictures, spread from the worst restored to the best.
    pub restored: Vec<Restored>,
}

/// What a restorer makes of damaged pictures.
#[derive(Clone, Debug, Default)]
pub struct RestoreSheet {
    /// Held-out pictures.
    pub restored: Vec<Restored>,
}

/// Everything on the page.
#[derive(Clone, Debug)]
pub struct Page {
    /// Headline, such as the data's name.
    pub title: String,
    /// The figures.
    pub report: TrainReport,
    /// How the rungs were judged: `5-fold cross-validation over groups` or `a held-out fifth`.
    pub judged_by: String,
    /// The data.
    pub data: DataGlance,
    /// Training curves.
    pub curves: Vec<Curve>,
    /// Confusion of the chosen rung.
    pub confusion: Option<Confusion>,
    /// Figures by class of the chosen rung.
    pub per_class: Vec<ClassScore>,
    /// Calibration of the chosen rung.
    pub calibration: Option<Calibration>,
    /// Augmentation, where a net was trained with it.
    pub augment: Option<AugmentSheet>,
    /// What codes keep, of an autoencoder.
    pub code: Option<CodeSheet>,
    /// What a restorer makes of damaged pictures.
    pub restore: Option<RestoreSheet>,
    /// Pictures of what the audit found, by name.
    pub audit: Vec<(String, Thumb)>,
    /// Warnings, as they were printed.
    pub warnings: Vec<String>,
    /// Provenance: recipe, seed, fingerprint, version, machine, threads, time.
    pub provenance: Vec<(String, String)>,
    /// The exact command that reruns it.
    pub command: String,
}
