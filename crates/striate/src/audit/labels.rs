//! Likely wrong labels by confident learning: probabilities out of fold, each class held against what is usual for it.
//!
//! Northcutt, Jiang, Chuang 2021 <https://arxiv.org/abs/1911.00068>: a picture counts as of class j where its probability
//! of j reaches the mean that pictures labelled j have; the counts by given and by such class, scaled to the classes'
//! sizes, say how many labels are wrong. Ranked by the margin after these means are taken off (Kuan, Mueller 2022
//! <https://arxiv.org/abs/2207.03061>).

use crate::audit::{LabelAudit, Suspect};
use crate::ladder::{Answers, Truth};

/// The model's own mistakes reach into the confident joint: on data whose labels were looked through it holds up to 2 %
/// of them, with 5 % wrong it holds 7 %. Beyond this share labels are said to be wrong.
const OWN_MISTAKES: f64 = 0.03;
/// Share of the labels that is ranked in the answer, and the most of them.
const RANKED: usize = 10;
const MOST: usize = 1000;

/// Ranks the labels of pictures with answers.
pub(super) fn audit(
    answers: &Answers,
    truth: &Truth,
    name: &dyn Fn(usize) -> String,
    classes: &[String],
) -> LabelAudit {
    let n = truth.labels.len();
    let usual = usual(answers, truth);
    let margins: Vec<(usize, f64)> =
        (0..n).map(|i| margin(&answers.probabilities[i], truth.labels[i] as usize, &usual)).collect();
    let confident: Vec<Option<usize>> = answers.probabilities.iter().map(|row| confident(row, &usual)).collect();
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| margins[a].1.total_cmp(&margins[b].1).then(a.cmp(&b)));
    let expected = expected(&confident, truth);
    let least = expected.max(n.div_ceil(RANKED)).min(MOST).min(n);
    let suspect = |i: usize| {
        let (given, (likely, score)) = (truth.labels[i] as usize, margins[i]);
        Suspect {
            file: name(i),
            given: classes[given].clone(),
            likely: classes[likely].clone(),
            given_probability: answers.probabilities[i][given],
            likely_probability: answers.probabilities[i][likely],
            score,
            plausible: confident[i].is_some_and(|class| class != given),
        }
    };
    let doubtful = expected as f64 > OWN_MISTAKES * n as f64;
    LabelAudit { checked: n, expected, doubtful, ranked: order.into_iter().take(least).map(suspect).collect() }
}

/// Mean probability of each class over the pictures labelled so; beyond all reach for a class without pictures.
fn usual(answers: &Answers, truth: &Truth) -> Vec<f64> {
    let mut sums = vec![(0.0, 0_usize); truth.classes];
    for (row, &label) in answers.probabilities.iter().zip(&truth.labels) {
        let (sum, n) = &mut sums[label as usize];
        *sum += row[label as usize];
        *n += 1;
    }
    sums.into_iter().map(|(sum, n)| if n > 0 { sum / n as f64 } else { 2.0 }).collect()
}

/// The likeliest other class, and the margin of the given one over it, usual values taken off.
fn margin(row: &[f64], given: usize, usual: &[f64]) -> (usize, f64) {
    let above = |class: usize| row[class] - usual[class];
    let others = (0..row.len()).filter(|&class| class != given);
    let likely = others.reduce(|a, b| if above(b) > above(a) { b } else { a }).unwrap_or(given);
    (likely, above(given) - above(likely))
}

/// The likeliest of the classes whose usual probability is reached.
fn confident(row: &[f64], usual: &[f64]) -> Option<usize> {
    let reached = (0..row.len()).filter(|&class| row[class] >= usual[class]);
    reached.reduce(|a, b| if row[b] > row[a] { b } else { a })
}

/// The confident joint scaled to the classes' sizes, off its diagonal.
fn expected(confident: &[Option<usize>], truth: &Truth) -> usize {
    let mut counts = vec![(0_usize, 0_usize, 0_usize); truth.classes]; // pictures, confident, confidently another
    for (class, &label) in confident.iter().zip(&truth.labels) {
        let (pictures, sure, other) = &mut counts[label as usize];
        *pictures += 1;
        *sure += usize::from(class.is_some());
        *other += usize::from(class.is_some_and(|class| class != label as usize));
    }
    let wrong = counts.iter().filter(|(_, sure, _)| *sure > 0);
    wrong.map(|&(n, sure, other)| n as f64 * other as f64 / sure as f64).sum::<f64>().round() as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use striate_kernels::rng::Key;

    /// `n` pictures in three classes whose model is right and rather sure, with `wrong` of the labels moved on.
    fn example(n: usize, wrong: &[usize]) -> (Answers, Truth) {
        let mut stream = Key::new(4).stream();
        let mut labels: Vec<u32> = (0..n as u32).map(|i| i % 3).collect();
        let row = |&class: &u32| {
            let sure = f64::from(stream.range(0.55, 0.95));
            (0..3).map(|k| if k == class { sure } else { (1.0 - sure) / 2.0 }).collect()
        };
        let probabilities: Vec<Vec<f64>> = labels.iter().map(row).collect();
        let predicted = labels.clone();
        wrong.iter().for_each(|&i| labels[i] = (labels[i] + 1) % 3);
        (Answers { probabilities, predicted }, Truth { labels, groups: (0..n as u32).collect(), classes: 3 })
    }

    fn look(n: usize, wrong: &[usize]) -> LabelAudit {
        let (answers, truth) = example(n, wrong);
        audit(&answers, &truth, &|i| i.to_string(), &["a", "b", "c"].map(String::from))
    }

    #[test]
    fn planted_labels_come_first_and_are_counted() {
        let wrong = [3, 40, 41, 77, 118];
        let found = look(120, &wrong);
        let mut first: Vec<usize> = found.ranked.iter().take(5).map(|s| s.file.parse().expect("a number")).collect();
        first.sort_unstable();
        assert_eq!(first, wrong);
        assert!((2..=9).contains(&found.expected), "{}", found.expected);
        assert_eq!((found.checked, found.ranked.len(), found.doubtful), (120, 12, found.expected > 3));
        let suspect = &found.ranked[0];
        assert!(suspect.given_probability < 0.25 && suspect.likely_probability > 0.5 && suspect.plausible);
    }

    #[test]
    fn right_labels_raise_no_alarm() {
        let found = look(120, &[]);
        assert_eq!((found.expected, found.doubtful), (0, false));
        assert!(found.ranked.iter().all(|suspect| !suspect.plausible && suspect.score > 0.0));
    }

    #[test]
    fn the_counts_are_those_of_the_paper_s_formula() {
        // Labels 0 0 0 0 1 1: of class 0 two are confident, one of them for class 1; 4 * 1 / 2 = 2 are wrong.
        let truth = Truth { labels: vec![0, 0, 0, 0, 1, 1], groups: vec![0; 6], classes: 2 };
        let confident = [Some(0), Some(1), None, None, Some(1), Some(1)];
        assert_eq!(expected(&confident, &truth), 2);
        // A class without pictures is never likely by what it lacks.
        assert_eq!(margin(&[0.4, 0.35, 0.25], 0, &[0.5, 0.5, 2.0]).0, 1);
    }
}
