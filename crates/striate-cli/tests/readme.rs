//! README's commands run as it says, in its order, and print what it shows: figures may differ by machine, words may not.

#![allow(clippy::unwrap_used)] // a test stops where it cannot go on

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const README: &str = include_str!("../../../README.md");

/// Each `$` line of a `console` block, with the output shown below it.
fn transcripts() -> Vec<(String, String)> {
    let mut out: Vec<(String, String)> = Vec::new();
    for block in README.split("```console\n").skip(1) {
        let block = block.split("```").next().unwrap();
        for line in block.lines() {
            match line.strip_prefix("$ ") {
                Some(command) => out.push((command.to_string(), String::new())),
                None => out.last_mut().unwrap().1 += &format!("{line}\n"),
            }
        }
    }
    out
}

/// Numbers, units of time and spacing taken out.
fn words(text: &str) -> Vec<String> {
    let spaced = text.replace(|c: char| c.is_ascii_digit() || ".%<".contains(c), " ");
    spaced.split_whitespace().filter(|word| !["s", "min", "h"].contains(word)).map(str::to_string).collect()
}

/// Every `step`-th picture of each class of the embedded photos, in folders or flat.
fn copy_photos(to: &Path, step: usize, flat: bool) {
    let photos = Path::new(env!("CARGO_MANIFEST_DIR")).join("../striate-data/assets/photos5_96");
    for class in fs::read_dir(photos).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        let folder = if flat { to.to_path_buf() } else { to.join(class.file_name().unwrap()) };
        fs::create_dir_all(&folder).unwrap();
        let mut files: Vec<PathBuf> = fs::read_dir(&class).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        for file in files.iter().step_by(step) {
            fs::copy(file, folder.join(file.file_name().unwrap())).unwrap();
        }
    }
}

#[test]
fn commands_run_and_print_what_is_shown() {
    let work = std::env::temp_dir().join(format!("striate-readme-{}", std::process::id()));
    copy_photos(&work.join("my-pictures"), 2, false);
    copy_photos(&work.join("more-pictures"), 9, false);
    copy_photos(&work.join("new-pictures"), 14, true);
    let transcripts = transcripts();
    assert!(transcripts.len() >= 6, "README shows its commands in console blocks");
    for (command, shown) in transcripts {
        let line = command.strip_prefix("cargo run --release -- ").or(command.strip_prefix("striate ")).unwrap();
        let output =
            Command::new(env!("CARGO_BIN_EXE_striate")).args(line.split(' ')).current_dir(&work).output().unwrap();
        let (printed, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(0), "{command}: {said}");
        if !shown.is_empty() {
            assert_eq!(words(&printed), words(&shown), "{command} printed:\n{printed}");
        }
    }
    let labels = fs::read_to_string(work.join("labels.csv")).unwrap();
    assert!(labels.lines().count() > 10, "{labels}");
    let report = fs::read_to_string(work.join("runs/photos-ladder-1/report.html")).unwrap();
    assert!(report.len() < 3_000_000 && report.contains("efficientnet_lite0"));
    fs::remove_dir_all(work).unwrap();
}
