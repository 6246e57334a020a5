//! Simple ways to the end of a restorer or an autoencoder. Where a way has a number to choose, the best of a few on the very
//! pictures that are scored is told: it can only flatter the way, never the net.

use std::collections::BTreeMap;

use striate_data::through_jpeg::{Loss, through_jpeg};
use striate_train::damage::Damage;
use striate_train::metrics::psnr::psnr;
use striate_vision::array::Array;
use striate_vision::boundary::Boundary;
use striate_vision::convolve::{ConvolveOptions, Mode, convolve};
use striate_vision::diffusion::diffuse;
use striate_vision::median::median;
use striate_vision::named::gaussian;
use striate_vision::non_local_means::{NonLocalMeansOptions, non_local_means};

use super::{Nearness, mean, nearness};
use crate::error::Error;
use crate::restore_score::Trial;

/// Deviations of the Gaussian blur that are tried, in pixels.
const BLURS: [f64; 6] = [0.4, 0.6, 0.8, 1.0, 1.4, 2.0];
/// Radii of the median's square that are tried, in pixels.
const RADII: [usize; 2] = [1, 2];

/// Scores of each way and each of its settings, picture by picture.
#[derive(Default)]
pub(super) struct Baselines {
    ways: BTreeMap<&'static str, BTreeMap<String, Vec<Nearness>>>,
}

impl Baselines {
    /// Means of each way at its best setting.
    pub fn means(&self) -> BTreeMap<String, Nearness> {
        let best = |settings: &BTreeMap<String, Vec<Nearness>>| {
            settings.values().map(|all| mean(all)).max_by(|a, b| a.psnr.total_cmp(&b.psnr)).unwrap_or_default()
        };
        self.ways.iter().map(|(way, settings)| ((*way).to_string(), best(settings))).collect()
    }

    /// One way's answer for one picture, at one of its settings.
    pub fn add(&mut self, way: &'static str, setting: impl ToString, score: Nearness) {
        self.ways.entry(way).or_default().entry(setting.to_string()).or_default().push(score);
    }

    /// Of what a restorer undoes.
    pub fn of_damage(&mut self, damage: &Damage, trial: &Trial) -> Result<(), Error> {
        let Trial { shape, clean, damaged, .. } = trial;
        let (shape, given) = (*shape, &damaged.values);
        if damage.is_holes() {
            self.add("mean", "", nearness(&filled_with_mean(given, &damaged.map), clean, shape));
            self.add("diffusion", "", nearness(&diffuse(given, &damaged.map, shape), clean, shape));
            return Ok(());
        }
        self.add("noisy", "", nearness(given, clean, shape));
        for sigma in BLURS {
            self.add("gaussian", sigma, nearness(&blurred(given, shape, sigma)?, clean, shape));
        }
        for radius in RADII {
            self.add("median", radius, nearness(&median(given, shape, radius), clean, shape));
        }
        if let Damage::Gaussian { sigma: [low, high], .. } = damage {
            let sigma = 0.5 * (low + high) / 255.0;
            let options = NonLocalMeansOptions::new(sigma);
            self.add("nlm", "", nearness(&non_local_means(given, shape, &options), clean, shape));
        }
        if let Damage::Blind { added } = damage {
            let options = NonLocalMeansOptions::new(added / 255.0);
            self.add("nlm", "", nearness(&non_local_means(given, shape, &options), clean, shape));
        }
        Ok(())
    }

    /// Of a code of `length` numbers: a JPEG of no fewer bytes, a byte a number.
    pub fn of_code(&mut self, unit: &[f32], shape: [usize; 3], length: usize) {
        if let Some(back) = jpeg(unit, shape, length) {
            self.add("jpeg", "", nearness(&back, unit, shape));
        }
    }
}

fn blurred(x: &[f32], shape: [usize; 3], sigma: f64) -> Result<Vec<f32>, Error> {
    let [_, h, w] = shape;
    let options = ConvolveOptions { mode: Mode::Same, boundary: Boundary::Reflect, flip: false };
    let kernel = gaussian(sigma, 4.0)?;
    let mut y = Vec::with_capacity(x.len());
    for plane in x.chunks_exact(h * w) {
        y.extend_from_slice(convolve(&Array::new(vec![h, w], plane.to_vec()), &kernel, options)?.values());
    }
    Ok(y)
}

/// What is gone gets the mean of its channel's other values.
fn filled_with_mean(given: &[f32], map: &[f32]) -> Vec<f32> {
    let mut filled = given.to_vec();
    for plane in filled.chunks_exact_mut(map.len()) {
        let known: Vec<f64> = plane.iter().zip(map).filter(|(_, m)| **m == 0.0).map(|(&v, _)| f64::from(v)).collect();
        let middle = (known.iter().sum::<f64>() / known.len().max(1) as f64) as f32;
        plane.iter_mut().zip(map).filter(|(_, m)| **m > 0.0).for_each(|(v, _)| *v = middle);
    }
    filled
}

/// What comes back of the smallest JPEG that has at least so many bytes, header and tables counted, of the largest where none
/// has; with colours whole or at half the size, whichever comes back better.
fn jpeg(unit: &[f32], shape: [usize; 3], bytes: usize) -> Option<Vec<f32>> {
    let best = |halved: bool| {
        let through = |quality: u8| through_jpeg(unit, shape, Loss { quality, halved });
        let (mut low, mut high) = (1, 100);
        while low < high {
            let middle = (low + high) / 2;
            if through(middle)?.bytes >= bytes {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        through(low)
    };
    let colours: &[bool] = if shape[0] == 3 { &[false, true] } else { &[false] };
    let ways = colours.iter().filter_map(|&halved| best(halved));
    ways.map(|way| way.values).max_by(|a, b| psnr(a, unit).total_cmp(&psnr(b, unit)))
}
