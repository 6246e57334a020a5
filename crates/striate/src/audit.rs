//! Audit before trust: what in the data or around it could make the figures or the labels worth less than they look.

mod cue;
mod labels;
mod outliers;
mod shortcuts;
mod tree;
pub(crate) mod unlike;

use serde::{Deserialize, Serialize};

use crate::judge::Round;
use crate::ladder::{Answers, Truth};
use crate::prepare::Prepared;
use crate::report::Leak;

/// Near-duplicate pairs that the answer names.
const PAIRS: usize = 100;
/// Suspects and outliers shown as pictures, each; and suspects beyond the plausible ones.
const PICTURED: usize = 24;
const FEW: usize = 6;

/// What the audit found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Audit {
    /// Labels that the model contradicts; null where it has nothing to contradict them with.
    pub labels: Option<LabelAudit>,
    /// How well something other than the subject tells the classes apart, one entry for each check made.
    pub shortcuts: Vec<Shortcut>,
    /// Checks that could not be made.
    pub unchecked: Vec<Unchecked>,
    /// How the pictures are spread over the classes.
    pub balance: Option<Balance>,
    /// Pictures that stand out by blur or exposure, the farthest first.
    pub outliers: Vec<Outlier>,
    /// How pictures unlike the training pictures are told at `predict`; null where that is not possible.
    pub unlike: Option<UnlikeFigures>,
    /// Pairs of pictures that show the same.
    pub duplicates: Duplicates,
}

/// Labels against out-of-fold or held-out probabilities, by confident learning (Northcutt, Jiang, Chuang 2021
/// <https://arxiv.org/abs/1911.00068>).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LabelAudit {
    /// Labels looked at.
    pub checked: usize,
    /// About how many of them are wrong, by the confident joint scaled to the classes' sizes.
    pub expected: usize,
    /// Whether that is more than the model's own mistakes explain (3 % of the labels).
    pub doubtful: bool,
    /// The likeliest wrong labels: a tenth of those looked at, the likeliest first.
    pub ranked: Vec<Suspect>,
}

/// A label that may be wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Suspect {
    /// The picture.
    pub file: String,
    /// Its label.
    pub given: String,
    /// The likeliest other label.
    pub likely: String,
    /// Probability of its label, `[0, 1]`.
    pub given_probability: f64,
    /// Probability of the likely one, `[0, 1]`.
    pub likely_probability: f64,
    /// Margin of the given over the likely label, each less what is usual for its class; the lower, the likelier wrong.
    pub score: f64,
    /// Whether the model is as sure of the likely label as it is of pictures that bear it: one of the confident joint.
    pub plausible: bool,
}

/// How well one property of files or pictures alone tells the classes apart, out of fold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shortcut {
    /// `file size`, `picture size`, `mean colour`, `border`, `camera`, `file date`.
    pub cue: String,
    /// Balanced accuracy of a small decision tree on it, `[0, 1]`.
    pub balanced_accuracy: f64,
    /// 95 % interval: percentile bootstrap over groups.
    pub ci95: [f64; 2],
    /// Balanced accuracy of guessing.
    pub chance: f64,
    /// Pictures it was measured on.
    pub n: usize,
    /// Whether it is clearly better than guessing: the lower end of its interval is.
    pub named: bool,
    /// Whether it follows from what the subject looks like as well, so that it need be no shortcut.
    pub may_be_signal: bool,
    /// By class, in the order of the classes.
    pub classes: Vec<ToldApart>,
    /// What it means, in a sentence; empty where it is not named.
    pub words: String,
}

/// How well a cue tells one class from the others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToldApart {
    /// The class.
    pub class: String,
    /// Share of its pictures that are taken for it; null where there is none.
    pub recall: Option<f64>,
    /// Share of the other classes' pictures that are taken for it; null where there is none.
    pub others: Option<f64>,
}

/// A check that could not be made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unchecked {
    /// Which.
    pub check: String,
    /// Why.
    pub why: String,
}

/// The largest and the smallest class of the training pictures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Balance {
    /// Name and pictures of the largest.
    pub largest: (String, usize),
    /// Name and pictures of the smallest.
    pub smallest: (String, usize),
    /// Whether the largest has more than three times the pictures of the smallest.
    pub imbalanced: bool,
}

/// A picture that stands out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outlier {
    /// The picture.
    pub file: String,
    /// `blurred or plain`, `very dark` or `very bright`.
    pub what: String,
    /// Distance from the median in robust standard deviations (1.4826 times the median absolute deviation).
    pub z: f64,
}

/// How pictures unlike the training pictures are told: the distance of a picture's features (their roots, scaled to
/// length 1) to those of the nearest training picture (Sun et al. 2022 <https://arxiv.org/abs/2204.06507>).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UnlikeFigures {
    /// A picture beyond this distance is unlike: the 95th percentile of pictures out of fold or held out.
    pub threshold: f64,
    /// Share of held-out pictures that would be flagged, each by a threshold set without its part.
    pub false_alarms: f64,
    /// Pictures it was measured on.
    pub n: usize,
    /// Training pictures kept in the model to compare with.
    pub compared_with: usize,
}

/// Pairs of pictures that show the same.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Duplicates {
    /// All that were found.
    pub pairs: usize,
    /// The first of them.
    pub shown: Vec<Leak>,
}

impl Audit {
    /// The suspects that are worth a picture: those that are plausible, or where there is none the first few.
    pub fn suspects(&self) -> impl Iterator<Item = &Suspect> {
        let ranked = self.labels.iter().flat_map(|labels| labels.ranked.iter());
        let plausible =
            self.labels.iter().flat_map(|labels| &labels.ranked).filter(|suspect| suspect.plausible).count();
        ranked.take((plausible + FEW).min(PICTURED))
    }

    /// The outliers that are worth a picture.
    pub fn odd(&self) -> impl Iterator<Item = &Outlier> {
        self.outliers.iter().take(PICTURED)
    }

    /// The pictures worth showing, by name.
    pub(crate) fn pictured(&self) -> impl Iterator<Item = &str> {
        self.suspects().map(|suspect| suspect.file.as_str()).chain(self.odd().map(|outlier| outlier.file.as_str()))
    }
}

/// What the audit looks at.
pub(crate) struct Evidence<'a> {
    /// The data.
    pub prepared: &'a Prepared,
    /// Trainings and what each was scored on.
    pub rounds: &'a [Round],
    /// Pictures with answers.
    pub judged: &'a [usize],
    /// Their answers, out of fold or held out; none of a model that does not look at pictures.
    pub answers: Option<&'a Answers>,
    /// Of pictures unlike the training pictures.
    pub unlike: Option<UnlikeFigures>,
    /// Draws the bootstrap.
    pub seed: u64,
}

/// Looks at the data, the labels and the answers.
pub(crate) fn audit(evidence: &Evidence) -> Audit {
    let prepared = evidence.prepared;
    let mut unchecked = Vec::new();
    let mut skip = |check: &str, why: &str| unchecked.push(Unchecked { check: check.into(), why: why.into() });
    let labels = evidence.answers.map(|answers| {
        let truth = Truth::of(prepared, evidence.judged);
        labels::audit(answers, &truth, &|i| prepared.dataset.name(evidence.judged[i]), prepared.classes())
    });
    let nothing_scored = evidence.judged.is_empty();
    if nothing_scored {
        skip("labels", "no picture was held out, so no answer can contradict a label");
    } else if labels.is_none() {
        skip("labels", "the saved model does not look at the pictures, so it cannot contradict a label");
    }
    if evidence.unlike.is_none() {
        skip("unlike", "the saved model compares no pictures, or too few were held out to set a threshold by");
    }
    let shortcuts = if nothing_scored {
        skip(
            "shortcuts",
            "no picture was held out to see whether something besides the subject tells the classes apart",
        );
        Vec::new()
    } else {
        shortcuts::audit(prepared, evidence.rounds, evidence.seed, &mut skip)
    };
    let pairs = prepared.pairs.iter().take(PAIRS);
    let name = |i: usize| prepared.dataset.name(i);
    Audit {
        labels,
        shortcuts,
        balance: balance(prepared),
        outliers: outliers::audit(prepared),
        unlike: evidence.unlike.clone(),
        duplicates: Duplicates {
            pairs: prepared.pairs.len(),
            shown: pairs.map(|pair| Leak { a: name(pair.a), b: name(pair.b), why: pair.why.clone() }).collect(),
        },
        unchecked,
    }
}

fn balance(prepared: &Prepared) -> Option<Balance> {
    let counts = prepared.counts();
    let of = |class: usize| (prepared.classes()[class].clone(), counts[class]);
    let largest = (0..counts.len()).reduce(|a, b| if counts[b] > counts[a] { b } else { a })?;
    let smallest = (0..counts.len()).reduce(|a, b| if counts[b] < counts[a] { b } else { a })?;
    Some(Balance { largest: of(largest), smallest: of(smallest), imbalanced: prepared.is_imbalanced() })
}

/// What deserves a look before the figures are trusted, a sentence each, for the printed answer. What the data's looks
/// explain as well as a shortcut would, and single odd pictures, are left to the report.
pub fn warnings(audit: &Audit) -> Vec<String> {
    let mut sentences = Vec::new();
    if let Some(LabelAudit { checked, expected, doubtful: true, ranked }) = &audit.labels
        && let Some(first) = ranked.first()
    {
        sentences.push(format!(
            "About {expected} of {checked} labels may be wrong, such as {}: labelled {}, looks like {}.",
            first.file, first.given, first.likely
        ));
    }
    let named = audit.shortcuts.iter().filter(|shortcut| shortcut.named && !shortcut.may_be_signal);
    sentences.extend(named.map(|shortcut| format!("{}.", shortcut.words)));
    sentences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_deserves_a_look_is_printed() {
        assert!(warnings(&Audit::default()).is_empty());
        let suspect = Suspect {
            file: "a/1.png".into(),
            given: "a".into(),
            likely: "b".into(),
            given_probability: 0.1,
            likely_probability: 0.9,
            score: -0.9,
            plausible: true,
        };
        let shortcut = |named, may_be_signal| Shortcut {
            cue: "border".into(),
            balanced_accuracy: 0.9,
            ci95: [0.8, 0.95],
            chance: 0.5,
            n: 60,
            named,
            may_be_signal,
            classes: Vec::new(),
            words: "Border alone tells the classes apart".into(),
        };
        let labels = LabelAudit { checked: 60, expected: 3, doubtful: true, ranked: vec![suspect] };
        let shortcuts = vec![shortcut(true, false), shortcut(true, true), shortcut(false, false)];
        let mut audit = Audit { labels: Some(labels), shortcuts, ..Audit::default() };
        let told = warnings(&audit);
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].contains("3 of 60 labels may be wrong, such as a/1.png: labelled a, looks like b"), "{told:?}");
        audit.labels.iter_mut().for_each(|labels| labels.doubtful = false);
        assert_eq!(warnings(&audit).len(), 1, "no more than the model's own mistakes");
    }
}
