//! The preprocessing contract: how a decoded picture becomes what a model sees, the same wherever the model runs.

use serde::{Deserialize, Serialize};

use crate::picture::{Picture, Pixels};
pub use crate::resize::Filter;
use crate::resize::{Grid, Whole, Window, resize};

/// Colours of the input, in its order of channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Colour {
    /// One channel; of RGB the luma of Rec. 601, `0.299 R + 0.587 G + 0.114 B`.
    Gray,
    /// Three channels; gray is repeated.
    Rgb,
    /// As [`Colour::Rgb`], with red and blue exchanged when [`Preprocess::normalise`] runs.
    Bgr,
}

/// Which stored values become 0 and 1; what lies beyond is clamped.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueRange {
    /// The range of the stored type: `0..=255`, `0..=65535`, and `[0, 1]` for floats.
    Dtype,
    /// The same two stored values for all pictures, such as percentiles of the training pictures.
    Fixed {
        /// Becomes 0.
        low: f32,
        /// Becomes 1.
        high: f32,
    },
}

/// How a picture of any shape fills the input.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resize {
    /// The whole picture, its aspect ratio changed if need be.
    Stretch,
    /// The largest centred part with the aspect ratio of the input, its sides times `fraction`.
    CropCentre {
        /// In `[0.01, 1]`; 224/256 in the ImageNet evaluation of most models.
        fraction: f32,
    },
    /// The whole picture in its aspect ratio, centred on an even ground.
    Pad {
        /// The ground, in `[0, 1]`.
        fill: f32,
    },
}

/// How a decoded picture becomes the input of a model. Saved with the model, every field explicit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preprocess {
    /// Channels and their order.
    pub colour: Colour,
    /// Stored values to `[0, 1]`.
    pub range: ValueRange,
    /// Which part of the picture.
    pub resize: Resize,
    /// `[H, W]` of the input.
    pub size: [usize; 2],
    /// Resampling, antialiased.
    pub filter: Filter,
    /// Subtracted from `[0, 1]` values, one a channel of the input.
    pub mean: Vec<f32>,
    /// Divided by after that, one a channel of the input.
    pub std: Vec<f32>,
}

/// A contract that no picture can be prepared by, from an edited file or another program.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error("preprocessing: `{field}` is {got}, must be {want}")]
pub struct PreprocessError {
    field: &'static str,
    got: String,
    want: &'static str,
}

impl Resize {
    /// Checks a value that was read from a file.
    pub fn check(&self) -> Result<(), PreprocessError> {
        let wrong = |field, got: f32, want| Err(PreprocessError { field, got: got.to_string(), want });
        match *self {
            // A hundredth is less of a picture than anyone takes; a part of no pixel cannot be resized.
            Self::CropCentre { fraction } if !(0.01..=1.0).contains(&fraction) => {
                wrong("resize.fraction", fraction, "from 0.01 to 1")
            }
            Self::Pad { fill } if !(0.0..=1.0).contains(&fill) => wrong("resize.fill", fill, "from 0 to 1"),
            _ => Ok(()),
        }
    }
}

/// Largest side of an input; a larger one is a mistake in a recipe.
const MAX_SIDE: usize = 8192;

impl Preprocess {
    /// Gray, whole picture stretched to 32x32, `[0, 1]` to `[-1, 1]`.
    pub fn gray() -> Self {
        Self {
            colour: Colour::Gray,
            range: ValueRange::Dtype,
            resize: Resize::Stretch,
            size: [32, 32],
            filter: Filter::Bilinear,
            mean: vec![0.5],
            std: vec![0.5],
        }
    }

    /// As [`Preprocess::gray`], in colour.
    pub fn rgb() -> Self {
        Self { colour: Colour::Rgb, mean: vec![0.5; 3], std: vec![0.5; 3], ..Self::gray() }
    }

    /// Channels C of the input.
    pub fn channels(&self) -> usize {
        if self.colour == Colour::Gray { 1 } else { 3 }
    }

    /// Checks a contract that was read from a file; the other methods rely on it.
    pub fn check(&self) -> Result<(), PreprocessError> {
        let wrong =
            |field, got: &dyn std::fmt::Debug, want| Err(PreprocessError { field, got: format!("{got:?}"), want });
        if !self.size.iter().all(|side| (1..=MAX_SIDE).contains(side)) {
            return wrong("size", &self.size, "[height, width], each from 1 to 8192");
        }
        // Values in [0, 1] cannot have others; what is near the limits of f32 would turn answers into NaN.
        let per_channel = |v: &[f32], low: f32| v.len() == self.channels() && v.iter().all(|x| (low..=1e3).contains(x));
        if !per_channel(&self.mean, -1e3) {
            return wrong("mean", &self.mean, "a number from -1000 to 1000 a channel (1 for gray, 3 for rgb and bgr)");
        }
        if !per_channel(&self.std, 1e-6) {
            return wrong(
                "std",
                &self.std,
                "a positive number, 1e-6 to 1000, a channel (1 for gray, 3 for rgb and bgr)",
            );
        }
        match self.range {
            ValueRange::Fixed { low, high } if !(low < high && (high - low).is_finite()) => {
                wrong("range", &self.range, "two finite numbers with low below high")
            }
            _ => self.resize.check(),
        }
    }

    /// The input of a model: `[C, H, W]`, `(value - mean) / std`.
    pub fn apply(&self, picture: &Picture) -> Vec<f32> {
        let mut unit = self.to_unit(picture);
        self.normalise(&mut unit);
        unit
    }

    /// `[C, H, W]` in `[0, 1]`, gray or RGB (never BGR): what augmentation works on.
    pub fn to_unit(&self, picture: &Picture) -> Vec<f32> {
        // One stored byte is one step of the result only if nothing stretches it; else there are 16 bits.
        match (&picture.pixels, self.range) {
            (Pixels::U8(v), ValueRange::Dtype) => self.place(&self.reduce(picture, v, luma_u8), 255.0),
            (Pixels::U16(v), ValueRange::Dtype) => self.place(&self.reduce(picture, v, luma_u16), 65_535.0),
            (pixels, range) => {
                let words = to_words(pixels, range);
                self.place(&self.reduce(picture, &words, luma_u16), 65_535.0)
            }
        }
    }

    /// `(value - mean) / std`, channel by channel, with red and blue exchanged first where the input is BGR.
    ///
    /// # Panics
    /// If `unit` is not of the size of the input.
    pub fn normalise(&self, unit: &mut [f32]) {
        let plane = self.size[0] * self.size[1];
        assert_eq!(unit.len(), self.channels() * plane, "Preprocess::normalise: values for {:?}", self.size);
        if self.colour == Colour::Bgr {
            let (red, others) = unit.split_at_mut(plane);
            red.swap_with_slice(&mut others[plane..]);
        }
        for ((values, mean), std) in unit.chunks_exact_mut(plane).zip(&self.mean).zip(&self.std) {
            values.iter_mut().for_each(|v| *v = (*v - mean) / std);
        }
    }

    /// The opposite of [`Preprocess::normalise`], of one picture or several: `[N, C, H, W]`.
    ///
    /// # Panics
    /// If `values` is not whole pictures of the size of the input.
    pub fn unnormalise(&self, values: &mut [f32]) {
        let plane = self.size[0] * self.size[1];
        let picture = self.channels() * plane;
        assert!(values.len().is_multiple_of(picture), "Preprocess::unnormalise: values for {:?}", self.size);
        for unit in values.chunks_exact_mut(picture) {
            for ((values, mean), std) in unit.chunks_exact_mut(plane).zip(&self.mean).zip(&self.std) {
                values.iter_mut().for_each(|v| *v = *v * std + mean);
            }
            if self.colour == Colour::Bgr {
                let (red, others) = unit.split_at_mut(plane);
                red.swap_with_slice(&mut others[plane..]);
            }
        }
    }

    /// Colour first, since gray is a third of the work, then size.
    fn reduce<T: Whole>(&self, picture: &Picture, values: &[T], luma: fn([T; 3]) -> T) -> Resized<T> {
        let gray: Vec<T>;
        let (values, channels) = if picture.channels == 3 && self.colour == Colour::Gray {
            gray = values.as_chunks().0.iter().map(|rgb| luma(*rgb)).collect();
            (gray.as_slice(), 1)
        } else {
            (values, picture.channels)
        };
        let (height, width) = (picture.height, picture.width);
        let (window, size) = self.window(height, width);
        let values = resize(Grid { height, width, channels, values }, window, size, self.filter);
        Resized { size, channels, values }
    }

    /// Which part of a picture is taken, and the size it is given.
    fn window(&self, height: usize, width: usize) -> (Window, [usize; 2]) {
        let (h, w) = (height as f64, width as f64);
        let [h_out, w_out] = self.size;
        match self.resize {
            Resize::Stretch => (Window::whole(height, width), self.size),
            Resize::CropCentre { fraction } => {
                let scale = (h / h_out as f64).min(w / w_out as f64) * f64::from(fraction);
                let (part_h, part_w) = ((scale * h_out as f64).min(h), (scale * w_out as f64).min(w));
                let window =
                    Window { top: (h - part_h) / 2.0, left: (w - part_w) / 2.0, height: part_h, width: part_w };
                (window, self.size)
            }
            Resize::Pad { .. } => {
                let scale = (h_out as f64 / h).min(w_out as f64 / w);
                let side = |n: f64, most: usize| ((n * scale).round() as usize).clamp(1, most);
                (Window::whole(height, width), [side(h, h_out), side(w, w_out)])
            }
        }
    }

    /// `[h, w, c]` to `[C, H, W]`, on the ground where it is smaller, `full` becoming 1.
    fn place<T: Copy + Into<f32>>(&self, resized: &Resized<T>, full: f32) -> Vec<f32> {
        let [h_out, w_out] = self.size;
        let Resized { size: [h, w], channels, values } = resized;
        let ground = if let Resize::Pad { fill } = self.resize { fill } else { 0.0 };
        let (top, left) = ((h_out - h) / 2, (w_out - w) / 2);
        let mut out = vec![ground; self.channels() * h_out * w_out];
        for (c, plane) in out.chunks_exact_mut(h_out * w_out).enumerate() {
            let from = c.min(channels - 1);
            for (y, row) in values.chunks_exact(w * channels).enumerate() {
                let at = (top + y) * w_out + left;
                for (x, pixel) in plane[at..at + w].iter_mut().zip(row.chunks_exact(*channels)) {
                    *x = pixel[from].into() / full;
                }
            }
        }
        out
    }
}

struct Resized<T> {
    size: [usize; 2], // [h, w]
    channels: usize,
    values: Vec<T>, // [h, w, c]
}

/// Rec. 601 with 16 fraction bits, the weights of Pillow.
fn luma_u8([r, g, b]: [u8; 3]) -> u8 {
    ((u32::from(r) * 19_595 + u32::from(g) * 38_470 + u32::from(b) * 7_471 + 32_768) >> 16) as u8
}

fn luma_u16([r, g, b]: [u16; 3]) -> u16 {
    ((u64::from(r) * 19_595 + u64::from(g) * 38_470 + u64::from(b) * 7_471 + 32_768) >> 16) as u16
}

/// Stored values to 16 bits over the range.
fn to_words(pixels: &Pixels, range: ValueRange) -> Vec<u16> {
    let (low, high) = match range {
        ValueRange::Dtype => (0.0, 1.0),
        ValueRange::Fixed { low, high } => (low, high),
    };
    let scale = 65_535.0 / (f64::from(high) - f64::from(low));
    // A cast from float to integer saturates, so what lies beyond the range is clamped.
    let word = |v: f64| ((v - f64::from(low)) * scale).round() as u16;
    match pixels {
        Pixels::U8(v) => v.iter().map(|&x| word(x.into())).collect(),
        Pixels::U16(v) => v.iter().map(|&x| word(x.into())).collect(),
        Pixels::F32(v) => v.iter().map(|&x| word(x.into())).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(channels: usize, pixels: Pixels) -> Picture {
        Picture::new(1, pixels.len() / channels, channels, pixels)
    }

    #[test]
    fn colours_and_their_order() {
        let rgb = picture(3, Pixels::U8(vec![255, 0, 51, 0, 255, 51]));
        let wide = Preprocess { size: [1, 2], mean: vec![0.0; 3], std: vec![1.0, 1.0, 2.0], ..Preprocess::rgb() };
        assert_eq!(wide.apply(&rgb), [1.0, 0.0, 0.0, 1.0, 0.1, 0.1]);
        let bgr = Preprocess { colour: Colour::Bgr, ..wide.clone() };
        assert_eq!(bgr.apply(&rgb), [0.2, 0.2, 0.0, 1.0, 0.5, 0.0]);
        assert_eq!(bgr.to_unit(&rgb), wide.to_unit(&rgb), "BGR is made at the end only");
        let gray = Preprocess { size: [1, 2], mean: vec![0.0], std: vec![1.0], ..Preprocess::gray() };
        assert_eq!(gray.apply(&rgb), [82.0 / 255.0, 156.0 / 255.0]);
        assert_eq!(wide.apply(&picture(1, Pixels::U8(vec![51, 0]))), [0.2, 0.0, 0.2, 0.0, 0.1, 0.0]);
    }

    #[test]
    fn ranges() {
        let unit = |range, pixels: Pixels| {
            let contract = Preprocess { range, size: [1, pixels.len()], ..Preprocess::gray() };
            contract.check().expect("valid");
            contract.to_unit(&picture(1, pixels))
        };
        assert_eq!(unit(ValueRange::Dtype, Pixels::U16(vec![0, 65_535])), [0.0, 1.0]);
        assert_eq!(unit(ValueRange::Dtype, Pixels::F32(vec![-3.0, 1.0, 2.0])), [0.0, 1.0, 1.0]);
        let twelve_bits = ValueRange::Fixed { low: 0.0, high: 4095.0 };
        assert_eq!(unit(twelve_bits, Pixels::U16(vec![0, 819, 4095, 4096])), [0.0, 0.2, 1.0, 1.0]);
        assert_eq!(unit(ValueRange::Fixed { low: 100.0, high: 200.0 }, Pixels::U8(vec![0, 120, 255])), [0.0, 0.2, 1.0]);
        let signed = ValueRange::Fixed { low: -1e30, high: 1e30 };
        assert_eq!(unit(signed, Pixels::F32(vec![-1e38, -1e30, 1e38])), [0.0, 0.0, 1.0]);
    }

    #[test]
    fn any_shape_fits() {
        let ways = [Resize::Stretch, Resize::CropCentre { fraction: 0.875 }, Resize::Pad { fill: 0.0 }];
        for (height, width) in [(1, 1), (1, 900), (2000, 1), (3, 70_000)] {
            for resize in ways {
                let contract = Preprocess { resize, size: [9, 6], ..Preprocess::rgb() };
                let flat = Picture::new(height, width, 1, Pixels::U8(vec![51; height * width]));
                let unit = contract.to_unit(&flat);
                let ground = if let Resize::Pad { .. } = resize { 0.0 } else { 0.2 };
                assert!(unit.iter().all(|v| (v - 0.2).abs() < 0.005 || *v == ground), "{height}x{width} {resize:?}");
                assert!(unit.iter().any(|v| (v - 0.2).abs() < 0.005), "{height}x{width} {resize:?}");
            }
        }
    }

    #[test]
    fn wrong_contracts_are_told() {
        let told = |p: Preprocess| p.check().expect_err("wrong").to_string();
        assert_eq!(
            told(Preprocess { size: [0, 3], ..Preprocess::gray() }),
            "preprocessing: `size` is [0, 3], must be [height, width], each from 1 to 8192"
        );
        assert!(told(Preprocess { mean: vec![0.5; 3], ..Preprocess::gray() }).contains("`mean`"));
        assert!(told(Preprocess { std: vec![0.0], ..Preprocess::gray() }).contains("positive"));
        let range = ValueRange::Fixed { low: f32::NAN, high: 1.0 };
        assert!(told(Preprocess { range, ..Preprocess::gray() }).contains("low below high"));
        let resize = Resize::CropCentre { fraction: 1.5 };
        assert!(told(Preprocess { resize, ..Preprocess::gray() }).contains("from 0.01 to 1"));
        let resize = Resize::CropCentre { fraction: 1e-30 };
        assert!(told(Preprocess { resize, ..Preprocess::gray() }).contains("from 0.01 to 1"));
        assert!(told(Preprocess { mean: vec![3e38], ..Preprocess::gray() }).contains("-1000 to 1000"));
    }

    #[test]
    fn json_names_every_field() {
        let text = serde_json::to_string(&Preprocess::gray()).expect("json");
        for field in ["colour", "range", "resize", "size", "filter", "mean", "std"] {
            assert!(text.contains(&format!("\"{field}\"")), "{text}");
            let without: serde_json::Map<_, _> = serde_json::from_str::<serde_json::Map<_, _>>(&text)
                .expect("map")
                .into_iter()
                .filter(|(k, _)| k != field)
                .collect();
            assert!(serde_json::from_value::<Preprocess>(without.into()).is_err(), "{field} must be explicit");
        }
        assert_eq!(serde_json::from_str::<Preprocess>(&text).expect("round trip"), Preprocess::gray());
    }
}
