//! The training loop: the page that everyone reads.
//!
//! Epoch by epoch, batch by batch: forward, loss, backward, step. Nothing here knows a file, a terminal or what is learned ([`Task`]). All that
//! decides the bits is in the [`State`]; saved at any step and restored, the rest of the training is the same.

use crate::ema::Ema;
use crate::optim::Optimizer;
use crate::recipe::Recipe;
use crate::schedule::Position;
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;
use striate_data::loader::LoadError;
use striate_kernels::rng::Key;
use striate_nn::NetError;
use striate_nn::weights::{NamedTensors, load_named, named_tensors};

/// What a training learns: its net, its batches, what the net loses on them, and how it is judged.
pub trait Task {
    /// What is trained.
    type Net: Module;
    /// What one step learns from.
    type Batch;
    /// How.
    fn recipe(&self) -> &Recipe;
    /// Where to compute; without autodiff.
    fn device(&self) -> &Device;
    /// Pictures, or parts of pictures, of an epoch.
    fn items(&self) -> usize;
    /// A net with fresh weights.
    fn init(&self) -> Result<Self::Net, NetError>;
    /// The fresh net, with those weights filled that come from the pictures themselves.
    fn ready(&self, net: Self::Net) -> Result<Self::Net, FitError> {
        Ok(net)
    }
    /// Calls `f` with the batches of an epoch, of `batch` items each, from number `from` up to `end`.
    fn for_each_batch<E: From<LoadError>>(
        &self,
        epoch: Epoch,
        f: impl FnMut(Self::Batch) -> Result<ControlFlow<()>, E>,
    ) -> Result<(), E>;
    /// What the net loses on a batch, as one number on the graph.
    fn loss(&self, net: &Self::Net, batch: Self::Batch, epoch: Epoch) -> Tensor<1>;
    /// How good the net is on what is held out for validation; none where nothing is.
    fn judge(&self, net: Self::Net) -> Result<Option<Judgement>, FitError>;
}

/// Which batches of which epoch.
#[derive(Clone, Copy, Debug)]
pub struct Epoch {
    /// Of the seed and the epoch: all its randomness is drawn under this.
    pub key: Key,
    /// Items of a batch.
    pub batch: usize,
    /// The first batch wanted.
    pub from: usize,
    /// Batches of the epoch.
    pub end: usize,
}

/// What validation found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judgement {
    /// What early stopping goes by: less is better.
    pub loss: f64,
    /// Of a classifier.
    pub balanced_accuracy: Option<f64>,
    /// Of a net that gives pictures: mean peak signal-to-noise ratio, in dB.
    pub psnr: Option<f64>,
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
    /// Loss on the validation pictures.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub valid_loss: Option<f64>,
    /// Balanced accuracy on the validation pictures.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub valid_balanced_accuracy: Option<f64>,
    /// Mean peak signal-to-noise ratio of validation pictures, in dB.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub valid_psnr: Option<f64>,
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
pub struct State<N> {
    /// The net as it is trained.
    pub net: N,
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
pub trait Watch<N> {
    /// Why a training can end early.
    type Error: From<FitError> + From<LoadError>;
    /// After each step: `done` of `total` steps, and the loss of the last.
    fn step(&mut self, state: &State<N>, done: u64, total: u64, loss: f64) -> Result<(), Self::Error>;
    /// After each epoch.
    fn epoch(&mut self, state: &State<N>, record: &EpochRecord) -> Result<(), Self::Error>;
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
    Net(#[from] NetError),
    /// The pictures have no such principal components.
    #[error(transparent)]
    Components(#[from] striate_vision::error::Error),
}

impl<N: Module> State<N> {
    /// The start of a training.
    pub fn new<T: Task<Net = N>>(task: &T) -> Result<Self, NetError> {
        let recipe = task.recipe();
        Ok(Self {
            net: task.init()?.train(),
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
    pub fn snapshot(&self) -> N {
        let net = self.net.valid();
        match &self.ema {
            Some(ema) => ema.applied_to(net),
            None => net,
        }
    }
}

/// Items a step and steps an epoch. A last batch that is not full is left out, as its batch norm would be poor.
pub fn batches(recipe: &Recipe, items: usize) -> (usize, usize) {
    let batch = recipe.train.batch.min(items).max(1);
    (batch, (items / batch).max(1))
}

/// The net to save, off the graph, and the state that its training ended in.
pub type Fitted<N> = (N, State<N>);

/// Trains from `state` to the end; gives the net to save, off the graph, and the state it ended in.
pub fn fit<T: Task, W: Watch<T::Net>>(
    task: &T,
    mut state: State<T::Net>,
    watch: &mut W,
) -> Result<Fitted<T::Net>, W::Error> {
    if state.epoch == 0 && state.batch == 0 {
        state.net = task.ready(state.net)?;
    }
    while state.epoch < task.recipe().train.epochs && !stops_early(task, &state) {
        run_epoch(task, &mut state, watch)?;
        let record = finish_epoch(task, &mut state)?;
        watch.epoch(&state, &record)?;
    }
    let net = match &state.best {
        Some(best) => load_named(state.snapshot(), &best.weights).map_err(FitError::from)?,
        None => state.snapshot(),
    };
    Ok((net, state))
}

fn run_epoch<T: Task, W: Watch<T::Net>>(task: &T, state: &mut State<T::Net>, watch: &mut W) -> Result<(), W::Error> {
    let recipe = task.recipe();
    let (batch, steps) = batches(recipe, task.items());
    let key = Key::new(recipe.train.seed).with(state.epoch as u64);
    let epoch = Epoch { key, batch, from: state.batch, end: steps };
    task.for_each_batch(epoch, |batch| {
        let done = (state.epoch * steps + state.batch) as u64;
        let at = Position { step: done, steps_per_epoch: steps as u64, epochs: recipe.train.epochs as u64 };
        let lr = recipe.schedule.lr(recipe.optimizer.lr, at);
        let loss = task.loss(&state.net, batch, epoch); // [1]
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
fn finish_epoch<T: Task>(task: &T, state: &mut State<T::Net>) -> Result<EpochRecord, FitError> {
    let recipe = task.recipe();
    let (_, steps) = batches(recipe, task.items());
    let step = ((state.epoch + 1) * steps) as u64;
    let at = Position { step: step - 1, steps_per_epoch: steps as u64, epochs: recipe.train.epochs as u64 };
    let net = state.snapshot();
    let judgement = task.judge(net.clone())?;
    if let Some(Judgement { loss, .. }) = judgement
        && recipe.train.patience > 0
        && state.best.as_ref().is_none_or(|best| loss < best.loss)
    {
        state.best = Some(Best { loss, epoch: state.epoch + 1, weights: named_tensors(&net) });
    }
    let record = EpochRecord {
        epoch: state.epoch + 1,
        step,
        lr: recipe.schedule.lr(recipe.optimizer.lr, at),
        train_loss: state.loss_sum / steps as f64,
        valid_loss: judgement.map(|j| j.loss),
        valid_balanced_accuracy: judgement.and_then(|j| j.balanced_accuracy),
        valid_psnr: judgement.and_then(|j| j.psnr),
    };
    state.epoch += 1;
    state.batch = 0;
    state.loss_sum = 0.0;
    state.history.push(record.clone());
    Ok(record)
}

fn stops_early<T: Task>(task: &T, state: &State<T::Net>) -> bool {
    let patience = task.recipe().train.patience;
    patience > 0 && state.best.as_ref().is_some_and(|best| state.epoch >= best.epoch + patience)
}
