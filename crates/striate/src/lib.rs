//! Striate as a library: one file per task. It prints nothing, knows no command line and no web server.

extern crate striate_engine as burn;

pub mod audit;
pub mod bench;
mod climb;
pub mod embed;
pub mod encoder;
pub mod error;
pub mod eval;
pub mod event;
pub mod filter;
mod finish;
pub mod html;
mod input;
pub mod inspect;
mod judge;
mod labels;
mod ladder;
mod leaks;
mod model_file;
pub mod models;
pub mod nearest;
pub mod page;
mod page_parts;
mod plan;
pub mod predict;
pub mod predictor;
mod prepare;
pub mod recipes;
pub mod report;
mod rungs;
pub mod sheet;
mod single;
mod stream;
mod thumb;
pub mod train;
mod training;
mod vector_cache;
mod verdict;

pub use striate_kernels::isa::Isa;
pub use striate_kernels::memory::Recycling;
