//! Models, one file each; [`crate::registry`] lists them by name.
//!
//! Each has `forward` (logits) and `features` (what its last linear layer sees).

mod airbench94;
mod conv4;
mod efficientnet_lite;
mod lenet5;
mod linear;
mod mobilenet_v2;
mod resnet;
mod squeezenet;

pub use airbench94::Airbench94;
pub use conv4::Conv4;
pub use efficientnet_lite::{DEVIATIONS, EfficientNetLite};
pub use lenet5::LeNet5;
pub use linear::LinearNet;
pub use mobilenet_v2::MobileNetV2;
pub use resnet::{ResNet, ResNetDepth};
pub use squeezenet::SqueezeNet;
