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
    let apart = frame.is_apart(bytes);
    let (mut decoded, orientation) = match decode_as(bytes, true, apart) {
        Ok(decoded) => decoded,
        Err(_) => {
            let (mut decoded, orientation) = decode_as(bytes, false, apart)?;
            decoded.notes.push(Note::Mended);
            (decoded, orientation)
        }
    };
    decoded.notes.sort_unstable();
    Ok(exif::upright(decoded, orientation))
}

/// `apart`: as [`Frame::is_apart`].
fn decode_as(bytes: &[u8], strict: bool, apart: bool) -> Result<(Decoded, u8), PictureError> {
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
    let pixels = if apart {
        if matches!(stored, ColorSpace::CMYK | ColorSpace::YCCK) {
            return Err(PictureError::Unsupported { kind: KIND, why: "printers' colours one after another".into() });
        }
        jpeg_decoder::Decoder::new(bytes).decode().map_err(|e| damaged(e.to_string()))?
    } else {
        decoder.decode().map_err(|e| refused(&e))?
    };
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
    planes: u8,
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

    /// Whether the planes of a sequential file follow each other, a scan each, in place of taking turns: `zune_jpeg` makes
    /// wrong pictures of such files, without a word.
    fn is_apart(&self, bytes: &[u8]) -> bool {
        let scanned = scan_planes(bytes, self.end);
        self.marker != 0xC2 && scanned.is_some_and(|scanned| scanned < self.planes)
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
                    let [_, _, bits, h1, h0, w1, w0, planes] = *segment.first_chunk::<8>()?;
                    let (height, width) = (u16::from_be_bytes([h1, h0]).into(), u16::from_be_bytes([w1, w0]).into());
                    let end = (at + 2 + length).min(bytes.len());
                    return Some(Frame { width, height, marker, bits, planes, end });
                }
                at += 2 + length;
            }
        }
    }
}

/// Planes of the first scan after `at`.
fn scan_planes(bytes: &[u8], mut at: usize) -> Option<u8> {
    loop {
        at += bytes.get(at..)?.windows(2).position(|pair| pair[0] == 0xFF && !matches!(pair[1], 0 | 0xFF))?;
        let [_, marker, l1, l0, first] = *bytes.get(at..)?.first_chunk()?;
        if marker == 0xDA {
            return Some(first);
        }
        at += 2 + usize::from(u16::from_be_bytes([l1, l0])).max(2);
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

    /// Planes apart (as this encoder writes them with tables of their own) are the same coefficients as planes by turns.
    #[test]
    fn planes_may_follow_each_other() {
        use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
        let (w, h) = (50_u16, 37_u16);
        let pixels: Vec<u8> = (0..u32::from(w) * u32::from(h) * 3).map(|i| (i * i / 700 % 256) as u8).collect();
        for (quality, sampling) in
            [(5, SamplingFactor::F_1_1), (60, SamplingFactor::F_1_1), (60, SamplingFactor::F_2_2)]
        {
            let [apart, by_turns] = [true, false].map(|own_tables| {
                let mut file = Vec::new();
                let mut encoder = Encoder::new(&mut file, quality);
                encoder.set_sampling_factor(sampling);
                encoder.set_optimized_huffman_tables(own_tables);
                encoder.encode(&pixels, w, h, ColorType::Rgb).expect("encodes");
                assert_eq!(frame(&file).expect("a frame").is_apart(&file), own_tables);
                match decode(&file, &Limits::default()).expect("decodes").picture.pixels {
                    Pixels::U8(values) => values,
                    other => panic!("{other:?}"),
                }
            });
            let sum: u32 = apart.iter().zip(&by_turns).map(|(&a, &b)| u32::from(a.abs_diff(b))).sum();
            assert!(f64::from(sum) / (apart.len() as f64) < 1.5, "{sampling:?} {sum} of {}", apart.len());
        }
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
