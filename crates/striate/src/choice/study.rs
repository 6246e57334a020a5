//! Labels drawn again and again from data where all are known: what each rung is worth there, and what its figures said.
//!
//! The rungs, their folds and their figures are those of `train`. Each draw takes so many pictures of each class; all pictures of other
//! groups are the truth.

use crate::error::Error;
use crate::event::{Event, Observer};
use crate::judge::{Judge, judge};
use crate::ladder::{Judged, Known, Truth, calibrated, judge_rung, temperature_of};
use crate::prepare::{PrepareOptions, prepare};
use crate::recipes;
use crate::rungs::offer::{Offer, ROWS, fast, place};
use crate::rungs::{Lite0, Rung};
use crate::train::Job;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};
use striate_engine::device::chosen;
use striate_kernels::rng::Key;
use striate_train::metrics::calibration::log_loss;
use striate_train::metrics::temperature::{Expected, at, brier_score};
use striate_train::metrics::{self, Outcomes};
use striate_train::recipe::RunPart;
use striate_train::run::Run;

/// Fewest pictures of each class that the truth is measured on.
const TRUTH: usize = 20;
/// What the likeliest temperature is found by: the pictures alone.
const VAGUE: Expected = Expected { ln: 0.0, deviation: 5.0 };

/// What to draw.
#[derive(Clone, Debug)]
pub struct StudyOptions {
    /// Labelled data, as `train` takes it.
    pub data: String,
    /// Regular expression that names groups.
    pub group_by: Option<String>,
    /// Labels per class.
    pub labels: Vec<usize>,
    /// Draws for each number of labels.
    pub draws: usize,
    /// Those of the draws that rungs are tried in which take long to learn, the first ones.
    pub dear_draws: usize,
    /// What the time of these is planned for.
    pub budget: Duration,
    /// Decides the draws.
    pub seed: u64,
    /// Folder for the records, a file for each set.
    pub out: PathBuf,
}

/// One draw.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Name of the data: `SOURCE.SET`.
    pub set: String,
    /// Number of classes.
    pub classes: usize,
    /// Labels drawn per class.
    pub labels_per_class: usize,
    /// Which draw.
    pub draw: usize,
    /// Class of each judged picture; empty where nothing could be judged.
    pub labels: Vec<u32>,
    /// Group of each.
    pub groups: Vec<u32>,
    /// Part of each, as `train` chooses.
    pub parts: Vec<u8>,
    /// The rungs, simplest first.
    pub rungs: Vec<RungRecord>,
    /// Balanced accuracy on the pictures not drawn of the mean of several rungs' probabilities, by what was averaged.
    pub averages: Vec<(String, f64)>,
}

/// Rungs whose probabilities are averaged, to see whether that is worth its time.
const AVERAGES: [(&str, &[&str]); 3] = [
    ("discriminant and edges_hog", &["efficientnet_lite0_discriminant", "edges_hog"]),
    (
        "discriminant, logistic regression, neighbours",
        &["efficientnet_lite0_discriminant", "efficientnet_lite0", "efficientnet_lite0_knn"],
    ),
    (
        "all that learn fast",
        &[
            "pixels",
            "edges_hog",
            "pca",
            "efficientnet_lite0_centroid",
            "efficientnet_lite0_discriminant",
            "efficientnet_lite0_knn",
            "efficientnet_lite0",
        ],
    ),
];

/// One rung of a draw.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RungRecord {
    /// Its name.
    pub name: String,
    /// Balanced accuracy on the pictures not drawn, of the rung fitted to all that were.
    pub truth: f64,
    /// Of each judged picture the share of right answers.
    pub right: Vec<f64>,
    /// Of each judged picture the Brier score of its calibrated probabilities.
    pub held_out_brier: Vec<f64>,
    /// Natural logarithm of the likeliest temperature of its answers on the pictures not drawn.
    pub ln_temperature: f64,
    /// Brier score of its answers there, with the temperature found on the drawn pictures.
    pub brier: f64,
    /// Mean log loss in nats of its calibrated answers out of fold; null where nothing could be judged.
    pub held_out_log_loss: Option<f64>,
}

impl Record {
    /// What comes before the first dot of the set's name: sets of one source are relatives.
    pub fn source(&self) -> &str {
        self.set.split('.').next().unwrap_or(&self.set)
    }
}

/// Reads the records of all files in a folder, in the order of the files' names.
pub fn read(folder: &Path) -> Result<Vec<Record>, Error> {
    let listed = std::fs::read_dir(folder).map_err(Error::reading(folder))?;
    let mut files: Vec<PathBuf> = listed.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|path| path.extension().is_some_and(|ext| ext == "jsonl"));
    files.sort();
    let mut records = Vec::new();
    for path in files {
        let text = std::fs::read_to_string(&path).map_err(Error::reading(&path))?;
        for (i, line) in text.lines().enumerate() {
            let wrong = |e| Error::File { path: path.clone(), why: format!("line {}: {e}; delete the file", i + 1) };
            records.push(serde_json::from_str(line).map_err(wrong)?);
        }
    }
    Ok(records)
}

/// Draws, and appends a line for each draw that the set's file does not hold yet.
pub fn study(options: &StudyOptions, observer: Observer) -> Result<(), Error> {
    let ask = PrepareOptions { data: options.data.clone(), group_by: options.group_by.clone(), strict: false };
    let prepared = prepare(&ask, observer)?;
    let set = prepared.dataset.name.clone();
    std::fs::create_dir_all(&options.out).map_err(Error::writing(&options.out))?;
    let path = options.out.join(format!("{set}.jsonl"));
    let done: Vec<Record> = if path.exists() { read(&options.out)? } else { Vec::new() };
    let is_done = |n: usize, draw: usize| {
        done.iter().any(|record| record.set == set && (record.labels_per_class, record.draw) == (n, draw))
    };
    let folder = std::env::temp_dir().join(format!("striate-study-{}", std::process::id()));
    let run = Run::create(Some(&folder), &set, true)?;
    let recipe = recipes::load(recipes::DEFAULT)?;
    let asked = RunPart {
        data: options.data.clone(),
        fingerprint: String::new(),
        ladder: true,
        rung: None,
        budget_s: options.budget.as_secs(),
        group_by: None,
        strict: false,
        allow_leaks: false,
        command: String::new(),
    };
    let (checkpoint_every, start) = (Duration::from_secs(3600), Instant::now());
    let job = Job { prepared, run, recipe, asked, observer, checkpoint_every, start, device: chosen() };
    let bench = job.bench();
    let all = job.prepared.train.clone();
    let lite0 = Rc::new(Lite0::new(bench, all.len())?);
    let rungs = fast(bench, Some(&lite0), &|name| name != "efficientnet_lite0_svm", (usize::MAX, ROWS))?;
    let total = (options.labels.len() * options.draws) as u64;
    for (size, &n) in options.labels.iter().enumerate() {
        for draw in 0..options.draws {
            let progress = (size * options.draws + draw) as u64;
            observer(Event::Progress { done: progress, total, unit: "draws", note: format!("{n} labels per class") });
            if is_done(n, draw) {
                continue;
            }
            let Some((train, rest)) = drawn(&job, &all, n, Key::new(options.seed).with(n as u64).with(draw as u64))
            else {
                break;
            };
            let dear = draw < options.dear_draws && n > 1;
            let record = one(&job, &lite0, &rungs, &train, &rest, (n, draw, dear))?;
            let mut file =
                std::fs::OpenOptions::new().create(true).append(true).open(&path).map_err(Error::writing(&path))?;
            let line = serde_json::to_string(&record).expect("a record has a JSON form") + "\n";
            file.write_all(line.as_bytes()).map_err(Error::writing(&path))?;
        }
    }
    let _ = std::fs::remove_dir_all(&folder); // scratch
    Ok(())
}

/// `n` pictures of each class and the pictures of other groups; nothing where a class has too few.
fn drawn(job: &Job, all: &[usize], n: usize, key: Key) -> Option<(Vec<usize>, Vec<usize>)> {
    let prepared = &job.prepared;
    let mut shuffled = all.to_vec();
    key.stream().shuffle(&mut shuffled);
    let classes = prepared.classes().len();
    let mut counts = vec![0; classes];
    let mut train: Vec<usize> = shuffled
        .into_iter()
        .filter(|&i| {
            let count = &mut counts[prepared.labels[i] as usize];
            *count += 1;
            *count <= n
        })
        .collect();
    train.sort_unstable();
    let mut taken = prepared.groups_of(&train);
    taken.sort_unstable();
    let rest: Vec<usize> = all.iter().copied().filter(|&i| taken.binary_search(&prepared.groups[i]).is_err()).collect();
    let mut left = vec![0; classes];
    prepared.labels_of(&rest).into_iter().for_each(|label| left[label as usize] += 1);
    (counts.iter().all(|&count| count >= n) && left.iter().all(|&n| n >= TRUTH)).then_some((train, rest))
}

fn one<'a>(
    job: &'a Job,
    lite0: &Rc<Lite0<'a>>,
    rungs: &[Box<dyn Rung + 'a>],
    train: &[usize],
    rest: &[usize],
    (n, draw, dear): (usize, usize, bool),
) -> Result<Record, Error> {
    let seed = job.recipe.train.seed;
    let judge: Judge = judge(&job.prepared, train, usize::MAX, seed);
    let truth = Truth::of(&job.prepared, &judge.scored);
    // A run of its own: a training goes on from a checkpoint of the same name.
    let folder = job.run.folder.join(format!("{n}-{draw}"));
    let run = Run::create(Some(&folder), "draw", true)?;
    let mut more = Offer { rungs: Vec::new(), skipped: Vec::new() };
    let bench = job.bench();
    let mut context = bench.context;
    context.run = &run;
    let (mut records, mut answers) = (Vec::new(), BTreeMap::new());
    let silent = |_| {};
    if dear {
        more.add_dear(job, crate::rungs::Bench { context, ..bench }, Some(lite0), &|_| true, &judge, usize::MAX)?;
    }
    for rung in rungs.iter().chain(&more.rungs).filter(|rung| rung.name() != "chance") {
        let expected = start_temperature(rung.name(), n);
        let judged: Option<Judged> = if judge.rounds.is_empty() {
            None
        } else {
            judge_rung(
                rung.as_ref(),
                &judge,
                &truth,
                Known { temperature: expected, gain: 0.0 },
                seed,
                &silent,
                &|| true,
            )?
        };
        let fitted = rung.fit("all", train)?;
        let logits = rung.logits(&fitted, rest)?;
        let (labels, classes) = (job.prepared.labels_of(rest), truth.classes);
        let temperature =
            judged.as_ref().map_or(libm::exp(expected.ln), |judged| temperature_of(judged, &truth, expected));
        let best = metrics::temperature::temperature(&logits, &labels, classes, VAGUE);
        let probabilities = at(&logits, classes, temperature);
        let held_out = judged.as_ref().map(|judged| calibrated(judged, &judge, &truth, expected).probabilities);
        records.push(RungRecord {
            name: rung.name().into(),
            truth: accuracy(&probabilities, &labels, classes),
            held_out_log_loss: held_out.as_ref().map(|rows| log_loss(rows, &truth.labels)),
            held_out_brier: judged
                .as_ref()
                .map_or(Vec::new(), |judged| judged.brier.iter().map(|b| round(*b)).collect()),
            right: judged.map_or(Vec::new(), |judged| judged.right.iter().map(|r| round(*r)).collect()),
            ln_temperature: libm::log(best),
            brier: brier_score(&probabilities, &labels),
        });
        answers.insert(rung.name(), probabilities);
    }
    records.sort_by_key(|record| place(&record.name));
    drop(more);
    let _ = std::fs::remove_dir_all(&folder); // scratch
    Ok(Record {
        set: job.prepared.dataset.name.clone(),
        classes: truth.classes,
        labels_per_class: n,
        draw,
        labels: truth.labels.clone(),
        groups: truth.groups.clone(),
        parts: judge.parts,
        rungs: records,
        averages: AVERAGES
            .iter()
            .map(|(name, rungs)| {
                let mean = |i: usize, k: usize| rungs.iter().map(|rung| answers[rung][i][k]).sum::<f64>();
                let rows =
                    (0..rest.len()).map(|i| (0..truth.classes).map(|k| mean(i, k)).collect()).collect::<Vec<_>>();
                ((*name).to_string(), accuracy(&rows, &job.prepared.labels_of(rest), truth.classes))
            })
            .collect(),
    })
}

/// What a study expects of temperatures: rounded, the same for all sets, so that nothing of a set goes into the choice on it.
fn start_temperature(name: &str, labels: usize) -> Expected {
    let ln = match (name, labels) {
        ("efficientnet_lite0_centroid", _) | ("efficientnet_lite0_discriminant", 1) => -2.0,
        ("efficientnet_lite0_discriminant", 2) => 6.0,
        ("efficientnet_lite0_discriminant", 3..=14) => 5.0,
        ("efficientnet_lite0_discriminant", _) => 4.0,
        ("efficientnet_lite0_knn", _) => 1.0,
        _ => 0.0,
    };
    Expected { ln, deviation: 1.0 }
}

fn round(value: f64) -> f64 {
    (1e4 * value).round() / 1e4
}

/// Balanced accuracy of the likeliest classes.
fn accuracy(probabilities: &[Vec<f64>], labels: &[u32], classes: usize) -> f64 {
    let predicted: Vec<u32> = probabilities.iter().map(|row| metrics::argmax(row)).collect();
    metrics::balanced_accuracy(&metrics::confusion(&Outcomes { truth: labels, predicted: &predicted, classes }))
}
