//! Covers a part of a picture, so that a net cannot rest on one detail.

use std::ops::Range;

use striate_kernels::rng::Key;

/// Covers a part of `fraction` of both sides, centred anywhere, in every `[H, W]` plane by the plane's mean, which is
/// near 0 after normalisation.
pub(super) fn cover(x: &mut [f32], [h, w]: [usize; 2], fraction: f32, key: Key) {
    let mut stream = key.stream();
    let mut range = |n: usize| -> Range<usize> {
        let side = ((fraction * n as f32).round() as usize).clamp(1, n);
        let start = stream.below(n) as i64 - side as i64 / 2;
        start.max(0) as usize..(start + side as i64).min(n as i64) as usize
    };
    let (rows, columns) = (range(h), range(w));
    for plane in x.chunks_exact_mut(h * w) {
        let mean = (plane.iter().map(|&v| f64::from(v)).sum::<f64>() / plane.len() as f64) as f32;
        for row in rows.clone() {
            plane[row * w..][columns.clone()].fill(mean);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn covers_its_area_or_less_at_the_border() {
        let (h, w) = (20, 30);
        let before: Vec<f32> = (0..2 * h * w).map(|i| (i % (h * w)) as f32 / (h * w) as f32).collect();
        let mut areas = Vec::new();
        for picture in 0..300 {
            let mut x = before.clone();
            cover(&mut x, [h, w], 0.5, Key::new(1).with(picture));
            assert_eq!(x[..h * w], x[h * w..], "the same part of every plane");
            let changed: Vec<usize> = (0..h * w).filter(|&i| x[i] != before[i]).collect();
            assert!(changed.iter().all(|&i| (x[i] - 0.5).abs() < 1e-3), "the mean of the plane");
            areas.push(changed.len());
        }
        let (least, most) = (areas.iter().min().expect("some"), areas.iter().max().expect("some"));
        assert_eq!(*most, 10 * 15);
        assert!((5 * 7..100).contains(least), "at least about a quarter stays inside, got {least}");
    }

    #[test]
    fn one_pixel_is_covered_by_itself() {
        let mut x = [0.7];
        cover(&mut x, [1, 1], 0.1, Key::new(1));
        assert_eq!(x, [0.7]);
    }
}
