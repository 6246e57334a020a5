//! The operations that nets spend their time in, as plain functions over tensors.
//!
//! Layers call these and nothing else, so that a kernel can be exchanged here without a change above.
//! Every one gives the same bits for any number of threads (`striate-nn/tests/threads.rs` holds them to it).

mod activation;
mod add;
mod batch_norm;
mod channels_last;
mod conv_transpose;
mod convolution;
mod cross_entropy;
mod distance;
mod dropout;
mod folded;
mod fork;
mod linear;
mod optimizer;
mod pooling;
mod shuffle;
mod sum;

pub use activation::{Activation, activate};
pub use add::add;
pub use batch_norm::{BatchNormSpec, BatchStatistics, batch_norm, scale_shift};
pub use channels_last::channels_last;
pub use conv_transpose::{ConvTranspose2dSpec, conv_transpose2d};
pub use convolution::{Conv2dSpec, Padding, conv2d, conv2d_macs};
pub use cross_entropy::softmax_cross_entropy;
pub use distance::{Distance, distance};
pub use dropout::{DropoutMask, dropout};
pub use folded::FoldedConv2d;
pub use fork::fork;
pub use linear::linear;
pub use optimizer::{Adam, Sgd, adam_step, sgd_step};
pub use pooling::{PoolSpec, avg_pool2d, global_avg_pool2d, global_mean_square2d, max_pool2d};
pub use shuffle::{pixel_shuffle, pixel_unshuffle};
pub use sum::sum;
