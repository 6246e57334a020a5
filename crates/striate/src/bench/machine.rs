//! What this machine can do at most: multiply-adds a second and bytes a second, measured.

use std::hint::black_box;
use std::time::Instant;

use serde::Serialize;
use striate_kernels::isa::Isa;
use striate_kernels::peak::multiply_adds;

/// Operations of one measurement of arithmetic: some ten milliseconds.
const OPERATIONS: usize = 800_000_000;
/// Bytes that one measurement of memory goes through: more than any cache holds.
const STREAM_BYTES: usize = 256 << 20;
/// Each is measured so often; the best counts, since a limit is what no run exceeds.
const TRIES: usize = 5;

/// The machine a figure was measured on.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// Its processor, as the system names it.
    pub cpu: String,
    /// The widest vector instructions it has.
    pub isa: String,
    /// Threads that worked.
    pub threads: usize,
    /// Most f32 operations a second of all threads, in 1e9, two a fused multiply-add.
    pub fma_gflops: f64,
    /// The vector instructions that `fma_gflops` was measured with.
    pub fma_isa: String,
    /// Most bytes a second between memory and all threads, in 1e9.
    pub memory_gb_s: f64,
}

/// Measures this machine; takes about a second.
pub fn machine() -> Machine {
    Machine {
        cpu: cpu(),
        isa: Isa::widest().name().to_owned(),
        threads: rayon::current_num_threads(),
        fma_gflops: best(fma_gflops),
        fma_isa: Isa::current().name().to_owned(),
        memory_gb_s: best(memory_gb_s),
    }
}

/// The processor's name.
pub fn cpu() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default(); // other systems have no such file
    let name = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    name.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, name)| name.trim().to_owned())
}

fn best(measure: fn() -> f64) -> f64 {
    (0..TRIES).map(|_| measure()).fold(0.0, f64::max)
}

fn fma_gflops() -> f64 {
    let start = Instant::now();
    let operations: Vec<usize> = rayon::broadcast(|_| multiply_adds(OPERATIONS));
    operations.iter().sum::<usize>() as f64 / start.elapsed().as_secs_f64() / 1e9
}

/// Reading alone, every thread a part of its own.
fn memory_gb_s() -> f64 {
    let threads = rayon::current_num_threads();
    let parts: Vec<Vec<u64>> = (0..threads).map(|i| vec![i as u64 + 1; STREAM_BYTES / 8 / threads]).collect();
    let start = Instant::now();
    rayon::broadcast(|context| black_box(parts[context.index()].iter().fold(0, |all, word| all ^ word)));
    let bytes: usize = parts.iter().map(|part| 8 * part.len()).sum();
    bytes as f64 / start.elapsed().as_secs_f64() / 1e9
}
