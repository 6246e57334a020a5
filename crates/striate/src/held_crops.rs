//! Pictures of a data set in memory, to cut crops from.

use striate_data::crops::{Crops, CropsSpec};
use striate_data::preprocess::Colour;
use striate_kernels::rng::Key;
use striate_train::recipe::CropsPart;

use crate::error::Error;
use crate::event::Event;
use crate::train::Job;

/// Bytes of pictures that are held at once.
const HELD_BYTES: usize = 1 << 30;

/// Training pictures in memory; an error where none is large enough, a warning where some are left out.
pub(crate) fn crops(job: &Job, part: &CropsPart, colour: Colour, pictures: &[usize]) -> Result<Crops, Error> {
    let crops = crops_of(job, part, colour, pictures)?;
    if crops.pictures() == 0 {
        let CropsPart { size, scale, .. } = part;
        let what = format!("no picture holds a crop of {size}x{size} pixels after its sides are multiplied by {scale}");
        return Err(Error::request(
            what,
            "give larger pictures, or a smaller crops.size or a larger crops.scale in the recipe",
        ));
    }
    let warn = |n: usize, what: &str| {
        if n > 0 {
            (job.observer)(Event::Warning(format!("{n} of {} pictures {what}", pictures.len())));
        }
    };
    warn(crops.too_small, "are smaller than a crop and are left out");
    warn(crops.in_part, "are learned from in part: all of them are more than fits into 1 GiB");
    Ok(crops)
}

/// Some pictures in memory.
pub(crate) fn crops_of(job: &Job, part: &CropsPart, colour: Colour, pictures: &[usize]) -> Result<Crops, Error> {
    (job.observer)(Event::Stage(format!("reading {} pictures", pictures.len())));
    let total = pictures.len() as u64;
    let progress = |done: usize| {
        (job.observer)(Event::Progress { done: done as u64, total, unit: "pictures", note: String::new() });
    };
    let spec = CropsSpec {
        dataset: &job.prepared.dataset,
        order: pictures,
        colour,
        scale: part.scale,
        longest: part.longest,
        filter: job.recipe.input.filter,
        size: [part.size; 2],
        max_bytes: HELD_BYTES,
        key: Key::new(job.recipe.train.seed).with_name("held"),
        workers: rayon::current_num_threads(),
    };
    Ok(Crops::load(&spec, &progress)?)
}
