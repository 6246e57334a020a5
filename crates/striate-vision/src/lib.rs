//! Hand-made features of images, without a net: convolution with named or given kernels, histograms of orientation and
//! colour, HOG, principal components, and the `.npy` files that carry them.
//!
//! Everything works on plain f32 arrays, over the rayon pool it is called in, and gives the same bits for any number of
//! threads and any instruction set of the kernels.

pub mod array;
pub mod boundary;
pub mod cells;
pub mod colour;
pub mod convolve;
pub mod diffusion;
pub mod edges;
pub mod error;
pub mod filter_kind;
#[cfg(test)]
mod fixture;
pub mod hog;
pub mod kernel;
pub mod kernel_text;
pub mod median;
pub mod named;
pub mod non_local_means;
pub mod npy;
pub mod pca;

pub mod sobel;
