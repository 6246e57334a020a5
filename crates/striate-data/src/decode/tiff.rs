//! TIFF: 1 to 64 bits, integers and floats, gray, RGB, palette, CMYK, in strips or tiles; the first page.

use std::io::Cursor;

use tiff::decoder::{Decoder, DecodingResult, Limits as Budget};
use tiff::tags::Tag;
use tiff::{ColorType, TiffError, TiffResult};

use super::alpha::{self, Sample};
use super::tiff_directory::Directory;
use super::{Claim, Decoded, Limits, Note, PictureError, exif, jpeg, print_colours, sniff};
use crate::picture::{Picture, Pixels};

const KIND: &str = "TIFF";
const FAX4: u16 = 4;
const JPEG: u16 = 7;
/// Four 64-bit values: more than any pixel that is read needs.
const MAX_BYTES_PER_PIXEL: u64 = 32;
/// Room for tags, whatever the size of the picture.
const LEAST_BUDGET: usize = 1 << 20;
/// Tiles are stored whole, so that a small picture may have a larger tile.
const MAX_TILE_SIDE: u32 = 16_384;

fn unsupported(why: impl Into<String>) -> PictureError {
    PictureError::Unsupported { kind: KIND, why: why.into() }
}

fn damaged(why: impl Into<String>) -> PictureError {
    PictureError::Damaged { kind: KIND, why: why.into() }
}

fn refused(error: TiffError) -> PictureError {
    match error {
        TiffError::UnsupportedError(e) => unsupported(e.to_string()),
        TiffError::LimitsExceeded => damaged("its tags claim more data than its pixels need"),
        TiffError::IoError(_) => damaged("it is cut: data that its tags point to is missing"),
        other => damaged(other.to_string()),
    }
}

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<Decoded, PictureError> {
    let directory = Directory::read(bytes);
    if directory.as_ref().is_some_and(Directory::is_camera_raw) {
        return Err(sniff::camera_raw());
    }
    let indices = directory.and_then(|d| d.indices_as_gray(bytes));
    let source = indices.as_deref().unwrap_or(bytes);
    let mut decoder = Decoder::new(Cursor::new(source)).map_err(refused)?;
    let (width, height) = decoder.dimensions().map_err(refused)?;
    let claim = Claim { kind: KIND, width: width.into(), height: height.into() };
    claim.check(limits)?;
    let compression = first_short(&mut decoder, Tag::Compression)?.unwrap_or(1);
    if compression != FAX4 {
        claim.check_plausible(bytes.len())?;
    }
    check_chunks(&mut decoder, source, compression)?;
    let pixels = u64::from(width) * u64::from(height);
    let mut budget = Budget::default();
    budget.decoding_buffer_size = usize::try_from(pixels * MAX_BYTES_PER_PIXEL).unwrap_or(usize::MAX).max(LEAST_BUDGET);
    budget.intermediate_buffer_size = budget.decoding_buffer_size.max(bytes.len());
    decoder = decoder.with_limits(budget);

    let mut notes = Vec::new();
    if has(&mut decoder, Tag::IccProfile) {
        notes.push(Note::IccIgnored);
    }
    if decoder.more_images() {
        notes.push(Note::FirstOfPages);
    }
    let palette = if indices.is_some() { Some(colour_map(&mut decoder)?) } else { None };
    let orientation = first_short(&mut decoder, Tag::Orientation)?.unwrap_or(1);
    let Stored { pixels, channels, colour } = read(&mut decoder, palette.is_some(), &mut notes)?;
    let (channels, pixels) = match (palette, pixels) {
        (Some(map), Pixels::U8(v)) => (3, Pixels::U8(look_up(&map, &v)?)),
        (Some(_), _) => return Err(unsupported("a palette of more than 8 bits")),
        (None, pixels) => match (colour, pixels) {
            (Colour::Cmyk, Pixels::U8(v)) => (3, Pixels::U8(print_colours::cmyk_to_rgb_u8(&v, channels))),
            (Colour::Cmyk, Pixels::U16(v)) => (3, Pixels::U16(print_colours::cmyk_to_rgb_u16(&v, channels))),
            (Colour::YCbCr, Pixels::U8(mut v)) => {
                print_colours::ycbcr_to_rgb(&mut v);
                (3, Pixels::U8(v))
            }
            (Colour::Cmyk | Colour::YCbCr, _) => return Err(unsupported("printing or video colours beyond 16 bits")),
            (Colour::Plain { alpha }, pixels) => plain(pixels, Plain { channels, alpha }, &mut notes),
        },
    };
    if matches!(colour, Colour::Cmyk) {
        notes.push(Note::CmykConverted);
    }
    if let Pixels::F32(v) = &pixels {
        let count = v.iter().filter(|x| !x.is_finite()).count();
        if count > 0 {
            return Err(PictureError::NotFinite { count });
        }
    }
    let picture = Picture::new(height as usize, width as usize, channels, pixels);
    Ok(exif::upright(Decoded { picture, notes }, u8::try_from(orientation).unwrap_or(1)))
}

type Source<'a> = Decoder<Cursor<&'a [u8]>>;

fn shorts(decoder: &mut Source, tag: Tag) -> Result<Vec<u64>, PictureError> {
    Ok(decoder.find_tag_unsigned_vec::<u64>(tag).map_err(refused)?.unwrap_or_default())
}

fn first_short(decoder: &mut Source, tag: Tag) -> Result<Option<u16>, PictureError> {
    Ok(shorts(decoder, tag)?.first().and_then(|&v| u16::try_from(v).ok()))
}

fn has(decoder: &mut Source, tag: Tag) -> bool {
    // A profile longer than the budget for one tag is there all the same.
    !matches!(decoder.find_tag(tag), Ok(None))
}

/// Refuses tiles, and JPEG data within strips and tiles, that are far larger than the picture they are part of.
fn check_chunks(decoder: &mut Source, bytes: &[u8], compression: u16) -> Result<(), PictureError> {
    let (picture_w, picture_h) = decoder.dimensions().map_err(refused)?;
    let (w, h) = decoder.chunk_dimensions();
    let tiled = has(decoder, Tag::TileWidth);
    if tiled && (w > picture_w.max(MAX_TILE_SIDE) || h > picture_h.max(MAX_TILE_SIDE)) {
        return Err(damaged(format!("it claims tiles of {w}x{h} pixels in a picture of {picture_w}x{picture_h}")));
    }
    if compression != JPEG {
        return Ok(());
    }
    let (offsets, lengths) = if tiled {
        (shorts(decoder, Tag::TileOffsets)?, shorts(decoder, Tag::TileByteCounts)?)
    } else {
        (shorts(decoder, Tag::StripOffsets)?, shorts(decoder, Tag::StripByteCounts)?)
    };
    let most = (u64::from(w) + 64) * (u64::from(if tiled { h } else { h.min(picture_h) }) + 64);
    for (&offset, &length) in offsets.iter().zip(&lengths) {
        let end = usize::try_from(offset.saturating_add(length)).unwrap_or(usize::MAX).min(bytes.len());
        let data = bytes.get(usize::try_from(offset).unwrap_or(usize::MAX)..end).unwrap_or_default();
        if jpeg::frame(data).is_none_or(|f| f.width * f.height > most) {
            return Err(damaged("a JPEG within it is cut, or larger than the part of the picture it fills"));
        }
    }
    Ok(())
}

/// What the interleaved channels mean.
#[derive(Clone, Copy)]
enum Colour {
    Plain { alpha: Option<Alpha> },
    Cmyk,
    YCbCr,
}

#[derive(Clone, Copy)]
enum Alpha {
    Straight,
    Premultiplied,
}

struct Stored {
    pixels: Pixels,
    channels: usize,
    colour: Colour,
}

fn read(decoder: &mut Source, indices: bool, notes: &mut Vec<Note>) -> Result<Stored, PictureError> {
    let (width, height) = decoder.dimensions().map_err(refused)?;
    let kind = decoder.colortype().map_err(refused)?;
    let alpha = match shorts(decoder, Tag::ExtraSamples)?.first() {
        Some(1) => Some(Alpha::Premultiplied),
        Some(2) => Some(Alpha::Straight),
        _ => None,
    };
    let (channels, colour) = match kind {
        ColorType::Gray(_) => (1, Colour::Plain { alpha: None }),
        ColorType::RGB(_) => (3, Colour::Plain { alpha: None }),
        ColorType::RGBA(_) => (4, Colour::Plain { alpha }),
        ColorType::CMYK(_) => (4, Colour::Cmyk),
        ColorType::CMYKA(_) => (5, Colour::Cmyk),
        ColorType::YCbCr(_) => (3, Colour::YCbCr),
        ColorType::Multiband { num_samples: 2, .. } => (2, Colour::Plain { alpha }),
        ColorType::Multiband { num_samples, .. } => (usize::from(num_samples), Colour::Plain { alpha: None }),
        other => return Err(unsupported(format!("{other:?} colours"))),
    };
    let bits = kind.bit_depth();
    if !bits.is_power_of_two() || (bits < 8 && channels > 1) {
        return Err(unsupported(format!("{channels} channels of {bits} bits")));
    }
    let mut result = DecodingResult::U8(Vec::new());
    let layout = decoder.read_image_to_buffer(&mut result).map_err(refused)?;
    let packed = Packed { width: width as usize, bits, indices };
    let pixels = match result {
        DecodingResult::U8(v) if bits < 8 => Pixels::U8(packed.unpack(&v)),
        DecodingResult::U8(v) => Pixels::U8(v),
        DecodingResult::U16(v) => Pixels::U16(v),
        DecodingResult::F32(v) => Pixels::F32(v),
        DecodingResult::F16(v) => Pixels::F32(v.into_iter().map(f32::from).collect()),
        DecodingResult::I8(v) => Pixels::F32(v.into_iter().map(f32::from).collect()),
        DecodingResult::I16(v) => Pixels::F32(v.into_iter().map(f32::from).collect()),
        DecodingResult::U32(v) => floats(&v, f64::from, notes),
        DecodingResult::I32(v) => floats(&v, f64::from, notes),
        DecodingResult::U64(v) => floats(&v, |v| v as f64, notes),
        DecodingResult::I64(v) => floats(&v, |v| v as f64, notes),
        DecodingResult::F64(v) => floats(&v, |v| v, notes),
    };
    if pixels.len() != width as usize * height as usize * channels {
        return Err(damaged("its tags disagree on how many values a pixel has"));
    }
    let pixels = if layout.planes > 1 {
        match pixels {
            Pixels::U8(v) => Pixels::U8(interleave(&v, channels)),
            Pixels::U16(v) => Pixels::U16(interleave(&v, channels)),
            Pixels::F32(v) => Pixels::F32(interleave(&v, channels)),
        }
    } else {
        pixels
    };
    Ok(Stored { pixels, channels, colour })
}

fn floats<T: Copy>(values: &[T], exact: impl Fn(T) -> f64, notes: &mut Vec<Note>) -> Pixels {
    let rounded: Vec<f32> = values.iter().map(|&v| exact(v) as f32).collect();
    if rounded.iter().zip(values).any(|(&r, &v)| f64::from(r) != exact(v)) {
        notes.push(Note::Rounded);
    }
    Pixels::F32(rounded)
}

fn interleave<T: Copy>(planes: &[T], channels: usize) -> Vec<T> {
    let plane = planes.len() / channels;
    (0..planes.len()).map(|i| planes[i % channels * plane + i / channels]).collect()
}

/// Values of 1, 2 or 4 bits, rows padded to whole bytes.
struct Packed {
    width: usize,
    bits: u8,
    /// Indices into a palette stay as they are; gray values are stretched to `0..=255`.
    indices: bool,
}

impl Packed {
    fn unpack(&self, bytes: &[u8]) -> Vec<u8> {
        let bits = usize::from(self.bits);
        let top = (1u8 << bits) - 1;
        let scale = if self.indices { 1 } else { 255 / top };
        let row_bytes = (self.width * bits).div_ceil(8);
        let mut out = Vec::with_capacity(bytes.len() / row_bytes * self.width);
        for row in bytes.chunks_exact(row_bytes) {
            out.extend((0..self.width).map(|x| {
                let bit = x * bits;
                (row[bit / 8] >> (8 - bits - bit % 8) & top) * scale
            }));
        }
        out
    }
}

/// Red, green and blue of each palette entry; TIFF holds 16 bits, of which the upper 8 count.
fn colour_map(decoder: &mut Source) -> Result<Vec<[u8; 3]>, PictureError> {
    let map: Vec<u16> = read_map(decoder).map_err(refused)?;
    let n = map.len() / 3;
    Ok((0..n).map(|i| [i, n + i, 2 * n + i].map(|at| (map[at] >> 8) as u8)).collect())
}

fn read_map(decoder: &mut Source) -> TiffResult<Vec<u16>> {
    Ok(decoder.find_tag_unsigned_vec(Tag::ColorMap)?.unwrap_or_default())
}

fn look_up(map: &[[u8; 3]], indices: &[u8]) -> Result<Vec<u8>, PictureError> {
    let mut out = Vec::with_capacity(indices.len() * 3);
    for &i in indices {
        let colour = map.get(usize::from(i)).ok_or_else(|| damaged("its palette is shorter than its pixels need"))?;
        out.extend_from_slice(colour);
    }
    Ok(out)
}

struct Plain {
    channels: usize,
    alpha: Option<Alpha>,
}

/// Reduces to 1 or 3 channels.
fn plain(pixels: Pixels, spec: Plain, notes: &mut Vec<Note>) -> (usize, Pixels) {
    fn reduce<T: Sample>(values: Vec<T>, spec: &Plain, notes: &mut Vec<Note>) -> (usize, Vec<T>) {
        let c = spec.channels;
        match (c, spec.alpha) {
            (1 | 3, _) => (c, values),
            (2 | 4, Some(alpha)) => {
                let (values, mixed) = alpha::flatten(&values, c, matches!(alpha, Alpha::Premultiplied));
                if mixed {
                    notes.push(Note::AlphaOnWhite);
                }
                (c - 1, values)
            }
            (4, None) => (3, values.chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect()),
            _ => {
                notes.push(Note::FirstChannel);
                (1, values.chunks_exact(c).map(|p| p[0]).collect())
            }
        }
    }
    match pixels {
        Pixels::U8(v) => map_values(reduce(v, &spec, notes), Pixels::U8),
        Pixels::U16(v) => map_values(reduce(v, &spec, notes), Pixels::U16),
        Pixels::F32(v) => map_values(reduce(v, &spec, notes), Pixels::F32),
    }
}

fn map_values<T>((channels, values): (usize, Vec<T>), wrap: fn(Vec<T>) -> Pixels) -> (usize, Pixels) {
    (channels, wrap(values))
}
