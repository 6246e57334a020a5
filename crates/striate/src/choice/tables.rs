//! What rules of choice are worth on the records of a study, and the prior that follows from them.
//!
//! The prior that chooses on a set is fitted without that set and without all sets of its source.

use crate::choice::prior::{Prior, SizePrior};
use crate::choice::study::{Record, RungRecord};
use crate::choice::{Evidence, choose, worth};
use crate::rungs::offer::place;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use striate_train::metrics::interval::Shares;
use striate_train::metrics::out_of_fold::out_of_fold_ci95;

/// What correlations between rungs over six sources are believed.
const BELIEVED: f64 = 0.7;
/// What the spread over sources is multiplied by: they are few, and the next one may be farther off.
const WIDER: f64 = 1.0;
/// Least standard deviation of a rung's worth over kinds of data.
const LEAST: f64 = 0.05;
/// Least standard deviation of the logarithm of a temperature.
const LEAST_TEMPERATURE: f64 = 0.1;

/// What a rule is worth on one set with so many labels.
#[derive(Clone, Debug, Serialize)]
pub struct Cell {
    /// The set.
    pub set: String,
    /// Labels per class.
    pub labels: usize,
    /// Draws.
    pub draws: usize,
    /// The rung with the best mean over the draws.
    pub best: String,
    /// That mean balanced accuracy.
    pub best_mean: f64,
    /// The mean of what each rule saved, by the rule's name, in the order of [`Tables::rules`].
    pub rules: Vec<f64>,
    /// Share of the draws whose 95 % interval holds the truth; null where nothing could be scored.
    pub coverage: Option<f64>,
    /// Mean of what averages of several rungs reach, in the order of [`Tables::averages`].
    pub averages: Vec<f64>,
}

/// All cells.
#[derive(Clone, Debug, Serialize)]
pub struct Tables {
    /// Names of the rules; the first is the one that `train` uses.
    pub rules: Vec<String>,
    /// Names of the averages of several rungs.
    pub averages: Vec<String>,
    /// The cells, by labels and set.
    pub cells: Vec<Cell>,
    /// Mean balanced accuracy of each rung, by labels: rows of (labels, rung, set, mean, draws).
    pub rungs: Vec<(usize, String, String, f64, usize)>,
}

/// A rule that is compared: the place of the rung that it saves.
type Rule = fn(&Record) -> usize;

const OTHER_RULES: [(&str, Rule); 5] = [
    ("simplest within 1.96 standard errors of the best", |record| within(record, 1.96)),
    ("simplest within one standard error", |record| within(record, 1.0)),
    ("highest held-out accuracy", |record| within(record, 0.0)),
    ("least held-out log loss", |record| least(record, |rung| rung.held_out_log_loss)),
    ("least held-out Brier score", |record| least(record, |rung| Some(rung.held_out_brier.iter().sum()))),
];

/// Scores the rules on all records.
pub fn tables(records: &[Record]) -> Tables {
    let sources: BTreeSet<&str> = records.iter().map(Record::source).collect();
    let priors: BTreeMap<&str, Prior> = sources
        .into_iter()
        .map(|source| (source, fit(&records.iter().filter(|r| r.source() != source).collect::<Vec<_>>())))
        .collect();
    let mut cells: BTreeMap<(usize, &str), Vec<&Record>> = BTreeMap::new();
    for record in records {
        cells.entry((record.labels_per_class, &record.set)).or_default().push(record);
    }
    let mut rules = vec!["figures weighed against the prior".to_string()];
    rules.extend(OTHER_RULES.iter().map(|(name, _)| (*name).to_string()));
    rules.push("prior alone".into());
    let averages = records.first().map_or(Vec::new(), |record| record.averages.iter().map(|a| a.0.clone()).collect());
    let mut rungs = Vec::new();
    let cells = cells
        .into_iter()
        .map(|((labels, set), records)| {
            let prior = &priors[records[0].source()];
            let means = means(&records);
            rungs.extend(means.iter().map(|(name, (mean, n))| (labels, name.clone(), set.to_string(), *mean, *n)));
            let (best, (best_mean, _)) =
                means.iter().reduce(|a, b| if b.1.0 > a.1.0 { b } else { a }).expect("a cell has rungs");
            let mean = |f: &dyn Fn(&Record) -> f64| records.iter().map(|r| f(r)).sum::<f64>() / records.len() as f64;
            let mut rules = vec![mean(&|r| r.rungs[by_prior(prior, r, &|_| true)].truth)];
            for (_, rule) in OTHER_RULES {
                rules.push(if labels > 1 { mean(&|r| r.rungs[rule(r)].truth) } else { f64::NAN });
            }
            rules.push(mean(&|r| r.rungs[by_prior(prior, r, &|_| false)].truth));
            Cell {
                set: set.to_string(),
                labels,
                draws: records.len(),
                best: best.clone(),
                best_mean: *best_mean,
                rules,
                coverage: (labels > 1).then(|| mean(&|r| f64::from(u8::from(covers(prior, r))))),
                averages: (0..averages.len()).map(|i| mean(&|r| r.averages[i].1)).collect(),
            }
        })
        .collect();
    Tables { rules, averages, cells, rungs }
}

/// Mean truth of each rung over the draws that it was tried in, simplest first, and their number.
fn means(records: &[&Record]) -> Vec<(String, (f64, usize))> {
    let mut sums: BTreeMap<usize, (String, f64, usize)> = BTreeMap::new();
    for rung in records.iter().flat_map(|record| &record.rungs) {
        let sum = sums.entry(place(&rung.name)).or_insert_with(|| (rung.name.clone(), 0.0, 0));
        (sum.1, sum.2) = (sum.1 + rung.truth, sum.2 + 1);
    }
    sums.into_values().map(|(name, sum, n)| (name, (sum / n as f64, n))).collect()
}

/// The choice of `train` by the pictures for which `counts` holds.
fn by_prior(prior: &Prior, record: &Record, counts: &dyn Fn(usize) -> bool) -> usize {
    let kept: Vec<usize> = (0..record.labels.len()).filter(|&i| counts(i)).collect();
    let labels: Vec<u32> = kept.iter().map(|&i| record.labels[i]).collect();
    let worths: Vec<Vec<f64>> = worths(record).iter().map(|all| kept.iter().map(|&i| all[i]).collect()).collect();
    choose(prior, &evidence(record, &labels, &worths, kept.iter().map(|&i| record.groups[i]).collect())).rung
}

/// What the answers of each rung are worth, picture by picture.
fn worths(record: &Record) -> Vec<Vec<f64>> {
    let of = |rung: &RungRecord| {
        rung.right.iter().zip(&rung.held_out_brier).map(|(&r, &b)| worth(r, b, record.classes)).collect()
    };
    record.rungs.iter().map(of).collect()
}

fn evidence<'a>(record: &'a Record, labels: &'a [u32], worths: &'a [Vec<f64>], groups: Vec<u32>) -> Evidence<'a> {
    Evidence {
        names: record.rungs.iter().map(|rung| rung.name.as_str()).collect(),
        worth: worths.iter().map(Vec::as_slice).collect(),
        labels,
        groups,
        classes: record.classes,
        per_class: record.labels_per_class as f64,
    }
}

/// Whether the interval of the choice, made without the part that scores it, holds what the saved model is worth.
fn covers(prior: &Prior, record: &Record) -> bool {
    let chosen = &record.rungs[by_prior(prior, record, &|_| true)];
    let gain = prior.accuracy_gain(&chosen.name, record.labels_per_class as f64, record.classes);
    let mut right = vec![0.0; record.labels.len()];
    for part in record.parts.iter().copied().collect::<BTreeSet<u8>>() {
        let rung = by_prior(prior, record, &|i| record.parts[i] != part);
        for i in (0..right.len()).filter(|&i| record.parts[i] == part) {
            right[i] = record.rungs[rung].right[i];
        }
    }
    let shares = Shares { right: &right, truth: &record.labels, classes: record.classes };
    let [low, high] = out_of_fold_ci95(&shares, &record.groups, gain);
    (low..=high).contains(&chosen.truth)
}

fn least(record: &Record, loss: impl Fn(&RungRecord) -> Option<f64>) -> usize {
    let losses: Vec<f64> = record.rungs.iter().map(|rung| loss(rung).unwrap_or(f64::INFINITY)).collect();
    (1..losses.len()).fold(0, |best, i| if losses[i] < losses[best] { i } else { best })
}

/// The simplest rung whose held-out accuracy lies within so many standard errors of the paired difference to the best.
fn within(record: &Record, errors: f64) -> usize {
    let right: Vec<Vec<f64>> = record.rungs.iter().map(|rung| rung.right.clone()).collect();
    let (figures, covariance) = evidence(record, &record.labels, &right, record.groups.clone()).spread();
    let best = (1..figures.len()).fold(0, |best, i| if figures[i] > figures[best] { i } else { best });
    let ties = |&i: &usize| {
        let variance = covariance[best][best] + covariance[i][i] - 2.0 * covariance[best][i];
        figures[best] - figures[i] <= errors * variance.max(0.0).sqrt()
    };
    (0..best).find(ties).unwrap_or(best)
}

/// The prior that follows from records; every source counts the same, and in it every set.
pub fn fit(records: &[&Record]) -> Prior {
    let rungs: BTreeSet<(usize, &str)> =
        records.iter().flat_map(|r| r.rungs.iter().map(|rung| (place(&rung.name), rung.name.as_str()))).collect();
    let rungs: Vec<String> = rungs.into_iter().map(|(_, name)| name.to_string()).collect();
    let sizes: BTreeSet<usize> = records.iter().map(|record| record.labels_per_class).collect();
    let of = |n: usize| records.iter().copied().filter(|record| record.labels_per_class == n).collect::<Vec<_>>();
    let mut fitted: Vec<SizePrior> = sizes.iter().map(|&n| fit_size(n, &rungs, &of(n))).collect();
    for (i, name) in rungs.iter().enumerate() {
        let tried = |n: &usize| of(*n).iter().any(|r| r.rungs.iter().any(|rung| rung.name == *name));
        let known: Vec<usize> = (0..sizes.len()).filter(|&at| sizes.iter().nth(at).is_some_and(tried)).collect();
        for at in (0..fitted.len()).filter(|at| !known.contains(at)) {
            let away = |other: &&usize| libm::log(fitted[**other].labels / fitted[at].labels).abs();
            let nearest =
                known.iter().min_by(|a, b| away(a).total_cmp(&away(b))).expect("a rung of a record was tried");
            let from = fitted[*nearest].clone();
            borrow(&mut fitted[at], &from, i);
        }
    }
    Prior { rungs, sizes: fitted }
}

/// What is known of a rung with the nearest number of labels that it was tried with.
fn borrow(to: &mut SizePrior, from: &SizePrior, rung: usize) {
    to.mean[rung] = from.mean[rung];
    to.gain[rung] = from.gain[rung];
    to.accuracy_gain[rung] = from.accuracy_gain[rung];
    to.temperature[rung] = from.temperature[rung];
    for other in 0..to.mean.len() {
        to.covariance[rung][other] = from.covariance[rung][other];
        to.covariance[other][rung] = from.covariance[other][rung];
    }
}

/// Means over the draws of one set, by rung; none where a rung was not tried.
struct SetMeans {
    weight: f64,
    worth: Vec<Option<f64>>,
    gain: Vec<Option<f64>>,
    accuracy_gain: Vec<Option<f64>>,
    noise: Option<f64>,
    temperature: Vec<Vec<f64>>,
}

fn fit_size(labels: usize, rungs: &[String], records: &[&Record]) -> SizePrior {
    let mut sets: BTreeMap<&str, Vec<&Record>> = BTreeMap::new();
    records.iter().for_each(|record| sets.entry(&record.set).or_default().push(record));
    let mut siblings: BTreeMap<&str, usize> = BTreeMap::new();
    sets.values().for_each(|records| *siblings.entry(records[0].source()).or_default() += 1);
    let sets: Vec<SetMeans> =
        sets.values().map(|records| set_means(rungs, records, siblings[records[0].source()])).collect();
    let weighted = |of: &dyn Fn(&SetMeans) -> Option<f64>| {
        let values: Vec<(f64, f64)> = sets.iter().filter_map(|set| Some((set.weight, of(set)?))).collect();
        let total: f64 = values.iter().map(|value| value.0).sum();
        (total > 0.0).then(|| values.iter().map(|(w, v)| w * v).sum::<f64>() / total)
    };
    let mean: Vec<f64> = (0..rungs.len()).map(|i| weighted(&|set| set.worth[i]).unwrap_or(0.0)).collect();
    let covariance = |i: usize, j: usize| {
        let product = |set: &SetMeans| Some((set.worth[i]? - mean[i]) * (set.worth[j]? - mean[j]));
        let value = WIDER * weighted(&product).unwrap_or(0.0);
        if i == j { value + LEAST * LEAST } else { BELIEVED * value }
    };
    let temperature = |i: usize| {
        let mean = weighted(&|set| average(&set.temperature[i])).unwrap_or(0.0);
        let square =
            |set: &SetMeans| average(&set.temperature[i].iter().map(|t| (t - mean) * (t - mean)).collect::<Vec<f64>>());
        [mean, weighted(&square).unwrap_or(1.0).sqrt().max(LEAST_TEMPERATURE)]
    };
    let accuracy_gain = |i: usize| {
        let mean = weighted(&|set| set.accuracy_gain[i]).unwrap_or(0.0);
        let square = |set: &SetMeans| set.accuracy_gain[i].map(|gain| (gain - mean) * (gain - mean));
        [mean, weighted(&square).unwrap_or(0.0).sqrt()]
    };
    let all = 0..rungs.len();
    SizePrior {
        labels: labels as f64,
        covariance: all.clone().map(|i| all.clone().map(|j| round(covariance(i, j))).collect()).collect(),
        gain: all.clone().map(|i| round(weighted(&|set| set.gain[i]).unwrap_or(0.0))).collect(),
        accuracy_gain: all.clone().map(|i| accuracy_gain(i).map(round)).collect(),
        noise: round(weighted(&|set| set.noise).unwrap_or(1.0)),
        temperature: all.map(|i| temperature(i).map(round)).collect(),
        mean: mean.into_iter().map(round).collect(),
    }
}

/// To the digits that a study of so many draws can give.
fn round(value: f64) -> f64 {
    (1e5 * value).round() / 1e5
}

fn average(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn set_means(rungs: &[String], records: &[&Record], siblings: usize) -> SetMeans {
    let chance = 1.0 / records[0].classes as f64;
    let corrected = |accuracy: f64| (accuracy - chance) / (1.0 - chance);
    let find = |record: &Record, name: &str| record.rungs.iter().position(|rung| rung.name == name);
    let over_draws = |of: &dyn Fn(&Record) -> Option<f64>| {
        average(&records.iter().filter_map(|record| of(record)).collect::<Vec<f64>>())
    };
    // Less the mean of the rungs that every draw has, on the same draws.
    let always: Vec<&String> =
        rungs.iter().filter(|name| records.iter().all(|record| find(record, name).is_some())).collect();
    let level = |record: &Record| {
        let truths = always.iter().filter_map(|name| Some(record.rungs[find(record, name)?].truth));
        corrected(truths.sum::<f64>() / always.len() as f64)
    };
    let worth = |name: &String| over_draws(&|r| Some(corrected(r.rungs[find(r, name)?].truth) - level(r)));
    let balanced = |record: &Record, right: &[f64]| {
        let shares = Shares { right, truth: &record.labels, classes: record.classes };
        (!record.labels.is_empty()).then(|| corrected(shares.balanced_accuracy()))
    };
    let figure = |record: &Record, i: usize| balanced(record, &worths(record)[i]);
    let accuracy = |record: &Record, i: usize| balanced(record, &record.rungs[i].right);
    let gain = |name: &String, figure: &dyn Fn(&Record, usize) -> Option<f64>| {
        over_draws(&|r| {
            let i = find(r, name)?;
            Some(corrected(r.rungs[i].truth) - figure(r, i)?)
        })
    };
    let gains: Vec<Option<f64>> = rungs.iter().map(|name| gain(name, &figure)).collect();
    let mut ratios = Vec::new();
    for record in records.iter().filter(|record| !record.labels.is_empty()) {
        let worths = worths(record);
        let (_, covariance) = evidence(record, &record.labels, &worths, record.groups.clone()).spread();
        let scale = 1.0 / ((1.0 - chance) * (1.0 - chance));
        let off = |i: usize| {
            let gain = gains[rungs.iter().position(|name| *name == record.rungs[i].name)?]?;
            Some(corrected(record.rungs[i].truth) - figure(record, i)? - gain)
        };
        for i in 0..record.rungs.len() {
            for j in 0..i {
                let (Some(a), Some(b)) = (off(i), off(j)) else { continue };
                let variance = scale * (covariance[i][i] + covariance[j][j] - 2.0 * covariance[i][j]);
                ratios.push((a - b) * (a - b) / variance.max(1e-9));
            }
        }
    }
    let temperatures = |name: &String| {
        records.iter().filter_map(|record| Some(record.rungs[find(record, name)?].ln_temperature)).collect()
    };
    SetMeans {
        weight: 1.0 / siblings as f64,
        worth: rungs.iter().map(worth).collect(),
        accuracy_gain: rungs.iter().map(|name| gain(name, &accuracy)).collect(),
        gain: gains.clone(),
        noise: average(&ratios),
        temperature: rungs.iter().map(temperatures).collect(),
    }
}
