//! What rungs were worth on data where the truth is known, by the number of labels: what a figure of few pictures is weighed against.

use serde::{Deserialize, Serialize};
use std::sync::LazyLock;
use striate_train::metrics::temperature::Expected;

/// Spread of a rung that was never tried, about the mean of the others.
const UNKNOWN: f64 = 0.2;
/// What is expected of the temperature of such a rung.
const ANY: Expected = Expected { ln: 0.0, deviation: 1.0 };

/// What is known of rungs before a picture was seen. Worths are chance-corrected balanced accuracies, 0 for guessing and 1 for always
/// right, less their mean over rungs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prior {
    /// Names of the rungs.
    pub rungs: Vec<String>,
    /// By labels per class, rising.
    pub sizes: Vec<SizePrior>,
}

/// What is known with so many labels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SizePrior {
    /// Labels per class.
    pub labels: f64,
    /// Mean worth of each rung.
    pub mean: Vec<f64>,
    /// Covariance of the worths over kinds of data, a row for each rung.
    pub covariance: Vec<Vec<f64>>,
    /// By how much the chance-corrected accuracy of a rung fitted to all labels exceeds its worth out of fold.
    pub gain: Vec<f64>,
    /// By how much it exceeds its chance-corrected accuracy out of fold: the mean and the standard deviation over sets.
    pub accuracy_gain: Vec<[f64; 2]>,
    /// Variance of the out-of-fold figure around the truth, as a multiple of what the pictures' own spread explains.
    pub noise: f64,
    /// Mean natural logarithm of the rung's temperature, and its standard deviation.
    pub temperature: Vec<[f64; 2]>,
}

/// The rungs of one ladder, as the prior sees them.
pub(super) struct Seen {
    pub mean: Vec<f64>,
    pub covariance: Vec<Vec<f64>>,
    pub gain: Vec<f64>,
    pub noise: f64,
}

impl Prior {
    /// The prior that the program chooses by; docs/choice.md says how it was made.
    pub fn embedded() -> &'static Self {
        static PRIOR: LazyLock<Prior> =
            LazyLock::new(|| serde_json::from_str(include_str!("prior.json")).expect("prior.json is a prior"));
        &PRIOR
    }

    /// For rungs of these names, with `labels` per class: between two sizes the mean of both, by the logarithm.
    pub(super) fn of(&self, names: &[&str], labels: f64) -> Seen {
        let places: Vec<Option<usize>> =
            names.iter().map(|name| self.rungs.iter().position(|rung| rung == name)).collect();
        let between = self.between(labels);
        let mix = |f: &dyn Fn(&SizePrior) -> f64| between.iter().map(|(size, share)| share * f(size)).sum::<f64>();
        let of = |place: Option<usize>, f: &dyn Fn(&SizePrior, usize) -> f64| {
            place.map_or(0.0, |place| mix(&|size| f(size, place)))
        };
        let covariance = |i: usize, j: usize| match (places[i], places[j]) {
            (Some(a), Some(b)) => mix(&|size| size.covariance[a][b]),
            _ if i == j => UNKNOWN * UNKNOWN,
            _ => 0.0,
        };
        Seen {
            mean: places.iter().map(|&place| of(place, &|size, place| size.mean[place])).collect(),
            covariance: (0..names.len()).map(|i| (0..names.len()).map(|j| covariance(i, j)).collect()).collect(),
            gain: places.iter().map(|&place| of(place, &|size, place| size.gain[place])).collect(),
            noise: mix(&|size| size.noise),
        }
    }

    /// What is expected of the temperature of a rung with `labels` per class.
    pub fn temperature(&self, name: &str, labels: f64) -> Expected {
        let Some(place) = self.rungs.iter().position(|rung| rung == name) else { return ANY };
        let mix = |i: usize| self.between(labels).iter().map(|(size, share)| share * size.temperature[place][i]).sum();
        Expected { ln: mix(0), deviation: mix(1) }
    }

    /// By how much the balanced accuracy of a rung fitted to all labels may well exceed that out of fold: the mean over other data and one
    /// standard deviation.
    pub fn accuracy_gain(&self, name: &str, labels: f64, classes: usize) -> f64 {
        let Some(place) = self.rungs.iter().position(|rung| rung == name) else { return 0.0 };
        let mean = self
            .between(labels)
            .iter()
            .map(|(size, share)| share * size.accuracy_gain[place].iter().sum::<f64>())
            .sum::<f64>();
        // With more labels than were ever drawn, folds miss ever less: errors fall about as 1 / n.
        let beyond = self.sizes.last().map_or(1.0, |last| (last.labels / labels).min(1.0));
        mean * beyond * (1.0 - 1.0 / classes as f64)
    }

    /// The sizes around `labels` and the share of each.
    fn between(&self, labels: f64) -> Vec<(&SizePrior, f64)> {
        let above = self.sizes.iter().position(|size| size.labels >= labels);
        match above {
            None => self.sizes.last().map(|last| (last, 1.0)).into_iter().collect(),
            Some(0) => vec![(&self.sizes[0], 1.0)],
            Some(above) => {
                let (low, high) = (&self.sizes[above - 1], &self.sizes[above]);
                let share = libm::log(labels / low.labels) / libm::log(high.labels / low.labels);
                vec![(low, 1.0 - share), (high, share)]
            }
        }
    }
}
