//! Single pictures explained: what each layer makes of them, which parts speak for the class that they were given, and what they resemble.

use std::path::Path;

use image::imageops::{self, FilterType};
use image::{GrayImage, Luma, Rgb, RgbImage};
use striate_data::dataset::Dataset;
use striate_train::explain::evidence::{Evidence, grad_cam, integrated_gradients, occlusion};

use super::clock::{Clock, Work};
use super::drawing::spread;
use super::patch::{beside, fitted, to_webp};
use super::subject::{Run, Subject};
use super::write;
use crate::error::Error;
use crate::event::{Event, Observer};
use crate::thumb::to_rgb;

/// Layers whose maps are shown, evenly spread.
pub(crate) const LAYERS: usize = 6;
/// Maps of a layer, the liveliest.
const MAPS: usize = 6;
/// Pictures named as most alike.
pub(crate) const NEAREST: usize = 6;
/// Name of the row of them.
pub(crate) const NEAR: &str = "near";
/// Points on the way of integrated gradients.
const POINTS: usize = 32;
/// What a covered or absent part shows, in `[0, 1]`.
const GRAY: f32 = 0.5;
/// Share of the greatest values that a heat map may cut off.
const CUT: f64 = 0.005;
/// Passes through the net that a gradient costs; for the first plan, until the clock has measured one.
const GRADIENT: f64 = 3.0;

/// A picture that has a page.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Portrait {
    /// Its place in what was said.
    pub at: usize,
    /// Names of the maps of evidence that were drawn.
    pub evidence: Vec<&'static str>,
}

/// The pictures explained, and what did not fit into the time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Portraits {
    /// By their places in what was said.
    pub drawn: Vec<Portrait>,
    /// Pictures without a page.
    pub left_out: usize,
    /// Maps of evidence that pictures with a page go without.
    pub evidence_left_out: usize,
}

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

/// The pictures that are explained, the most important first: half of them the surest mistakes, where there are so many, in turn with others
/// spread over all.
pub(crate) fn chosen(said: &[Said], count: usize) -> Vec<usize> {
    let mut wrong: Vec<usize> = (0..said.len()).filter(|&i| said[i].is_wrong()).collect();
    wrong.sort_by(|&a, &b| said[b].class.1.total_cmp(&said[a].class.1).then(a.cmp(&b)));
    wrong.truncate(count / 2);
    let rest: Vec<usize> = (0..said.len()).filter(|i| !wrong.contains(i)).collect();
    let more = (count - wrong.len()).min(rest.len());
    let others = (0..more).map(|i| rest[spread(i, more, rest.len())]);
    let mut all: Vec<(usize, usize)> = wrong.into_iter().enumerate().chain(others.enumerate()).collect();
    all.sort_by_key(|(rank, _)| *rank);
    all.into_iter().map(|(_, at)| at).collect()
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

/// Explains the pictures `chosen`, in this order. All have their page and Grad-CAM before the first is explained by what takes long.
pub(crate) fn draw(
    subject: &Subject,
    dataset: &Dataset,
    said: &[Said],
    chosen: &[usize],
    out: &Path,
    clock: &mut Clock,
    observer: Observer,
) -> Result<Portraits, Error> {
    let mut portraits = Portraits::default();
    if chosen.is_empty() {
        return Ok(portraits);
    }
    let total = chosen.len() as u64;
    observer(Event::Stage(format!("explaining {total} pictures")));
    for (i, &at) in chosen.iter().enumerate() {
        let there = out.join(file(said[at].picture, NEAR)).exists();
        if !there {
            if !clock.fits(clock.cost(Work::Portrait, 1.0)) {
                continue;
            }
            clock.time(Work::Portrait, 1.0, || base(subject, dataset, &said[at], out))?;
        }
        // Drawn anew: an earlier run may have looked at other pictures. This file is the last of those that take little time.
        near(subject, dataset, said, at, out)?;
        // The page follows.
        clock.keep(clock.cost(Work::File, 1.0).unwrap_or(0.0));
        portraits.drawn.push(Portrait { at, evidence: if subject.tells_classes() { vec!["cam"] } else { Vec::new() } });
        observer(Event::pictures(i as u64 + 1, total));
    }
    portraits.left_out = chosen.len() - portraits.drawn.len();
    if subject.tells_classes() {
        let passes = subject.preprocess.size.map(|length| squares(subject).count(length)).iter().product::<usize>();
        let forward = clock.cost(Work::Forward, 1.0).unwrap_or(0.0);
        clock.suppose(Work::Occlusion, passes as f64 * forward);
        clock.suppose(Work::Integrated, POINTS as f64 * GRADIENT * forward);
        let total = 2 * portraits.drawn.len() as u64;
        for (i, portrait) in portraits.drawn.iter_mut().enumerate() {
            for (what, work) in [("occlusion", Work::Occlusion), ("integrated", Work::Integrated)] {
                let there = out.join(file(said[portrait.at].picture, what)).exists();
                if there
                    || clock.fits(clock.cost(work, 1.0))
                        && evidence(subject, dataset, &said[portrait.at], what, out, clock)?
                {
                    portrait.evidence.push(what);
                } else {
                    portraits.evidence_left_out += 1;
                }
            }
            let (done, note) = (2 * i as u64 + 2, String::new());
            observer(Event::Progress { done, total, unit: "maps", note });
        }
    }
    portraits.drawn.sort_by_key(|portrait| portrait.at);
    Ok(portraits)
}

/// What takes little time: the picture, the maps of its layers and Grad-CAM.
fn base(subject: &Subject, dataset: &Dataset, said: &Said, out: &Path) -> Result<(), Error> {
    let Said { picture, class: (class, _), .. } = *said;
    let Some(unit) = unit_picture(subject, dataset, picture) else { return Ok(()) };
    let size = subject.preprocess.size;
    let whole = to_rgb(&unit, size);
    let put = |what: &str, drawn: &RgbImage| write(out, &file(picture, what), &to_webp(drawn, true));
    put("whole", &whole)?;
    if let Some(deepest) = subject.layers.last().filter(|_| subject.tells_classes()) {
        put("cam", &heated(&whole, &grad_cam(&subject.sight(), deepest.id, class, &unit)))?;
    }
    let mut prepared = unit;
    subject.preprocess.normalise(&mut prepared);
    let Run { outputs, .. } = subject.run(&[&prepared]);
    for layer in layers(subject) {
        put(&format!("layer{layer}"), &maps(&outputs[layer], subject.layers[layer].shape))?;
    }
    Ok(())
}

/// The pictures that it resembles most.
fn near(subject: &Subject, dataset: &Dataset, said: &[Said], at: usize, out: &Path) -> Result<(), Error> {
    let near = nearest(said, at).into_iter().filter_map(|i| unit_picture(subject, dataset, said[i].picture));
    let row = beside(&near.map(|unit| fitted(&to_rgb(&unit, subject.preprocess.size))).collect::<Vec<_>>());
    write(out, &file(said[at].picture, NEAR), &to_webp(&row, true))
}

/// Draws one map of evidence that takes many passes through the net; answers whether it is there.
fn evidence(
    subject: &Subject,
    dataset: &Dataset,
    said: &Said,
    what: &str,
    out: &Path,
    clock: &mut Clock,
) -> Result<bool, Error> {
    let Some(unit) = unit_picture(subject, dataset, said.picture) else { return Ok(false) };
    let ([h, w], sight, class) = (subject.preprocess.size, subject.sight(), said.class.0);
    let found = if what == "occlusion" {
        let Squares { side, stride } = squares(subject);
        clock.time(Work::Occlusion, 1.0, || occlusion(&sight, class, &unit, GRAY, [side, stride]))
    } else {
        let along = clock.time(Work::Integrated, 1.0, || integrated_gradients(&sight, class, &unit, GRAY, POINTS));
        let pixel = |i: usize| along.iter().skip(i).step_by(h * w).sum();
        Evidence { size: [h, w], values: (0..h * w).map(pixel).collect() }
    };
    let drawn = heated(&to_rgb(&unit, [h, w]), &found);
    write(out, &file(said.picture, what), &to_webp(&drawn, true))?;
    Ok(true)
}

/// The squares that occlusion covers a picture with, in pixels.
struct Squares {
    side: usize,
    stride: usize,
}

fn squares(subject: &Subject) -> Squares {
    let [h, w] = subject.preprocess.size;
    let side = (h.max(w) / 7).max(2);
    Squares { side, stride: (side / 2).max(1) }
}

impl Squares {
    /// Places along a side of so many pixels.
    fn count(&self, length: usize) -> usize {
        length.saturating_sub(self.side).div_ceil(self.stride) + 1
    }
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
        assert_eq!(chosen(&all, 2), [7, 0], "one mistake, the surer, and one other");
        assert_eq!(chosen(&all, 4), [7, 0, 3, 9]);
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
