//! Layers, blocks, models and their weights.
//!
//! ```
//! use striate_nn::{NetConfig, Pass};
//! use striate_nn::engine::tensor::{Device, Tensor};
//!
//! let device = Device::flex();
//! let net = NetConfig::new("lenet5", 10)?.init(1, &device)?;
//! let logits = net.forward(Tensor::zeros([2, 1, 28, 28], &device), &Pass::Infer); // [2, 10]
//! assert_eq!(logits.dims(), [2, 10]);
//! # Ok::<(), striate_nn::NetError>(())
//! ```

extern crate striate_engine as burn;

mod assemble;
mod atomic;
pub mod blocks;
pub mod checkpoint;
pub mod coders;
mod config;
mod error;
mod frozen;
mod init;
pub mod layers;
pub mod losses;
mod macs;
pub mod models;
mod named_tensor;
mod net;
mod pass;
pub mod pretrained;
pub mod registry;
pub mod restorers;
mod viewed;
pub mod watch;
pub mod weights;

pub use atomic::write_atomic;
pub use config::{NeighboursConfig, NetConfig, Pooled, Stem, Variant};
pub use error::NetError;
pub use frozen::{Frozen, Plan};
pub use net::Net;
pub use pass::{Noise, Pass};
pub use striate_engine as engine;
pub use viewed::Viewed;
