//! All pictures under a folder, in one order for every machine; hidden and foreign files are counted, links followed once.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::DataError;
use crate::paths::{display_name, path_bytes};

/// Ends of names that are pictures, read or not: one that is not read (HEIC, raw ...) is later named with what to do.
const PICTURE_ENDS: &str = "jpg jpeg jpe jfif png apng webp gif bmp dib tif tiff pgm ppm pbm pnm heic heif hif avif psd \
    jp2 j2k jxl svg dng cr2 cr3 nef arw orf rw2 raf pef exr hdr dcm ndpi svs czi lif nd2";

/// How many names of foreign files are kept.
const NAMES: usize = 5;

/// What lay among the pictures and is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Foreign {
    /// Files and folders whose name begins with a dot, and the litter of file managers.
    pub hidden: usize,
    /// Other files that are not pictures, links to nothing or back into the folder, FIFOs, devices.
    pub other: usize,
    /// Names of the first few of `other`.
    pub examples: Vec<String>,
}

/// What [`walk`] found; every path is relative to the folder walked.
#[derive(Debug, Default)]
pub(crate) struct Walk {
    /// Picture files, sorted by the bytes of their paths.
    pub pictures: Vec<PathBuf>,
    /// Folders at the top, sorted.
    pub folders: Vec<PathBuf>,
    /// Files at the top that are no pictures, sorted.
    pub others: Vec<PathBuf>,
    pub foreign: Foreign,
}

/// Whether a file of this name is listed as a picture.
pub(crate) fn is_picture_name(path: &Path) -> bool {
    let end = path.extension().and_then(OsStr::to_str).map(str::to_ascii_lowercase);
    end.is_some_and(|end| PICTURE_ENDS.split_whitespace().any(|known| known == end))
}

fn is_hidden(name: &OsStr) -> bool {
    const LITTER: [&str; 4] = ["__MACOSX", "@eaDir", "Thumbs.db", "desktop.ini"];
    name.as_encoded_bytes().starts_with(b".") || LITTER.iter().any(|litter| name.eq_ignore_ascii_case(litter))
}

/// Walks `root` and everything under it.
///
/// A linked folder is entered unless it leads back into `root` or was entered before, so links cannot loop.
pub(crate) fn walk(root: &Path) -> Result<Walk, DataError> {
    let real_root = fs::canonicalize(root).map_err(DataError::io(root))?;
    let mut found = Walk::default();
    let mut entered: HashSet<PathBuf> = HashSet::new();
    let mut others: Vec<PathBuf> = Vec::new();
    // (folder relative to the root, whether a link leads there)
    let mut waiting = vec![(PathBuf::new(), false)];
    while let Some((folder, linked)) = waiting.pop() {
        let here = root.join(&folder);
        if linked {
            let real = fs::canonicalize(&here).map_err(DataError::io(&here))?;
            if real.starts_with(&real_root) || !entered.insert(real) {
                others.push(folder);
                continue;
            }
        }
        let at_top = folder.as_os_str().is_empty();
        // In the order of names, so that of two links to one folder every machine takes the same.
        let entries: Result<Vec<fs::DirEntry>, _> = fs::read_dir(&here).map_err(DataError::io(&here))?.collect();
        let mut entries = entries.map_err(DataError::io(&here))?;
        entries.sort_unstable_by_key(|entry| std::cmp::Reverse(entry.file_name()));
        for entry in entries {
            let name = entry.file_name();
            let path = folder.join(&name);
            if is_hidden(&name) {
                found.foreign.hidden += 1;
                continue;
            }
            let kind = entry.file_type().map_err(DataError::io(entry.path()))?;
            // A link to nothing has no target to ask; it counts as a foreign file.
            let target =
                if kind.is_symlink() { fs::metadata(entry.path()).ok().map(|m| m.file_type()) } else { Some(kind) };
            match target {
                Some(target) if target.is_dir() => {
                    if at_top {
                        found.folders.push(path.clone());
                    }
                    waiting.push((path, linked || kind.is_symlink()));
                }
                Some(target) if target.is_file() && is_picture_name(&path) => found.pictures.push(path),
                Some(target) if target.is_file() && at_top => {
                    found.others.push(path.clone());
                    others.push(path);
                }
                _ => others.push(path),
            }
        }
    }
    for list in [&mut found.pictures, &mut found.folders, &mut found.others, &mut others] {
        list.sort_unstable_by(|a, b| path_bytes(a).cmp(&path_bytes(b)));
    }
    found.foreign.other = others.len();
    found.foreign.examples = others.iter().take(NAMES).map(|path| display_name(path)).collect();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch(root: &Path, names: &[&str]) {
        for name in names {
            let path = root.join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("folder");
            fs::write(path, b"x").expect("file");
        }
    }

    #[test]
    fn sorted_counted_and_hidden() {
        let dir = tempfile::tempdir().expect("temporary folder");
        touch(
            dir.path(),
            &["b/2.PNG", "b/1.jpg", "a.webp", "a/notes.txt", ".git/x.png", "Thumbs.db", "list.csv", "a/x"],
        );
        let found = walk(dir.path()).expect("walk");
        assert_eq!(found.pictures, ["a.webp", "b/1.jpg", "b/2.PNG"].map(PathBuf::from));
        assert_eq!(found.folders, ["a", "b"].map(PathBuf::from));
        assert_eq!(found.others, ["list.csv"].map(PathBuf::from));
        let examples = ["a/notes.txt", "a/x", "list.csv"].map(String::from).to_vec();
        assert_eq!(found.foreign, Foreign { hidden: 2, other: 3, examples });
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_once_and_cannot_loop() {
        use std::os::unix::fs::symlink;
        let dir = tempfile::tempdir().expect("temporary folder");
        let (root, outside) = (dir.path().join("root"), dir.path().join("outside"));
        touch(&root, &["a/1.png"]);
        touch(&outside, &["2.png", "deep/3.png"]);
        symlink(&outside, root.join("b")).expect("link");
        symlink(&outside, root.join("c")).expect("link"); // a second way to the same folder
        symlink(&root, root.join("a/loop")).expect("link");
        symlink(&root, outside.join("back")).expect("link");
        symlink(dir.path(), outside.join("up")).expect("link");
        symlink("self", root.join("self")).expect("link");
        symlink("nowhere", root.join("gone.png")).expect("link");
        let found = walk(&root).expect("walk");
        let names: Vec<&str> = found.pictures.iter().filter_map(|p| p.to_str()).collect();
        assert_eq!(names.len(), 3, "{names:?}");
        assert!(found.foreign.other >= 4, "{:?}", found.foreign);
    }
}
