//! Layers: parameters under PyTorch's names, and one call into [`crate::engine::ops`] each.

mod activation;
mod batch_norm;
mod conv2d;
mod conv_transpose2d;
mod dropout;
mod linear;
mod max_pool2d;
pub mod neighbours;
pub mod normalize;
mod running;
mod zeros;

pub use activation::Relu;
pub use batch_norm::{After, BatchNorm, BatchNormConfig};
pub use conv_transpose2d::{ConvTranspose2d, ConvTranspose2dConfig};
pub use conv2d::{Conv2d, Conv2dConfig};
pub use dropout::Dropout;
pub use linear::{Linear, LinearConfig};
pub use max_pool2d::MaxPool2d;
pub use neighbours::Neighbours;
pub use normalize::Normalize;
pub use running::Running;
pub(crate) use zeros::zeros;
