//! Small pictures for reports, as JPEG.

use crate::page::Thumb;
use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder, Rgb, RgbImage};
use striate_data::picture::Picture;
use striate_data::preprocess::{Colour, Filter, Preprocess, Resize, ValueRange};

/// JPEG quality, `1..=100`: a thumbnail of a photo has some 3 kB.
const QUALITY: u8 = 80;

/// The picture with its longer side at most `side` pixels; small pictures are enlarged by whole factors, unsmoothed.
pub fn thumb(picture: &Picture, range: ValueRange, side: usize) -> Option<Thumb> {
    let long = picture.height.max(picture.width).max(1);
    let (scaled, filter): (Box<dyn Fn(usize) -> usize>, Filter) = if long <= side {
        let factor = (side / long).max(1);
        (Box::new(move |n| n * factor), Filter::Nearest)
    } else {
        (Box::new(move |n| (n * side / long).max(1)), Filter::Bilinear)
    };
    let size = [scaled(picture.height), scaled(picture.width)];
    let preprocess = Preprocess {
        colour: Colour::Rgb,
        range,
        resize: Resize::Stretch,
        size,
        filter,
        mean: vec![0.0; 3],
        std: vec![1.0; 3],
    };
    encode(&to_rgb(&preprocess.to_unit(picture), size))
}

/// A unit picture `[3, H, W]` or `[1, H, W]` as 8-bit RGB.
pub fn to_rgb(unit: &[f32], [height, width]: [usize; 2]) -> RgbImage {
    let plane = height * width;
    let last = unit.len() / plane - 1;
    RgbImage::from_fn(width as u32, height as u32, |x, y| {
        let at = y as usize * width + x as usize;
        Rgb([0, 1, 2].map(|c: usize| (unit[c.min(last) * plane + at].clamp(0.0, 1.0) * 255.0).round() as u8))
    })
}

/// A small picture enlarged by a whole factor to a side of about `side` pixels, unsmoothed.
pub fn enlarged(picture: &RgbImage, side: usize) -> Option<Thumb> {
    let (width, height) = picture.dimensions();
    let factor = (side as u32 / width.max(height).max(1)).max(1);
    encode(&image::imageops::resize(picture, width * factor, height * factor, image::imageops::FilterType::Nearest))
}

/// The picture as JPEG; nothing where it is too large for one.
pub fn encode(picture: &RgbImage) -> Option<Thumb> {
    let (width, height) = picture.dimensions();
    let mut bytes = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut bytes, QUALITY);
    encoder.write_image(picture, width, height, ExtendedColorType::Rgb8).ok()?;
    Some(Thumb { bytes, mime: "image/jpeg", width: width as usize, height: height as usize })
}
