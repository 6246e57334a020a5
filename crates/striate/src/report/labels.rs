//! What `train` says of the number of labels: label-efficiency curves and what more labels would buy.

use serde::{Deserialize, Serialize};

/// A figure at a number of labels a class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LabelPoint {
    /// Labels of each class that were learned from.
    pub labels: usize,
    /// Balanced accuracy, or a difference of two, on the pictures of the groups not drawn: the mean over draws.
    pub mean: f64,
    /// Its 95 % interval: percentile bootstrap over draws and over groups of pictures.
    pub ci95: [f64; 2],
    /// Draws.
    pub draws: usize,
}

/// How one way to learn gains from labels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LabelCurve {
    /// `pixels_centroid`, `pixels`, `efficientnet_lite0_centroid`, `efficientnet_lite0`.
    pub rung: String,
    /// Few labels first.
    pub points: Vec<LabelPoint>,
}

/// What one way to learn is ahead of another, on the same draws.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LabelDifference {
    /// The one.
    pub rung: String,
    /// The other.
    pub minus: String,
    /// Balanced accuracy of the one less that of the other.
    pub points: Vec<LabelPoint>,
}

/// A figure that was not measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LabelForecast {
    /// How often the labels that there are.
    pub times: f64,
    /// Labels of each class.
    pub labels: usize,
    /// Balanced accuracy expected.
    pub mean: f64,
    /// Its 95 % interval: the fit repeated on bootstrap samples of draws and groups.
    pub ci95: [f64; 2],
    /// 95 % interval of the gain over the same fit at the labels that there are.
    pub gain_ci95: [f64; 2],
}

/// `error(n) = floor + scale * n^-exponent`, fitted to a curve, and what follows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Extrapolation {
    /// The curve fitted.
    pub rung: String,
    /// Error left with any number of labels.
    pub floor: f64,
    /// Error above it with one label a class.
    pub scale: f64,
    /// How fast that falls.
    pub exponent: f64,
    /// At the labels that there are, at twice and at five times as many; empty where the fit is not to be trusted.
    pub forecasts: Vec<LabelForecast>,
    /// Why the fit is not to be trusted; null where it is.
    pub distrust: Option<String>,
}

/// What more labels would buy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LabelReport {
    /// Labels a class that there are: the harmonic mean over the classes, in which a small class weighs most.
    pub now: usize,
    /// Pictures that the curves were drawn from.
    pub pictures: usize,
    /// The curves.
    pub curves: Vec<LabelCurve>,
    /// Each curve against the one before it.
    pub differences: Vec<LabelDifference>,
    /// Beyond the labels that there are; null where there is no curve.
    pub extrapolation: Option<Extrapolation>,
    /// The answer in plain words.
    pub sentence: String,
}
