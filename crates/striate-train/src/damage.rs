//! What a picture suffers, so that a net can learn to undo it, and so that it can be measured how well it does.
//!
//! Each value is a function of the key and of its number: a pixel can be given the same noise again and again.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use striate_data::through_jpeg::{Loss, through_jpeg};
use striate_kernels::rng::Key;
use striate_vision::diffusion::diffuse;

/// What is done to a clean picture. Ranges are drawn from, evenly, once a picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Damage {
    /// Normal noise, added; neither rounded nor clipped.
    Gaussian {
        /// Least and greatest deviation, of values in `0..=255`.
        sigma: [f64; 2],
        /// Whether the net is told the deviation, in a plane beside the picture.
        #[serde(default = "yes")]
        told: bool,
    },
    /// Whatever the pictures suffered already: the net learns from noisy pictures alone, to tell a pixel by those beside it, which
    /// share no noise with it. Huang, Li, Jia, Lu, Liu 2021 <https://arxiv.org/abs/2101.02824>, without their second term.
    Blind {
        /// Deviation of normal noise that is added to clean pictures first, of values in `0..=255`, so that it can be measured
        /// how well this works; 0 for pictures that are noisy.
        #[serde(default)]
        added: f64,
    },
    /// Counts of photons in place of brightness.
    Poisson {
        /// Least and greatest number of photons of white.
        photons: [f64; 2],
    },
    /// Values that became 0 or 1.
    SaltAndPepper {
        /// Least and greatest share of them.
        share: [f64; 2],
    },
    /// What JPEG leaves of a picture: values of 8 bits, with the edges of its squares and what it adds around those of the picture.
    Jpeg {
        /// Least and greatest quality, from 1 to 100.
        quality: [u8; 2],
    },
    /// Squares that are gone; where they are is known.
    Holes {
        /// Share of the picture's squares that are gone.
        share: f64,
        /// Side of a square, in pixels.
        side: usize,
        /// Whether half of the pictures have strokes in place of squares, as drawn by hand.
        #[serde(default)]
        strokes: bool,
    },
}

fn yes() -> bool {
    true
}

/// A damage that cannot be done.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error("damage: `{field}` is {got}, must be {want}")]
pub struct DamageError {
    field: &'static str,
    got: String,
    want: &'static str,
}

/// A picture that suffered.
#[derive(Clone, Debug, PartialEq)]
pub struct Damaged {
    /// `[C, H, W]`.
    pub values: Vec<f32>,
    /// `[H, W]`, what is told beside the picture: the noise's deviation where values are in `[0, 1]`, or 1 where a pixel is
    /// gone and 0 elsewhere; empty where nothing is told.
    pub map: Vec<f32>,
}

impl Damage {
    /// Checks values that were read from a file.
    pub fn check(&self) -> Result<(), DamageError> {
        let range = |field, [low, high]: [f64; 2], most: f64, want| {
            let fits = 0.0 < low && low <= high && high <= most;
            if fits { Ok(()) } else { Err(DamageError { field, got: format!("[{low}, {high}]"), want }) }
        };
        match *self {
            Self::Gaussian { sigma: [low, high], .. } => {
                let want = "[least, greatest], from 0 to 255, the greatest above 0";
                let fits = (0.0..=255.0).contains(&low) && low <= high && high > 0.0 && high <= 255.0;
                if fits { Ok(()) } else { Err(DamageError { field: "sigma", got: format!("[{low}, {high}]"), want }) }
            }
            Self::Blind { added } => {
                let fits = (0.0..=255.0).contains(&added);
                if fits {
                    Ok(())
                } else {
                    Err(DamageError { field: "added", got: added.to_string(), want: "0 to 255" })
                }
            }
            Self::Poisson { photons } => range("photons", photons, 1e9, "[least, greatest], above 0 and up to 1e9"),
            Self::SaltAndPepper { share } => range("share", share, 1.0, "[least, greatest], above 0 and up to 1"),
            Self::Jpeg { quality: [low, high] } => {
                let fits = (1..=100).contains(&low) && low <= high && high <= 100;
                let want = "[least, greatest], from 1 to 100";
                if fits { Ok(()) } else { Err(DamageError { field: "quality", got: format!("[{low}, {high}]"), want }) }
            }
            Self::Holes { share, side, .. } => {
                range("share", [share; 2], 0.9, "above 0 and up to 0.9")?;
                let want = "1 to 256 pixels";
                let fits = (1..=256).contains(&side);
                if fits { Ok(()) } else { Err(DamageError { field: "side", got: side.to_string(), want }) }
            }
        }
    }

    /// Planes beside the picture.
    pub fn maps(&self) -> usize {
        usize::from(self.usual_map().is_some())
    }

    /// What the plane beside the picture holds on average, where one is told; where pixels can be gone, none is.
    pub fn usual_map(&self) -> Option<f32> {
        match *self {
            Self::Gaussian { sigma: [low, high], told: true } => Some(((low + high) / 2.0 / 255.0) as f32),
            Self::Holes { .. } => Some(0.0),
            _ => None,
        }
    }

    /// Whether clean pictures are at hand: what it does to them can be undone, and it can be said how well.
    pub fn is_known(&self) -> bool {
        !matches!(self, Self::Blind { added: 0.0 })
    }

    /// Whether pixels are gone that the rest of the picture must tell.
    pub fn is_holes(&self) -> bool {
        matches!(self, Self::Holes { .. })
    }

    /// The picture `clean`, `[C, H, W]` in `[0, 1]`, after it.
    ///
    /// # Panics
    /// If `clean` is not of that shape.
    pub fn apply(&self, clean: &[f32], shape: [usize; 3], key: Key) -> Damaged {
        let [c, h, w] = shape;
        assert_eq!(clean.len(), c * h * w, "Damage::apply: values for {shape:?}");
        let mut draws = key.with_name("damage").stream();
        let mut drawn = |[low, high]: [f64; 2]| low + (high - low) * f64::from(draws.uniform());
        match *self {
            Self::Blind { added } => {
                Damaged { values: noisy(clean, added / 255.0, key, 0..clean.len() as u64), map: Vec::new() }
            }
            Self::Gaussian { sigma, told } => {
                let sigma = drawn(sigma) / 255.0;
                let numbers = 0..clean.len() as u64;
                let map = if told { vec![sigma as f32; h * w] } else { Vec::new() };
                Damaged { values: noisy(clean, sigma, key, numbers), map }
            }
            Self::Poisson { photons } => {
                let white = drawn(photons);
                let each = |(i, v): (usize, &f32)| count(f64::from(*v) * white, key.with(i as u64)) / white;
                Damaged { values: clean.iter().enumerate().map(|at| each(at) as f32).collect(), map: Vec::new() }
            }
            Self::SaltAndPepper { share } => {
                let share = drawn(share) as f32;
                let each = |(i, &v): (usize, &f32)| {
                    let mut stream = key.with(i as u64).stream();
                    if stream.uniform() >= share { v } else { (stream.uniform() < 0.5).into() }
                };
                Damaged { values: clean.iter().enumerate().map(each).collect(), map: Vec::new() }
            }
            Self::Jpeg { quality: [low, high] } => {
                let loss = Loss { quality: drawn([f64::from(low), f64::from(high)]).round() as u8, halved: c == 3 };
                Damaged { values: through_jpeg_anywhere(clean, shape, loss, key), map: Vec::new() }
            }
            Self::Holes { share, side, strokes } => {
                let drawn_by_hand = strokes && draws.uniform() < 0.5;
                let map =
                    if drawn_by_hand { stroked([h, w], share, side, key) } else { squares([h, w], share, side, key) };
                let values = clean.iter().enumerate().map(|(i, &v)| if map[i % (h * w)] > 0.0 { HOLE } else { v });
                Damaged { values: values.collect(), map }
            }
        }
    }
}

impl Damaged {
    /// What a net sees of it, `[C, H, W]`: where pixels are gone, what diffuses into them from around. The net adds what that cannot say.
    pub fn given(&self, damage: &Damage, shape: [usize; 3]) -> Cow<'_, [f32]> {
        match damage {
            Damage::Holes { .. } => diffuse(&self.values, &self.map, shape).into(),
            _ => self.values.as_slice().into(),
        }
    }
}

/// What a pixel is that is gone.
const HOLE: f32 = 0.5;

/// Values with normal noise of deviation `sigma`; value i has that of its number.
pub fn noisy(clean: &[f32], sigma: f64, key: Key, numbers: impl Iterator<Item = u64>) -> Vec<f32> {
    let each = |(v, number): (&f32, u64)| (f64::from(*v) + sigma * key.with(number).stream().normal()) as f32;
    clean.iter().zip(numbers).map(each).collect()
}

/// The picture after JPEG, whose squares begin anywhere: rows and columns are added before the first and taken away again.
fn through_jpeg_anywhere(clean: &[f32], [c, h, w]: [usize; 3], loss: Loss, key: Key) -> Vec<f32> {
    let mut stream = key.with_name("grid").stream();
    let (top, left) = (stream.below(JPEG_SQUARE), stream.below(JPEG_SQUARE));
    let (high, wide) = (h + top, w + left);
    let larger = (0..c * high * wide).map(|i| {
        let (y, x) = (i / wide % high, i % wide);
        clean[(i / (high * wide) * h + y.saturating_sub(top)) * w + x.saturating_sub(left)]
    });
    let larger: Vec<f32> = larger.collect();
    let Some(through) = through_jpeg(&larger, [c, high, wide], loss) else { return clean.to_vec() };
    let rows = through.values.chunks_exact(wide).enumerate().filter(|(i, _)| i % high >= top);
    rows.flat_map(|(_, row)| &row[left..]).copied().collect()
}

/// Side of what JPEG codes together, where colours are at half the size.
const JPEG_SQUARE: usize = 16;

/// A number of photons where `mean` are expected: counted one by one where they are few, else by the normal limit.
fn count(mean: f64, key: Key) -> f64 {
    let mut stream = key.stream();
    if mean > 50.0 {
        return (mean + libm::sqrt(mean) * stream.normal()).round().max(0.0);
    }
    // Knuth 1969: uniform numbers until their product falls below e^-mean
    let (least, mut product, mut n) = (libm::exp(-mean), 1.0, 0.0);
    loop {
        product *= f64::from(stream.uniform());
        if product <= least {
            return n;
        }
        n += 1.0;
    }
}

/// 1 in the given share of the squares of a grid that begins anywhere, and 0 elsewhere: `[H, W]`.
fn squares([h, w]: [usize; 2], share: f64, side: usize, key: Key) -> Vec<f32> {
    let mut stream = key.with_name("grid").stream();
    let (top, left) = (stream.below(side), stream.below(side));
    let gone = |y: usize, x: usize| {
        let square = key.with((y / side) as u64).with((x / side) as u64);
        f64::from(square.with_name("square").stream().uniform()) < share
    };
    (0..h * w).map(|i| f32::from(u8::from(gone(i / w + top, i % w + left)))).collect()
}

/// 1 along strokes as wide as `side` that cover at least the given share, and 0 elsewhere: `[H, W]`.
fn stroked([h, w]: [usize; 2], share: f64, side: usize, key: Key) -> Vec<f32> {
    let mut map = vec![0.0_f32; h * w];
    let mut stream = key.with_name("strokes").stream();
    let mut covered = 0;
    let reach = (side as f64 / 2.0).max(0.5);
    while (covered as f64) < share * (h * w) as f64 {
        let (mut y, mut x) = (f64::from(stream.uniform()) * h as f64, f64::from(stream.uniform()) * w as f64);
        let mut angle = std::f64::consts::TAU * f64::from(stream.uniform());
        for _ in 0..h.max(w) / 2 {
            let (from_y, to_y) = ((y - reach).max(0.0) as usize, ((y + reach) as usize + 1).min(h));
            let (from_x, to_x) = ((x - reach).max(0.0) as usize, ((x + reach) as usize + 1).min(w));
            for at in (from_y..to_y).flat_map(|y| (from_x..to_x).map(move |x| y * w + x)) {
                covered += usize::from(map[at] == 0.0);
                map[at] = 1.0;
            }
            angle += f64::from(stream.uniform() - 0.5);
            (y, x) = (y + libm::sin(angle), x + libm::cos(angle));
            if y < 0.0 || x < 0.0 || y >= h as f64 || x >= w as f64 || covered as f64 >= share * (h * w) as f64 {
                break;
            }
        }
    }
    map
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(damage: Damage, value: f32) -> Damaged {
        damage.check().expect("in range");
        damage.apply(&vec![value; 100 * 120], [1, 100, 120], Key::new(3))
    }

    fn moments(values: &[f32]) -> (f64, f64) {
        let n = values.len() as f64;
        let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
        (mean, values.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / n)
    }

    #[test]
    fn noise_has_its_mean_and_variance() {
        let damaged = of(Damage::Gaussian { sigma: [25.0; 2], told: true }, 0.4);
        let (mean, variance) = moments(&damaged.values);
        assert!((mean - 0.4).abs() < 0.003 && (variance.sqrt() * 255.0 - 25.0).abs() < 0.6, "{mean} {variance}");
        assert!(damaged.map.iter().all(|&v| v == 25.0 / 255.0));
        for white in [20.0, 1000.0] {
            let (mean, variance) = moments(&of(Damage::Poisson { photons: [white; 2] }, 0.4).values);
            assert!((mean - 0.4).abs() < 0.005 && (variance * white / 0.4 - 1.0).abs() < 0.06, "{mean} {variance}");
        }
    }

    #[test]
    fn shares_are_kept() {
        let share = |values: &[f32], is: fn(f32) -> bool| {
            values.iter().filter(|&&v| is(v)).count() as f64 / values.len() as f64
        };
        let salted = of(Damage::SaltAndPepper { share: [0.2; 2] }, 0.4).values;
        assert!((share(&salted, |v| v == 0.0) - 0.1).abs() < 0.01 && (share(&salted, |v| v == 1.0) - 0.1).abs() < 0.01);
        for (strokes, slack) in [(false, 0.1), (true, 0.06)] {
            let holes = of(Damage::Holes { share: 0.25, side: 8, strokes }, 0.4);
            assert!((share(&holes.map, |v| v == 1.0) - 0.25).abs() < slack, "{strokes}");
            assert!(holes.values.iter().zip(&holes.map).all(|(&v, &m)| v == if m == 1.0 { HOLE } else { 0.4 }));
        }
        let drawn = stroked([40, 50], 0.3, 3, Key::new(9));
        assert!((share(&drawn, |v| v == 1.0) - 0.3).abs() < 0.02);
    }

    #[test]
    fn jpeg_of_a_slope_is_near_it_and_stands_still() {
        let (h, w) = (30, 41);
        let clean: Vec<f32> = (0..h * w).map(|i| (i % w + i / w) as f32 / 80.0).collect();
        for quality in [[95, 95], [5, 20]] {
            let damage = Damage::Jpeg { quality };
            let damaged = damage.apply(&clean, [1, h, w], Key::new(3)).values;
            let error = damaged.iter().zip(&clean).map(|(a, b)| (a - b).powi(2)).sum::<f32>() / clean.len() as f32;
            assert!(error > 1e-6 && error < 2e-3, "{quality:?} {error}");
            assert_eq!(damage.apply(&clean, [1, h, w], Key::new(3)).values, damaged);
        }
    }

    #[test]
    fn what_cannot_be_done_is_told() {
        let told = |damage: Damage| damage.check().expect_err("wrong").to_string();
        assert!(told(Damage::Gaussian { sigma: [30.0, 20.0], told: true }).contains("`sigma`"));
        assert!(told(Damage::Blind { added: -1.0 }).contains("`added`"));
        assert!(told(Damage::Holes { share: 0.95, side: 8, strokes: false }).contains("`share`"));
        assert!(told(Damage::Holes { share: 0.5, side: 0, strokes: false }).contains("`side`"));
        assert!(told(Damage::Poisson { photons: [0.0, 3.0] }).contains("above 0"));
        assert!(told(Damage::Jpeg { quality: [0, 30] }).contains("`quality`"));
    }
}
