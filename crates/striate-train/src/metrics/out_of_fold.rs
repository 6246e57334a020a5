//! 95 % intervals of balanced accuracy out of fold, for a model that is fitted again to all pictures.
//!
//! They are wider than those of a fixed model on pictures of its own: training sets of folds overlap, and the model that is saved is one
//! more draw of what could be learned (Bates, Hastie, Tibshirani 2023 <https://arxiv.org/abs/2104.00673>). A resampling of few pictures
//! sees too little spread, so this is Wilson's interval for an effective number of pictures.

use super::interval::Shares;
use std::collections::BTreeMap;

/// The normal quantile of 95 %.
const Z: f64 = 1.959_963_984_540_054;
/// What the variance of n pictures is multiplied by: 1.3 (1 + 7 / n). Its coverage is in docs/choice.md.
const WIDER: f64 = 1.3;
const FEW: f64 = 7.0;

/// `[low, high]` within `[0, 1]`. `groups` has an id for each picture: pictures of one group err together. `gain`: by how much a model
/// fitted to all pictures is expected to be better than those of the folds, which the upper end allows for.
///
/// # Panics
/// If there is no picture, the slices differ in length or a label is not below the number of classes.
pub fn out_of_fold_ci95(shares: &Shares, groups: &[u32], gain: f64) -> [f64; 2] {
    let Shares { right, truth, classes } = *shares;
    assert!(!truth.is_empty(), "out_of_fold_ci95: at least one picture, got none");
    assert_eq!([truth.len(); 2], [right.len(), groups.len()], "out_of_fold_ci95: lists differ in length");
    let mut totals = vec![(0.0, 0.0); classes]; // pictures, right answers
    for (&right, &class) in right.iter().zip(truth) {
        let total = &mut totals[class as usize];
        *total = (total.0 + 1.0, total.1 + right);
    }
    let present = totals.iter().filter(|total| total.0 > 0.0).count() as f64;
    let value = shares.balanced_accuracy();
    let weight = |class: u32| 1.0 / (present * totals[class as usize].0);
    // How much more the sums of groups vary than if each picture stood alone.
    let (mut alone, mut sums) = (0.0, BTreeMap::new());
    for ((&right, &class), &group) in right.iter().zip(truth).zip(groups) {
        let total = totals[class as usize];
        let off = weight(class) * (right - total.1 / total.0);
        alone += off * off;
        *sums.entry(group).or_insert(0.0) += off;
    }
    let together = sums.values().map(|sum| sum * sum).sum::<f64>();
    let largest = largest_group(groups) as f64;
    let design = if alone > 0.0 { (together / alone).clamp(1.0, largest) } else { largest };
    let squares: f64 = truth.iter().map(|&class| weight(class) * weight(class)).sum();
    let alone = 1.0 / (squares * design);
    let n = alone / (WIDER * (1.0 + FEW / alone));
    let middle = (value + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
    let half = Z / (1.0 + Z * Z / n) * (value * (1.0 - value) / n + Z * Z / (4.0 * n * n)).sqrt();
    [(middle - half).max(0.0), (middle + half + gain.max(0.0)).min(1.0)]
}

fn largest_group(groups: &[u32]) -> usize {
    let mut counts: BTreeMap<u32, usize> = BTreeMap::new();
    groups.iter().for_each(|&group| *counts.entry(group).or_default() += 1);
    counts.into_values().max().unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(right: &[f64], groups: &[u32], gain: f64) -> [f64; 2] {
        let truth: Vec<u32> = (0..right.len() as u32).map(|i| i % 2).collect();
        out_of_fold_ci95(&Shares { right, truth: &truth, classes: 2 }, groups, gain)
    }

    #[test]
    fn it_is_wilson_s_interval_of_fewer_pictures() {
        let right: Vec<f64> = (0..60).map(|i| f64::from(u8::from(i % 6 > 1))).collect(); // 40 of 60
        let groups: Vec<u32> = (0..60).collect();
        let [low, high] = interval(&right, &groups, 0.0);
        // Wilson's interval of two thirds of 60 / (1.3 (1 + 7 / 60)) pictures, computed apart.
        assert!((low - 0.514297075).abs() < 1e-6 && (high - 0.790690148).abs() < 1e-6, "{low} {high}");
        assert_eq!(interval(&right, &groups, 0.05)[0], low);
        assert!((interval(&right, &groups, 0.05)[1] - high - 0.05).abs() < 1e-12);
    }

    #[test]
    fn few_pictures_and_groups_that_err_together_widen_it() {
        let groups: Vec<u32> = (0..10).collect();
        let [low, high] = interval(&[1.0; 10], &groups, 0.0);
        assert!(low < 0.7 && high > 0.999, "ten right answers of ten prove little: {low}");
        let right: Vec<f64> = (0..60).map(|i| f64::from(u8::from(i / 10 % 3 > 0))).collect();
        let width = |groups: &[u32]| interval(&right, groups, 0.0)[1] - interval(&right, groups, 0.0)[0];
        let tens: Vec<u32> = (0..60).map(|i| i / 10).collect();
        let singles: Vec<u32> = (0..60).collect();
        assert!(width(&tens) > 1.8 * width(&singles), "{} {}", width(&tens), width(&singles));
    }
}
