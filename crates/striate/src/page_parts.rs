//! Fills the parts of the report's page from what a training found.

use crate::audit::Audit;
use crate::finish::Outcome;
use crate::input;
use crate::ladder::{Answers, Truth};
use crate::page::{
    AugmentSheet, Calibration, CalibrationBin, ClassGlance, Confusion, Curve, CurvePoint, DataGlance, Mistake, Thumb,
    Twins,
};
use crate::prepare::Prepared;
use crate::report::ClassScore;
use crate::sheet::{self, SheetSpec};
use crate::thumb::{encode, thumb};
use crate::train::Job;
use std::collections::BTreeSet;
use striate_data::dataset::Split;
use striate_train::fit::EpochRecord;
use striate_train::metrics::{self, Outcomes, calibration as reliability};

/// Longer side of a thumbnail, in pixels.
pub(crate) const SIDE: usize = 96;
/// Examples of each class, mistaken pictures, duplicate pairs, and rows and draws of augmentation shown.
const EXAMPLES: usize = 6;
const MISTAKES: usize = 60;
const TWINS: usize = 20;
const AUGMENTED: (usize, usize) = (4, 6);

fn picture(prepared: &Prepared, i: usize) -> Option<Thumb> {
    let decoded = prepared.dataset.picture(i).ok()?;
    thumb(&decoded.picture, prepared.scan.range, SIDE)
}

/// The data at a glance.
pub(crate) fn data_glance(job: &Job) -> DataGlance {
    let prepared = &job.prepared;
    let splits = [&prepared.train, &prepared.valid, &prepared.test];
    let of_class = |class: usize| {
        let members = |split: &[usize]| {
            split.iter().copied().filter(|&i| prepared.labels[i] as usize == class).collect::<Vec<_>>()
        };
        let counts = splits.map(|split| members(split).len());
        let mine = members(&prepared.train);
        let step = (mine.len() / EXAMPLES).max(1);
        let examples = mine.iter().step_by(step).take(EXAMPLES);
        let examples = examples.filter_map(|&i| Some((prepared.dataset.name(i), picture(prepared, i)?))).collect();
        ClassGlance { class: prepared.classes()[class].clone(), counts, examples }
    };
    let unlabelled = prepared.classes().is_empty().then(|| all_in_one(prepared));
    let side = |i: usize| prepared.dataset.examples[i].split;
    let mut pairs: Vec<_> = prepared.pairs.iter().collect();
    let leaks = |a: Option<Split>, b: Option<Split>| a.is_some() && b.is_some() && a != b;
    pairs.sort_by_key(|pair| !leaks(side(pair.a), side(pair.b)));
    let twins = pairs.iter().take(TWINS).map(|pair| Twins {
        a: (prepared.dataset.name(pair.a), picture(prepared, pair.a)),
        b: (prepared.dataset.name(pair.b), picture(prepared, pair.b)),
        why: pair.why.clone(),
        leak: leaks(side(pair.a), side(pair.b)),
    });
    DataGlance {
        source: job.asked.data.clone(),
        given_splits: prepared.dataset.has_splits,
        classes: (0..prepared.classes().len()).map(of_class).chain(unlabelled).collect(),
        skipped: prepared.scan.faults.iter().map(|fault| (fault.name.clone(), fault.why.clone())).collect(),
        twins: twins.collect(),
        twins_total: prepared.pairs.len(),
        notes: prepared.scan.notes.iter().map(|(note, &n)| (note.clone(), n)).collect(),
    }
}

/// Pictures without labels.
fn all_in_one(prepared: &Prepared) -> ClassGlance {
    let faulty: BTreeSet<usize> = prepared.scan.faults.iter().map(|fault| fault.index).collect();
    let readable: Vec<usize> = (0..prepared.dataset.len()).filter(|i| !faulty.contains(i)).collect();
    let splits = [Split::Train, Split::Valid, Split::Test];
    let of = |split| {
        readable.iter().filter(|&&i| prepared.dataset.examples[i].split.unwrap_or(Split::Train) == split).count()
    };
    let examples = readable.iter().step_by((readable.len() / EXAMPLES).max(1)).take(EXAMPLES);
    ClassGlance {
        class: "all".into(),
        counts: splits.map(of),
        examples: examples.filter_map(|&i| Some((prepared.dataset.name(i), picture(prepared, i)?))).collect(),
    }
}

/// Where the numbers come from.
pub(crate) fn provenance(job: &Job, model: String, seconds: f64) -> Vec<(String, String)> {
    let prepared = &job.prepared;
    let machine =
        format!("{} {}, {} threads", std::env::consts::OS, std::env::consts::ARCH, rayon::current_num_threads());
    let rows = [
        ("data", format!("{} ({} pictures)", job.asked.data, prepared.dataset.len())),
        ("data fingerprint", prepared.scan.fingerprint.clone()),
        ("saved model", model),
        ("seed", job.recipe.train.seed.to_string()),
        ("program", format!("striate {}", env!("CARGO_PKG_VERSION"))),
        ("machine", machine),
        ("wall time", format!("{seconds:.1} s")),
    ];
    rows.into_iter().map(|(name, value)| (name.to_string(), value)).collect()
}

/// A training curve.
pub(crate) fn curve(name: &str, history: &[EpochRecord]) -> Curve {
    let point = |record: &EpochRecord| CurvePoint {
        epoch: record.epoch as f64,
        train_loss: record.train_loss,
        valid_loss: record.valid_loss,
        valid_accuracy: record.valid_balanced_accuracy,
    };
    Curve { name: name.to_string(), points: history.iter().map(point).collect() }
}

/// Answers against truth, with the mistaken pictures, surest first.
pub(crate) fn confusion(job: &Job, outcome: &Outcome, truth: &Truth) -> Confusion {
    let prepared = &job.prepared;
    let answers = &outcome.answers;
    let outcomes = Outcomes { truth: &truth.labels, predicted: &answers.predicted, classes: truth.classes };
    let probability = |i: usize| answers.probabilities[i][answers.predicted[i] as usize];
    let mut wrong: Vec<usize> = (0..truth.labels.len()).filter(|&i| truth.labels[i] != answers.predicted[i]).collect();
    wrong.sort_by(|&a, &b| probability(b).total_cmp(&probability(a)).then(a.cmp(&b)));
    let mistakes = wrong.iter().take(MISTAKES).map(|&i| Mistake {
        file: prepared.dataset.name(outcome.judged[i]),
        thumb: picture(prepared, outcome.judged[i]),
        truth: truth.labels[i] as usize,
        predicted: answers.predicted[i] as usize,
        probability: probability(i),
    });
    Confusion {
        classes: prepared.classes().to_vec(),
        counts: metrics::confusion(&outcomes),
        mistakes: mistakes.collect(),
        measured_on: outcome.judged_by.clone(),
    }
}

/// The pictures that the audit's section shows, by name.
pub(crate) fn audit_pictures(prepared: &Prepared, audit: &Audit) -> Vec<(String, Thumb)> {
    let wanted: BTreeSet<&str> = audit.pictured().collect();
    let named = (0..prepared.dataset.len()).map(|i| (prepared.dataset.name(i), i));
    named
        .filter(|(name, _)| wanted.contains(name.as_str()))
        .filter_map(|(name, i)| Some((name, picture(prepared, i)?)))
        .collect()
}

/// Figures by class.
pub(crate) fn per_class(prepared: &Prepared, answers: &Answers, truth: &Truth) -> Vec<ClassScore> {
    let outcomes = Outcomes { truth: &truth.labels, predicted: &answers.predicted, classes: truth.classes };
    let figures = metrics::per_class(&metrics::confusion(&outcomes));
    prepared
        .classes()
        .iter()
        .zip(figures)
        .map(|(class, f)| ClassScore {
            class: class.clone(),
            precision: f.precision,
            recall: f.recall,
            f1: f.f1,
            n: f.n,
        })
        .collect()
}

/// Reliability of the probabilities.
pub(crate) fn calibration(answers: &Answers, truth: &Truth) -> Calibration {
    let bins = reliability::reliability(&answers.probabilities, &truth.labels);
    let ece = reliability::expected_calibration_error(&bins);
    let filled = bins
        .iter()
        .filter_map(|bin| Some(CalibrationBin { confidence: bin.confidence?, accuracy: bin.accuracy?, n: bin.n }));
    Calibration {
        bins: filled.collect(),
        ece,
        brier: metrics::temperature::brier_score(&answers.probabilities, &truth.labels),
    }
}

/// What the recipe's augmentation does to some training pictures.
pub(crate) fn augment_sheet(job: &Job) -> Option<AugmentSheet> {
    let (prepared, augment) = (&job.prepared, &job.recipe.augment);
    if augment.is_none() {
        return None;
    }
    let (n, draws) = AUGMENTED;
    let step = (prepared.train.len() / n).max(1);
    let pictures: Vec<usize> = prepared.train.iter().step_by(step).take(n).copied().collect();
    let spec = SheetSpec {
        dataset: &prepared.dataset,
        pictures: &pictures,
        preprocess: &input::of_recipe(&job.recipe.input, prepared, SIDE),
        augment,
        draws,
        seed: job.recipe.train.seed,
    };
    let rows = sheet::rows(&spec).iter().map(|row| row.iter().filter_map(encode).collect()).collect();
    Some(AugmentSheet { rows, summary: augment.to_string() })
}
