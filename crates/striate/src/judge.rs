//! How the rungs of the ladder are judged: which pictures are scored, by nets that learned from which others.

use crate::prepare::Prepared;
use striate_data::split::{holdout, stratified_folds};
use striate_kernels::rng::Key;

/// Folds of the cross-validation, and parts of a held-out set for the choice among rungs.
const FOLDS: usize = 5;
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
    /// One round a fold, or one in all.
    pub rounds: Vec<Round>,
    /// All scored pictures, in the rounds' order.
    pub scored: Vec<usize>,
    /// A part in `0..5` for each scored picture: the rung that labels a part is chosen on the other parts.
    pub parts: Vec<u8>,
    /// The protocol in words.
    pub words: String,
}

/// Cross-validation of up to `small` training pictures; of more, a held-out set of at most `small / 2`.
pub fn judge(prepared: &Prepared, small: usize, seed: u64) -> Judge {
    let train = &prepared.train;
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
    Judge { scored: score.clone(), rounds: vec![Round { train: kept, score }], parts, words }
}

fn cross_validation(train: &[usize], labels: &[u32], groups: &[u32], seed: u64) -> Judge {
    let folds = stratified_folds(labels, groups, FOLDS, seed);
    let mut rounds = Vec::new();
    let (mut scored, mut parts) = (Vec::new(), Vec::new());
    for fold in 0..FOLDS as u8 {
        let pick = |wanted: bool| -> Vec<usize> {
            train.iter().zip(&folds).filter(|&(_, &f)| (f == fold) == wanted).map(|(&i, _)| i).collect()
        };
        let round = Round { train: pick(false), score: pick(true) };
        if round.score.is_empty() || round.train.is_empty() {
            continue; // fewer groups than folds
        }
        scored.extend(&round.score);
        parts.extend(vec![fold; round.score.len()]);
        rounds.push(round);
    }
    let words = format!("{}-fold cross-validation, stratified, whole groups", rounds.len());
    Judge { rounds, scored, parts, words }
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
        for round in &judge.rounds {
            let group = |i: &usize| groups[i / 2];
            let learned: std::collections::BTreeSet<u32> = round.train.iter().map(group).collect();
            assert!(round.score.iter().all(|i| !learned.contains(&group(i))));
        }
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
