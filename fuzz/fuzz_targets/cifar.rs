//! Any bytes as CIFAR files: `cargo fuzz run cifar -- -max_len=20000`.
//!
//! The first byte says which version, the second how long the list of names is; it stands at the end.

#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use striate_data::dataset::{Dataset, OpenOptions};

static FOLDERS: LazyLock<[PathBuf; 2]> = LazyLock::new(|| {
    ["10", "100"].map(|version| {
        let folder = std::env::temp_dir().join(format!("striate-fuzz-cifar-{}-{version}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("temporary folder");
        folder
    })
});

fuzz_target!(|bytes: &[u8]| {
    let [version, names, rest @ ..] = bytes else { return };
    let (records, names) = rest.split_at(rest.len().saturating_sub(usize::from(*names)));
    let fine = usize::from(version % 2);
    let folder = &FOLDERS[fine];
    std::fs::write(folder.join(["data_batch_1.bin", "train.bin"][fine]), records).expect("records");
    std::fs::write(folder.join(["batches.meta.txt", "fine_label_names.txt"][fine]), names).expect("names");
    if let Ok(data) = Dataset::open(folder.to_str().expect("Unicode"), &OpenOptions::default()) {
        for i in [0, data.len() - 1] {
            data.picture(i).expect("lengths were checked");
            assert!(data.examples[i].label.is_some_and(|label| (label as usize) < data.classes.len()));
        }
    }
});
