//! `striate bench` as other programs see it: the lines of `--peer`, the JSON, the files of `--scale`.

#![allow(clippy::unwrap_used)] // a test stops where it cannot go on

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn bench(args: &[&str], lines: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_striate"))
        .arg("bench")
        .args(args)
        .current_dir(env!("CARGO_TARGET_TMPDIR"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn a_peer_answers_every_line_by_one_line() {
    let lines = "prepare W5.d.fwd\nrun W5.d.fwd 2\nrun W1 1\ncheck W5.d.fwd\nnonsense\nrss\nquit\nrss\n";
    let output = bench(&["--peer", "--threads", "2"], lines);
    let text = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<&str> = text.lines().collect();
    let begins = [
        "ready W5.d.fwd 0.",
        "W5.d.fwd 0.",
        "error W1 is not prepared",
        "check W5.d.fwd 1.148050e+06 ",
        "error ",
        "rss ",
    ];
    assert_eq!((output.status.code(), answers.len()), (Some(0), begins.len()), "{text}");
    answers.iter().zip(begins).for_each(|(answer, begin)| assert!(answer.starts_with(begin), "{answer}"));
}

#[test]
fn figures_come_with_the_machine_and_its_limit() {
    let output = bench(&["--only", "W5.d.fwd", "--only", "W5.c.fwd", "--rounds", "1", "--json"], "");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(report["machine"]["fma_gflops"].as_f64().unwrap() > 0.1, "{report}");
    assert!(report["machine"]["memory_gb_s"].as_f64().unwrap() > 0.1, "{report}");
    let works = report["works"].as_array().unwrap();
    assert_eq!(works.iter().map(|work| &work["work"]).collect::<Vec<_>>(), ["W5.d.fwd", "W5.c.fwd"]);
    assert_eq!(works[0]["rounds"], 1);
    assert!(works.iter().all(|work| work["share_of_limit"].as_f64().unwrap() > 0.0), "{report}");
}

#[test]
fn a_point_of_the_scale_is_measured_in_a_process_of_its_own() {
    let output = bench(&["--scale-point", "batch=2", "--json"], "");
    let row: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&row["axis"], &row["value"], &row["pictures"]), (&"batch".into(), &2.into(), &2.into()));
    assert!(row["seconds"].as_f64().unwrap() > 0.0, "{row}");
}

#[test]
fn what_cannot_be_timed_is_refused_before_any_work() {
    let taken = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("taken-{}", std::process::id()));
    std::fs::create_dir_all(&taken).unwrap();
    std::fs::write(taken.join("scale.csv"), "mine").unwrap();
    let out = taken.to_str().unwrap();
    for (args, part) in [
        (&["--only", "W9"][..], "W5.e.fwdbwd"),
        (&["--scale", "--only", "width"], "depth"),
        (&["--scale", "--out", out], "--overwrite"),
        (&["--peer", "--only", "W2"], "--only"),
        (&["--rounds", "0"], "--rounds"),
    ] {
        let output = bench(args, "");
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), output.stdout.is_empty()), (Some(2), true), "{args:?}: {told}");
        assert!(told.contains(part), "{args:?}: {told}");
    }
    std::fs::remove_dir_all(taken).unwrap();
}

#[test]
fn one_kernel_of_each_shape_is_chosen() {
    let output = bench(&["--kernels", "--rounds", "1", "--json", "--threads", "2"], "");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let kernels = report["kernels"].as_array().unwrap();
    let mut shapes: Vec<&str> = kernels.iter().map(|kernel| kernel["from"].as_str().unwrap()).collect();
    shapes.dedup();
    let chosen = kernels.iter().filter(|kernel| kernel["chosen"] == true).count();
    assert_eq!((output.status.code(), chosen), (Some(0), shapes.len()));
    assert!(kernels.len() > shapes.len() && kernels.iter().all(|kernel| kernel["forward_s"].as_f64().unwrap() > 0.0));
}
