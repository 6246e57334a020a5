//! `train DATA` with nothing else: the ladder, within its budget.

use crate::audit::unlike;
use crate::choice::prior::Prior;
use crate::choice::{Choice, Evidence, choose};
use crate::error::Error;
use crate::event::Event;
use crate::finish::{Outcome, finish};
use crate::judge::{Judge, judge, sample};
use crate::ladder::{Answers, Judged, Known, Truth, calibrated, choose_by, judge_rung, selected, temperature_of};
use crate::more_labels::{harmonic_mean, more_labels};
use crate::plan::inference_capacity;
use crate::report::{Score, Skipped, TrainReport};
use crate::rungs::Rung;
use crate::rungs::offer::{Offer, offer, place};
use crate::single::too_few;
use crate::train::Job;
use striate_kernels::rng::Key;
use striate_nn::NetConfig;

/// Shares of the budget: the pretrained features of the judged pictures, the test split.
const FEATURES: f64 = 0.4;
const TEST: f64 = 0.15;
/// Share of the budget after which no further round of a rung begins: what is left is for the saved model, its test and the report.
const TRY: f64 = 0.8;
/// Guessing is saved where even the upper end of the choice's interval is below this chance-corrected accuracy.
const NOTHING: f64 = 0.05;

/// Runs the rungs, chooses, refits, tests.
pub(crate) fn climb(job: &Job) -> Result<TrainReport, Error> {
    let (prepared, observer, seed) = (&job.prepared, job.observer, job.recipe.train.seed);
    let budget = job.asked.budget_s as f64;
    let lite0_macs = NetConfig::new("efficientnet_lite0", prepared.classes().len())?.forward_macs()?;
    let small = inference_capacity(lite0_macs, FEATURES * budget).max(2);
    let judge = judge(prepared, &prepared.train, small, seed);
    let measurable = !judge.rounds.is_empty();
    let one_of_each = prepared.counts().iter().all(|&n| n == 1);
    if (!measurable && !one_of_each)
        || judge.rounds.iter().any(|round| round.train.is_empty() || round.score.is_empty())
    {
        return Err(too_few(prepared));
    }
    let truth = Truth::of(prepared, &judge.scored);
    let held_out = judge.rounds.len() == 1;
    if held_out {
        let n = prepared.train.len();
        observer(Event::Info(format!("{n} pictures are judged on {}", judge.words)));
    }
    let left = if held_out { small.saturating_sub(judge.scored.len()) } else { small };

    let Offer { rungs, mut skipped } = offer(job, &judge, left)?;
    if let (Some(asked), Some(Skipped { name, why })) = (&job.asked.rung, skipped.first()) {
        assert_eq!(asked, name, "a ladder of one rung leaves out that one alone");
        return Err(Error::request(format!("the rung {name} cannot be tried: {why}"), "give more time or pictures"));
    }

    let prior = Prior::embedded();
    let per_class = harmonic_mean(&prepared.counts()) as f64;
    let judged =
        if measurable { judge_all(job, &rungs, &judge, (&truth, per_class), &mut skipped)? } else { Vec::new() };
    let (name, choice, score) = if measurable {
        let tried: Vec<&Judged> = judged.iter().filter(|rung| rung.report.name != "chance").collect();
        decide(prior, &judged, &tried, &judge, &truth, per_class)
    } else {
        (by_prior(prior, &rungs, truth.classes, per_class), None, None)
    };
    let rung = rungs.iter().find(|rung| rung.name() == name).expect("a chosen rung is one of the rungs");
    let saved = judged.iter().find(|rung| rung.report.name == name);

    let whole = job.asked.rung.is_none() && measurable;
    let labels = whole.then(|| more_labels(job, &rungs, &name)).transpose()?;

    observer(Event::Stage(format!("{name}, fitted to all pictures")));
    let mut all: Vec<usize> = prepared.train.iter().chain(&prepared.valid).copied().collect();
    all.sort_unstable();
    let fitted = rung.fit("all", &all)?;
    let expected = prior.temperature(&name, per_class);
    let temperature = saved.map_or(libm::exp(expected.ln), |saved| temperature_of(saved, &truth, expected));
    let unlike = match saved.and_then(|saved| unlike::rule(&saved.distances, &judge.parts)) {
        Some(rule) => rung.reference(&fitted, &all, seed)?.map(|reference| (rule, reference)),
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
        answers: saved.map_or(Answers::new(&[], truth.classes), |saved| calibrated(saved, &judge, &truth, expected)),
        rungs: judged.into_iter().map(|rung| rung.report).collect(),
        skipped,
        augmented: name == "conv4",
        chosen: name,
        selected: score,
        choice,
        temperature,
        test,
        labels,
        judged_by: judge.words,
        judged: judge.scored,
        rounds: judge.few_rounds,
        unlike,
        curves,
        refitted: true,
        fitted,
    };
    drop(rungs);
    finish(job, outcome)
}

/// Judges the rungs, as far as time allows; the simplest first in the answer.
fn judge_all(
    job: &Job,
    rungs: &[Box<dyn Rung + '_>],
    judge: &Judge,
    (truth, per_class): (&Truth, f64),
    skipped: &mut Vec<Skipped>,
) -> Result<Vec<Judged>, Error> {
    let mut judged: Vec<Judged> = Vec::new();
    for rung in rungs {
        let in_time = || job.start.elapsed().as_secs_f64() < TRY * job.asked.budget_s as f64;
        let needed = judged.len() < 2; // guessing, and one more
        let seed = job.recipe.train.seed;
        let known = Known::of(Prior::embedded(), rung.name(), per_class, truth.classes);
        let go_on = || needed || in_time();
        let result = judge_rung(rung.as_ref(), judge, truth, known, seed, job.observer, &go_on)?;
        let Some(result) = result else {
            let why = "the time for trying rungs ran out before it was judged; give it more with --budget";
            skipped.push(Skipped { name: rung.name().into(), why: why.into() });
            continue;
        };
        let (name, score) = (&result.report.name, &result.report.score);
        (job.observer)(Event::Info(format!("{name}: balanced accuracy {:.1} %", 100.0 * score.balanced_accuracy)));
        judged.push(result);
    }
    judged.sort_by_key(|rung| place(&rung.report.name));
    Ok(judged)
}

/// The rung to save, what it was chosen by, and what the choice is worth.
fn decide(
    prior: &Prior,
    judged: &[Judged],
    tried: &[&Judged],
    judge: &Judge,
    truth: &Truth,
    per_class: f64,
) -> (String, Option<Choice>, Option<Score>) {
    let guessing = || (judged[0].report.name.clone(), None, Some(judged[0].report.score.clone()));
    if tried.is_empty() {
        return guessing(); // it alone was asked for
    }
    let choice = choose_by(prior, tried, truth, per_class, &|_| true);
    let name = &tried[choice.rung].report.name;
    let gain = prior.accuracy_gain(name, per_class, truth.classes);
    let score = truth.score_out_of_fold(&selected(prior, tried, judge, truth, per_class), gain);
    let chance = 1.0 / truth.classes as f64;
    if score.ci95[1] < chance + NOTHING * (1.0 - chance) {
        return guessing();
    }
    (name.clone(), Some(choice), Some(score))
}

/// The rung that does best with so few labels on other data, where nothing can be scored here.
fn by_prior(prior: &Prior, rungs: &[Box<dyn Rung + '_>], classes: usize, per_class: f64) -> String {
    let names: Vec<&str> = rungs.iter().map(|rung| rung.name()).filter(|name| *name != "chance").collect();
    if names.is_empty() {
        return "chance".into(); // it alone was asked for
    }
    let worth = vec![&[][..]; names.len()];
    let evidence = Evidence { names: names.clone(), worth, labels: &[], groups: Vec::new(), classes, per_class };
    names[choose(prior, &evidence).rung].to_string()
}
