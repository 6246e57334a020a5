//! Pictures of a data set in memory, to cut crops from.

use striate_data::crops::{Crops, CropsSpec};
use striate_data::dataset::Dataset;
use striate_data::preprocess::Colour;
use striate_kernels::rng::Key;
use striate_train::recipe::{CropsPart, Recipe};

use crate::error::Error;
use crate::event::{Event, Observer};
use crate::train::Job;

/// Bytes of pictures that are held at once.
const HELD_BYTES: usize = 1 << 30;

/// Training pictures in memory; an error where none is large enough, a warning where some are left out.
pub(crate) fn crops(job: &Job, part: &CropsPart, colour: Colour, pictures: &[usize]) -> Result<Crops, Error> {
    let crops = Source::of(job).crops(part, colour, pictures)?;
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

/// Where pictures come from, and how they are read.
pub(crate) struct Source<'a> {
    pub dataset: &'a Dataset,
    pub recipe: &'a Recipe,
    pub observer: Observer<'a>,
}

impl<'a> Source<'a> {
    /// Those of a training.
    pub fn of(job: &'a Job) -> Self {
        Self { dataset: &job.prepared.dataset, recipe: &job.recipe, observer: job.observer }
    }

    /// Some pictures in memory.
    pub fn crops(&self, part: &CropsPart, colour: Colour, pictures: &[usize]) -> Result<Crops, Error> {
        (self.observer)(Event::Stage(format!("reading {} pictures", pictures.len())));
        let total = pictures.len() as u64;
        let progress = |done: usize| {
            (self.observer)(Event::pictures(done as u64, total));
        };
        let spec = CropsSpec {
            dataset: self.dataset,
            order: pictures,
            colour,
            scale: part.scale,
            longest: part.longest,
            filter: self.recipe.input.filter,
            size: [part.size; 2],
            max_bytes: HELD_BYTES,
            key: Key::new(self.recipe.train.seed).with_name("held"),
            workers: rayon::current_num_threads(),
        };
        Ok(Crops::load(&spec, &progress)?)
    }
}
