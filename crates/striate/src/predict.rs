//! Labels pictures and whole folders, a bounded number in memory at a time.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use striate_data::dataset::{Dataset, OpenOptions};
use striate_train::fit::FitError;

use crate::error::Error;
use crate::event::{Event, Observer};
use crate::labels;
use crate::predictor::Predictor;
use crate::report::Prediction;
use crate::stream::in_batches;

/// Classes named with each picture at most.
const TOP: usize = 5;

/// What to label, and with what.
#[derive(Clone, Debug)]
pub struct PredictOptions {
    /// A model file or run folder.
    pub model: PathBuf,
    /// Picture files, folders (with all below them), or other data; labels in it are not looked at.
    pub inputs: Vec<PathBuf>,
    /// A CSV to write as well.
    pub out: Option<PathBuf>,
    /// Whether to replace `out`.
    pub overwrite: bool,
    /// Pictures whose likeliest class has a probability below this get no label, `[0, 1]`.
    pub min_confidence: f64,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct PredictReport {
    /// Pictures labelled.
    pub labelled: usize,
    /// Pictures that got no label because the model is not sure enough.
    pub unsure: usize,
    /// Pictures that could not be read.
    pub failed: usize,
    /// Pictures by the class they were given, in the model's order.
    pub by_class: Vec<(String, usize)>,
    /// Hidden and foreign files that were passed by.
    pub ignored: usize,
    /// Pictures unlike those that the model learned from; nothing where the model cannot tell.
    pub unlike: Option<usize>,
    /// Share of pictures like those it learned from that are flagged as well; nothing where the model cannot tell.
    pub false_alarms: Option<f64>,
}

/// Labels every picture, in the order of `inputs` and by name within each. `each` gets them one by one and may stop the
/// work. A picture that cannot be read is an answer of its own kind, not an error.
pub fn predict(
    options: &PredictOptions,
    observer: Observer,
    each: &mut dyn FnMut(Prediction) -> ControlFlow<()>,
) -> Result<PredictReport, Error> {
    let predictor = Predictor::open(&options.model)?;
    if let Some(out) = &options.out {
        labels::check_free(out, options.overwrite)?;
    }
    let datasets = open(&options.inputs)?;
    let rule = predictor.unlike_rule();
    let mut report = PredictReport {
        labelled: 0,
        unsure: 0,
        failed: 0,
        by_class: Vec::new(),
        ignored: 0,
        unlike: rule.map(|_| 0),
        false_alarms: rule.map(|rule| rule.false_alarms),
    };
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut table = options.out.as_ref().map(|_| labels::Table::new());
    let total: usize = datasets.iter().map(Dataset::len).sum();
    if total == 0 {
        let inputs: Vec<String> = options.inputs.iter().map(|input| input.display().to_string()).collect();
        let what = format!("{}: no picture is there", inputs.join(", "));
        return Err(Error::request(
            what,
            "give pictures as JPEG, PNG, WebP, GIF, BMP or TIFF, or folders that hold some",
        ));
    }
    observer(Event::Stage(format!("labelling {total} pictures")));
    for dataset in &datasets {
        report.ignored += dataset.foreign.hidden + dataset.foreign.other;
        let flow = label_all(&predictor, dataset, &mut |mut prediction| {
            withhold(&mut prediction, options.min_confidence);
            match &prediction {
                Prediction::Labelled { label, unlike, .. } => {
                    match label {
                        Some(label) => *counts.entry(label.clone()).or_default() += 1,
                        None => report.unsure += 1,
                    }
                    if let Some(n) = &mut report.unlike {
                        *n += usize::from(*unlike == Some(true));
                    }
                }
                Prediction::Failed { .. } => report.failed += 1,
            }
            report.labelled = counts.values().sum();
            let done = (report.labelled + report.unsure + report.failed) as u64;
            observer(Event::pictures(done, total as u64));
            if let Some(table) = &mut table {
                table.push(&prediction);
            }
            each(prediction)
        });
        if flow.is_break() {
            return Ok(report);
        }
    }
    if let (Some(out), Some(table)) = (&options.out, table) {
        table.write(out)?;
    }
    let n = |class: &String| counts.get(class).copied().unwrap_or(0);
    report.by_class = predictor.manifest.classes.iter().map(|class| (class.clone(), n(class))).collect();
    Ok(report)
}

/// Takes the label away where the model is not sure enough of it.
fn withhold(prediction: &mut Prediction, min_confidence: f64) {
    if let Prediction::Labelled { label, probability, .. } = prediction
        && *probability < min_confidence
    {
        *label = None;
    }
}

/// Picture files that follow one another are one data set, so that they go through the net together.
fn open(inputs: &[PathBuf]) -> Result<Vec<Dataset>, Error> {
    let options = OpenOptions { unlabelled: true, ..OpenOptions::default() };
    let set = |input: &PathBuf| set_name(input).map(String::from);
    let mut datasets = Vec::new();
    for part in inputs.chunk_by(|a, b| set(a).is_none() && set(b).is_none()) {
        datasets.push(match set(&part[0]) {
            Some(name) => Dataset::open(&name, &options)?,
            None => Dataset::from_paths(part, &options)?,
        });
    }
    Ok(datasets)
}

/// What to open as a data set: an embedded set, a list, a folder. Of a folder whose name is not Unicode all pictures
/// are taken one by one.
fn set_name(input: &Path) -> Option<&str> {
    let name = input.to_str()?;
    let list = [".csv", ".tsv"].iter().any(|end| name.to_lowercase().ends_with(end));
    (list || name.starts_with('@') || input.is_dir()).then_some(name)
}

/// Pictures of the next batches are decoded while the net works on this one.
fn label_all(
    predictor: &Predictor,
    dataset: &Dataset,
    each: &mut dyn FnMut(Prediction) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let preprocess = &predictor.manifest.preprocess;
    let prepare = |i: usize| match dataset.picture(i) {
        Ok(decoded) => Ok(preprocess.apply(&decoded.picture)),
        Err(e) => Err(e.to_string()),
    };
    let mut flow = ControlFlow::Continue(());
    in_batches(dataset.len(), predictor.batch(), prepare, |first, batch| {
        let good: Vec<&[f32]> = batch.iter().filter_map(|prepared| prepared.as_deref().ok()).collect();
        let mut rows = predictor.forward(&good).into_iter();
        for (i, prepared) in batch.iter().enumerate() {
            let file = file_name(dataset, first + i);
            let prediction = match prepared {
                Ok(_) => match rows.next().expect("a row for each") {
                    (row, distance) if row.iter().all(|p| p.is_finite()) => {
                        labelled(file, &row, distance, &predictor.manifest.classes)
                    }
                    _ => Prediction::Failed { file, error: FitError::NoNumber.to_string() },
                },
                Err(error) => Prediction::Failed { file, error: error.clone() },
            };
            flow = each(prediction);
            if flow.is_break() {
                break;
            }
        }
        flow
    });
    flow
}

/// A name that leads to the file from where the program runs; data that is no file keeps its own.
pub(crate) fn file_name(dataset: &Dataset, i: usize) -> String {
    match dataset.path(i) {
        Some(path) => path.display().to_string(),
        None => format!("{}/{}", dataset.origin, dataset.name(i)),
    }
}

fn labelled(file: String, row: &[f64], distance: Option<f64>, classes: &[String]) -> Prediction {
    let mut order: Vec<usize> = (0..row.len()).collect();
    order.sort_by(|&a, &b| row[b].total_cmp(&row[a])); // stable: the first of equals wins, as in scoring
    let top: Vec<(String, f64)> = order.iter().take(TOP).map(|&k| (classes[k].clone(), row[k])).collect();
    let unlike = distance.map(|distance| distance > 1.0);
    Prediction::Labelled { file, label: Some(top[0].0.clone()), probability: top[0].1, top, unlike, distance }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_in_a_row_are_opened_together() {
        let inputs: Vec<PathBuf> =
            ["Cargo.toml", "Cargo.toml", "@digits", "Cargo.toml"].iter().map(PathBuf::from).collect();
        let lengths: Vec<usize> = open(&inputs).expect("opens").iter().map(Dataset::len).collect();
        assert_eq!(lengths, [2, 1797, 1]);
    }

    #[test]
    fn the_likeliest_come_first() {
        let classes: Vec<String> = (0..7).map(|k| format!("c{k}")).collect();
        let p = labelled("x.png".into(), &[0.1, 0.3, 0.05, 0.3, 0.15, 0.06, 0.04], Some(1.5), &classes);
        let mut unsure = p.clone();
        withhold(&mut unsure, 0.31);
        assert!(matches!(unsure, Prediction::Labelled { label: None, .. }), "{unsure:?}");
        let mut sure = p.clone();
        withhold(&mut sure, 0.3);
        assert_eq!(sure, p);
        let Prediction::Labelled { label, probability, top, unlike, .. } = p else { panic!("{p:?}") };
        assert_eq!(unlike, Some(true));
        assert_eq!((label.as_deref(), probability), (Some("c1"), 0.3));
        assert_eq!(top.iter().map(|t| t.0.as_str()).collect::<Vec<_>>(), ["c1", "c3", "c4", "c0", "c5"]);
    }
}
