//! What a filter of a first layer looks for: edges or bars of one orientation, blobs, opponent colours, or nothing of the kind; and how its
//! response turns with the angle of a grating, as Hubel and Wiesel measured cells (1962 <https://doi.org/10.1113/jphysiol.1962.sp006837>).
//!
//! A filter is parted into one colour and one pattern, the product of which is nearest to it. The pattern counts as oriented when a
//! Gabor function (Daugman 1985 <https://doi.org/10.1364/JOSAA.2.001160>) of any place, angle, wavelength, width and phase explains
//! more of it than one explains of 99 of 100 patterns of random numbers of its size; and at least [`LEAST`]. As a blob, when a round
//! Gaussian or a difference of two does, by the same rule. What answers to all angles much alike is not oriented.

use std::f64::consts::{PI, TAU};

use striate_kernels::rng::Key;
use striate_kernels::symmetric::largest_eigenpairs;

/// Share of a pattern that must be explained at least, whatever random patterns give.
pub const LEAST: f64 = 0.6;
/// Random patterns that the bars are set by.
const RANDOM: usize = 400;
/// Share of random patterns that may pass.
const PASS: f64 = 0.01;
/// How much the answer must turn with the angle, as [`FilterKind::selectivity`].
const SELECTIVE: f64 = 0.2;
/// Share of a colour that must be opponent.
const OPPONENT: f64 = 0.5;
/// Angles of a tuning curve, over half a turn.
pub const ANGLES: usize = 36;
/// Angles of the Gabor functions.
const TURNS: usize = 24;

/// What a filter looks for.
#[derive(Clone, Debug, PartialEq)]
pub struct FilterKind {
    /// Weight of each channel of the input, length 1, the greatest above 0.
    pub colour: Vec<f32>,
    /// Share of the filter that one colour and one pattern make up.
    pub separable: f64,
    /// Share of the colour that is no brightness: 0 where all channels weigh alike.
    pub opponent: f64,
    /// Share of the pattern that a Gabor function explains at best.
    pub gabor: f64,
    /// Share of the pattern that a round blob explains at best.
    pub blob: f64,
    /// Angle of the edges or bars that it answers most, in degrees from 0 (horizontal) to 180, anticlockwise.
    pub angle: f64,
    /// Wavelength of the grating that it answers most, in pixels.
    pub wavelength: f64,
    /// Response to gratings of that wavelength at [`ANGLES`] angles of their bars from 0 to 180 degrees, the greatest 1.
    pub tuning: Vec<f32>,
    /// How much that turns: `|sum r e^(2 i angle)| / sum r`, 0 where all angles are answered alike, 1 where one alone is. Ringach,
    /// Shapley, Hawken 2002 <https://doi.org/10.1523/JNEUROSCI.22-13-05639.2002> have 1 less it.
    pub selectivity: f64,
    /// Whether a Gabor function explains it, and it answers to some angles much more than to others.
    pub is_oriented: bool,
    /// Whether a blob explains it, and it is not oriented.
    pub is_blob: bool,
    /// Whether channels pull against each other.
    pub is_opponent: bool,
}

/// Tells the kinds of square filters of one size.
#[derive(Clone, Debug)]
pub struct FilterKinds {
    side: usize,
    /// Pairs of orthonormal patterns: the two phases of a Gabor function.
    gabors: Vec<[Vec<f64>; 2]>,
    /// Patterns of length 1.
    blobs: Vec<Vec<f64>>,
    /// What of random patterns is explained, but for the 99th of 100: by Gabor functions, by blobs.
    bars: [f64; 2],
}

impl FilterKinds {
    /// For filters of `side` x `side` taps.
    ///
    /// # Panics
    /// If `side` is below 2.
    pub fn new(side: usize) -> Self {
        assert!(side >= 2, "FilterKinds: a filter of {side} taps a side has no shape");
        let mut kinds = Self { side, gabors: gabors(side), blobs: blobs(side), bars: [LEAST; 2] };
        let key = Key::new(0).with_name("filter kinds");
        let random = |n: u64| {
            let mut stream = key.with(n).stream();
            unit((0..side * side).map(|_| stream.normal()).collect())
        };
        let mut explained: [Vec<f64>; 2] = [Vec::new(), Vec::new()];
        for pattern in (0..RANDOM as u64).map(random) {
            explained[0].push(kinds.gabor(&pattern));
            explained[1].push(kinds.blob(&pattern));
        }
        kinds.bars = explained.map(|mut all| {
            all.sort_by(f64::total_cmp);
            all[((1.0 - PASS) * RANDOM as f64) as usize].max(LEAST)
        });
        kinds
    }

    /// What of a pattern must be explained to be oriented, and to be a blob.
    pub fn bars(&self) -> [f64; 2] {
        self.bars
    }

    /// What `filter`, `[C, side, side]`, looks for; `None` where it is all zeros or holds no numbers.
    ///
    /// # Panics
    /// If `filter` is not of that shape.
    pub fn tell(&self, filter: &[f32]) -> Option<FilterKind> {
        let taps = self.side * self.side;
        assert!(!filter.is_empty() && filter.len().is_multiple_of(taps), "FilterKinds: {} numbers", filter.len());
        let (colour, pattern, separable) = parted(filter, taps)?;
        let gray = colour.iter().sum::<f64>().powi(2) / colour.len() as f64;
        let opponent = 1.0 - gray;
        let (gabor, blob) = (self.gabor(&pattern), self.blob(&pattern));
        // Gratings have no mean, and what a filter answers to plain light is no matter of angles.
        let mean = pattern.iter().sum::<f64>() / taps as f64;
        let varying: Vec<f64> = pattern.iter().map(|v| v - mean).collect();
        let (angle, wavelength) = self.preferred(&varying);
        let turned = |i: usize| i as f64 * PI / ANGLES as f64;
        let tuning: Vec<f64> = (0..ANGLES).map(|i| self.response(&varying, turned(i), wavelength)).collect();
        let along = |f: fn(f64) -> f64| tuning.iter().enumerate().map(|(i, r)| r * f(2.0 * turned(i))).sum::<f64>();
        let sum = tuning.iter().sum::<f64>().max(f64::MIN_POSITIVE);
        let selectivity = libm::hypot(along(libm::cos), along(libm::sin)) / sum;
        let oriented = gabor > self.bars[0] && selectivity > SELECTIVE;
        let most = tuning.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
        let pulls = colour.iter().any(|&v| v < 0.0);
        Some(FilterKind {
            separable,
            opponent,
            gabor,
            blob,
            angle: angle * 180.0 / PI,
            wavelength,
            tuning: tuning.iter().map(|v| (v / most) as f32).collect(),
            selectivity,
            is_oriented: oriented,
            is_blob: blob > self.bars[1] && !oriented,
            is_opponent: pulls && opponent > OPPONENT,
            colour: colour.iter().map(|&v| v as f32).collect(),
        })
    }

    fn gabor(&self, pattern: &[f64]) -> f64 {
        let share = |[a, b]: &[Vec<f64>; 2]| dot(a, pattern).powi(2) + dot(b, pattern).powi(2);
        self.gabors.iter().map(share).fold(0.0, f64::max)
    }

    fn blob(&self, pattern: &[f64]) -> f64 {
        self.blobs.iter().map(|blob| dot(blob, pattern).powi(2)).fold(0.0, f64::max)
    }

    /// Greatest answer to a grating whose bars have that angle, over its phases.
    fn response(&self, pattern: &[f64], angle: f64, wavelength: f64) -> f64 {
        let (mut even, mut odd) = (0.0, 0.0);
        for (i, v) in pattern.iter().enumerate() {
            let phase = TAU * across(i, self.side, [0.0; 2], angle).0 / wavelength;
            even += v * libm::cos(phase);
            odd += v * libm::sin(phase);
        }
        libm::hypot(even, odd)
    }

    /// Angle and wavelength of the grating that is answered most.
    fn preferred(&self, pattern: &[f64]) -> (f64, f64) {
        let mut best = (0.0, 0.0, self.side as f64);
        for wavelength in wavelengths(self.side) {
            for turn in 0..2 * ANGLES {
                let angle = turn as f64 * PI / (2 * ANGLES) as f64;
                let response = self.response(pattern, angle, wavelength);
                if response > best.0 {
                    best = (response, angle, wavelength);
                }
            }
        }
        (best.1, best.2)
    }
}

/// Colour and pattern of length 1 whose product is nearest to the filter, and the share that it makes up: the first singular pair.
fn parted(filter: &[f32], taps: usize) -> Option<(Vec<f64>, Vec<f64>, f64)> {
    let channels = filter.len() / taps;
    let row = |c: usize| filter[c * taps..][..taps].iter().map(|&v| f64::from(v));
    let total: f64 = filter.iter().map(|&v| f64::from(v).powi(2)).sum();
    if !(total > 0.0 && total.is_finite()) {
        return None;
    }
    let gram = |(a, b): (usize, usize)| row(a).zip(row(b)).map(|(x, y)| x * y).sum::<f64>();
    let gram: Vec<f64> = (0..channels * channels).map(|i| gram((i / channels, i % channels))).collect();
    let (values, mut colour) = largest_eigenpairs(&gram, channels, 1)?;
    let greatest = colour.iter().copied().max_by(|a, b| a.abs().total_cmp(&b.abs()))?;
    colour.iter_mut().for_each(|v| *v *= greatest.signum());
    let pattern = (0..taps).map(|i| (0..channels).map(|c| colour[c] * f64::from(filter[c * taps + i])).sum());
    Some((colour.clone(), unit(pattern.collect()), values[0] / total))
}

/// Distance of tap `i` across the bars of a grating at `angle` through `centre`, and along them; rows go down, angles anticlockwise.
fn across(i: usize, side: usize, centre: [f64; 2], angle: f64) -> (f64, f64) {
    let middle = (side - 1) as f64 / 2.0;
    let (y, x) = (middle + centre[0] - (i / side) as f64, (i % side) as f64 - middle - centre[1]);
    (y * libm::cos(angle) - x * libm::sin(angle), x * libm::cos(angle) + y * libm::sin(angle))
}

/// From two pixels to twice the filter's side.
fn wavelengths(side: usize) -> impl Iterator<Item = f64> {
    (0..).map(|i| 2.0 * libm::pow(1.3, f64::from(i))).take_while(move |&w| w <= 2.0 * side as f64)
}

/// Both phases of Gabor functions, orthonormal.
fn gabors(side: usize) -> Vec<[Vec<f64>; 2]> {
    let step = side as f64 / 8.0;
    let centres = [[0.0, 0.0], [-step, 0.0], [step, 0.0], [0.0, -step], [0.0, step]];
    let mut all = Vec::new();
    for wavelength in wavelengths(side) {
        for width in [0.15, 0.22, 0.32, 0.45].map(|w| w * side as f64) {
            for longer in [1.0, 1.7] {
                for turn in 0..TURNS {
                    let angle = turn as f64 * PI / TURNS as f64;
                    for centre in centres {
                        let wave = |f: fn(f64) -> f64| -> Vec<f64> {
                            let value = |i: usize| {
                                let (u, v) = across(i, side, centre, angle);
                                let envelope = libm::exp(-(u * u + (v / longer).powi(2)) / (2.0 * width * width));
                                envelope * f(TAU * u / wavelength)
                            };
                            (0..side * side).map(value).collect()
                        };
                        let even = unit(wave(libm::cos));
                        let odd = wave(libm::sin);
                        let along = dot(&odd, &even);
                        let odd = unit(odd.iter().zip(&even).map(|(o, e)| o - along * e).collect());
                        all.push([even, odd]);
                    }
                }
            }
        }
    }
    all
}

/// Gaussians of some widths and places, and differences to one of twice the width with the same sum.
fn blobs(side: usize) -> Vec<Vec<f64>> {
    let step = side as f64 / 8.0;
    let mut all = Vec::new();
    for width in [0.1, 0.15, 0.22, 0.32, 0.5].map(|w| w * side as f64) {
        for place in 0..25 {
            let centre = [(place / 5) as f64 - 2.0, (place % 5) as f64 - 2.0].map(|v| v * step);
            let gaussian = |width: f64| -> Vec<f64> {
                let value = |i: usize| {
                    let (u, v) = across(i, side, centre, 0.0);
                    libm::exp(-(u * u + v * v) / (2.0 * width * width))
                };
                (0..side * side).map(value).collect()
            };
            let (narrow, wide) = (gaussian(width), gaussian(2.0 * width));
            let ratio = narrow.iter().sum::<f64>() / wide.iter().sum::<f64>();
            all.push(unit(narrow.iter().zip(&wide).map(|(a, b)| a - ratio * b).collect()));
            all.push(unit(narrow));
        }
    }
    all
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// Length 1, or all zeros where nothing is left.
fn unit(mut values: Vec<f64>) -> Vec<f64> {
    let length = dot(&values, &values).sqrt();
    let scale = if length > 1e-9 { 1.0 / length } else { 0.0 };
    values.iter_mut().for_each(|v| *v *= scale);
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use striate_kernels::rng::Stream;

    /// A Gabor function drawn at random with a tenth of its energy in noise, times a colour; and its angle in degrees. Widths are those of
    /// 1 to 1.7 octaves, as simple cells have them: narrower ones have one lobe, and are blobs.
    fn planted(side: usize, channels: usize, stream: &mut Stream) -> (Vec<f32>, f64) {
        let mut between = |low: f64, high: f64| low + (high - low) * f64::from(stream.uniform());
        let (angle, wavelength) = (between(0.0, PI), between(2.5, 0.8 * side as f64));
        let (width, longer, phase) = (between(0.35, 0.56) * wavelength, between(1.0, 1.8), between(0.0, TAU));
        let centre = [0, 1].map(|_| between(-0.1, 0.1) * side as f64);
        let colour: Vec<f64> = (0..channels).map(|_| between(0.3, 1.0)).collect();
        let value = |i: usize| {
            let (u, v) = across(i, side, centre, angle);
            libm::exp(-(u * u + (v / longer).powi(2)) / (2.0 * width * width)) * libm::cos(TAU * u / wavelength + phase)
        };
        let pattern = unit((0..side * side).map(value).collect());
        let noise = (0.1 / pattern.len() as f64).sqrt();
        let filter = colour.iter().flat_map(|c| pattern.iter().map(move |p| c * p));
        let filter: Vec<f32> = filter.map(|v| v as f32).collect();
        (filter.iter().map(|v| v + (noise * stream.normal()) as f32).collect(), angle * 180.0 / PI)
    }

    #[test]
    fn planted_gabors_are_found_and_random_filters_are_not() {
        // In five taps a side fewer can be told: their window holds little more than one wave.
        for (side, channels, least) in [(5, 1, 170), (7, 3, 190), (11, 3, 190)] {
            let kinds = FilterKinds::new(side);
            let mut stream = Key::new(7).stream();
            let (mut found, mut angles) = (0, 0);
            for _ in 0..200 {
                let (filter, angle) = planted(side, channels, &mut stream);
                let kind = kinds.tell(&filter).expect("numbers");
                found += usize::from(kind.is_oriented);
                let off = (kind.angle - angle).rem_euclid(180.0);
                angles += usize::from(off.min(180.0 - off) < 15.0);
            }
            let random = |_| {
                let filter: Vec<f32> = (0..channels * side * side).map(|_| stream.normal() as f32).collect();
                usize::from(kinds.tell(&filter).expect("numbers").is_oriented)
            };
            let passed: usize = (0..200).map(random).sum();
            assert!(
                found >= least && passed <= 10,
                "{side}: {found} found, {passed} random passed, bars {:?}",
                kinds.bars()
            );
            assert!(angles >= 180, "{side}: {angles} of 200 angles");
        }
    }

    #[test]
    fn blobs_and_colours_are_told() {
        let kinds = FilterKinds::new(7);
        let round: Vec<f32> = (0..49)
            .map(|i| libm::exp(-(((i / 7) as f64 - 3.0).powi(2) + ((i % 7) as f64 - 3.0).powi(2)) / 4.0) as f32)
            .collect();
        let kind = kinds.tell(&round).expect("numbers");
        assert!(kind.is_blob && !kind.is_oriented && !kind.is_opponent && kind.opponent < 1e-9);
        let opponent: Vec<f32> = [1.0, -1.0, 0.1].iter().flat_map(|c| round.iter().map(move |v| c * v)).collect();
        let kind = kinds.tell(&opponent).expect("numbers");
        assert!(kind.is_opponent && kind.is_blob && kind.separable > 0.999, "{kind:?}");
        assert!(kinds.tell(&[0.0; 49]).is_none() && kinds.tell(&[f32::NAN; 49]).is_none());
    }

    #[test]
    fn a_bar_is_answered_at_its_angle() {
        // A dark and a bright row: horizontal bars.
        let filter: Vec<f32> = (0..25).map(|i| [0.0, -1.0, 1.0, 0.0, 0.0][i / 5]).collect();
        let kind = FilterKinds::new(5).tell(&filter).expect("numbers");
        assert!(kind.is_oriented && (kind.angle < 5.0 || kind.angle > 175.0), "{kind:?}");
        assert_eq!(kind.tuning[0], 1.0);
        assert!(kind.tuning[ANGLES / 2] < 0.2);
    }
}
