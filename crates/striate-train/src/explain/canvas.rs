//! What gradient ascent draws on: pixels, or a spectrum of decorrelated colours.

use std::f64::consts::PI;

use rayon::prelude::*;
use striate_kernels::linear::{LinearShape, linear_backward_input};
use striate_kernels::memory::buffer;
use striate_kernels::optimizer::{Adam, adam};
use striate_kernels::rng::Key;
use striate_vision::array::Array;
use striate_vision::boundary::Boundary;
use striate_vision::convolve::{ConvolveOptions, convolve};
use striate_vision::kernel::Kernel;
use striate_vision::named::gaussian;

/// Middle gray.
pub(super) const GRAY: f32 = 0.5;

/// Shape of pictures.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sheet {
    /// Pictures.
    pub n: usize,
    /// Channels.
    pub c: usize,
    /// Rows and columns.
    pub size: [usize; 2],
}

impl Sheet {
    fn plane(&self) -> usize {
        self.size[0] * self.size[1]
    }

    pub fn len(&self) -> usize {
        self.n * self.c * self.plane()
    }
}

/// Values in `[0, 1]` that follow the gradient themselves.
pub(super) struct Pixels {
    sheet: Sheet,
    unit: Vec<f32>,
    /// Of [`Pixels::regularised`].
    blur: Option<Kernel>,
}

/// Step of a pixel at first, root mean square; it falls to 0.
const STEP: f32 = 1.0 / 64.0;
/// Share of its distance from gray that a pixel loses in the first step, where that is asked for; falls as the step does.
const DECAY: f32 = 0.003;
/// Steps from blur to blur, and its deviation in pixels.
const BLUR: (usize, f64) = (8, 0.5);
/// Share of pixels that go back to gray with each blur, those nearest to it.
const CLIPPED: f64 = 0.02;
/// One in so many steps, the last ones, sees no blur: what is left sharpens.
const SHARPENED: usize = 3;

impl Pixels {
    /// Gray with faint noise; nothing but the gradient moves it.
    pub fn plain(sheet: Sheet, key: Key) -> Self {
        let mut stream = key.stream();
        let unit = (0..sheet.len()).map(|_| GRAY + 0.01 * stream.normal() as f32).collect();
        Self { sheet, unit, blur: None }
    }

    /// As [`Pixels::plain`], drawn towards gray, blurred and freed of faint pixels as it goes: Yosinski et al. 2015
    /// <https://arxiv.org/abs/1506.06579>, section 3.
    pub fn regularised(sheet: Sheet, key: Key) -> Self {
        Self { blur: gaussian(BLUR.1, 4.0).ok(), ..Self::plain(sheet, key) }
    }

    /// The pictures, `[N, C, H, W]`.
    pub fn draw(&self) -> Vec<f32> {
        self.unit.clone()
    }

    /// One step up the gradient, step `at` of `steps`.
    pub fn climb(&mut self, gradient: &[f32], at: usize, steps: usize) {
        let picture = self.sheet.c * self.sheet.plane();
        let left = 1.0 - at as f32 / steps as f32;
        for (unit, gradient) in self.unit.chunks_exact_mut(picture).zip(gradient.chunks_exact(picture)) {
            let squares: f64 = gradient.iter().map(|&g| f64::from(g) * f64::from(g)).sum();
            let length = (squares / picture as f64).sqrt().max(1e-12) as f32;
            unit.iter_mut().zip(gradient).for_each(|(v, g)| *v = (*v + STEP * left * g / length).clamp(0.0, 1.0));
        }
        let Some(blur) = &self.blur else { return };
        self.unit.iter_mut().for_each(|v| *v = GRAY + (*v - GRAY) * (1.0 - DECAY * left));
        if at % BLUR.0 == BLUR.0 - 1 && at < steps - steps / SHARPENED {
            let [h, w] = self.sheet.size;
            let options = ConvolveOptions { boundary: Boundary::Reflect, ..ConvolveOptions::default() };
            self.unit.par_chunks_exact_mut(h * w).for_each(|plane| {
                if let Ok(blurred) = convolve(&Array::new(vec![h, w], plane.to_vec()), blur, options) {
                    plane.copy_from_slice(blurred.values());
                }
            });
            self.unit.chunks_exact_mut(picture).for_each(|unit| clip(unit, h * w));
        }
    }
}

/// Sets the pixels that are nearest to gray to gray.
fn clip(unit: &mut [f32], plane: usize) {
    let norm = |unit: &[f32], at: usize| unit.iter().skip(at).step_by(plane).map(|v| (v - GRAY).powi(2)).sum::<f32>();
    let norms: Vec<f32> = (0..plane).map(|at| norm(unit, at)).collect();
    let mut sorted = norms.clone();
    sorted.sort_by(f32::total_cmp);
    let bar = sorted[(CLIPPED * plane as f64) as usize];
    for (at, _) in norms.iter().enumerate().filter(|(_, norm)| **norm < bar) {
        unit.iter_mut().skip(at).step_by(plane).for_each(|v| *v = GRAY);
    }
}

/// The spectrum of a picture in decorrelated colours, low frequencies easiest to move: Olah, Mordvintsev, Schubert 2017
/// <https://doi.org/10.23915/distill.00007>, "Preconditioning and Parameterization". Waves are cosines (DCT-II), which need not meet
/// themselves at the opposite edge; a sigmoid keeps values in `[0, 1]`. Follows the gradient by Adam.
pub(super) struct Spectrum {
    sheet: Sheet,
    coefficients: Vec<f32>,
    moments: [Vec<f32>; 2],
    /// Cosines down and across, each wave a row, and transposed.
    down: [Vec<f32>; 2],
    across: [Vec<f32>; 2],
    /// What each wave's coefficient is multiplied by: one over its cycles a pixel.
    scale: Vec<f32>,
}

/// Values that one task takes.
const STRETCH: usize = 1 << 14;
/// Learning rate of Adam.
const RATE: f64 = 0.05;
/// Deviation of the coefficients at the start.
const START: f64 = 0.01;
/// What the sum of waves is divided by before colours are mixed, as in the authors' program (Lucid).
const SOFTEN: f32 = 4.0;
/// Root of the covariance of the colours of ImageNet, by its longest column: colours to red, green and blue. From Lucid.
const COLOURS: [[f32; 3]; 3] = [[0.26, 0.09, 0.02], [0.27, 0.0, -0.05], [0.27, -0.09, 0.03]];
/// Length of the longest column of [`COLOURS`].
const LONGEST: f32 = 0.461_952_4;

impl Spectrum {
    /// Faint waves of every kind.
    pub fn new(sheet: Sheet, key: Key) -> Self {
        let mut stream = key.stream();
        Self::with(sheet, (0..sheet.len()).map(|_| (START * stream.normal()) as f32).collect())
    }

    pub(super) fn with(sheet: Sheet, coefficients: Vec<f32>) -> Self {
        let [h, w] = sheet.size;
        let lowest = 1.0 / h.max(w) as f64;
        let scale = |i: usize| {
            let cycles = [(i / w) as f64 / (2 * h) as f64, (i % w) as f64 / (2 * w) as f64];
            (1.0 / (cycles[0].powi(2) + cycles[1].powi(2)).sqrt().max(lowest)) as f32
        };
        let moments = [vec![0.0; sheet.len()], vec![0.0; sheet.len()]];
        Self { sheet, coefficients, moments, down: waves(h), across: waves(w), scale: (0..h * w).map(scale).collect() }
    }

    /// The pictures, `[N, C, H, W]` in `[0, 1]`.
    pub fn draw(&self) -> Vec<f32> {
        let mut planes = self.coefficients.clone();
        self.weigh(&mut planes);
        let mut planes = self.along_both(&planes, [&self.down[1], &self.across[0]]);
        self.mix(&mut planes, false);
        planes.par_chunks_mut(STRETCH).for_each(|part| part.iter_mut().for_each(|v| *v = sigmoid(*v)));
        planes
    }

    /// One step up the gradient by the pictures `drawn`; the first is step 1.
    pub fn climb(&mut self, drawn: &[f32], gradient: &[f32], step: usize) {
        // Adam goes down.
        let by_coefficient: Vec<f32> = self.backward(drawn, gradient).into_iter().map(|g| -g).collect();
        let [first, second] = &mut self.moments;
        let rule =
            Adam { lr: RATE, betas: [0.9, 0.999], eps: 1e-8, decay: 0.0, shrink: 1.0, scale: 1.0, steps: step as u64 };
        adam(rule, &mut self.coefficients, &by_coefficient, [first, second]);
    }

    /// The gradient by the coefficients.
    pub(super) fn backward(&self, drawn: &[f32], gradient: &[f32]) -> Vec<f32> {
        let mut planes: Vec<f32> = gradient.iter().zip(drawn).map(|(g, p)| g * p * (1.0 - p)).collect();
        self.mix(&mut planes, true);
        let mut planes = self.along_both(&planes, [&self.down[0], &self.across[1]]);
        self.weigh(&mut planes);
        planes
    }

    fn weigh(&self, planes: &mut [f32]) {
        for plane in planes.chunks_exact_mut(self.scale.len()) {
            plane.iter_mut().zip(&self.scale).for_each(|(v, scale)| *v *= scale / SOFTEN);
        }
    }

    /// Colours to red, green and blue, or a gradient's way back.
    fn mix(&self, planes: &mut [f32], back: bool) {
        if self.sheet.c != 3 {
            return;
        }
        let plane = self.sheet.plane();
        let weight = |to: usize, from: usize| if back { COLOURS[from][to] } else { COLOURS[to][from] } / LONGEST;
        planes.par_chunks_exact_mut(3 * plane).for_each(|picture| {
            for i in 0..plane {
                let old = [picture[i], picture[plane + i], picture[2 * plane + i]];
                for to in 0..3 {
                    picture[to * plane + i] = (0..3).map(|from| weight(to, from) * old[from]).sum();
                }
            }
        });
    }

    /// `down * plane * across` for each plane. # Shapes: `planes`, output: any number of `[H, W]`; `down`: `[H, H]`, `across`: `[W, W]`
    fn along_both(&self, planes: &[f32], [down, across]: [&[f32]; 2]) -> Vec<f32> {
        let [h, w] = self.sheet.size;
        let mut rows = buffer(planes.len());
        product(planes, across, &mut rows, [planes.len() / w, w, w]);
        let mut out = buffer(planes.len());
        for (plane, out) in rows.chunks_exact(h * w).zip(out.chunks_exact_mut(h * w)) {
            product(down, plane, out, [h, h, w]);
        }
        out
    }
}

/// `out = a * b`. # Shapes: `a`: `[N, K]`, `b`: `[K, M]`, `out`: `[N, M]`
fn product(a: &[f32], b: &[f32], out: &mut [f32], [n, k, m]: [usize; 3]) {
    linear_backward_input(&LinearShape { n, c_in: m, c_out: k }, a, b, out);
}

/// `1 / (1 + exp(-x))` to some units in the last place, by arithmetic alone, which compilers spread over lanes: `exp(r)` for `r` below half of
/// ln 2 by its series, times a power of two.
fn sigmoid(x: f32) -> f32 {
    const ROUND: f32 = 12_582_912.0; // 1.5 * 2^23: a sum with it has no places after the point
    let x = (-x).clamp(-80.0, 80.0);
    let whole = (x * std::f32::consts::LOG2_E + ROUND) - ROUND;
    let r = (x - whole * 0.693_359_4) + whole * 2.121_944_4e-4; // ln 2 in two parts
    let series = [1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0];
    let exp = series.into_iter().fold(1.0 / 720.0, |sum, next| sum * r + next);
    1.0 / (1.0 + exp * f32::from_bits(((whole as i32 + 127) as u32) << 23))
}

/// The orthonormal cosines of a side (DCT-II), one a row; and transposed.
fn waves(side: usize) -> [Vec<f32>; 2] {
    let value = |k: usize, i: usize| {
        let norm = if k == 0 { 1.0 } else { 2.0 } / side as f64;
        (norm.sqrt() * libm::cos(PI * (2 * i + 1) as f64 * k as f64 / (2 * side) as f64)) as f32
    };
    let rows = (0..side * side).map(|at| value(at / side, at % side)).collect();
    let columns = (0..side * side).map(|at| value(at % side, at / side)).collect();
    [rows, columns]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(len: usize, step: usize) -> Vec<f32> {
        (0..len).map(|i| (i * step % 29) as f32 / 29.0 - 0.5).collect()
    }

    #[test]
    fn gradients_by_a_spectrum_are_those_of_finite_differences() {
        let sheet = Sheet { n: 2, c: 3, size: [6, 5] };
        let wanted = numbers(sheet.len(), 7);
        let score = |canvas: &Spectrum| -> f64 {
            canvas.draw().iter().zip(&wanted).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
        };
        let canvas = Spectrum::with(sheet, numbers(sheet.len(), 11));
        let gradient = canvas.backward(&canvas.draw(), &wanted);
        for at in (0..sheet.len()).step_by(17) {
            let moved = |by: f32| {
                let mut coefficients = canvas.coefficients.clone();
                coefficients[at] += by;
                score(&Spectrum::with(sheet, coefficients))
            };
            let slope = (moved(0.02) - moved(-0.02)) / 0.04;
            assert!((slope - f64::from(gradient[at])).abs() < 2e-3, "{at}: {slope} {}", gradient[at]);
        }
    }

    #[test]
    fn ascent_reaches_what_is_asked_for() {
        let sheet = Sheet { n: 1, c: 3, size: [8, 8] };
        let wanted: Vec<f32> = numbers(sheet.len(), 5).iter().map(|v| v.signum()).collect();
        let score = |unit: &[f32]| unit.iter().zip(&wanted).map(|(a, b)| a * b).sum::<f32>() / wanted.len() as f32;
        let mut spectrum = Spectrum::new(sheet, Key::new(1));
        let mut pixels = Pixels::plain(sheet, Key::new(1));
        let before = [score(&spectrum.draw()), score(&pixels.draw())];
        for step in 0..200 {
            let drawn = spectrum.draw();
            spectrum.climb(&drawn, &wanted, step + 1);
            pixels.climb(&wanted, step, 200);
        }
        assert!(score(&spectrum.draw()) > before[0] + 0.15, "{}", score(&spectrum.draw()));
        assert!(score(&pixels.draw()) > before[1] + 0.3, "{}", score(&pixels.draw()));
        assert!(pixels.draw().iter().all(|v| (0.0..=1.0).contains(v)));
    }

    #[test]
    fn a_sigmoid_is_as_near_as_its_numbers_are() {
        for i in -9000..9000 {
            let x = i as f32 / 100.0;
            let wanted = 1.0 / (1.0 + libm::exp(-f64::from(x)));
            let off = (f64::from(sigmoid(x)) - wanted).abs();
            assert!(off <= 3e-7 * wanted + 1e-34, "{x}: {off} of {wanted}");
        }
    }

    #[test]
    fn faint_pixels_go_back_to_gray() {
        let mut unit: Vec<f32> = (0..128).map(|i| 0.5 + i as f32 / 256.0).collect();
        clip(&mut unit, 128);
        assert_eq!(unit[..3], [0.5, 0.5, 0.5 + 2.0 / 256.0]);
    }
}
