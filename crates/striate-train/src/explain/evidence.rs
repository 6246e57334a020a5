//! Which parts of a picture speak for a class.

use burn::module::ParamId;
use striate_nn::Pass;
use striate_nn::watch::Watch;

use super::{Sight, Target, row, total, values};

/// Pictures that go through the net at a time.
const BATCH: usize = 8;

/// A map over a layer's units or over pixels.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// Rows and columns.
    pub size: [usize; 2],
    /// Row by row.
    pub values: Vec<f32>,
}

/// Grad-CAM: a layer's channels, each weighed by how much the logit grows with it on average, added up; what is below 0 is cut off.
/// Selvaraju et al. 2017 <https://arxiv.org/abs/1610.02391>, equations 1 and 2.
///
/// # Shapes
/// - `unit`: `[C, H, W]` in `[0, 1]`
pub fn grad_cam(sight: &Sight, layer: ParamId, class: usize, unit: &[f32]) -> Evidence {
    let watch = Watch::from(sight.net.plan(), layer);
    let logits = sight.net.answers(sight.input(unit), &Pass::Watch(&watch));
    let maps = watch.take().pop().expect("grad_cam: a layer of this net").output; // [1, K, h, w]
    let [_, channels, h, w] = maps.dims();
    let gradient = maps.grad_remove(&mut total(row(logits, class)).backward());
    let gradient = gradient.map_or_else(|| vec![0.0; channels * h * w], values);
    let maps = values(maps.without_autodiff());
    let mut sums = vec![0.0_f64; h * w];
    for (map, gradient) in maps.chunks_exact(h * w).zip(gradient.chunks_exact(h * w)) {
        let weight = gradient.iter().map(|&g| f64::from(g)).sum::<f64>() / (h * w) as f64;
        sums.iter_mut().zip(map).for_each(|(sum, &v)| *sum += weight * f64::from(v));
    }
    Evidence { size: [h, w], values: sums.into_iter().map(|sum| sum.max(0.0) as f32).collect() }
}

/// Integrated gradients: how much each value of the picture adds to the logit, along the straight way from an even picture of value
/// `from`; over all values they add up to the change of the logit, as far as `steps` points of the way tell.
/// Sundararajan, Taly, Yan 2017 <https://arxiv.org/abs/1703.01365>, equation 3, by the middle of each of `steps` pieces.
///
/// # Shapes
/// - `unit`, output: `[C, H, W]`
pub fn integrated_gradients(sight: &Sight, class: usize, unit: &[f32], from: f32, steps: usize) -> Vec<f32> {
    let mut sums = vec![0.0_f64; unit.len()];
    for first in (0..steps).step_by(BATCH) {
        let at = |step: usize| (step as f32 + 0.5) / steps as f32;
        let batch = first..(first + BATCH).min(steps);
        let points: Vec<f32> = batch.flat_map(|step| unit.iter().map(move |v| from + at(step) * (v - from))).collect();
        let gradient = sight.gradient(&points, &Target::Class(class), 0.0);
        for gradient in gradient.chunks_exact(unit.len()) {
            sums.iter_mut().zip(gradient).for_each(|(sum, &g)| *sum += f64::from(g));
        }
    }
    sums.iter().zip(unit).map(|(sum, v)| (sum / steps as f64) as f32 * (v - from)).collect()
}

/// Occlusion: by how much the logit falls when a square of the picture is covered by value `cover`, each pixel the mean over the squares
/// that cover it. Zeiler and Fergus 2014 <https://arxiv.org/abs/1311.2901>, section 4.2.
///
/// Squares of `side` pixels begin every `stride` pixels; the last ones may hang over the edge.
///
/// # Shapes
/// - `unit`: `[C, H, W]`, output: `[H, W]`
pub fn occlusion(sight: &Sight, class: usize, unit: &[f32], cover: f32, [side, stride]: [usize; 2]) -> Evidence {
    let [h, w] = sight.preprocess.size;
    let starts = |length: usize| (0..length.saturating_sub(side).div_ceil(stride) + 1).map(move |i| i * stride);
    let squares: Vec<[usize; 2]> = starts(h).flat_map(|top| starts(w).map(move |left| [top, left])).collect();
    let whole = class_scores(sight, class, unit)[0];
    let (mut sums, mut counts) = (vec![0.0_f64; h * w], vec![0_u32; h * w]);
    for squares in squares.chunks(BATCH) {
        let mut covered = unit.repeat(squares.len());
        for (picture, square) in covered.chunks_exact_mut(unit.len()).zip(squares) {
            for plane in picture.chunks_exact_mut(h * w) {
                pixels(*square, side, [h, w]).for_each(|at| plane[at] = cover);
            }
        }
        for (score, square) in class_scores(sight, class, &covered).into_iter().zip(squares) {
            for at in pixels(*square, side, [h, w]) {
                sums[at] += f64::from(whole - score);
                counts[at] += 1;
            }
        }
    }
    let mean = |(sum, count): (f64, u32)| (sum / f64::from(count.max(1))) as f32;
    Evidence { size: [h, w], values: sums.into_iter().zip(counts).map(mean).collect() }
}

fn class_scores(sight: &Sight, class: usize, unit: &[f32]) -> Vec<f32> {
    sight.scores(unit, &Target::Class(class))
}

/// Those of a square that lie inside.
fn pixels([top, left]: [usize; 2], side: usize, [h, w]: [usize; 2]) -> impl Iterator<Item = usize> {
    (top..(top + side).min(h)).flat_map(move |y| (left..(left + side).min(w)).map(move |x| y * w + x))
}
