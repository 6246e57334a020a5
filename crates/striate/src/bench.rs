//! Speed: the same works that other programs do, timed on this machine.

mod ascent;
mod formula;
mod inference;
pub mod kernels;
mod layer;
pub mod machine;
pub mod measure;
mod memory;
pub mod peer;
pub mod profile;
pub mod scale;
mod scale_chart;
mod task;
mod training;
pub mod work;

pub use formula::formula;
pub use memory::peak_mib;
pub use task::Summary;
