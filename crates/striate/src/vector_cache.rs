//! Vectors by the digest of their picture, in one file that only grows: what was written before a run was killed is there
//! for the next.
//!
//! The file: a line that names the encoder by its digest, then for each picture its digest (32 bytes), the number of values
//! (u32), the values (f32) and the first 8 bytes of the digest of all that; little-endian. What is torn off at its end is cut
//! away, and a file of another encoder begins anew.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::error::Error;

/// A picture's digest.
pub(crate) type Key = [u8; 32];

/// Values of a vector at most; more is damage.
const MAX_VALUES: usize = 1 << 24;

/// What is known, and the file that keeps it.
pub(crate) struct VectorCache {
    path: PathBuf,
    file: File,
    known: HashMap<Key, Vec<f32>>,
}

impl VectorCache {
    /// Opens the cache at `path` of vectors made by `encoder`; makes it where there is none.
    pub(crate) fn open(path: &Path, encoder: &str) -> Result<Self, Error> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(Error::writing(path))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(Error::reading(path))?;
        let head = format!("striate vectors 1 {}\n", blake3::hash(encoder.as_bytes()).to_hex());
        let mut known = HashMap::new();
        let whole = match bytes.strip_prefix(head.as_bytes()) {
            Some(mut rest) => {
                while let Some((key, values, after)) = record(rest) {
                    known.insert(key, values);
                    rest = after;
                }
                bytes.len() - rest.len()
            }
            None => 0,
        };
        let trim = |file: &mut File| {
            file.set_len(whole as u64)?;
            file.seek(SeekFrom::End(0))?;
            if whole == 0 { file.write_all(head.as_bytes()) } else { Ok(()) }
        };
        trim(&mut file).map_err(Error::writing(path))?;
        Ok(Self { path: path.to_path_buf(), file, known })
    }

    /// The vectors known so far.
    pub(crate) fn known(&self) -> &HashMap<Key, Vec<f32>> {
        &self.known
    }

    /// Keeps one more.
    pub(crate) fn push(&mut self, key: Key, values: Vec<f32>) -> Result<(), Error> {
        let mut bytes = Vec::with_capacity(44 + 4 * values.len());
        bytes.extend(key);
        bytes.extend((values.len() as u32).to_le_bytes());
        values.iter().for_each(|v| bytes.extend(v.to_le_bytes()));
        let check = blake3::hash(&bytes);
        bytes.extend(&check.as_bytes()[..8]);
        self.file.write_all(&bytes).map_err(Error::writing(&self.path))?;
        self.known.insert(key, values);
        Ok(())
    }
}

/// The first record of `bytes` and what follows it, if it is whole.
fn record(bytes: &[u8]) -> Option<(Key, Vec<f32>, &[u8])> {
    let (key, rest) = bytes.split_first_chunk::<32>()?;
    let (len, rest) = rest.split_first_chunk::<4>()?;
    let len = u32::from_le_bytes(*len) as usize;
    if len > MAX_VALUES || rest.len() < 4 * len + 8 {
        return None;
    }
    let (values, rest) = rest.split_at(4 * len);
    let (check, rest) = rest.split_at(8);
    if blake3::hash(&bytes[..36 + 4 * len]).as_bytes()[..8] != *check {
        return None;
    }
    let number = |v: &[u8; 4]| f32::from_le_bytes(*v);
    Some((*key, values.as_chunks::<4>().0.iter().map(number).collect(), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_there_again_and_a_torn_end_is_cut_away() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.cache");
        let mut cache = VectorCache::open(&path, "hog 1").expect("opens");
        cache.push([1; 32], vec![1.0, 2.0]).expect("writes");
        cache.push([2; 32], vec![3.0]).expect("writes");
        drop(cache);
        let whole = std::fs::read(&path).expect("the file");
        std::fs::write(&path, &whole[..whole.len() - 3]).expect("a torn file");
        let mut cache = VectorCache::open(&path, "hog 1").expect("opens");
        assert_eq!((cache.known().len(), &cache.known()[&[1; 32]]), (1, &vec![1.0, 2.0]));
        cache.push([2; 32], vec![3.0]).expect("writes");
        drop(cache);
        assert_eq!(std::fs::read(&path).expect("the file"), whole);
        assert!(VectorCache::open(&path, "edges 1").expect("opens").known().is_empty());
    }
}
