//! A data set: which pictures there are, what each is labelled, and how to get one; never the pictures themselves.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::decode::{Decoded, Limits, PictureError, decode, read, read_bytes};
use crate::embedded::Photo;
use crate::error::DataError;
use crate::origin::Origin;
use crate::paths::{Paths, display_name};
use crate::picture::Picture;
use crate::records::Records;
pub use crate::walk::Foreign;

/// What a picture may be used for, where the data says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// To learn from.
    Train,
    /// To choose by.
    Valid,
    /// To be judged by, once.
    Test,
}

impl std::fmt::Display for Split {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Train => "train",
            Self::Valid => "valid",
            Self::Test => "test",
        })
    }
}

/// How the data was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Layout {
    /// `cat/1.png`.
    #[error("a folder per class")]
    FolderPerClass,
    /// `train/cat/1.png`.
    #[error("split folders")]
    SplitFolders,
    /// A folder without classes.
    #[error("a flat folder")]
    Flat,
    /// A CSV.
    #[error("a CSV list")]
    Manifest,
    /// MNIST's format.
    #[error("IDX files")]
    Idx,
    /// CIFAR's binary format.
    #[error("CIFAR binary files")]
    Cifar,
    /// `@digits`, `@photos`.
    #[error("an embedded set")]
    Embedded,
    /// Picture files by name.
    #[error("picture files")]
    Files,
}

/// One picture of a [`Dataset`], without its pixels and its name (24 bytes).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Example {
    /// Number of its class.
    pub label: Option<u32>,
    /// Pictures of one group (specimen, patient, burst) must not straddle a split.
    pub group: Option<u32>,
    /// The split it was given for.
    pub split: Option<Split>,
    /// Its number among the source's files or records.
    pub(crate) at: u32,
}

impl Example {
    pub(crate) fn new(at: u32, label: Option<u32>, split: Option<Split>) -> Self {
        Self { label, group: None, split, at }
    }
}

/// How to open a data set.
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    /// What one file may cost.
    pub limits: Limits,
    /// A regular expression on file names; what it (or its first bracket) matches names the group. On paths relative to
    /// the folder where it holds a `/`.
    pub group_by: Option<String>,
    /// Takes a folder as pictures without labels, whatever its subfolders are called.
    pub unlabelled: bool,
}

/// Where the pictures come from.
#[derive(Debug)]
pub(crate) enum Source {
    Files { root: PathBuf, paths: Paths },
    Records(Records),
    Photos(Vec<Photo>),
}

/// Which pictures there are; a picture is decoded when asked for, so a data set costs some 50 bytes a picture.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// Short, for names of runs: `digits`, or the name of the folder or list.
    pub name: String,
    /// As it was asked for.
    pub origin: String,
    /// Sorted by name (numbers by value); a label is an index into it.
    pub classes: Vec<String>,
    /// In the order of their paths, the same on every machine.
    pub examples: Vec<Example>,
    /// What lay among the pictures.
    pub foreign: Foreign,
    /// Whether the data says which pictures are for training and which for testing.
    pub has_splits: bool,
    /// How it was given.
    pub layout: Layout,
    /// What its owner should know: one sentence each.
    pub warnings: Vec<String>,
    pub(crate) limits: Limits,
    pub(crate) source: Arc<Source>,
}

impl Dataset {
    /// Opens `@digits`, `@photos`, a folder, a CSV list or one picture.
    pub fn open(what: &str, options: &OpenOptions) -> Result<Self, DataError> {
        crate::open::open(what, options)
    }

    /// Pictures by name, and all pictures in folders by name, without labels, in the order given.
    pub fn from_paths(paths: &[PathBuf], options: &OpenOptions) -> Result<Self, DataError> {
        crate::open::open_paths(paths, options)
    }

    /// How many pictures there are.
    pub fn len(&self) -> usize {
        self.examples.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.examples.is_empty()
    }

    /// What picture `i` is called in answers and reports: its path within the folder, or file and record.
    ///
    /// # Panics
    /// If there is no picture `i`.
    pub fn name(&self, i: usize) -> String {
        let at = self.examples[i].at as usize;
        match &*self.source {
            Source::Files { paths, .. } => display_name(&paths.get(at)),
            Source::Records(records) => records.name(at),
            Source::Photos(photos) => photos[at].name.clone(),
        }
    }

    /// Where picture `i` lies, if it is a file of its own.
    ///
    /// # Panics
    /// If there is no picture `i`.
    pub fn path(&self, i: usize) -> Option<PathBuf> {
        match &*self.source {
            Source::Files { root, paths } => Some(root.join(paths.get(self.examples[i].at as usize))),
            Source::Records(_) | Source::Photos(_) => None,
        }
    }

    /// Reads and decodes picture `i`.
    ///
    /// # Panics
    /// If there is no picture `i`.
    pub fn picture(&self, i: usize) -> Result<Decoded, PictureError> {
        let at = self.examples[i].at as usize;
        match &*self.source {
            Source::Files { root, paths } => read(&root.join(paths.get(at)), &self.limits),
            Source::Records(records) => Ok(Decoded { picture: records.picture(at)?, notes: vec![] }),
            Source::Photos(photos) => decode(photos[at].bytes, &self.limits),
        }
    }

    /// Picture `i` as [`Dataset::picture`] gives it, with what its file says beside the picture; data that is not of
    /// files has nothing beside.
    ///
    /// # Panics
    /// If there is no picture `i`.
    pub fn look(&self, i: usize) -> Result<(Decoded, Option<Origin>), PictureError> {
        let Some(path) = self.path(i) else { return Ok((self.picture(i)?, None)) };
        let bytes = read_bytes(&path, &self.limits)?;
        let written = std::fs::metadata(&path).and_then(|meta| meta.modified()).ok();
        let since = written.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
        let origin = Origin::of(&bytes, since.map(|since| since.as_secs() as i64));
        Ok((decode(&bytes, &self.limits)?, Some(origin)))
    }

    /// A digest (BLAKE3) of what is stored of picture `i`: of its file, or of the values of its record.
    ///
    /// # Panics
    /// If there is no picture `i`.
    pub fn digest(&self, i: usize) -> Result<[u8; 32], PictureError> {
        let at = self.examples[i].at as usize;
        let digest = match &*self.source {
            Source::Files { root, paths } => blake3::hash(&read_bytes(&root.join(paths.get(at)), &self.limits)?),
            Source::Photos(photos) => blake3::hash(photos[at].bytes),
            Source::Records(records) => {
                let Picture { height, width, channels, pixels } = records.picture(at)?;
                let mut hasher = blake3::Hasher::new();
                hasher.update(format!("{height} {width} {channels} {pixels:?}").as_bytes());
                hasher.finalize()
            }
        };
        Ok(digest.into())
    }

    /// The numbers of the pictures given for `split`.
    pub fn of_split(&self, split: Split) -> Vec<usize> {
        (0..self.len()).filter(|&i| self.examples[i].split == Some(split)).collect()
    }

    /// How many pictures each class has.
    pub fn class_counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes.len()];
        self.examples.iter().filter_map(|e| e.label).for_each(|label| counts[label as usize] += 1);
        counts
    }

    /// The same data with only the pictures `keep`, in that order.
    ///
    /// # Panics
    /// If there is no picture of such a number.
    pub fn subset(&self, keep: &[usize]) -> Self {
        let examples: Vec<Example> = keep.iter().map(|&i| self.examples[i]).collect();
        Self { has_splits: examples.iter().any(|e| e.split.is_some()), examples, ..self.clone() }
    }
}

/// Sorts class names and removes repeats: by value where all are whole numbers, else by their bytes.
pub(crate) fn sort_classes(classes: &mut Vec<String>) {
    classes.sort_unstable();
    classes.dedup();
    if classes.iter().all(|class| class.parse::<u64>().is_ok()) {
        classes.sort_by_key(|class| class.parse::<u64>().unwrap_or(0)); // stable: 01 before 1
    }
}

/// The last part of a path, without its ending.
pub(crate) fn short_name(path: &Path) -> String {
    let whole = std::fs::canonicalize(path).unwrap_or_else(|_| path.into()); // `.` has a name too
    let name = if whole.is_dir() { whole.file_name() } else { whole.file_stem() };
    name.map_or_else(|| "data".into(), |name| name.to_string_lossy().into_owned())
}
