//! Parts of pictures that excite a channel, as small pictures.

use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};
use image_webp::{ColorType, EncoderParams, WebPEncoder};
use striate_nn::watch::Field;

/// Side of a patch on the page, in pixels.
pub(crate) const SIDE: u32 = 64;
/// Between patches in a row, in pixels.
const GAP: u32 = 2;
/// Quality of a picture as WebP, of 100.
const QUALITY: u8 = 80;
/// Around a patch that is no square.
const GROUND: Rgb<u8> = Rgb([128; 3]);

/// What a unit saw of a picture.
#[derive(Clone)]
pub(crate) struct Patch {
    /// The picture's number in the data set.
    pub picture: usize,
    /// SIDE x SIDE.
    pixels: RgbImage,
}

impl Patch {
    /// The part `field` of the prepared picture `whole`.
    pub fn cut(whole: &RgbImage, field: Field, picture: usize) -> Self {
        let (width, height) = ((field.right - field.left) as u32, (field.bottom - field.top) as u32);
        let part = imageops::crop_imm(whole, field.left as u32, field.top as u32, width.max(1), height.max(1));
        Self { picture, pixels: fitted(&part.to_image()) }
    }
}

/// As large as fits into SIDE x SIDE, in the middle: small ones are enlarged by a whole factor, unsmoothed.
pub(crate) fn fitted(part: &RgbImage) -> RgbImage {
    let (width, height) = part.dimensions();
    let longer = width.max(height);
    let scaled = if longer <= SIDE {
        let factor = SIDE / longer;
        imageops::resize(part, width * factor, height * factor, FilterType::Nearest)
    } else {
        let side = |n: u32| (n * SIDE / longer).max(1);
        imageops::resize(part, side(width), side(height), FilterType::Triangle)
    };
    let mut square = RgbImage::from_pixel(SIDE, SIDE, GROUND);
    let place = |n: u32| i64::from((SIDE - n) / 2);
    imageops::replace(&mut square, &scaled, place(scaled.width()), place(scaled.height()));
    square
}

/// Patches of these pictures side by side, in their order, as WebP.
pub(crate) fn row(patches: &[Patch], pictures: impl Iterator<Item = usize>) -> Vec<u8> {
    let of = |picture| patches.iter().find(|patch: &&Patch| patch.picture == picture).map(|patch| patch.pixels.clone());
    to_webp(&beside(&pictures.filter_map(of).collect::<Vec<_>>()), true)
}

/// Pictures of one size side by side.
pub(crate) fn beside(pictures: &[RgbImage]) -> RgbImage {
    let (width, height) = pictures.first().map_or((1, 1), RgbImage::dimensions);
    let count = pictures.len() as u32;
    let mut all = RgbImage::from_pixel((count * (width + GAP)).saturating_sub(GAP).max(1), height, GROUND);
    for (i, picture) in pictures.iter().enumerate() {
        imageops::replace(&mut all, picture, i64::from(i as u32 * (width + GAP)), 0);
    }
    all
}

/// The picture as WebP, lossy or not.
///
/// # Panics
/// Never: writing to memory does not fail, and pictures are small.
pub(crate) fn to_webp(picture: &RgbImage, lossy: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = WebPEncoder::new(&mut bytes);
    let mut params = EncoderParams::default();
    (params.use_lossy, params.lossy_quality) = (lossy, QUALITY);
    encoder.set_params(params);
    let (width, height) = picture.dimensions();
    encoder.encode(picture.as_raw(), width, height, ColorType::Rgb8).expect("a small picture is written to memory");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use striate_data::decode::{Limits, decode};

    #[test]
    fn patches_lie_in_order_and_can_be_read() {
        let field = Field { top: 2, left: 0, bottom: 6, right: 4 };
        let patch =
            |picture: usize, value: u8| Patch::cut(&RgbImage::from_pixel(8, 8, Rgb([value; 3])), field, picture);
        let bytes = row(&[patch(5, 0), patch(3, 255)], [3, 5].into_iter());
        let picture = decode(&bytes, &Limits::default()).expect("decodes").picture;
        assert_eq!((picture.height, picture.width), (64, 130));
        let striate_data::picture::Pixels::U8(values) = &picture.pixels else { panic!("8 bits") };
        assert!(values[0] > 245 && values[3 * 129] < 10, "{} {}", values[0], values[3 * 129]);
    }
}
