//! The task `restore`: pictures of any size without the damage that a net has learned to undo.

use std::path::{Path, PathBuf};

use striate_data::dataset::{Dataset, OpenOptions};
use striate_data::decode::{self, Limits};
use striate_train::damage::{Damage, Damaged};

use crate::coder::CoderModel;
use crate::error::Error;
use crate::event::{Event, Observer};
use crate::model_file::{Weights, weights};
use crate::picture_file::{Planes, is_png, place, planes, write_png};
use crate::projection::fill;
use crate::report::{Fault, RestoreFilesReport, RestoredFile};
use crate::restore_score::repair;
use crate::restorer::RestorerModel;

/// What to restore, with what.
#[derive(Clone, Debug)]
pub struct RestoreOptions {
    /// A model file or run folder.
    pub model: PathBuf,
    /// A picture, or a folder of pictures.
    pub data: String,
    /// A folder to write to, or a `.png` for one picture.
    pub out: PathBuf,
    /// Deviation of the noise, of values in `0..=255`, where the net is told; the middle of what it learned where not given.
    pub sigma: Option<f64>,
    /// A picture that is white where pixels are gone, or a folder of such pictures under the same names.
    pub mask: Option<PathBuf>,
    /// Whether to replace what is there; else pictures whose answer is there are passed by.
    pub overwrite: bool,
}

/// Restores every picture.
pub fn restore(options: &RestoreOptions, observer: Observer) -> Result<RestoreFilesReport, Error> {
    let model = Way::open(options)?;
    let sigma = told_sigma(&model, options)?;
    let dataset = Dataset::open(&options.data, &OpenOptions { unlabelled: true, ..OpenOptions::default() })?;
    if dataset.is_empty() {
        return Err(Error::request(
            format!("{}: no picture is there", options.data),
            "give a picture or a folder of some",
        ));
    }
    if dataset.len() > 1 && is_png(&options.out) {
        let what =
            format!("{} is one file, and {} holds {} pictures", options.out.display(), options.data, dataset.len());
        return Err(Error::request(what, "give a folder as --out"));
    }
    if dataset.len() == 1 && is_png(&options.out) && options.out.exists() && !options.overwrite {
        return Err(Error::Exists(options.out.clone()));
    }
    let mut report = RestoreFilesReport { restored: Vec::new(), known: 0, faults: Vec::new() };
    for index in 0..dataset.len() {
        let (file, out) = (dataset.name(index), place(&options.out, &dataset.name(index)));
        observer(Event::Stage(format!("restoring {file} ({} of {})", index + 1, dataset.len())));
        if out.exists() && !options.overwrite {
            report.known += 1;
            continue;
        }
        let decoded = match dataset.picture(index) {
            Ok(decoded) => decoded,
            Err(why) => {
                report.faults.push(Fault { file, error: why.to_string() });
                continue;
            }
        };
        let mut whole = planes(&decoded.picture);
        drop(decoded);
        let map = map(&model, options, &dataset, index, (&whole, sigma))?;
        restore_planes(&model, &mut whole, map, observer).map_err(|error| named(&file, error))?;
        write_png(&out, &whole)?;
        report.restored.push(RestoredFile { file, out: out.display().to_string() });
    }
    if report.restored.is_empty() && report.known == 0 {
        let first = &report.faults[0];
        return Err(Error::request(
            format!("no picture could be read: {}: {}", first.file, first.error),
            "give others",
        ));
    }
    Ok(report)
}

/// What undoes the damage.
enum Way {
    /// A net that was trained for it.
    Net(Box<RestorerModel>),
    /// An autoencoder of clean pictures, which fills in what is gone.
    Projection(Box<CoderModel>),
}

impl Way {
    fn open(options: &RestoreOptions) -> Result<Self, Error> {
        match (weights(&options.model)?, &options.mask) {
            (Weights::Coder(manifest, tensors), Some(_)) => {
                let model = CoderModel::new(&options.model, *manifest, &tensors)?;
                Ok(Self::Projection(Box::new(model)))
            }
            _ => Ok(Self::Net(Box::new(RestorerModel::open(&options.model)?))),
        }
    }

    fn channels(&self) -> usize {
        match self {
            Self::Net(model) => model.manifest.restorer.in_channels,
            Self::Projection(model) => model.manifest.coder.in_channels,
        }
    }

    /// What the net learned to undo.
    fn damage(&self) -> Option<&Damage> {
        match self {
            Self::Net(model) => Some(&model.manifest.damage),
            Self::Projection(_) => None,
        }
    }

    fn fills(&self) -> bool {
        self.damage().is_none_or(Damage::is_holes)
    }

    /// An autoencoder of whole pictures knows no parts of larger ones.
    fn check_size(&self, [_, h, w]: [usize; 3]) -> Result<(), Error> {
        let Self::Projection(model) = self else { return Ok(()) };
        let [height, width] = model.manifest.preprocess.size;
        if model.manifest.crops.is_some() || [h, w] == [height, width] {
            return Ok(());
        }
        let what =
            format!("the picture has {w}x{h} pixels, and this autoencoder learned whole pictures of {width}x{height}");
        Err(Error::request(what, "give pictures of that size, or an autoencoder of crops"))
    }

    fn undo(&self, damaged: &Damaged, shape: [usize; 3], progress: &dyn Fn(u64, u64)) -> Result<Vec<f32>, Error> {
        match self {
            Self::Net(model) => repair(model, damaged, shape, progress),
            Self::Projection(model) => fill(model, &damaged.values, &damaged.map, shape, progress),
        }
    }
}

/// The same error, with the picture that it is about.
fn named(file: &str, error: Error) -> Error {
    match error {
        Error::Request { what, advice } => Error::Request { what: format!("{file}: {what}"), advice },
        other => other,
    }
}

/// A whole picture, in its place. A net for gray restores each channel of a coloured one by itself.
fn restore_planes(model: &Way, whole: &mut Planes, map: Vec<f32>, observer: Observer) -> Result<(), Error> {
    let [c, h, w] = whole.shape;
    let own = model.channels();
    model.check_size(whole.shape)?;
    if c < own {
        let what = format!("the picture is gray, and this net restores pictures of {own} channels");
        return Err(Error::request(what, "give a coloured picture, or train with input.colour = \"gray\""));
    }
    let parts = (c / own) as u64;
    let mut damaged = Damaged { values: Vec::new(), map };
    for (part, channels) in whole.values.chunks_exact_mut(own * h * w).enumerate() {
        damaged.values.clear();
        damaged.values.extend_from_slice(channels);
        let progress = |done: u64, total: u64| {
            let (done, total) = (part as u64 * total + done, parts * total);
            observer(Event::Progress { done, total, unit: "parts", note: String::new() });
        };
        channels.copy_from_slice(&model.undo(&damaged, [own, h, w], &progress)?);
    }
    Ok(())
}

/// The deviation that the net is told, in `[0, 1]`; nothing where it is told none.
fn told_sigma(model: &Way, options: &RestoreOptions) -> Result<Option<f32>, Error> {
    let Some(&Damage::Gaussian { sigma: [low, high], told: true }) = model.damage() else {
        return match options.sigma {
            None => Ok(None),
            Some(_) => Err(Error::request("--sigma: this net is not told how much noise there is", "leave it out")),
        };
    };
    Ok(Some((options.sigma.unwrap_or(0.5 * (low + high)) / 255.0) as f32))
}

/// What is told beside the picture.
fn map(
    model: &Way,
    options: &RestoreOptions,
    dataset: &Dataset,
    index: usize,
    (whole, sigma): (&Planes, Option<f32>),
) -> Result<Vec<f32>, Error> {
    let [_, h, w] = whole.shape;
    match (&options.mask, model.fills()) {
        (Some(mask), true) => read_mask(&mask_of(mask, &dataset.name(index))?, [h, w]),
        (None, true) => {
            let advice = "give --mask: a picture of the same size, white where pixels are gone";
            Err(Error::request("this net fills in pixels that are gone, and must be told which", advice))
        }
        (Some(_), false) => {
            Err(Error::request("--mask: this net takes away noise, and fills in nothing", "leave it out"))
        }
        (None, false) => Ok(sigma.map_or(Vec::new(), |sigma| vec![sigma; h * w])),
    }
}

/// The mask for the picture `name`: the file itself, or the file of that name in the folder, whatever its ending.
fn mask_of(mask: &Path, name: &str) -> Result<PathBuf, Error> {
    if !mask.is_dir() {
        return Ok(mask.to_path_buf());
    }
    let endings = ["png", "jpg", "jpeg", "tif", "tiff", "bmp", "webp", "gif"];
    let found = endings.iter().map(|end| mask.join(name).with_extension(end)).find(|path| path.exists());
    found.ok_or_else(|| {
        let what = format!("{} holds no mask for {name}", mask.display());
        Error::request(what, "give it a picture of the same name, white where pixels are gone")
    })
}

/// 1 where the mask is brighter than the middle, and 0 elsewhere.
fn read_mask(path: &Path, [h, w]: [usize; 2]) -> Result<Vec<f32>, Error> {
    let wrong = |why: String| Error::File { path: path.to_path_buf(), why };
    let mask = planes(&decode::read(path, &Limits::default()).map_err(|why| wrong(why.to_string()))?.picture);
    let [_, mask_h, mask_w] = mask.shape;
    if [mask_h, mask_w] != [h, w] {
        return Err(wrong(format!(
            "the mask has {mask_w}x{mask_h} pixels and its picture {w}x{h}; give one of the same size"
        )));
    }
    let bright = |at: usize| mask.values.iter().skip(at).step_by(h * w).any(|&v| v > 0.5);
    Ok((0..h * w).map(|at| f32::from(u8::from(bright(at)))).collect())
}
