//! A training's state as a file, so that a killed run goes on with the same bits.

use crate::ema::Ema;
use crate::fit::{Best, EpochRecord, State, Task, batches};
use crate::recipe::Rule;
use burn::module::Module;
use burn::tensor::{Tensor, TensorData};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use striate_nn::NetError;
use striate_nn::checkpoint::{Checkpoint, CheckpointError};
use striate_nn::weights::{NamedTensor, NamedTensors, load_named, named_tensors};

/// The metadata key of a checkpoint.
const KEY: &str = "striate.training";

/// Why a checkpoint cannot be gone on from.
#[derive(Debug, thiserror::Error)]
pub enum ResumeError {
    /// The bytes are not a checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A checkpoint of another program or version.
    #[error("not a training checkpoint of this version: {0}")]
    Foreign(String),
    /// A checkpoint of another net.
    #[error(transparent)]
    Net(#[from] NetError),
}

/// Everything of a [`State`] that is not a tensor. Floats are kept as their bits: JSON would round some.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scalars {
    epoch: usize,
    batch: usize,
    loss_sum_bits: u64,
    optimizer_steps: u64,
    best: Option<(u64, usize)>,
    history: Vec<RecordBits>,
}

/// An [`EpochRecord`]: epoch, step, and the bits of learning rate, training loss, validation loss, accuracy and PSNR.
type RecordBits = (usize, u64, u64, u64, Option<u64>, Option<u64>, Option<u64>);

fn bits_of(record: &EpochRecord) -> RecordBits {
    let bits = |value: Option<f64>| value.map(f64::to_bits);
    let [loss, accuracy, psnr] = [record.valid_loss, record.valid_balanced_accuracy, record.valid_psnr].map(bits);
    (record.epoch, record.step, record.lr.to_bits(), record.train_loss.to_bits(), loss, accuracy, psnr)
}

fn record_of(&(epoch, step, lr, train_loss, valid_loss, accuracy, psnr): &RecordBits) -> EpochRecord {
    EpochRecord {
        epoch,
        step,
        lr: f64::from_bits(lr),
        train_loss: f64::from_bits(train_loss),
        valid_loss: valid_loss.map(f64::from_bits),
        valid_balanced_accuracy: accuracy.map(f64::from_bits),
        valid_psnr: psnr.map(f64::from_bits),
    }
}

/// The state as bytes of a safetensors file.
pub fn to_bytes<N: Module>(state: &State<N>) -> Vec<u8> {
    let mut tensors = NamedTensors::new();
    let mut put = |prefix: &str, named: NamedTensors| {
        tensors.extend(named.into_iter().map(|(path, tensor)| (format!("{prefix}/{path}"), tensor)));
    };
    put("net", named_tensors(&state.net));
    let (optimizer_steps, slots) = state.optimizer.state();
    for (path, slots) in slots {
        for (i, slot) in slots.iter().enumerate() {
            put(&format!("slot{i}"), BTreeMap::from([(path.clone(), flat(slot))]));
        }
    }
    if let Some(ema) = &state.ema {
        for (path, average) in &ema.averages {
            put("ema", BTreeMap::from([(path.clone(), flat(average))]));
        }
    }
    if let Some(best) = &state.best {
        put("best", best.weights.clone());
    }
    let scalars = Scalars {
        epoch: state.epoch,
        batch: state.batch,
        loss_sum_bits: state.loss_sum.to_bits(),
        optimizer_steps,
        best: state.best.as_ref().map(|best| (best.loss.to_bits(), best.epoch)),
        history: state.history.iter().map(bits_of).collect(),
    };
    let text = serde_json::to_string(&scalars).expect("scalars have a JSON form");
    Checkpoint { tensors, metadata: BTreeMap::from([(KEY.to_string(), text)]) }.to_bytes()
}

/// The state that [`to_bytes`] wrote, for the same training.
pub fn from_bytes<T: Task>(task: &T, bytes: &[u8]) -> Result<State<T::Net>, ResumeError> {
    let Checkpoint { tensors, metadata } = Checkpoint::from_bytes(bytes)?;
    let text = metadata.get(KEY).ok_or_else(|| ResumeError::Foreign(format!("it has no `{KEY}`")))?;
    let scalars: Scalars = serde_json::from_str(text).map_err(|error| ResumeError::Foreign(error.to_string()))?;
    let mut parts: BTreeMap<String, NamedTensors> = BTreeMap::new();
    for (path, tensor) in tensors {
        let (part, path) =
            path.split_once('/').ok_or_else(|| ResumeError::Foreign(format!("tensor {path} has no part")))?;
        parts.entry(part.to_string()).or_default().insert(path.to_string(), tensor);
    }
    let mut take = |part: &str| parts.remove(part).unwrap_or_default();
    let mut state = State::new(task)?;
    state.net = load_named(state.net, &take("net"))?;
    let device = task.device();
    let mut slots: BTreeMap<String, Vec<Tensor<1>>> = BTreeMap::new();
    for part in ["slot0", "slot1"] {
        for (path, tensor) in take(part) {
            slots.entry(path).or_default().push(unflat(tensor, device));
        }
    }
    state.optimizer.restore(scalars.optimizer_steps, slots);
    if task.recipe().train.ema_decay > 0.0 {
        let mut ema = Ema::new(task.recipe().train.ema_decay);
        ema.averages = take("ema").into_iter().map(|(path, tensor)| (path, unflat(tensor, device))).collect();
        state.ema = Some(ema);
    }
    state.best = scalars.best.map(|(loss, epoch)| Best { loss: f64::from_bits(loss), epoch, weights: take("best") });
    state.epoch = scalars.epoch;
    state.batch = scalars.batch;
    state.loss_sum = f64::from_bits(scalars.loss_sum_bits);
    state.history = scalars.history.iter().map(record_of).collect();
    match misfit(task, &state) {
        None => Ok(state),
        Some(why) => Err(ResumeError::Foreign(why)),
    }
}

/// What of a state read from a file is not of this training: the loop relies on all of it.
fn misfit<T: Task>(task: &T, state: &State<T::Net>) -> Option<String> {
    let (_, steps) = batches(task.recipe(), task.items());
    if state.epoch > task.recipe().train.epochs || state.batch > steps {
        return Some(format!("it stands at epoch {} and batch {}, beyond the end", state.epoch, state.batch));
    }
    let net = named_tensors(&state.net);
    let fits = |path: &str, tensor: &Tensor<1>| net.get(path).is_some_and(|own| own.values.len() == tensor.dims()[0]);
    let slots = match task.recipe().optimizer.name {
        Rule::Sgd => 1,
        Rule::Adam | Rule::AdamW => 2,
    };
    for (path, tensors) in state.optimizer.state().1 {
        if tensors.len() != slots || !tensors.iter().all(|tensor| fits(path, tensor)) {
            return Some(format!("the optimiser's state of `{path}` does not fit the net"));
        }
    }
    let mut averages = state.ema.iter().flat_map(|ema| &ema.averages);
    averages.find(|(path, tensor)| !fits(path, tensor)).map(|(path, _)| format!("the average of `{path}` does not fit"))
}

fn flat(tensor: &Tensor<1>) -> NamedTensor {
    let values = tensor.to_data().try_into_vec_as::<f32>().expect("optimisers compute in f32");
    NamedTensor { shape: vec![values.len()], values }
}

fn unflat(tensor: NamedTensor, device: &burn::tensor::Device) -> Tensor<1> {
    let n = tensor.values.len();
    Tensor::from_data(TensorData::new(tensor.values, [n]), device)
}
