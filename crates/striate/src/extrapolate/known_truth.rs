//! Forecasts held against the truth: curves of a few pictures followed to numbers of labels that all the others can give.
//!
//! `STRIATE_EMBEDDED=x.npy` does the same, more often, for any table of `striate embed`, with the figures in `x.forecasts`.

use super::*;
use crate::draws::{Draw, Pool};
use crate::label_curve::{Learner, measure};
use crate::rungs::heads::{Head, HeadSpec};
use std::collections::BTreeMap;
use striate_data::dataset::{Dataset, OpenOptions};
use striate_data::picture::Pixels;
use striate_kernels::rng::Key;
use striate_vision::npy;

/// How far the truth itself is off, from so many draws.
const NOISE: f64 = 0.003;

/// Vectors with their classes.
struct Table {
    features: Vec<f32>, // [N, D]
    labels: Vec<u32>,
    classes: usize,
}

/// A forecast and what it should have been.
struct Outcome {
    times: usize,
    error: f64,
    width: f64,
    held: bool,
    gain_held: bool,
}

impl Table {
    fn digits() -> Self {
        let digits = Dataset::open("@digits", &OpenOptions::default()).expect("@digits is built in");
        let labels = digits.examples.iter().map(|example| example.label.expect("each has a label")).collect();
        let values = |i: usize| match digits.picture(i).expect("each can be read").picture.pixels {
            Pixels::U8(values) => values.into_iter().map(f32::from).collect::<Vec<f32>>(),
            other => panic!("@digits holds bytes, got {other:?}"),
        };
        Self { features: (0..digits.len()).flat_map(values).collect(), labels, classes: 10 }
    }

    fn embedded(file: &std::path::Path) -> Self {
        let bytes = std::fs::read(file).expect("the table of STRIATE_EMBEDDED");
        let array = npy::from_npy_bytes(&bytes, npy::Limits::default()).expect("a table");
        let rows = std::fs::read_to_string(file.with_extension("csv")).expect("its rows");
        let names: Vec<&str> = rows.lines().skip(1).map(|row| row.rsplit(',').next().unwrap_or_default()).collect();
        let mut classes: BTreeMap<&str, u32> = names.iter().map(|&name| (name, 0)).collect();
        classes.values_mut().enumerate().for_each(|(i, class)| *class = i as u32);
        let labels = names.iter().map(|name| classes[name]).collect();
        Self { features: array.values().to_vec(), labels, classes: classes.len() }
    }

    fn learner<'a>(&self, features: &'a [f32], head: Head) -> Learner<'a> {
        let spec = HeadSpec { normalize: None, classes: self.classes, balanced: false, seed: 1 };
        Learner { name: "test".into(), features, head, spec }
    }

    fn singles(&self) -> Vec<u32> {
        (0..self.labels.len() as u32).collect()
    }

    /// Balanced accuracy with `n` labels a class on all other pictures: the truth, or near it.
    fn truth(&self, head: Head, n: usize) -> f64 {
        let groups = self.singles();
        let pool = Pool { labels: &self.labels, groups: &groups, classes: self.classes };
        let curve = crate::label_curve::measure_at(&pool, &self.learner(&self.features, head), n, 99);
        curve.iter().sum::<f64>() / curve.len() as f64
    }

    /// Follows the curves of `trials` sets of `of_each` pictures of each class, to twice and five times as many.
    fn trials(&self, head: Head, of_each: usize, trials: u64) -> Vec<Outcome> {
        let (d, groups) = (self.features.len() / self.labels.len(), self.singles());
        let all = Pool { labels: &self.labels, groups: &groups, classes: self.classes };
        let smallest = all.counts().into_iter().min().unwrap_or(0);
        let times = [1, 2, 5].into_iter().filter(|times| times * of_each < smallest);
        let truths: Vec<(usize, f64)> = times.map(|times| (times, self.truth(head, times * of_each))).collect();
        let now = truths[0].1;
        let mut outcomes = Vec::new();
        for trial in 0..trials {
            let few = Draw::new(&all, Key::new(trial).with_name("few")).learned(of_each);
            let features: Vec<f32> = few.iter().flat_map(|&i| &self.features[i as usize * d..][..d]).copied().collect();
            let labels: Vec<u32> = few.iter().map(|&i| self.labels[i as usize]).collect();
            let pool = Pool { labels: &labels, groups: &groups[..few.len()], classes: self.classes };
            let curves = measure(&pool, &[self.learner(&features, head)], 1e12, trial);
            let answer = extrapolate(&curves, 0, "test", of_each);
            for &(times, truth) in &truths[1..] {
                let Some(forecast) = answer.forecasts.iter().find(|f| f.times == times as f64) else { continue };
                let [low, high] = forecast.ci95;
                let (error, held) = (forecast.mean - truth, low <= truth && truth <= high);
                let [least, most] = forecast.gain_ci95;
                let gain_held = least - NOISE <= truth - now && truth - now <= most + NOISE;
                outcomes.push(Outcome { times, error, width: high - low, held, gain_held });
            }
        }
        outcomes
    }
}

/// Shares held of the figures and of the gains, root mean square error, mean width.
fn figures(outcomes: &[&Outcome]) -> [f64; 4] {
    let n = outcomes.len().max(1) as f64;
    let held = outcomes.iter().filter(|o| o.held).count() as f64 / n;
    let gains = outcomes.iter().filter(|o| o.gain_held).count() as f64 / n;
    let square = outcomes.iter().map(|o| o.error * o.error).sum::<f64>() / n;
    [held, gains, square.sqrt(), outcomes.iter().map(|o| o.width).sum::<f64>() / n]
}

#[test]
fn forecasts_hold_the_truth_about_as_often_as_they_say() {
    let embedded = std::env::var_os("STRIATE_EMBEDDED");
    let table = embedded.as_ref().map_or_else(Table::digits, |file| Table::embedded(file.as_ref()));
    let (counts, trials): (&[usize], u64) = if embedded.is_some() { (&[25, 50], 20) } else { (&[20, 30], 6) };
    let (mut all, mut lines) = (Vec::new(), String::new());
    for head in [Head::Centroid, Head::Logistic] {
        for &of_each in counts {
            let outcomes = table.trials(head, of_each, trials);
            for times in [2, 5] {
                let of: Vec<&Outcome> = outcomes.iter().filter(|o| o.times == times).collect();
                let [held, gains, error, width] = figures(&of);
                lines += &format!(
                    "{head:?}, {of_each} of each, {times} times: {} of {trials} followed, {held:.2} held, {gains:.2} of gains, error {error:.3}, width {width:.3}\n",
                    of.len()
                );
            }
            all.extend(outcomes);
        }
    }
    let [held, gains, error, _] = figures(&all.iter().collect::<Vec<_>>());
    lines += &format!("all: {} forecasts, {held:.3} held, {gains:.3} of gains, error {error:.4}", all.len());
    if let Some(file) = embedded {
        std::fs::write(std::path::Path::new(&file).with_extension("forecasts"), &lines)
            .expect("a file beside the table");
    }
    assert!(all.len() as u64 >= trials * counts.len() as u64, "most curves can be followed: {lines}");
    assert!(held >= 0.85 && error < 0.05, "0.95 were promised: {lines}");
}
