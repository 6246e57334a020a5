//! Brightness, contrast, saturation and hue as one matrix and one clamp.

use super::turn::Turn;
use crate::picture::LUMA;

/// Factors of one picture; 1 and a turn by 0 change nothing.
pub(super) struct ColourChange {
    /// Times all values.
    pub brightness: f32,
    /// Times the distance from the mean luma.
    pub contrast: f32,
    /// Times the distance from the gray of the same luma.
    pub saturation: f32,
    /// Turns that distance about the gray axis.
    pub hue: Turn,
}

impl ColourChange {
    /// Changes `[C, H, W]` values; of gray ones only brightness and contrast.
    pub(super) fn apply(&self, x: &mut [f32], channels: usize) {
        if channels == 3 && (self.saturation != 1.0 || self.hue.sin != 0.0) {
            self.turn_colours(x);
        }
        if self.brightness == 1.0 && self.contrast == 1.0 {
            x.iter_mut().for_each(|v| *v = v.clamp(0.0, 1.0));
            return;
        }
        let mean = self.brightness * mean_luma(x, channels);
        for v in x {
            *v = ((*v * self.brightness - mean) * self.contrast + mean).clamp(0.0, 1.0);
        }
    }

    fn turn_colours(&self, x: &mut [f32]) {
        let m = self.matrix();
        let plane = x.len() / 3;
        let (red, others) = x.split_at_mut(plane);
        let (green, blue) = others.split_at_mut(plane);
        for ((r, g), b) in red.iter_mut().zip(green).zip(blue) {
            let rgb = [*r, *g, *b];
            [*r, *g, *b] = m.map(|row| row[0] * rgb[0] + row[1] * rgb[1] + row[2] * rgb[2]);
        }
    }

    /// Luma stays; the two colour differences of YIQ are turned and scaled.
    fn matrix(&self) -> [[f32; 3]; 3] {
        // NTSC, FCC 1953; the inverse to the same digits.
        const I: [f32; 3] = [0.5959, -0.2746, -0.3213];
        const Q: [f32; 3] = [0.2115, -0.5227, 0.3112];
        const BACK: [[f32; 2]; 3] = [[0.956, 0.619], [-0.272, -0.647], [-1.106, 1.703]];
        let (sin, cos) = (self.hue.sin as f32 * self.saturation, self.hue.cos as f32 * self.saturation);
        BACK.map(|[from_i, from_q]| {
            [0, 1, 2].map(|c| LUMA[c] + from_i * (cos * I[c] - sin * Q[c]) + from_q * (sin * I[c] + cos * Q[c]))
        })
    }
}

/// In f64 and in order, so that its bits do not depend on the machine.
fn mean_luma(x: &[f32], channels: usize) -> f32 {
    let plane = x.len() / channels;
    let weights: &[f32] = if channels == 3 { &LUMA } else { &[1.0] };
    let sums = x.chunks_exact(plane).map(|p| p.iter().map(|&v| f64::from(v)).sum::<f64>());
    let total: f64 = sums.zip(weights).map(|(sum, &weight)| sum * f64::from(weight)).sum();
    (total / plane as f64) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: ColourChange =
        ColourChange { brightness: 1.0, contrast: 1.0, saturation: 1.0, hue: Turn { sin: 0.0, cos: 1.0 } };

    fn changed(change: &ColourChange, mut x: Vec<f32>, channels: usize) -> Vec<f32> {
        change.apply(&mut x, channels);
        x
    }

    fn near(a: &[f32], b: &[f32]) -> bool {
        a.iter().zip(b).all(|(a, b)| (a - b).abs() < 3e-3)
    }

    #[test]
    fn each_factor_does_its_own() {
        let rgb = vec![0.2, 0.9, 0.5, 0.1, 0.3, 0.4]; // pixels (0.2, 0.5, 0.3) and (0.9, 0.1, 0.4)
        assert_eq!(changed(&NONE, rgb.clone(), 3), rgb);
        assert_eq!(changed(&ColourChange { brightness: 0.5, ..NONE }, vec![0.25, 1.0], 1), [0.125, 0.5]);
        assert_eq!(changed(&ColourChange { brightness: 3.0, ..NONE }, vec![0.25, 1.0], 1), [0.75, 1.0]);
        assert_eq!(changed(&ColourChange { contrast: 0.0, ..NONE }, vec![0.25, 0.75], 1), [0.5, 0.5]);
        let gray = changed(&ColourChange { saturation: 0.0, ..NONE }, rgb.clone(), 3);
        let luma = |i: usize| LUMA[0] * rgb[i] + LUMA[1] * rgb[2 + i] + LUMA[2] * rgb[4 + i];
        assert!(near(&gray, &[luma(0), luma(1), luma(0), luma(1), luma(0), luma(1)]), "{gray:?}");
    }

    #[test]
    fn a_turn_of_hue_keeps_luma_and_gray_and_comes_round() {
        let x = vec![0.5, 0.45, 0.5, 0.55, 0.5, 0.6];
        let third = |x| changed(&ColourChange { hue: Turn::degrees(120.0), ..NONE }, x, 3);
        let once = third(x.clone());
        assert!((mean_luma(&once, 3) - mean_luma(&x, 3)).abs() < 1e-3);
        assert!((once[0] - 0.5).abs() < 2e-3, "gray stays gray: {once:?}");
        assert!((once[1] - 0.45).abs() > 0.02, "colours turn: {once:?}");
        assert!(near(&third(third(once)), &x), "three thirds are a whole");
    }
}
