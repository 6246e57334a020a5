//! `train --recipe denoise` and its kin: a net that learns to undo what clean pictures suffer, or that never saw a clean one.

use std::collections::BTreeMap;

use striate_data::preprocess::Colour;
use striate_nn::restorers::RestorerConfig;
use striate_nn::weights::named_tensors;
use striate_train::damage::Damage;
use striate_train::manifest::FORMAT;
use striate_train::recipe::CropsPart;
use striate_train::restore::RestoreSpec;
use striate_train::restorer_manifest::{RestorerManifest, TASK};

use crate::error::Error;
use crate::event::Event;
use crate::finish_pictures::{Learned, Made, finish_pictures};
use crate::held_crops::{self, crops};
use crate::page::{RestoreSheet, Restored};
use crate::page_parts::SIDE;
use crate::parts::{Parts, parts};
use crate::report::{RestoreReport, TrainReport};
use crate::restore_score::{Trial, trial};
use crate::restorer::RestorerModel;
use crate::thumb::{encode, to_rgb};
use crate::train::Job;
use crate::training::train_in_run;
use crate::{finish, input};

/// Crops where the recipe does not say.
const CROPS: CropsPart = CropsPart { size: 64, scale: 1.0, longest: None, per_epoch: 10_000 };
/// Pictures on the page.
const SHOWN: usize = 8;

/// Trains, scores on held-out pictures, saves the model and the report.
pub(crate) fn train_restorer(job: &Job) -> Result<TrainReport, Error> {
    let recipe = &job.recipe;
    job.prepared.warnings.iter().for_each(|warning| (job.observer)(Event::Warning(warning.clone())));
    let damage = recipe.damage.clone().unwrap_or(Damage::Gaussian { sigma: [25.0; 2], told: true });
    let part = recipe.crops.clone().unwrap_or(CROPS);
    let colour = input::colour(&recipe.input, &job.prepared);
    let channels = if colour == Colour::Gray { 1 } else { 3 };
    let usual = RestorerConfig::new(&recipe.model.name, channels, damage.maps())?;
    let (width, depth) = (recipe.model.width.unwrap_or(usual.width), recipe.model.depth.unwrap_or(usual.depth));
    let config = RestorerConfig { width, depth, ..usual };
    let halved = if matches!(damage, Damage::Blind { .. }) { 2 } else { 1 };
    let multiple = halved * config.init_zeros(&job.device)?.multiple();
    if !part.size.is_multiple_of(multiple) {
        let what = format!("crops.size is {}, and {} takes multiples of {multiple}", part.size, config.name);
        return Err(Error::request(what, "change it in the recipe"));
    }
    let parts = parts(job, recipe.train.valid_fraction)?;
    let crops = crops(job, &part, colour, &parts.train)?;
    let valid = match parts.valid.is_empty() {
        true => None,
        false => {
            Some(held_crops::Source::of(job).crops(&part, colour, &parts.valid)?).filter(|crops| crops.pictures() > 0)
        }
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
    job.run.write("model.safetensors", &finish::file_of(&model.manifest, tensors))?;

    let learned = Learned { pictures: n, judged_by: parts.words, history: &history };
    let verdict = verdict(&report, &model.manifest.damage, n);
    finish_pictures(job, &learned, verdict, Made::Restorer(report, sheet))
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
        (job.observer)(Event::pictures(done, total));
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
