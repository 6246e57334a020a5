//! Why a file gave no picture.

/// Why a file gave no picture, and what to do. The caller adds which file.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// The system said no.
    #[error("cannot be read ({0}); check that it is there and that you may read it")]
    Io(#[from] std::io::Error),
    /// A folder, FIFO, socket or device.
    #[error("is {what}, not a file; give a picture file")]
    NotAFile {
        /// With its article.
        what: &'static str,
    },
    /// No byte.
    #[error("is empty (0 bytes); copy it again from its source, or leave it out")]
    Empty,
    /// Over `Limits::max_bytes`.
    #[error("has {bytes} bytes, more than the limit of {limit}; save it smaller")]
    TooManyBytes {
        /// Found.
        bytes: u64,
        /// Allowed.
        limit: u64,
    },
    /// Over `Limits::max_pixels`.
    #[error("claims {width}x{height} pixels, more than the limit of {limit}; scale it down or cut it into tiles")]
    TooManyPixels {
        /// Columns claimed.
        width: u64,
        /// Rows claimed.
        height: u64,
        /// Allowed product.
        limit: u64,
    },
    /// A side of 0.
    #[error("claims {width}x{height} pixels, so it holds no picture; export it again, or leave it out")]
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
    #[error("is a {kind} of a form that is not read ({why}); save it as an 8- or 16-bit PNG or a plain TIFF")]
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
    #[error("holds {count} values that are NaN or infinite; replace them and save it again, or leave it out")]
    NotFinite {
        /// How many values.
        count: usize,
    },
}
