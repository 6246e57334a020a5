//! The ladder: simple things first, all judged on the same pictures, one of them chosen.

use crate::choice::prior::Prior;
use crate::choice::{Choice, Evidence, choose, worth};
use crate::error::Error;
use crate::event::{Event, Observer};
use crate::judge::Judge;
use crate::prepare::Prepared;
use crate::report;
use crate::rungs::Rung;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;
use striate_train::fit::EpochRecord;
use striate_train::infer::softmax;
use striate_train::metrics::interval::{Metric, Shares, ci95};
use striate_train::metrics::out_of_fold::out_of_fold_ci95;
use striate_train::metrics::temperature::{Expected, at, brier, temperature};
use striate_train::metrics::{self, Outcomes};

/// Labels given to the judged pictures, with their probabilities.
#[derive(Clone)]
pub struct Answers {
    /// Probabilities `[N][K]`.
    pub probabilities: Vec<Vec<f64>>,
    /// The likeliest class of each.
    pub predicted: Vec<u32>,
}

impl Answers {
    /// From logits, row-major `[N, K]`.
    pub fn new(logits: &[f32], classes: usize) -> Self {
        Self::of(softmax(logits, classes))
    }

    fn of(probabilities: Vec<Vec<f64>>) -> Self {
        let predicted = probabilities.iter().map(|row| metrics::argmax(row)).collect();
        Self { probabilities, predicted }
    }
}

/// One rung as it was judged.
pub struct Judged {
    /// Its figures.
    pub report: report::Rung,
    /// Of each judged picture the logits of all repeats, `[repeats * K]`.
    pub logits: Vec<Vec<f32>>,
    /// Of each judged picture the share of the repeats that labelled it right.
    pub right: Vec<f64>,
    /// Of each judged picture the Brier score of its probabilities, calibrated without the part that it lies in.
    pub brier: Vec<f64>,
    /// Training curves of its rounds.
    pub histories: Vec<Vec<EpochRecord>>,
    /// Distance of each judged picture to the nearest of those that its round learned from; none where the rung has no
    /// features.
    pub distances: Vec<f64>,
}

/// Truth about the judged pictures.
pub struct Truth {
    /// Class of each.
    pub labels: Vec<u32>,
    /// Group of each.
    pub groups: Vec<u32>,
    /// Number of classes.
    pub classes: usize,
}

impl Truth {
    /// Of some pictures.
    pub fn of(prepared: &Prepared, pictures: &[usize]) -> Self {
        let (labels, groups) = (prepared.labels_of(pictures), prepared.groups_of(pictures));
        Self { labels, groups, classes: prepared.classes().len() }
    }

    /// The figures of given answers of one model, to pictures that it did not learn from.
    pub fn score(&self, predicted: &[u32], seed: u64) -> report::Score {
        let outcomes = Outcomes { truth: &self.labels, predicted, classes: self.classes };
        let confusion = metrics::confusion(&outcomes);
        report::Score {
            accuracy: metrics::accuracy(&confusion),
            balanced_accuracy: metrics::balanced_accuracy(&confusion),
            ci95: ci95(Metric::BalancedAccuracy, &outcomes, &self.groups, seed),
            n: self.labels.len(),
        }
    }

    /// The figures out of fold, of a model that is fitted again to all pictures and by `gain` better for it: `right` is the share of right
    /// answers on each picture.
    pub fn score_out_of_fold(&self, right: &[f64], gain: f64) -> report::Score {
        let shares = Shares { right, truth: &self.labels, classes: self.classes };
        report::Score {
            accuracy: right.iter().sum::<f64>() / right.len() as f64,
            balanced_accuracy: shares.balanced_accuracy(),
            ci95: out_of_fold_ci95(&shares, &self.groups, gain),
            n: self.labels.len(),
        }
    }
}

/// What is known of a rung beforehand.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// Of the temperature of its answers.
    pub temperature: Expected,
    /// By how much its balanced accuracy is better when it is fitted to all pictures.
    pub gain: f64,
}

impl Known {
    /// By a prior, of a rung that learns from so many labels of each of so many classes.
    pub fn of(prior: &Prior, name: &str, labels: f64, classes: usize) -> Self {
        Self { temperature: prior.temperature(name, labels), gain: prior.accuracy_gain(name, labels, classes) }
    }
}

/// Judges one rung: a learning a round, scored on the round's other pictures. Nothing where `go_on`, asked before each round, says no.
pub fn judge_rung(
    rung: &dyn Rung,
    judge: &Judge,
    truth: &Truth,
    known: Known,
    seed: u64,
    observer: Observer,
    go_on: &dyn Fn() -> bool,
) -> Result<Option<Judged>, Error> {
    let start = Instant::now();
    let rounds = if rung.is_dear() { &judge.few_rounds } else { &judge.rounds };
    let place: BTreeMap<usize, usize> = judge.scored.iter().enumerate().map(|(at, &picture)| (picture, at)).collect();
    let mut logits: Vec<Vec<f32>> = vec![Vec::new(); judge.scored.len()];
    let mut distances: Vec<Option<f64>> = vec![None; judge.scored.len()];
    let mut histories = Vec::new();
    for (i, round) in rounds.iter().enumerate() {
        if !go_on() {
            return Ok(None);
        }
        let (of, name) = (rounds.len(), rung.name());
        observer(Event::Stage(if of > 1 { format!("{name}, fold {} of {of}", i + 1) } else { name.to_string() }));
        let compare = round.score.iter().any(|picture| distances[place[picture]].is_none());
        let answers = rung.answer(&format!("round{}", i + 1), round, seed, compare)?;
        for (picture, row) in round.score.iter().zip(answers.logits.chunks_exact(truth.classes)) {
            logits[place[picture]].extend(row);
        }
        let found = answers.distances.unwrap_or_default();
        round.score.iter().zip(found).for_each(|(picture, d)| distances[place[picture]] = Some(d));
        histories.push(answers.history);
    }
    let right: Vec<f64> = logits
        .iter()
        .zip(&truth.labels)
        .map(|(rows, &label)| {
            let repeats = rows.len() / truth.classes;
            let rows = rows.chunks_exact(truth.classes);
            let hits = rows.filter(|row| Answers::new(row, truth.classes).predicted[0] == label).count();
            hits as f64 / repeats.max(1) as f64
        })
        .collect();
    let score = truth.score_out_of_fold(&right, known.gain);
    let seconds = start.elapsed().as_secs_f64();
    let report = report::Rung { name: rung.name().to_string(), score, seconds };
    let distances = distances.into_iter().flatten().collect();
    let mut judged = Judged { report, logits, right, brier: Vec::new(), histories, distances };
    let rows = calibrated(&judged, judge, truth, known.temperature).probabilities;
    judged.brier = rows.iter().zip(&truth.labels).map(|(row, &label)| brier(row, label)).collect();
    Ok(Some(judged))
}

/// Chooses among judged rungs by the pictures for which `counts` holds; `per_class` is how many labels of each the model is to learn from.
pub fn choose_by(
    prior: &Prior,
    rungs: &[&Judged],
    truth: &Truth,
    per_class: f64,
    counts: &dyn Fn(usize) -> bool,
) -> Choice {
    let kept: Vec<usize> = (0..truth.labels.len()).filter(|&i| counts(i)).collect();
    let labels: Vec<u32> = kept.iter().map(|&i| truth.labels[i]).collect();
    let worth = |rung: &&Judged| kept.iter().map(|&i| worth(rung.right[i], rung.brier[i], truth.classes)).collect();
    let worths: Vec<Vec<f64>> = rungs.iter().map(worth).collect();
    let evidence = Evidence {
        names: rungs.iter().map(|rung| rung.report.name.as_str()).collect(),
        worth: worths.iter().map(Vec::as_slice).collect(),
        labels: &labels,
        groups: kept.iter().map(|&i| truth.groups[i]).collect(),
        classes: truth.classes,
        per_class,
    };
    choose(prior, &evidence)
}

/// What the choice among rungs is worth: each part of the judged pictures is labelled by the rung chosen on the others. The share of
/// right answers on each picture.
pub fn selected(prior: &Prior, rungs: &[&Judged], judge: &Judge, truth: &Truth, per_class: f64) -> Vec<f64> {
    let mut right = vec![0.0; truth.labels.len()];
    for part in parts(judge) {
        let choice = choose_by(prior, rungs, truth, per_class, &|i| judge.parts[i] != part);
        for i in (0..right.len()).filter(|&i| judge.parts[i] == part) {
            right[i] = rungs[choice.rung].right[i];
        }
    }
    right
}

/// The temperature of a judged rung, by all judged pictures.
pub fn temperature_of(judged: &Judged, truth: &Truth, expected: Expected) -> f64 {
    let (logits, labels) = repeated(judged, truth, &|_| true);
    temperature(&logits, &labels, truth.classes, expected)
}

/// Probabilities of the judged pictures, calibrated without the part that they lie in; means over repeats.
pub fn calibrated(judged: &Judged, judge: &Judge, truth: &Truth, expected: Expected) -> Answers {
    let mut probabilities = vec![Vec::new(); truth.labels.len()];
    for part in parts(judge) {
        let (logits, labels) = repeated(judged, truth, &|i| judge.parts[i] != part);
        let temperature = temperature(&logits, &labels, truth.classes, expected);
        for i in (0..probabilities.len()).filter(|&i| judge.parts[i] == part) {
            let rows = at(&judged.logits[i], truth.classes, temperature);
            let mean = |k: usize| rows.iter().map(|row| row[k]).sum::<f64>() / rows.len() as f64;
            probabilities[i] = (0..truth.classes).map(mean).collect();
        }
    }
    Answers::of(probabilities)
}

/// Logits of all repeats with the class of each row, of the pictures for which `counts` holds.
fn repeated(judged: &Judged, truth: &Truth, counts: &dyn Fn(usize) -> bool) -> (Vec<f32>, Vec<u32>) {
    let (mut logits, mut labels) = (Vec::new(), Vec::new());
    for (i, rows) in judged.logits.iter().enumerate().filter(|(i, _)| counts(*i)) {
        logits.extend(rows);
        labels.extend(vec![truth.labels[i]; rows.len() / truth.classes]);
    }
    (logits, labels)
}

/// The parts that hold pictures.
fn parts(judge: &Judge) -> BTreeSet<u8> {
    judge.parts.iter().copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A rung that is right on the pictures for which `right` holds, and sure of it.
    fn rung(name: &str, truth: &Truth, right: impl Fn(usize) -> bool) -> Judged {
        let answer = |i: usize| (truth.labels[i] as usize + usize::from(!right(i))) % truth.classes;
        let logits = |i: usize| (0..truth.classes).map(|k| if k == answer(i) { 9.0 } else { 0.0 }).collect();
        let logits: Vec<Vec<f32>> = (0..truth.labels.len()).map(logits).collect();
        let right: Vec<f64> = (0..truth.labels.len()).map(|i| f64::from(u8::from(right(i)))).collect();
        let report = report::Rung { name: name.into(), score: truth.score_out_of_fold(&right, 0.0), seconds: 0.0 };
        let brier = right.iter().map(|right| 2.0 * (1.0 - right)).collect();
        Judged { report, logits, right, brier, histories: Vec::new(), distances: Vec::new() }
    }

    fn truth() -> Truth {
        Truth { labels: (0..400).map(|i| i % 4).collect(), groups: (0..400).collect(), classes: 4 }
    }

    fn judge() -> Judge {
        let parts: Vec<u8> = (0..400).map(|i| (i / 4 % 5) as u8).collect();
        let (rounds, few_rounds, words) = (Vec::new(), Vec::new(), String::new());
        Judge { rounds, few_rounds, scored: (0..400).collect(), parts, words }
    }

    #[test]
    fn a_part_is_labelled_by_the_rung_chosen_on_the_others() {
        let (truth, judge) = (truth(), judge());
        // The first rung is right on part 0 only, the second everywhere else: part 0 must get the second's answers.
        let rungs = [rung("a", &truth, |i| judge.parts[i] == 0), rung("b", &truth, |i| judge.parts[i] != 0)];
        let right = selected(Prior::embedded(), &[&rungs[0], &rungs[1]], &judge, &truth, 100.0);
        for (right, part) in right.iter().zip(&judge.parts) {
            assert_eq!(*right == 1.0, *part != 0);
        }
    }

    #[test]
    fn a_rung_that_is_too_sure_is_calibrated_without_the_pictures_that_show_it() {
        let (truth, judge) = (truth(), judge());
        let judged = rung("a", &truth, |i| i % 3 != 0);
        let vague = Expected { ln: 0.0, deviation: 3.0 };
        let answers = calibrated(&judged, &judge, &truth, vague);
        let sure = answers.probabilities.iter().map(|row| row.iter().copied().fold(0.0, f64::max)).sum::<f64>() / 400.0;
        assert!((sure - 2.0 / 3.0).abs() < 0.03, "{sure}");
        assert!(temperature_of(&judged, &truth, vague) > 2.0);
    }
}
