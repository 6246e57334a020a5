//! CPU kernels of Striate: slices in, slices out. They know no tensor, no file and no thread pool's set-up: work is split over
//! the rayon pool that they are called in.

pub mod conv2d;
mod depthwise;
mod direct;
mod direct_weight;
pub mod isa;
mod outer;
mod product;
pub mod rng;
mod scratch;
mod shared;
mod simd;
mod tile;
mod winograd;
