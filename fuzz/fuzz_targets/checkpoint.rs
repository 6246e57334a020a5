//! Any bytes as a checkpoint: `cargo fuzz run checkpoint fuzz/corpus/checkpoint crates/striate-nn/tests/bad`.
//!
//! The parser's files are taken in as they are: by way of the crate the fuzzer would build all of Burn.

#![no_main]
#![allow(dead_code)] // the writer to disk

#[path = "../../crates/striate-nn/src/atomic.rs"]
mod atomic;
#[path = "../../crates/striate-nn/src/checkpoint.rs"]
mod checkpoint;
#[path = "../../crates/striate-nn/src/named_tensor.rs"]
mod named_tensor;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(read) = checkpoint::Checkpoint::from_bytes(bytes) else { return };
    let again = read.to_bytes();
    let twice = checkpoint::Checkpoint::from_bytes(&again).expect("its own bytes");
    assert_eq!(twice.to_bytes(), again); // as bytes: a NaN is not equal to itself
});
