//! What a drawing suffers before each look at it: it is moved, its light changes, noise is added. What stays exciting under this is no
//! accident of single pixels, and for a whole class means something to other nets too.

use striate_kernels::rng::Key;

use super::canvas::{GRAY, Sheet};
use super::warp::{Motion, Warp};

/// How far looks reach.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reach {
    /// Most that a picture is turned by, in degrees either way.
    angle: f32,
    /// Most that it is enlarged by; it is made smaller by as much.
    zoom: f32,
    /// Most that it is shifted by along each axis, as a share of its side.
    shift: f32,
    /// Whether every other one is mirrored, contrast is multiplied by up to `exp(light)` or divided by as much, and each colour of all pixels
    /// moved by up to half of it; the deviation of noise.
    rough: Option<Rough>,
}

#[derive(Clone, Copy, Debug)]
struct Rough {
    light: f32,
    noise: f32,
}

impl Reach {
    /// For textures: up to 16 of 224 pixels.
    pub const NARROW: Self = Self { angle: 10.0, zoom: 1.1, shift: 1.0 / 14.0, rough: None };
    /// For things: they come in many sizes, in any light.
    pub const WIDE: Self =
        Self { angle: 20.0, zoom: 2.0, shift: 3.0 / 14.0, rough: Some(Rough { light: 0.3, noise: 0.1 }) };
}

/// One look.
pub(super) struct Look {
    warp: Warp,
    gain: f32,
    /// Added to each value. `[N, C, H, W]`, or nothing.
    added: Vec<f32>,
}

impl Look {
    /// One of those within reach, all equally likely, the same motion and light for all pictures.
    pub fn drawn(key: Key, reach: &Reach, sheet: &Sheet) -> Self {
        let [h, w] = sheet.size;
        let mut stream = key.stream();
        let mut within = |most: f32| stream.range(-most, most);
        let mut motion = Motion {
            angle: within(reach.angle).to_radians(),
            zoom: libm::powf(reach.zoom, within(1.0)),
            shift: [within(reach.shift * h as f32), within(reach.shift * w as f32)],
            mirrored: false,
        };
        let Some(Rough { light, noise }) = reach.rough else {
            return Self { warp: Warp::new(motion, sheet.size), gain: 1.0, added: Vec::new() };
        };
        motion.mirrored = within(1.0) < 0.0;
        let gain = libm::expf(within(light));
        let tints: Vec<f32> = (0..sheet.c).map(|_| within(light) / 2.0).collect();
        let most = noise * 3.0_f32.sqrt(); // a flat distribution of that deviation
        let added = (0..sheet.len()).map(|i| tints[i / (h * w) % sheet.c] + within(most)).collect();
        Self { warp: Warp::new(motion, sheet.size), gain, added }
    }

    /// # Shapes
    /// - `unit`, output: `[N, C, H, W]`
    pub fn forward(&self, unit: &[f32]) -> Vec<f32> {
        let mut seen = self.warp.forward(unit);
        for (v, added) in seen.iter_mut().zip(&self.added) {
            *v = GRAY + (*v - GRAY) * self.gain + added;
        }
        seen
    }

    /// The gradient by the picture, given that by what was seen.
    ///
    /// # Shapes
    /// - `gradient`, output: `[N, C, H, W]`
    pub fn backward(&self, gradient: &[f32]) -> Vec<f32> {
        let mut back = self.warp.backward(gradient);
        if self.gain != 1.0 {
            back.iter_mut().for_each(|v| *v *= self.gain);
        }
        back
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `<forward(x) - forward(0), y> = <x, backward(y)>`.
    #[test]
    fn the_way_back_is_the_adjoint() {
        let sheet = Sheet { n: 1, c: 3, size: [9, 13] };
        let x: Vec<f32> = (0..sheet.len()).map(|i| (i * 31 % 17) as f32 - 8.0).collect();
        let y: Vec<f32> = (0..sheet.len()).map(|i| (i * 13 % 19) as f32 - 9.0).collect();
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>();
        for (seed, reach) in [(5, Reach::NARROW), (6, Reach::WIDE), (7, Reach::WIDE)] {
            let look = Look::drawn(Key::new(seed), &reach, &sheet);
            let moved = dot(&look.forward(&x), &y) - dot(&look.forward(&vec![0.0; sheet.len()]), &y);
            let back = dot(&x, &look.backward(&y));
            assert!((moved - back).abs() < 1e-3 * moved.abs(), "{moved} {back}");
        }
    }
}
