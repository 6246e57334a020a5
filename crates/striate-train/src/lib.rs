//! Training: recipes, the loop, schedules, optimisers, metrics, resuming, run files.

extern crate striate_engine as burn;

pub mod coder_manifest;
pub mod ema;
pub mod finetune;
pub mod fit;
pub mod heads;
pub mod infer;
pub mod manifest;
pub mod metrics;
pub mod optim;
pub mod recipe;
pub mod resume;
pub mod run;
pub mod schedule;
mod whiten;
