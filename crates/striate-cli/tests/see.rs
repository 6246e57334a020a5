//! `striate see` from the command line: the atlas, the same files again, and what it refuses.

mod common;

use std::collections::BTreeMap;
use std::path::Path;

use common::{answer, bytes, command, refused, scratch, striate};

/// All files below `folder`, by name.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if path.is_dir() {
            all.extend(files(&path).into_iter().map(|(inner, bytes)| (format!("{name}/{inner}"), bytes)));
        } else {
            all.insert(name, bytes(folder, path.file_name().expect("a name").to_str().expect("plain")));
        }
    }
    all
}

#[test]
fn an_atlas_shows_every_layer_and_comes_out_the_same() {
    let folder = scratch("see");
    let run = |args: &[&str]| striate(&folder, args);
    let train = ["train", "@digits", "--model", "lenet5", "--epochs", "1", "--out", "run", "--quiet"];
    assert_eq!(run(&train).status.code(), Some(0));
    let see = ["see", "run", "--images", "@digits", "--out", "atlas", "--channels", "3", "--json"];
    let report = answer(&run(&see));
    assert_eq!(report["pictures"], 1797, "{report}");
    let layers = report["layers"].as_array().expect("layers");
    assert!(layers.len() >= 2 && layers.iter().all(|layer| layer["shown"].as_array().map(Vec::len) == Some(3)));
    let kinds = &report["filters"];
    assert_eq!(kinds["filters"], layers[0]["shape"][0], "{kinds}");
    let before = files(&folder.join("atlas"));
    let index = String::from_utf8(before["index.html"].clone()).expect("text");
    assert!(index.contains("layers/0.html") && !index.contains("http"), "nothing is asked of a network");
    assert!(before.contains_key("patches/1-0.webp") && before.contains_key("filters/0.webp"));
    // One of one thread is the same, file by file.
    let again = ["see", "run", "--images", "@digits", "--out", "atlas", "--channels", "3", "--threads", "1", "--quiet"];
    assert_eq!(run(&again).status.code(), Some(0));
    assert!(files(&folder.join("atlas")) == before, "the same files");

    refused(&run(&["see", "run", "--images", "@digits", "--layers", "conv9", "--out", "other"]), "conv9");
    refused(&run(&["see", "nowhere", "--images", "@digits", "--out", "other"]), "nowhere");
    std::fs::create_dir(folder.join("empty")).expect("a folder");
    refused(&run(&["see", "run", "--images", "empty", "--out", "other"]), "picture");
    refused(&run(&["see", "run", "--images", "@digits", "--out", "run"]), "run");
    let linear = ["train", "@digits", "--model", "linear", "--epochs", "1", "--out", "linear", "--quiet"];
    assert_eq!(command(&folder, &linear).status().expect("runs").code(), Some(0));
    refused(&run(&["see", "linear", "--images", "@digits", "--out", "other"]), "no convolutions");
    assert!(!folder.join("other").exists(), "nothing is written where nothing is drawn");
    std::fs::remove_dir_all(folder).expect("removes");
}
