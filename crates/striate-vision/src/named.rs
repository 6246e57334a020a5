//! Kernels with a name: means, blurs, edges at any angle, blobs and Gabor waves.
//!
//! Angles are in degrees, from the x axis towards the y axis, which points down. Sigmas and wavelengths are in pixels.

use std::f64::consts::PI;

use crate::error::Error;
use crate::kernel::{Kernel, MAX_SIDE};

/// Standard deviations at which a Gaussian is cut off, unless it is said.
pub const TRUNCATE: f64 = 4.0;

/// The mean of `side * side` pixels.
///
/// # Errors
/// If `side` is 0 or beyond the limit of kernels.
pub fn uniform(side: usize) -> Result<Kernel, Error> {
    let line = vec![(1.0 / side as f64) as f32; side.min(MAX_SIDE + 1)];
    Kernel::separable(vec![line.clone(), line])
}

/// A Gaussian that sums to 1, cut off at `truncate` sigmas, as `scipy.ndimage.gaussian_filter`.
///
/// # Errors
/// If sigma is not above 0, or the kernel would be beyond the limit of kernels.
pub fn gaussian(sigma: f64, truncate: f64) -> Result<Kernel, Error> {
    let line = narrow(&phi(sigma, truncate)?);
    Kernel::separable(vec![line.clone(), line])
}

/// Sobel's derivative along x: `-1 0 1` smoothed by `1 2 1` along y.
pub fn sobel_x() -> Kernel {
    fixed(&[1.0, 2.0, 1.0], &[-1.0, 0.0, 1.0])
}

/// Sobel's derivative along y.
pub fn sobel_y() -> Kernel {
    fixed(&[-1.0, 0.0, 1.0], &[1.0, 2.0, 1.0])
}

/// The simplest edge along x: `1 -1` in a row.
pub fn edge_x() -> Kernel {
    fixed(&[1.0], &[1.0, -1.0])
}

/// The simplest edge along y: `1 -1` in a column.
pub fn edge_y() -> Kernel {
    fixed(&[1.0, -1.0], &[1.0])
}

/// The derivative of a Gaussian in the direction `angle`: a brightening in that direction answers with more than 0.
/// Freeman, Adelson 1991, "The design and use of steerable filters", eq. 2 and 3.
///
/// # Errors
/// As [`gaussian`]; if the angle is not finite.
pub fn oriented(angle: f64, sigma: f64) -> Result<Kernel, Error> {
    let (g, axes) = (phi(sigma, TRUNCATE)?, direction(angle)?);
    let radius = g.len() / 2;
    let slope: Vec<f64> = (0..g.len()).map(|i| (i as f64 - radius as f64) / (sigma * sigma) * g[i]).collect();
    dense(g.len(), |y, x| axes.0 * slope[x] * g[y] + axes.1 * slope[y] * g[x])
}

/// `n` edges, 180 / n degrees apart: the first simple cells of the visual cortex.
///
/// # Errors
/// As [`oriented`].
pub fn oriented_bank(n: usize, sigma: f64) -> Result<Vec<Kernel>, Error> {
    (0..n).map(|i| oriented(180.0 * i as f64 / n as f64, sigma)).collect()
}

/// The Laplacian of a Gaussian, as `scipy.ndimage.gaussian_laplace`: below 0 at the middle of a bright blob.
///
/// # Errors
/// As [`gaussian`].
pub fn laplacian_of_gaussian(sigma: f64) -> Result<Kernel, Error> {
    let g = phi(sigma, TRUNCATE)?;
    let radius = (g.len() / 2) as f64;
    let bend = |i: usize| (((i as f64 - radius) / sigma).powi(2) - 1.0) / (sigma * sigma) * g[i];
    dense(g.len(), |y, x| bend(y) * g[x] + bend(x) * g[y])
}

/// A wave under a Gaussian window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gabor {
    /// From crest to crest, pixels.
    pub wavelength: f64,
    /// Direction in which the wave runs, degrees.
    pub angle: f64,
    /// Of the window along the wave, pixels.
    pub sigma: f64,
    /// The window's width along the wave by that across it.
    pub aspect: f64,
    /// Of the wave at the middle, degrees: 0 is a crest, 90 an edge.
    pub phase: f64,
}

impl Gabor {
    /// A wave of one and a half octaves or so: a window of half a wavelength, twice as long as wide.
    pub fn new(wavelength: f64, angle: f64) -> Self {
        Self { wavelength, angle, sigma: 0.56 * wavelength, aspect: 0.5, phase: 0.0 }
    }

    /// `exp(-(x'^2 + aspect^2 y'^2) / (2 sigma^2)) cos(2 pi x' / wavelength + phase)` with x' along the wave.
    /// Daugman 1985, "Uncertainty relation for resolution in space, spatial frequency, and orientation".
    ///
    /// # Errors
    /// If a number is not finite or not above 0 where it has to be, or the kernel would be beyond the limit of kernels.
    pub fn kernel(&self) -> Result<Kernel, Error> {
        let (cos, sin) = direction(self.angle)?;
        for (name, value) in [("wavelength", self.wavelength), ("sigma", self.sigma), ("aspect", self.aspect)] {
            positive(name, value)?;
        }
        if !self.phase.is_finite() {
            return Err(Error::kernel("the phase is not a number", "give degrees"));
        }
        let reach = 3.0 * self.sigma * (1.0 / self.aspect).max(1.0);
        let radius = radius_of(reach)?;
        let phase = self.phase.to_radians();
        dense(2 * radius + 1, |y, x| {
            let (x, y) = (x as f64 - radius as f64, y as f64 - radius as f64);
            let (along, across) = (x * cos + y * sin, (y * cos - x * sin) * self.aspect);
            let window = libm::exp(-(along * along + across * across) / (2.0 * self.sigma * self.sigma));
            window * libm::cos(2.0 * PI * along / self.wavelength + phase)
        })
    }
}

/// A Gaussian's numbers, which sum to 1.
fn phi(sigma: f64, truncate: f64) -> Result<Vec<f64>, Error> {
    positive("sigma", sigma)?;
    positive("truncate", truncate)?;
    let radius = radius_of(truncate * sigma)? as isize;
    let g: Vec<f64> = (-radius..=radius).map(|x| libm::exp(-0.5 * (x as f64 / sigma).powi(2))).collect();
    let sum: f64 = g.iter().sum();
    Ok(g.iter().map(|g| g / sum).collect())
}

fn positive(name: &str, value: f64) -> Result<(), Error> {
    if value > 0.0 && value.is_finite() {
        return Ok(());
    }
    Err(Error::kernel(format!("{name} is {value}"), "give a number above 0"))
}

fn radius_of(reach: f64) -> Result<usize, Error> {
    let most = ((crate::kernel::MAX_WEIGHTS as f64).sqrt() as usize - 1) / 2;
    let radius = (reach + 0.5).floor();
    if radius > most as f64 {
        return Err(Error::kernel(
            format!("it reaches {radius} pixels"),
            format!("at most {most}: make the picture smaller"),
        ));
    }
    Ok(radius as usize)
}

/// Cosine and sine of an angle in degrees, exact at multiples of 90.
fn direction(angle: f64) -> Result<(f64, f64), Error> {
    if !angle.is_finite() {
        return Err(Error::kernel(format!("the angle is {angle}"), "give degrees"));
    }
    let angle = angle.rem_euclid(360.0);
    let rest = angle % 90.0;
    let (cos, sin) = (libm::cos(rest.to_radians()), libm::sin(rest.to_radians()));
    Ok(match (angle / 90.0) as u32 {
        0 => (cos, sin),
        1 => (-sin, cos),
        2 => (-cos, -sin),
        _ => (sin, -cos),
    })
}

fn narrow(values: &[f64]) -> Vec<f32> {
    values.iter().map(|&v| v as f32).collect()
}

fn dense(side: usize, weight: impl Fn(usize, usize) -> f64) -> Result<Kernel, Error> {
    Kernel::new(&[side, side], (0..side * side).map(|i| weight(i / side, i % side) as f32).collect())
}

fn fixed(column: &[f32], row: &[f32]) -> Kernel {
    Kernel::product(vec![column.to_vec(), row.to_vec()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    /// `fixtures/filters.py` made the numbers with SciPy and OpenCV.
    #[test]
    fn kernels_are_those_of_scipy_and_opencv() {
        let gabor = Gabor { sigma: 2.0, aspect: 0.5, phase: 30.0, ..Gabor::new(5.0, 35.0) };
        for (name, ours) in [
            ("gaussian_1.5", gaussian(1.5, TRUNCATE)),
            ("oriented_0_1.5", oriented(0.0, 1.5)),
            ("oriented_30_1.5", oriented(30.0, 1.5)),
            ("log_1.3", laplacian_of_gaussian(1.3)),
            ("gabor", gabor.kernel()),
        ] {
            let (ours, theirs) = (ours.expect("a kernel"), fixture::read(&format!("{name}.npy")));
            assert_eq!(ours.shape(), theirs.shape(), "{name}");
            fixture::near(name, ours.weights(), theirs.values(), 1e-6);
        }
    }

    #[test]
    fn steps_of_90_degrees_are_exact_turns() {
        let (east, south) = (oriented(0.0, 1.2).expect("a kernel"), oriented(90.0, 1.2).expect("a kernel"));
        let side = east.shape()[0];
        let turned: Vec<f32> = (0..side * side).map(|i| east.weights()[i % side * side + i / side]).collect();
        assert_eq!(turned, south.weights());
        assert_eq!(oriented_bank(4, 1.2).expect("kernels")[2], south);
        assert!(east.factors().is_some() && oriented(30.0, 1.2).expect("a kernel").factors().is_none());
    }
}
