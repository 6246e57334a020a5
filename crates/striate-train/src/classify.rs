//! The task of telling classes apart: labelled pictures, cross entropy, balanced accuracy.

use std::ops::ControlFlow;

use burn::tensor::{Device, Tensor, TensorData};
use striate_data::dataset::Dataset;
use striate_data::loader::{Batch, LoadError, LoaderSpec, for_each_batch};
use striate_data::preprocess::Preprocess;
use striate_data::unit_cache::UnitCache;
use striate_nn::losses::CrossEntropy;
use striate_nn::{Frozen, Net, NetConfig, NetError, Noise, Pass};

use crate::fit::{Epoch, FitError, Judgement, Task};
use crate::infer::{self, InferSpec};
use crate::metrics::{self, Outcomes, calibration};
use crate::recipe::{ClassWeights, Recipe};
use crate::whiten::whitened;

/// What to train, on what.
#[derive(Clone, Copy)]
pub struct FitSpec<'a> {
    /// How.
    pub recipe: &'a Recipe,
    /// The net, its classes and input.
    pub net: &'a NetConfig,
    /// The pictures.
    pub dataset: &'a Dataset,
    /// Class of each picture of the data set.
    pub labels: &'a [u32],
    /// Pictures to learn from.
    pub train: &'a [usize],
    /// Pictures that choose when to stop and draw the held-out curve; may be empty.
    pub valid: &'a [usize],
    /// Picture to input.
    pub preprocess: &'a Preprocess,
    /// Decoded pictures kept for the next epoch.
    pub cache: Option<&'a UnitCache>,
    /// Where to compute; without autodiff.
    pub device: &'a Device,
    /// Threads that decode and augment.
    pub workers: usize,
}

/// A classification to learn.
pub struct Classify<'a> {
    spec: FitSpec<'a>,
    loss: CrossEntropy,
}

impl<'a> Classify<'a> {
    /// The task that `spec` describes.
    pub fn new(spec: &FitSpec<'a>) -> Self {
        let part = &spec.recipe.train;
        let labels = spec.train.iter().map(|&i| spec.labels[i]);
        let class_weights = class_weights(labels, spec.net.num_classes, part.class_weights);
        Self { spec: *spec, loss: CrossEntropy { label_smoothing: part.label_smoothing as f32, class_weights } }
    }
}

impl Task for Classify<'_> {
    type Net = Net;
    type Batch = Batch;

    fn recipe(&self) -> &Recipe {
        self.spec.recipe
    }

    fn device(&self) -> &Device {
        self.spec.device
    }

    fn items(&self) -> usize {
        self.spec.train.len()
    }

    fn init(&self) -> Result<Net, NetError> {
        self.spec.net.init(self.spec.recipe.train.seed, self.spec.device)
    }

    fn ready(&self, net: Net) -> Result<Net, FitError> {
        whitened(&self.spec, net)
    }

    fn for_each_batch<E: From<LoadError>>(
        &self,
        Epoch { key, batch, from, end }: Epoch,
        f: impl FnMut(Batch) -> Result<ControlFlow<()>, E>,
    ) -> Result<(), E> {
        let FitSpec { recipe, dataset, preprocess, cache, workers, .. } = self.spec;
        let mut order = self.spec.train.to_vec();
        key.with_name("order").stream().shuffle(&mut order);
        let order = &order[from * batch..end * batch];
        let augment = (!recipe.augment.is_none()).then_some((&recipe.augment, key.with_name("augment")));
        for_each_batch(&LoaderSpec { dataset, order, preprocess, augment, batch, workers, cache }, f)
    }

    fn loss(&self, net: &Net, batch: Batch, epoch: Epoch) -> Tensor<1> {
        let pictures = batch.indices.iter().map(|&i| i as u64).collect();
        let noise = Noise { key: epoch.key.with_name("dropout"), pictures };
        let labels: Vec<u32> = batch.indices.iter().map(|&i| self.spec.labels[i]).collect();
        let device = self.spec.device.clone().autodiff();
        let x = Tensor::<4>::from_data(TensorData::new(batch.pixels, batch.shape), &device); // [N, C, H, W]
        self.loss.forward(net.forward(x, &Pass::Train(&noise)), &labels)
    }

    fn judge(&self, net: Net) -> Result<Option<Judgement>, FitError> {
        let FitSpec { valid, labels, net: &NetConfig { num_classes: classes, .. }, .. } = self.spec;
        if valid.is_empty() {
            return Ok(None);
        }
        let logits = infer::logits(&Frozen::new(net), &InferSpec::of(&self.spec, valid), &|_| {})?;
        let probabilities = infer::softmax(&logits, classes);
        let truth: Vec<u32> = valid.iter().map(|&i| labels[i]).collect();
        let predicted: Vec<u32> = probabilities.iter().map(|row| metrics::argmax(row)).collect();
        let outcomes = Outcomes { truth: &truth, predicted: &predicted, classes };
        let balanced_accuracy = Some(metrics::balanced_accuracy(&metrics::confusion(&outcomes)));
        Ok(Some(Judgement { loss: calibration::log_loss(&probabilities, &truth), balanced_accuracy, psnr: None }))
    }
}

/// Weight of each class in the loss; none where every picture counts the same.
pub(crate) fn class_weights(labels: impl Iterator<Item = u32>, classes: usize, rule: ClassWeights) -> Option<Vec<f32>> {
    let mut counts = vec![0_usize; classes];
    labels.for_each(|label| counts[label as usize] += 1);
    let most = counts.iter().max().copied().unwrap_or(0);
    let least = counts.iter().filter(|&&n| n > 0).min().copied().unwrap_or(0);
    let balanced = match rule {
        ClassWeights::None => false,
        ClassWeights::Balanced => true,
        ClassWeights::Auto => most > 3 * least,
    };
    let present = counts.iter().filter(|&&n| n > 0).count();
    let pictures: usize = counts.iter().sum();
    let weight = |n: usize| pictures as f32 / (present * n.max(1)) as f32;
    balanced.then(|| counts.iter().map(|&n| weight(n)).collect())
}
