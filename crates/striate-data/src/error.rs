//! Why a data set could not be opened: what is wrong, where, and what to do.

use std::path::PathBuf;

/// Why [`Dataset::open`](crate::dataset::Dataset::open) gave no data set.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// A path that leads nowhere.
    #[error("{path}: no such file or folder{hint}")]
    NotFound {
        /// As given.
        path: String,
        /// A near name or the part that is missing, with its punctuation; may be empty.
        hint: String,
    },
    /// The system said no.
    #[error("{path}: cannot be read: {source}; check that you may read it, or move it out of the folder")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file or folder that cannot be taken as data.
    #[error("{path}: {why}; {advice}")]
    NotData {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
        /// What to do.
        advice: String,
    },
    /// A line of a CSV that cannot be understood.
    #[error("{path}, line {line}: {why}; {advice}")]
    Line {
        /// The CSV.
        path: PathBuf,
        /// Counted from 1.
        line: u64,
        /// What is wrong with it.
        why: String,
        /// What to do.
        advice: String,
    },
    /// A regular expression for groups that does not work here.
    #[error("group-by pattern `{pattern}`: {why}")]
    GroupBy {
        /// As given.
        pattern: String,
        /// What is wrong, and what to do.
        why: String,
    },
}

impl DataError {
    pub(crate) fn not_data(path: impl Into<PathBuf>, why: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::NotData { path: path.into(), why: why.into(), advice: advice.into() }
    }

    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        |source| Self::Io { path: path.into(), source }
    }
}
