//! `train DATA` with nothing else: the first ladder, within its budget.

use crate::audit::unlike;
use crate::error::Error;
use crate::event::Event;
use crate::finish::{Outcome, finish};
use crate::input;
use crate::judge::{judge, sample};
use crate::ladder::{self, Answers, Judged, Truth, choose, judge_rung, selected_answers};
use crate::plan::{inference_capacity, inference_seconds, training_plan};
use crate::report::{Skipped, TrainReport};
use crate::rungs::{Bench, Chance, Probe, Rung, Scratch};
use crate::single::{cache, too_few};
use crate::train::Job;
use striate_kernels::rng::Key;
use striate_nn::NetConfig;

/// Shares of the budget: the pretrained features of the judged pictures, the trained rung, the test split.
const FEATURES: f64 = 0.4;
const TRAINING: f64 = 0.35;
const TEST: f64 = 0.15;
/// Most pictures that raw pixels learn from: bounds the memory of their rows.
const PIXELS: usize = 3000;
/// Fewest pictures a class that the trained rung is worth trying with.
const LEAST_A_CLASS: usize = 4;

/// Runs the rungs, chooses, refits, tests.
pub(crate) fn climb(job: &Job) -> Result<TrainReport, Error> {
    let (prepared, observer, seed) = (&job.prepared, job.observer, job.recipe.train.seed);
    let budget = job.asked.budget_s as f64;
    let bench = job.bench();
    let mut skipped = Vec::new();

    let lite0_macs = NetConfig::new("efficientnet_lite0", prepared.classes().len())?.forward_macs()?;
    let small = inference_capacity(lite0_macs, FEATURES * budget).max(2);
    let judge = judge(prepared, small, seed);
    if judge.rounds.is_empty() || judge.rounds.iter().any(|round| round.train.is_empty() || round.score.is_empty()) {
        return Err(too_few(prepared));
    }
    let truth = Truth::of(prepared, &judge.scored);
    let folds = judge.rounds.len() > 1;
    if !folds {
        let n = prepared.train.len();
        observer(Event::Info(format!("{n} pictures are judged on {}", judge.words)));
    }
    let left = if folds { small } else { small.saturating_sub(judge.scored.len()) };

    let mut rungs: Vec<Box<dyn Rung + '_>> = vec![Box::new(Chance(bench)), Box::new(Probe::pixels(bench, PIXELS)?)];
    match scratch(job, bench, judge.rounds[0].train.len(), judge.rounds.len() + 1, TRAINING * budget)? {
        Ok(rung) => rungs.push(Box::new(rung)),
        Err(why) => skipped.push(Skipped { name: "conv4".into(), why }),
    }
    if left >= 2 * prepared.classes().len() {
        rungs.push(Box::new(Probe::lite0(bench, left)?));
    } else {
        let seconds = inference_seconds(lite0_macs, judge.scored.len() + 2 * prepared.classes().len());
        let why = format!(
            "features of the fewest useful pictures take about {seconds:.0} s, too much of a budget of {budget:.0} s (--budget)"
        );
        skipped.push(Skipped { name: "efficientnet_lite0".into(), why });
    }

    let mut judged: Vec<Judged> = Vec::new();
    for rung in &rungs {
        if job.start.elapsed().as_secs_f64() > 2.0 * budget {
            let why =
                "the rungs before it took twice the budget already; this machine is slower than the plan (--budget)";
            skipped.push(Skipped { name: rung.name().into(), why: why.into() });
            continue;
        }
        let result = judge_rung(rung.as_ref(), &judge, &truth, seed, observer)?;
        let (name, score) = (&result.report.name, &result.report.score);
        observer(Event::Info(format!("{name}: balanced accuracy {:.1} %", 100.0 * score.balanced_accuracy)));
        judged.push(result);
    }
    let chosen = choose(&judged, &truth, &|_| true, seed);
    let selected = truth.score(&selected_answers(&judged, &judge, &truth, seed), seed);
    let name = judged[chosen].report.name.clone();
    let rung = rungs.iter().find(|rung| rung.name() == name).expect("a judged rung is one of the rungs");

    observer(Event::Stage(format!("{name}, fitted to all pictures")));
    let mut all: Vec<usize> = prepared.train.iter().chain(&prepared.valid).copied().collect();
    all.sort_unstable();
    let fitted = rung.fit("all", &all)?;
    let unlike = match unlike::rule(&judged[chosen].distances, &judge.parts) {
        Some(rule) => ladder::reference(rung.as_ref(), &fitted, &all, seed)?.map(|reference| (rule, reference)),
        None => None,
    };

    let scored = prepared.leaks.is_empty() || job.asked.allow_leaks;
    let test = if prepared.test.is_empty() || !scored {
        None
    } else {
        observer(Event::Stage("testing on the given test split".into()));
        let fits = inference_capacity(fitted.config.forward_macs()?, TEST * budget).max(1);
        let pictures = sample(&prepared.test, fits, Key::new(seed).with_name("test"));
        if pictures.len() < prepared.test.len() {
            let (n, of) = (pictures.len(), prepared.test.len());
            observer(Event::Warning(format!(
                "tested on {n} of the {of} test pictures, as many as the budget allows; `striate eval` scores all"
            )));
        }
        let answers = Answers::new(&rung.logits(&fitted, &pictures)?, truth.classes);
        Some(Truth::of(prepared, &pictures).score(&answers.predicted, seed))
    };
    let curves = judged
        .iter()
        .flat_map(|rung| {
            let name = |i: usize| format!("{}, round {}", rung.report.name, i + 1);
            rung.histories.iter().enumerate().filter(|(_, h)| !h.is_empty()).map(move |(i, h)| (name(i), h.clone()))
        })
        .collect();
    let outcome = Outcome {
        answers: judged[chosen].answers.clone(),
        rungs: judged.into_iter().map(|rung| rung.report).collect(),
        skipped,
        augmented: name == "conv4",
        chosen: name,
        selected: Some(selected),
        test,
        judged_by: judge.words,
        judged: judge.scored,
        rounds: judge.rounds,
        unlike,
        curves,
        refitted: true,
        fitted,
    };
    drop(rungs);
    finish(job, outcome)
}

/// The small net from scratch, cut to the budget; or why it is left out.
fn scratch<'a>(
    job: &'a Job,
    bench: Bench<'a>,
    pictures: usize,
    trainings: usize,
    seconds: f64,
) -> Result<Result<Scratch<'a>, String>, Error> {
    let mut recipe = job.recipe.clone();
    let preprocess = input::of_recipe(&recipe.input, &job.prepared, 48);
    let mut config = NetConfig::new(&recipe.model.name, job.prepared.classes().len())?;
    config.in_channels = preprocess.channels();
    config.image_size = preprocess.size;
    config.width = recipe.model.width;
    let least = LEAST_A_CLASS * job.prepared.classes().len();
    if pictures < least {
        return Ok(Err(format!(
            "{pictures} pictures to learn from are too few for a net from scratch; it is tried from {least}"
        )));
    }
    match training_plan(config.forward_macs()?, pictures, trainings, seconds, least) {
        None => Ok(Err(format!(
            "{trainings} trainings of at least 8 epochs do not fit into {seconds:.0} s, its share of the budget (--budget)"
        ))),
        Some(plan) => {
            recipe.train.epochs = plan.epochs;
            recipe.train.patience = 0;
            let cache = cache(&preprocess, job.prepared.dataset.len());
            Ok(Ok(Scratch { bench, recipe, config, preprocess, plan, cache }))
        }
    }
}
