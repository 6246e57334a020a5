//! Scores a model on labelled pictures, with an interval that takes groups of pictures into account.

use std::path::PathBuf;

use striate_data::dataset::Split;
use striate_train::infer::{InferSpec, rows, softmax};
use striate_train::metrics::interval::{Metric, ci95};
use striate_train::metrics::{Outcomes, accuracy, argmax, balanced_accuracy, confusion, per_class};

use crate::error::Error;
use crate::event::{Event, Observer};
use crate::nearest::nearest;
use crate::predictor::Predictor;
use crate::prepare::{PrepareOptions, Prepared, look_at, open};
use crate::report::{ClassScore, EvalReport};

/// What to score, and on what.
#[derive(Clone, Debug)]
pub struct EvalOptions {
    /// A model file or run folder.
    pub model: PathBuf,
    /// Labelled data.
    pub data: String,
    /// `train`, `valid`, `test` or `all`; where not given, the test split if there is one, else all.
    pub split: Option<String>,
    /// `balanced_accuracy` or `accuracy`.
    pub metric: String,
    /// Regular expression that names groups.
    pub group_by: Option<String>,
    /// Whether a damaged picture is an error.
    pub strict: bool,
    /// Draws the bootstrap.
    pub seed: u64,
}

/// The answer: the figures and what they were measured on.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Evaluation {
    /// The figures.
    #[serde(flatten)]
    pub report: EvalReport,
    /// The given split that was scored, or `all`.
    pub split: &'static str,
    /// Class names, in the order of `confusion`.
    pub classes: Vec<String>,
}

/// Scores the model.
pub fn eval(options: &EvalOptions, observer: Observer) -> Result<Evaluation, Error> {
    let metric = metric(&options.metric)?;
    let predictor = Predictor::open(&options.model)?;
    let data =
        PrepareOptions { data: options.data.clone(), group_by: options.group_by.clone(), strict: options.strict };
    let dataset = open(&data)?;
    let to_model = to_model_classes(&dataset.classes, &predictor.manifest.classes, &options.data)?;
    let prepared = look_at(dataset, options.strict, observer)?;
    prepared.warnings.iter().for_each(|warning| observer(Event::Warning(warning.clone())));
    let (split, indices) = choose_split(&prepared, options)?;
    if prepared.scan.fingerprint == predictor.manifest.provenance.data_fingerprint && split != "test" {
        let what = "the model learned from these very pictures: the figures say nothing of new ones";
        observer(Event::Warning(what.to_string()));
    }
    if split != "all" && !prepared.leaks.is_empty() {
        let n = prepared.leaks.len();
        observer(Event::Warning(format!(
            "{n} copies stand on both sides of the given splits (`striate inspect` names them): a model that learned from one side is flattered"
        )));
    }
    observer(Event::Stage(format!("scoring {} pictures", indices.len())));
    let predicted = predicted(&predictor, &prepared, &indices, observer)?;
    let truth: Vec<u32> = prepared.labels_of(&indices).iter().map(|&label| to_model[label as usize]).collect();
    let classes = predictor.manifest.classes;
    let outcomes = Outcomes { truth: &truth, predicted: &predicted, classes: classes.len() };
    let confusion = confusion(&outcomes);
    let value = if metric == Metric::Accuracy { accuracy(&confusion) } else { balanced_accuracy(&confusion) };
    let score = |(class, figures): (&String, striate_train::metrics::ClassFigures)| ClassScore {
        class: class.clone(),
        precision: figures.precision,
        recall: figures.recall,
        f1: figures.f1,
        n: figures.n,
    };
    let report = EvalReport {
        metric: options.metric.clone(),
        value,
        ci95: ci95(metric, &outcomes, &prepared.groups_of(&indices), options.seed),
        n: indices.len(),
        accuracy: accuracy(&confusion),
        per_class: classes.iter().zip(per_class(&confusion)).map(score).collect(),
        confusion,
        skipped: prepared.scan.faults.len(),
    };
    Ok(Evaluation { report, split, classes })
}

fn metric(name: &str) -> Result<Metric, Error> {
    match name {
        "balanced_accuracy" => Ok(Metric::BalancedAccuracy),
        "accuracy" => Ok(Metric::Accuracy),
        _ => Err(Error::request(format!("there is no metric {name:?}"), "give balanced_accuracy or accuracy")),
    }
}

/// The split's name and its readable, labelled pictures.
fn choose_split(data: &Prepared, options: &EvalOptions) -> Result<(&'static str, Vec<usize>), Error> {
    let all = || {
        let mut all = [data.train.as_slice(), &data.valid, &data.test].concat();
        all.sort_unstable();
        all
    };
    let given = data.dataset.examples.iter().any(|example| example.split.is_some());
    let (name, indices) = match options.split.as_deref() {
        None if given && !data.test.is_empty() => ("test", data.test.clone()),
        None | Some("all") => ("all", all()),
        Some("train") if given => ("train", data.train.clone()),
        Some("valid" | "val") if given => ("valid", data.valid.clone()),
        Some("test") if given => ("test", data.test.clone()),
        Some(name @ ("train" | "valid" | "val" | "test")) => {
            let what = format!("{}: there is no split {name:?}, the data is not split", options.data);
            return Err(Error::request(what, "leave --split out to score all pictures"));
        }
        Some(name) => {
            let near = nearest(name, ["train", "valid", "test", "all"])
                .map_or(String::new(), |n| format!(" (did you mean {n:?}?)"));
            return Err(Error::request(format!("there is no split {name:?}{near}"), "give train, valid, test or all"));
        }
    };
    match indices.is_empty() {
        false => Ok((name, indices)),
        true if data.dataset.examples.iter().all(|example| example.label.is_none()) => {
            let what = format!("{}: no picture has a label", options.data);
            Err(Error::request(
                what,
                "put the pictures of each class into a folder of its name, or give a CSV with `path,label`",
            ))
        }
        true if name != "all" && !has(data, name) => {
            let what = format!("{}: no labelled picture stands in the split {name:?}", options.data);
            Err(Error::request(what, "give another --split, or leave it out"))
        }
        true => {
            let what = format!("{}: no labelled picture can be read", options.data);
            Err(Error::request(what, format!("`striate inspect {}` says what is wrong with each", options.data)))
        }
    }
}

/// Whether any picture, readable or not, stands in the split.
fn has(data: &Prepared, name: &str) -> bool {
    let split = match name {
        "train" => Split::Train,
        "valid" => Split::Valid,
        _ => Split::Test,
    };
    data.dataset.examples.iter().any(|example| example.split == Some(split) && example.label.is_some())
}

/// For each class of the data its place among the model's.
fn to_model_classes(data: &[String], model: &[String], origin: &str) -> Result<Vec<u32>, Error> {
    let place = |name: &String| model.iter().position(|known| known == name).map(|at| at as u32);
    let unknown: Vec<String> = data.iter().filter(|name| place(name).is_none()).cloned().collect();
    if unknown.is_empty() {
        return Ok(data.iter().filter_map(place).collect());
    }
    let near =
        |name: &String| nearest(name, model.iter().map(String::as_str)).map(|meant| format!("{name:?} as {meant:?}"));
    let pairs: Vec<String> = unknown.iter().filter_map(near).take(10).collect();
    let what = format!("{origin}: the model does not know {}; its classes are {}", quoted(&unknown), quoted(model));
    Err(match pairs.is_empty() {
        true => Error::request(what, "score it on pictures of its own classes"),
        false => Error::request(what, format!("perhaps rename {}", pairs.join(", "))),
    })
}

/// Names as a reader takes them in: the first ten.
fn quoted(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().take(10).map(|name| format!("{name:?}")).collect();
    let more = names.len().saturating_sub(10);
    shown.join(", ") + &if more > 0 { format!(" and {more} more") } else { String::new() }
}

/// The class that the model gives each picture.
fn predicted(predictor: &Predictor, data: &Prepared, indices: &[usize], observer: Observer) -> Result<Vec<u32>, Error> {
    let spec = InferSpec {
        dataset: &data.dataset,
        indices,
        preprocess: &predictor.manifest.preprocess,
        cache: None,
        device: &predictor.device,
        workers: rayon::current_num_threads(),
    };
    let total = indices.len() as u64;
    let progress = |done| observer(Event::pictures(done as u64, total));
    let logits = rows(&spec, &progress, &|x| predictor.logits(x))?;
    Ok(softmax(&logits, predictor.manifest.classes.len()).iter().map(|row| argmax(row)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_string()).collect()
    }

    #[test]
    fn classes_are_matched_by_name_not_by_order() {
        let mapped = to_model_classes(&names(&["tool", "fish"]), &names(&["animal", "fish", "tool"]), "x");
        assert_eq!(mapped.expect("known"), [2, 1]);
    }

    #[test]
    fn an_unknown_class_is_named_with_the_nearest() {
        let e = to_model_classes(&names(&["Fish", "car"]), &names(&["fish", "tool"]), "more")
            .expect_err("unknown")
            .to_string();
        assert!(e.contains("more") && e.contains("\"car\"") && e.contains("rename \"Fish\" as \"fish\""), "{e}");
    }

    #[test]
    fn metrics_have_names() {
        assert_eq!(metric("accuracy").expect("known"), Metric::Accuracy);
        assert!(metric("f1").expect_err("unknown").to_string().contains("balanced_accuracy"));
    }
}
