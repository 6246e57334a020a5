//! Any bytes as a pair of IDX files: `cargo fuzz run idx`.
//!
//! The first byte says whether the images are gzipped, the second how long the labels file is; it stands at the end.

#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use striate_data::dataset::{Dataset, OpenOptions};
use striate_data::decode::Limits;

static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("striate-fuzz-idx-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("temporary folder");
    folder
});

fuzz_target!(|bytes: &[u8]| {
    let [zipped, labels, rest @ ..] = bytes else { return };
    let (images, labels) = rest.split_at(rest.len().saturating_sub(usize::from(*labels)));
    let plain = FOLDER.join("train-images-idx3-ubyte");
    let gz = FOLDER.join("train-images-idx3-ubyte.gz");
    let (used, other) = if zipped % 2 == 0 { (&plain, &gz) } else { (&gz, &plain) };
    let _ = std::fs::remove_file(other);
    std::fs::write(used, images).expect("images");
    std::fs::write(FOLDER.join("train-labels-idx1-ubyte"), labels).expect("labels");
    let limits = Limits { max_bytes: 1 << 20, max_pixels: 1 << 20 };
    let options = OpenOptions { limits, ..OpenOptions::default() };
    if let Ok(data) = Dataset::open(FOLDER.to_str().expect("Unicode"), &options) {
        for i in [0, data.len() - 1] {
            data.picture(i).expect("lengths were checked");
            assert!(data.examples[i].label.is_some_and(|label| (label as usize) < data.classes.len()));
        }
    }
});
