//! Finds out what a data set is by its name and files, and opens it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::dataset::{Dataset, Example, Foreign, Layout, OpenOptions, Source, short_name};
use crate::error::DataError;
use crate::paths::{Paths, display_name};
use crate::walk::{Walk, is_picture_name, walk};
use crate::{cifar, embedded, folder, groups, idx, manifest};

/// Endings of files that hold many pictures in a form that is not read.
const PACKED: &str = "zip tar gz tgz bz2 xz zst 7z rar npy npz h5 hdf5 mat parquet pkl tfrecord lmdb";

/// What each way of giving data fills in.
struct Parts {
    source: Source,
    examples: Vec<Example>,
    classes: Vec<String>,
    layout: Layout,
    foreign: Foreign,
    warnings: Vec<String>,
}

impl Parts {
    fn new(layout: Layout, source: Source, examples: Vec<Example>, classes: Vec<String>) -> Self {
        Self { source, examples, classes, layout, foreign: Foreign::default(), warnings: vec![] }
    }

    fn into_dataset(self, name: String, origin: String, options: &OpenOptions) -> Result<Dataset, DataError> {
        let mut dataset = Dataset {
            name,
            origin,
            has_splits: self.examples.iter().any(|example| example.split.is_some()),
            classes: self.classes,
            examples: self.examples,
            foreign: self.foreign,
            layout: self.layout,
            warnings: self.warnings,
            limits: options.limits,
            source: Arc::new(self.source),
        };
        if options.unlabelled {
            dataset.classes.clear();
            dataset.examples.iter_mut().for_each(|example| example.label = None);
        }
        if let Some(pattern) = &options.group_by {
            groups::group_by(&mut dataset, pattern)?;
        }
        Ok(dataset)
    }
}

pub(crate) fn open(what: &str, options: &OpenOptions) -> Result<Dataset, DataError> {
    let path = Path::new(what);
    let parts = match (what, std::fs::metadata(path)) {
        ("@digits", _) => {
            let (records, examples, classes) = embedded::digits();
            Parts::new(Layout::Embedded, Source::Records(records), examples, classes)
        }
        ("@photos", _) => {
            let (photos, examples, classes) = embedded::photos();
            Parts::new(Layout::Embedded, Source::Photos(photos), examples, classes)
        }
        (_, Err(e)) if e.kind() == std::io::ErrorKind::NotFound => return Err(not_found(what)),
        (_, Err(source)) => return Err(DataError::Io { path: path.into(), source }),
        (_, Ok(facts)) if facts.is_dir() => open_folder(path, options)?,
        (_, Ok(facts)) if facts.is_file() => open_file(path, options)?,
        (_, Ok(_)) => return Err(DataError::not_data(path, "is neither a file nor a folder", "give one of the two")),
    };
    let name = what.strip_prefix('@').map_or_else(|| short_name(path), String::from);
    parts.into_dataset(name, what.into(), options)
}

pub(crate) fn open_paths(given: &[PathBuf], options: &OpenOptions) -> Result<Dataset, DataError> {
    let mut files: Vec<PathBuf> = Vec::new();
    let mut foreign = Foreign::default();
    for path in given {
        match std::fs::metadata(path) {
            Ok(facts) if facts.is_dir() => {
                let found = walk(path)?;
                files.extend(found.pictures.iter().map(|file| path.join(file)));
                foreign.hidden += found.foreign.hidden;
                foreign.other += found.foreign.other;
                foreign.examples.extend(found.foreign.examples);
                foreign.examples.truncate(5);
            }
            Ok(_) => files.push(path.clone()),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Err(not_found(&display_name(path))),
            Err(source) => return Err(DataError::Io { path: path.clone(), source }),
        }
    }
    let examples = (0..files.len()).map(|i| Example::new(i as u32, None, None)).collect();
    let source = Source::Files { root: PathBuf::new(), paths: files.iter().collect() };
    let parts = Parts { foreign, ..Parts::new(Layout::Files, source, examples, vec![]) };
    let origin = given.first().map(|path| display_name(path)).unwrap_or_default();
    parts.into_dataset(given.first().map_or_else(|| "data".into(), |path| short_name(path)), origin, options)
}

fn open_folder(root: &Path, options: &OpenOptions) -> Result<Parts, DataError> {
    let found = walk(root)?;
    let files: Vec<PathBuf> = found.others.iter().map(|file| root.join(file)).collect();
    if let Some(parts) = open_records(root, &files, options)? {
        return Ok(parts);
    }
    if found.pictures.is_empty() {
        if let [only] = &found.folders[..] {
            return open_folder(&root.join(only), options); // an unpacked archive in a folder of its own
        }
        if let Some(file) = files.iter().find(|file| is_packed(file) || cifar::is_python_cifar_name(file)) {
            return Err(packed(file));
        }
    }
    let foreign = found.foreign.clone();
    let set = if options.unlabelled { folder::flat(found) } else { folder::understand(root, found)? };
    let source = Source::Files { root: root.into(), paths: set.paths.iter().collect() };
    let parts = Parts::new(set.layout, source, set.examples, set.classes);
    Ok(Parts { foreign, warnings: set.warnings, ..parts })
}

/// Opens `files` of `folder` as IDX or CIFAR if any is called so.
fn open_records(folder: &Path, files: &[PathBuf], options: &OpenOptions) -> Result<Option<Parts>, DataError> {
    let named = |is: fn(&Path) -> bool| files.iter().filter(|file| is(file)).cloned().collect::<Vec<_>>();
    let idx_files = named(idx::is_idx_name);
    if !idx_files.is_empty() {
        let set = idx::open(folder, &idx_files, &options.limits)?;
        let parts = Parts::new(Layout::Idx, Source::Records(set.records), set.examples, set.classes);
        return Ok(Some(Parts { warnings: set.warnings, ..parts }));
    }
    let cifar_files = named(cifar::is_cifar_name);
    if !cifar_files.is_empty() {
        let set = cifar::open(folder, &cifar_files)?;
        return Ok(Some(Parts::new(Layout::Cifar, Source::Records(set.records), set.examples, set.classes)));
    }
    Ok(None)
}

fn open_file(path: &Path, options: &OpenOptions) -> Result<Parts, DataError> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let name = path.file_name().map(PathBuf::from).unwrap_or_default();
    let end = path.extension().map(|end| end.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    if end == "csv" || end == "tsv" {
        let list = manifest::open(path)?;
        let source = Source::Files { root: folder.into(), paths: list.paths };
        let parts = Parts::new(Layout::Manifest, source, list.examples, list.classes);
        return Ok(Parts { warnings: list.warnings, ..parts });
    }
    if !is_picture_name(&name) {
        let files = if idx::is_idx_name(&name) { idx::with_partner(path) } else { vec![path.into()] };
        if let Some(parts) = open_records(folder, &files, options)? {
            return Ok(parts);
        }
        if is_packed(&name) || cifar::is_python_cifar_name(&name) {
            return Err(packed(path));
        }
    }
    let found = Walk { pictures: vec![name], ..Walk::default() };
    let set = folder::flat(found);
    let source = Source::Files { root: folder.into(), paths: set.paths.iter().collect::<Paths>() };
    Ok(Parts::new(Layout::Files, source, set.examples, vec![]))
}

fn is_packed(path: &Path) -> bool {
    let end = path.extension().map(|end| end.to_string_lossy().to_ascii_lowercase());
    end.is_some_and(|end| PACKED.split_whitespace().any(|packed| packed == end))
}

fn packed(file: &Path) -> DataError {
    if cifar::is_python_cifar_name(file) {
        let advice = "download the \"binary version\" (*.bin)";
        return DataError::not_data(file, "is CIFAR's Python version, which is not read", advice);
    }
    let advice = "unpack or export it to a folder of picture files, one folder per class";
    DataError::not_data(file, "is a packed or numeric file, which is not read", advice)
}

/// Says which part of a path is missing and which near name is there.
fn not_found(what: &str) -> DataError {
    let near = |name: &str, others: &mut dyn Iterator<Item = String>| -> Option<String> {
        let distance = |other: &String| strsim::damerau_levenshtein(&name.to_lowercase(), &other.to_lowercase());
        let allowed = 1 + name.chars().count() / 4;
        others.map(|other| (distance(&other), other)).filter(|(d, _)| *d <= allowed).min().map(|(_, other)| other)
    };
    let path = Path::new(what);
    let hint = if what.starts_with('@') {
        let near = near(what, &mut embedded::NAMES.iter().map(|name| name.to_string()));
        near.map_or_else(
            || format!("; embedded sets are {}", embedded::NAMES.join(", ")),
            |n| format!("; did you mean {n}?"),
        )
    } else {
        // The first part that is missing is the one that was mistyped.
        let missing = path.ancestors().take_while(|part| !part.as_os_str().is_empty() && !part.exists()).last();
        let missing = missing.unwrap_or(path);
        let parent = missing.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let name = missing.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let entries = std::fs::read_dir(parent).into_iter().flatten().flatten().take(10_000);
        match near(&name, &mut entries.map(|entry| entry.file_name().to_string_lossy().into_owned())) {
            Some(near) => format!("; did you mean {}?", missing.with_file_name(near).display()),
            None if missing != path => format!(" ({} is missing)", missing.display()),
            None => "; check the spelling, or run from the folder that holds it".into(),
        }
    };
    DataError::NotFound { path: what.into(), hint }
}
