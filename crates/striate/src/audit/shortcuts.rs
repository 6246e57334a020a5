//! Whether something trivial tells the classes apart: each cue alone, in a small tree, out of fold or held out.
//!
//! A cue is named where the lower end of the 95 % interval of its balanced accuracy lies above chance by [`CLEARLY`] of
//! it. The margin is there because six cues are tried: on labels without meaning one of them passes the plain interval
//! in about one data set of seven, and this one in fewer than one of a hundred (the test below).

use std::collections::BTreeMap;

use striate_kernels::rng::Key;
use striate_train::metrics::interval::{Metric, ci95};
use striate_train::metrics::{self, Outcomes};

use crate::audit::cue::{Cue, Values, cues};
use crate::audit::tree::{Rows, Tree};
use crate::audit::{Shortcut, ToldApart};
use crate::judge::{Round, sample};
use crate::ladder::Truth;
use crate::prepare::Prepared;

/// A class of K that a cue tells apart without fault lifts balanced accuracy from 1 / K to 2 / K; three tenths of that.
const CLEARLY: f64 = 0.3;
/// A class is named where the share of it that a cue takes for it lies by this above the share of the others.
const APART: f64 = 0.3;
/// Classes named at most.
const NAMED: usize = 3;
/// Most pictures that a tree learns from.
const MOST: usize = 5000;

/// One entry for each cue that the data has; `skip` hears of the others.
pub(super) fn audit(
    prepared: &Prepared,
    rounds: &[Round],
    seed: u64,
    skip: &mut dyn FnMut(&str, &str),
) -> Vec<Shortcut> {
    // Places of the pictures of all rounds, so that each has its cues once.
    let mut pictures: Vec<usize> =
        rounds.iter().flat_map(|round| round.train.iter().chain(&round.score)).copied().collect();
    pictures.sort_unstable();
    pictures.dedup();
    let place = |i: &usize| pictures.binary_search(i).expect("a picture of a round");
    let learn = |round: &Round| sample(&round.train, MOST, Key::new(seed).with_name("shortcuts"));
    let rounds: Vec<(Vec<usize>, Vec<usize>)> = rounds
        .iter()
        .map(|round| (learn(round).iter().map(place).collect(), round.score.iter().map(place).collect()))
        .collect();
    let truth = Truth::of(prepared, &pictures);
    let mut found = Vec::new();
    for cue in cues(prepared, &pictures) {
        match &cue.values {
            Err(why) => skip(cue.name, why),
            Ok(values) => {
                found.push(measure(&cue, values, &Trial { truth: &truth, rounds: &rounds, seed }, prepared.classes()))
            }
        }
    }
    found
}

/// Pictures by place, and which learn and which are scored.
struct Trial<'a> {
    truth: &'a Truth,
    rounds: &'a [(Vec<usize>, Vec<usize>)],
    seed: u64,
}

fn measure(cue: &Cue, values: &Values, trial: &Trial, classes: &[String]) -> Shortcut {
    let Trial { truth, rounds, seed } = *trial;
    let scored: Vec<usize> = rounds.iter().flat_map(|(_, score)| score).copied().collect();
    let predicted: Vec<u32> = rounds.iter().flat_map(|(train, score)| answers(values, truth, train, score)).collect();
    let pick = |of: &[u32]| scored.iter().map(|&i| of[i]).collect::<Vec<u32>>();
    let labels = pick(&truth.labels);
    let outcomes = Outcomes { truth: &labels, predicted: &predicted, classes: truth.classes };
    let confusion = metrics::confusion(&outcomes);
    let balanced_accuracy = metrics::balanced_accuracy(&confusion);
    let ci95 = ci95(Metric::BalancedAccuracy, &outcomes, &pick(&truth.groups), seed);
    let present = confusion.iter().filter(|row| row.iter().sum::<usize>() > 0).count();
    let chance = 1.0 / present.max(1) as f64;
    let n = scored.len();
    let told = told_apart(&confusion, classes);
    let named = ci95[0] > (1.0 + CLEARLY) * chance;
    let words = if named { words(cue, balanced_accuracy, chance, &told) } else { String::new() };
    Shortcut {
        cue: cue.name.into(),
        balanced_accuracy,
        ci95,
        chance,
        n,
        named,
        may_be_signal: cue.may_be_signal,
        classes: told,
        words,
    }
}

/// The classes that the cue gives `score` when it learned from `train`.
fn answers(values: &Values, truth: &Truth, train: &[usize], score: &[usize]) -> Vec<u32> {
    let labels: Vec<u32> = train.iter().map(|&i| truth.labels[i]).collect();
    match values {
        Values::Numbers(values, columns) => {
            let row = |&i: &usize| &values[i * columns..(i + 1) * columns];
            let learned: Vec<f64> = train.iter().flat_map(row).copied().collect();
            let rows = Rows { values: &learned, columns: *columns, labels: &labels, classes: truth.classes };
            let tree = Tree::grow(&rows);
            score.iter().map(|i| tree.label(row(i))).collect()
        }
        Values::Names(names) => {
            let mut counts: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
            let mut totals = vec![0.0; truth.classes];
            labels.iter().for_each(|&label| totals[label as usize] += 1.0);
            for (&i, &label) in train.iter().zip(&labels) {
                counts.entry(names[i]).or_insert_with(|| vec![0.0; truth.classes])[label as usize] +=
                    1.0 / totals[label as usize];
            }
            let commonest = metrics::argmax(&totals);
            score.iter().map(|&i| counts.get(&names[i]).map_or(commonest, |counts| metrics::argmax(counts))).collect()
        }
    }
}

fn told_apart(confusion: &[Vec<usize>], classes: &[String]) -> Vec<ToldApart> {
    let all: usize = confusion.iter().flatten().sum();
    let share = |part: usize, of: usize| (of > 0).then(|| part as f64 / of as f64);
    let one = |k: usize| {
        let (right, n) = (confusion[k][k], confusion[k].iter().sum::<usize>());
        let said: usize = confusion.iter().map(|row| row[k]).sum();
        ToldApart { class: classes[k].clone(), recall: share(right, n), others: share(said - right, all - n) }
    };
    (0..confusion.len()).map(one).collect()
}

fn words(cue: &Cue, balanced_accuracy: f64, chance: f64, told: &[ToldApart]) -> String {
    let shares = |class: &ToldApart| (class.recall.unwrap_or(0.0), class.others.unwrap_or(0.0));
    let lead = |class: &ToldApart| shares(class).0 - shares(class).1;
    let mut best: Vec<&ToldApart> = told.iter().filter(|class| lead(class) > APART).collect();
    best.sort_by(|a, b| lead(b).total_cmp(&lead(a))); // stable: equals in the order of the classes
    let one = |class: &&ToldApart| {
        let (recall, others) = shares(class);
        format!("{} ({:.0} of 100 of them, and {:.0} of 100 others)", class.class, 100.0 * recall, 100.0 * others)
    };
    let named: Vec<String> = best.iter().take(NAMED).map(one).collect();
    let tells = if named.is_empty() { String::new() } else { format!("; it tells {}", named.join(", ")) };
    format!(
        "{} alone tells classes apart: {:.0} of 100 right where guessing has {:.0}{tells}. {}",
        capital(cue.name),
        100.0 * balanced_accuracy,
        100.0 * chance,
        capital(cue.meaning)
    )
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::judge;
    use crate::prepare::{PrepareOptions, prepare};

    /// Five folds of `n` pictures in `k` classes, the pictures' numbers made by `value` of class and chance.
    fn trial(n: usize, k: usize, seed: u64, value: impl Fn(u32, f64) -> f64) -> Shortcut {
        let mut stream = Key::new(seed).stream();
        let labels: Vec<u32> = (0..n).map(|i| (i % k) as u32).collect();
        let values: Vec<f64> = labels.iter().map(|&label| value(label, f64::from(stream.uniform()))).collect();
        let mut order: Vec<usize> = (0..n).collect();
        stream.shuffle(&mut order);
        let fold = |f: usize| order.iter().copied().enumerate().partition::<Vec<_>, _>(|(at, _)| at % 5 != f);
        let strip = |part: Vec<(usize, usize)>| part.into_iter().map(|(_, i)| i).collect::<Vec<usize>>();
        let rounds: Vec<_> = (0..5).map(fold).map(|(train, score)| (strip(train), strip(score))).collect();
        let truth = Truth { labels, groups: (0..n as u32).collect(), classes: k };
        let cue = Cue { name: "file size", values: Err(""), may_be_signal: false, meaning: "see" };
        let classes: Vec<String> = (0..k).map(|class| format!("c{class}")).collect();
        measure(&cue, &Values::Numbers(values, 1), &Trial { truth: &truth, rounds: &rounds, seed }, &classes)
    }

    #[test]
    fn numbers_without_meaning_are_not_named() {
        let mut named = 0;
        for seed in 0..150 {
            let (n, k) = [(40, 2), (60, 3), (120, 5), (200, 10), (400, 2)][seed as usize % 5];
            named += usize::from(trial(n, k, seed, |_, chance| chance).named);
        }
        assert!(named <= 1, "{named} of 150");
    }

    #[test]
    fn one_class_told_apart_is_named_with_that_class() {
        for (n, k) in [(50, 2), (100, 5), (200, 10)] {
            let found = trial(n, k, 1, |label, chance| if label == 1 { 5.0 + chance } else { chance });
            assert!(found.named, "{n} pictures, {k} classes: {found:?}");
            assert!(found.words.contains("c1 (100 of 100 of them, and 0 of 100 others)"), "{}", found.words);
            assert_eq!((found.classes[1].recall, found.classes[1].others), (Some(1.0), Some(0.0)));
        }
    }

    #[test]
    fn on_the_photos_neither_size_nor_border_nor_date_is_named() {
        let options = PrepareOptions { data: "@photos".into(), group_by: None, strict: true };
        let prepared = prepare(&options, &|_| {}).expect("embedded");
        let mut skipped = Vec::new();
        let judge = judge(&prepared, &prepared.train, 1000, 1);
        let found = audit(&prepared, &judge.few_rounds, 1, &mut |cue, why| skipped.push(format!("{cue}: {why}")));
        assert!(skipped.iter().any(|told| told.starts_with("picture size: it is the same")), "{skipped:?}");
        assert!(skipped.iter().any(|told| told.starts_with("file size: the pictures are not files")), "{skipped:?}");
        let named: Vec<&str> = found.iter().filter(|cue| cue.named).map(|cue| cue.cue.as_str()).collect();
        assert_eq!(named, ["mean colour"], "{found:?}");
    }

    #[test]
    fn a_name_is_judged_by_the_class_it_goes_with() {
        let truth = Truth { labels: vec![0, 0, 0, 1, 1, 1, 0], groups: vec![0; 7], classes: 2 };
        let names = Values::Names(vec![4, 4, 9, 9, 9, 9, 7]);
        assert_eq!(answers(&names, &truth, &[0, 1, 2, 3, 4], &[5, 6, 0]), [1, 0, 0]);
    }
}
