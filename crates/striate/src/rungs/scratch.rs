//! A small net trained from scratch, cut to the budget.

use striate_data::preprocess::Preprocess;
use striate_data::unit_cache::UnitCache;
use striate_kernels::rng::Key;
use striate_nn::{Frozen, NetConfig};
use striate_train::classify::{Classify, FitSpec};
use striate_train::infer;
use striate_train::recipe::Recipe;

use super::{Bench, Fitted, Rung};
use crate::error::Error;
use crate::judge::sample;
use crate::plan::TrainingPlan;
use crate::training::train_in_run;

/// A net trained from scratch.
pub struct Scratch<'a> {
    /// The data and the run.
    pub bench: Bench<'a>,
    /// How it is trained.
    pub recipe: Recipe,
    /// The net.
    pub config: NetConfig,
    /// Picture to input.
    pub preprocess: Preprocess,
    /// How it is cut to fit the budget.
    pub plan: TrainingPlan,
    /// Decoded pictures, where they are few enough to keep.
    pub cache: Option<UnitCache>,
}

impl Rung for Scratch<'_> {
    fn name(&self) -> &'static str {
        "conv4"
    }

    fn fit(&self, what: &str, train: &[usize]) -> Result<Fitted, Error> {
        let Bench { prepared, context, device, workers, .. } = self.bench;
        let train = self.learned(train);
        let spec = FitSpec {
            recipe: &self.recipe,
            net: &self.config,
            dataset: &prepared.dataset,
            labels: &prepared.labels,
            train: &train,
            valid: &[],
            preprocess: &self.preprocess,
            cache: self.cache.as_ref(),
            device,
            workers,
        };
        let (net, history) = train_in_run(context, &format!("{}-{what}", self.name()), &Classify::new(&spec))?;
        let (config, preprocess) = (self.config.clone(), self.preprocess.clone());
        Ok(Fitted { config, preprocess, features: None, net, history, learned_from: train.len() })
    }

    fn logits(&self, fitted: &Fitted, pictures: &[usize]) -> Result<Vec<f32>, Error> {
        let spec = self.bench.infer(&self.preprocess, pictures, self.cache.as_ref());
        Ok(infer::logits(&Frozen::new(fitted.net.clone()), &spec, &|_| {})?)
    }

    fn is_dear(&self) -> bool {
        true
    }

    fn features(&self, fitted: &Fitted, pictures: &[usize]) -> Result<Vec<f32>, Error> {
        let spec = self.bench.infer(&self.preprocess, pictures, self.cache.as_ref());
        Ok(infer::features(&Frozen::new(fitted.net.clone()), &spec, &|_| {})?)
    }

    fn learned(&self, train: &[usize]) -> Vec<usize> {
        sample(train, self.plan.pictures, Key::new(self.bench.seed).with_name("conv4"))
    }
}
