//! A net's numbers outside of any device.

use std::collections::BTreeMap;

/// Numbers of one parameter or running statistic.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedTensor {
    /// Lengths of the axes.
    pub shape: Vec<usize>,
    /// Row-major.
    pub values: Vec<f32>,
}

/// Weights by path.
pub type NamedTensors = BTreeMap<String, NamedTensor>;
