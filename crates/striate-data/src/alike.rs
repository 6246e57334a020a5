//! Whether two pictures are one picture: compared on small copies, whatever their size, compression and exposure.

use crate::picture::{Picture, Pixels};
use crate::thumbnail::{Channel, is_flat, thumbnail};

/// Side of the gray copy.
const SIDE: usize = 32;

/// Side of the colour copies.
const COLOUR_SIDE: usize = 8;

/// Pictures smaller than this are told apart by exact equality only: too few pixels to tell a copy from a likeness.
const MIN_SIDE: usize = 8;

/// Largest [`Look::difference`] of two copies where there is little to compare: a side shorter than [`SIDE`] pixels, or a
/// picture that is mostly ground. Two handwritten ones of MNIST come as near as 0.16.
const MAX_DIFFERENCE_SPARSE: f32 = 0.10;

/// Largest [`Look::difference`] of two copies otherwise.
const MAX_DIFFERENCE: f32 = 0.25;

/// A picture is mostly ground if less than this share of it is farther from its median than an eighth of its range.
const MIN_COVERED: f32 = 0.35;

/// Largest root mean square difference in colour, in units of the range of luma.
const MAX_COLOUR_DIFFERENCE: f32 = 0.15;

/// Largest ratio of two aspect ratios.
const MAX_ASPECT: f32 = 1.1;

/// A small copy in bytes: luma from its least to its greatest value, colour in 64ths of that range around 128.
#[derive(Debug)]
pub(crate) struct Look {
    aspect: f32,
    side: usize,
    luma: Vec<u8>,
    sparse: bool,
    colour: Option<Vec<u8>>,
}

impl Look {
    /// `None` for a picture that is too small or shows nothing.
    pub fn new(picture: &Picture) -> Option<Self> {
        let side = picture.height.min(picture.width).min(SIDE);
        let luma = thumbnail(picture, side, Channel::Luma);
        if side < MIN_SIDE || is_flat(picture, &luma) {
            return None;
        }
        let (low, high) = luma.iter().fold((f32::MAX, f32::MIN), |(low, high), &v| (low.min(v), high.max(v)));
        let byte = |v: f32| v.round().clamp(0.0, 255.0) as u8;
        let colour = (picture.channels == 3).then(|| {
            let planes = [Channel::Cb, Channel::Cr].into_iter().flat_map(|c| thumbnail(picture, COLOUR_SIDE, c));
            planes.map(|v| byte(128.0 + 64.0 * v / (high - low))).collect::<Vec<u8>>()
        });
        let luma: Vec<u8> = luma.iter().map(|v| byte((v - low) / (high - low) * 255.0)).collect();
        let mut sorted = luma.clone();
        sorted.sort_unstable();
        let median = sorted[sorted.len() / 2];
        let covered = luma.iter().filter(|v| v.abs_diff(median) > 32).count() as f32 / luma.len() as f32;
        Some(Self {
            aspect: picture.width as f32 / picture.height as f32,
            side,
            luma,
            sparse: side < SIDE || covered < MIN_COVERED,
            // A picture without colour is compared by luma alone, whatever it is compared with.
            colour: colour.filter(|planes| planes.iter().any(|&v| v.abs_diff(128) > 2)),
        })
    }

    /// Share of the other's contrast that brightness and contrast cannot explain, if both may be one picture.
    pub fn difference(&self, other: &Self) -> Option<f32> {
        let aspect = self.aspect / other.aspect;
        let in_colour = match (&self.colour, &other.colour) {
            (Some(a), Some(b)) => {
                let sum: f32 = a.iter().zip(b).map(|(&a, &b)| (f32::from(a) - f32::from(b)).powi(2)).sum();
                (sum / a.len() as f32).sqrt() / 64.0
            }
            _ => 0.0,
        };
        if !(1.0 / MAX_ASPECT..=MAX_ASPECT).contains(&aspect) || in_colour > MAX_COLOUR_DIFFERENCE {
            return None;
        }
        let side = self.side.min(other.side);
        let correlation = correlation(&self.at(side), &other.at(side));
        let difference = (1.0 - correlation * correlation).max(0.0).sqrt();
        let most = if self.sparse || other.sparse { MAX_DIFFERENCE_SPARSE } else { MAX_DIFFERENCE };
        (correlation > 0.0 && difference <= most).then_some(difference)
    }

    fn at(&self, side: usize) -> Vec<f32> {
        if side == self.side {
            return self.luma.iter().map(|&v| f32::from(v)).collect();
        }
        thumbnail(&Picture::new(self.side, self.side, 1, Pixels::U8(self.luma.clone())), side, Channel::Luma)
    }
}

fn correlation(a: &[f32], b: &[f32]) -> f32 {
    let mean = |v: &[f32]| v.iter().sum::<f32>() / v.len() as f32;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (a, b) in a.iter().zip(b) {
        ab += (a - mean_a) * (b - mean_b);
        aa += (a - mean_a).powi(2);
        bb += (b - mean_b).powi(2);
    }
    if aa > 0.0 && bb > 0.0 { ab / (aa * bb).sqrt() } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(side: usize, value: impl Fn(f32, f32) -> [f32; 3]) -> Picture {
        let at = |i: usize| (i as f32 + 0.5) / side as f32;
        let pixels = (0..side * side).flat_map(|i| value(at(i / side), at(i % side)));
        Picture::new(side, side, 3, Pixels::U8(pixels.map(|v| (v * 255.0).round() as u8).collect()))
    }

    fn blob(y: f32, x: f32) -> f32 {
        0.4 + 0.3 * (9.0 * y).sin() * (7.0 * x * x).cos()
    }

    #[test]
    fn size_and_brightness_do_not_matter_and_colour_does() {
        let gray = |side| Look::new(&picture(side, |y, x| [blob(y, x); 3])).expect("a look");
        let bright = Look::new(&picture(100, |y, x| [0.1 + 1.1 * blob(y, x); 3])).expect("a look");
        assert!(gray(100).difference(&gray(50)).expect("alike") < 0.05);
        assert!(gray(100).difference(&bright).expect("alike") < 0.05);
        let red = Look::new(&picture(100, |y, x| [blob(y, x), 0.1, 0.1])).expect("a look");
        let blue = Look::new(&picture(100, |y, x| [0.1, 0.1, blob(y, x)])).expect("a look");
        assert_eq!(red.difference(&blue), None);
        assert!(red.difference(&gray(100)).is_some()); // a gray copy
    }

    #[test]
    fn other_pictures_shapes_and_negatives_differ() {
        let one = Look::new(&picture(100, |y, x| [blob(y, x); 3])).expect("a look");
        assert_eq!(one.difference(&Look::new(&picture(100, |y, x| [blob(x, y); 3])).expect("a look")), None);
        assert_eq!(one.difference(&Look::new(&picture(100, |y, x| [1.0 - blob(y, x); 3])).expect("a look")), None);
        let wide = Picture::new(100, 200, 1, Pixels::U8((0..20_000).map(|i| (i % 251) as u8).collect()));
        assert_eq!(one.difference(&Look::new(&wide).expect("a look")), None);
        assert!(Look::new(&picture(100, |_, _| [0.5; 3])).is_none());
        assert!(Look::new(&picture(7, |y, x| [blob(y, x); 3])).is_none());
    }
}
