//! Pictures from disk to model units: decode, preprocess, augment, data sets, groups, splits, loader.

mod cifar;
pub mod dataset;
pub mod decode;
pub mod duplicates;
pub mod embedded;
pub mod error;
mod folder;
pub mod groups;
mod idx;
pub mod manifest;
mod open;
mod paths;
pub mod picture;
mod records;
pub mod split;
mod walk;
