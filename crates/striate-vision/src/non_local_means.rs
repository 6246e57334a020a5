//! Non-local means: each pixel becomes a mean of those whose surroundings look like its own.

use std::ops::Range;

use rayon::prelude::*;

/// Rows of a task: `patch_size - 2` more are compared.
const ROWS: usize = 32;

/// Distance beyond which a pixel has no part, as in scikit-image.
const CUTOFF: f64 = 5.0;

/// How to average.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NonLocalMeansOptions {
    /// Side of the surroundings that are compared, pixels; odd, 3 or more.
    pub patch_size: usize,
    /// How far along each axis pixels are looked at.
    pub patch_distance: usize,
    /// How different surroundings may be, in the unit of the values; above 0.
    pub h: f64,
    /// Deviation of the noise, in the unit of the values.
    pub sigma: f64,
}

impl NonLocalMeansOptions {
    /// What scikit-image advises for noise of deviation `sigma`: patches of 5 pixels, 6 pixels far, and `h = 0.8 sigma`.
    pub fn new(sigma: f64) -> Self {
        Self { patch_size: 5, patch_distance: 6, h: 0.8 * sigma, sigma }
    }
}

/// Each pixel as a mean of those around it: one at the offset t has the weight `exp(-max(d(t), 0) / h^2)`, where d is the mean
/// of `(x[q] - x[q + t])^2 - 2 sigma^2` over the channels and the pixels q of the patch about it.
/// Buades, Coll, Morel 2005, "A non-local algorithm for image denoising".
///
/// It is `skimage.restoration.denoise_nl_means` with `fast_mode=True`, but for exact exponentials where that one has an
/// approximation. As there, a patch reaches from `1 - patch_size / 2` to `patch_size / 2`, its sum is divided by
/// `patch_size^2`, and what stands outside of the picture is mirrored at the middle of the outermost pixels.
///
/// # Shapes
/// - `x`, output: `[C, H, W]`
///
/// # Panics
/// If `x` has not the length of the shape, or the options are not what they have to be.
pub fn non_local_means(x: &[f32], shape: [usize; 3], options: &NonLocalMeansOptions) -> Vec<f32> {
    means(x, shape, options, |d| libm::exp(-d))
}

fn means(x: &[f32], shape: [usize; 3], options: &NonLocalMeansOptions, weight: impl Fn(f64) -> f64 + Sync) -> Vec<f32> {
    let NonLocalMeansOptions { patch_size, h: cut, sigma, .. } = *options;
    let [c, h, w] = shape;
    assert!(x.len() == c * h * w, "non_local_means: {} values do not fill {shape:?}", x.len());
    assert!(patch_size % 2 == 1 && patch_size >= 3, "non_local_means: patches of {patch_size}, must be odd, 3 or more");
    assert!(
        cut > 0.0 && sigma >= 0.0,
        "non_local_means: h is {cut}, must be above 0, sigma {sigma}, must not be below 0"
    );
    let mut y = vec![0.0; x.len()];
    if x.is_empty() {
        return y;
    }
    let padded = Padded::new(x, shape, options);
    let strips: Vec<Vec<f32>> =
        (0..h.div_ceil(ROWS)).into_par_iter().map(|i| padded.strip(i * ROWS..h.min((i + 1) * ROWS), &weight)).collect();
    for (i, strip) in strips.iter().enumerate() {
        for (y, strip) in y.chunks_exact_mut(h * w).zip(strip.chunks_exact(strip.len() / c)) {
            y[i * ROWS * w..][..strip.len()].copy_from_slice(strip);
        }
    }
    y
}

/// A picture with what stands around it.
struct Padded<'a> {
    options: &'a NonLocalMeansOptions,
    /// `[C, H + 2 pad, W + 2 pad]`
    x: Vec<f64>,
    shape: [usize; 3],
    pad: usize,
}

impl<'a> Padded<'a> {
    fn new(x: &[f32], shape: [usize; 3], options: &'a NonLocalMeansOptions) -> Self {
        let [c, h, w] = shape;
        let pad = options.patch_size / 2 + options.patch_distance;
        let mut padded = Vec::with_capacity(c * (h + 2 * pad) * (w + 2 * pad));
        let columns: Vec<usize> = (0..w + 2 * pad).map(|i| mirrored(i as isize - pad as isize, w)).collect();
        for plane in x.chunks_exact(h * w) {
            for row in 0..h + 2 * pad {
                let line = &plane[mirrored(row as isize - pad as isize, h) * w..][..w];
                padded.extend(columns.iter().map(|&at| f64::from(line[at])));
            }
        }
        Self { options, x: padded, shape, pad }
    }

    /// The line of a channel at a row of the padded picture, `len` values from a column on.
    fn line(&self, channel: usize, row: usize, column: usize, len: usize) -> &[f64] {
        let [_, h, w] = self.shape;
        let (high, wide) = (h + 2 * self.pad, w + 2 * self.pad);
        &self.x[(channel * high + row) * wide + column..][..len]
    }

    /// Rows of the answer, `[C, rows, W]`.
    fn strip(&self, rows: Range<usize>, weight: &impl Fn(f64) -> f64) -> Vec<f32> {
        let NonLocalMeansOptions { patch_size, patch_distance, h, sigma } = *self.options;
        let ([c, _, w], pad) = (self.shape, self.pad);
        let patch = patch_size - 1;
        let first = rows.start + pad + 1 - patch_size / 2; // of the padded rows that are compared
        let noise = 2.0 * sigma * sigma * (c * patch * patch) as f64;
        let scale = 1.0 / (h * h * (c * patch_size * patch_size) as f64);
        let mut total = vec![0.0; rows.len() * w];
        let mut sums = vec![0.0; c * rows.len() * w];
        let mut squares = vec![0.0; w + patch - 1];
        let mut along = vec![0.0; (rows.len() + patch - 1) * w]; // sums of as many squares as a patch is wide
        let mut line = vec![0.0; w];
        let side = 2 * patch_distance + 1;
        for t in 0..side * side {
            let moved =
                |row: usize, column: usize| (row + t / side - patch_distance, column + t % side - patch_distance);
            let from = pad + 1 - patch_size / 2;
            for (i, along) in along.chunks_exact_mut(w).enumerate() {
                squares.fill(0.0);
                let (row, column) = moved(first + i, from);
                for channel in 0..c {
                    let here = self.line(channel, first + i, from, squares.len());
                    let there = self.line(channel, row, column, squares.len());
                    squares.iter_mut().zip(here.iter().zip(there)).for_each(|(sum, (a, b))| *sum += (a - b) * (a - b));
                }
                along.fill(0.0);
                (0..patch).for_each(|k| add(along, &squares[k..]));
            }
            for i in 0..rows.len() {
                line.fill(0.0);
                (i..i + patch).for_each(|k| add(&mut line, &along[k * w..]));
                for value in &mut line {
                    let distance = (*value - noise).max(0.0) * scale;
                    *value = if distance > CUTOFF { 0.0 } else { weight(distance) };
                }
                add(&mut total[i * w..][..w], &line);
                let (row, column) = moved(rows.start + i + pad, pad);
                for channel in 0..c {
                    let sums = &mut sums[(channel * rows.len() + i) * w..][..w];
                    let there = self.line(channel, row, column, w);
                    sums.iter_mut().zip(line.iter().zip(there)).for_each(|(sum, (weight, x))| *sum += weight * x);
                }
            }
        }
        sums.iter().zip(total.iter().cycle()).map(|(sum, total)| (sum / total) as f32).collect()
    }
}

/// Which of `n` pixels stands at `at`: `c b | a b c | b a`.
fn mirrored(at: isize, n: usize) -> usize {
    let last = n as isize - 1;
    if last == 0 {
        return 0;
    }
    let at = at.rem_euclid(2 * last);
    at.min(2 * last - at) as usize
}

fn add(to: &mut [f64], values: &[f64]) {
    to.iter_mut().zip(values).for_each(|(to, value)| *to += value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    const SIGMA: f64 = 0.1;

    /// What `skimage/_shared/fast_exp.h` has for `exp(-d)`: Schraudolph 1999, "A fast, compact approximation of the exponential
    /// function".
    fn approximate(d: f64) -> f64 {
        let high = (-1_512_775.395_195_185_6 * d) as i64 + 1_072_693_248 - 60_801;
        f64::from_bits((high as u64) << 32)
    }

    /// `fixtures/restoration.py` made the numbers with `skimage.restoration.denoise_nl_means`.
    #[test]
    fn they_are_scikit_images() {
        let x = fixture::read("planes.npy"); // [3, 24, 20]
        for patch_size in [5, 7] {
            let options = NonLocalMeansOptions { patch_size, ..NonLocalMeansOptions::new(SIGMA) };
            let theirs = fixture::read(&format!("non_local_means_{patch_size}.npy"));
            let near = means(x.values(), [3, 24, 20], &options, approximate);
            fixture::near("with their exponential", &near, theirs.values(), 1e-6);
            let exact = fixture::same_for_any_threads(|| non_local_means(x.values(), [3, 24, 20], &options));
            fixture::near("with the exact one", &exact, theirs.values(), 2.5e-3);
        }
    }

    #[test]
    fn strips_do_not_show_and_tiny_pictures_have_an_answer() {
        let options = NonLocalMeansOptions::new(SIGMA);
        let pixel = |y: usize, x: usize| ((y * 37 + x * 11) % 23) as f32 / 23.0;
        let tall: Vec<f32> = (0..70 * 9).map(|i| pixel(i / 9, i % 9)).collect();
        let part = &tall[20 * 9..60 * 9];
        // Rows that are farther from the edge than a patch can be do not know where it is.
        let (whole, alone) =
            (non_local_means(&tall, [1, 70, 9], &options), non_local_means(part, [1, 40, 9], &options));
        fixture::near("inner rows", &alone[8 * 9..32 * 9], &whole[28 * 9..52 * 9], 1e-6);
        assert_eq!(non_local_means(&[0.5], [1, 1, 1], &options), [0.5]);
        assert_eq!(non_local_means(&[], [3, 0, 4], &options), [0.0; 0]);
    }

    #[test]
    #[should_panic(expected = "patches of 4")]
    fn patches_are_odd() {
        non_local_means(&[0.5], [1, 1, 1], &NonLocalMeansOptions { patch_size: 4, ..NonLocalMeansOptions::new(SIGMA) });
    }
}
