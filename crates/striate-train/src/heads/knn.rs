//! k nearest neighbours on features of length 1, weighed by similarity; k is chosen on the examples themselves.
//!
//! The vote is that of [`striate_nn::layers::neighbours`] (Caron et al. 2021). Each example is labelled by its neighbours of other
//! groups, for each k in turn, and the k of the best balanced accuracy is kept.

use rayon::prelude::*;
use striate_kernels::linear::{LinearShape, linear};
use striate_nn::layers::neighbours::{Vote, nearest, unit_rows};

use super::logistic::Examples;
use crate::metrics::{Outcomes, argmax, balanced_accuracy, confusion};

/// Rows whose similarities to all others are held at once.
const BLOCK: usize = 256;

/// How to fit a [`Knn`].
#[derive(Clone, Debug, PartialEq)]
pub struct KnnConfig {
    /// Classes K.
    pub classes: usize,
    /// Values of k to choose among, ascending.
    pub neighbours: Vec<usize>,
    /// What similarities are divided by before the exponential.
    pub temperature: f64,
    /// Weighs votes by the inverse frequency of their class.
    pub balanced: bool,
}

impl KnnConfig {
    /// One to twenty neighbours at the paper's temperature, unweighted.
    pub fn new(classes: usize) -> Self {
        Self { classes, neighbours: vec![1, 3, 5, 10, 20], temperature: 0.07, balanced: false }
    }
}

/// Examples that vote.
#[derive(Clone, Debug, PartialEq)]
pub struct Knn {
    /// `[M, D]`, rows of length 1.
    pub features: Vec<f32>,
    /// `[K, M]`: how much an example counts for a class.
    pub votes: Vec<f32>,
    /// Classes K.
    pub classes: usize,
    /// The number of neighbours chosen.
    pub k: usize,
    /// What similarities are divided by before the exponential.
    pub temperature: f64,
    /// Numbers tried, each with its balanced accuracy; empty where there was no choice.
    pub tried: Vec<(usize, f64)>,
}

impl KnnConfig {
    /// Keeps the examples and chooses k. The same bits for any number of threads.
    ///
    /// # Panics
    /// If there is no example or no k, a k is 0, lengths do not fit together or a label is not below `classes`.
    pub fn fit(&self, examples: &Examples) -> Knn {
        let n = examples.labels.len();
        let ks = &self.neighbours;
        assert!(
            n > 0 && ks.first().is_some_and(|k| *k > 0),
            "Knn: needs an example and neighbours, got {n} and {ks:?}"
        );
        assert!(
            examples.groups.len() == n && examples.features.len().is_multiple_of(n),
            "Knn: features must be [N, D]"
        );
        let mut counts = vec![0; self.classes];
        for &label in examples.labels {
            assert!((label as usize) < self.classes, "Knn: labels must be below {}, got {label}", self.classes);
            counts[label as usize] += 1;
        }
        let present = counts.iter().filter(|count| **count > 0).count();
        let weight = |class: usize| if self.balanced { n as f32 / (present * counts[class]) as f32 } else { 1.0 };
        let mut votes = vec![0.0; self.classes * n];
        for (i, &label) in examples.labels.iter().enumerate() {
            votes[label as usize * n + i] = weight(label as usize);
        }
        let features = unit_rows(examples.features, examples.features.len() / n);
        let mut knn =
            Knn { features, votes, classes: self.classes, k: ks[0], temperature: self.temperature, tried: Vec::new() };
        if ks.len() > 1 {
            knn.tried = self.compare(&knn, examples);
            let best = |best: (usize, f64), tried: &(usize, f64)| if tried.1 >= best.1 { *tried } else { best };
            knn.k = knn.tried.iter().fold((ks[0], 0.0), best).0; // of equals the most neighbours: the smoothest shares
        }
        knn.k = knn.k.min(n);
        knn
    }

    fn compare(&self, knn: &Knn, examples: &Examples) -> Vec<(usize, f64)> {
        let most = self.neighbours.iter().copied().max().unwrap_or(1);
        let groups = examples.groups;
        let other = |row: usize, i: usize| groups[i] != groups[row];
        let neighbours = knn.neighbours_of(&knn.features, most, &other);
        let score = |&k: &usize| {
            let label = |near: &Vec<(usize, f32)>| argmax(&knn.vote().shares(&near[..k.min(near.len())]));
            let predicted: Vec<u32> = neighbours.iter().map(label).collect();
            let outcomes = Outcomes { truth: examples.labels, predicted: &predicted, classes: self.classes };
            (k, balanced_accuracy(&confusion(&outcomes)))
        };
        self.neighbours.iter().map(score).collect()
    }
}

impl Knn {
    /// Logits `[N, K]` of features `[N, D]`.
    ///
    /// # Panics
    /// If the rows are not those of D numbers.
    pub fn logits(&self, features: &[f32]) -> Vec<f32> {
        let rows = unit_rows(features, self.feature_len());
        self.neighbours_of(&rows, self.k, &|_, _| true).iter().flat_map(|near| self.vote().logits(near)).collect()
    }

    fn feature_len(&self) -> usize {
        self.features.len() * self.classes / self.votes.len()
    }

    fn vote(&self) -> Vote<'_> {
        Vote { votes: &self.votes, classes: self.classes, temperature: self.temperature }
    }

    /// Of each row of length 1 the nearest examples; `counts(row, example)` says which may be.
    fn neighbours_of(
        &self,
        rows: &[f32],
        k: usize,
        counts: &(dyn Fn(usize, usize) -> bool + Sync),
    ) -> Vec<Vec<(usize, f32)>> {
        let (c_in, c_out) = (self.feature_len(), self.votes.len() / self.classes);
        let mut out = Vec::with_capacity(rows.len() / c_in);
        for (block, rows) in rows.chunks(BLOCK * c_in).enumerate() {
            let shape = LinearShape { n: rows.len() / c_in, c_in, c_out };
            let mut similarities = vec![0.0; shape.n * c_out];
            linear(&shape, rows, &self.features, None, (f32::NEG_INFINITY, f32::INFINITY), &mut similarities);
            let near = similarities.par_chunks_exact(c_out).enumerate();
            out.par_extend(near.map(|(i, row)| nearest(row, k, |example| counts(block * BLOCK + i, example))));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heads::logistic::tests::problem;

    fn singles(n: usize) -> Vec<u32> {
        (0..n as u32).collect()
    }

    #[test]
    fn shares_and_answers_are_those_of_scikit_learn() {
        let fixture: serde_json::Value =
            serde_json::from_str(include_str!("../../fixtures/knn.json")).expect("fixtures/knn.json is JSON");
        for row in fixture.as_array().expect("rows") {
            let whole = |name: &str| row[name].as_u64().expect("a whole number") as usize;
            let (n, d, k, split) = (whole("n"), whole("d"), whole("classes"), whole("train"));
            let (x, labels) = problem(n, d, k);
            let config = KnnConfig { neighbours: vec![whole("neighbours")], ..KnnConfig::new(k) };
            let groups = singles(split);
            let examples = Examples { features: &x[..split * d], labels: &labels[..split], groups: &groups };
            let knn = config.fit(&examples);
            let rows = unit_rows(&x[split * d..], d);
            let near = knn.neighbours_of(&rows, knn.k, &|_, _| true);
            let expected = row["shares"].as_array().expect("rows");
            assert_eq!(near.len(), expected.len());
            for (i, (near, expected)) in near.iter().zip(expected).enumerate() {
                let shares = knn.vote().shares(near);
                assert_eq!(u64::from(argmax(&shares)), row["predicted"][i].as_u64().expect("a class"), "{row}");
                for (ours, expected) in shares.iter().zip(expected.as_array().expect("numbers")) {
                    assert!((ours - expected.as_f64().expect("a number")).abs() < 1e-4, "{ours} {expected}");
                }
            }
        }
    }

    #[test]
    fn k_is_chosen_by_neighbours_of_other_groups_for_any_number_of_threads() {
        // Each picture has a copy in its group: with it counted, one neighbour would always be right.
        let (x, labels) = problem(60, 12, 3);
        let twice = |i: usize| (x[i / 2 * 12..][..12].to_vec(), labels[i / 2], i as u32 / 2);
        let (mut features, mut classes, mut groups) = (Vec::new(), Vec::new(), Vec::new());
        for (row, label, group) in (0..120).map(twice) {
            features.extend(row);
            classes.push(label);
            groups.push(group);
        }
        let fit = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a thread pool");
            let examples = Examples { features: &features, labels: &classes, groups: &groups };
            pool.install(|| KnnConfig { balanced: true, ..KnnConfig::new(3) }.fit(&examples))
        };
        let knn = fit(1);
        assert_eq!(knn, fit(3));
        assert!(knn.tried[0].1 < 0.95, "{:?}", knn.tried);
        let best = knn.tried.iter().map(|tried| tried.1).fold(0.0, f64::max);
        assert!(knn.tried.contains(&(knn.k, best)), "{knn:?}");
    }

    #[test]
    fn few_examples_and_one_group_are_no_trouble() {
        let examples = Examples { features: &[1.0, 0.0, 0.0, 1.0], labels: &[0, 2], groups: &[5, 5] };
        let knn = KnnConfig::new(3).fit(&examples);
        let logits = knn.logits(&[2.0, 0.1, 0.0, 0.0]);
        assert_eq!((knn.k, argmax(&logits[..3].iter().map(|&v| f64::from(v)).collect::<Vec<_>>())), (2, 0));
        assert!(logits.iter().all(|v| v.is_finite()));
    }
}
