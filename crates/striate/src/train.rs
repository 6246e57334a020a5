//! The task `train`: from a folder of pictures to one model file and one report.

use crate::climb;
use crate::error::Error;
use crate::event::{Event, Observer};
use crate::leaks;
use crate::prepare::{PrepareOptions, Prepared, look, prepare};
use crate::recipes;
use crate::report::TrainReport;
use crate::rungs::{Bench, offer};
use crate::single;
use crate::train_coder::train_coder;
use crate::train_restorer::train_restorer;
use crate::training::Context;
use burn::tensor::Device;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use striate_engine::device::chosen;
use striate_nn::{coders, restorers};
use striate_train::recipe::{Recipe, RunPart};
use striate_train::run::{Run, probe};

pub use crate::rungs::offer::NAMES as RUNGS;

/// What a training was asked for.
#[derive(Clone, Debug)]
pub struct TrainOptions {
    /// Folder, CSV, IDX or CIFAR folder, `@digits` or `@photos`.
    pub data: String,
    /// Trains this net alone.
    pub model: Option<String>,
    /// Trains by this recipe alone: a built-in name or the path of a TOML file.
    pub recipe: Option<String>,
    /// Climbs a ladder of chance and this rung alone.
    pub rung: Option<String>,
    /// Overrides the recipe's epochs.
    pub epochs: Option<usize>,
    /// Overrides the recipe's peak learning rate.
    pub lr: Option<f64>,
    /// Overrides the recipe's batch.
    pub batch: Option<usize>,
    /// Overrides the recipe's image size, in pixels a side.
    pub image_size: Option<usize>,
    /// Decides everything that is drawn; the recipe's where not given.
    pub seed: Option<u64>,
    /// The run folder; `runs/<data>-<what>-<n>` where not given.
    pub out: Option<PathBuf>,
    /// What the ladder plans for.
    pub budget: Duration,
    /// Regular expression on file names whose first capture (or match) names the group of a picture.
    pub group_by: Option<String>,
    /// A damaged picture is an error.
    pub strict: bool,
    /// Leaks between given splits are let pass.
    pub allow_leaks: bool,
    /// An existing run at `out` is replaced.
    pub overwrite: bool,
    /// Longest time between two checkpoints.
    pub checkpoint_every: Duration,
    /// The command as typed, for the report.
    pub command: String,
}

/// One training, all settled: what [`train`] and [`resume`] have in common.
pub(crate) struct Job<'a> {
    /// The data.
    pub prepared: Prepared,
    /// The run.
    pub run: Run,
    /// The recipe, with its [`RunPart`].
    pub recipe: Recipe,
    /// The run's part of the recipe.
    pub asked: RunPart,
    /// Who is told.
    pub observer: Observer<'a>,
    /// Longest time between two checkpoints.
    pub checkpoint_every: Duration,
    /// When it began.
    pub start: Instant,
    /// Where to compute.
    pub device: Device,
}

impl Job<'_> {
    /// The same job, told to another observer.
    fn told_to(self, observer: Observer<'_>) -> Job<'_> {
        let Job { prepared, run, recipe, asked, checkpoint_every, start, device, .. } = self;
        Job { prepared, run, recipe, asked, observer, checkpoint_every, start, device }
    }

    /// What rungs and trainings work on.
    pub fn bench(&self) -> Bench<'_> {
        Bench {
            prepared: &self.prepared,
            context: Context { run: &self.run, observer: self.observer, checkpoint_every: self.checkpoint_every },
            device: &self.device,
            workers: rayon::current_num_threads(),
            seed: self.recipe.train.seed,
        }
    }
}

/// Trains, judges, saves the model and the report.
pub fn train(options: &TrainOptions, observer: Observer) -> Result<TrainReport, Error> {
    let start = Instant::now();
    let mut recipe = recipe_of(options)?;
    options.rung.as_deref().map_or(Ok(()), offer::check_name)?;
    let prepared = prepare_for(&recipe, &options.data, options.group_by.clone(), options.strict, observer)?;
    let ladder = options.model.is_none() && options.recipe.is_none();
    let asked = RunPart {
        data: options.data.clone(),
        fingerprint: prepared.scan.fingerprint.clone(),
        ladder,
        rung: options.rung.clone(),
        budget_s: options.budget.as_secs(),
        group_by: options.group_by.clone(),
        strict: options.strict,
        allow_leaks: options.allow_leaks,
        command: options.command.clone(),
    };
    recipe.run = Some(asked.clone());
    let what = if ladder { options.rung.as_deref().unwrap_or("ladder") } else { recipe.model.name.as_str() };
    let run = Run::create(options.out.as_deref(), &format!("{}-{what}", prepared.dataset.name), options.overwrite)?;
    run.write("recipe.toml", recipe.to_toml().as_bytes())?;
    let checkpoint_every = options.checkpoint_every;
    let trained =
        go(Job { prepared, run: run.clone(), recipe, asked, observer, checkpoint_every, start, device: chosen() });
    if matches!(trained, Err(Error::Request { .. } | Error::Net(_))) {
        run.withdraw(); // the same --out should do for the next try
    }
    trained
}

/// Goes on with a run that was cut off.
pub fn resume(folder: &Path, checkpoint_every: Duration, observer: Observer) -> Result<TrainReport, Error> {
    let start = Instant::now();
    let (run, recipe) = Run::open(folder)?;
    let path = run.path("recipe.toml");
    let Some(asked) = recipe.run.clone() else {
        let what = format!("{} does not say which data it was for", path.display());
        return Err(Error::request(what, "start a run with `striate train DATA --recipe FILE`"));
    };
    if run.path("report.html").exists() {
        let what = format!("{} is finished", folder.display());
        return Err(Error::request(what, "look at its report.html, or start another run with `striate train`"));
    }
    let prepared = prepare_for(&recipe, &asked.data, asked.group_by.clone(), asked.strict, observer)?;
    if prepared.scan.fingerprint != asked.fingerprint {
        let what = format!("the pictures of {} are no longer those that {} began with", asked.data, folder.display());
        return Err(Error::request(what, "restore them, or start a new run with `striate train`"));
    }
    run.write("metrics.jsonl", b"")?; // every training writes its epochs anew, from its checkpoint
    go(Job { prepared, run, recipe, asked, observer, checkpoint_every, start, device: chosen() })
}

fn go(job: Job) -> Result<TrainReport, Error> {
    probe(&job.run)?;
    let (run, start, outer) = (job.run.clone(), job.start, job.observer);
    let logged = |event: Event| {
        if let Some(line) = event.line() {
            // A log that cannot be written stops nothing: the files that count will say so themselves.
            let _ = run.append("log.txt", &format!("[{:8.1} s] {line}", start.elapsed().as_secs_f64()));
        }
        outer(event);
    };
    let job = job.told_to(&logged);
    let observer = job.observer;
    leaks::warnings(&job.prepared.leaks).for_each(observer);
    match job.asked.ladder {
        true => climb::climb(&job),
        false if is_coder(&job.recipe) => train_coder(&job),
        false if is_restorer(&job.recipe) => train_restorer(&job),
        false => single::train_single(&job),
    }
}

/// Whether the recipe makes an autoencoder, which learns without labels.
fn is_coder(recipe: &Recipe) -> bool {
    coders::NAMES.contains(&recipe.model.name.as_str())
}

/// Whether the recipe makes a restorer, which learns from pictures alone.
fn is_restorer(recipe: &Recipe) -> bool {
    restorers::NAMES.contains(&recipe.model.name.as_str())
}

fn prepare_for(
    recipe: &Recipe,
    data: &str,
    group_by: Option<String>,
    strict: bool,
    observer: Observer,
) -> Result<Prepared, Error> {
    let options = PrepareOptions { data: data.to_string(), group_by, strict };
    if is_coder(recipe) || is_restorer(recipe) { look(&options, observer) } else { prepare(&options, observer) }
}

/// The recipe asked for, with the flags laid over it.
fn recipe_of(options: &TrainOptions) -> Result<Recipe, Error> {
    let mut recipe = recipes::load(options.recipe.as_deref().unwrap_or(recipes::DEFAULT))?;
    if let Some(model) = &options.model {
        striate_nn::registry::find(model)?;
        if *model != recipe.model.name {
            recipe.model.width = None;
            recipe.model.dropout = None;
        }
        recipe.model.name = model.clone();
    }
    let steps = [("--epochs", options.epochs.is_some()), ("--lr", options.lr.is_some())];
    if let Some((flag, _)) = steps.iter().find(|(_, given)| *given && recipe.model.name == "pca") {
        return Err(Error::request(
            format!("{flag} means nothing to principal components, which are solved exactly"),
            "leave it out",
        ));
    }
    let train = &mut recipe.train;
    train.epochs = options.epochs.unwrap_or(train.epochs);
    train.batch = options.batch.unwrap_or(train.batch);
    train.seed = options.seed.unwrap_or(train.seed);
    recipe.optimizer.lr = options.lr.unwrap_or(recipe.optimizer.lr);
    recipe.input.image_size = options.image_size.or(recipe.input.image_size);
    recipe.validate().map_err(|source| Error::Recipe { name: "with the given flags".into(), source })?;
    Ok(recipe)
}
