//! Burn, re-exported, and every hot operation of a net behind one place: [`ops`].

pub use burn::*;
