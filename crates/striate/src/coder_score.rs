//! How much of pictures comes back from their codes.

use striate_data::crops::{Scaled, scaled};
use striate_data::dataset::Dataset;
use striate_data::loader::LoadError;
use striate_data::preprocess::Preprocess;
use striate_train::coder_manifest::CoderManifest;
use striate_train::metrics::psnr::psnr;

use crate::coder::CoderModel;
use crate::error::Error;

/// What an autoencoder sees of a picture, and the ratio at which that comes back.
pub(crate) struct Came {
    /// The picture's number in the data set.
    pub index: usize,
    /// `[C, H, W]` in `[0, 1]`.
    pub unit: Vec<f32>,
    /// The same after code and back.
    pub back: Vec<f32>,
}

impl Came {
    /// Peak signal-to-noise ratio, in dB.
    pub fn psnr(&self) -> f64 {
        psnr(&self.back, &self.unit)
    }
}

/// What an autoencoder sees of a picture, each `[C, H, W]` in `[0, 1]`: the whole at its size, or all squares of its size side by
/// side from the first corner.
pub(crate) fn units(manifest: &CoderManifest, dataset: &Dataset, index: usize) -> Result<Vec<Vec<f32>>, Error> {
    let decoded = dataset.picture(index);
    let decoded = decoded.map_err(|source| LoadError { index, name: dataset.name(index), source })?;
    let Preprocess { colour, size, filter, .. } = manifest.preprocess;
    Ok(match manifest.crops {
        None => vec![manifest.preprocess.to_unit(&decoded.picture)],
        Some(scale) => squares(&scaled(&decoded.picture, colour, scale, filter), size),
    })
}

/// The squares of a picture, those that fit wholly in.
pub(crate) fn squares(picture: &Scaled, [height, width]: [usize; 2]) -> Vec<Vec<f32>> {
    let Scaled { shape: [_, h, w], values } = picture;
    let places = (0..h / height).flat_map(|y| (0..w / width).map(move |x| (y * height, x * width)));
    let cut = |(top, left): (usize, usize)| {
        let rows = values.chunks_exact(h * w).flat_map(|plane| plane.chunks_exact(*w).skip(top).take(height));
        rows.flat_map(|row| &row[left..left + width]).copied().collect()
    };
    places.map(cut).collect()
}

/// Sends what it sees of a picture through the code.
pub(crate) fn came(model: &CoderModel, dataset: &Dataset, index: usize) -> Result<Vec<Came>, Error> {
    let units = units(&model.manifest, dataset, index)?;
    units.into_iter().map(|unit| Ok(Came { index, back: model.reconstruct(&prepared(model, &unit))?, unit })).collect()
}

/// A picture in `[0, 1]` as the autoencoder takes it.
pub(crate) fn prepared(model: &CoderModel, unit: &[f32]) -> Vec<f32> {
    let mut prepared = unit.to_vec();
    model.manifest.preprocess.normalise(&mut prepared);
    prepared
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squares_lie_side_by_side() {
        let picture = Scaled { shape: [2, 3, 5], values: (0..30).map(|i| i as f32).collect() };
        assert_eq!(
            squares(&picture, [2, 2]),
            [[0., 1., 5., 6., 15., 16., 20., 21.], [2., 3., 7., 8., 17., 18., 22., 23.]]
        );
        assert!(squares(&picture, [4, 1]).is_empty());
    }
}
