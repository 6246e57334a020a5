//! Stratified folds and hold-outs over groups: a group is never cut, and each part gets its share of every class.
//!
//! Both deal whole groups out greedily, the largest first, each to where it brings the class counts nearest to their
//! share. Pictures that are alone in their group come out even to within one picture a class.

use std::collections::HashMap;

use striate_kernels::rng::Key;

/// How many of each class one group holds; only classes that occur.
struct Deal {
    members: Vec<u32>,
    counts: Vec<(u32, f64)>, // (class, pictures)
}

/// A fold in `0..k` for each picture: folds hold whole groups and are as even in every class as dealing the groups
/// greedily makes them. Some folds stay empty where there are fewer groups than folds.
///
/// # Panics
/// If `labels` and `groups` differ in length or `k` is not in `2..=255`.
pub fn stratified_folds(labels: &[u32], groups: &[u32], k: usize, seed: u64) -> Vec<u8> {
    assert!((2..=255).contains(&k), "stratified_folds: k must be 2..=255, got {k}");
    let (deals, sizes) = deals(labels, groups, Key::new(seed).with_name("folds"));
    let mut filled = vec![vec![0.0; sizes.len()]; k]; // [k][class]
    let mut totals = vec![0usize; k];
    let mut folds = vec![0u8; labels.len()];
    for deal in &deals {
        // Growth of the sum over folds and classes of (share of the class in the fold)^2, least where folds are even.
        let cost = |fold: usize| -> f64 {
            let growth = |&(class, n): &(u32, f64)| {
                let class = class as usize;
                (2.0 * filled[fold][class] * n + n * n) / (sizes[class] * sizes[class])
            };
            deal.counts.iter().map(growth).sum()
        };
        let place = |fold: usize| (cost(fold), totals[fold], fold);
        let before = |a: &(f64, usize, usize), b: &(f64, usize, usize)| a.0 < b.0 || (a.0 == b.0 && a.1 < b.1);
        let best = (1..k).map(place).fold(place(0), |best, here| if before(&here, &best) { here } else { best });
        let fold = best.2;
        deal.counts.iter().for_each(|&(class, n)| filled[fold][class as usize] += n);
        totals[fold] += deal.members.len();
        deal.members.iter().for_each(|&i| folds[i as usize] = fold as u8);
    }
    folds
}

/// Which pictures to hold out: whole groups, near `fraction` of every class, at least one group and never all of them
/// (as long as there are two).
///
/// # Panics
/// If `labels` and `groups` differ in length or `fraction` is not between 0 and 1.
pub fn holdout(labels: &[u32], groups: &[u32], fraction: f64, seed: u64) -> Vec<bool> {
    assert!(fraction > 0.0 && fraction < 1.0, "holdout: fraction must be between 0 and 1, got {fraction}");
    let (deals, sizes) = deals(labels, groups, Key::new(seed).with_name("holdout"));
    let mut held = vec![0.0; sizes.len()]; // [class]
    let mut chosen = vec![false; deals.len()];
    // What holding a deal out adds to the sum over classes of (held share - fraction)^2.
    let cost = |deal: &Deal, held: &[f64]| -> f64 {
        let growth = |&(class, n): &(u32, f64)| {
            let size = sizes[class as usize];
            (2.0 * (held[class as usize] - fraction * size) * n + n * n) / (size * size)
        };
        deal.counts.iter().map(growth).sum()
    };
    for (deal, chosen) in deals.iter().zip(&mut chosen) {
        if cost(deal, &held) < 0.0 {
            *chosen = true;
            deal.counts.iter().for_each(|&(class, n)| held[class as usize] += n);
        }
    }
    if deals.len() >= 2 && chosen.iter().all(|&c| c == chosen[0]) {
        // The deal whose change costs least: the first smallest, so that equal ones are taken in the shuffled order.
        let change = |i: usize| if chosen[i] { -cost(&deals[i], &held) } else { cost(&deals[i], &held) };
        let cheapest = (1..deals.len()).fold(0, |best, i| if change(i) < change(best) { i } else { best });
        chosen[cheapest] = !chosen[cheapest];
    }
    let mut out = vec![false; labels.len()];
    for (deal, _) in deals.iter().zip(&chosen).filter(|(_, chosen)| **chosen) {
        deal.members.iter().for_each(|&i| out[i as usize] = true);
    }
    out
}

/// The groups, shuffled and then the largest first, and the number of pictures of each class.
fn deals(labels: &[u32], groups: &[u32], key: Key) -> (Vec<Deal>, Vec<f64>) {
    assert_eq!(labels.len(), groups.len(), "split: labels and groups must have one entry a picture each");
    // Class numbers are given out afresh, so that a stray large label costs no memory.
    let mut classes: HashMap<u32, u32> = HashMap::new();
    let mut at: HashMap<u32, usize> = HashMap::new();
    let mut sizes: Vec<f64> = Vec::new();
    let mut deals: Vec<Deal> = Vec::new();
    for (i, (&label, &group)) in labels.iter().zip(groups).enumerate() {
        let class = *classes.entry(label).or_insert_with(|| {
            sizes.push(0.0);
            sizes.len() as u32 - 1
        });
        sizes[class as usize] += 1.0;
        let slot = *at.entry(group).or_insert_with(|| {
            deals.push(Deal { members: Vec::new(), counts: Vec::new() });
            deals.len() - 1
        });
        deals[slot].members.push(i as u32);
        match deals[slot].counts.iter_mut().find(|(c, _)| *c == class) {
            Some((_, n)) => *n += 1.0,
            None => deals[slot].counts.push((class, 1.0)),
        }
    }
    key.stream().shuffle(&mut deals);
    deals.sort_by_key(|deal| std::cmp::Reverse(deal.members.len())); // stable: equal sizes stay shuffled
    (deals, sizes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn singles(n: usize) -> Vec<u32> {
        (0..n as u32).collect()
    }

    #[test]
    fn lone_pictures_come_out_even_to_one() {
        let labels: Vec<u32> = (0..103).map(|i| if i < 40 { 0 } else { 1 + i % 3 }).collect();
        let folds = stratified_folds(&labels, &singles(103), 5, 9);
        for class in 0..4 {
            let counts: Vec<usize> =
                (0..5).map(|f| (0..103).filter(|&i| labels[i] == class && folds[i] == f).count()).collect();
            let spread = counts.iter().max().expect("k folds") - counts.iter().min().expect("k folds");
            assert!(spread <= 1, "class {class}: {counts:?}");
        }
    }

    #[test]
    fn a_tenth_of_every_class_is_held_out() {
        let labels: Vec<u32> = (0..1000).map(|i| u32::from(i >= 900)).collect();
        let held = holdout(&labels, &singles(1000), 0.1, 4);
        let of = |class| (0..1000).filter(|&i| labels[i] == class && held[i]).count();
        assert_eq!((of(0), of(1)), (90, 10));
    }

    #[test]
    fn few_pictures_still_leave_something_on_both_sides() {
        for fraction in [0.01, 0.5, 0.99] {
            let held = holdout(&[0, 1, 2], &[0, 1, 2], fraction, 1);
            assert!(held.contains(&true) && held.contains(&false), "{fraction}: {held:?}");
        }
        assert_eq!(holdout(&[], &[], 0.5, 1), Vec::<bool>::new());
        assert_eq!(holdout(&[0, 0], &[7, 7], 0.5, 1).len(), 2); // one group: it cannot be cut
    }

    #[test]
    fn another_seed_is_another_split() {
        let labels = vec![0; 200];
        assert_ne!(stratified_folds(&labels, &singles(200), 5, 1), stratified_folds(&labels, &singles(200), 5, 2));
        assert_ne!(holdout(&labels, &singles(200), 0.2, 1), holdout(&labels, &singles(200), 0.2, 2));
    }

    proptest! {
        #[test]
        fn no_group_straddles_and_the_seed_decides(
            pictures in prop::collection::vec((0u32..5, 0u32..60), 0..200), k in 2usize..8, seed: u64, fraction in 0.05f64..0.95,
        ) {
            let (labels, groups): (Vec<u32>, Vec<u32>) = pictures.into_iter().unzip();
            let folds = stratified_folds(&labels, &groups, k, seed);
            let held = holdout(&labels, &groups, fraction, seed);
            prop_assert_eq!(&folds, &stratified_folds(&labels, &groups, k, seed));
            prop_assert_eq!(&held, &holdout(&labels, &groups, fraction, seed));
            prop_assert!(folds.iter().all(|&f| usize::from(f) < k));
            for i in 0..labels.len() {
                for j in (0..i).filter(|&j| groups[j] == groups[i]) {
                    prop_assert_eq!(folds[i], folds[j]);
                    prop_assert_eq!(held[i], held[j]);
                }
            }
        }

        #[test]
        fn folds_of_lone_pictures_are_even(labels in prop::collection::vec(0u32..4, 1..150), k in 2usize..7, seed: u64) {
            let folds = stratified_folds(&labels, &singles(labels.len()), k, seed);
            for class in 0..4 {
                let counts: Vec<usize> = (0..k)
                    .map(|f| (0..labels.len()).filter(|&i| labels[i] == class && usize::from(folds[i]) == f).count())
                    .collect();
                prop_assert!(counts.iter().max() <= counts.iter().min().map(|m| m + 1).as_ref(), "{:?}", counts);
            }
        }
    }
}
