//! `cargo xtask bench-record`: our program and others at the same works in turn, into the rows of BENCHMARKS.md.
//!
//! For each work every program is started afresh, prepared, and timed round after round in turn, so that a slow moment of the
//! machine meets them all. Their numbers are compared first: where they disagree nothing is timed and the row says so.

mod compare;
mod page;
mod peer;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use compare::{Agreement, agreement, median, ratios};
use page::Row;
use peer::Peer;

use crate::cargo;

/// A round of the fastest program takes at least so long, so that the clock's grain does not count.
const ROUND_S: f64 = 0.3;
/// Between the turns of two programs: the threads of OpenMP wait in a loop for 200 ms after their work, and would take a core from
/// whoever comes next.
const REST: Duration = Duration::from_millis(400);

/// Other programs' threads that a quiet machine may have on average.
const BUSY: f64 = 0.7;

/// What was asked for.
#[derive(Debug, PartialEq)]
struct Options {
    works: Vec<String>,
    rounds: usize,
    threads: usize,
    torch: Option<String>,
    ort: Option<String>,
    /// The same words again, for the record: paths shortened to their last part.
    command: String,
}

/// Runs the comparison and refreshes BENCHMARKS.md.
pub fn run(root: &Path, arguments: &[String]) -> Result<()> {
    let options = options(arguments)?;
    let program = build(root)?;
    let machine = machine(&program, options.threads)?;
    let path = root.join("BENCHMARKS.md");
    let mut refused = Vec::new();
    for work in &options.works {
        let rows = record(&program, work, &options, &machine)?;
        for row in rows {
            println!("{}", row.line());
            if row.refused() {
                refused.push(format!("{} against {}", row.work, row.against));
            }
            let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let text = page::refreshed(&text, &row)?;
            std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
    }
    ensure!(refused.is_empty(), "check disagrees, so these count for nothing: {}", refused.join(", "));
    Ok(())
}

fn options(arguments: &[String]) -> Result<Options> {
    let short: Vec<String> = arguments.iter().map(|word| page::shell_word(&page::without_folders(word))).collect();
    let mut options = Options {
        works: WORKS.map(str::to_owned).to_vec(),
        rounds: 7,
        threads: 2,
        torch: None,
        ort: None,
        command: format!("cargo xtask bench-record {}", short.join(" ")),
    };
    let mut words = arguments.iter();
    while let Some(flag) = words.next() {
        let value = words.next().with_context(|| format!("{flag} needs a value"))?;
        let number = || value.parse().ok().filter(|n| *n > 0).with_context(|| format!("{flag}: {value} is no number"));
        match flag.as_str() {
            "--works" => options.works = value.split(',').map(named).collect::<Result<Vec<_>>>()?.concat(),
            "--rounds" => options.rounds = number()?,
            "--threads" => options.threads = number()?,
            "--torch" => options.torch = Some(value.clone()),
            "--ort" => options.ort = Some(value.clone()),
            _ => bail!("bench-record knows --works, --rounds, --threads, --torch and --ort, got {flag}"),
        }
    }
    ensure!(options.torch.is_some() || options.ort.is_some(), "name at least one program: --torch CMD, --ort CMD");
    Ok(options)
}

/// Every work, in the order of the table.
const WORKS: [&str; 20] = [
    "W1",
    "W2",
    "W3",
    "W4.mbv2.b1",
    "W4.mbv2.b8",
    "W4.rn18.b1",
    "W4.rn18.b8",
    "W4.lite0.b1",
    "W4.lite0.b8",
    "W5.a.fwd",
    "W5.a.fwdbwd",
    "W5.b.fwd",
    "W5.b.fwdbwd",
    "W5.c.fwd",
    "W5.c.fwdbwd",
    "W5.d.fwd",
    "W5.d.fwdbwd",
    "W5.e.fwd",
    "W5.e.fwdbwd",
    "W6",
];

/// The works of this name, or whose names begin with it and a point.
fn named(name: &str) -> Result<Vec<String>> {
    let inside = format!("{name}.");
    let works: Vec<String> = WORKS
        .iter()
        .filter(|work| **work == name || work.starts_with(&inside))
        .map(|work| (*work).to_owned())
        .collect();
    ensure!(!works.is_empty(), "there is no work {name}; there are {}", WORKS.join(", "));
    Ok(works)
}

/// Builds the program as the tests do; gives it as a word for the shell.
fn build(root: &Path) -> Result<String> {
    let status = cargo(root).args(["build", "--release", "--workspace"]).status();
    ensure!(status.context("cargo did not start")?.success(), "the program cannot be built");
    let here = std::env::current_exe().context("this program does not know where it is")?;
    Ok(page::shell_word(&here.with_file_name("striate").to_string_lossy()))
}

/// Words for the row where others worked at the same time: threads that wanted to run in the last minute, but for ours. A
/// program that waits for all of its threads at each step suffers more than another, so such a ratio says little.
fn busy(threads: usize) -> String {
    let loads = std::fs::read_to_string("/proc/loadavg").unwrap_or_default(); // other systems have no such file
    let load = loads.split(' ').next().and_then(|load| load.parse::<f64>().ok()).unwrap_or(0.0);
    if load > threads as f64 + BUSY { format!(", BUSY (load {load})") } else { String::new() }
}

/// Processor and instruction set, as the program names them.
fn machine(program: &str, threads: usize) -> Result<String> {
    let command = format!("{program} bench --only W5.c.fwd --rounds 1 --json --threads {threads}");
    let output = Command::new("sh").args(["-c", &command]).output().context("sh did not start")?;
    ensure!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).context("bench --json gave no JSON")?;
    let part = |name: &str| report["machine"][name].as_str().unwrap_or("unknown").to_owned();
    let peak = report["machine"]["fma_gflops"].as_f64().unwrap_or(0.0);
    Ok(format!("{}, {}, FMA peak {peak:.0} GFLOP/s ({})", part("cpu"), part("isa"), part("fma_isa")))
}

/// One work: a row for each program it was held against.
fn record(program: &str, work: &str, options: &Options, machine: &str) -> Result<Vec<Row>> {
    let start = |name: &str, command: &str| Peer::start(name, &format!("{command} --threads {}", options.threads));
    let mut peers = vec![start("striate", &format!("{program} bench --peer"))?];
    if let Some(torch) = &options.torch {
        peers.push(start("PyTorch", torch)?);
        peers.push(start("PyTorch channels-last", &format!("{torch} --channels-last"))?);
    }
    if let Some(ort) = options.ort.as_ref().filter(|_| work.starts_with("W4.")) {
        peers.push(start("onnxruntime", ort)?);
    }
    if peers.len() == 1 {
        return Ok(Vec::new());
    }
    for peer in &mut peers {
        peer.prepare(work)?;
    }
    let times = rounds(&mut peers, work, options.rounds)?;
    let busy = busy(options.threads);
    let peaks = peers.iter_mut().map(Peer::rss).collect::<Result<Vec<_>>>()?; // before `check` builds the work again
    let ours = if options.torch.is_some() { peers[0].check(work)? } else { Vec::new() };
    let mut rows = Vec::new();
    for against in better_layouts(&peers, &times) {
        let checks = peers[against].name.starts_with("PyTorch");
        let agreement = if checks { agreement(work, &ours, &peers[against].check(work)?) } else { Agreement::NotAsked };
        rows.push(Row {
            work: work.to_owned(),
            against: peers[against].name.clone(),
            times: [times[0].clone(), times[against].clone()],
            ratios: ratios(&times[0], &times[against]),
            agreement,
            peak_mib: [peaks[0], peaks[against]],
            threads: options.threads,
            machine: format!("{machine}{busy}"),
            date: page::today(),
            command: options.command.clone(),
        });
    }
    for peer in peers {
        peer.quit()?;
    }
    Ok(rows)
}

/// Seconds a run, of each program in each round.
fn rounds(peers: &mut [Peer], work: &str, count: usize) -> Result<Vec<Vec<f64>>> {
    let mut shortest = f64::INFINITY;
    for peer in peers.iter_mut() {
        shortest = shortest.min(peer.run(work, 1)?);
    }
    let runs = (ROUND_S / shortest).ceil().clamp(1.0, 10_000.0) as usize;
    let mut times = vec![Vec::new(); peers.len()];
    for _ in 0..count {
        for (peer, times) in peers.iter_mut().zip(&mut times) {
            std::thread::sleep(REST);
            times.push(peer.run(work, runs)?);
        }
    }
    Ok(times)
}

/// The programs to hold ours against: of PyTorch's two layouts the faster one.
fn better_layouts(peers: &[Peer], times: &[Vec<f64>]) -> Vec<usize> {
    let torch = (1..peers.len()).filter(|&i| peers[i].name.starts_with("PyTorch"));
    let better = torch.min_by(|&a, &b| median(&times[a]).total_cmp(&median(&times[b])));
    let others = (1..peers.len()).filter(|&i| !peers[i].name.starts_with("PyTorch"));
    better.into_iter().chain(others).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_read_and_the_record_names_no_folder() {
        let words = ["--works", "W2,W5.a", "--torch", "/opt/v/bin/python /srv/torch_peer.py", "--rounds", "9"];
        let options = options(&words.map(str::to_owned)).expect("reads");
        assert_eq!((options.works.join(" ").as_str(), options.rounds), ("W2 W5.a.fwd W5.a.fwdbwd", 9));
        let record = "cargo xtask bench-record --works W2,W5.a --torch 'python torch_peer.py' --rounds 9";
        assert_eq!(options.command, record);
    }

    #[test]
    fn what_cannot_be_done_is_refused() {
        for words in [&["--works", "W9", "--torch", "x"][..], &["--rounds"], &["--rounds", "0"], &["--works", "W2"]] {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            assert!(options(&words).is_err(), "{words:?}");
        }
    }
}
