//! How near a picture is to another one: peak signal-to-noise ratio, of all values, as 8 bits, of brightness or of colour.

/// What two equal pictures get, for which the ratio has no number.
pub const MOST: f64 = 100.0;

/// Red, green and blue in luma, Rec. 601.
const LUMA: [f64; 3] = [0.299, 0.587, 0.114];

/// `10 log10(1 / MSE)` in decibels over all values of both pictures, which lie in `[0, 1]` and are not rounded; 100 at most.
///
/// # Panics
/// If the lengths differ or are 0.
pub fn psnr(a: &[f32], b: &[f32]) -> f64 {
    ratio(a, b, f64::from)
}

/// As [`psnr`], of what files of 8 bits would hold: both clipped to `[0, 1]` and rounded to whole numbers of `0..=255` first.
///
/// # Panics
/// If the lengths differ or are 0.
pub fn psnr_rounded(a: &[f32], b: &[f32]) -> f64 {
    ratio(a, b, |v| (f64::from(v).clamp(0.0, 1.0) * 255.0).round() / 255.0)
}

/// Brightness, `0.299 R + 0.587 G + 0.114 B`: Rec. 601, with the range of its input.
///
/// # Shapes
/// - `rgb`: `[3, plane]`, output: `[plane]`; `plane` is H W
///
/// # Panics
/// If `rgb` is not three planes.
pub fn luma(rgb: &[f32], plane: usize) -> Vec<f32> {
    by_pixel("luma", rgb, plane, |_, luma| luma)
}

/// The differences of colour Cb and Cr, as JPEG has them: blue and red less luma, around 0.5 in `[0, 1]`.
/// JFIF 1.02, 1992, "Conversion to and from RGB".
///
/// # Shapes
/// - `rgb`: `[3, plane]`, values in `[0, 1]`, outputs: `[plane]`; `plane` is H W
///
/// # Panics
/// If `rgb` is not three planes.
pub fn chroma(rgb: &[f32], plane: usize) -> [Vec<f32>; 2] {
    let less_luma = |colour: usize| {
        by_pixel("chroma", rgb, plane, |rgb, luma| 0.5 + (rgb[colour] - luma) / (2.0 * (1.0 - LUMA[colour])))
    };
    [less_luma(2), less_luma(0)]
}

fn ratio(a: &[f32], b: &[f32], value: impl Fn(f32) -> f64) -> f64 {
    assert!(a.len() == b.len() && !a.is_empty(), "psnr: {} and {} values", a.len(), b.len());
    let sum: f64 = a.iter().zip(b).map(|(&a, &b)| (value(a) - value(b)).powi(2)).sum();
    (-10.0 * libm::log10(sum / a.len() as f64)).min(MOST)
}

/// A function of each pixel's red, green and blue, and of its luma.
fn by_pixel(op: &str, rgb: &[f32], plane: usize, of: impl Fn([f64; 3], f64) -> f64) -> Vec<f32> {
    assert!(rgb.len() == 3 * plane, "{op}: {} values, not 3 planes of {plane}", rgb.len());
    let pixel = |i: usize| [rgb[i], rgb[plane + i], rgb[2 * plane + i]].map(f64::from);
    let luma = |[r, g, b]: [f64; 3]| LUMA[0] * r + LUMA[1] * g + LUMA[2] * b;
    (0..plane).map(pixel).map(|rgb| of(rgb, luma(rgb)) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::super::ssim::tests::{fixture, pictures};
    use super::super::tests::numbers;
    use super::*;

    #[test]
    fn as_scikit_image_has_it() {
        // skimage.metrics.peak_signal_noise_ratio(a, b, data_range=1) of a = i / 12, b = (i * 5 % 12) / 12, i < 12, in f64.
        let a: Vec<f32> = (0..12).map(|i| i as f32 / 12.0).collect();
        let b: Vec<f32> = (0..12).map(|i| (i * 5 % 12) as f32 / 12.0).collect();
        assert!((psnr(&a, &b) - REFERENCE).abs() < 1e-5, "{}", psnr(&a, &b));
        assert_eq!(psnr(&a, &a), MOST);
        assert_eq!(psnr(&[0.0], &[1.0]), 0.0);
    }

    const REFERENCE: f64 = 8.872957;

    /// `fixtures/ssim.py` made the numbers with `skimage.color.rgb2ycbcr` and `img_as_ubyte`.
    #[test]
    fn rounded_and_of_luma_and_chroma_as_scikit_image_has_it() {
        let (fixture, plane) = (fixture(), 48 * 40);
        let [a, b] = pictures([3, 48, 40]);
        let b: Vec<f32> = b.iter().map(|&v| (f64::from(v) * 1.3 - 0.1) as f32).collect();
        let near = |name: &str, ours: &[f64]| {
            let theirs = if fixture[name].is_array() { &fixture[name] } else { &serde_json::json!([fixture[name]]) };
            for (ours, theirs) in ours.iter().zip(numbers(theirs)) {
                assert!((ours - theirs).abs() < 1e-4, "{name}: {ours}, reference {theirs}");
            }
        };
        let mean = |values: &Vec<f32>| values.iter().map(|&v| f64::from(v)).sum::<f64>() / plane as f64;
        near("psnr", &[psnr(&a, &b)]);
        near("psnr_rounded", &[psnr_rounded(&a, &b)]);
        near("psnr_luma", &[psnr(&luma(&a, plane), &luma(&b, plane))]);
        let (of_a, of_b) = (chroma(&a, plane), chroma(&b, plane));
        near("psnr_chroma", &[0, 1].map(|i| psnr(&of_a[i], &of_b[i])));
        near("luma_mean", &[mean(&luma(&b, plane))]);
        near("chroma_mean", &of_b.each_ref().map(mean));
    }

    #[test]
    fn gray_has_no_colour_and_blue_and_red_have_most() {
        assert_eq!(luma(&[0.25, 1.0, 0.25, 1.0, 0.25, 1.0], 2), [0.25, 1.0]);
        assert_eq!(chroma(&[0.25, 1.0, 0.25, 1.0, 0.25, 1.0], 2), [[0.5; 2]; 2]);
        let [cb, cr] = chroma(&[0.0, 1.0, 0.0, 0.0, 1.0, 0.0], 2); // blue, red
        assert_eq!((cb[0], cr[1]), (1.0, 1.0));
        assert_eq!(psnr_rounded(&[0.5, 1.2, -3.0], &[0.501, 1.0, 0.0]), MOST);
    }
}
