//! Pictures from disk to model units: decode, preprocess, augment, data sets, groups, splits, loader.

pub mod decode;
pub mod picture;
