//! Training: recipes, the loop, schedules, optimisers, metrics, resuming, run files.

extern crate striate_engine as burn;

pub mod classify;
pub mod coder_manifest;
mod coder_start;
pub mod components;
pub mod damage;
pub mod ema;
pub mod explain;
pub mod finetune;
pub mod fit;
pub mod heads;
pub mod infer;
pub mod manifest;
pub mod metrics;
pub mod optim;
mod pixel_loss;
pub mod recipe;
pub mod reconstruct;
pub mod restore;
pub mod restorer_manifest;
pub mod resume;
pub mod run;
pub mod schedule;
mod whiten;
