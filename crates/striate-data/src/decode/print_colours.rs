//! Printing and video colours to RGB: CMYK without a profile, and YCbCr.

/// CMYK with 0 for no ink to RGB, `(1 - c) * (1 - k)`, as Pillow does without a profile.
pub(super) fn cmyk_to_rgb_u8(values: &[u8], channels: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(values.len() / channels * 3);
    for pixel in values.chunks_exact(channels) {
        let light = 255 - u32::from(pixel[3]);
        out.extend(pixel[..3].iter().map(|&ink| (((255 - u32::from(ink)) * light + 127) / 255) as u8));
    }
    out
}

/// The same for 16 bits.
pub(super) fn cmyk_to_rgb_u16(values: &[u16], channels: usize) -> Vec<u16> {
    let mut out = Vec::with_capacity(values.len() / channels * 3);
    for pixel in values.chunks_exact(channels) {
        let light = 65_535 - u64::from(pixel[3]);
        out.extend(pixel[..3].iter().map(|&ink| (((65_535 - u64::from(ink)) * light + 32_767) / 65_535) as u16));
    }
    out
}

/// Full-range YCbCr (Rec. 601, as in JFIF) to RGB, in place, with 16 fraction bits.
pub(super) fn ycbcr_to_rgb(values: &mut [u8]) {
    for pixel in values.chunks_exact_mut(3) {
        let (y, cb, cr) = (i32::from(pixel[0]) << 16, i32::from(pixel[1]) - 128, i32::from(pixel[2]) - 128);
        let to_byte = |v: i32| ((v + 32_768) >> 16).clamp(0, 255) as u8;
        pixel[0] = to_byte(y + 91_881 * cr);
        pixel[1] = to_byte(y - 22_554 * cb - 46_802 * cr);
        pixel[2] = to_byte(y + 116_130 * cb);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inks() {
        assert_eq!(cmyk_to_rgb_u8(&[0, 0, 0, 0, 255, 0, 0, 0, 0, 0, 0, 255], 4), [255, 255, 255, 0, 255, 255, 0, 0, 0]);
        assert_eq!(cmyk_to_rgb_u16(&[0, 65_535, 0, 32_768, 7], 5), [32_767, 0, 32_767]);
    }

    #[test]
    fn primaries_of_rec_601() {
        let mut values = [76, 85, 255, 128, 128, 128]; // red, gray
        ycbcr_to_rgb(&mut values);
        assert_eq!(values, [254, 0, 0, 128, 128, 128]);
    }
}
