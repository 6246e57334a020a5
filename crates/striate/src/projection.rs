//! Inpainting by an autoencoder of clean pictures: what is gone becomes what comes back of the whole picture, again and again,
//! while what is known stays. The autoencoder acts as a projection to the pictures that it knows.

use striate_data::preprocess::Preprocess;
use striate_vision::diffusion::diffuse;

use crate::coder::CoderModel;
use crate::coder_score::prepared;
use crate::error::Error;
use crate::picture_file::cut;

/// Times that the picture goes through the code at most.
const STEPS: usize = 40;
/// Mean change of what is gone, of values in `[0, 1]`, below which it stands still.
const STILL: f64 = 2e-4;

/// Fills in what is gone, first with what diffuses into it; all else stays as it is, to the bit. `progress` hears of steps done, and
/// of how many.
///
/// # Shapes
/// - `values`, output: `shape` = `[C, H, W]` in `[0, 1]`, C of the autoencoder; `map`: `[H, W]`, 1 where a pixel is gone, else 0
pub(crate) fn fill(
    model: &CoderModel,
    values: &[f32],
    map: &[f32],
    shape: [usize; 3],
    progress: &dyn Fn(u64, u64),
) -> Result<Vec<f32>, Error> {
    let plane = shape[1] * shape[2];
    let gone: Vec<usize> = (0..values.len()).filter(|i| map[i % plane] > 0.0).collect();
    let mut x = values.to_vec();
    let first = diffuse(values, map, shape);
    gone.iter().for_each(|&i| x[i] = first[i].clamp(0.0, 1.0));
    let starts =
        [starts(shape[1], model.manifest.preprocess.size[0]), starts(shape[2], model.manifest.preprocess.size[1])];
    for step in 0..if gone.is_empty() { 0 } else { STEPS } {
        let back = projected(model, &x, shape, &starts)?;
        let change: f64 = gone.iter().map(|&i| f64::from((back[i] - x[i]).abs())).sum();
        gone.iter().for_each(|&i| x[i] = back[i]);
        progress(step as u64 + 1, STEPS as u64);
        if change / (gone.len() as f64) < STILL {
            break;
        }
    }
    Ok(x)
}

/// First pixels of the squares that cover a side, each half over the next.
fn starts(side: usize, square: usize) -> Vec<usize> {
    let last = side.saturating_sub(square);
    let mut starts: Vec<usize> = (0..last).step_by((square / 2).max(1)).collect();
    starts.push(last);
    starts
}

/// What comes back of squares that overlap, each counting less towards its edges; pixels beyond the picture are mirrored in.
fn projected(model: &CoderModel, x: &[f32], shape: [usize; 3], starts: &[Vec<usize>; 2]) -> Result<Vec<f32>, Error> {
    let [c, h, w] = shape;
    let Preprocess { size: [height, width], .. } = model.manifest.preprocess;
    let hat = |at: usize, side: usize| (at + 1).min(side - at) as f32;
    let (mut sums, mut weights) = (vec![0.0_f32; x.len()], vec![0.0_f32; h * w]);
    for &top in &starts[0] {
        for &left in &starts[1] {
            let unit = cut(x, [h, w], [top, left], [top + height, left + width]);
            let back = model.reconstruct(&prepared(model, &unit))?;
            for y in 0..height.min(h - top) {
                for x in 0..width.min(w - left) {
                    let (weight, at) = (hat(y, height) * hat(x, width), (top + y) * w + left + x);
                    weights[at] += weight;
                    for channel in 0..c {
                        sums[channel * h * w + at] += weight * back[(channel * height + y) * width + x];
                    }
                }
            }
        }
    }
    for plane in sums.chunks_exact_mut(h * w) {
        plane.iter_mut().zip(&weights).for_each(|(sum, weight)| *sum /= weight);
    }
    Ok(sums)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squares_cover_a_side() {
        assert_eq!(starts(8, 8), [0]);
        assert_eq!(starts(3, 8), [0]);
        assert_eq!(starts(19, 8), [0, 4, 8, 11]);
    }
}
