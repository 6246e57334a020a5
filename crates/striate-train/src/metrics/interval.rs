//! 95 % intervals of accuracy and balanced accuracy: percentile bootstrap over groups of pictures, which are resampled
//! whole because pictures of one group (specimen, patient, burst) err together.
//!
//! A bootstrap shows no variation where it saw none: all pictures of a class right gives the width 0, however few they
//! are. So a class with the same recall in each of its m groups adds an exact bound: no true share of other groups
//! may make what was seen less likely than 2.5 % (Clopper & Pearson 1934; 1 - 0.025^(1/m) for one class, near 3.7 / m,
//! the two-sided "rule of three" of Hanley & Lippman-Hand 1983). The two deviations are independent and join by squares
//! (MOVER, Zou & Donner 2008). Where every class varies, this is the plain bootstrap.

use rayon::prelude::*;
use striate_kernels::rng::Key;

use super::Outcomes;

/// Resamples drawn; at 2,000 the ends of the interval repeat to about a twentieth of its width.
const RESAMPLES: usize = 2000;
/// Draws of a group at most, about 2 s on one core: beyond 200,000 groups, where intervals are narrow, fewer resamples.
const MAX_DRAWS: usize = 400_000_000;
/// Resamples at least.
const MIN_RESAMPLES: usize = 200;
/// Left out at each end.
const TAIL: f64 = 0.025;

/// What the interval is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// Share of pictures labelled right.
    Accuracy,
    /// Mean recall over the classes that occur.
    BalancedAccuracy,
}

/// The share labelled right within one cell: a class, or all pictures for [`Metric::Accuracy`].
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    cell: u32,
    n: u32,
    right: f64,
}

impl Tally {
    fn share(&self) -> f64 {
        self.right / f64::from(self.n)
    }
}

/// `[low, high]` within `[0, 1]`, around the value itself. `groups` has an id for each picture. The same for the same
/// seed with any number of threads.
///
/// # Panics
/// If there is no picture, or the slices differ in length.
pub fn ci95(metric: Metric, outcomes: &Outcomes, groups: &[u32], seed: u64) -> [f64; 2] {
    let Outcomes { truth, predicted, classes } = *outcomes;
    assert_eq!(truth.len(), predicted.len(), "ci95: truth and predicted differ in length");
    let right: Vec<f64> = truth.iter().zip(predicted).map(|(t, p)| f64::from(u8::from(t == p))).collect();
    ci95_of_shares(metric, &Shares { right: &right, truth, classes }, groups, seed)
}

/// How often each picture was labelled right.
#[derive(Clone, Copy, Debug)]
pub struct Shares<'a> {
    /// Share of the answers on each picture that were right, `[0, 1]`.
    pub right: &'a [f64],
    /// Its class, below K.
    pub truth: &'a [u32],
    /// Number of classes K.
    pub classes: usize,
}

impl Shares<'_> {
    /// Mean over the classes that occur of the mean share of their pictures.
    pub fn balanced_accuracy(&self) -> f64 {
        let mut totals = vec![Tally::default(); self.classes];
        for (&right, &class) in self.right.iter().zip(self.truth) {
            add(&mut totals, &Tally { cell: class, n: 1, right });
        }
        mean_share(&totals)
    }
}

/// As [`ci95`], of pictures that were answered several times each.
///
/// # Panics
/// If there is no picture, the slices differ in length or a label is not below the number of classes.
pub fn ci95_of_shares(metric: Metric, shares: &Shares, groups: &[u32], seed: u64) -> [f64; 2] {
    let Shares { right, truth, classes } = *shares;
    assert!(!truth.is_empty(), "ci95: at least one picture, got none");
    assert_eq!([truth.len(); 2], [right.len(), groups.len()], "ci95: truth, answers and groups differ in length");
    let cells = if metric == Metric::Accuracy { 1 } else { classes };
    let tallies = tally_groups(metric, shares, groups);
    let mut totals = vec![Tally::default(); cells];
    tallies.iter().flatten().for_each(|tally| add(&mut totals, tally));
    let value = mean_share(&totals);

    let resamples = (MAX_DRAWS / tallies.len()).clamp(MIN_RESAMPLES, RESAMPLES);
    let key = Key::new(seed).with_name("bootstrap");
    let mut values: Vec<f64> = (0..resamples)
        .into_par_iter()
        .map(|resample| {
            let mut stream = key.with(resample as u64).stream();
            let mut sums = vec![Tally::default(); cells];
            for _ in 0..tallies.len() {
                tallies[stream.below(tallies.len())].iter().for_each(|tally| add(&mut sums, tally));
            }
            mean_share(&sums)
        })
        .collect();
    values.sort_by(f64::total_cmp);
    let [below, above] = unseen(&tallies, &totals);
    let low = (value - quantile(&values, TAIL)).max(0.0).hypot(below);
    let high = (quantile(&values, 1.0 - TAIL) - value).max(0.0).hypot(above);
    [(value - low).max(0.0), (value + high).min(1.0)]
}

fn add(sums: &mut [Tally], tally: &Tally) {
    let sum = &mut sums[tally.cell as usize];
    sum.n += tally.n;
    sum.right += tally.right;
}

/// Mean over the cells that occur.
fn mean_share(sums: &[Tally]) -> f64 {
    let present = sums.iter().filter(|sum| sum.n > 0);
    let (count, total) = present.fold((0usize, 0.0), |(count, total), sum| (count + 1, total + sum.share()));
    total / count as f64
}

/// What each group holds, by cell. Groups in ascending order of their ids.
fn tally_groups(metric: Metric, shares: &Shares, groups: &[u32]) -> Vec<Vec<Tally>> {
    let mut order: Vec<usize> = (0..groups.len()).collect();
    order.sort_by_key(|&i| groups[i]);
    let tally = |members: &[usize]| {
        let mut tallies: Vec<Tally> = Vec::with_capacity(1);
        for &i in members {
            let class = shares.truth[i];
            assert!((class as usize) < shares.classes, "ci95: labels must be below {}, got {class}", shares.classes);
            let cell = if metric == Metric::Accuracy { 0 } else { class };
            let right = shares.right[i];
            match tallies.iter_mut().find(|tally| tally.cell == cell) {
                Some(tally) => (tally.n, tally.right) = (tally.n + 1, tally.right + right),
                None => tallies.push(Tally { cell, n: 1, right }),
            }
        }
        tallies
    };
    order.chunk_by(|&a, &b| groups[a] == groups[b]).map(tally).collect()
}

/// How far the mean may lie below and above for what cells without variation cannot show.
fn unseen(tallies: &[Vec<Tally>], totals: &[Tally]) -> [f64; 2] {
    let mut holders = vec![0u32; totals.len()]; // groups of each cell
    let mut varies = vec![false; totals.len()];
    for tally in tallies.iter().flatten() {
        let (cell, total) = (tally.cell as usize, totals[tally.cell as usize]);
        holders[cell] += 1;
        varies[cell] |= (tally.share() - total.share()).abs() > 1e-9;
    }
    let present = totals.iter().filter(|total| total.n > 0).count() as f64;
    let frozen = || (0..totals.len()).filter(|&cell| totals[cell].n > 0 && !varies[cell]);
    let bound = |room: &dyn Fn(usize) -> f64| {
        let cells: Vec<(f64, f64)> = frozen().map(|cell| (room(cell), f64::from(holders[cell]))).collect();
        largest_unseen_sum(&cells) / present
    };
    [bound(&|cell| totals[cell].share()), bound(&|cell| 1.0 - totals[cell].share())]
}

/// Largest sum of `room * e` over cells of `(room, m)` such that seeing none of the shares `e` in m groups of each cell
/// still has the probability [`TAIL`]: the product of `(1 - e)^m`. By Lagrange `1 - e = min(1, t m / room)`.
fn largest_unseen_sum(cells: &[(f64, f64)]) -> f64 {
    let cells: Vec<(f64, f64)> = cells.iter().copied().filter(|&(room, _)| room > 0.0).collect();
    let log_seen = |t: f64| cells.iter().map(|&(room, m)| m * libm::log((t * m / room).min(1.0))).sum::<f64>();
    let mut high = cells.iter().map(|&(room, m)| room / m).fold(0.0, f64::max);
    let mut low = TAIL * high;
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        if log_seen(middle) < libm::log(TAIL) { low = middle } else { high = middle }
    }
    cells.iter().map(|&(room, m)| room * (1.0 - (high * m / room).min(1.0))).sum()
}

/// The share `q` in `[0, 1]` of sorted values lies below it; with linear interpolation (as numpy does).
pub fn quantile(sorted: &[f64], q: f64) -> f64 {
    let at = q * (sorted.len() - 1) as f64;
    let below = at.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (at - below as f64) * (sorted[above] - sorted[below])
}

#[cfg(test)]
mod tests {
    use super::super::tests::{fixture, labels, numbers};
    use super::*;

    fn singles(n: usize) -> Vec<u32> {
        (0..n as u32).collect()
    }

    /// The interval of `right` of `n` lone pictures of one class.
    fn one_class(right: usize, n: usize) -> [f64; 2] {
        let predicted: Vec<u32> = (0..n).map(|i| u32::from(i >= right)).collect();
        let outcomes = Outcomes { truth: &vec![0; n], predicted: &predicted, classes: 2 };
        ci95(Metric::BalancedAccuracy, &outcomes, &singles(n), 1)
    }

    #[test]
    fn where_all_classes_vary_it_is_the_bootstrap_of_numpy() {
        let fixture = fixture();
        let (truth, predicted) = (labels(&fixture["truth"]), labels(&fixture["predicted"]));
        let outcomes = Outcomes { truth: &truth, predicted: &predicted, classes: 5 };
        let groups = labels(&fixture["groups"]);
        for (metric, name) in [(Metric::Accuracy, "ci95_accuracy"), (Metric::BalancedAccuracy, "ci95_balanced")] {
            let (ours, theirs) = (ci95(metric, &outcomes, &groups, 0), numbers(&fixture[name]));
            let tolerance = 0.06 * (theirs[1] - theirs[0]); // of 2,000 resamples; numpy drew 40,000
            for end in 0..2 {
                assert!((ours[end] - theirs[end]).abs() < tolerance, "{name}: {ours:?} {theirs:?}");
            }
        }
    }

    #[test]
    fn a_perfect_score_has_the_exact_bound_of_clopper_and_pearson() {
        for row in fixture()["clopper_pearson"].as_array().expect("rows").iter().map(numbers) {
            let (n, low) = (row[0] as usize, row[1]);
            let all_right = one_class(n, n);
            assert!((all_right[0] - low).abs() < 1e-9 && all_right[1] == 1.0, "{n}: {all_right:?} {low}");
            let all_wrong = one_class(0, n);
            assert!((all_wrong[1] - (1.0 - low)).abs() < 1e-9 && all_wrong[0] == 0.0, "{n}: {all_wrong:?} {low}");
        }
    }

    #[test]
    fn one_group_says_next_to_nothing() {
        let outcomes = Outcomes { truth: &[0, 0, 1, 1], predicted: &[0, 1, 1, 1], classes: 2 };
        let [low, high] = ci95(Metric::Accuracy, &outcomes, &[7, 7, 7, 7], 1);
        assert!(low < 0.02 && high > 0.99, "{low} {high}");
    }

    #[test]
    fn a_few_pictures_of_a_perfect_class_widen_it_downwards() {
        let truth: Vec<u32> = (0..105).map(|i| u32::from(i >= 100)).collect();
        let predicted: Vec<u32> = (0..105).map(|i| u32::from(!(20..100).contains(&i))).collect();
        let outcomes = Outcomes { truth: &truth, predicted: &predicted, classes: 2 };
        let [low, high] = ci95(Metric::BalancedAccuracy, &outcomes, &singles(105), 1);
        assert!(low < 0.66 && high < 0.95, "{low} {high}"); // five right of five may hide half of that class
    }

    #[test]
    fn it_holds_the_truth_about_as_often_as_it_says() {
        for (p, n) in [(0.95, 40), (0.8, 60)] {
            let mut held = 0;
            for trial in 0..300 {
                let mut stream = Key::new(trial).with(n).stream();
                let right = (0..n).filter(|_| f64::from(stream.uniform()) < p).count();
                let [low, high] = one_class(right, n as usize);
                held += usize::from(low <= p && p <= high);
            }
            assert!(held >= 255, "{p} {n}: {held} of 300"); // a percentile bootstrap of so few is a little narrow
        }
    }

    #[test]
    fn sixty_thousand_pictures_take_a_moment() {
        let n = 60_000;
        let truth: Vec<u32> = (0..n).map(|i| i % 10).collect();
        let predicted: Vec<u32> = (0..n).map(|i| if i % 7 == 0 { 0 } else { i % 10 }).collect();
        let outcomes = Outcomes { truth: &truth, predicted: &predicted, classes: 10 };
        let start = std::time::Instant::now();
        let [low, high] = ci95(Metric::BalancedAccuracy, &outcomes, &singles(n as usize), 3);
        assert!(low < high && high - low < 0.01, "{low} {high}");
        assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed()); // half a second when nothing else runs
    }
}
