//! A picture turned, zoomed, shifted and mirrored, and the way back of a gradient.

use rayon::prelude::*;

use super::canvas::GRAY;

/// Where each pixel of the new picture is taken from: four pixels of the old one and their weights (bilinear). Those outside of it are
/// [`OUTSIDE`].
pub(super) struct Warp {
    taps: Vec<[(u32, f32); 4]>,
}

/// No pixel.
const OUTSIDE: u32 = u32::MAX;

/// How a picture is moved about its middle.
#[derive(Clone, Copy, Debug)]
pub(super) struct Motion {
    /// Radians, from x to y.
    pub angle: f32,
    /// Above 1 makes things larger.
    pub zoom: f32,
    /// Rows and columns, in pixels.
    pub shift: [f32; 2],
    /// Left to right.
    pub mirrored: bool,
}

impl Warp {
    /// The new picture has the size of the old one.
    pub fn new(motion: Motion, [h, w]: [usize; 2]) -> Self {
        let Motion { angle, zoom, shift, mirrored } = motion;
        let facing = if mirrored { -1.0 } else { 1.0 };
        let (sin, cos) = (libm::sinf(angle) / zoom, libm::cosf(angle) / zoom);
        let middle = [(h as f32 - 1.0) / 2.0, (w as f32 - 1.0) / 2.0];
        let tap = |y: f32, x: f32, weight: f32| {
            let inside = y >= 0.0 && x >= 0.0 && y < h as f32 && x < w as f32;
            (if inside { (y as usize * w + x as usize) as u32 } else { OUTSIDE }, weight)
        };
        let from = |i: usize| {
            let (dy, dx) = ((i / w) as f32 - middle[0] - shift[0], facing * ((i % w) as f32 - middle[1] - shift[1]));
            let (y, x) = (middle[0] + cos * dy - sin * dx, middle[1] + sin * dy + cos * dx);
            let (top, left) = (y.floor(), x.floor());
            let (b, r) = (y - top, x - left);
            [
                tap(top, left, (1.0 - b) * (1.0 - r)),
                tap(top, left + 1.0, (1.0 - b) * r),
                tap(top + 1.0, left, b * (1.0 - r)),
                tap(top + 1.0, left + 1.0, b * r),
            ]
        };
        Self { taps: (0..h * w).into_par_iter().map(from).collect() }
    }

    /// # Shapes
    /// - `planes`, output: any number of `[H, W]`
    pub fn forward(&self, planes: &[f32]) -> Vec<f32> {
        let mut moved = vec![0.0; planes.len()];
        let each = self.taps.len();
        moved.par_chunks_mut(each).zip(planes.par_chunks(each)).for_each(|(to, from)| {
            let value = |&(at, weight): &(u32, f32)| weight * from.get(at as usize).unwrap_or(&GRAY);
            for (to, taps) in to.iter_mut().zip(&self.taps) {
                *to = taps.iter().map(value).sum();
            }
        });
        moved
    }

    /// The gradient by the old picture, given that by the new one.
    ///
    /// # Shapes
    /// - `gradient`, output: as in [`Warp::forward`]
    pub fn backward(&self, gradient: &[f32]) -> Vec<f32> {
        let mut back = vec![0.0; gradient.len()];
        let each = self.taps.len();
        back.par_chunks_mut(each).zip(gradient.par_chunks(each)).for_each(|(to, from)| {
            for (from, taps) in from.iter().zip(&self.taps) {
                for &(at, weight) in taps {
                    if let Some(to) = to.get_mut(at as usize) {
                        *to += weight * from;
                    }
                }
            }
        });
        back
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_at_rest_stays_and_one_shifted_is_its_neighbour() {
        let planes: Vec<f32> = (0..2 * 12).map(|i| i as f32).collect();
        let at = |shift| Warp::new(Motion { angle: 0.0, zoom: 1.0, shift, mirrored: false }, [3, 4]).forward(&planes);
        assert_eq!(at([0.0, 0.0]), planes);
        let right = at([0.0, 1.0]);
        assert_eq!(right[..5], [GRAY, 0.0, 1.0, 2.0, GRAY]);
        let quarter = Motion { angle: std::f32::consts::FRAC_PI_2, zoom: 1.0, shift: [0.0; 2], mirrored: false };
        let turned = Warp::new(quarter, [3, 3]).forward(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
        let mirrored = Motion { angle: 0.0, zoom: 1.0, shift: [0.0; 2], mirrored: true };
        assert_eq!(Warp::new(mirrored, [1, 3]).forward(&[1.0, 2.0, 3.0]), [3.0, 2.0, 1.0]);
        let near = |a: f32, b: f32| (a - b).abs() < 1e-5;
        assert!(near(turned[4], 4.0) && near(turned[2], 0.0), "what was left above is right above: {turned:?}");
    }
}
