//! Pixels to channels and back: squares of pixels of a picture become the channels of one pixel of a smaller picture.

use rayon::prelude::*;

use crate::memory::buffer;

/// Sides of the larger picture, channels-last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShuffleShape {
    /// Pictures.
    pub n: usize,
    /// Height of the larger picture, a multiple of `factor`.
    pub h: usize,
    /// Width of the larger picture, a multiple of `factor`.
    pub w: usize,
    /// Channels of the larger picture; the smaller has `factor * factor` times as many.
    pub c: usize,
    /// Side of a square.
    pub factor: usize,
}

impl ShuffleShape {
    fn check(&self, large: usize, small: usize) {
        let Self { n, h, w, c, factor } = *self;
        assert!(factor > 0 && h.is_multiple_of(factor) && w.is_multiple_of(factor), "shuffle: {h}x{w} by {factor}");
        assert!(large == n * h * w * c && small == large, "shuffle: values for {self:?}");
    }

    /// Where, in one row of squares of the larger picture, each value of that row of the smaller one comes from.
    fn sources(&self) -> Vec<usize> {
        let Self { w, c, factor, .. } = *self;
        let square = |x: usize| {
            (0..c * factor * factor).map(move |at| {
                let (channel, dy, dx) = (at / (factor * factor), at / factor % factor, at % factor);
                (dy * w + x * factor + dx) * c + channel
            })
        };
        (0..w / factor).flat_map(square).collect()
    }
}

/// The smaller picture `y` `[N, H / f, W / f, C f f]` of the larger `x` `[N, H, W, C]`; channel `c` of pixel `(i, j)` of a square
/// becomes channel `(c f + i) f + j`, as in PyTorch's `pixel_unshuffle`.
///
/// # Panics
/// If lengths do not fit the shape.
pub fn pixel_unshuffle(shape: &ShuffleShape, x: &[f32], y: &mut [f32]) {
    shape.check(x.len(), y.len());
    let sources = shape.sources();
    if sources.is_empty() {
        return;
    }
    let rows = x.par_chunks(sources.len()).zip(y.par_chunks_mut(sources.len()));
    rows.for_each(|(x, y)| y.iter_mut().zip(&sources).for_each(|(y, &from)| *y = x[from]));
}

/// The larger picture `y` of the smaller `x`: the opposite of [`pixel_unshuffle`], Shi et al. 2016
/// <https://arxiv.org/abs/1609.05158>.
///
/// # Panics
/// If lengths do not fit the shape.
pub fn pixel_shuffle(shape: &ShuffleShape, x: &[f32], y: &mut [f32]) {
    shape.check(y.len(), x.len());
    let sources = shape.sources();
    if sources.is_empty() {
        return;
    }
    let rows = x.par_chunks(sources.len()).zip(y.par_chunks_mut(sources.len()));
    rows.for_each(|(x, y)| x.iter().zip(&sources).for_each(|(x, &to)| y[to] = *x));
}

/// `[N, C, H, W]` in row-major order as `[N, H, W, C]`, for few channels.
///
/// # Panics
/// If there are not so many numbers.
pub fn channels_last(planes: &[f32], [n, c, h, w]: [usize; 4]) -> Vec<f32> {
    assert_eq!(planes.len(), n * c * h * w, "channels_last: values for {:?}", [n, c, h, w]);
    let mut pixels = buffer(planes.len());
    pixels.par_chunks_mut((w * c).max(1)).with_min_len(16).enumerate().for_each(|(line, to)| {
        for channel in 0..c {
            let from = &planes[((line / h * c + channel) * h + line % h) * w..][..w];
            to.iter_mut().skip(channel).step_by(c).zip(from).for_each(|(to, from)| *to = *from);
        }
    });
    pixels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_become_pixels() {
        let planes: Vec<f32> = (0..2 * 3 * 4 * 5).map(|i| i as f32).collect();
        let pixels = channels_last(&planes, [2, 3, 4, 5]);
        for (i, &v) in pixels.iter().enumerate() {
            let (n, y, x, c) = (i / 60, i / 15 % 4, i / 3 % 5, i % 3);
            assert_eq!(v, planes[((n * 3 + c) * 4 + y) * 5 + x]);
        }
        assert!(channels_last(&[], [2, 0, 4, 5]).is_empty());
    }

    #[test]
    fn squares_become_channels_and_squares_again() {
        // torch.pixel_unshuffle of arange(16) as [1, 1, 4, 4] by 2, channels-last
        let shape = ShuffleShape { n: 1, h: 4, w: 4, c: 1, factor: 2 };
        let x: Vec<f32> = (0..16).map(|i| i as f32).collect();
        let mut y = vec![f32::NAN; 16];
        pixel_unshuffle(&shape, &x, &mut y);
        assert_eq!(y, [0., 1., 4., 5., 2., 3., 6., 7., 8., 9., 12., 13., 10., 11., 14., 15.]);

        let shape = ShuffleShape { n: 2, h: 6, w: 3, c: 5, factor: 3 };
        let x: Vec<f32> = (0..180).map(|i| i as f32).collect();
        let (mut y, mut back) = (vec![f32::NAN; 180], vec![f32::NAN; 180]);
        pixel_unshuffle(&shape, &x, &mut y);
        pixel_shuffle(&shape, &y, &mut back);
        assert_eq!(back, x);
        // channel 2 of the last pixel of the first square
        assert_eq!(y[(2 * 3 + 2) * 3 + 2], x[(2 * 3 + 2) * 5 + 2]);
    }

    #[test]
    fn nothing_stays_nothing() {
        pixel_unshuffle(&ShuffleShape { n: 0, h: 4, w: 4, c: 1, factor: 2 }, &[], &mut []);
        pixel_shuffle(&ShuffleShape { n: 3, h: 4, w: 0, c: 1, factor: 2 }, &[], &mut []);
    }
}
