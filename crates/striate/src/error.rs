//! Every way a task can fail, in words for the person who asked: what is wrong, where, and what to do.

use std::io;
use std::path::{Path, PathBuf};

use striate_data::error::DataError;
use striate_data::loader::LoadError;
use striate_nn::NetError;
use striate_nn::checkpoint::CheckpointError;
use striate_train::fit::FitError;
use striate_train::recipe::RecipeError;
use striate_train::run::RunError;

/// Why a task gave no answer. Its message is whole: nothing needs to be added to it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The data cannot be opened.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A run folder cannot be used.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Training stopped.
    #[error(transparent)]
    Fit(#[from] FitError),
    /// A picture that could be read before cannot be read now.
    #[error(transparent)]
    Picture(#[from] LoadError),
    /// A net cannot be made, or weights do not fit it.
    #[error(transparent)]
    Net(#[from] NetError),
    /// A file is no checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A recipe cannot be used.
    #[error("recipe {name}: {source}")]
    Recipe {
        /// Its name or file.
        name: String,
        /// What is wrong.
        source: RecipeError,
    },
    /// A model file whose weights do not fit its net.
    #[error("{path}: {source}; train the model again, or copy the file again from its source", path = path.display())]
    Weights {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: NetError,
    },
    /// A file that is not a model of this program.
    #[error("{path}: {why}; {advice}", path = path.display())]
    NotAModel {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
        /// What to do.
        advice: &'static str,
    },
    /// A file could not be read or written.
    #[error("cannot {verb} {path}: {source}{advice}", path = path.display())]
    Io {
        /// `read` or `write`.
        verb: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
        /// What to do, with its punctuation.
        advice: &'static str,
    },
    /// A picture or an array that cannot be used.
    #[error("{path}: {why}", path = .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to do.
        why: String,
    },
    /// A kernel that cannot be understood, or does not fit.
    #[error(transparent)]
    Vision(#[from] striate_vision::error::Error),
    /// Something stands where an answer should go.
    #[error("{path} exists already; give another name with --out, or replace it with --overwrite", path = .0.display())]
    Exists(PathBuf),
    /// Pictures that cannot be read where each one must be.
    #[error(
        "{n} of {of} pictures cannot be read, first {name}: {why}; leave them out of the data, or run without --strict"
    )]
    Damaged {
        /// How many.
        n: usize,
        /// Of how many.
        of: usize,
        /// The first.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// A request that cannot be met.
    #[error("{what}; {advice}")]
    Request {
        /// What is wrong, and where.
        what: String,
        /// What to do.
        advice: String,
    },
}

impl Error {
    /// A request that cannot be met: what is wrong, and what to do.
    pub fn request(what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::Request { what: what.into(), advice: advice.into() }
    }

    pub(crate) fn reading(path: &Path) -> impl FnOnce(io::Error) -> Self {
        |source| {
            let advice = match source.kind() {
                io::ErrorKind::NotFound => "; check its name",
                io::ErrorKind::PermissionDenied => "; check that you may read it",
                io::ErrorKind::InvalidData => "; save it as UTF-8 text",
                _ => "",
            };
            Self::Io { verb: "read", path: path.to_path_buf(), source, advice }
        }
    }

    pub(crate) fn writing(path: &Path) -> impl FnOnce(io::Error) -> Self {
        |source| {
            let advice = match source.kind() {
                io::ErrorKind::StorageFull => "; free some space and run it again",
                io::ErrorKind::NotFound => "; make its folder first",
                _ => "; choose a writable place with --out",
            };
            Self::Io { verb: "write", path: path.to_path_buf(), source, advice }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_say_what_where_and_what_to_do() {
        let e = Error::writing(Path::new("a/labels.csv"))(io::Error::from(io::ErrorKind::StorageFull));
        let text = e.to_string();
        assert!(
            text.starts_with("cannot write a/labels.csv: ") && text.ends_with("free some space and run it again"),
            "{text}"
        );
        let text = Error::Exists("labels.csv".into()).to_string();
        assert!(text.contains("labels.csv") && text.contains("--overwrite"), "{text}");
    }
}
