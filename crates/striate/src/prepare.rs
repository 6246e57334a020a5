//! From what the user named to labelled, checked, grouped pictures: the part that every training shares.

use crate::error::Error;
use crate::event::{Event, Observer};
use crate::leaks::leaks;
use crate::report::Leak;
use std::collections::{BTreeMap, BTreeSet};
use striate_data::dataset::{Dataset, OpenOptions, Split};
use striate_data::duplicates::{DuplicatePair, near_duplicates};
use striate_data::groups::groups;
use striate_data::scan::{Scan, scan};

/// What a training needs to know of its data.
pub struct Prepared {
    /// The pictures.
    pub dataset: Dataset,
    /// What one pass over all of them found.
    pub scan: Scan,
    /// Class of each picture of the data set; 0 where there is none (such pictures stand in no list).
    pub labels: Vec<u32>,
    /// Group of each picture.
    pub groups: Vec<u32>,
    /// Near-duplicates.
    pub pairs: Vec<DuplicatePair>,
    /// Each picture that is a copy of one in an earlier given split, with that one.
    pub leaks: Vec<Leak>,
    /// Readable labelled pictures to learn from; all of them where no split is given.
    pub train: Vec<usize>,
    /// The given validation split.
    pub valid: Vec<usize>,
    /// The given test split.
    pub test: Vec<usize>,
    /// What the user was warned of.
    pub warnings: Vec<String>,
}

/// How to read the data.
pub struct PrepareOptions {
    /// As the user named it.
    pub data: String,
    /// Regular expression that names groups.
    pub group_by: Option<String>,
    /// Whether a damaged picture is an error.
    pub strict: bool,
}

/// Opens and scans data to learn from, and checks that there is something to learn.
pub fn prepare(options: &PrepareOptions, observer: Observer) -> Result<Prepared, Error> {
    look(options, observer)?.check_classes(observer)
}

/// Opens and scans data of any kind.
pub fn look(options: &PrepareOptions, observer: Observer) -> Result<Prepared, Error> {
    look_at(open(options)?, options.strict, observer)
}

/// Opens data of any kind: its names, labels and splits are known, its pictures are not.
pub fn open(options: &PrepareOptions) -> Result<Dataset, Error> {
    let open = OpenOptions { group_by: options.group_by.clone(), ..OpenOptions::default() };
    Ok(Dataset::open(&options.data, &open)?)
}

/// Scans opened data. Where `strict`, a damaged picture is an error.
pub fn look_at(dataset: Dataset, strict: bool, observer: Observer) -> Result<Prepared, Error> {
    observer(Event::Stage(format!("looking at {} pictures", dataset.len())));
    let progress = |done: usize, total: usize| {
        observer(Event::pictures(done as u64, total as u64));
    };
    let scan = scan(&dataset, &progress);
    let mut warnings = dataset.warnings.clone();
    report_faults(&dataset, &scan, strict, &mut warnings)?;
    let pairs = near_duplicates(&dataset, &scan);
    let groups = groups(&dataset, &pairs);
    let faulty: std::collections::BTreeSet<usize> = scan.faults.iter().map(|fault| fault.index).collect();
    let mut parts: BTreeMap<Option<Split>, Vec<usize>> = BTreeMap::new();
    for (i, example) in dataset.examples.iter().enumerate() {
        if example.label.is_some() && !faulty.contains(&i) {
            parts.entry(example.split).or_default().push(i);
        }
    }
    let mut take = |split| parts.remove(&split).unwrap_or_default();
    let (mut train, valid, test) = (take(Some(Split::Train)), take(Some(Split::Valid)), take(Some(Split::Test)));
    train.extend(take(None));
    train.sort_unstable();
    let tests = dataset.examples.iter().filter(|example| example.split == Some(Split::Test)).count();
    let labelled = dataset.examples.iter().any(|example| example.label.is_some());
    if labelled && tests > 0 && test.is_empty() {
        warnings.push(format!(
            "none of the {tests} pictures of the given test split can be used: figures are made without it"
        ));
    }
    let labels = dataset.examples.iter().map(|example| example.label.unwrap_or(0)).collect();
    let leaks = leaks(&dataset, &pairs);
    Ok(Prepared { dataset, scan, labels, groups, pairs, leaks, train, valid, test, warnings })
}

fn report_faults(dataset: &Dataset, scan: &Scan, strict: bool, warnings: &mut Vec<String>) -> Result<(), Error> {
    let Some(first) = scan.faults.first() else { return Ok(()) };
    if strict {
        let (name, why) = (first.name.clone(), first.why.clone());
        return Err(Error::Damaged { n: scan.faults.len(), of: dataset.len(), name, why });
    }
    const NAMED: usize = 5;
    let named: Vec<String> =
        scan.faults.iter().take(NAMED).map(|fault| format!("{} ({})", fault.name, fault.why)).collect();
    let more = scan.faults.len().saturating_sub(NAMED);
    let rest = if more > 0 { format!(" and {more} more, named in report.html") } else { String::new() };
    let (n, of) = (scan.faults.len(), dataset.len());
    warnings.push(format!("{n} of {of} pictures cannot be read and are left out: {}{rest}", named.join("; ")));
    Ok(())
}

impl Prepared {
    /// Class names, in the order of the labels.
    pub fn classes(&self) -> &[String] {
        &self.dataset.classes
    }

    /// Labels of some pictures.
    pub fn labels_of(&self, indices: &[usize]) -> Vec<u32> {
        indices.iter().map(|&i| self.labels[i]).collect()
    }

    /// Groups of some pictures.
    pub fn groups_of(&self, indices: &[usize]) -> Vec<u32> {
        indices.iter().map(|&i| self.groups[i]).collect()
    }

    /// Pictures of a given split, or of all, that can be read, labelled or not.
    pub fn readable(&self, split: Option<Split>) -> Vec<usize> {
        let faulty: BTreeSet<usize> = self.scan.faults.iter().map(|fault| fault.index).collect();
        let fits = |i: &usize| split.is_none() || self.dataset.examples[*i].split == split;
        (0..self.dataset.len()).filter(|i| !faulty.contains(i)).filter(fits).collect()
    }

    /// Training pictures of each class.
    pub fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes().len()];
        self.train.iter().for_each(|&i| counts[self.labels[i] as usize] += 1);
        counts
    }

    /// Whether the largest class has more than three times the pictures of the smallest.
    pub fn is_imbalanced(&self) -> bool {
        let counts = self.counts();
        counts.iter().max() > counts.iter().min().map(|least| 3 * least).as_ref()
    }

    /// Two classes with readable pictures are the least that can be learned from.
    fn check_classes(mut self, observer: Observer) -> Result<Self, Error> {
        let data = self.dataset.origin.clone();
        let refuse = |what: String, advice: &str| Err(Error::request(format!("{data}: {what}"), advice));
        if self.dataset.examples.iter().all(|example| example.label.is_none()) {
            return refuse(
                "no picture has a label".into(),
                "put the pictures of each class into a folder of its name, or give a CSV with `path,label`",
            );
        }
        let counts = self.counts();
        let named = |wanted: fn(&usize) -> bool| -> Vec<&str> {
            self.classes().iter().zip(&counts).filter(|(_, n)| wanted(n)).map(|(name, _)| name.as_str()).collect()
        };
        let (present, empty) = (named(|&n| n > 0), named(|&n| n == 0));
        match present.as_slice() {
            [] => {
                return refuse(
                    "no labelled picture to learn from can be read".into(),
                    "`striate inspect` names each fault",
                );
            }
            [only] if empty.is_empty() => {
                return refuse(
                    format!("there is one class only, {only:?}"),
                    "to learn a difference takes pictures of at least two classes",
                );
            }
            _ if !empty.is_empty() => {
                let what =
                    format!("no picture of {} can be read, or none stands in the training split", empty.join(", "));
                return refuse(what, "repair or add pictures, or remove the class; `striate inspect` names each fault");
            }
            _ => {}
        }
        if self.is_imbalanced() {
            let (most, least) = (counts.iter().max().unwrap_or(&0), counts.iter().min().unwrap_or(&0));
            self.warnings.push(format!(
                "the largest class has {most} pictures and the smallest {least}: classes are weighted so that each counts the same"
            ));
        }
        for warning in &self.warnings {
            observer(Event::Warning(warning.clone()));
        }
        Ok(self)
    }
}
