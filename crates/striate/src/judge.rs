//! How the rungs of the ladder are judged: which pictures are scored, by nets that learned from which others.

use crate::prepare::Prepared;
use std::collections::BTreeSet;
use striate_data::split::{holdout, stratified_folds};
use striate_kernels::rng::Key;

/// Folds of the cross-validation, and parts of a held-out set for the choice among rungs.
const FOLDS: usize = 5;
/// With fewer labels per class than this, a fifth of them is missed where it is held out: rungs that learn fast get more folds.
const FEW: f64 = 25.0;
/// Folds at most, so that nine tenths of the labels are learned from.
const MOST_FOLDS: usize = 10;
/// Repeats of the cross-validation, for up to so many pictures.
const REPEATS: [(usize, usize); 3] = [(30, 5), (60, 3), (120, 2)];
/// Share of large data that is held out.
const HELD_OUT: f64 = 0.2;

/// One training and the pictures it is scored on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Round {
    /// Pictures to learn from.
    pub train: Vec<usize>,
    /// Pictures to score, of other groups.
    pub score: Vec<usize>,
}

/// The protocol of a ladder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judge {
    /// Rounds of rungs that learn fast; each picture is scored in one round of each repeat.
    pub rounds: Vec<Round>,
    /// Rounds of rungs that take long to learn; each picture is scored once.
    pub few_rounds: Vec<Round>,
    /// All scored pictures, in the order of `few_rounds`.
    pub scored: Vec<usize>,
    /// A part in `0..5` for each scored picture: the rung that labels a part is chosen on the other parts.
    pub parts: Vec<u8>,
    /// The protocol in words.
    pub words: String,
}

impl Judge {
    /// The protocol of rungs that take long to learn, in words.
    pub fn few_words(&self) -> String {
        match self.few_rounds.len() {
            0 | 1 => self.words.clone(),
            folds => format!("{folds}-fold cross-validation, stratified, whole groups"),
        }
    }
}

/// Cross-validation of up to `small` of the pictures `train`; of more, a held-out set of at most `small / 2`. Without a round where no
/// class has two groups: then nothing can be measured.
pub fn judge(prepared: &Prepared, train: &[usize], small: usize, seed: u64) -> Judge {
    let (labels, groups) = (prepared.labels_of(train), prepared.groups_of(train));
    if train.len() <= small {
        return cross_validation(train, &labels, &groups, seed);
    }
    let held = holdout(&labels, &groups, HELD_OUT, seed);
    let pick = |wanted: bool| -> Vec<usize> {
        train.iter().zip(&held).filter(|&(_, &held)| held == wanted).map(|(&i, _)| i).collect()
    };
    let (kept, all_held) = (pick(false), pick(true));
    let score = sample(&all_held, small / 2, Key::new(seed).with_name("score"));
    let parts = stratified_folds(&prepared.labels_of(&score), &prepared.groups_of(&score), FOLDS, seed);
    let words = if score.len() < all_held.len() {
        format!("{} pictures drawn from a held-out fifth", score.len())
    } else {
        format!("a held-out fifth, {} pictures", score.len())
    };
    let rounds = vec![Round { train: kept, score: score.clone() }];
    Judge { scored: score, few_rounds: rounds.clone(), rounds, parts, words }
}

fn cross_validation(train: &[usize], labels: &[u32], groups: &[u32], seed: u64) -> Judge {
    let each = groups_per_class(labels, groups);
    let Some(typical) = typical(&each) else {
        let (rounds, words) = (Vec::new(), "nothing: no class has two pictures of different groups".into());
        return Judge { few_rounds: Vec::new(), rounds, scored: Vec::new(), parts: Vec::new(), words };
    };
    let few = typical < FEW;
    let folds = if few { (typical.round() as usize).clamp(2, MOST_FOLDS) } else { FOLDS };
    let repeats = REPEATS.iter().find(|(most, _)| few && train.len() <= *most).map_or(1, |(_, repeats)| *repeats);
    let (few_rounds, scored, parts) = rounds_of(train, &stratified_folds(labels, groups, FOLDS.min(folds), seed));
    let more = || {
        let of = |repeat: usize| {
            let seed = Key::new(seed).with_name("repeats").with(repeat as u64).stream().next_u64();
            rounds_of(train, &stratified_folds(labels, groups, folds, seed)).0
        };
        (0..repeats).flat_map(of).collect()
    };
    let rounds = if few { more() } else { few_rounds.clone() };
    let times = if repeats > 1 { format!(", {repeats} times") } else { String::new() };
    let words = format!("{}-fold cross-validation{times}, stratified, whole groups", rounds.len() / repeats);
    Judge { rounds, few_rounds, scored, parts, words }
}

/// The rounds of folds, the scored pictures in their order, and the fold of each.
fn rounds_of(train: &[usize], folds: &[u8]) -> (Vec<Round>, Vec<usize>, Vec<u8>) {
    let (mut rounds, mut scored, mut parts) = (Vec::new(), Vec::new(), Vec::new());
    for fold in folds.iter().copied().collect::<BTreeSet<u8>>() {
        let pick = |wanted: bool| -> Vec<usize> {
            train.iter().zip(folds).filter(|&(_, &f)| (f == fold) == wanted).map(|(&i, _)| i).collect()
        };
        let round = Round { train: pick(false), score: pick(true) };
        if round.train.is_empty() {
            continue; // all groups in one fold
        }
        scored.extend(&round.score);
        parts.extend(vec![fold; round.score.len()]);
        rounds.push(round);
    }
    (rounds, scored, parts)
}

/// Groups of each class that occurs.
fn groups_per_class(labels: &[u32], groups: &[u32]) -> Vec<usize> {
    let pairs: BTreeSet<(u32, u32)> = labels.iter().copied().zip(groups.iter().copied()).collect();
    let classes: BTreeSet<u32> = labels.iter().copied().collect();
    classes.into_iter().map(|class| pairs.range((class, 0)..=(class, u32::MAX)).count()).collect()
}

/// The harmonic mean of the groups of classes that can be learned from and scored; none where there is no such class.
fn typical(groups: &[usize]) -> Option<f64> {
    let inverse: Vec<f64> = groups.iter().filter(|&&n| n > 1).map(|&n| 1.0 / n as f64).collect();
    (!inverse.is_empty()).then(|| inverse.len() as f64 / inverse.iter().sum::<f64>())
}

/// At most `n` of `items`, drawn without replacement, in their order.
pub fn sample(items: &[usize], n: usize, key: Key) -> Vec<usize> {
    if items.len() <= n {
        return items.to_vec();
    }
    let mut shuffled = items.to_vec();
    key.stream().shuffle(&mut shuffled);
    shuffled.truncate(n);
    shuffled.sort_unstable();
    shuffled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_cover_every_picture_once_and_cut_no_group() {
        let train: Vec<usize> = (0..100).map(|i| i * 2).collect();
        let labels: Vec<u32> = (0..100).map(|i| i % 4).collect();
        let groups: Vec<u32> = (0..100).map(|i| i / 3).collect();
        let judge = cross_validation(&train, &labels, &groups, 7);
        let mut scored = judge.scored.clone();
        scored.sort_unstable();
        assert_eq!(scored, train);
        for round in judge.rounds.iter().chain(&judge.few_rounds) {
            let group = |i: &usize| groups[i / 2];
            let learned: BTreeSet<u32> = round.train.iter().map(group).collect();
            assert!(round.score.iter().all(|i| !learned.contains(&group(i))));
        }
    }

    #[test]
    fn few_labels_are_scored_again_and_again_by_nets_that_learned_from_most() {
        for (per_class, folds, repeats) in [(2, 2, 5), (5, 5, 5), (10, 10, 5), (20, 10, 3), (40, 5, 1)] {
            let labels: Vec<u32> = (0..3 * per_class).map(|i| i % 3).collect();
            let train: Vec<usize> = (0..labels.len()).collect();
            let groups: Vec<u32> = (0..labels.len() as u32).collect();
            let judge = cross_validation(&train, &labels, &groups, 1);
            assert_eq!(judge.rounds.len(), folds * repeats, "{per_class}");
            for picture in &train {
                assert_eq!(judge.rounds.iter().filter(|round| round.score.contains(picture)).count(), repeats);
                assert_eq!(judge.few_rounds.iter().filter(|round| round.score.contains(picture)).count(), 1);
            }
            let learned = judge.rounds.iter().map(|round| round.train.len()).min().expect("rounds");
            assert!(learned + labels.len().div_ceil(folds) + 2 >= labels.len(), "{per_class}: {learned}");
        }
    }

    #[test]
    fn one_picture_of_each_class_cannot_be_judged() {
        let judge = cross_validation(&[3, 5, 7], &[0, 1, 2], &[0, 1, 2], 1);
        assert!(judge.rounds.is_empty() && judge.few_rounds.is_empty() && judge.scored.is_empty());
        let one_group = cross_validation(&[3, 5, 7, 9], &[0, 0, 1, 1], &[0, 0, 1, 1], 1);
        assert!(one_group.rounds.is_empty());
    }

    #[test]
    fn a_sample_is_a_subset_in_order() {
        let items: Vec<usize> = (10..60).collect();
        let drawn = sample(&items, 7, Key::new(1));
        assert_eq!(drawn.len(), 7);
        assert!(drawn.is_sorted() && drawn.iter().all(|i| items.contains(i)));
        assert_eq!(sample(&items, 99, Key::new(1)), items);
    }
}
