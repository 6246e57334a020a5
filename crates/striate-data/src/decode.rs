//! Bytes of a picture file to a [`Picture`]: the entry point, its limits and its notes.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;

use crate::picture::Picture;

mod alpha;
mod error;
mod exif;
mod jpeg;
mod print_colours;
mod raster;
mod sniff;
mod tiff;
mod tiff_directory;

pub use error::PictureError;

/// What one file may cost, checked before memory is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest file, in bytes.
    pub max_bytes: u64,
    /// Largest picture, height times width.
    pub max_pixels: u64,
}

impl Default for Limits {
    /// 512 MiB, and 178 million pixels: half a GiB of RGB bytes.
    fn default() -> Self {
        Self { max_bytes: 512 << 20, max_pixels: 178_956_970 }
    }
}

/// Pixels that one byte of a file can stand for at most. Deflate over 1-bit pixels comes to 8,256, LZW over 1-bit
/// pixels to 21,840. Kinds without such a bound (WebP, fax) are held by [`Limits::max_pixels`] alone.
const MAX_PIXELS_PER_BYTE: u64 = 32_768;

/// Size that a header claims, and the kind of file it stands in.
struct Claim {
    kind: &'static str,
    width: u64,
    height: u64,
}

impl Claim {
    /// Refuses what is empty or too large.
    fn check(&self, limits: &Limits) -> Result<(), PictureError> {
        let Self { width, height, .. } = *self;
        if width == 0 || height == 0 {
            return Err(PictureError::NoPixels { width, height });
        }
        if width.saturating_mul(height) > limits.max_pixels {
            return Err(PictureError::TooManyPixels { width, height, limit: limits.max_pixels });
        }
        Ok(())
    }

    /// Refuses more pixels than a file of `bytes` bytes can hold.
    fn check_plausible(&self, bytes: usize) -> Result<(), PictureError> {
        let Self { kind, width, height } = *self;
        if width.saturating_mul(height) > (bytes as u64).saturating_mul(MAX_PIXELS_PER_BYTE) {
            let why = format!("its header claims {width}x{height} pixels, which its {bytes} bytes cannot hold");
            return Err(PictureError::Damaged { kind, why });
        }
        Ok(())
    }
}

/// A decoded picture and what was done to it that its owner may want to know.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded {
    /// Upright, gray or RGB, without alpha, in the stored type.
    pub picture: Picture,
    /// In the order they were done; each at most once.
    pub notes: Vec<Note>,
}

/// Something that decoding did or left out. Displayed, it is a phrase such as "colour profile (ICC) ignored".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Note {
    /// An ICC profile is in the file; values are taken as they are stored.
    #[error("colour profile (ICC) ignored")]
    IccIgnored,
    /// A TIFF with more than one page.
    #[error("first page of several taken")]
    FirstOfPages,
    /// An animation.
    #[error("first frame of an animation taken")]
    FirstFrame,
    /// A TIFF with more channels than a colour needs.
    #[error("first of several channels taken")]
    FirstChannel,
    /// Transparent pixels were mixed with white.
    #[error("transparency placed on white")]
    AlphaOnWhite,
    /// EXIF orientation 2 to 8.
    #[error("turned upright (EXIF orientation {0})")]
    Oriented(u8),
    /// Printing colours.
    #[error("CMYK converted to RGB")]
    CmykConverted,
    /// 32-bit integers beyond 2^24, 64-bit integers or floats.
    #[error("values rounded to 32-bit floats")]
    Rounded,
    /// A faulty JPEG that has its end marker.
    #[error("faulty JPEG decoded as far as it goes")]
    Mended,
}

/// Decodes the bytes of one file. The kind is told by its first bytes, never by a name.
///
/// JPEG, PNG, WebP, GIF, BMP and TIFF are read; what else is known is named in the error with what to do.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Decoded, PictureError> {
    if bytes.len() as u64 > limits.max_bytes {
        return Err(PictureError::TooManyBytes { bytes: bytes.len() as u64, limit: limits.max_bytes });
    }
    match sniff::kind(bytes)? {
        sniff::Kind::Jpeg => jpeg::decode(bytes, limits),
        sniff::Kind::Tiff => tiff::decode(bytes, limits),
        kind => raster::decode(bytes, kind, limits),
    }
}

/// Reads and decodes one file.
pub fn read(path: &Path, limits: &Limits) -> Result<Decoded, PictureError> {
    decode(&read_bytes(path, limits)?, limits)
}

/// Reads the bytes of one picture file. What is not a regular file is refused before it is opened, since opening a
/// FIFO would block; what is not a picture is refused after its first bytes.
pub fn read_bytes(path: &Path, limits: &Limits) -> Result<Vec<u8>, PictureError> {
    let meta = std::fs::metadata(path)?;
    if !meta.is_file() {
        return Err(PictureError::NotAFile {
            what: if meta.is_dir() { "a folder" } else { "a pipe, socket or device" },
        });
    }
    if meta.len() > limits.max_bytes {
        return Err(PictureError::TooManyBytes { bytes: meta.len(), limit: limits.max_bytes });
    }
    let mut file = File::open(path)?;
    let mut head = Vec::new();
    file.by_ref().take(4096).read_to_end(&mut head)?;
    sniff::kind(&head)?;
    file.rewind()?;
    let mut bytes = Vec::new();
    file.take(limits.max_bytes.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}
