//! Burn, re-exported, and every hot operation of a net behind one place: [`ops`].
//!
//! Only this crate lists Burn. A crate above starts with `extern crate striate_engine as burn;`, so that Burn's derives
//! expand as they should.

pub use burn::*;

mod custom;
pub mod device;
mod layout;
pub mod ops;
pub mod timing;
