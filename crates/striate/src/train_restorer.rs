//! `train --recipe denoise` and its kin: a net that learns to undo what clean pictures suffer, or that never saw a clean one.

use std::collections::BTreeMap;

use striate_data::crops::{Crops, CropsSpec};
use striate_data::preprocess::Colour;
use striate_kernels::rng::Key;
use striate_nn::checkpoint::Checkpoint;
use striate_nn::restorers::RestorerConfig;
use striate_nn::weights::named_tensors;
use striate_train::damage::Damage;
use striate_train::fit::EpochRecord;
use striate_train::manifest::{FORMAT, KEY};
use striate_train::recipe::{CropsPart, InputColour};
use striate_train::restore::RestoreSpec;
use striate_train::restorer_manifest::{RestorerManifest, TASK};

use crate::audit::Audit;
use crate::error::Error;
use crate::event::Event;
use crate::page::{Page, RestoreSheet, Restored};
use crate::page_parts::{self, SIDE};
use crate::parts::{Parts, parts};
use crate::report::{RestoreReport, TrainReport};
use crate::restore_score::{Trial, trial};
use crate::restorer::RestorerModel;
use crate::thumb::{encode, to_rgb};
use crate::train::Job;
use crate::training::train_in_run;
use crate::{finish, html};

/// Bytes of pictures that are held at once.
pub(crate) const HELD_BYTES: usize = 1 << 30;
/// Crops where the recipe does not say.
pub(crate) const CROPS: CropsPart = CropsPart { size: 64, scale: 1.0, longest: None, per_epoch: 10_000 };
/// Pictures on the page.
const SHOWN: usize = 8;

/// Trains, scores on held-out pictures, saves the model and the report.
pub(crate) fn train_restorer(job: &Job) -> Result<TrainReport, Error> {
    let recipe = &job.recipe;
    job.prepared.warnings.iter().for_each(|warning| (job.observer)(Event::Warning(warning.clone())));
    let damage = recipe.damage.clone().unwrap_or(Damage::Gaussian { sigma: [25.0; 2], told: true });
    let part = recipe.crops.clone().unwrap_or(CROPS);
    let colour = colour(job);
    let channels = if colour == Colour::Gray { 1 } else { 3 };
    let usual = RestorerConfig::new(&recipe.model.name, channels, damage.maps())?;
    let (width, depth) = (recipe.model.width.unwrap_or(usual.width), recipe.model.depth.unwrap_or(usual.depth));
    let config = RestorerConfig { width, depth, ..usual };
    let multiple = config.init_zeros(&job.device)?.multiple();
    if !part.size.is_multiple_of(multiple) {
        let what = format!("crops.size is {}, and {} takes multiples of {multiple}", part.size, config.name);
        return Err(Error::request(what, "change it in the recipe"));
    }
    let parts = parts(job, recipe.train.valid_fraction)?;
    let crops = crops(job, &part, colour, &parts.train)?;
    let valid = match parts.valid.is_empty() {
        true => None,
        false => Some(crops_of(job, &part, colour, &parts.valid)?).filter(|crops| crops.pictures() > 0),
    };
    let spec = RestoreSpec {
        recipe,
        restorer: &config,
        damage: &damage,
        crops: &crops,
        per_epoch: part.per_epoch,
        valid: valid.as_ref(),
        device: &job.device,
    };
    let n = crops.pictures();
    (job.observer)(Event::Stage(format!("training {} on crops of {n} pictures", config.name)));
    let (net, history) = train_in_run(job.bench().context, &config.name, &spec)?;

    let manifest = RestorerManifest {
        format: FORMAT,
        task: TASK.into(),
        restorer: config,
        damage,
        scale: part.scale,
        provenance: finish::provenance(job, n),
        metrics: BTreeMap::new(),
    };
    let tensors = named_tensors(&net);
    let mut model = RestorerModel::new(&job.run.path("model.safetensors"), manifest, &tensors)?;
    let (report, sheet) = scores(job, &model, &parts)?;
    let figures = [("test.psnr", report.psnr), ("test.psnr_of_damaged", report.psnr_of_damaged)];
    model.manifest.metrics = figures.into_iter().filter_map(|(name, v)| Some((name.to_string(), v?))).collect();
    let text = serde_json::to_string(&model.manifest).expect("a manifest has a JSON form");
    let file = Checkpoint { tensors, metadata: BTreeMap::from([(KEY.to_string(), text)]) };
    job.run.write("model.safetensors", &file.to_bytes())?;

    let report = TrainReport {
        run: job.run.folder.display().to_string(),
        model: job.run.path("model.safetensors").display().to_string(),
        rungs: Vec::new(),
        skipped: Vec::new(),
        chosen: recipe.model.name.clone(),
        verdict: verdict(&report, &model.manifest.damage, n),
        selected: None,
        test: None,
        labels: None,
        code: None,
        restore: Some(report),
        leaks: job.prepared.leaks.clone(),
        audit: Audit::default(),
        seconds: job.start.elapsed().as_secs_f64(),
    };
    job.run.write("report.html", html::render(&page(job, report.clone(), &parts, n, &history, sheet)).as_bytes())?;
    Ok(report)
}

fn colour(job: &Job) -> Colour {
    let gray = match job.recipe.input.colour {
        InputColour::Auto => job.prepared.scan.gray,
        InputColour::Gray => true,
        InputColour::Rgb => false,
    };
    if gray { Colour::Gray } else { Colour::Rgb }
}

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

/// Held-out pictures, damaged and restored: what that gives on the whole, and a few to look at.
fn scores(job: &Job, model: &RestorerModel, parts: &Parts) -> Result<(RestoreReport, RestoreSheet), Error> {
    let known = model.manifest.damage.is_known() && (job.prepared.leaks.is_empty() || job.asked.allow_leaks);
    let held: &[usize] = if known { &parts.held } else { &[] };
    (job.observer)(Event::Stage(format!("testing on {} pictures", held.len())));
    let (mut before, mut after, mut shown) = (Vec::new(), Vec::new(), Vec::new());
    for (done, &index) in held.iter().enumerate() {
        let trial = trial(model, &job.prepared.dataset, index, job.recipe.train.seed)?;
        before.push(trial.psnr_damaged());
        after.push(trial.psnr_restored());
        if done % held.len().div_ceil(SHOWN) == 0 {
            shown.extend(show(job, &trial));
        }
        let (done, total) = (done as u64 + 1, held.len() as u64);
        (job.observer)(Event::Progress { done, total, unit: "pictures", note: String::new() });
    }
    let mean = |values: &[f64]| (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64);
    let report = RestoreReport { psnr: mean(&after), psnr_of_damaged: mean(&before), n: after.len() };
    Ok((report, RestoreSheet { restored: shown }))
}

/// The middle of a picture: damaged, restored, clean.
fn show(job: &Job, trial: &Trial) -> Option<Restored> {
    let [_, h, w] = trial.shape;
    let (height, width) = (h.min(2 * SIDE), w.min(2 * SIDE));
    let middle = |values: &[f32]| {
        let mut part = Vec::new();
        for plane in values.chunks_exact(h * w) {
            for row in plane.chunks_exact(w).skip((h - height) / 2).take(height) {
                part.extend_from_slice(&row[(w - width) / 2..][..width]);
            }
        }
        encode(&to_rgb(&part, [height, width]))
    };
    Some(Restored {
        file: job.prepared.dataset.name(trial.index),
        original: middle(&trial.clean)?,
        damaged: Some((middle(&trial.damaged.values)?, trial.psnr_damaged())),
        restored: middle(&trial.restored)?,
        psnr: trial.psnr_restored(),
    })
}

fn verdict(report: &RestoreReport, damage: &Damage, n: usize) -> Vec<String> {
    let learned = match damage {
        Damage::Blind { .. } => format!("A net that learned from {n} noisy pictures alone."),
        _ => format!("A net that learned from {n} clean pictures what to undo."),
    };
    let scored = match (report.psnr, report.psnr_of_damaged) {
        (Some(psnr), Some(before)) => format!(
            "Pictures that it has not seen come back at {psnr:.2} dB; damaged they were at {before:.2} dB (mean of {}, PSNR over all values in [0, 1], clipped, not rounded).",
            report.n
        ),
        _ => "How well it works was not measured: no clean picture was held out.".into(),
    };
    vec![learned, scored]
}

fn page(job: &Job, report: TrainReport, parts: &Parts, n: usize, history: &[EpochRecord], sheet: RestoreSheet) -> Page {
    let model = format!("{}, learned from {n} pictures", report.chosen);
    Page {
        title: job.prepared.dataset.name.clone(),
        judged_by: parts.words.to_string(),
        data: page_parts::data_glance(job),
        curves: vec![page_parts::curve(&report.chosen, history)],
        confusion: None,
        per_class: Vec::new(),
        calibration: None,
        augment: None,
        code: None,
        restore: Some(sheet),
        audit: Vec::new(),
        warnings: job.prepared.warnings.clone(),
        provenance: page_parts::provenance(job, model, report.seconds),
        command: job.asked.command.clone(),
        report,
    }
}
