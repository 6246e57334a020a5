//! Heads on features: classifiers that are fitted without gradients through a net.

pub mod logistic;
