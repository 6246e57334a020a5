//! The pictures of a code for the report: what its numbers mean, what comes back, and what lies between two codes.

use crate::coder::CoderModel;
use crate::coder_score::{Came, prepared};
use crate::error::Error;
use crate::page::{CodeSheet, Restored, Thumb};
use crate::page_parts::SIDE;
use crate::thumb::{enlarged, to_rgb};
use crate::train::Job;

/// Numbers of the code and pairs of pictures that are shown.
const SHOWN: (usize, usize) = (32, 12);
/// Ways from one picture to another, and pictures along each.
const BETWEEN: (usize, usize) = (3, 7);
/// Pictures that are encoded at a time.
const BATCH: usize = 16;

/// What training pictures and their codes are like.
pub(crate) struct Sampled {
    /// The mean picture, `[C, H, W]` in `[0, 1]`.
    pub picture: Vec<f32>,
    /// Mean of each number of the code.
    code: Vec<f32>,
    /// Deviation of each.
    deviation: Vec<f32>,
}

impl Sampled {
    /// Of prepared pictures, `[N, C, H, W]`.
    pub fn new(model: &CoderModel, pixels: &[f32]) -> Result<Self, Error> {
        let values = model.manifest.coder.values();
        let mut codes = Vec::new();
        for part in pixels.chunks(BATCH * values) {
            codes.extend(model.encode(part)?);
        }
        let mut picture = means(pixels, values);
        model.manifest.preprocess.unnormalise(&mut picture);
        let code = means(&codes, model.manifest.coder.code);
        let n = codes.len() / code.len();
        let mut squares = vec![0.0_f64; code.len()];
        for row in codes.chunks_exact(code.len()) {
            squares.iter_mut().zip(row.iter().zip(&code)).for_each(|(s, (v, m))| *s += f64::from(v - m).powi(2));
        }
        let deviation = squares.iter().map(|s| (s / n as f64).sqrt() as f32).collect();
        Ok(Self { picture, code, deviation })
    }
}

/// Mean of each column of rows of `length`.
fn means(rows: &[f32], length: usize) -> Vec<f32> {
    let mut sums = vec![0.0_f64; length];
    for row in rows.chunks_exact(length) {
        sums.iter_mut().zip(row).for_each(|(sum, v)| *sum += f64::from(*v));
    }
    let n = (rows.len() / length).max(1) as f64;
    sums.into_iter().map(|sum| (sum / n) as f32).collect()
}

/// Draws all of them.
pub(crate) fn draw(job: &Job, model: &CoderModel, sampled: &Sampled, mut came: Vec<Came>) -> Result<CodeSheet, Error> {
    came.sort_by(|a, b| a.psnr().total_cmp(&b.psnr()).then(a.index.cmp(&b.index)));
    let size = model.manifest.preprocess.size;
    let thumb = |unit: &[f32]| -> Option<Thumb> { enlarged(&to_rgb(unit, size), SIDE) };
    let shown = SHOWN.1.min(came.len());
    let pair = |at: usize| {
        let came = &came[at * (came.len() - 1) / (shown - 1).max(1)];
        let (original, restored) = (thumb(&came.unit)?, thumb(&came.back)?);
        let file = job.prepared.dataset.name(came.index);
        Some(Restored { file, original, damaged: None, restored, psnr: came.psnr() })
    };
    Ok(CodeSheet {
        mean: thumb(&sampled.picture),
        components: numbers(model, sampled)?.iter().filter_map(|change| thumb(&around_gray(change))).collect(),
        restored: (0..shown).filter_map(pair).collect(),
        between: between(model, &came)?.iter().map(|way| way.iter().filter_map(|unit| thumb(unit)).collect()).collect(),
    })
}

/// What each of the most moving numbers of the code adds to the picture of the mean code.
fn numbers(model: &CoderModel, sampled: &Sampled) -> Result<Vec<Vec<f32>>, Error> {
    let mut order: Vec<usize> = (0..sampled.code.len()).collect();
    if model.manifest.coder.name != "pca" {
        order.sort_by(|&a, &b| sampled.deviation[b].total_cmp(&sampled.deviation[a]).then(a.cmp(&b)));
    }
    let mean = model.decode_unclipped(&sampled.code)?;
    let change = |&k: &usize| {
        let mut code = sampled.code.clone();
        code[k] += 2.0 * sampled.deviation[k];
        let raised = model.decode_unclipped(&code)?;
        Ok(raised.iter().zip(&mean).map(|(a, b)| a - b).collect())
    };
    order.iter().take(SHOWN.0).map(change).collect()
}

fn around_gray(change: &[f32]) -> Vec<f32> {
    let most = change.iter().fold(f32::MIN_POSITIVE, |most, v| most.max(v.abs()));
    change.iter().map(|v| 0.5 + 0.5 * v / most).collect()
}

/// From the code of a picture that comes back well to that of another, in equal steps.
fn between(model: &CoderModel, came: &[Came]) -> Result<Vec<Vec<Vec<f32>>>, Error> {
    let (ways, steps) = BETWEEN;
    let way = |at: usize| -> Result<Vec<Vec<f32>>, Error> {
        let place = |of: usize| &came[of * (came.len() - 1) / (2 * ways)];
        let code = |came: &Came| model.encode(&prepared(model, &came.unit));
        let (from, to) = (code(place(2 * at + 1))?, code(place(2 * at + 2))?);
        let mixed = |step: usize| {
            let share = step as f32 / (steps - 1) as f32;
            let mixed: Vec<f32> = from.iter().zip(&to).map(|(a, b)| a + share * (b - a)).collect();
            model.decode(&mixed)
        };
        (0..steps).map(mixed).collect()
    };
    if came.len() < 2 { Ok(Vec::new()) } else { (0..ways).map(way).collect() }
}
