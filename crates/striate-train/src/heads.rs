//! Heads on features: classifiers that are fitted without gradients through a net.

pub mod centroid;
pub mod logistic;
