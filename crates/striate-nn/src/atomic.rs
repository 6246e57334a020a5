//! Files that are there whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Puts `bytes` at `path`, in place of what was there, so that no reader ever sees a part: they go to `.NAME.tmp` in the
/// same folder, to the disk, and then under their name. After an error `path` is as it was.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = path.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the path names no file"))?;
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(".tmp");
    let (temporary, folder) =
        (path.with_file_name(hidden), path.parent().filter(|folder| !folder.as_os_str().is_empty()));
    let written = File::create(&temporary)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&temporary, path));
    if let Err(error) = written {
        // The first error is the one to tell; of a file that cannot even be removed there is nothing more to say.
        let _ = fs::remove_file(&temporary);
        return Err(error);
    }
    // The name itself is on the disk only once the folder is. Where folders cannot be opened (Windows) the system sees to it.
    match File::open(folder.unwrap_or_else(|| Path::new("."))) {
        Ok(folder) => folder.sync_all(),
        Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file_and_no_other() {
        let folder = std::env::temp_dir().join(format!("striate-atomic-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder for the test");
        let path = folder.join("a.bin");
        write_atomic(&path, b"one").expect("a first write");
        write_atomic(&path, b"two").expect("a second write");
        assert_eq!(fs::read(&path).expect("the file"), b"two");
        let onto_a_folder = folder.join("taken");
        fs::create_dir_all(onto_a_folder.join("full")).expect("a folder in the way");
        assert!(write_atomic(&onto_a_folder, b"three").is_err());
        let mut names: Vec<_> =
            fs::read_dir(&folder).expect("the folder").map(|e| e.expect("an entry").file_name()).collect();
        names.sort();
        assert_eq!(names, ["a.bin", "taken"]);
        fs::remove_dir_all(&folder).expect("the folder goes");
    }
}
