//! Bytes of a picture file to a [`Picture`]: the entry point, its limits, notes and errors.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use image::{DynamicImage, ImageDecoder};

use crate::picture::{Picture, Pixels};

/// What one file may cost, checked before memory is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest file, in bytes.
    pub max_bytes: u64,
    /// Largest picture, height times width.
    pub max_pixels: u64,
}

impl Default for Limits {
    /// 512 MiB and 178 million pixels (where Pillow warns of a decompression bomb twice over).
    fn default() -> Self {
        Self { max_bytes: 512 << 20, max_pixels: 178_956_970 }
    }
}

impl Limits {
    /// Refuses a picture that a header claims, before memory is taken for it.
    pub fn check(&self, width: u64, height: u64) -> Result<(), PictureError> {
        if width == 0 || height == 0 {
            return Err(PictureError::NoPixels { width, height });
        }
        if width.saturating_mul(height) > self.max_pixels {
            return Err(PictureError::TooManyPixels { width, height, limit: self.max_pixels });
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

/// Something that decoding did or left out.
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
    /// Transparent pixels were mixed with white.
    #[error("transparency placed on white")]
    AlphaOnWhite,
    /// EXIF orientation 2..=8.
    #[error("turned upright (EXIF orientation {0})")]
    Oriented(u8),
    /// Printing colours.
    #[error("CMYK converted to RGB")]
    CmykConverted,
}

/// Why a file gave no picture, and what to do. The caller adds which file.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// The system said no.
    #[error("cannot read: {0}; check that the file is there and that you may read it")]
    Io(#[from] std::io::Error),
    /// A folder, FIFO, socket or device.
    #[error("is {what}, not a file; give a picture file")]
    NotAFile {
        /// With its article.
        what: &'static str,
    },
    /// No byte.
    #[error("is empty (0 bytes); copy it again from its source")]
    Empty,
    /// Over [`Limits::max_bytes`].
    #[error("has {bytes} bytes, more than the limit of {limit}; make it smaller or raise the limit")]
    TooManyBytes {
        /// Found.
        bytes: u64,
        /// Allowed.
        limit: u64,
    },
    /// Over [`Limits::max_pixels`].
    #[error("claims {width}x{height} pixels, more than the limit of {limit}; make it smaller or raise the limit")]
    TooManyPixels {
        /// Columns claimed.
        width: u64,
        /// Rows claimed.
        height: u64,
        /// Allowed product.
        limit: u64,
    },
    /// A side of 0.
    #[error("claims {width}x{height} pixels, so it holds no picture; export it again")]
    NoPixels {
        /// Columns claimed.
        width: u64,
        /// Rows claimed.
        height: u64,
    },
    /// A kind that is known and not read.
    #[error("is {kind}, which is not read; {advice}")]
    Unreadable {
        /// With its article.
        kind: &'static str,
        /// What to do.
        advice: &'static str,
    },
    /// No known beginning.
    #[error("is not a picture of a known kind; give JPEG, PNG, WebP, GIF, BMP or TIFF")]
    Unknown,
    /// A readable kind in a form that is not read.
    #[error("is a {kind} of a form that is not read ({why}); save it as an 8- or 16-bit PNG or TIFF")]
    Unsupported {
        /// JPEG, TIFF, ...
        kind: &'static str,
        /// Which form.
        why: String,
    },
    /// Cut or changed bytes.
    #[error("is a damaged {kind} ({why}); copy it again from its source, or leave it out")]
    Damaged {
        /// JPEG, TIFF, ...
        kind: &'static str,
        /// What its decoder says.
        why: String,
    },
    /// NaN or infinity among float pixels.
    #[error("holds {count} pixels that are NaN or infinite; replace them and save it again")]
    NotFinite {
        /// How many values.
        count: usize,
    },
}

/// Decodes the bytes of one file; the kind is told by its first bytes, never by a name.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Decoded, PictureError> {
    if bytes.is_empty() {
        return Err(PictureError::Empty);
    }
    if bytes.len() as u64 > limits.max_bytes {
        return Err(PictureError::TooManyBytes { bytes: bytes.len() as u64, limit: limits.max_bytes });
    }
    let reader = image::ImageReader::new(Cursor::new(bytes)).with_guessed_format()?;
    let decoder = reader.into_decoder().map_err(|_| PictureError::Unknown)?;
    let (w, h) = decoder.dimensions();
    limits.check(w.into(), h.into())?;
    let img = DynamicImage::from_decoder(decoder)
        .map_err(|e| PictureError::Damaged { kind: "picture", why: e.to_string() })?;
    let (width, height) = (w as usize, h as usize);
    let picture = match img {
        DynamicImage::ImageLuma8(v) => Picture::new(height, width, 1, Pixels::U8(v.into_raw())),
        v => Picture::new(height, width, 3, Pixels::U8(v.into_rgb8().into_raw())),
    };
    Ok(Decoded { picture, notes: vec![] })
}

/// Reads and decodes one file.
pub fn read(path: &Path, limits: &Limits) -> Result<Decoded, PictureError> {
    decode(&read_bytes(path, limits)?, limits)
}

/// Reads one file, refusing before it is opened what is not a regular file (opening a FIFO would block).
pub fn read_bytes(path: &Path, limits: &Limits) -> Result<Vec<u8>, PictureError> {
    let meta = std::fs::metadata(path)?;
    if !meta.is_file() {
        return Err(PictureError::NotAFile { what: if meta.is_dir() { "a folder" } else { "a pipe, socket or device" } });
    }
    if meta.len() > limits.max_bytes {
        return Err(PictureError::TooManyBytes { bytes: meta.len(), limit: limits.max_bytes });
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(limits.max_bytes.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}
