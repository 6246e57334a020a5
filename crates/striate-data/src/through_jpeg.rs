//! What JPEG leaves of a picture.

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

use crate::decode::{Limits, decode};
use crate::picture::Pixels;

/// A picture that went through a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Through {
    /// Length of the file, header and tables counted.
    pub bytes: usize,
    /// `[C, H, W]` in `[0, 1]`.
    pub values: Vec<f32>,
}

/// How much is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    /// From 1 to 100, as the Independent JPEG Group scales the tables of the standard's annex K.
    pub quality: u8,
    /// Whether colours are kept at half the size (4:2:0), or whole (4:4:4).
    pub halved: bool,
}

/// The picture `unit`, `[C, H, W]` in `[0, 1]` with one channel or three, as a baseline JPEG with Huffman tables of its own, read
/// again. `None` where there is no such file: for an empty picture, or a side above 65,535.
///
/// # Panics
/// If `unit` is not of that shape, or has other channels.
pub fn through_jpeg(unit: &[f32], [c, h, w]: [usize; 3], loss: Loss) -> Option<Through> {
    let plane = h * w;
    assert!(unit.len() == c * plane && (c == 1 || c == 3), "through_jpeg: {} values for {c} x {h} x {w}", unit.len());
    let (height, width) = (u16::try_from(h).ok()?, u16::try_from(w).ok()?);
    let pixels: Vec<u8> = (0..unit.len()).map(|i| to_byte(unit[i % c * plane + i / c])).collect();
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, loss.quality.clamp(1, 100));
    encoder.set_optimized_huffman_tables(true);
    encoder.set_sampling_factor(if loss.halved { SamplingFactor::F_2_2 } else { SamplingFactor::F_1_1 });
    encoder.encode(&pixels, width, height, if c == 1 { ColorType::Luma } else { ColorType::Rgb }).ok()?;
    let Pixels::U8(back) = decode(&file, &Limits::default()).ok()?.picture.pixels else { return None };
    let values = (0..back.len()).map(|i| f32::from(back[i % plane * c + i / plane]) / 255.0).collect();
    Some(Through { bytes: file.len(), values })
}

fn to_byte(v: f32) -> u8 {
    (v.clamp(0.0, 1.0) * 255.0).round() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean of the squared differences to a picture with edges and a slope.
    fn error(channels: usize, loss: Loss) -> (usize, f64) {
        let (h, w) = (40, 56);
        let value = |i: usize| ((i % w) as f32 / 80.0 + f32::from(u8::from(i / w % h > 20)) * 0.3).min(1.0);
        let unit: Vec<f32> = (0..channels * h * w).map(|i| value(i % (h * w))).collect();
        let Through { bytes, values } = through_jpeg(&unit, [channels, h, w], loss).expect("a file");
        let sum: f64 = values.iter().zip(&unit).map(|(a, b)| f64::from(a - b).powi(2)).sum();
        (bytes, sum / unit.len() as f64)
    }

    #[test]
    fn less_quality_is_shorter_and_worse() {
        for (channels, halved) in [(1, false), (3, false), (3, true)] {
            let [good, poor] = [95, 5].map(|quality| error(channels, Loss { quality, halved }));
            assert!(good.0 > poor.0 && good.1 < poor.1, "{good:?} {poor:?}");
            assert!(good.1 < 1e-4 && poor.1 < 1e-2, "{good:?} {poor:?}");
        }
        assert_eq!(through_jpeg(&[], [3, 0, 5], Loss { quality: 50, halved: true }), None);
    }
}
