//! One picture explained: what each layer makes of it, which parts speak for the class that it was given, and what it resembles.

use std::path::Path;

use image::imageops::{self, FilterType};
use image::{GrayImage, Luma, Rgb, RgbImage};
use striate_data::dataset::Dataset;
use striate_train::explain::evidence::{Evidence, grad_cam, integrated_gradients, occlusion};

use super::drawing::spread;
use super::patch::{beside, fitted, to_webp};
use super::subject::{Run, Subject};
use super::write;
use crate::error::Error;
use crate::thumb::to_rgb;

/// Layers whose maps are shown, evenly spread.
pub(crate) const LAYERS: usize = 6;
/// Maps of a layer, the liveliest.
const MAPS: usize = 6;
/// Pictures named as most alike.
pub(crate) const NEAREST: usize = 6;
/// Points on the way of integrated gradients.
const POINTS: usize = 32;
/// What a covered or absent part shows, in `[0, 1]`.
const GRAY: f32 = 0.5;
/// Share of the greatest values that a heat map may cut off.
const CUT: f64 = 0.005;

/// What was said of a picture.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Said {
    /// Its number in the data set.
    pub picture: usize,
    /// The class with the greatest logit, and its probability.
    pub class: (usize, f64),
    /// The class of the net that its label names.
    pub truth: Option<usize>,
    /// What the last layer saw.
    pub features: Vec<f32>,
}

impl Said {
    /// Whether its label names another class.
    pub fn is_wrong(&self) -> bool {
        self.truth.is_some_and(|truth| truth != self.class.0)
    }
}

/// The pictures that are explained: half of them the surest mistakes, where there are so many, the others spread over all.
pub(crate) fn chosen(said: &[Said], count: usize) -> Vec<usize> {
    let mut wrong: Vec<usize> = (0..said.len()).filter(|&i| said[i].is_wrong()).collect();
    wrong.sort_by(|&a, &b| said[b].class.1.total_cmp(&said[a].class.1).then(a.cmp(&b)));
    wrong.truncate(count / 2);
    let rest: Vec<usize> = (0..said.len()).filter(|i| !wrong.contains(i)).collect();
    let more = (count - wrong.len()).min(rest.len());
    let mut all: Vec<usize> = (0..more).map(|i| rest[spread(i, more, rest.len())]).chain(wrong).collect();
    all.sort_unstable();
    all
}

/// The most alike others, by the cosine of features.
pub(crate) fn nearest(said: &[Said], at: usize) -> Vec<usize> {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    let own = &said[at].features;
    let cosine = |other: &[f32]| dot(own, other) / (dot(own, own) * dot(other, other)).sqrt().max(1e-12);
    let mut others: Vec<(f64, usize)> =
        (0..said.len()).filter(|&i| i != at).map(|i| (cosine(&said[i].features), i)).collect();
    others.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    others.into_iter().take(NEAREST).map(|(_, i)| i).collect()
}

/// The layers whose maps are shown.
pub(crate) fn layers(subject: &Subject) -> Vec<usize> {
    let count = LAYERS.min(subject.layers.len());
    (0..count).map(|i| spread(i, count, subject.layers.len())).collect()
}

/// Names of a picture's files: the whole, the three kinds of evidence, the maps of each of [`layers`], the nearest.
pub(crate) fn file(picture: usize, what: &str) -> String {
    format!("pictures/{picture}-{what}.webp")
}

/// Draws all files of picture `at` of `said`; the last tells that all are there.
pub(crate) fn draw(subject: &Subject, dataset: &Dataset, said: &[Said], at: usize, out: &Path) -> Result<(), Error> {
    let Said { picture, class: (class, _), .. } = said[at];
    let last = file(picture, "near");
    if out.join(&last).exists() {
        return Ok(());
    }
    let Some(unit) = unit_picture(subject, dataset, picture) else { return Ok(()) };
    let ([h, w], sight) = (subject.preprocess.size, subject.sight());
    let whole = to_rgb(&unit, [h, w]);
    let put = |what: &str, drawn: &RgbImage| write(out, &file(picture, what), &to_webp(drawn, true));
    put("whole", &whole)?;
    if let Some(deepest) = subject.layers.last().filter(|_| subject.tells_classes()) {
        put("cam", &heated(&whole, &grad_cam(&sight, deepest.id, class, &unit)))?;
        let side = (h.max(w) / 7).max(2);
        put("occlusion", &heated(&whole, &occlusion(&sight, class, &unit, GRAY, [side, (side / 2).max(1)])))?;
        let along = integrated_gradients(&sight, class, &unit, GRAY, POINTS);
        let pixel = |i: usize| along.iter().skip(i).step_by(h * w).sum();
        put("integrated", &heated(&whole, &Evidence { size: [h, w], values: (0..h * w).map(pixel).collect() }))?;
    }
    let mut prepared = unit.clone();
    subject.preprocess.normalise(&mut prepared);
    let Run { outputs, .. } = subject.run(&[&prepared]);
    for layer in layers(subject) {
        put(&format!("layer{layer}"), &maps(&outputs[layer], subject.layers[layer].shape))?;
    }
    let near = nearest(said, at).into_iter().filter_map(|i| unit_picture(subject, dataset, said[i].picture));
    put("near", &beside(&near.map(|unit| fitted(&to_rgb(&unit, [h, w]))).collect::<Vec<_>>()))
}

fn unit_picture(subject: &Subject, dataset: &Dataset, picture: usize) -> Option<Vec<f32>> {
    // It could be read a moment ago; if it is gone now, its page goes without.
    dataset.picture(picture).ok().map(|decoded| subject.preprocess.to_unit(&decoded.picture))
}

/// The picture in faint gray under a map as large as it: orange speaks for, blue against.
fn heated(whole: &RgbImage, evidence: &Evidence) -> RgbImage {
    let (width, height) = whole.dimensions();
    let mut sizes: Vec<f32> = evidence.values.iter().map(|v| v.abs()).collect();
    sizes.sort_by(f32::total_cmp);
    let most = sizes[((sizes.len() - 1) as f64 * (1.0 - CUT)) as usize].max(1e-12);
    let [rows, columns] = evidence.size;
    let level = |x: u32, y: u32| (evidence.values[y as usize * columns + x as usize] / most).clamp(-1.0, 1.0);
    let signed = |sign: f32| {
        let map = GrayImage::from_fn(columns as u32, rows as u32, |x, y| {
            Luma([(255.0 * (sign * level(x, y)).max(0.0)) as u8])
        });
        imageops::resize(&map, width, height, FilterType::Triangle)
    };
    let (above, below) = (signed(1.0), signed(-1.0));
    RgbImage::from_fn(width, height, |x, y| {
        let Rgb([r, g, b]) = *whole.get_pixel(x, y);
        let gray = 0.7 * (0.299 * f32::from(r) + 0.587 * f32::from(g) + 0.114 * f32::from(b));
        let at = |map: &GrayImage| f32::from(map.get_pixel(x, y).0[0]) / 255.0;
        let mixed = |ink: [f32; 3], share: f32, ground: [f32; 3]| {
            [0, 1, 2].map(|c| ground[c] + 0.85 * share * (ink[c] - ground[c]))
        };
        let warm = mixed([255.0, 150.0, 30.0], at(&above), [gray; 3]);
        Rgb(mixed([60.0, 130.0, 255.0], at(&below), warm).map(|v| v as u8))
    })
}

/// The maps with the greatest spread, liveliest first, each from its least to its greatest value.
fn maps(output: &[f32], [_, h, w]: [usize; 3]) -> RgbImage {
    let range = |map: &[f32]| map.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(a, b), &v| (a.min(v), b.max(v)));
    let mut all: Vec<(f32, &[f32])> =
        output.chunks_exact(h * w).map(|map| (range(map).1 - range(map).0, map)).collect();
    all.sort_by(|a, b| b.0.total_cmp(&a.0));
    let picture = |&(spread, map): &(f32, &[f32])| {
        let low = range(map).0;
        let unit: Vec<f32> = map.iter().map(|v| (v - low) / spread.max(1e-12)).collect();
        fitted(&to_rgb(&unit, [h, w]))
    };
    beside(&all.iter().take(MAPS).map(picture).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(picture: usize, class: usize, probability: f64, truth: usize) -> Said {
        let features = vec![picture as f32, 10.0 - picture as f32];
        Said { picture, class: (class, probability), truth: Some(truth), features }
    }

    #[test]
    fn the_surest_mistakes_are_among_those_explained() {
        let all: Vec<Said> =
            (0..10).map(|i| said(i, usize::from(i == 3 || i == 7), 0.5 + i as f64 / 20.0, 0)).collect();
        assert_eq!(chosen(&all, 2), [0, 7], "one mistake, the surer, and one other");
        assert_eq!(chosen(&all, 4), [0, 3, 7, 9]);
        assert_eq!(chosen(&all, 40).len(), 10);
        assert_eq!(nearest(&all, 4), [3, 5, 2, 6, 1, 7]);
    }

    #[test]
    fn heat_is_warm_for_and_cold_against() {
        let whole = RgbImage::from_pixel(40, 40, Rgb([120; 3]));
        let picture = heated(&whole, &Evidence { size: [2, 2], values: vec![1.0, 0.0, 0.0, -1.0] });
        let [at, against, nothing] = [[0, 0], [39, 39], [39, 0]].map(|[x, y]: [u32; 2]| picture.get_pixel(x, y).0);
        assert!(at[0] > at[2] + 100 && against[2] > against[0] + 100, "{at:?} {against:?}");
        assert!(nothing[0].abs_diff(nothing[2]) < 3, "{nothing:?}");
    }
}
