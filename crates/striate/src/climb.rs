//! `train DATA` with nothing else: the ladder, within its budget.

use crate::audit::unlike;
use crate::error::Error;
use crate::event::Event;
use crate::finish::{Outcome, finish};
use crate::judge::{judge, sample};
use crate::ladder::{self, Answers, Judged, Truth, answers_of, choose, is_open, judge_rung, selected_answers};
use crate::more_labels::more_labels;
use crate::plan::inference_capacity;
use crate::report::{Skipped, TrainReport};
use crate::rungs::offer::{Offer, offer};
use crate::single::too_few;
use crate::train::Job;
use striate_kernels::rng::Key;
use striate_nn::NetConfig;

/// Shares of the budget: the pretrained features of the judged pictures, the test split.
const FEATURES: f64 = 0.4;
const TEST: f64 = 0.15;

/// Runs the rungs, chooses, refits, tests.
pub(crate) fn climb(job: &Job) -> Result<TrainReport, Error> {
    let (prepared, observer, seed) = (&job.prepared, job.observer, job.recipe.train.seed);
    let budget = job.asked.budget_s as f64;
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

    let Offer { rungs, mut skipped } = offer(job, &judge, left)?;
    if let (Some(asked), Some(Skipped { name, why })) = (&job.asked.rung, skipped.first()) {
        assert_eq!(asked, name, "a ladder of one rung leaves out that one alone");
        return Err(Error::request(format!("the rung {name} cannot be tried: {why}"), "give more time or pictures"));
    }

    let mut judged: Vec<Judged> = Vec::new();
    for rung in &rungs {
        if job.start.elapsed().as_secs_f64() > 2.0 * budget {
            let why =
                "the rungs before it took twice the budget already; this machine is slower than the plan (--budget)";
            skipped.push(Skipped { name: rung.name().into(), why: why.into() });
            continue;
        }
        if !is_open(&judged, &judge, &truth, seed) {
            let why =
                "it cannot win any more: even a model that is always right would not be told from a simpler one here";
            skipped.push(Skipped { name: rung.name().into(), why: why.into() });
            continue;
        }
        let result = judge_rung(rung.as_ref(), &judge, &truth, seed, observer)?;
        let (name, score) = (&result.report.name, &result.report.score);
        observer(Event::Info(format!("{name}: balanced accuracy {:.1} %", 100.0 * score.balanced_accuracy)));
        judged.push(result);
    }
    let chosen = choose(&answers_of(&judged), &truth, &|_| true, seed);
    let selected = truth.score(&selected_answers(&judged, &judge, &truth, seed), seed);
    let name = judged[chosen].report.name.clone();
    let rung = rungs.iter().find(|rung| rung.name() == name).expect("a judged rung is one of the rungs");

    let whole = job.asked.rung.is_none();
    let labels = whole.then(|| more_labels(job, &rungs, &name)).transpose()?;

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
        labels,
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
