//! `striate bench --profile`: where the time of a work goes, by operation.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use serde::Serialize;
use striate_engine::timing::TARGET;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event as Told, Metadata, Subscriber};

use super::machine::{Machine, machine};
use super::measure::{BenchOptions, median};
use super::work::Work;
use crate::error::Error;
use crate::event::{Event, Observer};

/// The answer of `bench --profile`.
#[derive(Clone, Debug, Serialize)]
pub struct ProfileReport {
    /// Where it was measured.
    pub machine: Machine,
    /// One for each work.
    pub works: Vec<Profile>,
}

/// Where the time of one work goes.
#[derive(Clone, Debug, Serialize)]
pub struct Profile {
    /// Its name, such as `W2`.
    pub work: String,
    /// What it is.
    pub what: String,
    /// Runs that were made.
    pub rounds: usize,
    /// Median time of one run, in seconds.
    pub median_s: f64,
    /// The dearest first.
    pub operations: Vec<Operation>,
    /// Share of the time that no operation of ours took: the graph of the backward pass, the framework's own operations, copies.
    pub rest: f64,
}

/// All runs of one kind of operation.
#[derive(Clone, Debug, Serialize)]
pub struct Operation {
    /// What it computes.
    pub name: String,
    /// Forward, backward, or the optimiser's step.
    pub pass: String,
    /// How often it is done in a run.
    pub times: f64,
    /// Seconds of a run, mean.
    pub seconds: f64,
    /// Share of the run.
    pub share: f64,
}

/// Profiles the works, one after another.
pub fn profile(options: &BenchOptions, observer: Observer) -> Result<ProfileReport, Error> {
    observer(Event::Stage("Measuring the machine".to_owned()));
    let machine = machine();
    observer(Event::Stage("Timing".to_owned()));
    let total = options.works.len() as u64;
    let mut works = Vec::new();
    for (done, &work) in options.works.iter().enumerate() {
        observer(Event::Progress { done: done as u64, total, unit: "works", note: work.to_string() });
        works.push(one(work, options.rounds.max(1))?);
    }
    Ok(ProfileReport { machine, works })
}

fn one(work: Work, rounds: usize) -> Result<Profile, Error> {
    let mut task = work.task()?;
    task.run(); // builds caches, takes memory
    let sums = Arc::new(Mutex::new(Sums::default()));
    let mut times: Vec<f64> = tracing::subscriber::with_default(Listener(sums.clone()), || {
        (0..rounds)
            .map(|_| {
                let start = Instant::now();
                task.run();
                start.elapsed().as_secs_f64()
            })
            .collect()
    });
    let all: f64 = times.iter().sum();
    let sums = std::mem::take(&mut *sums.lock().unwrap_or_else(|poisoned| poisoned.into_inner()));
    let each = |((pass, name), (count, ns)): ((String, String), (u64, u64))| {
        let seconds = ns as f64 / 1e9;
        let (times, share) = (count as f64 / rounds as f64, seconds / all);
        Operation { name, pass, times, seconds: seconds / rounds as f64, share }
    };
    let mut operations: Vec<Operation> = sums.into_iter().map(each).collect();
    operations.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    times.sort_by(f64::total_cmp);
    let rest = 1.0 - operations.iter().map(|operation| operation.share).sum::<f64>();
    Ok(Profile { work: work.to_string(), what: work.about(), rounds, median_s: median(&times), operations, rest })
}

/// Count and nanoseconds by pass and operation.
type Sums = BTreeMap<(String, String), (u64, u64)>;

/// Adds up what the engine tells.
struct Listener(Arc<Mutex<Sums>>);

/// The fields of one event.
#[derive(Default)]
struct Fields {
    op: String,
    pass: String,
    ns: u64,
}

impl Visit for Fields {
    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "op" => self.op = value.to_owned(),
            "pass" => self.pass = value.to_owned(),
            _ => {}
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "ns" {
            self.ns = value;
        }
    }
}

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata) -> bool {
        metadata.target() == TARGET
    }

    fn event(&self, event: &Told) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let mut sums = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let (count, ns) = sums.entry((fields.pass, fields.op)).or_default();
        *count += 1;
        *ns += fields.ns;
    }

    // There are no spans.
    fn new_span(&self, _: &Attributes) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_training_step_is_told_by_its_operations() {
        let profile = one("W1".parse().expect("a work"), 2).expect("runs");
        let times = |pass: &str, name: &str| {
            let found = profile.operations.iter().find(|op| op.pass == pass && op.name == name);
            found.map_or(0.0, |op| op.times)
        };
        assert_eq!(times("forward", "convolution 5x5"), 2.0);
        assert_eq!(times("backward", "convolution 5x5"), 2.0);
        assert_eq!(times("backward", "linear"), 2.0);
        assert_eq!(times("step", "adam"), 8.0, "a weight and a bias of each of four layers");
        let shares: f64 = profile.operations.iter().map(|op| op.share).sum();
        assert!(shares > 0.5 && shares <= 1.0, "operations take {shares} of the time");
    }
}
