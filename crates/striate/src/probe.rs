//! How much vectors of pictures tell of their classes: logistic regression on each kind, judged by the same folds.

use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};
use striate_train::heads::logistic::{Examples, Logistic, LogisticConfig};
use striate_train::metrics::interval::{Metric, ci95};
use striate_train::metrics::paired::{Pair, difference_ci95};
use striate_train::metrics::{Outcomes, balanced_accuracy, confusion};
use striate_vision::array::Array;
use striate_vision::pca::Pca;

use crate::encoder::Encoder;
use crate::error::Error;
use crate::event::{Event, Observer};
use crate::judge::{Judge, judge};
use crate::prepare::{PrepareOptions, Prepared, prepare};
use crate::stream::in_batches;

/// Pictures that are judged by cross-validation; of more, a fifth is held out.
const SMALL: usize = 3000;

/// What to hold against what.
#[derive(Clone, Debug)]
pub struct ProbeOptions {
    /// Labelled pictures.
    pub data: String,
    /// Kinds of vectors: those of [`crate::encoder::NAMES`], models, `pca:K`.
    pub with: Vec<String>,
    /// Regular expression that names groups.
    pub group_by: Option<String>,
    /// Whether a damaged picture is an error.
    pub strict: bool,
    /// Decides folds and bootstrap.
    pub seed: u64,
}

/// The answer of `probe`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProbeReport {
    /// How the kinds were judged.
    pub judged_by: String,
    /// Each kind, the best first.
    pub kinds: Vec<ProbeKind>,
}

/// What one kind of vectors tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProbeKind {
    /// What made the vectors.
    pub with: String,
    /// Numbers of a vector.
    pub length: usize,
    /// Out of fold, or on what was held out.
    pub balanced_accuracy: f64,
    /// 95 % interval: percentile bootstrap over groups.
    pub ci95: [f64; 2],
    /// 95 % interval of how much less that is than the best, on the same pictures; null for the best itself.
    pub behind_best: Option<[f64; 2]>,
    /// Pictures scored.
    pub n: usize,
}

/// One kind of vectors of all pictures that are judged with.
pub(crate) struct Kind {
    pub with: String,
    pub length: usize,
    /// `[N, D]`, by the pictures' places in [`Prepared::train`].
    pub rows: Vec<f32>,
    /// Principal components to take within each training part.
    pub components: Option<usize>,
}

/// Judges all kinds.
pub fn probe(options: &ProbeOptions, observer: Observer) -> Result<ProbeReport, Error> {
    let prepared = prepare(
        &PrepareOptions { data: options.data.clone(), group_by: options.group_by.clone(), strict: options.strict },
        observer,
    )?;
    prepared.warnings.iter().for_each(|warning| observer(Event::Warning(warning.clone())));
    let kinds = options.with.iter().map(|with| kind(&prepared, with, observer)).collect::<Result<Vec<_>, _>>()?;
    report(&prepared, &kinds, options.seed, observer)
}

/// The vectors that `with` names.
pub(crate) fn kind(prepared: &Prepared, with: &str, observer: Observer) -> Result<Kind, Error> {
    let components = match with.split_once(':') {
        Some(("pca", k)) => Some(k.parse().ok().filter(|k: &usize| (1..=1024).contains(k)).ok_or_else(|| {
            Error::request(format!("{with}: components are a whole number from 1 to 1024"), "give pca:32, for example")
        })?),
        _ => None,
    };
    let encoder = Encoder::open(if components.is_some() { "pixels" } else { with })?;
    let total = prepared.train.len();
    observer(Event::Stage(format!("making vectors of {total} pictures by {with}")));
    let load = |at: usize| {
        let picture = prepared.dataset.picture(prepared.train[at]);
        picture.map(|decoded| encoder.preprocess.apply(&decoded.picture)).map_err(|e| (at, e))
    };
    let (mut rows, mut outcome) = (Vec::new(), Ok(()));
    in_batches(total, encoder.batch(), load, |first, batch| {
        let made = || -> Result<Vec<f32>, Error> {
            let pictures: Result<Vec<Vec<f32>>, _> = batch.into_iter().collect();
            let pictures = pictures.map_err(|(at, source)| {
                let index = prepared.train[at];
                striate_data::loader::LoadError { index, name: prepared.dataset.name(index), source }
            })?;
            encoder.encode(&pictures)
        };
        match made() {
            Ok(made) => rows.extend(made),
            Err(e) => outcome = Err(e),
        }
        let done = (first + encoder.batch()).min(total) as u64;
        observer(Event::pictures(done, total as u64));
        if outcome.is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    outcome?;
    let length = rows.len() / total.max(1);
    Ok(Kind { with: with.to_string(), length: components.map_or(length, |k| k.min(length)), rows, components })
}

/// Logistic regression on each kind under the same rounds.
pub(crate) fn report(prepared: &Prepared, kinds: &[Kind], seed: u64, observer: Observer) -> Result<ProbeReport, Error> {
    let judge = judge(prepared, &prepared.train, SMALL, seed);
    let (truth, groups) = (prepared.labels_of(&judge.scored), prepared.groups_of(&judge.scored));
    let classes = prepared.classes().len();
    let mut judged = Vec::new();
    for kind in kinds {
        observer(Event::Stage(format!("judging {} numbers by {}", kind.length, kind.with)));
        let predicted = predicted(prepared, &judge, kind, seed)?;
        let outcomes = Outcomes { truth: &truth, predicted: &predicted, classes };
        let accuracy = balanced_accuracy(&confusion(&outcomes));
        let interval = ci95(Metric::BalancedAccuracy, &outcomes, &groups, seed);
        judged.push((kind, accuracy, interval, predicted));
    }
    judged.sort_by(|a, b| b.1.total_cmp(&a.1));
    let best = judged.first().map(|(.., predicted)| predicted.clone()).unwrap_or_default();
    let mut kinds = Vec::new();
    for (i, (kind, accuracy, ci95, predicted)) in judged.into_iter().enumerate() {
        let pair = Pair { truth: &truth, first: &best, second: &predicted, groups: &groups, classes };
        kinds.push(ProbeKind {
            with: kind.with.clone(),
            length: kind.length,
            balanced_accuracy: accuracy,
            ci95,
            behind_best: (i > 0).then(|| difference_ci95(&pair, seed)),
            n: truth.len(),
        });
    }
    Ok(ProbeReport { judged_by: judge.few_words(), kinds })
}

/// The class of each scored picture, in the judge's order.
fn predicted(prepared: &Prepared, judge: &Judge, kind: &Kind, seed: u64) -> Result<Vec<u32>, Error> {
    let width = kind.rows.len() / prepared.train.len();
    let rows = |pictures: &[usize]| -> Vec<f32> {
        let place = |i: &usize| prepared.train.binary_search(i).expect("judged pictures are training pictures");
        pictures.iter().flat_map(|i| &kind.rows[place(i) * width..][..width]).copied().collect()
    };
    let config =
        LogisticConfig { balanced: prepared.is_imbalanced(), seed, ..LogisticConfig::new(prepared.classes().len()) };
    let mut predicted = Vec::with_capacity(judge.scored.len());
    for round in &judge.few_rounds {
        let (mut train, mut score) = (rows(&round.train), rows(&round.score));
        if let Some(k) = kind.components {
            let table = |rows: Vec<f32>| Array::new(vec![rows.len() / width, width], rows);
            let (learned, scored) = (table(train), table(score));
            let pca = Pca::fit(&learned, k.min(width).min(round.train.len().saturating_sub(1)).max(1))?;
            (train, score) = (pca.transform(&learned)?.into_values(), pca.transform(&scored)?.into_values());
        }
        let (labels, groups) = (prepared.labels_of(&round.train), prepared.groups_of(&round.train));
        let Logistic { weight, bias, .. } =
            config.fit(&Examples { features: &train, labels: &labels, groups: &groups });
        let d = train.len() / round.train.len();
        let class = |row: &[f32]| {
            let logit = |k: usize| {
                let products = row.iter().zip(&weight[k * d..]).map(|(&x, &w)| f64::from(x) * f64::from(w));
                products.sum::<f64>() + f64::from(bias[k])
            };
            let logits: Vec<f64> = (0..bias.len()).map(logit).collect();
            striate_train::metrics::argmax(&logits)
        };
        predicted.extend(score.chunks_exact(d).map(class));
    }
    Ok(predicted)
}
