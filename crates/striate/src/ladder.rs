//! The ladder: simple things first, all judged on the same pictures; the simplest that ties the best is chosen.

use crate::audit::unlike::{self, Reference};
use crate::error::Error;
use crate::event::{Event, Observer};
use crate::judge::Judge;
use crate::prepare::Prepared;
use crate::report;
use crate::rungs::{Fitted, Rung};
use std::collections::BTreeSet;
use std::time::Instant;
use striate_train::fit::EpochRecord;
use striate_train::infer::softmax;
use striate_train::metrics::interval::{Metric, ci95};
use striate_train::metrics::paired::{Pair, difference_ci95};
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
        let probabilities = softmax(logits, classes);
        let predicted = probabilities.iter().map(|row| metrics::argmax(row)).collect();
        Self { probabilities, predicted }
    }
}

/// One rung as it was judged.
pub struct Judged {
    /// Its figures.
    pub report: report::Rung,
    /// Its answers on the judged pictures.
    pub answers: Answers,
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

    /// The figures of given answers.
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
}

/// Judges one rung: a learning a round, scored on the round's other pictures.
pub fn judge_rung(
    rung: &dyn Rung,
    judge: &Judge,
    truth: &Truth,
    seed: u64,
    observer: Observer,
) -> Result<Judged, Error> {
    let start = Instant::now();
    let (mut logits, mut histories, mut distances) = (Vec::new(), Vec::new(), Vec::new());
    for (i, round) in judge.rounds.iter().enumerate() {
        let (of, name) = (judge.rounds.len(), rung.name());
        observer(Event::Stage(if of > 1 { format!("{name}, fold {} of {of}", i + 1) } else { name.to_string() }));
        let fitted: Fitted = rung.fit(&format!("round{}", i + 1), &round.train)?;
        logits.extend(rung.logits(&fitted, &round.score)?);
        if let Some(reference) = reference(rung, &fitted, &round.train, seed)? {
            distances.extend(reference.distances(&rung.features(&fitted, &round.score)?));
        }
        histories.push(fitted.history);
    }
    let answers = Answers::new(&logits, truth.classes);
    let score = truth.score(&answers.predicted, seed);
    let seconds = start.elapsed().as_secs_f64();
    Ok(Judged { report: report::Rung { name: rung.name().to_string(), score, seconds }, answers, histories, distances })
}

/// The features of some of `train` under what `rung` learned; nothing where it has none.
pub(crate) fn reference(
    rung: &dyn Rung,
    fitted: &Fitted,
    train: &[usize],
    seed: u64,
) -> Result<Option<Reference>, Error> {
    let kept = unlike::kept(&rung.learned(train), fitted.net.feature_len(), seed);
    let features = rung.features(fitted, &kept)?;
    Ok((!features.is_empty()).then(|| Reference::new(&features, features.len() / kept.len())))
}

/// What each rung answered.
pub fn answers_of(rungs: &[Judged]) -> Vec<&[u32]> {
    rungs.iter().map(|rung| rung.answers.predicted.as_slice()).collect()
}

/// The simplest rung that ties the best on the pictures for which `counts` holds, by what each answered: the first (rungs stand
/// simplest first) for which the 95 % interval of the best's lead in balanced accuracy, over the same pictures, reaches down to 0.
pub fn choose(rungs: &[&[u32]], truth: &Truth, counts: &dyn Fn(usize) -> bool, seed: u64) -> usize {
    let kept: Vec<usize> = (0..truth.labels.len()).filter(|&i| counts(i)).collect();
    let pick = |values: &[u32]| -> Vec<u32> { kept.iter().map(|&i| values[i]).collect() };
    let (labels, groups) = (pick(&truth.labels), pick(&truth.groups));
    let answers: Vec<Vec<u32>> = rungs.iter().map(|predicted| pick(predicted)).collect();
    let accuracy = |predicted: &Vec<u32>| {
        let outcomes = Outcomes { truth: &labels, predicted, classes: truth.classes };
        metrics::balanced_accuracy(&metrics::confusion(&outcomes))
    };
    let accuracies: Vec<f64> = answers.iter().map(accuracy).collect();
    let best = (1..rungs.len()).fold(0, |best, i| if accuracies[i] > accuracies[best] { i } else { best });
    let ties = |i: &usize| {
        let pair = Pair {
            truth: &labels,
            first: &answers[best],
            second: &answers[*i],
            groups: &groups,
            classes: truth.classes,
        };
        difference_ci95(&pair, seed)[0] <= 0.0
    };
    (0..best).find(ties).unwrap_or(best)
}

/// What the choice among rungs is worth: each part of the judged pictures is labelled by the rung chosen on the others.
pub fn selected_answers(rungs: &[Judged], judge: &Judge, truth: &Truth, seed: u64) -> Vec<u32> {
    let answers = answers_of(rungs);
    let mut predicted = vec![0; truth.labels.len()];
    for part in parts(judge) {
        let rung = choose(&answers, truth, &|i| judge.parts[i] != part, seed);
        for i in (0..predicted.len()).filter(|&i| judge.parts[i] == part) {
            predicted[i] = answers[rung][i];
        }
    }
    predicted
}

/// Whether a rung above these could still be chosen, on all judged pictures or without one of their parts: not where even one
/// that is always right would only tie a simpler one. That is decided for each part without it, as the choice is.
pub fn is_open(rungs: &[Judged], judge: &Judge, truth: &Truth, seed: u64) -> bool {
    let mut answers = answers_of(rungs);
    answers.push(&truth.labels);
    let wins = |counts: &dyn Fn(usize) -> bool| choose(&answers, truth, counts, seed) == rungs.len();
    wins(&|_| true) || parts(judge).into_iter().any(|part| wins(&|i| judge.parts[i] != part))
}

/// The parts that hold pictures.
fn parts(judge: &Judge) -> BTreeSet<u8> {
    judge.parts.iter().copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A rung that is right on the pictures for which `right` holds.
    fn rung(truth: &Truth, right: impl Fn(usize) -> bool) -> Judged {
        let wrong = |i: usize| (truth.labels[i] + 1) % truth.classes as u32;
        let predicted: Vec<u32> =
            (0..truth.labels.len()).map(|i| if right(i) { truth.labels[i] } else { wrong(i) }).collect();
        let score = truth.score(&predicted, 1);
        let report = report::Rung { name: "test".into(), score, seconds: 0.0 };
        Judged {
            report,
            answers: Answers { probabilities: Vec::new(), predicted },
            histories: Vec::new(),
            distances: Vec::new(),
        }
    }

    fn truth() -> Truth {
        Truth { labels: (0..200).map(|i| i % 4).collect(), groups: (0..200).collect(), classes: 4 }
    }

    #[test]
    fn the_simplest_that_ties_the_best_is_chosen() {
        let truth = truth();
        let rungs =
            [rung(&truth, |i| i % 3 == 0), rung(&truth, |i| i % 10 != 0), rung(&truth, |i| i % 10 != 1 || i % 30 == 1)];
        assert_eq!(
            choose(&answers_of(&rungs), &truth, &|_| true, 1),
            1,
            "the third is better by less than chance explains"
        );
        let rungs = [rung(&truth, |i| i % 3 == 0), rung(&truth, |i| i % 2 == 0), rung(&truth, |i| i % 10 != 0)];
        assert_eq!(choose(&answers_of(&rungs), &truth, &|_| true, 1), 2, "the third is clearly better");
    }

    #[test]
    fn nothing_is_open_above_a_rung_that_one_always_right_would_only_tie() {
        let truth = truth();
        let parts: Vec<u8> = (0..200).map(|i| (i / 4 % 5) as u8).collect();
        let judge = Judge { rounds: Vec::new(), scored: (0..200).collect(), parts, words: String::new() };
        let open =
            |right: &dyn Fn(usize) -> bool| is_open(&[rung(&truth, |_| false), rung(&truth, right)], &judge, &truth, 1);
        assert!(!open(&|_| true) && !open(&|i| i != 7), "one mistake is no difference that can be shown");
        assert!(open(&|i| i % 20 != 0), "ten are");
        assert!(is_open(&[], &judge, &truth, 1));
    }

    #[test]
    fn a_part_is_labelled_by_the_rung_chosen_on_the_others() {
        let truth = truth();
        // The first rung is right on part 0 only, the second everywhere else: part 0 must get the second's answers.
        let parts: Vec<u8> = (0..200).map(|i| (i / 4 % 5) as u8).collect();
        let rungs = [rung(&truth, |i| parts[i] == 0), rung(&truth, |i| parts[i] != 0)];
        let judge =
            Judge { rounds: Vec::new(), scored: (0..200).collect(), parts: parts.clone(), words: String::new() };
        let predicted = selected_answers(&rungs, &judge, &truth, 1);
        for i in 0..200 {
            assert_eq!(predicted[i] == truth.labels[i], parts[i] != 0, "picture {i}");
        }
    }
}
