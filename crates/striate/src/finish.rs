//! The end of a training: the model file, the report, the answer.

use crate::audit::unlike::{self, Reference};
use crate::audit::{self, Evidence};
use crate::choice::Choice;
use crate::error::Error;
use crate::event::Event;
use crate::judge::Round;
use crate::ladder::{Answers, Truth};
use crate::page_parts;
use crate::report::{LabelReport, Rung, Score, Skipped, TrainReport};
use crate::rungs::Fitted;
use crate::train::Job;
use crate::verdict::verdict;
use crate::{html, page};
use serde::Serialize;
use std::collections::BTreeMap;
use striate_nn::checkpoint::Checkpoint;
use striate_nn::weights::{NamedTensors, named_tensors};
use striate_train::fit::EpochRecord;
use striate_train::manifest::{FORMAT, KEY, Manifest, Provenance, UnlikeRule};

/// What a training found out.
pub(crate) struct Outcome {
    /// Judged rungs, simplest first.
    pub rungs: Vec<Rung>,
    /// Rungs not run.
    pub skipped: Vec<Skipped>,
    /// The rung or model saved.
    pub chosen: String,
    /// What the choice is worth.
    pub selected: Option<Score>,
    /// Figures on the test split.
    pub test: Option<Score>,
    /// What the choice among the judged rungs was made by; none where one model was asked for or nothing could be scored.
    pub choice: Option<Choice>,
    /// What logits of the saved model are divided by.
    pub temperature: f64,
    /// What more labels would buy, where a ladder was climbed.
    pub labels: Option<LabelReport>,
    /// The protocol in words.
    pub judged_by: String,
    /// Pictures judged or tested.
    pub judged: Vec<usize>,
    /// Trainings, and what each was judged on.
    pub rounds: Vec<Round>,
    /// How pictures unlike the training pictures are told, and by what.
    pub unlike: Option<(UnlikeRule, Reference)>,
    /// Answers of the chosen one on them.
    pub answers: Answers,
    /// Training curves by name.
    pub curves: Vec<(String, Vec<EpochRecord>)>,
    /// Whether the chosen one was trained with augmentation.
    pub augmented: bool,
    /// Whether the saved model was fitted again, to all pictures, after it was judged.
    pub refitted: bool,
    /// What is saved.
    pub fitted: Fitted,
}

/// Saves the model, draws the report, gives the answer.
pub(crate) fn finish(job: &Job, outcome: Outcome) -> Result<TrainReport, Error> {
    (job.observer)(Event::Stage("writing the model and the report".into()));
    job.run.write("model.safetensors", &model_bytes(job, &outcome))?;
    let report = TrainReport {
        run: job.run.folder.display().to_string(),
        model: job.run.path("model.safetensors").display().to_string(),
        rungs: outcome.rungs.clone(),
        skipped: outcome.skipped.clone(),
        chosen: outcome.chosen.clone(),
        verdict: verdict(job, &outcome),
        selected: outcome.selected.clone(),
        test: outcome.test.clone(),
        labels: outcome.labels.clone(),
        code: None,
        restore: None,
        leaks: job.prepared.leaks.clone(),
        audit: audit::audit(&evidence(job, &outcome)),
        seconds: job.start.elapsed().as_secs_f64(),
    };
    job.run.write("report.html", html::render(&page_of(job, &outcome, report.clone())?).as_bytes())?;
    Ok(report)
}

/// What the audit looks at.
fn evidence<'a>(job: &'a Job, outcome: &'a Outcome) -> Evidence<'a> {
    Evidence {
        prepared: &job.prepared,
        rounds: &outcome.rounds,
        judged: &outcome.judged,
        answers: (outcome.chosen != "chance" && !outcome.judged.is_empty()).then_some(&outcome.answers),
        unlike: outcome.unlike.as_ref().map(|(rule, reference)| unlike::figures(rule, reference)),
        seed: job.recipe.train.seed,
    }
}

/// Where a model comes from, as its file says it.
pub(crate) fn provenance(job: &Job, trained_on: usize) -> Provenance {
    let mut recipe = job.recipe.clone();
    recipe.run = None; // the manifest names no path and no command
    Provenance {
        recipe: recipe.to_toml(),
        seed: recipe.train.seed,
        data_fingerprint: job.prepared.scan.fingerprint.clone(),
        trained_on,
        version: env!("CARGO_PKG_VERSION").into(),
    }
}

fn model_bytes(job: &Job, outcome: &Outcome) -> Vec<u8> {
    let mut metrics = BTreeMap::new();
    for (name, score) in [("selected", &outcome.selected), ("test", &outcome.test)] {
        if let Some(score) = score {
            metrics.insert(format!("{name}.accuracy"), score.accuracy);
            metrics.insert(format!("{name}.balanced_accuracy"), score.balanced_accuracy);
            metrics.insert(format!("{name}.ci95_low"), score.ci95[0]);
            metrics.insert(format!("{name}.ci95_high"), score.ci95[1]);
            metrics.insert(format!("{name}.n"), score.n as f64);
        }
    }
    let manifest = Manifest {
        format: FORMAT,
        task: "classify".into(),
        net: outcome.fitted.config.clone(),
        classes: job.prepared.classes().to_vec(),
        preprocess: outcome.fitted.preprocess.clone(),
        features: outcome.fitted.features,
        temperature: outcome.temperature,
        provenance: provenance(job, outcome.fitted.learned_from),
        metrics,
        unlike: outcome.unlike.as_ref().map(|(rule, _)| *rule),
    };
    let mut tensors = named_tensors(&outcome.fitted.net);
    tensors.extend(outcome.unlike.as_ref().map(|(_, reference)| (unlike::TENSOR.to_string(), reference.to_tensor())));
    file_of(&manifest, tensors)
}

/// A model file: the weights, and what the manifest says of them.
pub(crate) fn file_of(manifest: &impl Serialize, tensors: NamedTensors) -> Vec<u8> {
    let text = serde_json::to_string(manifest).expect("a manifest has a JSON form");
    Checkpoint { tensors, metadata: BTreeMap::from([(KEY.to_string(), text)]) }.to_bytes()
}

fn page_of(job: &Job, outcome: &Outcome, report: TrainReport) -> Result<page::Page, Error> {
    let prepared = &job.prepared;
    let truth = Truth::of(prepared, &outcome.judged);
    let scored = !outcome.judged.is_empty();
    let model = format!("{}, learned from {} pictures", outcome.fitted.config.name, outcome.fitted.learned_from);
    Ok(page::Page {
        title: prepared.dataset.name.clone(),
        judged_by: outcome.judged_by.clone(),
        data: page_parts::data_glance(job),
        curves: outcome.curves.iter().map(|(name, history)| page_parts::curve(name, history)).collect(),
        confusion: scored.then(|| page_parts::confusion(job, outcome, &truth)),
        per_class: page_parts::per_class(prepared, &outcome.answers, &truth),
        calibration: scored.then(|| page_parts::calibration(&outcome.answers, &truth)),
        augment: outcome.augmented.then(|| page_parts::augment_sheet(job)).flatten(),
        code: None,
        restore: None,
        audit: page_parts::audit_pictures(prepared, &report.audit),
        warnings: prepared.warnings.clone(),
        provenance: page_parts::provenance(job, model, report.seconds),
        command: job.asked.command.clone(),
        report,
    })
}
