//! A full disk and a read-only folder: a named error, and nothing half-written. Needs the right to mount a tmpfs; skipped,
//! with a line that says so, where it is missing.

#![allow(clippy::unwrap_used)] // a test stops where it cannot go on

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A mounted tmpfs; unmounted at the end.
struct Tmpfs(PathBuf);

impl Tmpfs {
    fn mount(name: &str, options: &str) -> Option<Self> {
        let at = std::env::temp_dir().join(format!("striate-{name}-{}", std::process::id()));
        fs::create_dir_all(&at).unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(&at).output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self(at));
        }
        println!("skipped: no right to mount a tmpfs here");
        let _ = fs::remove_dir(&at);
        None
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
        let _ = fs::remove_dir(&self.0);
    }
}

fn striate(args: &[&str], paths: &[&Path]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_striate")).args(args).args(paths).output().unwrap()
}

/// Exit code 2, one paragraph that holds `words`, no panic.
fn refused(output: &Output, words: &[&str]) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("error:") && !text.contains("panicked"), "{text}");
    words.iter().for_each(|word| assert!(text.contains(word), "{word} is missing in: {text}"));
}

#[test]
fn a_full_disk_is_named_and_leaves_no_part_of_a_file() {
    let Some(disk) = Tmpfs::mount("full", "size=600k") else { return };
    let run = disk.0.join("run");
    let args =
        ["train", "@digits", "--model", "lenet5", "--epochs", "1", "--quiet", "--checkpoint-every", "0s", "--out"];
    refused(&striate(&args, &[&run]), &["run", "free some space"]);
    assert!(!run.join("model.safetensors").exists());
    let left: Vec<_> = fs::read_dir(run.join("checkpoints")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(left.is_empty(), "half-written: {left:?}");
}

#[test]
fn labels_on_a_full_disk_leave_the_old_file() {
    let Some(disk) = Tmpfs::mount("labels", "size=64k") else { return };
    let Some(work) = Tmpfs::mount("labels-work", "size=64m") else { return };
    let run = work.0.join("run");
    let train = ["train", "@digits", "--model", "linear", "--epochs", "1", "--quiet", "--out"];
    assert!(striate(&train, &[&run]).status.success());
    fs::write(disk.0.join("filler"), vec![0_u8; 60 << 10]).unwrap();
    let labels = disk.0.join("labels.csv");
    fs::write(&labels, "old").unwrap();
    let output =
        striate(&["predict", "--quiet", "--overwrite"], &[&run, Path::new("@digits"), Path::new("--out"), &labels]);
    refused(&output, &["labels.csv", "free some space"]);
    assert_eq!(fs::read_to_string(&labels).unwrap(), "old");
}

#[test]
fn a_read_only_folder_is_named_before_time_is_spent() {
    let Some(disk) = Tmpfs::mount("readonly", "size=600k,ro") else { return };
    let run = disk.0.join("run");
    refused(&striate(&["train", "@digits", "--quiet", "--out"], &[&run]), &["run", "--out"]);
}
