//! The atlas's folder: whose it is, what of it can be gone on with, and the report that leads to it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use striate_data::dataset::Dataset;
use striate_nn::write_atomic;

use super::subject::Subject;
use super::{SeeOptions, SeeReport};
use crate::error::Error;
use crate::html::WITHOUT_ATLAS;

/// By this file a folder is known as an atlas.
const SUMMARY: &str = "atlas.json";
/// Of [`SUMMARY`]: net, pictures and program that the drawings are of.
const KEY: &str = "key";
/// What takes long to draw, and is gone on with where the key is the same.
const DRAWN: [&str; 2] = ["drawn", "pictures"];
/// All else that an atlas writes.
const PAGES: [&str; 3] = ["layers", "patches", "filters"];

/// Where the atlas goes.
pub(super) fn place(options: &SeeOptions) -> PathBuf {
    options.out.clone().unwrap_or_else(|| match run_folder(&options.model) {
        Some(run) => run.join("atlas"),
        None => PathBuf::from("atlas"),
    })
}

/// The folder is new, empty or an atlas; or may be written to all the same. What another atlas drew there is taken away.
pub(super) fn claim(out: &Path, subject: &Subject, dataset: &Dataset, overwrite: bool) -> Result<(), Error> {
    let summary = out.join(SUMMARY);
    let free = match fs::read_dir(out) {
        Ok(mut entries) => overwrite || summary.exists() || entries.next().is_none(),
        Err(_) => !out.exists(),
    };
    if !free {
        return Err(Error::Exists(out.to_path_buf()));
    }
    let key = key(subject, dataset);
    let old = fs::read(&summary).ok().and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
    let same = old.is_some_and(|old| old[KEY] == json!(key));
    let stale = PAGES.iter().chain(if same { &[][..] } else { &DRAWN[..] });
    for folder in stale.filter(|_| summary.exists()) {
        match fs::remove_dir_all(out.join(folder)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Error::writing(&out.join(folder))(error));
            }
            _ => {}
        }
    }
    write(out, SUMMARY, json!({ KEY: key }).to_string().as_bytes())
}

fn key(subject: &Subject, dataset: &Dataset) -> String {
    let mut hash = blake3::Hasher::new();
    hash.update(subject.fingerprint().as_bytes());
    hash.update(env!("CARGO_PKG_VERSION").as_bytes());
    for i in 0..dataset.len() {
        hash.update(dataset.name(i).as_bytes());
    }
    hash.finalize().to_hex().to_string()
}

/// Writes the summary; answers the length of all files.
pub(super) fn finish(out: &Path, report: &SeeReport) -> Result<u64, Error> {
    let old = fs::read(out.join(SUMMARY)).map_err(Error::writing(&out.join(SUMMARY)))?;
    let key = serde_json::from_slice::<Value>(&old).unwrap_or_default()[KEY].clone();
    let bytes = length(out).map_err(Error::writing(out))?;
    let mut summary = json!(SeeReport { bytes, ..report.clone() });
    summary[KEY] = key;
    write(out, SUMMARY, format!("{summary:#}\n").as_bytes())?;
    Ok(bytes)
}

fn length(folder: &Path) -> io::Result<u64> {
    fs::read_dir(folder)?.try_fold(0, |sum, entry| {
        let (path, about) = entry.and_then(|entry| Ok((entry.path(), entry.metadata()?)))?;
        let own = if about.is_dir() {
            length(&path)?
        } else if path.ends_with(SUMMARY) {
            0
        } else {
            about.len()
        };
        Ok(sum + own)
    })
}

/// Shows the links in the report of the run, if the atlas lies beside it.
pub(super) fn link(model: &str, out: &Path) -> Result<(), Error> {
    let Some(run) = run_folder(model).filter(|run| out == run.join("atlas")) else { return Ok(()) };
    let report = run.join("report.html");
    // A run whose report was taken away has none to lead from.
    let Ok(page) = fs::read_to_string(&report) else { return Ok(()) };
    if page.contains(WITHOUT_ATLAS) {
        write_atomic(&report, page.replacen(WITHOUT_ATLAS, "", 1).as_bytes()).map_err(Error::writing(&report))?;
    }
    Ok(())
}

fn run_folder(model: &str) -> Option<PathBuf> {
    let path = Path::new(model);
    let folder = if path.is_dir() { path } else { path.parent()? };
    (path.exists() && folder.join("recipe.toml").is_file()).then(|| folder.to_path_buf())
}

/// Writes a file of the atlas.
pub(super) fn write(out: &Path, name: &str, bytes: &[u8]) -> Result<(), Error> {
    let path = out.join(name);
    fs::create_dir_all(path.parent().unwrap_or(out)).map_err(Error::writing(&path))?;
    write_atomic(&path, bytes).map_err(Error::writing(&path))
}
