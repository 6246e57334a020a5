//! The task `reconstruct`: pictures through the code of an autoencoder and back, or pictures of codes.

use std::path::PathBuf;

use striate_data::crops::{Scaled, scaled};
use striate_data::dataset::{Dataset, OpenOptions};
use striate_data::preprocess::Preprocess;
use striate_train::metrics::psnr::psnr;

use crate::coder::CoderModel;
use crate::coder_score::prepared;
use crate::error::Error;
use crate::event::{Event, Observer};
use crate::filter::read_npy;
use crate::picture_file::{Planes, cut, is_png, place, write_png};
use crate::report::{Fault, ReconstructReport, ReconstructedFile};

/// What to send through the code, or which codes to draw.
#[derive(Clone, Debug)]
pub struct ReconstructOptions {
    /// A model file or run folder.
    pub model: PathBuf,
    /// A picture, or a folder of pictures.
    pub data: Option<String>,
    /// Codes, `[N, K]`, as `.npy`, in place of pictures.
    pub from: Option<PathBuf>,
    /// A folder to write to, or a `.png` for one picture.
    pub out: PathBuf,
    /// Whether to replace what is there; else pictures whose answer is there are passed by.
    pub overwrite: bool,
}

/// Pictures that are decoded at a time.
const BATCH: usize = 16;

/// Writes a picture for each one, or for each code.
pub fn reconstruct(options: &ReconstructOptions, observer: Observer) -> Result<ReconstructReport, Error> {
    let model = CoderModel::open(&options.model)?;
    match (&options.data, &options.from) {
        (Some(data), None) => of_pictures(&model, data, options, observer),
        (None, Some(from)) => of_codes(&model, from, options, observer),
        _ => {
            Err(Error::request("give pictures, or codes with --from, and not both", "see `striate reconstruct --help`"))
        }
    }
}

fn of_pictures(
    model: &CoderModel,
    data: &str,
    options: &ReconstructOptions,
    observer: Observer,
) -> Result<ReconstructReport, Error> {
    let dataset = Dataset::open(data, &OpenOptions { unlabelled: true, ..OpenOptions::default() })?;
    if dataset.is_empty() {
        return Err(Error::request(format!("{data}: no picture is there"), "give a picture or a folder of some"));
    }
    check_out(options, dataset.len())?;
    let total = dataset.len();
    observer(Event::Stage(format!("reconstructing {total} pictures")));
    let mut report = ReconstructReport { pictures: Vec::new(), known: 0, faults: Vec::new() };
    for index in 0..total {
        let (file, out) = (dataset.name(index), place(&options.out, &dataset.name(index)));
        if out.exists() && !options.overwrite {
            report.known += 1;
        } else {
            match dataset.picture(index) {
                Ok(decoded) => {
                    let seen = seen(model, &decoded.picture);
                    let back = through(model, &seen)?;
                    let ratio = psnr(&back.values, &seen.values);
                    write_png(&out, &Planes { shape: back.shape, values: back.values, bits: 8 })?;
                    let out = out.display().to_string();
                    report.pictures.push(ReconstructedFile { file, out, psnr: Some(ratio) });
                }
                Err(why) => report.faults.push(Fault { file, error: why.to_string() }),
            }
        }
        observer(Event::Progress {
            done: index as u64 + 1,
            total: total as u64,
            unit: "pictures",
            note: String::new(),
        });
    }
    if report.pictures.is_empty() && report.known == 0 {
        let first = &report.faults[0];
        return Err(Error::request(
            format!("no picture could be read: {}: {}", first.file, first.error),
            "give others",
        ));
    }
    Ok(report)
}

/// What the autoencoder is asked to keep of a picture: the whole at its size, or all of it at the scale of its crops.
fn seen(model: &CoderModel, picture: &striate_data::picture::Picture) -> Scaled {
    let Preprocess { colour, size: [h, w], filter, .. } = model.manifest.preprocess;
    match model.manifest.crops {
        None => Scaled {
            shape: [model.manifest.preprocess.channels(), h, w],
            values: model.manifest.preprocess.to_unit(picture),
        },
        Some(scale) => scaled(picture, colour, scale, filter),
    }
}

/// Squares of the autoencoder's size side by side, the last ones filled up with mirrored pixels.
fn through(model: &CoderModel, seen: &Scaled) -> Result<Scaled, Error> {
    let Scaled { shape: [_, h, w], values } = seen;
    let (h, w) = (*h, *w);
    let [height, width] = model.manifest.preprocess.size;
    let mut back = vec![0.0; values.len()];
    for top in (0..h).step_by(height) {
        for left in (0..w).step_by(width) {
            let unit = cut(values, [h, w], [top, left], [top + height, left + width]);
            let square = model.reconstruct(&prepared(model, &unit))?;
            let (rows, columns) = (height.min(h - top), width.min(w - left));
            for (plane, square) in back.chunks_exact_mut(h * w).zip(square.chunks_exact(height * width)) {
                for y in 0..rows {
                    plane[(top + y) * w + left..][..columns].copy_from_slice(&square[y * width..][..columns]);
                }
            }
        }
    }
    Ok(Scaled { shape: seen.shape, values: back })
}

fn of_codes(
    model: &CoderModel,
    from: &std::path::Path,
    options: &ReconstructOptions,
    observer: Observer,
) -> Result<ReconstructReport, Error> {
    let codes = read_npy(from)?;
    let k = model.manifest.coder.code;
    let n = match *codes.shape() {
        [n, columns] if columns == k => n,
        ref shape => {
            let why =
                format!("it holds an array of {shape:?}, and this autoencoder's codes have {k} numbers; give [N, {k}]");
            return Err(Error::File { path: from.to_path_buf(), why });
        }
    };
    if !codes.values().iter().all(|v| v.is_finite()) {
        return Err(Error::File { path: from.to_path_buf(), why: "it holds values that are no numbers".into() });
    }
    check_out(options, n)?;
    observer(Event::Stage(format!("drawing {n} codes")));
    let CoderModel { manifest, .. } = model;
    let shape = [manifest.preprocess.channels(), manifest.preprocess.size[0], manifest.preprocess.size[1]];
    let mut report = ReconstructReport { pictures: Vec::new(), known: 0, faults: Vec::new() };
    for (part, rows) in codes.values().chunks(BATCH * k).enumerate() {
        let pictures = model.decode(rows)?;
        for (i, values) in pictures.chunks_exact(manifest.coder.values()).enumerate() {
            let number = part * BATCH + i;
            let out = place(&options.out, &format!("{number:06}.png"));
            if out.exists() && !options.overwrite {
                report.known += 1;
                continue;
            }
            write_png(&out, &Planes { shape, values: values.to_vec(), bits: 8 })?;
            let (file, out) = (format!("{} row {number}", from.display()), out.display().to_string());
            report.pictures.push(ReconstructedFile { file, out, psnr: None });
        }
        let done = ((part + 1) * BATCH).min(n) as u64;
        observer(Event::Progress { done, total: n as u64, unit: "codes", note: String::new() });
    }
    Ok(report)
}

/// One PNG holds one picture.
fn check_out(options: &ReconstructOptions, n: usize) -> Result<(), Error> {
    let out = &options.out;
    match is_png(out) {
        true if n != 1 => Err(Error::request(
            format!("{} is one file, and there are {n} pictures", out.display()),
            "give a folder as --out",
        )),
        true if out.exists() && !options.overwrite => Err(Error::Exists(out.clone())),
        _ => Ok(()),
    }
}
