//! `striate bench --profile`: the time of a work by operation.

use striate::bench::measure::BenchOptions;
use striate::bench::profile::{Profile, ProfileReport, profile};

use super::{heading, json, ms, percent, table};
use crate::Verdict;
use crate::cli::Globals;
use crate::terminal::Terminal;

pub(super) fn run(options: &BenchOptions, globals: &Globals, terminal: &Terminal) -> anyhow::Result<Verdict> {
    let report = profile(options, &|event| terminal.observe(event))?;
    terminal.finish();
    terminal.answer(&if globals.json { json(&report)? } else { text(&report) })?;
    Ok(Verdict::Yes)
}

fn text(report: &ProfileReport) -> String {
    heading(&report.machine) + &report.works.iter().map(one).collect::<Vec<_>>().join("\n")
}

fn one(profile: &Profile) -> String {
    let header = ["operation", "pass", "a run", "time", "share"];
    let mut rows: Vec<Vec<String>> = Vec::new();
    for operation in &profile.operations {
        let times = format!("{:.0}", operation.times);
        let time = ms(operation.seconds);
        rows.push(vec![operation.name.clone(), operation.pass.clone(), times, time, percent(operation.share)]);
    }
    let rest = "the rest: graph, copies, the framework's own operations";
    rows.push(vec![rest.to_owned(), String::new(), String::new(), String::new(), percent(profile.rest)]);
    let median = ms(profile.median_s);
    format!("{}: {}, {median} ms a run (median of {})\n", profile.work, profile.what, profile.rounds)
        + &table(&header, &[false, false, true, true, true], &rows)
}
