//! Pictures stored as records of one size, read by position: IDX and CIFAR files, and sets held in memory.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::error::DataError;
use crate::picture::{Picture, Pixels};

/// Where the bytes of a [`Shard`] are.
#[derive(Debug)]
pub(crate) enum Store {
    /// Read when asked, so that memory does not grow with the file.
    File(File),
    /// Inflated, or part of the program.
    Memory(Vec<u8>),
}

impl Store {
    /// Opens a regular file and says how long it is.
    pub fn open(path: &Path) -> Result<(Self, u64), DataError> {
        // Asked before opening: opening a FIFO would wait for a writer.
        let facts = std::fs::metadata(path).map_err(DataError::io(path))?;
        if !facts.is_file() {
            return Err(DataError::not_data(path, "is not a regular file", "give a file"));
        }
        Ok((Self::File(File::open(path).map_err(DataError::io(path))?), facts.len()))
    }

    /// Fills `into` from the byte `at` on.
    pub fn read(&self, into: &mut [u8], at: u64) -> std::io::Result<()> {
        match self {
            Self::File(file) => read_exact_at(file, into, at),
            Self::Memory(bytes) => {
                let start = usize::try_from(at).map_err(|_| std::io::ErrorKind::UnexpectedEof)?;
                let found = bytes.get(start..).and_then(|rest| rest.get(..into.len()));
                into.copy_from_slice(found.ok_or(std::io::ErrorKind::UnexpectedEof)?);
                Ok(())
            }
        }
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, into: &mut [u8], at: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, into, at)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut into: &mut [u8], mut at: u64) -> std::io::Result<()> {
    while !into.is_empty() {
        let n = std::os::windows::fs::FileExt::seek_read(file, into, at)?;
        if n == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        into = &mut into[n..];
        at += n as u64;
    }
    Ok(())
}

/// Records of one file: `count` pictures of 8-bit values.
#[derive(Debug)]
pub(crate) struct Shard {
    /// Stands before the number in a picture's name.
    pub name: String,
    pub store: Store,
    /// Byte at which the pixels of record 0 begin.
    pub start: u64,
    /// Bytes from one record to the next.
    pub stride: u64,
    pub count: usize,
    pub height: usize,
    pub width: usize,
    /// 1, or 3 planes in the order R, G, B.
    pub channels: usize,
}

impl Shard {
    fn picture(&self, record: usize) -> std::io::Result<Picture> {
        let plane = self.height * self.width;
        let mut stored = vec![0; plane * self.channels]; // [C, H, W]
        self.store.read(&mut stored, self.start + self.stride * record as u64)?;
        if self.channels == 3 {
            let (r, gb) = stored.split_at(plane);
            let (g, b) = gb.split_at(plane);
            stored = r.iter().zip(g).zip(b).flat_map(|((&r, &g), &b)| [r, g, b]).collect(); // [H, W, C]
        }
        Ok(Picture::new(self.height, self.width, self.channels, Pixels::U8(stored)))
    }
}

/// All shards of a data set; records are numbered through them.
#[derive(Debug, Default)]
pub(crate) struct Records {
    shards: Vec<Shard>,
    ends: Vec<usize>,
}

impl Records {
    pub fn push(&mut self, shard: Shard) {
        self.ends.push(self.ends.last().copied().unwrap_or(0) + shard.count);
        self.shards.push(shard);
    }

    fn find(&self, record: usize) -> (&Shard, usize) {
        let at = self.ends.partition_point(|&end| end <= record);
        (&self.shards[at], record - if at == 0 { 0 } else { self.ends[at - 1] })
    }

    pub fn picture(&self, record: usize) -> std::io::Result<Picture> {
        let (shard, record) = self.find(record);
        shard.picture(record)
    }

    pub fn name(&self, record: usize) -> String {
        let (shard, record) = self.find(record);
        format!("{}#{record}", shard.name)
    }
}

/// File name without folder, for the names of records.
pub(crate) fn file_label(path: &Path) -> String {
    crate::paths::display_name(&path.file_name().map(PathBuf::from).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard(name: &str, count: usize, channels: usize) -> Shard {
        let bytes = (0..(1 + 4 * channels) * count).map(|b| b as u8).collect();
        let stride = 1 + 4 * channels as u64;
        let (height, width) = (2, 2);
        Shard { name: name.into(), store: Store::Memory(bytes), start: 1, stride, count, height, width, channels }
    }

    #[test]
    fn records_are_numbered_through_and_planes_become_pixels() {
        let mut records = Records::default();
        records.push(shard("gray", 3, 1));
        records.push(shard("rgb", 2, 3));
        assert_eq!(records.picture(2).expect("in range").pixels, Pixels::U8(vec![11, 12, 13, 14]));
        let rgb = records.picture(3).expect("in range");
        assert_eq!(rgb.pixels, Pixels::U8(vec![1, 5, 9, 2, 6, 10, 3, 7, 11, 4, 8, 12]));
        assert_eq!((records.name(2), records.name(4)), ("gray#2".into(), "rgb#1".into()));
    }

    #[test]
    fn a_file_cut_after_opening_is_an_error() {
        let mut cut = shard("cut", 2, 1);
        cut.count = 3;
        assert!(cut.picture(2).is_err());
    }
}
