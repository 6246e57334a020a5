//! The training loop: the page that everyone reads.
//!
//! Epoch by epoch, batch by batch: forward, loss, backward, step. Nothing here knows a file or a terminal. All that
//! decides the bits is in the [`State`]; saved at any step and restored, the rest of the training is the same.

use crate::ema::Ema;
use crate::infer::{self, InferSpec};
use crate::metrics::{self, Outcomes, calibration};
use crate::optim::Optimizer;
use crate::recipe::{ClassWeights, Recipe};
use crate::schedule::Position;
use crate::whiten::whitened;
use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;
use striate_data::dataset::Dataset;
use striate_data::loader::{LoadError, LoaderSpec, for_each_batch};
use striate_data::preprocess::Preprocess;
use striate_data::unit_cache::UnitCache;
use striate_kernels::rng::Key;
use striate_nn::losses::CrossEntropy;
use striate_nn::weights::{NamedTensors, load_named, named_tensors};
use striate_nn::{Frozen, Net, NetConfig, Noise, Pass};

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

/// One finished epoch: a line of `metrics.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// Epochs finished.
    pub epoch: usize,
    /// Steps finished.
    pub step: u64,
    /// Learning rate of the last step.
    pub lr: f64,
    /// Mean loss over the epoch's training pictures, augmented, as it moved.
    pub train_loss: f64,
    /// Cross entropy on the validation pictures.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub valid_loss: Option<f64>,
    /// Balanced accuracy on the validation pictures.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub valid_balanced_accuracy: Option<f64>,
}

/// The best weights so far, by validation loss.
#[derive(Clone)]
pub struct Best {
    /// Its validation loss.
    pub loss: f64,
    /// Epochs finished then.
    pub epoch: usize,
    /// The weights.
    pub weights: NamedTensors,
}

/// All that decides the rest of a training.
#[derive(Clone)]
pub struct State {
    /// The net as it is trained.
    pub net: Net,
    /// Its optimiser.
    pub optimizer: Optimizer,
    /// Its average, where the recipe keeps one.
    pub ema: Option<Ema>,
    /// The best weights, where the recipe stops early.
    pub best: Option<Best>,
    /// Epochs finished.
    pub epoch: usize,
    /// Batches finished of the present epoch.
    pub batch: usize,
    /// Sum of the losses of those batches.
    pub loss_sum: f64,
    /// The epochs finished.
    pub history: Vec<EpochRecord>,
}

/// What the loop tells and asks between steps.
pub trait Watch {
    /// Why a training can end early.
    type Error: From<FitError> + From<LoadError>;
    /// After each step: `done` of `total` steps, and the loss of the last.
    fn step(&mut self, state: &State, done: u64, total: u64, loss: f64) -> Result<(), Self::Error>;
    /// After each epoch.
    fn epoch(&mut self, state: &State, record: &EpochRecord) -> Result<(), Self::Error>;
}

/// Why a training failed.
#[derive(Debug, thiserror::Error)]
pub enum FitError {
    /// A picture that could be read before cannot be read now.
    #[error(transparent)]
    Picture(#[from] LoadError),
    /// The loss is no longer a number.
    #[error(
        "the loss is {loss} at step {step}: training diverged; lower the learning rate (--lr, now {lr}) or set optimizer.clip_norm in the recipe"
    )]
    Diverged {
        /// The loss.
        loss: f64,
        /// Steps done.
        step: u64,
        /// Peak learning rate.
        lr: f64,
    },
    /// The net's answers are no numbers, though its weights are.
    #[error(
        "the net's answers are not numbers: its weights are damaged, or the training that made them diverged; train again with a lower learning rate (--lr)"
    )]
    NoNumber,
    /// The net cannot be built or filled.
    #[error(transparent)]
    Net(#[from] striate_nn::NetError),
}

impl State {
    /// The start of a training.
    pub fn new(spec: &FitSpec) -> Result<Self, striate_nn::NetError> {
        let recipe = spec.recipe;
        Ok(Self {
            net: spec.net.init(recipe.train.seed, spec.device)?.train(),
            optimizer: Optimizer::new(&recipe.optimizer),
            ema: (recipe.train.ema_decay > 0.0).then(|| Ema::new(recipe.train.ema_decay)),
            best: None,
            epoch: 0,
            batch: 0,
            loss_sum: 0.0,
            history: Vec::new(),
        })
    }

    /// The net to score and to save at this moment, off the graph.
    pub fn snapshot(&self) -> Net {
        let net = self.net.valid();
        match &self.ema {
            Some(ema) => ema.applied_to(net),
            None => net,
        }
    }
}

/// Pictures a step and steps an epoch. A last batch that is not full is left out, as its batch norm would be poor.
pub fn batches(recipe: &Recipe, pictures: usize) -> (usize, usize) {
    let batch = recipe.train.batch.min(pictures).max(1);
    (batch, (pictures / batch).max(1))
}

/// Trains from `state` to the end; gives the net to save, off the graph, and the state it ended in.
pub fn fit<W: Watch>(spec: &FitSpec, mut state: State, watch: &mut W) -> Result<(Net, State), W::Error> {
    let train = &spec.recipe.train;
    if state.epoch == 0 && state.batch == 0 {
        state.net = whitened(spec, state.net)?;
    }
    let labels = spec.train.iter().map(|&i| spec.labels[i]);
    let class_weights = class_weights(labels, spec.net.num_classes, train.class_weights);
    let loss = CrossEntropy { label_smoothing: train.label_smoothing as f32, class_weights };
    while state.epoch < train.epochs && !stops_early(spec, &state) {
        run_epoch(spec, &loss, &mut state, watch)?;
        let record = finish_epoch(spec, &mut state)?;
        watch.epoch(&state, &record)?;
    }
    let net = match &state.best {
        Some(best) => load_named(state.snapshot(), &best.weights).map_err(FitError::from)?,
        None => state.snapshot(),
    };
    Ok((net, state))
}

fn run_epoch<W: Watch>(
    spec: &FitSpec,
    criterion: &CrossEntropy,
    state: &mut State,
    watch: &mut W,
) -> Result<(), W::Error> {
    let recipe = spec.recipe;
    let (batch, steps) = batches(recipe, spec.train.len());
    let key = Key::new(recipe.train.seed).with(state.epoch as u64);
    let mut order = spec.train.to_vec();
    key.with_name("order").stream().shuffle(&mut order);
    let rest = &order[state.batch * batch..steps * batch];
    let device = spec.device.clone().autodiff();
    let loader = LoaderSpec {
        dataset: spec.dataset,
        order: rest,
        preprocess: spec.preprocess,
        augment: (!recipe.augment.is_none()).then_some((&recipe.augment, key.with_name("augment"))),
        batch,
        workers: spec.workers,
        cache: spec.cache,
    };
    for_each_batch(&loader, |batch| {
        let done = (state.epoch * steps + state.batch) as u64;
        let at = Position { step: done, steps_per_epoch: steps as u64, epochs: recipe.train.epochs as u64 };
        let lr = recipe.schedule.lr(recipe.optimizer.lr, at);
        let noise =
            Noise { key: key.with_name("dropout"), pictures: batch.indices.iter().map(|&i| i as u64).collect() };
        let labels: Vec<u32> = batch.indices.iter().map(|&i| spec.labels[i]).collect();
        let x = Tensor::<4>::from_data(TensorData::new(batch.pixels, batch.shape), &device); // [N, C, H, W]
        let logits = state.net.forward(x, &Pass::Train(&noise)); // [N, K]
        let loss = criterion.forward(logits, &labels); // [1]
        let value = f64::from(loss.clone().into_scalar::<f32>());
        let mut grads = loss.backward();
        state.optimizer.step(&mut state.net, &mut grads, lr);
        if let Some(ema) = &mut state.ema {
            ema.update(&state.net, done + 1);
        }
        state.batch += 1;
        state.loss_sum += value;
        if !value.is_finite() {
            return Err(FitError::Diverged { loss: value, step: done + 1, lr: recipe.optimizer.lr }.into());
        }
        watch.step(state, done + 1, (steps * recipe.train.epochs) as u64, value)?;
        Ok(ControlFlow::Continue(()))
    })
}

/// Scores the validation pictures, writes the record, keeps the best weights.
fn finish_epoch(spec: &FitSpec, state: &mut State) -> Result<EpochRecord, FitError> {
    let (_, steps) = batches(spec.recipe, spec.train.len());
    let step = ((state.epoch + 1) * steps) as u64;
    let at = Position { step: step - 1, steps_per_epoch: steps as u64, epochs: spec.recipe.train.epochs as u64 };
    let mut record = EpochRecord {
        epoch: state.epoch + 1,
        step,
        lr: spec.recipe.schedule.lr(spec.recipe.optimizer.lr, at),
        train_loss: state.loss_sum / steps as f64,
        valid_loss: None,
        valid_balanced_accuracy: None,
    };
    if !spec.valid.is_empty() {
        let net = state.snapshot();
        let logits = infer::logits(&Frozen::new(net.clone()), &InferSpec::of(spec, spec.valid), &|_| {})?;
        let probabilities = infer::softmax(&logits, spec.net.num_classes);
        let truth: Vec<u32> = spec.valid.iter().map(|&i| spec.labels[i]).collect();
        let predicted: Vec<u32> = probabilities.iter().map(|row| metrics::argmax(row)).collect();
        let outcomes = Outcomes { truth: &truth, predicted: &predicted, classes: spec.net.num_classes };
        let loss = calibration::log_loss(&probabilities, &truth);
        record.valid_loss = Some(loss);
        record.valid_balanced_accuracy = Some(metrics::balanced_accuracy(&metrics::confusion(&outcomes)));
        if spec.recipe.train.patience > 0 && state.best.as_ref().is_none_or(|best| loss < best.loss) {
            state.best = Some(Best { loss, epoch: state.epoch + 1, weights: named_tensors(&net) });
        }
    }
    state.epoch += 1;
    state.batch = 0;
    state.loss_sum = 0.0;
    state.history.push(record.clone());
    Ok(record)
}

fn stops_early(spec: &FitSpec, state: &State) -> bool {
    let patience = spec.recipe.train.patience;
    patience > 0 && state.best.as_ref().is_some_and(|best| state.epoch >= best.epoch + patience)
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
