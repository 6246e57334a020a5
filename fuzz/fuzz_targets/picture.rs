//! Any bytes as a picture file: `cargo fuzz run picture fuzz/corpus/picture crates/striate-data/fixtures/decode`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use striate_data::appearance::Appearance;
use striate_data::decode::{Limits, decode};
use striate_data::origin::Origin;
use striate_data::preprocess::Preprocess;

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits { max_bytes: 1 << 20, max_pixels: 1 << 20 };
    Origin::of(bytes, None);
    if let Ok(decoded) = decode(bytes, &limits) {
        let unit = Preprocess { size: [4, 5], ..Preprocess::rgb() }.to_unit(&decoded.picture);
        Appearance::of(&decoded.picture);
        assert!(unit.iter().all(|v| (0.0..=1.0).contains(v)));
    }
});
