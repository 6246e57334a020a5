//! Batches in model units: pictures are decoded, preprocessed and augmented on worker threads and come in order.
//!
//! A window of two batches is all that waits in memory. A batch is the same, bit for bit, for any number of workers: every
//! picture is made alone, and what augmentation draws depends on its key and the picture's number only.

use std::ops::ControlFlow;

use striate_kernels::rng::Key;

use crate::augment::Augment;
use crate::dataset::Dataset;
use crate::decode::PictureError;
use crate::ordered::{Spread, in_order};
use crate::preprocess::Preprocess;
use crate::unit_cache::UnitCache;

/// Pictures ready for a net.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// `[N, C, H, W]`, normalised.
    pub pixels: Vec<f32>,
    /// N, C, H, W; the last batch may have a smaller N.
    pub shape: [usize; 4],
    /// Which pictures of the data set.
    pub indices: Vec<usize>,
}

/// Which pictures to load, and how.
#[derive(Clone, Copy)]
pub struct LoaderSpec<'a> {
    /// Where the pictures are.
    pub dataset: &'a Dataset,
    /// Which pictures, in which order.
    pub order: &'a [usize],
    /// From stored values to model units.
    pub preprocess: &'a Preprocess,
    /// What to change at random, under a key of seed and epoch; the loader adds the picture's number.
    pub augment: Option<(&'a Augment, Key)>,
    /// Keeps decoded and resized pictures between epochs; made for the same `preprocess`.
    pub cache: Option<&'a UnitCache>,
    /// Pictures in a batch.
    pub batch: usize,
    /// Threads; at least one is used.
    pub workers: usize,
}

/// A picture that could not be read while loading.
#[derive(Debug, thiserror::Error)]
#[error("{name}: {source}")]
pub struct LoadError {
    /// Its number in the data set.
    pub index: usize,
    /// Its name.
    pub name: String,
    /// Why.
    pub source: PictureError,
}

/// Calls `f` with each batch in order, until the pictures end, `f` breaks or something fails.
///
/// # Panics
/// If `batch` is 0 or `order` names a picture that is not there.
pub fn for_each_batch<E: From<LoadError>>(
    spec: &LoaderSpec,
    mut f: impl FnMut(Batch) -> Result<ControlFlow<()>, E>,
) -> Result<(), E> {
    assert!(spec.batch > 0, "for_each_batch: batch must be at least 1");
    let channels = spec.preprocess.channels();
    let [height, width] = spec.preprocess.size;
    let length = channels * height * width;
    let spread = Spread { count: spec.order.len(), workers: spec.workers, window: 2 * spec.batch.max(spec.workers) };
    let mut pixels: Vec<f32> = Vec::new();
    let mut taken = 0;
    let load = |i: usize| load(spec, spec.order[i]);
    in_order(spread, load, |picture: Result<Vec<f32>, LoadError>| {
        let picture = picture?;
        assert_eq!(picture.len(), length, "for_each_batch: values of a picture of {channels}x{height}x{width}");
        if pixels.is_empty() {
            pixels.reserve_exact(length * spec.batch.min(spec.order.len() - taken));
        }
        pixels.extend_from_slice(&picture);
        taken += 1;
        let n = pixels.len() / length;
        if n < spec.batch && taken < spec.order.len() {
            return Ok(ControlFlow::Continue(()));
        }
        let indices = spec.order[taken - n..taken].to_vec();
        f(Batch { pixels: std::mem::take(&mut pixels), shape: [n, channels, height, width], indices })
    })
}

/// One picture, `[C, H, W]`, normalised.
fn load(spec: &LoaderSpec, index: usize) -> Result<Vec<f32>, LoadError> {
    let fresh = || -> Result<Vec<f32>, LoadError> {
        let decoded = spec.dataset.picture(index);
        let decoded = decoded.map_err(|source| LoadError { index, name: spec.dataset.name(index), source })?;
        Ok(spec.preprocess.to_unit(&decoded.picture))
    };
    let mut unit = match spec.cache {
        Some(cache) => cache.get_or_make(spec.preprocess, index, fresh)?,
        None => fresh()?,
    };
    if let Some((augment, key)) = spec.augment {
        let [height, width] = spec.preprocess.size;
        augment.apply(&mut unit, [spec.preprocess.channels(), height, width], key.with(index as u64));
    }
    spec.preprocess.normalise(&mut unit);
    Ok(unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::OpenOptions;

    fn digits() -> (Dataset, Preprocess) {
        let dataset = Dataset::open("@digits", &OpenOptions::default()).expect("embedded");
        (dataset, Preprocess { size: [8, 8], ..Preprocess::gray() })
    }

    fn batches(spec: &LoaderSpec) -> Vec<Batch> {
        let mut all = Vec::new();
        for_each_batch::<LoadError>(spec, |batch| {
            all.push(batch);
            Ok(ControlFlow::Continue(()))
        })
        .expect("all readable");
        all
    }

    #[test]
    fn the_same_bits_for_any_number_of_workers_with_and_without_a_cache() {
        let (dataset, preprocess) = digits();
        let order: Vec<usize> = (0..101).map(|i| i * 17 % 1797).collect();
        let augment = Augment { shift: 0.2, ..Augment::default() };
        let augment = Some((&augment, Key::new(5).with(1)));
        let (dataset, preprocess, order) = (&dataset, &preprocess, &order[..]);
        let spec = LoaderSpec { dataset, order, preprocess, augment, cache: None, batch: 16, workers: 1 };
        let one = batches(&spec);
        assert_eq!((one.len(), one[0].shape, one[6].shape), (7, [16, 1, 8, 8], [5, 1, 8, 8]));
        assert_eq!(one.iter().flat_map(|batch| batch.indices.clone()).collect::<Vec<_>>(), order);
        assert_eq!(batches(&LoaderSpec { workers: 5, ..spec }), one);
        let cache = UnitCache::new(preprocess, dataset.len(), 5_000); // not all of them fit
        for _ in 0..2 {
            assert_eq!(batches(&LoaderSpec { cache: Some(&cache), workers: 3, ..spec }), one);
        }
        assert_ne!(batches(&LoaderSpec { augment: None, ..spec })[0].pixels, one[0].pixels);
    }

    #[test]
    fn a_damaged_picture_is_an_error_with_its_name() {
        let dir = tempfile::tempdir().expect("temporary folder");
        std::fs::write(dir.path().join("bad.png"), b"\x89PNG\r\n\x1a\nno more").expect("file");
        let dataset = Dataset::open(dir.path().to_str().expect("Unicode"), &OpenOptions::default()).expect("opens");
        let preprocess = Preprocess::gray();
        let (dataset, preprocess, order) = (&dataset, &preprocess, &[0][..]);
        let spec = LoaderSpec { dataset, order, preprocess, augment: None, cache: None, batch: 4, workers: 2 };
        let error = for_each_batch::<LoadError>(&spec, |_| Ok(ControlFlow::Continue(()))).expect_err("damaged");
        assert!(error.to_string().starts_with("bad.png: "), "{error}");
    }

    #[test]
    fn a_break_ends_it() {
        let (dataset, preprocess) = digits();
        let order: Vec<usize> = (0..1797).collect();
        let (dataset, preprocess, order, mut seen) = (&dataset, &preprocess, &order[..], 0);
        let spec = LoaderSpec { dataset, order, preprocess, augment: None, cache: None, batch: 10, workers: 2 };
        for_each_batch::<LoadError>(&spec, |_| {
            seen += 1;
            Ok(if seen == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })
        .expect("no error");
        assert_eq!(seen, 3);
    }
}
