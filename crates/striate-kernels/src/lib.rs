//! CPU kernels of Striate: slices in, slices out. They know no tensor, no file and no thread pool's set-up: work is split over
//! the rayon pool that they are called in.

// Tiles are arrays of registers, gone through by index; iterators there are closures, and a closure that is not inlined is
// compiled without the vector instructions of its caller.
#![allow(clippy::needless_range_loop)]

pub mod activation;
pub mod batch_norm;
pub mod conv2d;
pub mod cross_entropy;
mod depthwise;
mod depthwise_weight;
mod direct;
mod direct_weight;
pub mod distance;
pub mod filter;
pub mod gram;
pub mod isa;
#[cfg(test)]
mod layer_tests;
pub mod linear;
pub mod memory;
pub mod optimizer;
pub mod orientation;
mod outer;
mod padded;
pub mod peak;
pub mod pool;
mod product;
pub mod rng;
mod row_weight;
mod shared_slice;
pub mod shuffle;
mod simd;
pub mod sum;
pub mod symmetric;
mod tile;
mod tridiagonal;
mod winograd;
