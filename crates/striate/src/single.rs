//! `train --model` and `train --recipe`: one net, trained and tested once.

use crate::audit::unlike::{self, Reference};
use crate::error::Error;
use crate::event::Event;
use crate::finish::{Outcome, finish};
use crate::input;
use crate::judge::Round;
use crate::ladder::{Answers, Truth};
use crate::prepare::Prepared;
use crate::report::TrainReport;
use crate::rungs::Fitted;
use crate::train::Job;
use crate::training::train_in_run;
use std::collections::BTreeSet;
use striate_data::preprocess::Preprocess;
use striate_data::split::holdout;
use striate_data::unit_cache::UnitCache;
use striate_nn::{Frozen, Net, NetConfig, registry};
use striate_train::classify::{Classify, FitSpec};
use striate_train::fit::batches;
use striate_train::infer::{self, InferSpec};
use striate_train::manifest::UnlikeRule;

/// Share of the pictures held out for the test where no test split is given.
const TEST: f64 = 0.2;
/// Decoded pictures are kept for the next epoch where all of them fit into this many bytes.
const CACHE_BYTES: usize = 256 << 20;

/// Most input values of a batch, 512 MiB: what a net makes of them takes many times more.
const MAX_BATCH_VALUES: usize = 1 << 27;

/// A cache for all pictures of small data; none for large data, so that memory does not grow with it.
pub(crate) fn cache(preprocess: &Preprocess, pictures: usize) -> Option<UnitCache> {
    let values = preprocess.channels() * preprocess.size[0] * preprocess.size[1];
    let fits = pictures.saturating_mul(values).saturating_mul(size_of::<f32>()) <= CACHE_BYTES;
    fits.then(|| UnitCache::new(preprocess, pictures, CACHE_BYTES))
}

/// Trains the recipe's net and tests it.
pub(crate) fn train_single(job: &Job) -> Result<TrainReport, Error> {
    let prepared = &job.prepared;
    let recipe = &job.recipe;
    let seed = recipe.train.seed;
    let (mut train, mut test, mut valid) = (prepared.train.clone(), prepared.test.clone(), prepared.valid.clone());
    let mut words = format!("the given test split, {} pictures", test.len());
    if test.is_empty() {
        (train, test) = split(job, &train, TEST, seed);
        words = format!("a held-out fifth, {} pictures, stratified, whole groups", test.len());
    }
    if valid.is_empty() && recipe.train.valid_fraction > 0.0 {
        (train, valid) = split(job, &train, recipe.train.valid_fraction, seed.wrapping_add(1));
    }
    if train.len() < 2 || test.is_empty() {
        return Err(too_few(prepared));
    }
    let entry = registry::find(&recipe.model.name)?;
    let preprocess = input::of_recipe(&recipe.input, prepared, entry.image_size);
    let mut config = NetConfig::new(&recipe.model.name, prepared.classes().len())?;
    config.in_channels = preprocess.channels();
    config.image_size = preprocess.size;
    config.width = recipe.model.width;
    config.dropout = recipe.model.dropout.unwrap_or(config.dropout);

    check_batch(batches(recipe, train.len()).0, config.in_channels, config.image_size)?;

    let bench = job.bench();
    let cache = cache(&preprocess, prepared.dataset.len());
    let spec = FitSpec {
        recipe,
        net: &config,
        dataset: &prepared.dataset,
        labels: &prepared.labels,
        train: &train,
        valid: &valid,
        preprocess: &preprocess,
        cache: cache.as_ref(),
        device: bench.device,
        workers: bench.workers,
    };
    (job.observer)(Event::Stage(format!("training {} on {} pictures", config.name, train.len())));
    let (net, history) = train_in_run(bench.context, &config.name, &Classify::new(&spec))?;

    let scored = prepared.leaks.is_empty() || job.asked.allow_leaks;
    let truth = Truth::of(prepared, &test);
    (job.observer)(Event::Stage(format!("testing on {} pictures", test.len())));
    let progress = |done: usize| {
        let (done, total) = (done as u64, test.len() as u64);
        (job.observer)(Event::pictures(done, total));
    };
    let logits = infer::logits(&Frozen::new(net.clone()), &InferSpec::of(&spec, &test), &progress)?;
    let answers = Answers::new(&logits, truth.classes);
    // Copies of training pictures lie at no distance from them: no threshold is set by those.
    let unlike = match prepared.leaks.is_empty() {
        true => unlike(&net, &spec, &test, &prepared.groups_of(&test))?,
        false => None,
    };
    let score = scored.then(|| truth.score(&answers.predicted, seed));
    let fitted =
        Fitted { config, preprocess: preprocess.clone(), features: None, net, history, learned_from: train.len() };
    finish(
        job,
        Outcome {
            rungs: Vec::new(),
            skipped: Vec::new(),
            chosen: recipe.model.name.clone(),
            selected: score.clone(),
            test: score,
            choice: None,
            temperature: 1.0,
            labels: None,
            judged_by: words,
            judged: test.clone(),
            rounds: vec![Round { train, score: test }],
            unlike,
            answers,
            curves: vec![(recipe.model.name.clone(), fitted.history.clone())],
            augmented: true,
            refitted: false,
            fitted,
        },
    )
}

/// How pictures unlike the training pictures are told, by a threshold set on the test pictures.
fn unlike(net: &Net, spec: &FitSpec, test: &[usize], groups: &[u32]) -> Result<Option<(UnlikeRule, Reference)>, Error> {
    let net = Frozen::new(net.clone());
    let kept = unlike::kept(spec.train, net.net().feature_len(), spec.recipe.train.seed);
    let reference = infer::features(&net, &InferSpec::of(spec, &kept), &|_| {})?;
    let reference = Reference::new(&reference, net.net().feature_len());
    let judged = unlike::kept(test, net.net().feature_len(), spec.recipe.train.seed);
    let distances = reference.distances(&infer::features(&net, &InferSpec::of(spec, &judged), &|_| {})?);
    let group = |i: &usize| test.binary_search(i).map_or(0, |at| groups[at]);
    let parts: Vec<u8> = judged.iter().map(|i| (group(i) % 5) as u8).collect();
    Ok(unlike::rule(&distances, &parts).map(|rule| (rule, reference)))
}

/// Too few groups to learn from some and score on others.
pub(crate) fn too_few(prepared: &Prepared) -> Error {
    let n = prepared.train.len();
    let groups = match prepared.groups_of(&prepared.train).into_iter().collect::<BTreeSet<_>>().len() {
        1 if n > 1 => " in one group".to_string(),
        groups if groups < n => format!(" in {groups} groups"),
        _ => String::new(),
    };
    let what =
        format!("{}: {n} pictures{groups} are too few to train on some and test on others", prepared.dataset.origin);
    Error::request(what, "add pictures, or check --group-by and the groups if there are some")
}

/// Refuses a batch that would fill a computer's memory.
fn check_batch(batch: usize, channels: usize, [h, w]: [usize; 2]) -> Result<(), Error> {
    if batch.saturating_mul(channels * h * w) <= MAX_BATCH_VALUES {
        return Ok(());
    }
    let what = format!("a batch of {batch} pictures of {channels}x{h}x{w} is more than the {MAX_BATCH_VALUES} values");
    Err(Error::request(format!("{what} that one may have"), "give a smaller --batch or --image-size"))
}

/// Keeps most of `pictures` and holds out `fraction`, whole groups; keeps all where there are too few.
fn split(job: &Job, pictures: &[usize], fraction: f64, seed: u64) -> (Vec<usize>, Vec<usize>) {
    let held = holdout(&job.prepared.labels_of(pictures), &job.prepared.groups_of(pictures), fraction, seed);
    let pick = |wanted: bool| pictures.iter().zip(&held).filter(|&(_, &h)| h == wanted).map(|(&i, _)| i).collect();
    (pick(false), pick(true))
}
