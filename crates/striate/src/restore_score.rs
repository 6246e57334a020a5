//! How well a restorer undoes what clean pictures suffered.

use striate_data::crops::{Scaled, scaled};
use striate_data::dataset::Dataset;
use striate_data::loader::LoadError;
use striate_data::preprocess::{Colour, Filter};
use striate_kernels::rng::Key;
use striate_train::damage::Damaged;
use striate_train::metrics::psnr::psnr;

use crate::error::Error;
use crate::restorer::RestorerModel;

/// A clean picture, what became of it, and what came back; all `[C, H, W]`.
pub(crate) struct Trial {
    /// Its number in the data set.
    pub index: usize,
    /// C, H, W.
    pub shape: [usize; 3],
    /// As it was.
    pub clean: Vec<f32>,
    /// After its damage; noise is neither clipped nor rounded.
    pub damaged: Damaged,
    /// After the net, in `[0, 1]`.
    pub restored: Vec<f32>,
}

impl Trial {
    /// Peak signal-to-noise ratio of the damaged picture, in dB.
    pub fn psnr_damaged(&self) -> f64 {
        psnr(&self.damaged.values, &self.clean)
    }

    /// Peak signal-to-noise ratio of the restored picture, in dB.
    pub fn psnr_restored(&self) -> f64 {
        psnr(&self.restored, &self.clean)
    }
}

/// A picture of the data set as the restorer's training saw pictures: its colours, made smaller as they were.
fn clean(model: &RestorerModel, dataset: &Dataset, index: usize) -> Result<Scaled, Error> {
    let decoded = dataset.picture(index);
    let decoded = decoded.map_err(|source| LoadError { index, name: dataset.name(index), source })?;
    let colour = if model.manifest.restorer.in_channels == 1 { Colour::Gray } else { Colour::Rgb };
    Ok(scaled(&decoded.picture, colour, model.manifest.scale, Filter::Bilinear))
}

/// Damages a picture under a key of the seed and the picture's number, and restores it.
pub(crate) fn trial(model: &RestorerModel, dataset: &Dataset, index: usize, seed: u64) -> Result<Trial, Error> {
    let Scaled { shape, values } = clean(model, dataset, index)?;
    let key = Key::new(seed).with_name("trial").with(index as u64);
    let damaged = model.manifest.damage.apply(&values, shape, key);
    let restored = repair(model, &damaged, shape, &|_, _| ())?;
    Ok(Trial { index, shape, clean: values, damaged, restored })
}

/// What the net makes of a damaged picture. Where pixels are gone, all others stay as they are, to the bit.
pub(crate) fn repair(
    model: &RestorerModel,
    damaged: &Damaged,
    shape: [usize; 3],
    progress: &dyn Fn(u64, u64),
) -> Result<Vec<f32>, Error> {
    let Damaged { values, map } = damaged;
    let damage = &model.manifest.damage;
    let mut restored = model.restore(&damaged.given(damage, shape), map, shape, progress)?;
    if !damage.is_holes() {
        return Ok(restored);
    }
    let plane = shape[1] * shape[2];
    for (i, v) in restored.iter_mut().enumerate() {
        if map[i % plane] == 0.0 {
            *v = values[i];
        }
    }
    Ok(restored)
}
