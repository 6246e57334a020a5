//! The table of `striate bench`: each work's time on this machine, and its share of the machine's limit.

use std::time::Instant;

use serde::Serialize;
use striate_engine::device::wait;

use super::machine::{Machine, machine};
use super::work::Work;
use crate::error::Error;
use crate::event::{Event, Observer};

/// A round repeats short works for about so long, so that the clock's grain does not count.
const ROUND_S: f64 = 0.1;

/// What to time.
#[derive(Clone, Debug)]
pub struct BenchOptions {
    /// Which works, in order.
    pub works: Vec<Work>,
    /// Timings of each; 1 or more.
    pub rounds: usize,
}

/// The answer of `bench`.
#[derive(Clone, Debug, Serialize)]
pub struct BenchReport {
    /// Where it was measured.
    pub machine: Machine,
    /// One for each work.
    pub works: Vec<Timing>,
}

/// How long one work takes.
#[derive(Clone, Debug, Serialize)]
pub struct Timing {
    /// Its name, such as `W2`.
    pub work: String,
    /// What it is.
    pub what: String,
    /// Timings made.
    pub rounds: usize,
    /// Median, shortest and longest time of one run, in seconds.
    pub median_s: f64,
    /// See `median_s`.
    pub min_s: f64,
    /// See `median_s`.
    pub max_s: f64,
    /// Pictures of one run over its median time.
    pub images_per_s: f64,
    /// Operations of the direct method over the median time, in 1e9 a second: a faster method can pass the machine's peak.
    pub gflops: f64,
    /// Which limit of the machine comes first.
    pub bound: Bound,
    /// Shortest time that the limit allows the direct method, over the median.
    pub share_of_limit: f64,
}

/// What no direct method can be faster than.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Bound {
    /// Multiply-adds.
    Arithmetic,
    /// Each operand through the memory bus once.
    Memory,
}

/// Times the works, one after another.
pub fn bench(options: &BenchOptions, observer: Observer) -> Result<BenchReport, Error> {
    observer(Event::Stage("Measuring the machine".to_owned()));
    let machine = machine();
    observer(Event::Stage("Timing".to_owned()));
    let total = options.works.len() as u64;
    let mut works = Vec::new();
    for (done, work) in options.works.iter().enumerate() {
        observer(Event::Progress { done: done as u64, total, unit: "works", note: work.to_string() });
        works.push(timing(*work, options.rounds, &machine)?);
    }
    Ok(BenchReport { machine, works })
}

fn timing(work: Work, rounds: usize, machine: &Machine) -> Result<Timing, Error> {
    let mut task = work.task()?;
    task.run(); // builds caches, takes memory
    let mut time = |runs: usize| {
        let start = Instant::now();
        for _ in 0..runs {
            task.run();
        }
        wait();
        start.elapsed().as_secs_f64() / runs as f64
    };
    let runs = (ROUND_S / time(1)).ceil().clamp(1.0, 10_000.0) as usize;
    let mut times: Vec<f64> = (0..rounds.max(1)).map(|_| time(runs)).collect();
    times.sort_by(f64::total_cmp);
    let median_s = median(&times);
    let operations = work.operations()? as f64;
    let arithmetic_s = operations / (machine.fma_gflops * 1e9);
    let memory_s = work.bytes().map_or(0.0, |bytes| bytes as f64 / (machine.memory_gb_s * 1e9));
    Ok(Timing {
        work: work.to_string(),
        what: work.about(),
        rounds: times.len(),
        median_s,
        min_s: times[0],
        max_s: times[times.len() - 1],
        images_per_s: work.pictures() as f64 / median_s,
        gflops: operations / median_s / 1e9,
        bound: if memory_s > arithmetic_s { Bound::Memory } else { Bound::Arithmetic },
        share_of_limit: arithmetic_s.max(memory_s) / median_s,
    })
}

/// The middle of rising numbers, or the mean of the two in the middle.
pub(super) fn median(rising: &[f64]) -> f64 {
    let half = rising.len() / 2;
    if rising.len().is_multiple_of(2) { (rising[half - 1] + rising[half]) / 2.0 } else { rising[half] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_are_in_the_middle() {
        assert_eq!((median(&[1.0]), median(&[1.0, 2.0, 9.0]), median(&[1.0, 2.0, 3.0, 9.0])), (1.0, 2.0, 2.5));
    }
}
