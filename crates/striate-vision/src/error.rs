//! What can be wrong with a file or a request: what, where, and what to do.

use thiserror::Error;

/// Why nothing was computed.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum Error {
    /// Bytes that are not a `.npy` file that can be read.
    #[error("not a .npy array that can be read: {what}; {advice}")]
    Npy {
        /// What is wrong, and where.
        what: String,
        /// What to do.
        advice: &'static str,
    },
    /// A kernel that cannot be understood or used.
    #[error("kernel: {what}; {advice}")]
    Kernel {
        /// What is wrong, and where.
        what: String,
        /// What to do.
        advice: String,
    },
    /// An array or option that an operation cannot work with.
    #[error("{op}: {what}; {advice}")]
    Request {
        /// What was asked for.
        op: &'static str,
        /// What is wrong.
        what: String,
        /// What to do.
        advice: String,
    },
}

impl Error {
    pub(crate) fn kernel(what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::Kernel { what: what.into(), advice: advice.into() }
    }

    pub(crate) fn request(op: &'static str, what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::Request { op, what: what.into(), advice: advice.into() }
    }
}
