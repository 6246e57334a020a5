//! Heads on features: classifiers that are fitted without gradients through a net.

pub mod centroid;
pub mod discriminant;
pub mod knn;
mod linear;
pub mod logistic;
pub mod normalize;
pub mod svm;
