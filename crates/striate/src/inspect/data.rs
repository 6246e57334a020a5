//! What data holds: counts, sizes, damaged pictures, foreign files, copies.

use std::collections::{BTreeMap, BTreeSet};

use striate_data::dataset::Split;

use super::InspectOptions;
use crate::error::Error;
use crate::event::{Event, Observer};
use crate::prepare::{PrepareOptions, Prepared, look};

/// Pictures as a user has them.
#[derive(Clone, Debug, serde::Serialize)]
pub struct DataInfo {
    /// As the user named it.
    pub data: String,
    /// How it is laid out: `a folder per class`.
    pub layout: String,
    /// Pictures, damaged ones too.
    pub pictures: usize,
    /// By class, in the order of labels.
    pub classes: Vec<ClassCount>,
    /// Pictures without a label.
    pub unlabelled: usize,
    /// Height and width of the smallest, the median and the largest picture, in pixels.
    pub sizes: Option<[[usize; 2]; 3]>,
    /// Whether all pictures are gray.
    pub gray: bool,
    /// Groups of pictures that never straddle a split, such as copies.
    pub groups: usize,
    /// Pictures that cannot be read.
    pub faults: Vec<Fault>,
    /// Remarks on how pictures were read, each with how many it holds for.
    pub notes: BTreeMap<String, usize>,
    /// Hidden files.
    pub hidden: usize,
    /// Files that are no pictures.
    pub foreign: usize,
    /// Some of their names.
    pub foreign_examples: Vec<String>,
    /// Pictures that look the same.
    pub duplicates: Vec<Twins>,
    /// Hash of names, labels and contents.
    pub fingerprint: String,
}

/// Pictures of a class.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct ClassCount {
    /// Its name.
    pub class: String,
    /// In all.
    pub n: usize,
    /// By given split; null where none is given.
    pub splits: Option<BTreeMap<String, usize>>,
}

/// A picture that cannot be read.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Fault {
    /// Its name.
    pub file: String,
    /// What is wrong and what to do.
    pub error: String,
}

/// Two pictures that look the same.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Twins {
    /// The one.
    pub a: String,
    /// The other.
    pub b: String,
    /// How it was found.
    pub why: String,
    /// Whether they stand in different given splits.
    pub leak: bool,
}

pub(super) fn inspect(options: &InspectOptions, observer: Observer) -> Result<DataInfo, Error> {
    let prepare = PrepareOptions { data: options.what.clone(), group_by: options.group_by.clone(), strict: false };
    let data = look(&prepare, observer)?;
    data.dataset.warnings.iter().for_each(|warning| observer(Event::Warning(warning.clone())));
    let dataset = &data.dataset;
    let twins = |pair: &striate_data::duplicates::DuplicatePair| {
        let split = |i: usize| dataset.examples[i].split;
        Twins {
            a: dataset.name(pair.a),
            b: dataset.name(pair.b),
            why: pair.why.clone(),
            leak: split(pair.a).is_some() && split(pair.b).is_some() && split(pair.a) != split(pair.b),
        }
    };
    let fault = |fault: &striate_data::scan::Fault| Fault { file: fault.name.clone(), error: fault.why.clone() };
    Ok(DataInfo {
        data: options.what.clone(),
        layout: dataset.layout.to_string(),
        pictures: dataset.len(),
        classes: classes(&data),
        unlabelled: dataset.examples.iter().filter(|example| example.label.is_none()).count(),
        sizes: sizes(&data),
        gray: data.scan.gray,
        groups: data.groups.iter().collect::<BTreeSet<_>>().len(),
        faults: data.scan.faults.iter().map(fault).collect(),
        notes: data.scan.notes.clone(),
        hidden: dataset.foreign.hidden,
        foreign: dataset.foreign.other,
        foreign_examples: dataset.foreign.examples.clone(),
        duplicates: data.pairs.iter().map(twins).collect(),
        fingerprint: data.scan.fingerprint.clone(),
    })
}

fn classes(data: &Prepared) -> Vec<ClassCount> {
    let examples = &data.dataset.examples;
    let mut counts = vec![[0; 3]; data.classes().len()];
    let mut totals = vec![0; data.classes().len()];
    for (label, split) in examples.iter().filter_map(|e| e.label.map(|label| (label as usize, e.split))) {
        totals[label] += 1;
        if let Some(split) = split {
            counts[label][split as usize] += 1;
        }
    }
    let splits = |counts: &[usize; 3]| {
        let all = [Split::Train, Split::Valid, Split::Test];
        all.iter().map(|split| (split.to_string(), counts[*split as usize])).collect()
    };
    let class = |(class, name): (usize, &String)| ClassCount {
        class: name.clone(),
        n: totals[class],
        splits: data.dataset.has_splits.then(|| splits(&counts[class])),
    };
    data.classes().iter().enumerate().map(class).collect()
}

/// Smallest and largest by area, and the median sides.
fn sizes(data: &Prepared) -> Option<[[usize; 2]; 3]> {
    let facts = data.scan.facts.iter().filter(|fact| fact.height > 0);
    let size = |fact: &striate_data::scan::Fact| [fact.height as usize, fact.width as usize];
    let area = |size: &[usize; 2]| size[0] * size[1];
    let smallest = facts.clone().map(size).min_by_key(area)?;
    Some([smallest, data.scan.median_size, facts.map(size).max_by_key(area)?])
}
