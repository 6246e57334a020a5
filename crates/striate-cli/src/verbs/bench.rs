//! `striate bench`: how fast this machine trains and infers.

mod choice;
mod kernels;
mod profile;
mod scale;

use std::io::BufRead;
use std::path::PathBuf;

use clap::Args;
use striate::bench::machine::Machine;
use striate::bench::measure::{BenchOptions, BenchReport, Bound, Timing, bench};
use striate::bench::peer::Peer;
use striate::bench::scale::Point;
use striate::bench::work::Work;

use super::{json, percent, table};
use crate::Verdict;
use crate::cli::Globals;
use crate::terminal::Terminal;

/// Arguments of `bench`.
#[derive(Args, Debug)]
#[command(after_help = "\
Works: W1 to W3 are training steps (LeNet-5, ResNet-18 on 32x32, an autoencoder), W4 is inference at 224x224 \
(MobileNetV2, ResNet-18, EfficientNet-Lite0), W5 single convolutions, W6 steps of drawing a channel by gradient ascent. W4.rn18 names all of a kind.

Examples:
  striate bench
  striate bench --only W2,W5.a --rounds 11 --threads 2
  striate bench --only W4 --json | jq -r '.works[] | [.work, .median_s] | @tsv'

  # every way to compute each shape of convolution, and which one is chosen
  striate bench --kernels

  # where the time of a training step goes
  striate bench --profile --only W1,W2,W3

  # how time and memory grow, into bench-scale/scale.csv and scale.svg
  striate bench --scale
  striate bench --scale --only depth,side --out growth

  # what the choice among the rungs of a ladder is worth, see docs/choice.md
  striate bench --choice records --draw sets/digits.uci --labels 5,10 --draws 20

  # answer commands, so that another program can be timed in turn with this one
  printf 'prepare W5.c.fwd\\nrun W5.c.fwd 9\\ncheck W5.c.fwd\\nrss\\n' | striate bench --peer --threads 2")]
pub struct BenchArgs {
    /// Only these works, such as W2 or W5.a; separated by commas or given again
    #[arg(long, value_name = "WORKS", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Timings of each work
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub rounds: u16,
    /// Every way to compute a convolution, on shapes that nets are made of
    #[arg(long, conflicts_with_all = ["only", "scale", "peer"])]
    pub kernels: bool,
    /// Where the time of each work goes, by operation
    #[arg(long, conflicts_with_all = ["kernels", "scale", "peer"])]
    pub profile: bool,
    /// How time and peak memory grow with batch, picture side, depth and data: a CSV and a chart; --only names some of these
    #[arg(long, conflicts_with_all = ["rounds", "peer"])]
    pub scale: bool,
    /// Folder for scale.csv and scale.svg
    #[arg(long, value_name = "FOLDER", requires = "scale", default_value = "bench-scale")]
    pub out: PathBuf,
    /// Replace the files in --out if there are any
    #[arg(long, requires = "scale")]
    pub overwrite: bool,
    /// One measurement of --scale, such as batch=64, in a process of its own
    #[arg(long, hide = true, value_name = "POINT")]
    pub scale_point: Option<Point>,
    /// Answer commands on stdin, a line each: prepare WORK, run WORK N, check WORK, rss, quit
    #[arg(long, conflicts_with_all = ["only", "rounds"])]
    pub peer: bool,
    #[command(flatten)]
    pub choice: choice::ChoiceArgs,
}

pub fn run(args: &BenchArgs, globals: &Globals, terminal: &Terminal) -> anyhow::Result<Verdict> {
    if args.peer {
        return answer_commands(terminal);
    }
    if let Some(point) = args.scale_point {
        return scale::one(point, terminal);
    }
    if let Some(folder) = &args.choice.choice {
        return choice::run(&args.choice, folder, globals, terminal);
    }
    if args.kernels {
        return kernels::run(args.rounds.into(), globals, terminal);
    }
    if args.scale {
        return scale::run(args, globals, terminal);
    }
    let mut works = Vec::new();
    for name in &args.only {
        works.extend(Work::named(name)?);
    }
    let works = if works.is_empty() { Work::all() } else { works };
    let options = BenchOptions { works, rounds: args.rounds.into() };
    if args.profile {
        return profile::run(&options, globals, terminal);
    }
    let report = bench(&options, &|event| terminal.observe(event))?;
    terminal.finish();
    terminal.answer(&if globals.json { json(&report)? } else { text(&report) })?;
    Ok(Verdict::Yes)
}

/// A line that cannot be answered is answered by `error` and why: the other side waits for a line.
fn answer_commands(terminal: &Terminal) -> anyhow::Result<Verdict> {
    let mut peer = Peer::default();
    for line in std::io::stdin().lock().lines() {
        match peer.answer(&line?) {
            Ok(Some(answer)) => terminal.answer(&format!("{answer}\n"))?,
            Ok(None) => break,
            Err(e) => terminal.answer(&format!("error {e}\n"))?,
        }
    }
    Ok(Verdict::Yes)
}

/// Where the figures below it were measured.
fn heading(machine: &Machine) -> String {
    format!(
        "{}, {}, {} threads: at most {:.0} GFLOP/s ({}, measured) and {:.1} GB/s from memory\n\n",
        machine.cpu, machine.isa, machine.threads, machine.fma_gflops, machine.fma_isa, machine.memory_gb_s
    )
}

fn text(report: &BenchReport) -> String {
    let mut text = heading(&report.machine);
    let header = ["work", "median", "shortest to longest", "images/s", "GFLOP/s", "of limit", "limit", "what"];
    let rows: Vec<Vec<String>> = report.works.iter().map(row).collect();
    text += &table(&header, &[false, true, true, true, true, true, false, false], &rows);
    text += "\nOperations are counted as the direct method does them, so a share can pass 100 %: by a method with fewer \
             (Winograd),\nby data that stays in the caches, or by instructions wider than those that were measured.\n";
    text
}

fn row(timing: &Timing) -> Vec<String> {
    let bound = match timing.bound {
        Bound::Arithmetic => "arithmetic",
        Bound::Memory => "memory",
    };
    vec![
        timing.work.clone(),
        format!("{} ms", ms(timing.median_s)),
        format!("{} to {}", ms(timing.min_s), ms(timing.max_s)),
        format!("{:.1}", timing.images_per_s),
        format!("{:.1}", timing.gflops),
        percent(timing.share_of_limit),
        bound.to_owned(),
        timing.what.clone(),
    ]
}

/// Seconds as milliseconds in at least three digits.
fn ms(seconds: f64) -> String {
    let ms = 1000.0 * seconds;
    let digits = if ms < 10.0 { 2 } else { 1 };
    format!("{ms:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_have_three_digits() {
        assert_eq!(["0.00123", "0.0123", "1.5"].map(|s| ms(s.parse().expect("a number"))), ["1.23", "12.3", "1500.0"]);
    }
}
