//! CIFAR-10 and CIFAR-100 in their binary versions: records of one or two label bytes and 3 x 32 x 32 values.
//!
//! Files are read by position, so they cost no memory. Of CIFAR-100's two labels the fine one is used.

use std::path::{Path, PathBuf};

use crate::dataset::{Example, Split};
use crate::error::DataError;
use crate::records::{Records, Shard, Store, file_label};

/// Values of one picture: three planes of 32 x 32.
const PIXELS: u64 = 3 * 32 * 32;

/// A names file beyond this size is none.
const MAX_NAMES_BYTES: u64 = 1 << 20;

/// What a CIFAR folder holds.
#[derive(Debug)]
pub(crate) struct CifarSet {
    pub records: Records,
    pub examples: Vec<Example>,
    pub classes: Vec<String>,
}

/// The split that a file name stands for, and its label bytes before the pixels.
fn part(path: &Path) -> Option<(Split, u64)> {
    let name = file_label(path);
    match name.as_str() {
        "test_batch.bin" => Some((Split::Test, 1)),
        "train.bin" => Some((Split::Train, 2)),
        "test.bin" => Some((Split::Test, 2)),
        _ => (name.starts_with("data_batch_") && name.ends_with(".bin")).then_some((Split::Train, 1)),
    }
}

/// Whether a file of this name is taken for CIFAR.
pub(crate) fn is_cifar_name(path: &Path) -> bool {
    part(path).is_some()
}

/// Whether a file of this name belongs to the Python version, which is not read.
pub(crate) fn is_python_cifar_name(path: &Path) -> bool {
    let name = file_label(path);
    path.extension().is_none() && (name.starts_with("data_batch_") || name == "batches.meta" || name == "test_batch")
}

/// Opens the CIFAR files among `files` (sorted, of one folder).
pub(crate) fn open(folder: &Path, files: &[PathBuf]) -> Result<CifarSet, DataError> {
    let mut set = CifarSet { records: Records::default(), examples: vec![], classes: vec![] };
    let mut parts: Vec<(Split, u64, &PathBuf)> =
        files.iter().filter_map(|path| part(path).map(|(split, labels)| (split, labels, path))).collect();
    parts.sort_by_key(|(split, ..)| *split as u8); // stable: batches stay in the order of their names
    if let Some(other) = parts.iter().find(|(_, labels, _)| *labels != parts[0].1) {
        let why = format!("holds both {} and {}", file_label(parts[0].2), file_label(other.2));
        return Err(DataError::not_data(folder, why, "keep CIFAR-10 and CIFAR-100 in folders of their own"));
    }
    let fine = parts.first().is_some_and(|(_, labels, _)| *labels == 2);
    let names = class_names(&folder.join(if fine { "fine_label_names.txt" } else { "batches.meta.txt" }))?;
    let classes = names.as_ref().map_or(if fine { 100 } else { 10 }, Vec::len);
    for (split, label_bytes, path) in parts {
        let (store, length) = Store::open(path)?;
        let stride = label_bytes + PIXELS;
        if length == 0 || length % stride != 0 {
            let why = format!("has {length} bytes, which is no whole number of records of {stride} bytes");
            return Err(DataError::not_data(path, why, "download it again (the binary version)"));
        }
        let count = usize::try_from(length / stride).unwrap_or(usize::MAX);
        let first = set.examples.len();
        let mut label = [0];
        for i in 0..count {
            store.read(&mut label, i as u64 * stride + label_bytes - 1).map_err(DataError::io(path))?;
            if usize::from(label[0]) >= classes {
                let why = format!("record {i} has the label {}, and there are {classes} classes", label[0]);
                return Err(DataError::not_data(path, why, "download it again (the binary version)"));
            }
            set.examples.push(Example::new((first + i) as u32, Some(u32::from(label[0])), Some(split)));
        }
        let (start, name) = (label_bytes, file_label(path));
        set.records.push(Shard { name, store, start, stride, count, height: 32, width: 32, channels: 3 });
    }
    set.classes = names.unwrap_or_else(|| (0..classes).map(|class| class.to_string()).collect());
    Ok(set)
}

/// The class names, one a line in the order of their numbers, if there is such a file.
fn class_names(path: &Path) -> Result<Option<Vec<String>>, DataError> {
    match std::fs::metadata(path) {
        Err(_) => return Ok(None),
        Ok(facts) if !facts.is_file() || facts.len() > MAX_NAMES_BYTES => {
            return Err(DataError::not_data(path, "is not a list of class names", "download it again, or remove it"));
        }
        Ok(_) => {}
    }
    let bytes = std::fs::read(path).map_err(DataError::io(path))?;
    let text = String::from_utf8_lossy(&bytes);
    let names: Vec<String> = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(String::from).collect();
    if names.is_empty() || names.len() > 256 {
        let why = format!("names {} classes, and a label byte tells 1 to 256 apart", names.len());
        return Err(DataError::not_data(path, why, "download it again, or remove it to use the numbers as names"));
    }
    Ok(Some(names))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Pixels;

    fn record(labels: &[u8], value: u8) -> Vec<u8> {
        let planes = [value, value + 1, value + 2].into_iter().flat_map(|v| [v; 1024]);
        labels.iter().copied().chain(planes).collect()
    }

    fn open_files(files: &[(&str, Vec<u8>)]) -> Result<CifarSet, DataError> {
        let dir = tempfile::tempdir().expect("temporary folder");
        for (name, bytes) in files {
            std::fs::write(dir.path().join(name), bytes).expect("file");
        }
        let paths: Vec<PathBuf> = files.iter().map(|(name, _)| dir.path().join(name)).collect();
        open(dir.path(), &paths)
    }

    #[test]
    fn cifar_10_reads_batches_in_order() {
        let set = open_files(&[
            ("data_batch_1.bin", [record(&[1], 10), record(&[0], 20)].concat()),
            ("data_batch_2.bin", record(&[1], 30)),
            ("test_batch.bin", record(&[0], 40)),
            ("batches.meta.txt", b"cat\r\ndog\n\n".to_vec()),
        ])
        .expect("CIFAR-10");
        assert_eq!(set.classes, ["cat", "dog"]);
        let labels: Vec<_> = set.examples.iter().filter_map(|e| e.label).collect();
        assert_eq!(labels, [1, 0, 1, 0]);
        assert_eq!(set.examples[3].split, Some(Split::Test));
        let Pixels::U8(pixels) = set.records.picture(2).expect("record 2").pixels else { panic!("8-bit") };
        assert_eq!(pixels[..6], [30, 31, 32, 30, 31, 32]);
        assert_eq!(set.records.name(2), "data_batch_2.bin#0");
    }

    #[test]
    fn cifar_100_uses_the_fine_label() {
        let set = open_files(&[("train.bin", record(&[19, 99], 1))]).expect("CIFAR-100");
        assert_eq!((set.examples[0].label, set.classes.len()), (Some(99), 100));
    }

    #[test]
    fn bad_files_are_named() {
        type Files<'a> = &'a [(&'a str, Vec<u8>)];
        let cases: [(Files, &str); 5] = [
            (&[("data_batch_1.bin", vec![])], "has 0 bytes"),
            (&[("data_batch_1.bin", record(&[1], 1)[..3000].to_vec())], "no whole number of records"),
            (&[("test_batch.bin", record(&[10], 1))], "record 0 has the label 10"),
            (&[("test_batch.bin", record(&[1], 1)), ("train.bin", record(&[1, 1], 1))], "holds both"),
            (&[("test_batch.bin", record(&[1], 1)), ("batches.meta.txt", vec![b'\n'])], "names 0 classes"),
        ];
        for (files, message) in cases {
            let error = open_files(files).expect_err(message).to_string();
            assert!(error.contains(message), "{error}");
        }
    }
}
