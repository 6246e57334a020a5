//! JPEG, with the colours of printers (CMYK, and Adobe's inverted CMYK and YCCK).

use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;

use super::{Claim, Decoded, Limits, Note, PictureError, exif};
use crate::picture::{Picture, Pixels};

const KIND: &str = "JPEG";

fn damaged(why: impl Into<String>) -> PictureError {
    PictureError::Damaged { kind: KIND, why: why.into() }
}

fn refused(error: &DecodeErrors) -> PictureError {
    match error {
        DecodeErrors::Unsupported(scheme) => PictureError::Unsupported { kind: KIND, why: format!("{scheme:?}") },
        other => damaged(format!("{other:?}")),
    }
}

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<Decoded, PictureError> {
    let frame = frame(bytes).ok_or_else(|| damaged("it ends before the picture begins"))?;
    let claim = Claim { kind: KIND, width: frame.width, height: frame.height };
    claim.check(limits)?;
    claim.check_plausible(bytes.len())?;
    frame.check_form()?;
    // Within coded data 0xFF is followed by 0 or a restart marker, so an end marker after the header is the end.
    if !bytes[frame.end..].windows(2).any(|pair| pair == [0xFF, 0xD9]) {
        return Err(damaged("it is cut: its end marker is missing"));
    }
    let (mut decoded, orientation) = match decode_as(bytes, true) {
        Ok(decoded) => decoded,
        Err(_) => {
            let (mut decoded, orientation) = decode_as(bytes, false)?;
            decoded.notes.push(Note::Mended);
            (decoded, orientation)
        }
    };
    decoded.notes.sort_unstable();
    Ok(exif::upright(decoded, orientation))
}

fn decode_as(bytes: &[u8], strict: bool) -> Result<(Decoded, u8), PictureError> {
    let side = usize::from(u16::MAX);
    let options = DecoderOptions::default().set_strict_mode(strict).set_max_width(side).set_max_height(side);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(|e| refused(&e))?;
    let stored = decoder.input_colorspace().ok_or_else(|| damaged("it names no colours"))?;
    let (out, channels) = match stored {
        ColorSpace::Luma => (ColorSpace::Luma, 1),
        ColorSpace::YCbCr | ColorSpace::RGB | ColorSpace::CMYK | ColorSpace::YCCK => (ColorSpace::RGB, 3),
        other => return Err(PictureError::Unsupported { kind: KIND, why: format!("{other:?} colours") }),
    };
    let mut notes = Vec::new();
    if decoder.icc_profile().is_some_and(|p| !p.is_empty()) {
        notes.push(Note::IccIgnored);
    }
    if matches!(stored, ColorSpace::CMYK | ColorSpace::YCCK) {
        notes.push(Note::CmykConverted);
    }
    let orientation = decoder.exif().map_or(1, |e| exif::orientation(e));
    decoder.set_options(options.jpeg_set_out_colorspace(out));
    let pixels = decoder.decode().map_err(|e| refused(&e))?;
    let (width, height) = decoder.dimensions().ok_or_else(|| damaged("it has no size"))?;
    if pixels.len() != width * height * channels {
        return Err(damaged("its data is of another size than its header"));
    }
    Ok((Decoded { picture: Picture::new(height, width, channels, Pixels::U8(pixels)), notes }, orientation))
}

/// What the frame header says, and where in the file it ends.
pub(super) struct Frame {
    pub width: u64,
    pub height: u64,
    marker: u8,
    bits: u8,
    end: usize,
}

impl Frame {
    /// Refuses forms of JPEG that are not read.
    fn check_form(&self) -> Result<(), PictureError> {
        let why = match (self.marker, self.bits) {
            (0xC0..=0xC2, 8) => return Ok(()),
            (0xC0..=0xC2, bits) => format!("{bits} bits"),
            (0xC3 | 0xF7, _) => "lossless".to_owned(),
            (0xC5..=0xC7, _) => "hierarchical".to_owned(),
            _ => "arithmetic coding".to_owned(),
        };
        Err(PictureError::Unsupported { kind: KIND, why })
    }
}

/// Walks the markers up to the frame header; `None` when there is none.
pub(super) fn frame(bytes: &[u8]) -> Option<Frame> {
    let mut at = 2;
    loop {
        while *bytes.get(at)? != 0xFF {
            at += 1;
        }
        let marker = *bytes.get(at + 1)?;
        match marker {
            0xFF => at += 1,
            0x00 | 0x01 | 0xD0..=0xD8 => at += 2,
            _ => {
                let segment = bytes.get(at + 2..)?;
                let length = usize::from(u16::from_be_bytes(*segment.first_chunk()?)).max(2);
                // Start of frame: 0xC0 to 0xCF, but for Huffman tables, an extension and arithmetic conditioning, and
                // 0xF7 of JPEG-LS.
                if matches!(marker, 0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF | 0xF7) {
                    let [_, _, bits, h1, h0, w1, w0] = *segment.first_chunk::<7>()?;
                    let (height, width) = (u16::from_be_bytes([h1, h0]).into(), u16::from_be_bytes([w1, w0]).into());
                    let end = (at + 2 + length).min(bytes.len());
                    return Some(Frame { width, height, marker, bits, end });
                }
                at += 2 + length;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frame_header_is_found_behind_other_segments() {
        let bytes = b"\xff\xd8\xff\xe0\x00\x04ab\xff\xff\xc4\x00\x02\xff\xc2\x00\x0b\x08\x00\x05\x00\x07\x01";
        let frame = frame(bytes).expect("a frame");
        assert_eq!((frame.width, frame.height), (7, 5));
        assert!(super::frame(b"\xff\xd8\xff\xe0\xff\xff").is_none());
    }

    #[test]
    fn a_huge_claim_costs_nothing() {
        let bytes = b"\xff\xd8\xff\xc0\x00\x0b\x08\xea\x60\xea\x60\x01\x01\x11\x00";
        assert!(matches!(
            decode(bytes, &Limits::default()),
            Err(PictureError::TooManyPixels { width: 60_000, height: 60_000, .. })
        ));
    }

    /// Pins the bytes: whatever path this machine takes, they are those of the decoder built without vector
    /// instructions (compared once).
    #[test]
    fn the_photos_decode_to_the_bytes_of_the_portable_path() {
        let mut hasher = blake3::Hasher::new();
        for photo in crate::embedded::photos().0 {
            let decoded = decode(photo.bytes, &Limits::default()).expect("an embedded photo decodes");
            match &decoded.picture.pixels {
                Pixels::U8(bytes) => hasher.update(bytes),
                other => panic!("{}: {other:?}", photo.name),
            };
        }
        assert_eq!(hasher.finalize().to_hex()[..16], *"ed18964904d8071b");
    }
}
