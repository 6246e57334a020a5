//! The end of a training that took no labels: its answer, and its page.

use striate_train::fit::EpochRecord;

use crate::audit::Audit;
use crate::error::Error;
use crate::html;
use crate::page::{CodeSheet, Page, RestoreSheet};
use crate::page_parts;
use crate::report::{CodeReport, RestoreReport, TrainReport};
use crate::train::Job;

/// What was learned from, and how.
pub(crate) struct Learned<'a> {
    /// Pictures learned from.
    pub pictures: usize,
    /// How held-out pictures were chosen.
    pub judged_by: &'a str,
    /// The epochs; none where nothing was trained.
    pub history: &'a [EpochRecord],
}

/// What came of it: figures, and pictures of them.
pub(crate) enum Made {
    /// An autoencoder.
    Code(CodeReport, CodeSheet),
    /// A restorer.
    Restorer(RestoreReport, RestoreSheet),
}

/// Draws the report, gives the answer.
pub(crate) fn finish_pictures(
    job: &Job,
    learned: &Learned,
    verdict: Vec<String>,
    made: Made,
) -> Result<TrainReport, Error> {
    let (code, restore, code_sheet, restore_sheet) = match made {
        Made::Code(report, sheet) => (Some(report), None, Some(sheet), None),
        Made::Restorer(report, sheet) => (None, Some(report), None, Some(sheet)),
    };
    let report = TrainReport {
        run: job.run.folder.display().to_string(),
        model: job.run.path("model.safetensors").display().to_string(),
        rungs: Vec::new(),
        skipped: Vec::new(),
        chosen: job.recipe.model.name.clone(),
        verdict,
        selected: None,
        test: None,
        labels: None,
        code,
        restore,
        leaks: job.prepared.leaks.clone(),
        audit: Audit::default(),
        seconds: job.start.elapsed().as_secs_f64(),
    };
    let model = format!("{}, learned from {} pictures", report.chosen, learned.pictures);
    let curve = (!learned.history.is_empty()).then(|| page_parts::curve(&report.chosen, learned.history));
    let page = Page {
        title: job.prepared.dataset.name.clone(),
        judged_by: learned.judged_by.to_string(),
        data: page_parts::data_glance(job),
        curves: curve.into_iter().collect(),
        confusion: None,
        per_class: Vec::new(),
        calibration: None,
        augment: None,
        code: code_sheet,
        restore: restore_sheet,
        audit: Vec::new(),
        warnings: job.prepared.warnings.clone(),
        provenance: page_parts::provenance(job, model, report.seconds),
        command: job.asked.command.clone(),
        report: report.clone(),
    };
    job.run.write("report.html", html::render(&page).as_bytes())?;
    Ok(report)
}
