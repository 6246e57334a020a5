//! Class-balanced draws of labelled pictures: from which some are learned, and which others score them.
//!
//! A draw puts all groups into one random order. The first n pictures of each class in that order are learned from, so
//! that whole groups come one after the other and larger n add to smaller ones; what scores is all pictures of groups that
//! gave none.

use std::collections::BTreeMap;
use striate_kernels::rng::Key;

/// The pictures drawn from.
#[derive(Clone, Copy, Debug)]
pub struct Pool<'a> {
    /// Class of each.
    pub labels: &'a [u32],
    /// Group of each.
    pub groups: &'a [u32],
    /// Number of classes.
    pub classes: usize,
}

/// Most of a class that is learned from: the rest must score it.
const MOST: f64 = 0.8;
/// Steps of the labels a class, times powers of ten.
const STEPS: [usize; 3] = [1, 2, 5];

impl Pool<'_> {
    /// Pictures of each class.
    pub fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes];
        self.labels.iter().for_each(|&label| counts[label as usize] += 1);
        counts
    }

    /// Labels a class worth a point of a curve: 1, 2, 5, 10, 20, 50, ... and the most that the smallest class can give.
    pub fn sizes(&self) -> Vec<usize> {
        let most = (MOST * self.counts().into_iter().min().unwrap_or(0) as f64) as usize;
        let decades = std::iter::successors(Some(1_usize), |decade| decade.checked_mul(10));
        let steps = decades.flat_map(|decade| STEPS.map(|step| step * decade));
        let mut sizes: Vec<usize> = steps.take_while(|&n| n <= most).collect();
        if sizes.last().is_some_and(|&last| 4 * most >= 5 * last) {
            sizes.push(most); // a quarter more than the last step is worth a point
        }
        sizes
    }
}

/// One random order of the pictures of each class.
#[derive(Clone, Debug)]
pub struct Draw {
    order: Vec<Vec<u32>>, // [class], positions in the pool
}

impl Draw {
    /// The order under `key`.
    pub fn new(pool: &Pool, key: Key) -> Self {
        let mut by_group: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for (i, &group) in pool.groups.iter().enumerate() {
            by_group.entry(group).or_default().push(i as u32);
        }
        let mut groups: Vec<Vec<u32>> = by_group.into_values().collect();
        let mut stream = key.stream();
        stream.shuffle(&mut groups);
        let mut order = vec![Vec::new(); pool.classes];
        for mut members in groups {
            stream.shuffle(&mut members);
            members.into_iter().for_each(|i| order[pool.labels[i as usize] as usize].push(i));
        }
        Self { order }
    }

    /// The first `n` of each class, class after class.
    pub fn learned(&self, n: usize) -> Vec<u32> {
        self.order.iter().flat_map(|class| class.iter().take(n).copied()).collect()
    }
}

/// Which pictures of the pool may score what was learned from `learned`: those of other groups.
pub fn rest(pool: &Pool, learned: &[u32]) -> Vec<bool> {
    let mut taken: Vec<u32> = learned.iter().map(|&i| pool.groups[i as usize]).collect();
    taken.sort_unstable();
    pool.groups.iter().map(|group| taken.binary_search(group).is_err()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draw_is_balanced_nested_and_shares_no_group_with_the_rest() {
        let labels: Vec<u32> = (0..120).map(|i| i % 4).collect();
        let groups: Vec<u32> = (0..120).map(|i| i / 8).collect(); // two pictures of each class in a group
        let pool = Pool { labels: &labels, groups: &groups, classes: 4 };
        let draw = Draw::new(&pool, Key::new(3));
        let few = draw.learned(5);
        let many = draw.learned(6);
        assert!(few.iter().all(|i| many.contains(i)), "more labels add to fewer");
        for class in 0..4 {
            assert_eq!(few.iter().filter(|&&i| labels[i as usize] == class).count(), 5);
        }
        let scores = rest(&pool, &few);
        assert_eq!(scores.iter().filter(|&&s| !s).count(), 3 * 8, "five of each class are two groups and a half");
        assert!(few.iter().all(|&i| !scores[i as usize]));
        assert_ne!(few, Draw::new(&pool, Key::new(4)).learned(5));
    }

    #[test]
    fn sizes_go_as_far_as_the_smallest_class() {
        let sizes = |smallest: usize| {
            let labels: Vec<u32> = (0..smallest + 40).map(|i| u32::from(i >= smallest)).collect();
            let groups: Vec<u32> = (0..labels.len() as u32).collect();
            Pool { labels: &labels, groups: &groups, classes: 2 }.sizes()
        };
        assert_eq!(sizes(28), [1, 2, 5, 10, 20]);
        assert_eq!(sizes(35), [1, 2, 5, 10, 20, 28]);
        assert_eq!(sizes(1), [0_usize; 0]);
        assert_eq!(sizes(2), [1]);
    }
}
