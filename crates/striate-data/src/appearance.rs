//! What a picture looks like in a dozen numbers: colour, exposure, sharpness, frame; for finding odd ones and shortcuts.
//!
//! All are taken from a small copy, means of square blocks, so that a scan of 12 megapixels and one of 256 pixels
//! compare: blur that such a copy does not show is of no matter to a net either.

use crate::picture::{LUMA, Picture, Pixels};

/// Longest side of the small copy, in pixels.
const SIDE: usize = 256;
/// A frame's line deviates from its colour by less than this share of the picture's span, in all but [`STRAY`] of it.
const UNIFORM: f32 = 0.05;
/// Share of a line that noise may change.
const STRAY: f32 = 0.03;
/// Past the frame at least [`INSIDE`] of the line deviates by more than this share of the span. A plain background has
/// no such line: it ends where the object begins, not all along a straight edge.
const JUMP: f32 = 0.08;
/// See [`JUMP`].
const INSIDE: f32 = 0.5;
/// Pictures with a shorter side have no frame: a line of theirs holds too little.
const LEAST_SIDE: usize = 32;

/// Numbers of one picture. Colours are shares of the stored type's range; of float pictures they are as stored.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Appearance {
    /// Mean red, green and blue.
    pub mean: [f32; 3],
    /// 5th, 50th and 95th percentile of luma.
    pub luma: [f32; 3],
    /// Variance of the Laplacian of luma (Pech-Pacheco et al. 2000): small where the picture is blurred or plain.
    pub sharpness: f32,
    /// Width of a plain frame at the top, bottom, left and right, as a share of height or width; 0 where there is none.
    pub frame: [f32; 4],
    /// Luma of the brightest of these frames; 0 where there is none.
    pub frame_luma: f32,
}

impl Appearance {
    /// Of a picture. One pass over its pixels.
    pub fn of(picture: &Picture) -> Self {
        let small = Small::of(picture);
        let n = small.rgb.len() as f32;
        let mean = [0, 1, 2].map(|k| small.rgb.iter().map(|rgb| rgb[k]).sum::<f32>() / n);
        let luma: Vec<f32> = small.rgb.iter().map(luma).collect();
        let frames = small.frames();
        Self {
            mean,
            luma: percentiles(&luma),
            sharpness: laplacian_variance(&luma, small.height, small.width),
            frame: frames.map(|(width, _)| width),
            frame_luma: frames.iter().fold(0.0, |most, &(_, luma)| most.max(luma)),
        }
    }
}

fn luma(rgb: &[f32; 3]) -> f32 {
    rgb.iter().zip(LUMA).map(|(v, weight)| v * weight).sum()
}

/// Means of square blocks.
struct Small {
    height: usize,
    width: usize,
    rgb: Vec<[f32; 3]>, // [H, W]
}

impl Small {
    fn of(picture: &Picture) -> Self {
        match &picture.pixels {
            Pixels::U8(v) => Self::reduce(picture, 1.0 / 255.0, |i| f32::from(v[i])),
            Pixels::U16(v) => Self::reduce(picture, 1.0 / 65535.0, |i| f32::from(v[i])),
            Pixels::F32(v) => Self::reduce(picture, 1.0, |i| v[i]),
        }
    }

    fn reduce(picture: &Picture, unit: f32, stored: impl Fn(usize) -> f32) -> Self {
        let (h, w, c) = (picture.height, picture.width, picture.channels);
        let block = h.max(w).div_ceil(SIDE);
        let (height, width) = (h.div_ceil(block), w.div_ceil(block));
        let mut rgb = vec![[0.0; 3]; height * width];
        for (y, row) in rgb.chunks_exact_mut(width).enumerate() {
            let rows = y * block..((y + 1) * block).min(h);
            for line in rows.clone() {
                for (x, sum) in row.iter_mut().enumerate() {
                    for column in x * block..((x + 1) * block).min(w) {
                        let at = (line * w + column) * c;
                        for (k, sum) in sum.iter_mut().enumerate() {
                            *sum += stored(if c == 1 { at } else { at + k });
                        }
                    }
                }
            }
            for (x, sum) in row.iter_mut().enumerate() {
                let pixels = rows.len() * (((x + 1) * block).min(w) - x * block);
                *sum = sum.map(|v| v * unit / pixels as f32);
            }
        }
        Self { height, width, rgb }
    }

    /// Width (as a share) and luma of a plain frame at the top, bottom, left and right.
    fn frames(&self) -> [(f32, f32); 4] {
        let (h, w) = (self.height, self.width);
        if h.min(w) < LEAST_SIDE {
            return [(0.0, 0.0); 4];
        }
        let values = || self.rgb.iter().flatten();
        let (low, high) = values().fold((f32::MAX, f32::MIN), |(low, high), &v| (low.min(v), high.max(v)));
        let row = |y: usize| (0..w).map(|x| self.rgb[y * w + x]).collect::<Vec<_>>();
        let column = |x: usize| (0..h).map(|y| self.rgb[y * w + x]).collect::<Vec<_>>();
        let span = high - low;
        [
            frame(h, span, row),
            frame(h, span, |y| row(h - 1 - y)),
            frame(w, span, column),
            frame(w, span, |x| column(w - 1 - x)),
        ]
    }
}

/// A frame of lines counted from one side of `n`: how wide it is, as a share, and its luma.
fn frame(n: usize, span: f32, line: impl Fn(usize) -> Vec<[f32; 3]>) -> (f32, f32) {
    let outermost = line(0);
    let middle = |k: usize| {
        let mut values: Vec<f32> = outermost.iter().map(|rgb| rgb[k]).collect();
        values.sort_unstable_by(f32::total_cmp);
        values[values.len() / 2]
    };
    let colour = [0, 1, 2].map(middle);
    let beyond = |line: &[[f32; 3]], limit: f32| {
        let far = |rgb: &&[f32; 3]| rgb.iter().zip(colour).any(|(v, c)| (v - c).abs() > limit * span);
        line.iter().filter(far).count() as f32 / line.len() as f32
    };
    let width = (0..n / 3).take_while(|&at| beyond(&line(at), UNIFORM) <= STRAY).count();
    // The line where it ends may hold some of both.
    let ends = width > 0 && width < n / 3 && beyond(&line(width + 1), JUMP) >= INSIDE;
    if ends { (width as f32 / n as f32, luma(&colour)) } else { (0.0, 0.0) }
}

fn percentiles(values: &[f32]) -> [f32; 3] {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f32::total_cmp);
    [0.05, 0.5, 0.95].map(|share: f32| sorted[(share * (sorted.len() - 1) as f32).round() as usize])
}

/// Variance of `4 x - left - right - above - below` over the pixels that have all four.
fn laplacian_variance(luma: &[f32], h: usize, w: usize) -> f32 {
    if h < 3 || w < 3 {
        return 0.0;
    }
    let at = |y: usize, x: usize| f64::from(luma[y * w + x]);
    let (mut sum, mut squares) = (0.0, 0.0);
    for y in 1..h - 1 {
        for x in 1..w - 1 {
            let v = 4.0 * at(y, x) - at(y, x - 1) - at(y, x + 1) - at(y - 1, x) - at(y + 1, x);
            sum += v;
            squares += v * v;
        }
    }
    let n = ((h - 2) * (w - 2)) as f64;
    (squares / n - (sum / n) * (sum / n)).max(0.0) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use striate_kernels::rng::Key;

    /// Noise of two values, `h` by `w`, with a frame of `border` white pixels.
    fn picture(h: usize, w: usize, border: usize) -> Picture {
        let mut stream = Key::new(3).stream();
        let mut pixels = Vec::new();
        for y in 0..h {
            for x in 0..w {
                let inside = y >= border && x >= border && y < h - border && x < w - border;
                let v = if stream.uniform() < 0.5 { 40 } else { 140 };
                pixels.extend([if inside { v } else { 255 }; 3]);
            }
        }
        Picture::new(h, w, 3, Pixels::U8(pixels))
    }

    #[test]
    fn a_white_frame_is_measured_and_a_plain_background_is_none() {
        let found = Appearance::of(&picture(60, 100, 3));
        assert_eq!(found.frame, [0.05, 0.05, 0.03, 0.03]);
        assert!((found.frame_luma - 1.0).abs() < 1e-5, "{found:?}");
        assert_eq!(Appearance::of(&picture(60, 100, 0)).frame, [0.0; 4]);
        // An object before a white ground: plain lines on all sides, but no straight edge where they end.
        let mut pixels = vec![255_u8; 60 * 60];
        (0..60 * 60_usize).filter(|i| (i / 60).abs_diff(30) + (i % 60).abs_diff(30) < 22).for_each(|i| pixels[i] = 90);
        assert_eq!(Appearance::of(&Picture::new(60, 60, 1, Pixels::U8(pixels))).frame, [0.0; 4]);
    }

    #[test]
    fn a_frame_of_a_large_picture_survives_its_small_copy() {
        let found = Appearance::of(&picture(600, 800, 30)); // blocks of 4
        assert!((found.frame[0] - 0.05).abs() < 0.01 && (found.frame[2] - 0.0375).abs() < 0.01, "{found:?}");
    }

    #[test]
    fn numbers_are_those_of_the_formulas() {
        let ramp: Vec<f32> = (0..25).map(|i| (i * i) as f32).collect();
        let found = Appearance::of(&Picture::new(5, 5, 1, Pixels::F32(ramp.clone())));
        // x^2 with x = 5 row + column: the Laplacian is -2 (1 + 25) everywhere.
        assert!(found.sharpness < 1e-3, "{found:?}");
        let mean = ramp.iter().sum::<f32>() / 25.0;
        assert!(found.mean.iter().all(|v| (v - mean).abs() < 1e-3) && found.luma[1] == 144.0, "{found:?}");
        let mut spike = vec![0.0; 25];
        spike[12] = 1.0;
        // Over the 3 x 3 inner pixels: one 4, four -1, four 0, so the mean is 0 and the variance 20 / 9.
        let found = Appearance::of(&Picture::new(5, 5, 1, Pixels::F32(spike)));
        assert!((found.sharpness - 20.0 / 9.0).abs() < 1e-5, "{found:?}");
    }

    #[test]
    fn one_pixel_is_a_picture() {
        let found = Appearance::of(&Picture::new(1, 1, 3, Pixels::U8(vec![255, 0, 0])));
        assert_eq!((found.mean, found.sharpness, found.frame), ([1.0, 0.0, 0.0], 0.0, [0.0; 4]));
    }
}
