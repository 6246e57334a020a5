//! `striate bench --scale`: one process for each measurement, since the peak of memory is that of a process.

use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use striate::bench::scale::{self, Axis, Point, ScaleRow};
use striate::event::Event;

use super::BenchArgs;
use crate::Verdict;
use crate::cli::Globals;
use crate::terminal::Terminal;
use crate::verbs::{json, table};

/// Measures all points and writes the files.
pub fn run(args: &BenchArgs, globals: &Globals, terminal: &Terminal) -> anyhow::Result<Verdict> {
    let axes = args.only.iter().map(|name| name.parse()).collect::<Result<Vec<Axis>, _>>()?;
    let axes = if axes.is_empty() { Axis::ALL.to_vec() } else { axes };
    scale::make_out(&args.out, args.overwrite)?;
    let points: Vec<Point> = axes.into_iter().flat_map(Axis::points).collect();
    terminal.observe(Event::Stage("Measuring".to_owned()));
    let mut rows = Vec::new();
    for (done, point) in (0..).zip(&points) {
        let (total, note) = (points.len() as u64, point.to_string());
        terminal.observe(Event::Progress { done, total, unit: "points", note });
        rows.push(in_child(*point, globals)?);
    }
    let files: Vec<String> = scale::write(&args.out, &rows)?.iter().map(|path| path.display().to_string()).collect();
    terminal.finish();
    let answer = if globals.json {
        json(&serde_json::json!({ "files": files, "rows": rows }))?
    } else {
        text(&rows) + "\n" + &files.join("\n") + "\n"
    };
    terminal.answer(&answer)?;
    Ok(Verdict::Yes)
}

/// The child's side: measures one point and tells it as JSON.
pub fn one(point: Point, terminal: &Terminal) -> anyhow::Result<Verdict> {
    let scratch = std::env::temp_dir().join(format!("striate-scale-{}", std::process::id()));
    let row = scale::measure(point, &scratch);
    let _ = std::fs::remove_dir_all(&scratch); // most points need no files and make no folder
    terminal.answer(&json(&row?)?)?;
    Ok(Verdict::Yes)
}

fn in_child(point: Point, globals: &Globals) -> anyhow::Result<ScaleRow> {
    let program = std::env::current_exe().context("cannot find this program to start it again")?;
    let mut command = Command::new(program);
    command
        .args(["bench", "--scale-point", &point.to_string(), "--json"])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    if let Some(threads) = globals.threads {
        command.args(["--threads", &threads.to_string()]);
    }
    let output = command.output().with_context(|| format!("cannot start this program again for {point}"))?;
    ensure!(output.status.success(), "the measurement {point} failed; leave it out with --only");
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn text(rows: &[ScaleRow]) -> String {
    let row = |row: &ScaleRow| {
        vec![
            format!("{} {}", row.axis, row.value),
            format!("{:.3} s", row.seconds),
            format!("{:.2} ms", 1000.0 * row.seconds / row.pictures as f64),
            row.peak_mib.map_or("unknown".to_owned(), |mib| format!("{mib} MiB")),
        ]
    };
    let rows: Vec<Vec<String>> = rows.iter().map(row).collect();
    table(&["what", "time", "a picture", "peak memory"], &[false, true, true, true], &rows)
}
