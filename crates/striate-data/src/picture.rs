//! A decoded picture: rows of pixels in the stored type, before any preprocessing.

/// Weights of red, green and blue in luma (Rec. 601, those of JPEG).
pub(crate) const LUMA: [f32; 3] = [0.299, 0.587, 0.114];

/// Stored values, row-major `[H, W, C]`.
#[derive(Clone, Debug, PartialEq)]
pub enum Pixels {
    /// `0..=255`.
    U8(Vec<u8>),
    /// `0..=65535`.
    U16(Vec<u16>),
    /// Any finite value.
    F32(Vec<f32>),
}

impl Pixels {
    /// Number of stored values, H * W * C.
    pub fn len(&self) -> usize {
        match self {
            Self::U8(v) => v.len(),
            Self::U16(v) => v.len(),
            Self::F32(v) => v.len(),
        }
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One picture, gray or RGB, upright (EXIF orientation applied) and without alpha.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// 1 (gray) or 3 (RGB).
    pub channels: usize,
    /// The values.
    pub pixels: Pixels,
}

impl Picture {
    /// # Panics
    /// If the number of values is not `height * width * channels`, or `channels` is neither 1 nor 3.
    pub fn new(height: usize, width: usize, channels: usize, pixels: Pixels) -> Self {
        assert!(channels == 1 || channels == 3, "Picture::new: channels must be 1 or 3, got {channels}");
        assert_eq!(pixels.len(), height * width * channels, "Picture::new: values for {height}x{width}x{channels}");
        Self { height, width, channels, pixels }
    }
}
