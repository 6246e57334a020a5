//! A recipe: everything that decides what a training gives, as one commented TOML file.

use serde::{Deserialize, Serialize};
use striate_data::augment::{Augment, AugmentError};
use striate_data::preprocess::{Filter, PreprocessError, Resize};

use crate::damage::{Damage, DamageError};

mod steps;

pub use steps::{OptimizerPart, Rule, Schedule};

/// Everything that decides what a training gives, but the data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// The net.
    pub model: ModelPart,
    /// What pictures are turned into.
    #[serde(default)]
    pub input: InputPart,
    /// Epochs, batches, and what bends the loss.
    pub train: TrainPart,
    /// How weights move; Adam where not given.
    #[serde(default, skip_serializing_if = "OptimizerPart::is_default")]
    pub optimizer: OptimizerPart,
    /// How the learning rate moves.
    #[serde(default)]
    pub schedule: Schedule,
    /// How training pictures are changed; all off unless said.
    #[serde(default)]
    pub augment: Augment,
    /// Squares cut from the pictures; whole pictures where not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crops: Option<CropsPart>,
    /// What a restorer learns to undo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub damage: Option<Damage>,
    /// The run that this recipe was written by; not part of what is trained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunPart>,
}

/// The net to train.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelPart {
    /// A name that `striate models` lists.
    pub name: String,
    /// Width of the net's blocks, where it has a choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<usize>,
    /// Dropout before the last layer, `[0, 1)`; the net's own where not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropout: Option<f64>,
    /// Residual blocks or layers, of a restorer that has a choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<usize>,
    /// Numbers of a code, of an autoencoder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<usize>,
    /// Numbers of each layer between picture and code, of the `dense_autoencoder`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hidden: Vec<usize>,
    /// Numbers of each layer between code and picture; those of `hidden` backwards where not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decoder_hidden: Option<Vec<usize>>,
    /// Whether the decoder's weights are the encoder's, transposed, of the `linear_autoencoder`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tied: bool,
    /// Whether it begins with the pictures' principal components, of a `dense_autoencoder` without layers between.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub from_components: bool,
}

/// Squares cut from the pictures at random.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CropsPart {
    /// Side in pixels.
    pub size: usize,
    /// What both sides of a picture are multiplied by first, `(0, 1]`.
    #[serde(default = "one")]
    pub scale: f64,
    /// Longer sides beyond so many pixels are brought down to it in training, where given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longest: Option<usize>,
    /// Crops of an epoch.
    pub per_epoch: usize,
}

fn one() -> f64 {
    1.0
}

/// What a net that gives pictures loses where they differ from those wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PixelLoss {
    /// The mean of squares.
    #[default]
    Mse,
    /// The mean of absolute values.
    L1,
    /// 1 minus multi-scale structural similarity.
    MsSsim,
    /// 0.84 of [`PixelLoss::MsSsim`] and 0.16 of [`PixelLoss::L1`], on values in `[0, 1]`.
    Mixed,
}

/// Colours kept from the pictures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InputColour {
    /// Gray when every training picture is gray, RGB otherwise.
    #[default]
    Auto,
    /// One channel.
    Gray,
    /// Three channels.
    Rgb,
}

/// What pictures are turned into before the net.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InputPart {
    /// Side of the square input in pixels; the pictures' own size, at most 64, where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_size: Option<usize>,
    /// Colours kept.
    pub colour: InputColour,
    /// How a picture that is not square becomes square.
    pub resize: Resize,
    /// Resampling filter, always antialiased.
    pub filter: Filter,
}

impl Default for InputPart {
    fn default() -> Self {
        Self {
            image_size: None,
            colour: InputColour::Auto,
            resize: Resize::CropCentre { fraction: 1.0 },
            filter: Filter::Bilinear,
        }
    }
}

/// Weight of a class in the loss.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClassWeights {
    /// Balanced where the largest class has more than three times the pictures of the smallest.
    #[default]
    Auto,
    /// Every picture counts the same.
    None,
    /// Every class counts the same.
    Balanced,
}

/// Epochs, batches, and what bends the loss.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainPart {
    /// Passes over the training pictures.
    pub epochs: usize,
    /// Pictures a step.
    pub batch: usize,
    /// Decides the first weights, the order, augmentation and dropout.
    #[serde(default)]
    pub seed: u64,
    /// Share of the target given to all classes alike, `[0, 1)` (Szegedy et al. 2016).
    #[serde(default)]
    pub label_smoothing: f64,
    /// Weight of a class in the loss.
    #[serde(default)]
    pub class_weights: ClassWeights,
    /// What a net that gives pictures loses.
    #[serde(default)]
    pub loss: PixelLoss,
    /// Decay of the exponential moving average of the weights; 0 keeps none.
    #[serde(default)]
    pub ema_decay: f64,
    /// Stops after this many epochs without a better validation loss and keeps the best weights; 0 never stops.
    #[serde(default)]
    pub patience: usize,
    /// Share of the training pictures held out for validation where the data has no such split.
    #[serde(default = "a_tenth")]
    pub valid_fraction: f64,
}

fn a_tenth() -> f64 {
    0.1
}

/// The run that a recipe was written by: with it, `recipe.toml` alone reruns the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunPart {
    /// The data as the user named it.
    pub data: String,
    /// Hash of the pictures, their names and labels.
    pub fingerprint: String,
    /// Whether the whole ladder was run; the recipe is then that of its trained rung.
    pub ladder: bool,
    /// The one rung of the ladder that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rung: Option<String>,
    /// Seconds the ladder plans for.
    pub budget_s: u64,
    /// Regular expression on file names whose first capture names the group of a picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_by: Option<String>,
    /// Whether a damaged picture is an error.
    pub strict: bool,
    /// Whether leaks between given splits are let pass.
    pub allow_leaks: bool,
    /// The command as it was typed.
    pub command: String,
}

/// A recipe that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RecipeError {
    /// Not TOML, or a field that is missing, unknown or of the wrong type.
    #[error("{0}")]
    Syntax(#[from] toml::de::Error),
    /// A resize out of its range.
    #[error("input: {0}")]
    Resize(#[from] PreprocessError),
    /// An augmentation out of its range.
    #[error(transparent)]
    Augment(#[from] AugmentError),
    /// A damage out of its range.
    #[error(transparent)]
    Damage(#[from] DamageError),
    /// A value out of its range.
    #[error("{field} is {got}; it must be {must}")]
    Value {
        /// Where, as a TOML path.
        field: &'static str,
        /// What stands there.
        got: String,
        /// What may stand there.
        must: &'static str,
    },
}

impl Recipe {
    /// Reads and checks a recipe.
    pub fn parse(text: &str) -> Result<Self, RecipeError> {
        let recipe: Self = toml::from_str(text)?;
        recipe.validate()?;
        Ok(recipe)
    }

    /// The recipe as TOML, every field given.
    ///
    /// # Panics
    /// Never: every field has a TOML form.
    pub fn to_toml(&self) -> String {
        toml::to_string_pretty(self).expect("a recipe has a TOML form")
    }

    /// Checks every range.
    pub fn validate(&self) -> Result<(), RecipeError> {
        let t = &self.train;
        let o = &self.optimizer;
        let size = self.input.image_size;
        check("train.epochs", t.epochs, (1..=100_000).contains(&t.epochs), "1 to 100000")?;
        check("train.batch", t.batch, (1..=65_536).contains(&t.batch), "1 to 65536")?;
        check("train.label_smoothing", t.label_smoothing, (0.0..1.0).contains(&t.label_smoothing), "in [0, 1)")?;
        check("train.ema_decay", t.ema_decay, (0.0..1.0).contains(&t.ema_decay), "in [0, 1)")?;
        check("train.valid_fraction", t.valid_fraction, (0.0..=0.5).contains(&t.valid_fraction), "in [0, 0.5]")?;
        check("optimizer.lr", o.lr, o.lr > 0.0 && o.lr <= 1e3, "above 0 and at most 1000")?;
        check("optimizer.momentum", o.momentum, (0.0..1.0).contains(&o.momentum), "in [0, 1)")?;
        check("optimizer.betas", o.betas, o.betas.iter().all(|b| (0.0..1.0).contains(b)), "in [0, 1)")?;
        check("optimizer.eps", o.eps, o.eps > 0.0 && o.eps < 1.0, "above 0 and below 1")?;
        check("optimizer.weight_decay", o.weight_decay, (0.0..=10.0).contains(&o.weight_decay), "in [0, 10]")?;
        check("optimizer.clip_norm", o.clip_norm, o.clip_norm >= 0.0 && o.clip_norm.is_finite(), "0 or more")?;
        if let Some(size) = size {
            check("input.image_size", size, (1..=2048).contains(&size), "1 to 2048")?;
        }
        if let Some(code) = self.model.code {
            check("model.code", code, (1..=1 << 20).contains(&code), "1 to 1048576")?;
        }
        if let Some(dropout) = self.model.dropout {
            check("model.dropout", dropout, (0.0..1.0).contains(&dropout), "in [0, 1)")?;
        }
        if let Some(CropsPart { size, scale, longest, per_epoch }) = self.crops {
            check("crops.size", size, (8..=1024).contains(&size), "8 to 1024")?;
            check("crops.scale", scale, scale > 0.0 && scale <= 1.0, "above 0 and at most 1")?;
            let fits = longest.is_none_or(|longest| (size..=65_536).contains(&longest));
            check("crops.longest", longest, fits, "from crops.size to 65536")?;
            check("crops.per_epoch", per_epoch, (1..=100_000_000).contains(&per_epoch), "1 to 100000000")?;
        }
        if let Some(damage) = &self.damage {
            damage.check()?;
            let whole = !matches!(damage, Damage::Holes { .. } | Damage::Blind { .. });
            let fits = whole || matches!(t.loss, PixelLoss::Mse | PixelLoss::L1);
            check("train.loss", t.loss, fits, "\"mse\" or \"l1\" where only some pixels are asked for")?;
        }
        let similar = matches!(t.loss, PixelLoss::MsSsim | PixelLoss::Mixed);
        let side = self.crops.as_ref().map(|part| part.size).or(size).unwrap_or(11);
        check("train.loss", t.loss, !similar || side >= 11, "\"mse\" or \"l1\" for pictures below 11 pixels a side")?;
        self.input.resize.check()?;
        self.augment.check()?;
        match &self.schedule {
            Schedule::Constant => Ok(()),
            Schedule::Step { gamma, .. } => check("schedule.gamma", gamma, *gamma > 0.0 && *gamma <= 1.0, "in (0, 1]"),
            Schedule::Cosine { warmup_epochs: w } => {
                check("schedule.warmup_epochs", w, (0.0..=t.epochs as f64).contains(w), "from 0 to train.epochs")
            }
            Schedule::OneCycle { rise, divide } => {
                check("schedule.rise", rise, *rise > 0.0 && *rise < 1.0, "in (0, 1)")?;
                check("schedule.divide", divide, *divide >= 1.0 && divide.is_finite(), "1 or more")
            }
        }
    }
}

fn check(field: &'static str, got: impl std::fmt::Debug, holds: bool, must: &'static str) -> Result<(), RecipeError> {
    if holds { Ok(()) } else { Err(RecipeError::Value { field, got: format!("{got:?}"), must }) }
}
