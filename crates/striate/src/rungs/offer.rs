//! Which rungs a ladder has, the simplest first, each cut to its share of the budget; and why others are left out.

use std::rc::Rc;

use striate_nn::NetConfig;

use super::finetuned::FineTuned;
use super::heads::Head;
use super::lite0::Lite0;
use super::probe::Probe;
use super::scratch::Scratch;
use super::{Bench, Chance, Rung};
use crate::error::Error;
use crate::input;
use crate::judge::Judge;
use crate::nearest::nearest;
use crate::plan::{fine_tuning_epochs, inference_seconds, training_plan};
use crate::report::Skipped;
use crate::single::cache;
use crate::train::Job;

/// All rungs, the simplest first; `efficientnet_lite0_svm` is tried only where it is asked for.
pub const NAMES: [&str; 11] = [
    "chance",
    "pixels",
    "edges_hog",
    "pca",
    "conv4",
    "efficientnet_lite0_centroid",
    "efficientnet_lite0_discriminant",
    "efficientnet_lite0_knn",
    "efficientnet_lite0_svm",
    "efficientnet_lite0",
    "efficientnet_lite0_finetuned",
];
/// Tried where it is asked for alone: it does what logistic regression on the same features does, without probabilities.
const ONLY_ASKED: &str = "efficientnet_lite0_svm";

/// Shares of the budget: the net from scratch, and fine-tuning.
const SCRATCH: f64 = 0.25;
const FINE_TUNING: f64 = 0.2;
/// Most pictures that logistic regression on pixels and hand-made features learns from: bounds the memory of their rows.
pub(crate) const ROWS: usize = 3000;
/// With less than this budget, in seconds, it learns from fewer, but not from fewer than `FEWEST_ROWS`.
const ROWS_BUDGET: f64 = 60.0;
const FEWEST_ROWS: usize = 300;
/// Fewest pictures of each class that a net from scratch is cut to where time is short.
const LEAST_PER_CLASS: usize = 4;

/// The rungs to judge, in the order to try them in, and those left out.
pub(crate) struct Offer<'a> {
    pub rungs: Vec<Box<dyn Rung + 'a>>,
    pub skipped: Vec<Skipped>,
}

/// The place of a rung among all, the simplest first.
pub(crate) fn place(name: &str) -> usize {
    NAMES.iter().position(|other| *other == name).unwrap_or(NAMES.len())
}

/// Refuses the name of a rung that there is not.
pub(crate) fn check_name(name: &str) -> Result<(), Error> {
    if NAMES.contains(&name) {
        return Ok(());
    }
    let near = nearest(name, NAMES).map_or(String::new(), |near| format!(" (did you mean {near:?}?)"));
    Err(Error::request(format!("there is no rung {name:?}{near}"), format!("give one of {}", NAMES.join(", "))))
}

/// What is offered to `judge`, with time for features of the pretrained net of `left` training pictures.
pub(crate) fn offer<'a>(job: &'a Job, judge: &Judge, left: usize) -> Result<Offer<'a>, Error> {
    let (bench, budget) = (job.bench(), job.asked.budget_s as f64);
    let wanted = |name: &str| job.asked.rung.as_deref().map_or(name != ONLY_ASKED, |asked| asked == name);
    let classes = job.prepared.classes().len();
    let mut skipped = Vec::new();
    let pretrained: Vec<&str> =
        NAMES.into_iter().filter(|name| name.starts_with("efficientnet") && wanted(name)).collect();
    let mut lite0 = None;
    if !pretrained.is_empty() && left < 2 * classes.min(job.prepared.train.len()) {
        let macs = NetConfig::new("efficientnet_lite0", classes)?.forward_macs()?;
        let seconds = inference_seconds(macs, judge.scored.len() + 2 * classes);
        let why = format!(
            "features of the fewest useful pictures take about {seconds:.0} s, too much of a budget of {budget:.0} s (--budget)"
        );
        skipped.extend(pretrained.iter().map(|name| Skipped { name: (*name).into(), why: why.clone() }));
    } else if !pretrained.is_empty() {
        let pictures = left.min(job.prepared.train.len()) + judge.scored.len();
        lite0 = Some(Rc::new(Lite0::new(bench, pictures)?));
    }
    let rows = ((ROWS as f64 * budget / ROWS_BUDGET) as usize).clamp(FEWEST_ROWS, ROWS);
    let mut offer = Offer { rungs: fast(bench, lite0.as_ref(), &wanted, (left, rows))?, skipped };
    offer.add_dear(job, bench, lite0.as_ref(), &wanted, judge, left)?;
    Ok(offer)
}

/// The rungs that learn in a moment once vectors of the pictures are known, which all that come of one call share. Those on pretrained
/// features learn from `left` pictures at most, the others from `rows`.
pub(crate) fn fast<'a>(
    bench: Bench<'a>,
    lite0: Option<&Rc<Lite0<'a>>>,
    wanted: &dyn Fn(&str) -> bool,
    (left, rows): (usize, usize),
) -> Result<Vec<Box<dyn Rung + 'a>>, Error> {
    let mut rungs: Vec<Box<dyn Rung + 'a>> = vec![Box::new(Chance(bench))];
    let [pixels, pca] = Probe::pixels_and_pca(bench, rows)?;
    for probe in [pixels, Probe::edges_hog(bench, rows)?, pca] {
        if wanted(probe.name()) {
            rungs.push(Box::new(probe));
        }
    }
    let heads = [
        ("efficientnet_lite0_centroid", Head::Centroid),
        ("efficientnet_lite0_discriminant", Head::Discriminant),
        ("efficientnet_lite0_knn", Head::Knn),
        ("efficientnet_lite0_svm", Head::Svm),
        ("efficientnet_lite0", Head::Logistic),
    ];
    for (name, head) in heads.into_iter().filter(|(name, _)| wanted(name)) {
        rungs.extend(lite0.map(|lite0| Box::new(Probe::lite0(lite0, name, head, left)) as Box<dyn Rung + 'a>));
    }
    Ok(rungs)
}

impl<'a> Offer<'a> {
    fn skip(&mut self, name: &str, why: String) {
        self.skipped.push(Skipped { name: name.into(), why });
    }

    /// The rungs that take long to learn, each cut to its share of the budget.
    pub(crate) fn add_dear(
        &mut self,
        job: &'a Job,
        bench: Bench<'a>,
        lite0: Option<&Rc<Lite0<'a>>>,
        wanted: &dyn Fn(&str) -> bool,
        judge: &Judge,
        left: usize,
    ) -> Result<(), Error> {
        let budget = job.asked.budget_s as f64;
        let pictures = judge.few_rounds.iter().map(|round| round.train.len()).max().unwrap_or(job.prepared.train.len());
        let trainings = judge.few_rounds.len() + 1;
        if wanted("conv4") {
            match scratch(job, bench, pictures, trainings, SCRATCH * budget)? {
                Ok(rung) => self.rungs.push(Box::new(rung)),
                Err(why) => self.skip("conv4", why),
            }
        }
        if let Some(lite0) = lite0
            && wanted("efficientnet_lite0_finetuned")
        {
            match fine_tuned(lite0, (pictures.min(left), left), trainings, FINE_TUNING * budget) {
                Ok(rung) => self.rungs.push(Box::new(rung)),
                Err(why) => self.skip("efficientnet_lite0_finetuned", why),
            }
        }
        Ok(())
    }
}

/// The pretrained net with its last block trained, cut to the budget; or why it is left out. `pictures`: those of a fold, and the most
/// that the saved model may learn from.
fn fine_tuned<'a>(
    lite0: &Rc<Lite0<'a>>,
    (pictures, most): (usize, usize),
    trainings: usize,
    seconds: f64,
) -> Result<FineTuned<'a>, String> {
    let no_time = || {
        format!(
            "{trainings} trainings on {pictures} pictures do not fit into {seconds:.0} s, its share of the budget (--budget)"
        )
    };
    let epochs = fine_tuning_epochs(lite0.macs_above, pictures, trainings, seconds).ok_or_else(no_time)?;
    let memory = || "there are more pictures than it keeps activations of".to_string();
    FineTuned::new(lite0.clone(), epochs, most).ok_or_else(memory)
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
    let least = pictures.min(LEAST_PER_CLASS * job.prepared.classes().len());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_rung_is_answered_with_the_nearest() {
        assert!(check_name("pca").is_ok());
        let told = check_name("edge_hog").expect_err("no such rung").to_string();
        assert!(told.contains("did you mean \"edges_hog\"?") && told.contains("efficientnet_lite0_knn"), "{told}");
    }
}
