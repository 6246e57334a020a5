//! Blocks: what models are stacked from.

mod basic_block;
mod bottleneck;
mod conv_norm_act;
mod fire;
mod inverted_residual;
mod mbconv;
mod residual;
mod shortcut;

pub use basic_block::{BasicBlock, BasicBlockConfig};
pub use bottleneck::{Bottleneck, BottleneckConfig};
pub use conv_norm_act::{ConvNorm, conv_norm, conv_norm_relu6};
pub use fire::{Fire, FireConfig};
pub use inverted_residual::{InvertedResidual, InvertedResidualConfig};
pub use mbconv::{Mbconv, MbconvConfig};
pub use residual::{Residual, conv1x1, conv3x3, through};
pub use shortcut::Shortcut;
