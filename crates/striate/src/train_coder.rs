//! `train --recipe pca` and `--recipe autoencoder`: codes of pictures, labelled or not, by principal components or a trained net,
//! saved as one autoencoder and drawn in a report.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use striate_data::crops::Crops;
use striate_data::loader::{Batch, LoaderSpec};
use striate_data::preprocess::Preprocess;
use striate_nn::coders::CoderConfig;
use striate_nn::weights::{NamedTensors, named_tensors};
use striate_train::coder_manifest::{CoderManifest, TASK};
use striate_train::components;
use striate_train::fit::{Epoch, Task};
use striate_train::manifest::FORMAT;
use striate_train::metrics::psnr::psnr;
use striate_train::reconstruct::{ReconstructSpec, Source};

use crate::code_sheet::{self, Sampled};
use crate::coder::CoderModel;
use crate::coder_score::{Came, came, units};
use crate::error::Error;
use crate::event::Event;
use crate::finish_pictures::{Learned, Made, finish_pictures};
use crate::held_crops::{self, crops};
use crate::parts::{Parts, parts};
use crate::probe::{self, ProbeReport};
use crate::report::{CodeReport, TrainReport};
use crate::train::Job;
use crate::training::train_in_run;
use crate::{finish, input};

/// Numbers of a code where the recipe does not say.
const CODE: usize = 64;
/// Side at most, in pixels, of pictures whose size the recipe does not say.
const LARGEST: usize = 64;
/// Held-out pictures, or crops of such, that a training is watched by.
const WATCHED: usize = 128;
/// Training pictures that the mean picture and the code's deviations are taken from.
const SAMPLED: usize = 1024;

/// Codes are probed where two classes have so many pictures, of at most so many in all, against at most so many components.
const PROBED: (usize, usize, usize) = (5, 600, 256);

/// Fits or trains, scores on held-out pictures, saves the model and the report.
pub(crate) fn train_coder(job: &Job) -> Result<TrainReport, Error> {
    let (prepared, recipe) = (&job.prepared, &job.recipe);
    prepared.warnings.iter().for_each(|warning| (job.observer)(Event::Warning(warning.clone())));
    let solved = recipe.model.name == "pca";
    let parts = parts(job, if solved { 0.0 } else { recipe.train.valid_fraction })?;
    let mut preprocess = input::of_recipe(&recipe.input, prepared, LARGEST);
    if let Some(part) = &recipe.crops {
        preprocess.size = [part.size; 2];
    }
    let config = config(job, &preprocess, &parts)?;
    let held = match &recipe.crops {
        Some(part) => Some(crops(job, part, preprocess.colour, &parts.train)?),
        None => None,
    };
    let source = source(job, &preprocess, &parts.train, held.as_ref());
    let mut manifest = CoderManifest {
        format: FORMAT,
        task: TASK.into(),
        coder: config,
        preprocess: preprocess.clone(),
        crops: recipe.crops.as_ref().map(|part| part.scale),
        provenance: finish::provenance(job, held.as_ref().map_or(parts.train.len(), Crops::pictures)),
        metrics: BTreeMap::new(),
    };
    let watched = if solved { Vec::new() } else { watched(job, &manifest, &parts.valid)? };
    let coder = manifest.coder.clone();
    let spec = ReconstructSpec {
        recipe,
        coder: &coder,
        source,
        preprocess: &preprocess,
        valid: &watched,
        device: &job.device,
    };
    let (tensors, ratios, history) = if solved {
        (job.observer)(Event::Stage(format!("{} components of {} pictures", coder.code, spec.items())));
        let pca = components::fit(&spec, &mut |done, total| (job.observer)(Event::pictures(done, total)))?;
        (components::tensors(&pca), pca.explained_variance_ratio(), Vec::new())
    } else {
        (job.observer)(Event::Stage(format!("training {} on {} pictures", coder.name, parts.train.len())));
        let (net, history) = train_in_run(job.bench().context, &coder.name, &spec)?;
        (named_tensors(&net), Vec::new(), history)
    };
    if !ratios.is_empty() {
        manifest.coder.code = ratios.len();
    }
    let mut model = CoderModel::new(&job.run.path("model.safetensors"), manifest, &tensors)?;
    let sampled = Sampled::new(&model, &sample(&spec)?)?;
    // Copies of training pictures come back better than others would.
    let scored = prepared.leaks.is_empty() || job.asked.allow_leaks;
    let came = scores(job, &model, if scored { &parts.held } else { &[] })?;
    let mut report = CodeReport {
        length: model.manifest.coder.code,
        values: model.manifest.coder.values(),
        explained_variance_ratio: ratios,
        psnr: mean(came.iter().map(Came::psnr)),
        psnr_of_mean: mean(came.iter().map(|came| psnr(&came.unit, &sampled.picture))),
        n: came.len(),
        of_crops: recipe.crops.is_some(),
        probe: None,
    };
    save(job, &mut model, tensors, &report)?;
    report.probe = probe(job, &report)?;

    let sheet = code_sheet::draw(job, &model, &sampled, came)?;
    let learned = Learned { pictures: parts.train.len(), judged_by: parts.words, history: &history };
    let verdict = verdict(&report, &parts);
    finish_pictures(job, &learned, verdict, Made::Code(report, sheet))
}

/// The autoencoder that the recipe names; what cannot be built is refused before any work.
fn config(job: &Job, preprocess: &Preprocess, parts: &Parts) -> Result<CoderConfig, Error> {
    let model = &job.recipe.model;
    let mut config = CoderConfig {
        hidden: model.hidden.clone(),
        decoder_hidden: model.decoder_hidden.clone(),
        tied: model.tied,
        width: model.width,
        ..CoderConfig::new(&model.name, preprocess.channels(), preprocess.size, model.code.unwrap_or(CODE))
    };
    if model.name == "pca" {
        let wanted = config.code;
        let n = job.recipe.crops.as_ref().map_or(parts.train.len(), |part| part.per_epoch);
        config.code = wanted.min(config.values()).min(n.saturating_sub(1).max(1));
        if config.code < wanted {
            let (k, d) = (config.code, config.values());
            let why = format!("{n} pictures of {d} values have no more; {wanted} were asked for");
            (job.observer)(Event::Warning(format!("a code of {k} numbers: {why}")));
        }
    }
    let layers = !config.hidden.is_empty() || config.decoder_hidden.is_some();
    if model.from_components && (model.name != "dense_autoencoder" || layers) {
        let what = "model.from_components is for a dense_autoencoder without hidden layers";
        return Err(Error::request(what, "leave it out of the recipe"));
    }
    config.init_zeros(&job.device)?;
    Ok(config)
}

/// Whole pictures, or squares of those that are held.
fn source<'a>(job: &'a Job, preprocess: &'a Preprocess, train: &'a [usize], held: Option<&'a Crops>) -> Source<'a> {
    match (held, &job.recipe.crops) {
        (Some(crops), Some(part)) => Source::Crops(crops, part.per_epoch),
        _ => Source::Whole(LoaderSpec {
            dataset: &job.prepared.dataset,
            order: train,
            preprocess,
            augment: None,
            cache: None,
            batch: job.recipe.train.batch,
            workers: rayon::current_num_threads(),
        }),
    }
}

/// Prepared pictures to watch a training by.
fn watched(job: &Job, manifest: &CoderManifest, valid: &[usize]) -> Result<Vec<f32>, Error> {
    let mut watched = Vec::new();
    if let Some(part) = &job.recipe.crops {
        let crops = held_crops::Source::of(job).crops(part, manifest.preprocess.colour, valid)?;
        let key = striate_kernels::rng::Key::new(job.recipe.train.seed).with_name("watched");
        for i in 0..if crops.pictures() > 0 { WATCHED as u64 } else { 0 } {
            let mut unit = crops.cut(crops.place(key.with(i)));
            manifest.preprocess.normalise(&mut unit);
            watched.extend(unit);
        }
        return Ok(watched);
    }
    for &index in valid.iter().take(WATCHED) {
        for mut unit in units(manifest, &job.prepared.dataset, index)? {
            manifest.preprocess.normalise(&mut unit);
            watched.extend(unit);
        }
    }
    Ok(watched)
}

/// Some prepared training pictures, one after another.
fn sample(spec: &ReconstructSpec) -> Result<Vec<f32>, Error> {
    let key = striate_kernels::rng::Key::new(spec.recipe.train.seed).with_name("sample");
    let n = spec.items().min(SAMPLED);
    let batch = n.min(16);
    let mut pixels = Vec::new();
    spec.for_each_batch::<Error>(Epoch { key, batch, from: 0, end: n / batch }, |batch: Batch| {
        pixels.extend(batch.pixels);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(pixels)
}

/// What comes back of each held-out picture, or of its squares.
fn scores(job: &Job, model: &CoderModel, held: &[usize]) -> Result<Vec<Came>, Error> {
    (job.observer)(Event::Stage(format!("testing on {} pictures", held.len())));
    let mut all = Vec::new();
    for (done, &index) in held.iter().enumerate() {
        all.extend(came(model, &job.prepared.dataset, index)?);
        let (done, total) = (done as u64 + 1, held.len() as u64);
        (job.observer)(Event::pictures(done, total));
    }
    Ok(all)
}

/// What the saved model's codes tell of the classes, beside as many principal components, raw pixels and pretrained features.
fn probe(job: &Job, report: &CodeReport) -> Result<Option<ProbeReport>, Error> {
    let prepared = &job.prepared;
    let labelled = prepared.train.len();
    if prepared.counts().iter().filter(|&&n| n >= PROBED.0).count() < 2 || labelled > PROBED.1 {
        return Ok(None);
    }
    let model = job.run.path("model.safetensors").display().to_string();
    let components = format!("pca:{}", report.length.min(PROBED.2));
    let with = [model.as_str(), &components, "pixels", "efficientnet_lite0"];
    let mut kinds = with.iter().map(|with| probe::kind(prepared, with, job.observer)).collect::<Result<Vec<_>, _>>()?;
    kinds[0].with = "this code".into();
    Ok(Some(probe::report(prepared, &kinds, job.recipe.train.seed, job.observer)?))
}

fn save(job: &Job, model: &mut CoderModel, tensors: NamedTensors, report: &CodeReport) -> Result<(), Error> {
    let solved = !report.explained_variance_ratio.is_empty();
    let figures = [("test.psnr", report.psnr), ("train.explained_variance_ratio", solved.then(|| kept(report)))];
    model.manifest.metrics = figures.into_iter().filter_map(|(name, v)| Some((name.to_string(), v?))).collect();
    Ok(job.run.write("model.safetensors", &finish::file_of(&model.manifest, tensors))?)
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> Option<f64> {
    let n = values.len();
    (n > 0).then(|| values.sum::<f64>() / n as f64)
}

/// Share of the variance that all components together keep.
fn kept(report: &CodeReport) -> f64 {
    report.explained_variance_ratio.iter().map(|&v| f64::from(v)).sum()
}

fn verdict(report: &CodeReport, parts: &Parts) -> Vec<String> {
    let CodeReport { length, values, psnr, psnr_of_mean, n, .. } = report;
    let of = if report.of_crops { " crops side by side" } else { "" };
    let pictures = parts.train.len();
    let solved = !report.explained_variance_ratio.is_empty();
    let mut sentences = vec![match solved {
        true => format!(
            "{length} numbers in place of {values} keep {:.1} % of what tells the {pictures} training pictures apart.",
            100.0 * kept(report)
        ),
        false => format!("{length} numbers in place of {values}, learned from {pictures} pictures."),
    }];
    if let (Some(psnr), Some(blank)) = (psnr, psnr_of_mean) {
        sentences.push(format!(
            "Pictures that it has not seen come back at {psnr:.1} dB (mean of {n}{of}, PSNR over all values in [0, 1]); the mean picture alone gives {blank:.1} dB."
        ));
    }
    if solved {
        sentences
            .push("No linear autoencoder with a code of this length restores its training pictures better.".into());
    }
    sentences
}
