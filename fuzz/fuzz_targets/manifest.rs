//! Any text as the manifest of a model file: `cargo fuzz run manifest fuzz/corpus/manifest crates/striate-train/tests/bad/manifest`.
//!
//! The parser's files are taken in as they are: by way of the crates the fuzzer would build all of Burn.

#![no_main]
#![allow(dead_code)] // the key in the file

extern crate self as striate_nn; // what `manifest.rs` knows of it is the net's configuration

#[path = "../../crates/striate-nn/src/config.rs"]
mod config;
#[path = "../../crates/striate-train/src/manifest.rs"]
mod manifest;

pub use config::NetConfig;
use libfuzzer_sys::fuzz_target;
use manifest::Manifest;

fuzz_target!(|text: &str| {
    let Ok(read) = Manifest::parse(text) else { return };
    assert_eq!(read.classes.len(), read.net.num_classes);
    let again = serde_json::to_string(&read).expect("a manifest has a JSON form");
    Manifest::parse(&again).expect("its own text");
});
