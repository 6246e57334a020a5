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
pub const NAMES: [&str; 9] = [
    "chance",
    "pixels",
    "edges_hog",
    "pca",
    "conv4",
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
const ROWS: usize = 3000;
/// Fewest pictures a class that a net is worth training with.
const LEAST_A_CLASS: usize = 4;

/// The rungs to judge, and those left out.
pub(crate) struct Offer<'a> {
    pub rungs: Vec<Box<dyn Rung + 'a>>,
    pub skipped: Vec<Skipped>,
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
    let (pictures, trainings) = (judge.rounds[0].train.len(), judge.rounds.len() + 1);
    let mut offer = Offer { rungs: vec![Box::new(Chance(bench))], skipped: Vec::new() };
    let [pixels, pca] = Probe::pixels_and_pca(bench, ROWS)?;
    if wanted("pixels") {
        offer.rungs.push(Box::new(pixels));
    }
    if wanted("edges_hog") {
        offer.rungs.push(Box::new(Probe::edges_hog(bench, ROWS)?));
    }
    if wanted("pca") {
        offer.rungs.push(Box::new(pca));
    }
    if wanted("conv4") {
        match scratch(job, bench, pictures, trainings, SCRATCH * budget)? {
            Ok(rung) => offer.rungs.push(Box::new(rung)),
            Err(why) => offer.skip("conv4", why),
        }
    }
    let pretrained: Vec<&str> =
        NAMES.into_iter().filter(|name| name.starts_with("efficientnet") && wanted(name)).collect();
    if pretrained.is_empty() {
        return Ok(offer);
    }
    if left < 2 * classes {
        let macs = NetConfig::new("efficientnet_lite0", classes)?.forward_macs()?;
        let seconds = inference_seconds(macs, judge.scored.len() + 2 * classes);
        let why = format!(
            "features of the fewest useful pictures take about {seconds:.0} s, too much of a budget of {budget:.0} s (--budget)"
        );
        pretrained.into_iter().for_each(|name| offer.skip(name, why.clone()));
        return Ok(offer);
    }
    let lite0 = Rc::new(Lite0::new(bench, left.min(job.prepared.train.len()) + judge.scored.len())?);
    for name in pretrained {
        let head = match name {
            "efficientnet_lite0_knn" => Head::Knn,
            "efficientnet_lite0_svm" => Head::Svm,
            "efficientnet_lite0" => Head::Logistic,
            _ => {
                match fine_tuned(&lite0, pictures.min(left), trainings, (classes, FINE_TUNING * budget)) {
                    Ok(rung) => offer.rungs.push(Box::new(rung)),
                    Err(why) => offer.skip(name, why),
                }
                continue;
            }
        };
        offer.rungs.push(Box::new(Probe::lite0(&lite0, name, head, left)));
    }
    Ok(offer)
}

impl Offer<'_> {
    fn skip(&mut self, name: &str, why: String) {
        self.skipped.push(Skipped { name: name.into(), why });
    }
}

/// The pretrained net with its last block trained, cut to the budget; or why it is left out.
fn fine_tuned<'a>(
    lite0: &Rc<Lite0<'a>>,
    pictures: usize,
    trainings: usize,
    (classes, seconds): (usize, f64),
) -> Result<FineTuned<'a>, String> {
    let least = LEAST_A_CLASS * classes;
    if pictures < least {
        return Err(format!(
            "{pictures} pictures to learn from are too few to train a block with; it is tried from {least}"
        ));
    }
    let no_time = || {
        format!(
            "{trainings} trainings on {pictures} pictures do not fit into {seconds:.0} s, its share of the budget (--budget)"
        )
    };
    let epochs = fine_tuning_epochs(lite0.macs_above, pictures, trainings, seconds).ok_or_else(no_time)?;
    let memory = || "there are more pictures than it keeps activations of".to_string();
    FineTuned::new(lite0.clone(), epochs, pictures).ok_or_else(memory)
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
