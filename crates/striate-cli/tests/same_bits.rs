//! The same seed gives the same bytes: for any number of threads and any instruction set, from run to run, and after `kill -9` and a resume.
//!
//! `STRIATE_KILLS` says how many moments a run is killed at (3 unless given); `cargo xtask same-bits` asks for 20.

#![allow(clippy::unwrap_used)] // a test stops where it cannot go on

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn striate(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_striate"));
    command.args(args).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

fn finished(args: &[&str]) {
    let output = striate(args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// What must be equal: the model to the byte, and every epoch's figures.
fn bits(run: &Path) -> (Vec<u8>, String) {
    (fs::read(run.join("model.safetensors")).unwrap(), fs::read_to_string(run.join("metrics.jsonl")).unwrap())
}

/// Starts a run and kills it `after` so long, then resumes it to the end; whether it was really cut off.
fn killed_and_resumed(train: &[&str], out: &Path, after: Duration) -> bool {
    let mut child = striate(train).spawn().unwrap();
    std::thread::sleep(after);
    child.kill().unwrap();
    child.wait().unwrap();
    let out_text = out.to_str().unwrap();
    if !out.join("recipe.toml").exists() {
        let _ = fs::remove_dir_all(out);
        finished(train);
        return false;
    }
    if out.join("report.html").exists() {
        return false;
    }
    finished(&["train", "--resume", out_text, "--quiet", "--checkpoint-every", "0s"]);
    true
}

/// Holds two trainings of different nets, and so different ops, to one result each.
fn check(name: &str, flags: &[&str]) {
    let scratch = Scratch(std::env::temp_dir().join(format!("striate-bits-{name}-{}", std::process::id())));
    fs::create_dir_all(&scratch.0).unwrap();
    let folder = |run: &str| scratch.0.join(run);
    let args = |run: &Path, threads: &str| -> Vec<String> {
        let fixed =
            ["train", "@digits", "--seed", "7", "--quiet", "--checkpoint-every", "0s", "--threads", threads, "--out"];
        fixed.iter().chain(&[run.to_str().unwrap()]).chain(flags).map(ToString::to_string).collect()
    };
    fn borrowed(args: &[String]) -> Vec<&str> {
        args.iter().map(String::as_str).collect()
    }

    let start = Instant::now();
    finished(&borrowed(&args(&folder("one"), "1")));
    let whole = start.elapsed();
    let reference = bits(&folder("one"));
    for (run, threads) in [("two", "2"), ("three", "3"), ("again", "2")] {
        finished(&borrowed(&args(&folder(run), threads)));
        assert!(bits(&folder(run)) == reference, "{name}: {threads} threads differ from 1");
    }
    let asked = std::env::var("STRIATE_KILLS").is_ok(); // the portable path is slow: only where time was asked for
    for isa in ["portable", "avx2", "avx512"].into_iter().filter(|&isa| asked || isa != "portable") {
        let run = folder(isa);
        let train = args(&run, "2");
        let output = striate(&borrowed(&train)).args(["--isa", isa]).output().unwrap();
        if output.status.code() == Some(2) {
            let why = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(why.contains("this machine does not have"), "{isa}: {why}");
            continue;
        }
        assert!(output.status.success() && bits(&run) == reference, "{name}: {isa} differs");
    }
    let kills: u64 = std::env::var("STRIATE_KILLS").map_or(3, |kills| kills.parse().unwrap());
    let mut cut = 0;
    for kill in 0..kills {
        let run = folder(&format!("killed{kill}"));
        let after = whole.mul_f64((kill as f64 + 0.5) / kills as f64); // evenly over the run
        cut += u64::from(killed_and_resumed(&borrowed(&args(&run, "2")), &run, after));
        assert!(bits(&run) == reference, "{name}: killed after {after:?} and resumed, it differs");
        let left: Vec<String> =
            fs::read_dir(&run).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        let known = ["recipe.toml", "metrics.jsonl", "checkpoints", "model.safetensors", "report.html", "log.txt"];
        assert!(left.iter().all(|file| known.contains(&file.as_str())), "{name}: left behind {left:?}");
    }
    println!("{name}: {cut} of {kills} kills fell into the run, which took {whole:?}");
    assert!(cut * 2 >= kills, "{name}: too few kills fell into the run to show anything");
}

#[test]
fn lenet_with_adam_augmentation_and_average() {
    let recipe = std::env::temp_dir().join(format!("striate-bits-recipe-{}.toml", std::process::id()));
    fs::write(
        &recipe,
        "[model]\nname = \"lenet5\"\ndropout = 0.2\n[train]\nepochs = 3\nbatch = 64\nema_decay = 0.99\npatience = 2\n\
         [optimizer]\nname = \"adamw\"\nlr = 2e-3\nweight_decay = 0.01\nclip_norm = 1.0\n\
         [schedule]\nname = \"cosine\"\n[augment]\nshift = 0.1\nrotate = 5.0\n",
    )
    .unwrap();
    check("lenet5", &["--recipe", recipe.to_str().unwrap()]);
    fs::remove_file(recipe).unwrap();
}

#[test]
fn resnet_with_momentum_and_batch_norm() {
    check("resnet20", &["--recipe", "digits-resnet20", "--epochs", "1"]);
}
