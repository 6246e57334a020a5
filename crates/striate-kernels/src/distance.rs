//! How far pictures lie from others: weighted sums of squared or absolute differences, and their gradients.

use rayon::prelude::*;

/// Numbers that one task takes.
const STRETCH: usize = 1 << 14;
/// Running sums side by side in a stretch, whatever the registers are.
const SUMS: usize = 64;

/// What a difference counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distance {
    /// Its square.
    Squared,
    /// Its absolute value.
    Absolute,
}

/// `sum weight * distance(x - target)`; every weight is 1 where none are given.
///
/// # Panics
/// If the lengths differ.
pub fn distance(x: &[f32], target: &[f32], weight: Option<&[f32]>, kind: Distance) -> f32 {
    assert!(x.len() == target.len() && weight.is_none_or(|w| w.len() == x.len()), "distance: lengths differ");
    let of_stretch = |(at, (x, target)): (usize, (&[f32], &[f32]))| {
        let weight = weight.map(|w| &w[at * STRETCH..][..x.len()]);
        let mut sums = [0.0_f32; SUMS];
        for start in (0..x.len()).step_by(SUMS) {
            let end = (start + SUMS).min(x.len());
            for (lane, sum) in sums[..end - start].iter_mut().enumerate() {
                let i = start + lane;
                let d = x[i] - target[i];
                let d = if kind == Distance::Squared { d * d } else { d.abs() };
                *sum += weight.map_or(d, |w| w[i] * d);
            }
        }
        sums.iter().fold(0.0, |sum, part| sum + part)
    };
    let parts: Vec<f32> = x.par_chunks(STRETCH).zip(target.par_chunks(STRETCH)).enumerate().map(of_stretch).collect();
    parts.iter().fold(0.0, |sum, part| sum + part)
}

/// The gradient of `scale * distance` by `x`.
///
/// # Panics
/// If the lengths differ.
pub fn distance_backward([x, target]: [&[f32]; 2], weight: Option<&[f32]>, kind: Distance, scale: f32, dx: &mut [f32]) {
    assert!(x.len() == target.len() && dx.len() == x.len(), "distance_backward: lengths differ");
    assert!(weight.is_none_or(|w| w.len() == x.len()), "distance_backward: lengths differ");
    dx.par_chunks_mut(STRETCH).enumerate().for_each(|(at, dx)| {
        let part = at * STRETCH..at * STRETCH + dx.len();
        let (x, target, weight) = (&x[part.clone()], &target[part.clone()], weight.map(|w| &w[part]));
        for (i, dx) in dx.iter_mut().enumerate() {
            let d = x[i] - target[i];
            let slope = match kind {
                Distance::Squared => 2.0 * d,
                Distance::Absolute if d == 0.0 => 0.0,
                Distance::Absolute => d.signum(),
            };
            *dx = scale * weight.map_or(slope, |w| w[i] * slope);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_and_slopes() {
        let x: Vec<f32> = (0..40_003).map(|i| (i % 7) as f32).collect();
        let target = vec![3.0; x.len()];
        let weight: Vec<f32> = (0..x.len()).map(|i| (i % 2) as f32).collect();
        for (kind, value) in [(Distance::Squared, (|d: f32| d * d) as fn(f32) -> f32), (Distance::Absolute, f32::abs)] {
            let wanted = |weight: &dyn Fn(usize) -> f32| (0..x.len()).map(|i| weight(i) * value(x[i] - 3.0)).sum();
            let (even, weighted): (f32, f32) = (wanted(&|_| 1.0), wanted(&|i| weight[i]));
            assert_eq!(distance(&x, &target, None, kind), even);
            assert_eq!(distance(&x, &target, Some(&weight), kind), weighted);
            let mut dx = vec![f32::NAN; x.len()];
            distance_backward([&x, &target], Some(&weight), kind, 0.5, &mut dx);
            let (up, down) = if kind == Distance::Squared { (3.0, -2.0) } else { (0.5, -0.5) };
            assert_eq!((dx[13], dx[15], dx[17], dx[6]), (up, down, 0.0, 0.0)); // 6, 1, 3 under weight 1; 6 under 0
        }
        assert_eq!(distance(&[], &[], None, Distance::Squared), 0.0);
    }
}
