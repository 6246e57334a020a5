//! PNG, WebP, GIF and BMP.

use std::io::Cursor;

use image::codecs::{bmp::BmpDecoder, gif::GifDecoder, png::PngDecoder, webp::WebPDecoder};
use image::{DynamicImage, ImageDecoder, ImageError};

use super::sniff::Kind;
use super::{Claim, Decoded, Limits, Note, PictureError, alpha, exif};
use crate::picture::{Picture, Pixels};

/// For text, profiles and other things beside the pixels.
const SIDE_BYTES: u64 = 64 << 20;

fn refused(kind: &'static str, error: &ImageError) -> PictureError {
    match error {
        ImageError::Unsupported(e) => PictureError::Unsupported { kind, why: e.to_string() },
        other => PictureError::Damaged { kind, why: other.to_string() },
    }
}

/// # Panics
/// If `kind` is JPEG or TIFF, which have their own modules.
pub(super) fn decode(bytes: &[u8], kind: Kind, limits: &Limits) -> Result<Decoded, PictureError> {
    let reader = Cursor::new(bytes);
    match kind {
        Kind::Png => {
            let name = "PNG";
            // The header stands at a fixed place, and reading it here is cheaper than a decoder.
            if let (Some(w), Some(h)) = (be32(bytes, 16), be32(bytes, 20)) {
                Claim { kind: name, width: w, height: h }.check(limits)?;
            }
            let mut side = image::Limits::no_limits();
            side.max_alloc = Some(SIDE_BYTES);
            let decoder = PngDecoder::with_limits(reader, side).map_err(|e| refused(name, &e))?;
            let animated = decoder.is_apng().unwrap_or(false);
            Source { kind: name, bytes: bytes.len(), limits, dense: true, animated }.decode(decoder)
        }
        Kind::WebP => {
            let name = "WebP";
            let decoder = WebPDecoder::new(reader).map_err(|e| refused(name, &e))?;
            let animated = decoder.has_animation();
            Source { kind: name, bytes: bytes.len(), limits, dense: false, animated }.decode(decoder)
        }
        Kind::Gif => {
            let name = "GIF";
            let decoder = GifDecoder::new(reader).map_err(|e| refused(name, &e))?;
            let animated = gif_frames(bytes) > 1;
            Source { kind: name, bytes: bytes.len(), limits, dense: true, animated }.decode(decoder)
        }
        Kind::Bmp => {
            let name = "BMP";
            if let (Some(width), Some(height)) = (le_side(bytes, 18), le_side(bytes, 22))
                && bytes.get(14) != Some(&12)
            {
                Claim { kind: name, width, height }.check(limits)?;
            }
            let decoder = BmpDecoder::new(reader).map_err(|e| refused(name, &e))?;
            Source { kind: name, bytes: bytes.len(), limits, dense: true, animated: false }.decode(decoder)
        }
        Kind::Jpeg | Kind::Tiff => panic!("raster::decode: got {kind:?}, expected PNG, WebP, GIF or BMP"),
    }
}

struct Source<'a> {
    kind: &'static str,
    bytes: usize,
    limits: &'a Limits,
    /// Whether a pixel costs a least number of bits.
    dense: bool,
    animated: bool,
}

impl Source<'_> {
    fn decode(&self, mut decoder: impl ImageDecoder) -> Result<Decoded, PictureError> {
        let (width, height) = decoder.dimensions();
        let claim = Claim { kind: self.kind, width: width.into(), height: height.into() };
        claim.check(self.limits)?;
        if self.dense {
            claim.check_plausible(self.bytes)?;
        }
        let mut notes = Vec::new();
        if decoder.icc_profile().ok().flatten().is_some_and(|p| !p.is_empty()) {
            notes.push(Note::IccIgnored);
        }
        if self.animated {
            notes.push(Note::FirstFrame);
        }
        let exif = decoder.exif_metadata().ok().flatten();
        let orientation = exif.map_or(1, |e| exif::orientation(&e));
        let mut budget = image::Limits::no_limits();
        budget.max_alloc = Some(self.limits.max_pixels.saturating_mul(8).saturating_add(SIDE_BYTES));
        decoder.set_limits(budget).map_err(|e| refused(self.kind, &e))?;
        let stored = DynamicImage::from_decoder(decoder).map_err(|e| refused(self.kind, &e))?;
        let (channels, pixels, mixed) = values(stored);
        if mixed {
            notes.push(Note::AlphaOnWhite);
        }
        let picture = Picture::new(height as usize, width as usize, channels, pixels);
        Ok(exif::upright(Decoded { picture, notes }, orientation))
    }
}

/// Channels without alpha, their values, and whether any pixel was not opaque.
fn values(stored: DynamicImage) -> (usize, Pixels, bool) {
    let eight = |channels, (v, mixed)| (channels, Pixels::U8(v), mixed);
    let sixteen = |channels, (v, mixed)| (channels, Pixels::U16(v), mixed);
    match stored {
        DynamicImage::ImageLuma8(v) => eight(1, (v.into_raw(), false)),
        DynamicImage::ImageLumaA8(v) => eight(1, alpha::flatten(&v, 2, false)),
        DynamicImage::ImageRgb8(v) => eight(3, (v.into_raw(), false)),
        DynamicImage::ImageRgba8(v) => eight(3, alpha::flatten(&v, 4, false)),
        DynamicImage::ImageLuma16(v) => sixteen(1, (v.into_raw(), false)),
        DynamicImage::ImageLumaA16(v) => sixteen(1, alpha::flatten(&v, 2, false)),
        DynamicImage::ImageRgb16(v) => sixteen(3, (v.into_raw(), false)),
        DynamicImage::ImageRgba16(v) => sixteen(3, alpha::flatten(&v, 4, false)),
        // None of the four kinds stores floats.
        other => eight(3, (other.into_rgb8().into_raw(), false)),
    }
}

fn be32(bytes: &[u8], at: usize) -> Option<u64> {
    let four = bytes.get(at..)?.first_chunk::<4>()?;
    Some(u32::from_be_bytes(*four).into())
}

/// A side in a BMP header; negative where rows run from the top.
fn le_side(bytes: &[u8], at: usize) -> Option<u64> {
    let four = bytes.get(at..)?.first_chunk::<4>()?;
    Some(i32::from_le_bytes(*four).unsigned_abs().into())
}

/// Counts image blocks without decoding them, up to 2.
fn gif_frames(bytes: &[u8]) -> usize {
    walk_gif(bytes).unwrap_or_else(|frames| frames)
}

/// `Err` holds the frames found where the file ends too early.
fn walk_gif(bytes: &[u8]) -> Result<usize, usize> {
    let table = |flags: u8| if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) };
    let mut frames = 0;
    let byte = |at: usize, frames| bytes.get(at).copied().ok_or(frames);
    let mut at = 13 + table(byte(10, frames)?);
    while frames < 2 {
        match byte(at, frames)? {
            0x2C => {
                frames += 1;
                at += 11 + table(byte(at + 9, frames)?);
            }
            0x21 => at += 2,
            _ => break,
        }
        while byte(at, frames)? != 0 {
            at += 1 + usize::from(byte(at, frames)?);
        }
        at += 1;
    }
    Ok(frames)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_png_header_of_3600_megapixels_is_refused_at_once() {
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
        bytes.extend_from_slice(&60_000u32.to_be_bytes());
        bytes.extend_from_slice(&60_000u32.to_be_bytes());
        let error = decode(&bytes, Kind::Png, &Limits::default()).expect_err("too large").to_string();
        assert!(error.starts_with("claims 60000x60000 pixels, more than the limit"), "{error}");
    }

    #[test]
    fn gif_blocks() {
        let head = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff";
        let frame = b"!\xf9\x04\0\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0";
        assert_eq!(gif_frames(&[head.as_slice(), frame, b";"].concat()), 1);
        assert_eq!(gif_frames(&[head.as_slice(), frame, frame, b";"].concat()), 2);
        assert_eq!(gif_frames(&[head.as_slice(), &frame[..12]].concat()), 1);
        assert_eq!(gif_frames(b"GIF89a"), 0);
    }
}
