//! Many relative paths in one allocation: 60,000 file names cost their bytes and 8 more each.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

/// Paths in the order they were pushed, byte for byte as the system gave them (on Unix; elsewhere as Unicode).
#[derive(Debug, Default)]
pub(crate) struct Paths {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Paths {
    pub fn push(&mut self, path: &Path) {
        self.bytes.extend_from_slice(&path_bytes(path));
        self.ends.push(self.bytes.len());
    }

    pub fn get(&self, i: usize) -> PathBuf {
        let start = if i == 0 { 0 } else { self.ends[i - 1] };
        path_of(&self.bytes[start..self.ends[i]])
    }

    pub fn shrink_to_fit(&mut self) {
        self.bytes.shrink_to_fit();
        self.ends.shrink_to_fit();
    }
}

impl<P: AsRef<Path>> FromIterator<P> for Paths {
    fn from_iter<I: IntoIterator<Item = P>>(paths: I) -> Self {
        let mut all = Self::default();
        paths.into_iter().for_each(|path| all.push(path.as_ref()));
        all.shrink_to_fit();
        all
    }
}

/// The bytes that order paths, the same on every machine for names that are Unicode.
#[cfg(unix)]
pub(crate) fn path_bytes(path: &Path) -> Cow<'_, [u8]> {
    use std::os::unix::ffi::OsStrExt;
    Cow::Borrowed(path.as_os_str().as_bytes())
}

#[cfg(unix)]
fn path_of(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
}

/// The bytes that order paths, the same on every machine for names that are Unicode.
#[cfg(not(unix))]
pub(crate) fn path_bytes(path: &Path) -> Cow<'_, [u8]> {
    Cow::Owned(path.to_string_lossy().replace('\\', "/").into_bytes())
}

#[cfg(not(unix))]
fn path_of(bytes: &[u8]) -> PathBuf {
    PathBuf::from(String::from_utf8_lossy(bytes).into_owned())
}

/// A path as a name in answers and reports: `/` between its parts on every machine, never a broken character.
pub(crate) fn display_name(path: &Path) -> String {
    String::from_utf8_lossy(&path_bytes(path)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_come_back_as_they_went_in() {
        let given = ["a/b.png", "", "ü/ß.jpg", "a"];
        let paths: Paths = given.iter().collect();
        for (i, path) in given.iter().enumerate() {
            assert_eq!(paths.get(i), PathBuf::from(path));
        }
    }

    #[cfg(unix)]
    #[test]
    fn names_that_are_not_unicode_come_back_too() {
        use std::os::unix::ffi::OsStrExt;
        let odd = PathBuf::from(std::ffi::OsStr::from_bytes(b"caf\xe9.png"));
        let paths: Paths = [&odd].into_iter().collect();
        assert_eq!(paths.get(0), odd);
        assert_eq!(display_name(&odd), "caf\u{fffd}.png");
    }
}
