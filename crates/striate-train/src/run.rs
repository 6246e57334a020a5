//! A run folder: plain files, each written whole or not at all.
//!
//! `recipe.toml` (reruns it), `metrics.jsonl`, `checkpoints/`, `model.safetensors`, `report.html`, `log.txt`; nothing else.

use crate::recipe::{Recipe, RecipeError};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use striate_nn::write_atomic;

/// Largest recipe file read, in bytes.
pub const MAX_RECIPE_BYTES: u64 = 1 << 20;

/// One run's folder.
#[derive(Clone, Debug)]
pub struct Run {
    /// Where it lies.
    pub folder: PathBuf,
}

/// Why a run folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A file or folder could not be read or written.
    #[error("{path}: {error}{hint}", path = path.display(), hint = hint(error))]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Something stands where the run should go.
    #[error("{path} exists already; name another folder with --out, continue it with `striate train --resume {path}`, or replace it with --overwrite", path = .0.display())]
    Exists(PathBuf),
    /// A folder of other things stands where the run should go.
    #[error("{path} holds files that are not a run's; name a new folder with --out", path = .0.display())]
    Foreign(PathBuf),
    /// A file stands where the folder should go.
    #[error("{path} is a file; --out names the run's folder: give a path that does not exist yet", path = .0.display())]
    IsFile(PathBuf),
    /// Not a run.
    #[error("{path} is not a run folder: it has no readable recipe.toml ({why}); give the folder that `striate train` made", path = folder.display())]
    NotARun {
        /// The folder.
        folder: PathBuf,
        /// Why.
        why: String,
    },
    /// Its recipe is damaged.
    #[error("{path}: {error}", path = path.display())]
    Recipe {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: RecipeError,
    },
    /// A file of the run is damaged.
    #[error("{path}: {why}; delete it and resume again to recompute it", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull => "; free some space, then `striate train --resume` goes on",
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => "; choose a writable folder with --out",
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::InvalidFilename => {
            "; choose another folder with --out"
        }
        _ => "",
    }
}

impl Run {
    /// Makes a new folder: `out`, or the first free `runs/<name>-<n>`. Where `overwrite` is set, a run that stands at `out` is emptied.
    pub fn create(out: Option<&Path>, name: &str, overwrite: bool) -> Result<Self, RunError> {
        let folder = match out {
            Some(folder) => {
                make(folder, overwrite)?;
                folder.to_path_buf()
            }
            None => first_free(Path::new("runs"), name)?,
        };
        Ok(Self { folder })
    }

    /// An existing run and its recipe.
    pub fn open(folder: &Path) -> Result<(Self, Recipe), RunError> {
        let run = Self { folder: folder.to_path_buf() };
        let path = run.path("recipe.toml");
        let not_a_run = |error: io::Error| RunError::NotARun { folder: folder.to_path_buf(), why: error.to_string() };
        let about = fs::metadata(&path).map_err(not_a_run)?;
        if !about.is_file() || about.len() > MAX_RECIPE_BYTES {
            return Err(not_a_run(io::Error::other("it is not a file of at most 1 MiB")));
        }
        let text = fs::read_to_string(&path).map_err(not_a_run)?;
        let recipe = Recipe::parse(&text).map_err(|error| RunError::Recipe { path, error })?;
        Ok((run, recipe))
    }

    /// Takes the folder away if nothing came of the run: no epoch, no checkpoint, no model. What is not a run's stays.
    pub fn withdraw(&self) {
        if ["metrics.jsonl", "checkpoints", "model.safetensors"].iter().any(|name| self.path(name).exists()) {
            return;
        }
        // What cannot be removed is left: the error that led here is the one to tell.
        let _ = fs::remove_file(self.path("recipe.toml"));
        let _ = fs::remove_file(self.path("log.txt"));
        let _ = fs::remove_dir(&self.folder);
    }

    /// Path of one of its files.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Writes one of its files, whole or not at all.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), RunError> {
        let path = self.path(name);
        let parent = path.parent().unwrap_or(&self.folder);
        fs::create_dir_all(parent)
            .and_then(|()| write_atomic(&path, bytes))
            .map_err(|error| RunError::Io { path, error })
    }

    /// Reads one of its files; nothing where it is absent.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>, RunError> {
        let path = self.path(name);
        // A pipe would be waited for.
        let read = || if fs::metadata(&path)?.is_file() { fs::read(&path) } else { Err(not_a_file()) };
        match read() {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(RunError::Io { path, error }),
        }
    }

    /// Appends a line to `metrics.jsonl` or `log.txt`.
    pub fn append(&self, name: &str, line: &str) -> Result<(), RunError> {
        let path = self.path(name);
        let write = || -> io::Result<()> {
            let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
            file.write_all(format!("{line}\n").as_bytes())
        };
        write().map_err(|error| RunError::Io { path: path.clone(), error })
    }
}

fn make(folder: &Path, overwrite: bool) -> Result<(), RunError> {
    let io = |error| RunError::Io { path: folder.to_path_buf(), error };
    match fs::symlink_metadata(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => fs::create_dir_all(folder).map_err(io),
        Err(error) => Err(io(error)),
        Ok(_) if !folder.is_dir() => Err(RunError::IsFile(folder.to_path_buf())),
        Ok(_) => {
            let empty = fs::read_dir(folder).map_err(io)?.next().is_none();
            let is_run = folder.join("recipe.toml").is_file();
            match (empty, is_run, overwrite) {
                (true, _, _) => Ok(()),
                (false, false, _) => Err(RunError::Foreign(folder.to_path_buf())),
                (false, true, false) => Err(RunError::Exists(folder.to_path_buf())),
                (false, true, true) => empty_run(folder),
            }
        }
    }
}

/// Removes the files that a run consists of, and nothing else that may lie there.
fn empty_run(folder: &Path) -> Result<(), RunError> {
    let gone = |path: PathBuf, result: io::Result<()>| match result {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(RunError::Io { path, error }),
        _ => Ok(()),
    };
    for name in ["model.safetensors", "report.html", "metrics.jsonl", "log.txt", "recipe.toml"] {
        let path = folder.join(name);
        gone(path.clone(), fs::remove_file(&path))?;
    }
    let checkpoints = folder.join("checkpoints");
    gone(checkpoints.clone(), fs::remove_dir_all(&checkpoints))
}

fn first_free(parent: &Path, name: &str) -> Result<PathBuf, RunError> {
    fs::create_dir_all(parent).map_err(|error| RunError::Io { path: parent.to_path_buf(), error })?;
    let mut n = 1;
    loop {
        let folder = parent.join(format!("{name}-{n}"));
        match fs::create_dir(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => n += 1,
            Err(error) => return Err(RunError::Io { path: folder, error }),
        }
    }
}

fn not_a_file() -> io::Error {
    io::Error::other("it is not a regular file; remove it")
}

/// Refuses a folder that cannot be written before hours are spent.
pub fn probe(run: &Run) -> Result<(), RunError> {
    let path = run.path("log.txt");
    let open = || match fs::metadata(&path) {
        Ok(about) if !about.is_file() => Err(not_a_file()),
        _ => File::options().create(true).append(true).open(&path).map(drop),
    };
    open().map_err(|error| RunError::Io { path: path.clone(), error })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("striate-run-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        folder
    }

    #[test]
    fn an_existing_run_is_kept_unless_asked() {
        let folder = scratch("kept");
        let run = Run::create(Some(&folder), "x", false).unwrap();
        run.write("recipe.toml", b"a").unwrap();
        assert!(matches!(Run::create(Some(&folder), "x", false), Err(RunError::Exists(_))));
        fs::write(folder.join("notes of mine.txt"), "keep").unwrap();
        Run::create(Some(&folder), "x", true).unwrap();
        assert!(!folder.join("recipe.toml").exists());
        assert!(folder.join("notes of mine.txt").exists(), "what is not a run's stays");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_run_that_came_to_nothing_is_taken_away() {
        let folder = scratch("nothing");
        let run = Run::create(Some(&folder), "x", false).unwrap();
        run.write("recipe.toml", b"a").unwrap();
        run.write("checkpoints/a.safetensors", b"a").unwrap();
        run.withdraw();
        assert!(folder.join("recipe.toml").exists(), "a checkpoint can be gone on from");
        fs::remove_dir_all(folder.join("checkpoints")).unwrap();
        fs::write(folder.join("mine.txt"), "keep").unwrap();
        run.withdraw();
        assert!(!folder.join("recipe.toml").exists() && folder.join("mine.txt").exists());
        fs::remove_file(folder.join("mine.txt")).unwrap();
        run.withdraw();
        assert!(!folder.exists());
    }

    #[test]
    fn a_file_is_not_a_run_folder() {
        let folder = scratch("file");
        fs::write(&folder, "x").unwrap();
        assert!(matches!(Run::create(Some(&folder), "x", true), Err(RunError::IsFile(_))));
        assert!(matches!(Run::open(&folder), Err(RunError::NotARun { .. })));
        fs::remove_file(folder).unwrap();
    }

    #[test]
    fn free_names_count_up() {
        let parent = scratch("names");
        assert_eq!(first_free(&parent, "digits-ladder").unwrap(), parent.join("digits-ladder-1"));
        assert_eq!(first_free(&parent, "digits-ladder").unwrap(), parent.join("digits-ladder-2"));
        fs::remove_dir_all(parent).unwrap();
    }
}
