//! Transparency placed on white, so that a cut-out object stands as it does on a page.

/// A stored value with the full scale of its type.
pub(super) trait Sample: Copy + PartialEq {
    /// Opaque as alpha, white as a value.
    const FULL: Self;
    /// `self * alpha + white * (1 - alpha)`, rounded.
    fn on_white(self, alpha: Self) -> Self;
    /// `self + white * (1 - alpha)`, for values already multiplied by alpha.
    fn on_white_premultiplied(self, alpha: Self) -> Self;
}

impl Sample for u8 {
    const FULL: Self = Self::MAX;
    fn on_white(self, alpha: Self) -> Self {
        let (v, a) = (u32::from(self), u32::from(alpha));
        ((v * a + 255 * (255 - a) + 127) / 255) as Self
    }
    fn on_white_premultiplied(self, alpha: Self) -> Self {
        self.saturating_add(Self::MAX - alpha)
    }
}

impl Sample for u16 {
    const FULL: Self = Self::MAX;
    fn on_white(self, alpha: Self) -> Self {
        let (v, a) = (u64::from(self), u64::from(alpha));
        ((v * a + 65_535 * (65_535 - a) + 32_767) / 65_535) as Self
    }
    fn on_white_premultiplied(self, alpha: Self) -> Self {
        self.saturating_add(Self::MAX - alpha)
    }
}

impl Sample for f32 {
    const FULL: Self = 1.0;
    fn on_white(self, alpha: Self) -> Self {
        self * alpha + (1.0 - alpha)
    }
    fn on_white_premultiplied(self, alpha: Self) -> Self {
        self + (1.0 - alpha)
    }
}

/// Takes the last of `channels` interleaved channels as alpha and mixes the others with white.
/// Returns the values without it and whether any pixel was not opaque.
pub(super) fn flatten<T: Sample>(values: &[T], channels: usize, premultiplied: bool) -> (Vec<T>, bool) {
    let mut out = Vec::with_capacity(values.len() / channels * (channels - 1));
    let mut mixed = false;
    for pixel in values.chunks_exact(channels) {
        let (alpha, colour) = (pixel[channels - 1], &pixel[..channels - 1]);
        if alpha == T::FULL {
            out.extend_from_slice(colour);
        } else {
            mixed = true;
            let mix = if premultiplied { T::on_white_premultiplied } else { T::on_white };
            out.extend(colour.iter().map(|&v| mix(v, alpha)));
        }
    }
    (out, mixed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_and_middle() {
        let (values, mixed) = flatten(&[10u8, 255, 10, 0, 100, 128], 2, false);
        assert_eq!((values, mixed), (vec![10, 255, 177], true)); // (100 * 128 + 255 * 127) / 255 = 177.2
        assert_eq!(flatten(&[1u16, 2, 3, 65_535], 4, false), (vec![1, 2, 3], false));
        assert_eq!(flatten(&[0.25f32, 0.5], 2, true), (vec![0.75], true));
        assert_eq!(flatten(&[40_000u16, 0], 2, false), (vec![65_535], true));
    }
}
