//! CPU kernels of Striate: slices in, slices out. They know no tensor, no file and no thread pool.

pub mod rng;
