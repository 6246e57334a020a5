//! `train --recipe pca`: principal components of pictures, labelled or not, saved as an autoencoder and drawn in a report.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use striate_data::loader::{Batch, LoaderSpec, for_each_batch};
use striate_data::preprocess::Preprocess;
use striate_nn::checkpoint::Checkpoint;
use striate_nn::coders::CoderConfig;
use striate_nn::weights::{NamedTensor, NamedTensors};
use striate_train::coder_manifest::{CoderManifest, TASK};
use striate_train::manifest::{FORMAT, KEY};
use striate_train::metrics::psnr::psnr;
use striate_vision::array::Array;
use striate_vision::pca::{Covariance, Pca, RandomisedOptions};

use crate::audit::Audit;
use crate::coder::CoderModel;
use crate::error::Error;
use crate::event::Event;
use crate::page::{CodeSheet, Page, Restored, Thumb};
use crate::page_parts::{self, SIDE};
use crate::parts::{Parts, parts};
use crate::report::{CodeReport, TrainReport};
use crate::thumb::{enlarged, to_rgb};
use crate::train::Job;
use crate::{finish, html, input};

/// Components kept where the recipe does not say.
const CODE: usize = 64;
/// Side at most, in pixels, of pictures whose size the recipe does not say.
const LARGEST: usize = 64;
/// Numbers of a picture whose covariance is held, in 128 MiB; more need the pictures themselves.
const STREAMED: usize = 4096;
/// Numbers of pictures that are held at once at most, 1 GiB.
const HELD: usize = 1 << 28;
/// Components and restored pictures on the page.
const SHOWN: (usize, usize) = (32, 12);

/// Fits, scores on held-out pictures, saves the model and the report.
pub(crate) fn train_coder(job: &Job) -> Result<TrainReport, Error> {
    let (prepared, recipe) = (&job.prepared, &job.recipe);
    prepared.warnings.iter().for_each(|warning| (job.observer)(Event::Warning(warning.clone())));
    let parts = parts(job, 0.0)?;
    let preprocess = input::of_recipe(&recipe.input, prepared, LARGEST);
    let config = CoderConfig::new(&recipe.model.name, preprocess.channels(), preprocess.size, 1);
    let wanted = recipe.model.code.unwrap_or(CODE);
    let config = CoderConfig { code: wanted.min(config.values()).min(parts.train.len() - 1), ..config };
    config.init_zeros(&job.device)?; // what cannot be built is refused before any work
    if config.code < wanted {
        let (k, n, d) = (config.code, parts.train.len(), config.values());
        let why = format!("{n} pictures of {d} values have no more; {wanted} were asked for");
        (job.observer)(Event::Warning(format!("a code of {k} numbers: {why}")));
    }
    (job.observer)(Event::Stage(format!("{} components of {} pictures", config.code, parts.train.len())));
    let pca = fit(job, &preprocess, &parts.train, &config)?;

    let manifest = CoderManifest {
        format: FORMAT,
        task: TASK.into(),
        coder: config,
        preprocess,
        provenance: finish::provenance(job, parts.train.len()),
        metrics: BTreeMap::new(),
    };
    let tensors = tensors(&pca);
    let mut model = CoderModel::new(&job.run.path("model.safetensors"), manifest, &tensors)?;
    // Copies of training pictures come back better than others would.
    let scored = prepared.leaks.is_empty() || job.asked.allow_leaks;
    let scores = scores(job, &model, &pca, if scored { &parts.held } else { &[] })?;
    let report = CodeReport {
        length: pca.explained_variance().len(),
        values: model.manifest.coder.values(),
        explained_variance_ratio: pca.explained_variance_ratio(),
        psnr: mean(scores.iter().map(|(_, psnr, _)| *psnr)),
        psnr_of_mean: mean(scores.iter().map(|(_, _, psnr)| *psnr)),
        n: scores.len(),
    };
    let kept = kept(&report);
    let figures = [("test.psnr", report.psnr), ("train.explained_variance_ratio", Some(kept))];
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
        verdict: verdict(&report, &parts),
        selected: None,
        test: None,
        labels: None,
        code: Some(report),
        restore: None,
        leaks: prepared.leaks.clone(),
        audit: Audit::default(),
        seconds: job.start.elapsed().as_secs_f64(),
    };
    let sheet = sheet(job, &model, &pca, scores)?;
    job.run.write("report.html", html::render(&page(job, report.clone(), &parts, sheet)).as_bytes())?;
    Ok(report)
}

/// The components, in one pass over the pictures where their covariance can be held.
fn fit(job: &Job, preprocess: &Preprocess, train: &[usize], config: &CoderConfig) -> Result<Pca, Error> {
    let (n, d, k) = (train.len(), config.values(), config.code);
    if d <= STREAMED {
        let mut covariance = Covariance::new(d)?;
        each_batch(job, preprocess, train, |batch| {
            covariance.push(&batch.pixels);
            Ok(())
        })?;
        return Ok(covariance.components(k)?);
    }
    if n.saturating_mul(d) > HELD {
        let what = format!("{n} pictures of {d} values are more than the {HELD} values that are held at once");
        return Err(Error::request(what, "give a smaller --image-size, or fewer pictures"));
    }
    let mut rows = Vec::with_capacity(n * d);
    each_batch(job, preprocess, train, |batch| {
        rows.extend_from_slice(&batch.pixels);
        Ok(())
    })?;
    let rows = Array::new(vec![n, d], rows);
    let options = RandomisedOptions { seed: job.recipe.train.seed, ..RandomisedOptions::default() };
    Ok(if n <= STREAMED { Pca::fit(&rows, k)? } else { Pca::fit_randomised(&rows, k, &options)? })
}

/// Goes through pictures, as many at a time as the recipe says.
fn each_batch(
    job: &Job,
    preprocess: &Preprocess,
    order: &[usize],
    mut f: impl FnMut(&Batch) -> Result<(), Error>,
) -> Result<(), Error> {
    let (batch, workers) = (job.recipe.train.batch, rayon::current_num_threads());
    let spec =
        LoaderSpec { dataset: &job.prepared.dataset, order, preprocess, augment: None, cache: None, batch, workers };
    let mut done = 0;
    for_each_batch(&spec, |batch| {
        f(&batch)?;
        done += batch.indices.len() as u64;
        (job.observer)(Event::Progress { done, total: order.len() as u64, unit: "pictures", note: String::new() });
        Ok(ControlFlow::Continue(()))
    })
}

/// `code = W (x - mean)`, `x' = W^T code + mean` as the weights of a linear autoencoder.
fn tensors(pca: &Pca) -> NamedTensors {
    let (components, mean) = (pca.components(), pca.mean());
    let (d, k) = (mean.len(), pca.explained_variance().len());
    let along = |row: &[f32]| row.iter().zip(mean).map(|(w, m)| f64::from(*w) * f64::from(*m)).sum::<f64>();
    let bias = components.chunks_exact(d).map(|row| -along(row) as f32).collect();
    let across = (0..d * k).map(|i| components[i % k * d + i / k]).collect();
    let named = [
        ("encoder.weight", vec![k, d], components.to_vec()),
        ("encoder.bias", vec![k], bias),
        ("decoder.weight", vec![d, k], across),
        ("decoder.bias", vec![d], mean.to_vec()),
    ];
    named.into_iter().map(|(name, shape, values)| (name.to_string(), NamedTensor { shape, values })).collect()
}

/// Of each held-out picture: its number, the peak signal-to-noise ratio of what comes back, and that of the mean picture.
fn scores(job: &Job, model: &CoderModel, pca: &Pca, held: &[usize]) -> Result<Vec<(usize, f64, f64)>, Error> {
    let preprocess = &model.manifest.preprocess;
    let mut blank = pca.mean().to_vec();
    preprocess.unnormalise(&mut blank);
    let mut scores = Vec::with_capacity(held.len());
    each_batch(job, preprocess, held, |batch| {
        let mut units = batch.pixels.clone();
        preprocess.unnormalise(&mut units);
        let back = model.reconstruct(&batch.pixels)?;
        let pairs = units.chunks_exact(blank.len()).zip(back.chunks_exact(blank.len()));
        scores.extend(batch.indices.iter().zip(pairs).map(|(&i, (a, b))| (i, psnr(a, b), psnr(a, &blank))));
        Ok(())
    })?;
    Ok(scores)
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
    let mut sentences = vec![format!(
        "{length} numbers in place of {values} keep {:.1} % of what tells the {} training pictures apart.",
        100.0 * kept(report),
        parts.train.len()
    )];
    if let (Some(psnr), Some(blank)) = (psnr, psnr_of_mean) {
        sentences.push(format!(
            "Pictures that it has not seen come back at {psnr:.1} dB (mean of {n}, PSNR over all values in [0, 1]); the mean picture alone gives {blank:.1} dB."
        ));
    }
    sentences.push("No linear autoencoder with a code of this length restores its training pictures better.".into());
    sentences
}

/// Components and restored pictures.
fn sheet(job: &Job, model: &CoderModel, pca: &Pca, mut scores: Vec<(usize, f64, f64)>) -> Result<CodeSheet, Error> {
    let preprocess = &model.manifest.preprocess;
    let draw = |unit: &[f32]| -> Option<Thumb> { enlarged(&to_rgb(unit, preprocess.size), SIDE) };
    let mut middle = pca.mean().to_vec();
    preprocess.unnormalise(&mut middle);
    let around_gray = |row: &[f32]| {
        let most = row.iter().fold(f32::MIN_POSITIVE, |most, v| most.max(v.abs()));
        draw(&row.iter().map(|v| 0.5 + 0.5 * v / most).collect::<Vec<f32>>())
    };
    let components = pca.components().chunks_exact(middle.len()).take(SHOWN.0).filter_map(around_gray).collect();
    scores.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
    let shown = SHOWN.1.min(scores.len());
    let mut restored = Vec::with_capacity(shown);
    for at in 0..shown {
        let (i, psnr, _) = scores[at * (scores.len() - 1) / (shown - 1).max(1)];
        let Ok(decoded) = job.prepared.dataset.picture(i) else { continue };
        let original = preprocess.to_unit(&decoded.picture);
        let mut prepared = original.clone();
        preprocess.normalise(&mut prepared);
        let (original, back) = (draw(&original), draw(&model.reconstruct(&prepared)?));
        if let (Some(original), Some(back)) = (original, back) {
            restored.push(Restored {
                file: job.prepared.dataset.name(i),
                original,
                damaged: None,
                restored: back,
                psnr,
            });
        }
    }
    Ok(CodeSheet { mean: draw(&middle), components, restored })
}

fn page(job: &Job, report: TrainReport, parts: &Parts, sheet: CodeSheet) -> Page {
    let model = format!("{}, learned from {} pictures", report.chosen, parts.train.len());
    Page {
        title: job.prepared.dataset.name.clone(),
        judged_by: parts.words.to_string(),
        data: page_parts::data_glance(job),
        curves: Vec::new(),
        confusion: None,
        per_class: Vec::new(),
        calibration: None,
        augment: None,
        code: Some(sheet),
        restore: None,
        audit: Vec::new(),
        warnings: job.prepared.warnings.clone(),
        provenance: page_parts::provenance(job, model, report.seconds),
        command: job.asked.command.clone(),
        report,
    }
}
