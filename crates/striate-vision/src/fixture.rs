//! Numbers that other programs computed, from `fixtures/`, and how near ours have to come.

use std::path::Path;

use crate::array::Array;
use crate::npy;

/// The array in `fixtures/<name>`.
pub(crate) fn read(name: &str) -> Array {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
    let bytes = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    npy::from_npy_bytes(&bytes, npy::Limits::default()).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// Fails unless all numbers are within `tolerance` of the others, relative to the largest or absolute, whichever is more.
#[track_caller]
pub(crate) fn near(what: &str, ours: &[f32], theirs: &[f32], tolerance: f32) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    let scale = theirs.iter().fold(1.0_f32, |m, v| m.max(v.abs()));
    for (i, (a, b)) in ours.iter().zip(theirs).enumerate() {
        assert!((a - b).abs() <= tolerance * scale, "{what}[{i}] = {a}, reference {b}");
    }
}

/// Runs `f` at one and three threads and fails unless the bits are the same.
pub(crate) fn same_for_any_threads(f: impl Fn() -> Vec<f32> + Sync) -> Vec<f32> {
    let run = |n| rayon::ThreadPoolBuilder::new().num_threads(n).build().expect("a pool").install(&f);
    let (one, three) = (run(1), run(3));
    assert!(one.iter().map(|v| v.to_bits()).eq(three.iter().map(|v| v.to_bits())), "3 threads give other bits");
    one
}
