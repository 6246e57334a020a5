//! Pictures as planes of numbers, and back into files.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use image::{ColorType, ImageEncoder, codecs::png::PngEncoder};
use striate_data::picture::{Picture, Pixels};
use striate_nn::write_atomic;

use crate::error::Error;

/// `[C, H, W]`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Planes {
    /// C, H, W.
    pub shape: [usize; 3],
    /// In `[0, 1]`.
    pub values: Vec<f32>,
    /// Bits of a stored value: 8 or 16.
    pub bits: u8,
}

/// A picture's own values, at its own size; floats outside of `[0, 1]` are cut off.
pub(crate) fn planes(picture: &Picture) -> Planes {
    let Picture { height, width, channels, pixels } = picture;
    let each = |at: &dyn Fn(usize) -> f32| {
        let pixels = height * width;
        (0..channels * pixels).map(|i| at(i % pixels * channels + i / pixels)).collect()
    };
    let (values, bits) = match pixels {
        Pixels::U8(v) => (each(&|i| f32::from(v[i]) / 255.0), 8),
        Pixels::U16(v) => (each(&|i| f32::from(v[i]) / 65_535.0), 16),
        Pixels::F32(v) => (each(&|i| v[i].clamp(0.0, 1.0)), 16),
    };
    Planes { shape: [*channels, *height, *width], values, bits }
}

/// A row or column beyond the last of `side`, mirrored inward, as often as need be.
fn mirrored(at: usize, side: usize) -> usize {
    let at = at % (2 * side);
    if at < side { at } else { 2 * side - 1 - at }
}

/// Rows `from[0]..to[0]` and columns `from[1]..to[1]` of each plane; what lies beyond the last is mirrored in.
///
/// # Shapes
/// - `planes`: `[C, H, W]` with `size` = `[H, W]`, output: `[C, to - from]`
pub(crate) fn cut(planes: &[f32], [h, w]: [usize; 2], from: [usize; 2], to: [usize; 2]) -> Vec<f32> {
    let mut part = Vec::with_capacity(planes.len() / (h * w) * (to[0] - from[0]) * (to[1] - from[1]));
    for plane in planes.chunks_exact(h * w) {
        for y in from[0]..to[0] {
            let row = &plane[mirrored(y, h) * w..][..w];
            part.extend((from[1]..to[1]).map(|x| row[mirrored(x, w)]));
        }
    }
    part
}

/// The picture as the bytes of a PNG.
pub(crate) fn to_png(planes: &Planes) -> Result<Vec<u8>, Error> {
    let Planes { shape: [c, h, w], values, bits } = planes;
    let pixels = h * w;
    let at = |i: usize| f64::from(values[i % c * pixels + i / c]).clamp(0.0, 1.0);
    let (bytes, colour): (Vec<u8>, ColorType) = match (bits, c) {
        (16, 1) => ((0..pixels).flat_map(|i| word(at(i))).collect(), ColorType::L16),
        (16, _) => ((0..3 * pixels).flat_map(|i| word(at(i))).collect(), ColorType::Rgb16),
        (_, 1) => ((0..pixels).map(|i| (at(i) * 255.0).round() as u8).collect(), ColorType::L8),
        _ => ((0..3 * pixels).map(|i| (at(i) * 255.0).round() as u8).collect(), ColorType::Rgb8),
    };
    let mut png = Cursor::new(Vec::new());
    let (wide, high) = (u32::try_from(*w).unwrap_or(u32::MAX), u32::try_from(*h).unwrap_or(u32::MAX));
    match PngEncoder::new(&mut png).write_image(&bytes, wide, high, colour.into()) {
        Ok(()) => Ok(png.into_inner()),
        Err(e) => {
            Err(Error::request(format!("a picture of {h} x {w} pixels cannot be written: {e}"), "give a smaller one"))
        }
    }
}

/// A 16-bit value in the byte order that the encoder takes.
fn word(v: f64) -> [u8; 2] {
    ((v * 65_535.0).round() as u16).to_ne_bytes()
}

/// Writes the picture at `path`, whole or not at all, and makes the folders above it.
pub(crate) fn write_png(path: &Path, planes: &Planes) -> Result<(), Error> {
    let bytes = to_png(planes)?;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(Error::writing(path))?;
    }
    write_atomic(path, &bytes).map_err(Error::writing(path))
}

/// Where the answer for the picture `name` goes: `out` itself where it is a PNG, else `name` under it with the ending of one.
pub(crate) fn place(out: &Path, name: &str) -> PathBuf {
    if is_png(out) {
        return out.to_path_buf();
    }
    let name = Path::new(name);
    let parts = name.components().filter(|part| matches!(part, std::path::Component::Normal(_)));
    out.join(parts.collect::<PathBuf>()).with_extension("png")
}

/// Whether the path ends in `.png`.
pub(crate) fn is_png(path: &Path) -> bool {
    path.extension().is_some_and(|end| end.eq_ignore_ascii_case("png"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use striate_data::decode::{Limits, decode};

    #[test]
    fn what_is_written_is_read_again() {
        for channels in [1, 3] {
            let n = 2 * 3 * channels;
            let wide = Pixels::U16((0..n).map(|i| (i * 3001) as u16).collect());
            for pixels in [Pixels::U8((0..n).map(|i| (i * 14) as u8).collect()), wide] {
                let picture = Picture::new(2, 3, channels, pixels);
                let bytes = to_png(&planes(&picture)).expect("writes");
                let again = decode(&bytes, &Limits::default()).expect("a picture").picture;
                assert_eq!(again, picture);
            }
        }
    }

    #[test]
    fn names_stay_under_their_folder() {
        assert_eq!(place(Path::new("out"), "a/b.jpg"), Path::new("out/a/b.png"));
        assert_eq!(place(Path::new("out"), "../../b.jpg"), Path::new("out/b.png"));
        assert_eq!(place(Path::new("x.png"), "a/b.jpg"), Path::new("x.png"));
    }
}
