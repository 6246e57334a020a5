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
    let see = ["see", "run", "--images", "@digits", "--channels", "3", "--classes", "3", "--budget", "1h", "--json"];
    let report = answer(&run(&see));
    let atlas = folder.join("run/atlas");
    assert_eq!(report["pictures"], 1797, "{report}");
    let layers = report["layers"].as_array().expect("layers");
    assert!(layers.len() >= 2 && layers.iter().all(|layer| layer["shown"].as_array().map(Vec::len) == Some(3)));
    let kinds = &report["filters"];
    assert_eq!(kinds["filters"], layers[0]["shape"][0], "{kinds}");
    let before = files(&atlas);
    let index = String::from_utf8(before["index.html"].clone()).expect("text");
    assert!(index.contains("layers/0.html") && !index.contains("http"), "nothing is asked of a network");
    for name in [
        "patches/1-0.webp",
        "filters/0.webp",
        "drawn/class-3-distill.webp",
        "drawn/1-0-varied.webp",
        "drawn/1-0-unit-distill.webp",
        "confused.html",
    ] {
        assert!(before.contains_key(name), "{name}");
    }
    let number = |name: &str| report[name].as_u64().unwrap_or_else(|| panic!("{name}: {report}"));
    assert_eq!((number("explained"), number("drawings_left_out")), (8, 0), "{report}");
    assert!(number("confused") > 0 && before.keys().filter(|name| name.ends_with("-cam.webp")).count() == 8);
    let page = String::from_utf8(bytes(&folder, "run/report.html")).expect("text");
    assert!(
        page.contains("atlas/confused.html#p-") && !page.contains("class=\"without-atlas\""),
        "the report leads here"
    );
    // On one thread, over what a killed run left: the same, file by file.
    for lost in ["drawn/class-3-distill.webp", "drawn/1-0-varied.webp", "pictures/0-near.webp", "index.html"] {
        std::fs::remove_file(atlas.join(lost)).expect("a file of the atlas");
    }
    let mut again = see.to_vec();
    again.splice(again.len() - 1.., ["--threads", "1", "--quiet"]);
    assert_eq!(run(&again).status.code(), Some(0));
    let differ = files(&atlas).into_iter().find(|(name, bytes)| before.get(name) != Some(bytes));
    assert!(
        differ.is_none() && files(&atlas).len() == before.len(),
        "the same files: {:?}",
        differ.map(|(name, _)| name)
    );
    // Without time: what is drawn already is kept, and nothing is added.
    let none = ["see", "run", "--images", "@digits", "--channels", "3", "--classes", "3", "--budget", "0s", "--json"];
    let kept = answer(&run(&none));
    assert!(kept["drawings"].as_u64() > Some(0) && kept["drawings"].as_u64() <= report["drawings"].as_u64(), "{kept}");
    let elsewhere = [&none[..], &["--out", "none"]].concat();
    let report = answer(&run(&elsewhere));
    assert!(report["drawings"] == 0 && report["drawings_left_out"].as_u64() > Some(0), "{report}");
    assert!(report["explained"] == 0 && report["explained_left_out"].as_u64() > Some(0), "{report}");
    let pictures = ["pictures", "pictures_left_out"].map(|name| report[name].as_u64().expect("a number"));
    assert!(pictures[0] > 0 && pictures[1] > 0 && pictures[0] + pictures[1] == 1797, "a sample: {report}");
    assert!(report["channels_out_of_time"].as_u64() > Some(0), "{report}");
    assert!(folder.join("none/patches/1-0.webp").exists(), "each layer shows a channel at least");

    refused(&run(&["see", "run", "--images", "@digits", "--layers", "conv9", "--out", "other"]), "conv9");
    refused(&run(&["see", "run", "--images", "@digits", "--classes", "10", "--out", "other"]), "10");
    refused(&run(&["see", "run", "--images", "@digits", "--budget", "soon", "--out", "other"]), "soon");
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
