//! `embed` that is killed again and again ends in the same bytes as one that was left alone.
//!
//! `STRIATE_EMBED_DATA` names other pictures than the built-in digits, `STRIATE_KILLS` another number of kills than 5.

#![allow(clippy::unwrap_used)] // a test stops where it cannot go on

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

fn embed(data: &str, out: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_striate"))
        .args(["embed", data, "--with", "hog", "--quiet", "--overwrite", "--out", out.to_str().unwrap()])
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn the_same_bytes_after_kills() {
    let folder = std::env::temp_dir().join(format!("striate-embed-killed-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let data = std::env::var("STRIATE_EMBED_DATA").unwrap_or_else(|_| "@digits".to_owned());
    let kills: u32 = std::env::var("STRIATE_KILLS").map_or(5, |kills| kills.parse().unwrap());
    let clean = folder.join("clean.npy");
    let start = Instant::now();
    assert!(embed(&data, &clean).wait().unwrap().success());
    // Each start takes up where the last was stopped, so that each gets a share of the whole before it is killed.
    let share = start.elapsed() / kills;
    let killed = folder.join("killed.npy");
    let mut cut = 0;
    for _ in 0..kills {
        let mut child = embed(&data, &killed);
        std::thread::sleep(share);
        cut += u32::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(embed(&data, &killed).wait().unwrap().success());
    for end in ["npy", "csv", "cache"] {
        let [clean, killed] = [&clean, &killed].map(|file| fs::read(file.with_extension(end)).unwrap());
        assert!(clean == killed, "the .{end} differs after {cut} kills");
    }
    println!("{cut} of {kills} kills fell into the work");
    assert!(cut * 2 >= kills, "too few of the kills fell into the work to show anything");
    fs::remove_dir_all(folder).unwrap();
}
