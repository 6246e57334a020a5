//! Whether one classifier is better than another on the same pictures: paired percentile bootstrap over groups.

use std::collections::BTreeMap;

use striate_kernels::rng::Key;

/// Bootstrap samples.
const RESAMPLES: usize = 1000;

/// Answers of two classifiers on the same pictures.
#[derive(Clone, Copy, Debug)]
pub struct Pair<'a> {
    /// True class of each picture.
    pub truth: &'a [u32],
    /// What the first answered.
    pub first: &'a [u32],
    /// What the second answered.
    pub second: &'a [u32],
    /// Group of each picture; groups are resampled whole.
    pub groups: &'a [u32],
    /// Number of classes.
    pub classes: usize,
}

/// What one group adds to one class: (class, pictures, right by the first, right by the second).
type Tally = (usize, f64, f64, f64);

/// 95 % interval of the first's balanced accuracy minus the second's.
///
/// # Panics
/// If the lists differ in length or are empty.
pub fn difference_ci95(pair: &Pair, seed: u64) -> [f64; 2] {
    let n = pair.truth.len();
    let lengths = [pair.first.len(), pair.second.len(), pair.groups.len()];
    assert!(n > 0 && lengths == [n; 3], "difference_ci95: {n} pictures, answers and groups {lengths:?}");
    let mut groups: BTreeMap<u32, BTreeMap<usize, Tally>> = BTreeMap::new();
    for i in 0..n {
        let class = pair.truth[i] as usize;
        let tally = groups.entry(pair.groups[i]).or_default().entry(class).or_insert((class, 0.0, 0.0, 0.0));
        tally.1 += 1.0;
        tally.2 += f64::from(u8::from(pair.first[i] == pair.truth[i]));
        tally.3 += f64::from(u8::from(pair.second[i] == pair.truth[i]));
    }
    let groups: Vec<Vec<Tally>> = groups.into_values().map(|tallies| tallies.into_values().collect()).collect();
    let key = Key::new(seed).with_name("paired bootstrap");
    let mut differences: Vec<f64> = (0..RESAMPLES)
        .map(|resample| {
            let mut stream = key.with(resample as u64).stream();
            let mut sums = vec![(0.0, 0.0); pair.classes]; // pictures, right by the first minus right by the second
            for _ in 0..groups.len() {
                for &(class, n, first, second) in &groups[stream.below(groups.len())] {
                    sums[class].0 += n;
                    sums[class].1 += first - second;
                }
            }
            let present: Vec<f64> = sums.iter().filter(|(n, _)| *n > 0.0).map(|(n, d)| d / n).collect();
            present.iter().sum::<f64>() / present.len() as f64
        })
        .collect();
    differences.sort_by(f64::total_cmp);
    let at = |share: f64| differences[(share * (RESAMPLES - 1) as f64).round() as usize];
    [at(0.025), at(0.975)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(first: &[u32], second: &[u32]) -> [f64; 2] {
        let truth: Vec<u32> = (0..first.len() as u32).map(|i| i % 2).collect();
        let groups: Vec<u32> = (0..first.len() as u32).collect();
        difference_ci95(&Pair { truth: &truth, first, second, groups: &groups, classes: 2 }, 1)
    }

    #[test]
    fn equal_answers_do_not_differ() {
        let answers: Vec<u32> = (0..60).map(|i| (i / 7) % 2).collect();
        assert_eq!(interval(&answers, &answers), [0.0, 0.0]);
    }

    #[test]
    fn a_clear_winner_excludes_nothing_but_its_lead() {
        let right: Vec<u32> = (0..100).map(|i| i % 2).collect();
        let poor: Vec<u32> = (0..100).map(|i| if i % 5 < 2 { i % 2 } else { 1 - i % 2 }).collect(); // 40 % right
        let [low, high] = interval(&right, &poor);
        assert!(low > 0.4 && high < 0.8 && low < 0.6 && high > 0.6, "[{low}, {high}]");
    }
}
