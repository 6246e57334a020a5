//! How near a picture is to another one: peak signal-to-noise ratio.

/// What two equal pictures get, for which the ratio has no number.
pub const MOST: f64 = 100.0;

/// `10 log10(1 / MSE)` in decibels over all values of both pictures, which lie in `[0, 1]` and are not rounded; 100 at most.
///
/// # Panics
/// If the lengths differ or are 0.
pub fn psnr(a: &[f32], b: &[f32]) -> f64 {
    assert!(a.len() == b.len() && !a.is_empty(), "psnr: {} and {} values", a.len(), b.len());
    let sum: f64 = a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum();
    (-10.0 * libm::log10(sum / a.len() as f64)).min(MOST)
}

#[cfg(test)]
mod tests {
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
}
