//! What can be wrong with a net that a user asked for or a file described.

use thiserror::Error;

use crate::checkpoint::CheckpointError;

/// Why a net could not be made or filled.
#[derive(Debug, Error)]
pub enum NetError {
    /// No model has this name.
    #[error("there is no model `{name}`{}; `striate models` lists all", suggestion(.did_you_mean.as_deref()))]
    Unknown {
        /// The name asked for.
        name: String,
        /// The nearest name there is, if one is near.
        did_you_mean: Option<String>,
    },
    /// A field of the configuration does not fit the model.
    #[error("model `{model}`: {field} {why}")]
    Config {
        /// The model.
        model: String,
        /// The field of [`crate::NetConfig`].
        field: &'static str,
        /// What is wrong and what would be right.
        why: String,
    },
    /// The weights lack a tensor that the net has.
    #[error("the weights lack `{name}` {shape:?}: they are of another model or configuration")]
    Missing {
        /// The tensor's path.
        name: String,
        /// The shape that was expected.
        shape: Vec<usize>,
    },
    /// The weights hold a tensor that the net does not have.
    #[error("the weights hold `{name}`, which this model does not have: they are of another model or configuration")]
    Extra {
        /// The tensor's path.
        name: String,
    },
    /// A tensor has another shape than in the net.
    #[error(
        "`{name}` has shape {got:?} in the weights and {expected:?} in the model: they are of another configuration"
    )]
    Shape {
        /// The tensor's path.
        name: String,
        /// The net's shape.
        expected: Vec<usize>,
        /// The shape in the weights.
        got: Vec<usize>,
    },
    /// The weights' bytes cannot be read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A tensor holds a value that no trained net has.
    #[error(
        "`{name}` holds {value} at element {index}: the weights are damaged, or the training that made them diverged"
    )]
    NotFinite {
        /// The tensor's path.
        name: String,
        /// Row-major index of the first such value.
        index: usize,
        /// The value.
        value: f32,
    },
}

fn suggestion(name: Option<&str>) -> String {
    name.map_or_else(String::new, |name| format!(" (did you mean `{name}`?)"))
}
