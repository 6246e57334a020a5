//! One training inside a run: resumed where it was cut off, checkpointed as it goes, its epochs in `metrics.jsonl`.

use crate::error::Error;
use crate::event::{Event, Observer};
use burn::module::Module;
use serde::Serialize;
use std::time::{Duration, Instant};
use striate_train::fit::{EpochRecord, State, Task, Watch, fit};
use striate_train::resume;
use striate_train::run::{Run, RunError};

/// What every part of a run shares.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The run folder.
    pub run: &'a Run,
    /// Who is told.
    pub observer: Observer<'a>,
    /// Time between two checkpoints; up to `AT_MOST` times as long where a checkpoint takes long.
    pub checkpoint_every: Duration,
}

/// Training goes on for at least so many times as long as the last checkpoint took: large nets lose 2.5 % to them at most.
const TRAINED_TO_SAVED: u32 = 39;
/// But not longer than so many times the time between two checkpoints.
const AT_MOST: u32 = 20;

/// A line of `metrics.jsonl`.
#[derive(Serialize)]
struct Line<'a> {
    training: &'a str,
    #[serde(flatten)]
    record: &'a EpochRecord,
}

/// Trains to the end, or goes on from the checkpoint of the same `name` in the run folder.
pub fn train_in_run<T: Task>(context: Context, name: &str, task: &T) -> Result<(T::Net, Vec<EpochRecord>), Error> {
    let file = format!("checkpoints/{name}.safetensors");
    let state = match context.run.read(&file)? {
        Some(bytes) => resume::from_bytes(task, &bytes)
            .map_err(|error| RunError::Damaged { path: context.run.path(&file), why: error.to_string() })?,
        None => State::new(task)?,
    };
    for record in &state.history {
        write_line(context.run, name, record)?;
    }
    let mut watcher = Watcher { context, name, file, saved: Instant::now(), took: Duration::ZERO, unsaved: false };
    let (net, state) = fit(task, state, &mut watcher)?;
    if watcher.unsaved {
        watcher.save(&state)?;
    }
    Ok((net, state.history))
}

/// An epoch of the training `training` as a line of `metrics.jsonl`.
pub(crate) fn write_line(run: &Run, training: &str, record: &EpochRecord) -> Result<(), Error> {
    let line = serde_json::to_string(&Line { training, record }).expect("a record has a JSON form");
    Ok(run.append("metrics.jsonl", &line)?)
}

struct Watcher<'a> {
    context: Context<'a>,
    name: &'a str,
    file: String,
    /// When the last checkpoint was there, or training began.
    saved: Instant,
    /// How long that checkpoint took.
    took: Duration,
    unsaved: bool,
}

impl Watcher<'_> {
    fn save<N: Module>(&mut self, state: &State<N>) -> Result<(), Error> {
        let start = Instant::now();
        self.context.run.write(&self.file, &resume::to_bytes(state))?;
        self.took = start.elapsed();
        self.saved = Instant::now();
        self.unsaved = false;
        Ok(())
    }

    fn save_if_due<N: Module>(&mut self, state: &State<N>) -> Result<(), Error> {
        self.unsaved = true;
        let every = self.context.checkpoint_every;
        let pause = every.max((self.took * TRAINED_TO_SAVED).min(every * AT_MOST));
        if self.saved.elapsed() >= pause { self.save(state) } else { Ok(()) }
    }
}

impl<N: Module> Watch<N> for Watcher<'_> {
    type Error = Error;

    fn step(&mut self, state: &State<N>, done: u64, total: u64, loss: f64) -> Result<(), Error> {
        let note = format!("epoch {} loss {loss:.3}", state.epoch + 1);
        (self.context.observer)(Event::Progress { done, total, unit: "steps", note });
        self.save_if_due(state)
    }

    fn epoch(&mut self, state: &State<N>, record: &EpochRecord) -> Result<(), Error> {
        write_line(self.context.run, self.name, record)?;
        let valid = match (record.valid_loss, record.valid_balanced_accuracy) {
            (Some(loss), Some(accuracy)) => {
                format!(", validation loss {loss:.4}, balanced accuracy {:.1} %", 100.0 * accuracy)
            }
            (Some(_), None) => record.valid_psnr.map_or_else(String::new, |psnr| format!(", validation {psnr:.2} dB")),
            _ => String::new(),
        };
        let (epoch, loss) = (record.epoch, record.train_loss);
        (self.context.observer)(Event::Info(format!("{}: epoch {epoch}, training loss {loss:.4}{valid}", self.name)));
        self.save_if_due(state)
    }
}
