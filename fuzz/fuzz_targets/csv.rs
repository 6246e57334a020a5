//! Any bytes as a CSV list: `cargo fuzz run csv fuzz/corpus/csv crates/striate-data/tests/bad/csv`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use striate_data::manifest::parse;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(list) = parse(bytes) {
        for i in 0..list.len() {
            assert!(!list.path(i).as_os_str().is_empty());
        }
    }
});
