//! Pictures that stand out by blur or exposure, against the other pictures of the same data.

use crate::audit::Outlier;
use crate::prepare::Prepared;

/// From the median absolute deviation to the standard deviation of a normal distribution.
const MAD: f64 = 1.4826;
/// Robust standard deviations from the median. Photos of plain things before plain grounds reach -5 in sharpness and 5
/// in brightness; blurred by 2 % of their side they lie below -7, at a fifth of their light below -4.6.
const BLURRED: f64 = -6.0;
const DARK: f64 = -4.5;
const BRIGHT: f64 = 5.0;
/// The least deviation of luma, as a share of the usual contrast: where all pictures are alike, small ones count.
const LEAST_LUMA: f64 = 0.1;
/// The least deviation of the logarithm of sharpness.
const LEAST_SHARPNESS: f64 = 0.3;
/// Fewest pictures that say what is usual.
const LEAST_PICTURES: usize = 20;

/// The pictures of all splits that stand out, the farthest first.
pub(super) fn audit(prepared: &Prepared) -> Vec<Outlier> {
    let pictures = prepared.scan.readable();
    let looks = || pictures.iter().map(|&i| &prepared.scan.facts[i].appearance);
    let columns = looks().map(|look| Numbers { luma: look.luma.map(f64::from), sharpness: look.sharpness.into() });
    let found = outliers(&columns.collect::<Vec<_>>());
    found
        .into_iter()
        .map(|(at, what, z)| Outlier { file: prepared.dataset.name(pictures[at]), what: what.into(), z })
        .collect()
}

/// What is compared of a picture: percentiles 5, 50 and 95 of luma, and the variance of its Laplacian.
struct Numbers {
    luma: [f64; 3],
    sharpness: f64,
}

fn outliers(pictures: &[Numbers]) -> Vec<(usize, &'static str, f64)> {
    if pictures.len() < LEAST_PICTURES {
        return Vec::new();
    }
    let contrast = median(pictures.iter().map(|p| p.luma[2] - p.luma[0]).collect());
    let least_luma = LEAST_LUMA * contrast;
    let floor = (1e-6 * contrast * contrast).max(f64::MIN_POSITIVE); // a black picture has a logarithm too
    let sharpness = scores(pictures.iter().map(|p| libm::log(p.sharpness + floor)).collect(), LEAST_SHARPNESS);
    let dark = scores(pictures.iter().map(|p| p.luma[2]).collect(), least_luma);
    let bright = scores(pictures.iter().map(|p| p.luma[0]).collect(), least_luma);
    let mut found: Vec<(usize, &'static str, f64)> = Vec::new();
    for i in 0..pictures.len() {
        match () {
            () if dark[i] < DARK => found.push((i, "very dark", dark[i])),
            () if bright[i] > BRIGHT => found.push((i, "very bright", bright[i])),
            () if sharpness[i] < BLURRED => found.push((i, "blurred or plain", sharpness[i])),
            () => {}
        }
    }
    found.sort_by(|a, b| b.2.abs().total_cmp(&a.2.abs()).then(a.0.cmp(&b.0)));
    found
}

/// Distances from the median in robust standard deviations of at least `least`.
fn scores(values: Vec<f64>, least: f64) -> Vec<f64> {
    let middle = median(values.clone());
    let deviation = MAD * median(values.iter().map(|v| (v - middle).abs()).collect());
    let unit = deviation.max(least).max(1e-9);
    let score = |v: &f64| (v - middle) / unit;
    // Float pictures of the largest values have sums beyond all numbers: they say nothing.
    values.iter().map(|v| if score(v).is_finite() { score(v) } else { 0.0 }).collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let half = values.len() / 2;
    if values.len() % 2 == 1 { values[half] } else { 0.5 * (values[half - 1] + values[half]) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use striate_kernels::rng::Key;

    fn usual(n: usize) -> Vec<Numbers> {
        let mut stream = Key::new(2).stream();
        let mut draw = |low, high| f64::from(stream.range(low, high));
        (0..n)
            .map(|_| Numbers {
                luma: [draw(0.05, 0.3), draw(0.4, 0.6), draw(0.7, 1.0)],
                sharpness: libm::exp(draw(-5.0, -3.0)),
            })
            .collect()
    }

    #[test]
    fn the_blurred_the_dark_and_the_bright_are_named_and_no_other() {
        let mut pictures = usual(100);
        assert!(outliers(&pictures).is_empty());
        pictures[7].sharpness *= 0.001;
        pictures[20].luma = pictures[20].luma.map(|v| 0.1 * v);
        pictures[55].luma = [0.9, 0.95, 1.0];
        let mut found: Vec<(usize, &str)> = outliers(&pictures).iter().map(|&(i, what, _)| (i, what)).collect();
        found.sort_unstable();
        assert_eq!(found, [(7, "blurred or plain"), (20, "very dark"), (55, "very bright")]);
    }

    #[test]
    fn few_or_equal_pictures_have_no_outliers() {
        assert!(outliers(&usual(5)).is_empty());
        let black = || Numbers { luma: [0.0; 3], sharpness: 0.0 };
        assert!(outliers(&(0..50).map(|_| black()).collect::<Vec<_>>()).is_empty());
    }

    #[test]
    fn scores_are_those_of_the_formula() {
        // Median 3, absolute deviations 2 1 0 1 97: their median is 1.
        let z = scores(vec![1.0, 2.0, 3.0, 4.0, 100.0], 0.0);
        assert!((z[4] - 97.0 / 1.4826).abs() < 1e-12 && z[2] == 0.0);
        assert_eq!(median(vec![4.0, 1.0, 3.0, 2.0]), 2.5);
    }
}
