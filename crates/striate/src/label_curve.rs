//! Label-efficiency curves: how well so many labels a class do, over many draws that are the same for every way to learn.
//!
//! Intervals and differences come from one bootstrap: each resample takes draws and groups of pictures anew, for all curves
//! at once. So they hold for other draws and for other pictures of the kind, and differences are paired.

use crate::draws::{Draw, Pool, rest};
use crate::report::LabelPoint;
use crate::rungs::heads::{FittedHead, Head, HeadSpec, Last};
use rayon::prelude::*;
use striate_kernels::linear::{LinearShape, linear};
use striate_kernels::rng::Key;
use striate_train::heads::logistic::Examples;
use striate_train::metrics::interval::quantile;

/// Draws of each number of labels, at most and at least.
const DRAWS: usize = 40;
const FEWEST: usize = 5;
/// Resamples of the bootstrap.
const RESAMPLES: usize = 400;
/// One way to learn.
#[derive(Clone)]
pub struct Learner<'a> {
    /// Its name.
    pub name: String,
    /// Features of the pool's pictures, `[N, D]`.
    pub features: &'a [f32],
    /// What is fitted to them.
    pub head: Head,
    /// What that is told.
    pub spec: HeadSpec,
}

impl Learner<'_> {
    /// Multiply-adds of one fit to `rows` pictures and the scoring of all `n`, about.
    fn macs(&self, rows: usize, n: usize, classes: usize) -> f64 {
        let (d, rows, n, k) = ((self.features.len() / n) as f64, rows as f64, n as f64, classes as f64);
        let fit = match self.head {
            Head::Centroid => rows * d,
            Head::Discriminant => rows * rows.min(d) * d + rows.min(d).powi(3),
            // The Gram matrix, its factor, and some hundreds of passes over what it leaves of the features.
            _ => rows * rows * d + rows * rows * rows + 400.0 * rows * rows.min(d) * (k + 8.0),
        };
        fit + n * d * (k + 8.0)
    }
}

/// What an answer on one picture was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    /// Learned from, or of a group that was.
    Out,
    Wrong,
    Right,
}

/// Curves of several learners on the same draws.
pub struct Curves {
    /// Numbers of labels a class, rising.
    pub sizes: Vec<usize>,
    /// For each learner: balanced accuracies on the draws, `[size][draw]`; a dear learner has fewer draws or sizes.
    pub values: Vec<Vec<Vec<f64>>>,
    /// For each learner the mean over draws on each resample, `[size][resample]`; the same resamples for all.
    pub resampled: Vec<Vec<Vec<f64>>>,
}

/// Learns from draws of `pool`, within about `macs` multiply-adds. The same bits for any number of threads.
pub fn measure(pool: &Pool, learners: &[Learner], macs: f64, seed: u64) -> Curves {
    let key = Key::new(seed).with_name("label curve");
    let draws: Vec<Draw> = (0..DRAWS).map(|draw| Draw::new(pool, key.with(draw as u64))).collect();
    let mut sizes = pool.sizes();
    sizes.retain(|&size| draws.iter().all(|draw| scores_every_class(pool, &draw.learned(size))));
    let share = macs / (learners.len() * sizes.len()).max(1) as f64;
    let marks: Vec<Vec<Vec<Vec<Mark>>>> = learners
        .iter()
        .map(|learner| {
            let fitting = |&size: &usize| {
                let each = learner.macs(size * pool.classes, pool.labels.len(), pool.classes);
                Some((size, ((share / each) as usize).min(DRAWS))).filter(|&(_, draws)| draws >= FEWEST)
            };
            let affordable = sizes.iter().map_while(fitting);
            affordable.map(|(size, n)| answers(pool, learner, &draws[..n], size, seed)).collect()
        })
        .collect();
    let ones = vec![1.0; pool.labels.len()];
    let map = |f: &(dyn Fn(&[Vec<Mark>]) -> Vec<f64> + Sync)| -> Vec<Vec<Vec<f64>>> {
        marks.iter().map(|sizes| sizes.iter().map(|draws| f(draws)).collect()).collect()
    };
    let values = map(&|draws| draws.iter().map(|marks| balanced(pool, marks, &ones)).collect());
    let resamples: Vec<Resample> = (0..RESAMPLES).map(|i| Resample::new(pool, key.with_name("bootstrap"), i)).collect();
    let resampled = map(&|draws| resamples.par_iter().map(|resample| resample.mean(pool, draws)).collect());
    Curves { sizes, values, resampled }
}

/// Balanced accuracies of one learner with `size` labels a class.
#[cfg(test)]
pub fn measure_at(pool: &Pool, learner: &Learner, size: usize, seed: u64) -> Vec<f64> {
    let draws: Vec<Draw> = (0..DRAWS as u64 / 2).map(|draw| Draw::new(pool, Key::new(seed).with(draw))).collect();
    let marks = answers(pool, learner, &draws, size, seed);
    marks.iter().map(|marks| balanced(pool, marks, &vec![1.0; pool.labels.len()])).collect()
}

impl Curves {
    /// The points of one learner.
    pub fn points(&self, learner: usize) -> Vec<LabelPoint> {
        let cells = self.sizes.iter().zip(&self.values[learner]).zip(&self.resampled[learner]);
        cells
            .map(|((&labels, values), resampled)| LabelPoint {
                labels,
                mean: mean(values),
                ci95: percentiles(resampled.clone()),
                draws: values.len(),
            })
            .collect()
    }

    /// What one learner is ahead of another, on the draws that both had.
    pub fn differences(&self, learner: usize, other: usize) -> Vec<LabelPoint> {
        let cells = self.sizes.iter().enumerate().take(self.values[learner].len().min(self.values[other].len()));
        cells
            .map(|(size, &labels)| {
                let [a, b] = [learner, other].map(|l| &self.values[l][size]);
                let values: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
                let [a, b] = [learner, other].map(|l| &self.resampled[l][size]);
                let ci95 = percentiles(a.iter().zip(b).map(|(a, b)| a - b).collect());
                LabelPoint { labels, mean: mean(&values), ci95, draws: values.len() }
            })
            .collect()
    }
}

/// The middle 95 % of resampled values.
pub fn percentiles(mut values: Vec<f64>) -> [f64; 2] {
    values.sort_by(f64::total_cmp);
    [quantile(&values, 0.025), quantile(&values, 0.975)]
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn scores_every_class(pool: &Pool, learned: &[u32]) -> bool {
    let mut left = vec![false; pool.classes];
    rest(pool, learned).iter().zip(pool.labels).filter(|(rest, _)| **rest).for_each(|(_, &l)| left[l as usize] = true);
    left.iter().all(|&left| left)
}

/// Learns on each draw and answers on its rest.
fn answers(pool: &Pool, learner: &Learner, draws: &[Draw], size: usize, seed: u64) -> Vec<Vec<Mark>> {
    let (n, k) = (pool.labels.len(), pool.classes);
    let d = learner.features.len() / n;
    let all = learner.features;
    let spec = HeadSpec { seed, ..learner.spec.clone() };
    let answer = |draw: &Draw| {
        let learned = draw.learned(size);
        let pick = |of: &[u32]| -> Vec<u32> { learned.iter().map(|&i| of[i as usize]).collect() };
        let (labels, groups) = (pick(pool.labels), pick(pool.groups));
        let features: Vec<f32> = learned.iter().flat_map(|&i| &all[i as usize * d..][..d]).copied().collect();
        let examples = Examples { features: &features, labels: &labels, groups: &groups };
        let fitted = learner.head.fit(&spec, &examples).expect("a linear head fits any features");
        let FittedHead { normalization, last: Last::Linear(weight, bias) } = fitted else {
            panic!("label curves are drawn of linear heads")
        };
        let rows = normalization.map(|normalization| normalization.apply(all));
        let all = rows.as_deref().unwrap_or(all);
        let mut logits = vec![0.0; n * k];
        let free = (f32::NEG_INFINITY, f32::INFINITY);
        linear(&LinearShape { n, c_in: d, c_out: k }, all, &weight, Some(&bias), free, &mut logits);
        let scores = rest(pool, &learned);
        let marks = logits.chunks_exact(k).zip(pool.labels).zip(scores).map(|((row, &label), scores)| {
            let best = (1..k).fold(0, |best, i| if row[i] > row[best] { i } else { best });
            match (scores, best == label as usize) {
                (false, _) => Mark::Out,
                (true, right) => [Mark::Wrong, Mark::Right][usize::from(right)],
            }
        });
        marks.collect()
    };
    draws.par_iter().map(answer).collect()
}

/// Balanced accuracy of one draw, each picture counted `weights` times.
fn balanced(pool: &Pool, marks: &[Mark], weights: &[f64]) -> f64 {
    let mut sums = vec![(0.0, 0.0); pool.classes]; // pictures, right ones
    for ((&mark, &label), &weight) in marks.iter().zip(pool.labels).zip(weights) {
        let sum = &mut sums[label as usize];
        sum.0 += if mark == Mark::Out { 0.0 } else { weight };
        sum.1 += if mark == Mark::Right { weight } else { 0.0 };
    }
    let (mut classes, mut total) = (0.0, 0.0);
    for (n, right) in sums.into_iter().filter(|(n, _)| *n > 0.0) {
        classes += 1.0;
        total += right / n;
    }
    if classes > 0.0 { total / classes } else { 0.0 }
}

/// Draws and groups taken anew.
struct Resample {
    picks: Vec<u64>,
    weights: Vec<f64>, // how often each picture counts
}

impl Resample {
    fn new(pool: &Pool, key: Key, index: usize) -> Self {
        let mut stream = key.with(index as u64).stream();
        let picks = (0..DRAWS).map(|_| stream.next_u64()).collect();
        let mut ids = pool.groups.to_vec();
        ids.sort_unstable();
        ids.dedup();
        let mut times = vec![0.0; ids.len()];
        (0..ids.len()).for_each(|_| times[stream.below(ids.len())] += 1.0);
        let weight = |group: &u32| ids.binary_search(group).map_or(0.0, |at| times[at]);
        Self { picks, weights: pool.groups.iter().map(weight).collect() }
    }

    /// The mean over the picked draws. Sizes with equally many draws pick the same ones.
    fn mean(&self, pool: &Pool, draws: &[Vec<Mark>]) -> f64 {
        let mut times = vec![0.0; draws.len()];
        let pick = |bits: &u64| ((u128::from(*bits) * draws.len() as u128) >> 64) as usize;
        self.picks.iter().take(draws.len()).for_each(|bits| times[pick(bits)] += 1.0);
        let picked = draws.iter().zip(&times).filter(|(_, times)| **times > 0.0);
        picked.map(|(marks, times)| times * balanced(pool, marks, &self.weights)).sum::<f64>() / draws.len() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two classes a distance apart in two of four features, the rest noise; groups of two.
    fn pool(n: usize, apart: f32) -> (Vec<f32>, Vec<u32>, Vec<u32>) {
        let mut stream = Key::new(5).stream();
        let labels: Vec<u32> = (0..n as u32).map(|i| i / 2 % 2).collect();
        let normal = |stream: &mut striate_kernels::rng::Stream| (0..12).map(|_| stream.uniform()).sum::<f32>() - 6.0;
        let features = labels
            .iter()
            .flat_map(|&label| [0, 1, 2, 3].map(|f| if f < 2 { apart * label as f32 } else { 0.0 }))
            .map(|shift| shift + normal(&mut stream));
        (features.collect(), labels, (0..n as u32).map(|i| i / 2).collect())
    }

    fn measured(n: usize, apart: f32, macs: f64) -> Curves {
        let (features, labels, groups) = pool(n, apart);
        let spec = HeadSpec { normalize: None, classes: 2, balanced: false, seed: 1 };
        let learner =
            |name: &str, head| Learner { name: String::from(name), features: &features, head, spec: spec.clone() };
        let learners = [learner("centroid", Head::Centroid), learner("logistic", Head::Logistic)];
        measure(&Pool { labels: &labels, groups: &groups, classes: 2 }, &learners, macs, 1)
    }

    #[test]
    fn more_labels_do_better_and_the_intervals_hold_the_means() {
        let curves = measured(120, 1.5, 1e12);
        assert_eq!(curves.sizes, [1, 2, 5, 10, 20, 48]);
        for learner in 0..2 {
            let points = curves.points(learner);
            assert!(
                points.iter().all(|p| p.draws == DRAWS && p.ci95[0] <= p.mean && p.mean <= p.ci95[1]),
                "{points:?}"
            );
            assert!(points[5].mean > points[0].mean + 0.05, "{points:?}");
            assert!(points[5].mean > 0.78 && points[5].mean < 0.92, "{points:?}"); // the best rule has 85.6 %
        }
        let own = curves.differences(0, 0);
        assert!(own.iter().all(|p| p.mean == 0.0 && p.ci95 == [0.0; 2]), "paired with itself: {own:?}");
        let ahead = curves.differences(0, 1);
        assert!((ahead[2].mean - (curves.points(0)[2].mean - curves.points(1)[2].mean)).abs() < 1e-12);
    }

    #[test]
    fn labels_that_say_nothing_stay_at_chance() {
        for points in [measured(120, 0.0, 1e12).points(0), measured(120, 0.0, 1e12).points(1)] {
            assert!(points.iter().all(|p| (p.mean - 0.5).abs() < 0.09 && p.ci95[0] < 0.5), "{points:?}");
        }
    }

    #[test]
    fn threads_change_no_bit_and_a_dear_learner_has_fewer_points() {
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a thread pool");
            pool.install(|| measured(60, 1.0, 4e6).values)
        };
        let one = on(1);
        assert_eq!(one, on(3));
        assert!(one[1].len() < one[0].len(), "{one:?}");
    }
}
