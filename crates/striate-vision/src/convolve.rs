//! Correlation and convolution over one to three axes: dense kernels as one sum, outer products as a pass along each axis.
//!
//! A task takes a strip of rows and keeps a ring of as many lines as the kernel is high: a line is padded, and under an outer
//! product filtered along itself, once for all the rows that need it, and what a row needs is still in the cache.

use rayon::prelude::*;
use striate_kernels::filter::{FilterShape, ROWS, correlate_rows, weighted_sum};
use striate_kernels::memory::buffer;

use crate::array::Array;
use crate::boundary::Boundary;
use crate::error::Error;
use crate::kernel::Kernel;

/// Numbers that a task takes of the pass from plane to plane.
const STRETCH: usize = 1 << 14;

/// Which positions of the kernel give an output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Those where it lies inside: `n - k + 1` along each axis.
    Valid,
    /// One for each input, the kernel's weight `k / 2` upon it: `n`.
    #[default]
    Same,
    /// Those where it touches the input: `n + k - 1`.
    Full,
}

impl Mode {
    /// All of them, by name.
    pub const NAMES: [(&str, Self); 3] = [("valid", Self::Valid), ("same", Self::Same), ("full", Self::Full)];
}

/// How to convolve.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConvolveOptions {
    /// Which positions give an output.
    pub mode: Mode,
    /// What stands outside of the input; without effect on [`Mode::Valid`].
    pub boundary: Boundary,
    /// Whether to mirror the kernel first: the mathematician's convolution, and not the correlation of nets.
    pub flip: bool,
}

/// Correlates `x` with the kernel: `y[i] = sum over j of kernel[j] * x[i + j - start]`.
///
/// `x` has as many axes as the kernel, or a last one more: channels, each filtered alone.
///
/// # Errors
/// If the axes do not fit, `x` is empty, or the kernel is larger than `x` in [`Mode::Valid`].
pub fn convolve(x: &Array, kernel: &Kernel, options: ConvolveOptions) -> Result<Array, Error> {
    let shape = output_shape(x.shape(), kernel, options.mode)?;
    let mut y = buffer(shape.iter().product());
    convolve_into(x, kernel, options, &mut y)?;
    Ok(Array::new(shape, y))
}

/// As [`convolve`], into memory that is there.
///
/// # Errors
/// As [`convolve`].
///
/// # Panics
/// If `y` has not the length of the output.
pub fn convolve_into(x: &Array, kernel: &Kernel, options: ConvolveOptions, y: &mut [f32]) -> Result<(), Error> {
    let shape = output_shape(x.shape(), kernel, options.mode)?;
    let len: usize = shape.iter().product();
    assert!(y.len() == len, "convolve_into: {} numbers to write, the output has {shape:?}", y.len());
    let flipped = options.flip.then(|| kernel.clone().flipped());
    let kernel = flipped.as_ref().unwrap_or(kernel);
    let plan = Plan::new(x.shape(), kernel, options);
    let factors = kernel.factors().filter(|_| plan.k.iter().filter(|&&k| k > 1).count() > 1);
    match factors {
        None => plan.planes(Taps::Dense(kernel.weights()), x.values(), y),
        Some([column, row]) => plan.planes(Taps::Lines { column, row }, x.values(), y),
        Some([depth, column, row]) if *depth == [1.0] => plan.planes(Taps::Lines { column, row }, x.values(), y),
        Some([depth, column, row]) => plan.three_passes([depth, column, row], x.values(), y),
        Some(_) => plan.planes(Taps::Dense(kernel.weights()), x.values(), y),
    }
    Ok(())
}

/// The shape that [`convolve`] gives.
///
/// # Errors
/// As [`convolve`].
pub fn output_shape(x: &[usize], kernel: &Kernel, mode: Mode) -> Result<Vec<usize>, Error> {
    let refuse = |what: String, advice: &str| Err(Error::request("convolve", what, advice));
    let axes = kernel.shape().len();
    if x.len() != axes && x.len() != axes + 1 {
        let what = format!("an array of shape {x:?} and a kernel of shape {:?}", kernel.shape());
        return refuse(what, "give a kernel with as many axes, or one fewer where the last axis is channels");
    }
    if x.contains(&0) {
        return refuse(format!("an array of shape {x:?} is empty"), "give one that holds numbers");
    }
    let mut shape = x.to_vec();
    for (side, &k) in shape.iter_mut().zip(kernel.shape()) {
        *side = match mode {
            Mode::Same => *side,
            Mode::Full => *side + k - 1,
            Mode::Valid if k > *side => {
                let what = format!("a kernel of shape {:?} does not fit into {x:?}", kernel.shape());
                return refuse(what, "take the mode same or full, or a smaller kernel");
            }
            Mode::Valid => *side - k + 1,
        };
    }
    Ok(shape)
}

/// Sizes as depth, height, width, with 1 for axes that are not there.
#[derive(Clone, Copy)]
struct Plan {
    x: [usize; 3],
    c: usize,
    k: [usize; 3],
    /// Where the first output's window begins before the input.
    before: [usize; 3],
    out: [usize; 3],
    boundary: Boundary,
}

/// The weights of a pass over planes.
#[derive(Clone, Copy)]
enum Taps<'a> {
    /// `[KD, KH, KW]`
    Dense(&'a [f32]),
    /// `[KH]` after `[KW]`; the kernel is one plane deep.
    Lines { column: &'a [f32], row: &'a [f32] },
}

impl Plan {
    fn new(x: &[usize], kernel: &Kernel, options: ConvolveOptions) -> Self {
        let axes = kernel.shape().len();
        let raise = |sides: &[usize]| {
            let mut three = [1; 3];
            three[3 - axes..].copy_from_slice(&sides[..axes]);
            three
        };
        let (k, x3) = (raise(kernel.shape()), raise(x));
        let before = k.map(|k| match options.mode {
            Mode::Valid => 0,
            Mode::Full => k - 1,
            // A mirrored kernel keeps its weight k / 2 upon the output.
            Mode::Same if options.flip => k - 1 - k / 2,
            Mode::Same => k / 2,
        });
        let out = std::array::from_fn(|i| match options.mode {
            Mode::Valid => x3[i] - k[i] + 1,
            Mode::Same => x3[i],
            Mode::Full => x3[i] + k[i] - 1,
        });
        let c = x.get(axes).copied().unwrap_or(1);
        Self { x: x3, c, k, before, out, boundary: options.boundary }
    }

    /// Along rows and columns of every plane, then from plane to plane.
    fn three_passes(&self, [depth, column, row]: [&[f32]; 3], x: &[f32], y: &mut [f32]) {
        let mut flat = *self;
        (flat.k[0], flat.before[0], flat.out[0]) = (1, 0, self.x[0]);
        let plane = self.out[1] * self.out[2] * self.c;
        let mut filtered = buffer(self.x[0] * plane);
        flat.planes(Taps::Lines { column, row }, x, &mut filtered);
        let filtered = &filtered[..];
        y.par_chunks_mut(plane).enumerate().for_each(|(d, y)| {
            let under = depth.iter().enumerate().filter_map(|(a, &weight)| {
                let at = self.boundary.source((d + a) as isize - self.before[0] as isize, self.x[0])?;
                Some((&filtered[at * plane..][..plane], weight))
            });
            let (planes, weights): (Vec<&[f32]>, Vec<f32>) = under.unzip();
            y.par_chunks_mut(STRETCH).enumerate().for_each(|(i, y)| {
                let sources: Vec<&[f32]> = planes.iter().map(|plane| &plane[i * STRETCH..][..y.len()]).collect();
                weighted_sum(&sources, &weights, y);
            });
        });
    }

    /// A plane of the output at a time, in strips.
    fn planes(&self, taps: Taps, x: &[f32], y: &mut [f32]) {
        let line = self.out[2] * self.c;
        // A strip filters `KH - 1` lines more than it has: an eighth at most, but for strips that would leave the cache.
        let rows = (8 * self.k[1]).clamp(32, 256);
        y.par_chunks_mut(self.out[1] * line).enumerate().for_each(|(d, plane)| {
            plane.par_chunks_mut(rows * line).enumerate().for_each(|(i, y)| {
                Strip::new(self, taps, x, d).run(i * rows, y);
            });
        });
    }
}

/// Some rows of one plane of the output.
struct Strip<'a> {
    plan: &'a Plan,
    taps: Taps<'a>,
    x: &'a [f32],
    /// The plane.
    d: usize,
    /// `[KD, KH + ROWS - 1]` lines; the line of row r stands at `r % (KH + ROWS - 1)`.
    ring: Vec<f32>,
    ring_line: usize,
    /// A line with what stands beside it, before it is filtered along itself.
    padded: Vec<f32>,
}

impl<'a> Strip<'a> {
    fn new(plan: &'a Plan, taps: Taps<'a>, x: &'a [f32], d: usize) -> Self {
        let padded = (plan.out[2] + plan.k[2] - 1) * plan.c;
        let (ring_line, padded) = match taps {
            Taps::Dense(_) => (padded, 0),
            Taps::Lines { .. } => (plan.out[2] * plan.c, padded),
        };
        let ring = vec![0.0; plan.k[0] * (plan.k[1] + ROWS - 1) * ring_line];
        Self { plan, taps, x, d, ring, ring_line, padded: vec![0.0; padded] }
    }

    /// Writes the rows from `first` on.
    fn run(&mut self, first: usize, y: &mut [f32]) {
        let Plan { k: [kd, kh, kw], c, out, .. } = *self.plan;
        let (weights, kw) = match self.taps {
            Taps::Dense(weights) => (weights, kw),
            Taps::Lines { column, .. } => (column, 1),
        };
        let (shape, lines) = (FilterShape { kd, kh, kw, channels: c }, kh + ROWS - 1);
        (first..first + kh - 1).for_each(|row| self.fill(row));
        let line = out[2] * c;
        for (i, y) in y.chunks_mut(ROWS * line).enumerate() {
            let (row, rows) = (first + i * ROWS, y.len() / line);
            (row + kh - 1..row + kh - 1 + rows).for_each(|row| self.fill(row));
            let at = |plane: usize, b: usize| (plane * lines + (row + b) % lines) * self.ring_line;
            let each = kh + rows - 1;
            let sources: Vec<&[f32]> =
                (0..kd * each).map(|i| &self.ring[at(i / each, i % each)..][..self.ring_line]).collect();
            correlate_rows(shape, weights, &sources, rows, y);
        }
    }

    /// Brings the lines of one row, counted from the first that any output needs, into the ring.
    fn fill(&mut self, row: usize) {
        let Plan { x: [depth, h, w], c, k: [kd, kh, kw], before, boundary, out } = *self.plan;
        for plane in 0..kd {
            let to =
                &mut self.ring[(plane * (kh + ROWS - 1) + row % (kh + ROWS - 1)) * self.ring_line..][..self.ring_line];
            let z = boundary.source((self.d + plane) as isize - before[0] as isize, depth);
            let y = boundary.source(row as isize - before[1] as isize, h);
            let (Some(z), Some(y)) = (z, y) else {
                to.fill(0.0);
                continue;
            };
            let line = &self.x[(z * h + y) * w * c..][..w * c];
            match self.taps {
                Taps::Dense(_) => boundary.pad(line, c, before[2], to),
                Taps::Lines { row, .. } => {
                    boundary.pad(line, c, before[2], &mut self.padded);
                    let sources: Vec<&[f32]> = (0..kw).map(|t| &self.padded[t * c..][..out[2] * c]).collect();
                    weighted_sum(&sources, row, to);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
