//! Training: recipes, the loop, schedules, optimisers, metrics, resuming, run files.

extern crate striate_engine as burn;

pub mod manifest;
