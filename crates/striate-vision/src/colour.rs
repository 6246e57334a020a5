//! Colour histograms over a grid of cells, for each channel alone or for all together (Swain, Ballard 1991, "Color indexing").

use rayon::prelude::*;

use crate::array::Array;
use crate::cells::{Grid, part};
use crate::error::Error;

/// Bins of a cell at most.
const MAX_BINS: usize = 1 << 16;

/// What is counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channels {
    /// A histogram for each channel: `C * bins` numbers a cell.
    Each,
    /// One for the colours, the last channel fastest: `bins ^ C` numbers a cell.
    Joint,
}

/// How to count.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ColourOptions {
    /// Bins of equal width for each channel.
    pub bins: usize,
    /// The values that they cover, such as 0 and 1 or 0 and 256; what lies beyond counts in the first or the last bin.
    pub range: [f32; 2],
    /// What is counted together.
    pub channels: Channels,
    /// Cells over the image.
    pub grid: Grid,
}

/// Histograms of an image `[H, W, C]` as `[cells down, cells across, numbers]`, each one summing to 1. A pixel that is not a
/// number is in no bin.
///
/// # Errors
/// If the image has no pixel for each cell, or the options ask for no bins, too many, or no range.
pub fn colour_histograms(picture: &Array, options: &ColourOptions) -> Result<Array, Error> {
    let refuse = |what: String, advice: &str| Err(Error::request("colour histogram", what, advice));
    let ([h, w], c) = match *picture.shape() {
        [h, w, c] if c > 0 => ([h, w], c),
        _ => return refuse(format!("an array of shape {:?}", picture.shape()), "give an image [H, W, C]"),
    };
    let ColourOptions { bins, range: [low, high], channels, grid } = *options;
    if !grid.fits([h, w]) {
        return refuse(format!("{grid:?} on {h} x {w} pixels"), "give each cell a pixel at least");
    }
    if high <= low || !(high - low).is_finite() {
        return refuse(format!("a range from {low} to {high}"), "give the least value and a greater one");
    }
    let numbers = match channels {
        Channels::Each => bins.checked_mul(c),
        Channels::Joint => bins.checked_pow(c as u32),
    };
    let Some(numbers) = numbers.filter(|n| (1..=MAX_BINS).contains(n)) else {
        return refuse(format!("{bins} bins of {c} channels"), &format!("ask for 1 to {MAX_BINS} numbers a cell"));
    };
    let scale = bins as f32 / (high - low);
    let bin = |value: f32| (((value - low) * scale) as usize).min(bins - 1);
    let mut out = vec![0.0; grid.count() * numbers];
    out.par_chunks_mut(numbers).enumerate().for_each(|(cell, out)| {
        // Whole numbers, exact up to 2^24 pixels and counted as integers beyond.
        let mut counts = vec![0_u64; numbers];
        for y in part(cell / grid.columns, grid.rows, h) {
            for x in part(cell % grid.columns, grid.columns, w) {
                let pixel = &picture.values()[(y * w + x) * c..][..c];
                if pixel.iter().any(|value| value.is_nan()) {
                    continue;
                }
                match channels {
                    Channels::Each => pixel.iter().enumerate().for_each(|(i, &v)| counts[i * bins + bin(v)] += 1),
                    Channels::Joint => counts[pixel.iter().fold(0, |at, &v| at * bins + bin(v))] += 1,
                }
            }
        }
        let group = if channels == Channels::Each { bins } else { numbers };
        for (out, counts) in out.chunks_mut(group).zip(counts.chunks(group)) {
            let all = counts.iter().sum::<u64>().max(1) as f64;
            out.iter_mut().zip(counts).for_each(|(out, &count)| *out = (count as f64 / all) as f32);
        }
    });
    Ok(Array::new(vec![grid.rows, grid.columns, numbers], out))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    /// `fixtures/features.py` made the numbers with `numpy.histogramdd`.
    #[test]
    fn they_are_numpys() {
        let picture = fixture::read("colour.npy"); // [30, 41, 3], 0..=255
        let grid = Grid { rows: 2, columns: 3 };
        for (channels, name) in [(Channels::Each, "each"), (Channels::Joint, "joint")] {
            let options = ColourOptions { bins: 4, range: [0.0, 256.0], channels, grid };
            let ours = fixture::same_for_any_threads(|| {
                colour_histograms(&picture, &options).expect("an image").into_values()
            });
            fixture::near(name, &ours, fixture::read(&format!("colour_{name}.npy")).values(), 1e-6);
        }
    }

    #[test]
    fn one_pixel_and_what_is_refused() {
        let one = Array::new(vec![1, 1, 1], vec![7.0]);
        let grid = Grid { rows: 1, columns: 1 };
        let options = ColourOptions { bins: 2, range: [0.0, 1.0], channels: Channels::Joint, grid };
        assert_eq!(colour_histograms(&one, &options).expect("an image").values(), [0.0, 1.0]);
        let error = |options: ColourOptions| colour_histograms(&one, &options).expect_err("refused").to_string();
        assert!(error(ColourOptions { bins: 0, ..options }).contains("0 bins"));
        assert!(error(ColourOptions { range: [1.0, 1.0], ..options }).contains("a greater one"));
        assert!(error(ColourOptions { grid: Grid { rows: 2, columns: 1 }, ..options }).contains("a pixel at least"));
    }
}
