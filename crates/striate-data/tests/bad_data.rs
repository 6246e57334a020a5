//! Data that must be refused or survived: each with a message that says what, where and what to do; nothing hangs.
//! The files are made by `fixtures/bad_data.py`.

use std::path::{Path, PathBuf};

use striate_data::dataset::{Dataset, OpenOptions};
use striate_data::scan::scan;

fn open(path: &Path) -> Result<Dataset, String> {
    Dataset::open(path.to_str().expect("Unicode"), &OpenOptions::default()).map_err(|e| e.to_string())
}

fn bad(kind: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad").join(kind)
}

/// Opens everything in `tests/bad/<kind>`; each must be refused with what `said` holds for it, and with advice.
fn all_refused(kind: &str, said: &[(&str, &str)]) {
    let mut names: Vec<String> = std::fs::read_dir(bad(kind))
        .expect("folder")
        .map(|entry| entry.expect("entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(names, said.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    for (name, message) in said {
        let error = open(&bad(kind).join(name)).expect_err(name);
        assert!(error.contains(message) && error.contains(name) && error.contains(';'), "{name}: {error}");
    }
}

#[test]
fn idx() {
    all_refused(
        "idx",
        &[
            ("another_programs", "does not begin like an IDX file"),
            ("bomb_gz", "claims 2 x 2 x 2 values and holds more"),
            ("cut", "claims 2 x 2 x 2 values (8 bytes) and holds 5"),
            ("cut_gz", "does not unpack"),
            ("cut_header", "is cut within its header"),
            ("empty", "is no IDX file or is cut short"),
            ("floats", "is IDX of type 0x0d with 3 axes"),
            ("four_axes", "is IDX of type 0x08 with 4 axes"),
            ("huge", "claims 4294967295 x 4294967295 x 4294967295"),
            ("huge_gz", "more than the limit of 536870912 bytes in memory"),
            ("labels_alone", "no images file lies beside it"),
            ("labels_do_not_match", "holds 3 labels"),
            ("more", "claims 2 x 2 x 2 values (8 bytes) and holds 9"),
            ("no_pictures", "claims 0 x 2 x 2 values"),
            ("not_gz", "is no IDX file or is cut short"),
            ("swapped", "is IDX of type 0x08 with 1 axes"),
            ("two_sets", "holds more than one set"),
        ],
    );
}

#[test]
fn cifar() {
    all_refused(
        "cifar",
        &[
            ("both", "holds both train.bin and test_batch.bin"),
            ("cut", "has 3072 bytes, which is no whole number of records of 3073"),
            ("empty", "has 0 bytes"),
            ("few_names", "record 0 has the label 3, and there are 2 classes"),
            ("fine_label_beyond", "record 0 has the label 100"),
            ("label_beyond", "record 1 has the label 10"),
            ("no_names", "names 0 classes"),
            ("python", "is CIFAR's Python version"),
        ],
    );
}

#[test]
fn csv() {
    all_refused(
        "csv",
        &[
            ("another_programs.csv", "has no column `path`; its first line is `id,width,height`"),
            ("empty.csv", "is empty"),
            ("latin1.csv", "line 2: is not UTF-8 text"),
            ("missing.csv", "none of its 1 pictures is there"),
            ("more_fields.csv", "line 2: has 3 fields"),
            ("no_header.csv", "has no column `path`"),
            ("no_path.csv", "line 2: names no picture"),
            ("open_quote.csv", "has a path over more than one line"),
            ("picture.csv", "has no column `path`"),
            ("split.csv", "line 2: has the split `trian`"),
            ("two_columns.csv", "has two columns `label` and `class` for one thing"),
            ("two_labels.csv", "line 3: lists a.png again, and line 2 gives it another label"),
            ("utf16.csv", "is UTF-16 text"),
            ("zeros.csv", "has no column `path`"),
        ],
    );
}

#[test]
fn paths_that_lead_nowhere_suggest_near_ones() {
    let dir = tempfile::tempdir().expect("temporary folder");
    std::fs::create_dir(dir.path().join("flowers")).expect("folder");
    let said = |path: &str| open(&dir.path().join(path)).expect_err(path);
    assert!(said("flwoers").contains("did you mean") && said("flwoers").ends_with("flowers?"), "{}", said("flwoers"));
    assert!(said("flowrs/train/1").ends_with("flowers?"), "{}", said("flowrs/train/1"));
    assert!(said("flowers/x/y").contains("x is missing"), "{}", said("flowers/x/y"));
    assert!(said("nothing like it").contains("check the spelling"));
    assert!(open(Path::new("@digit")).expect_err("@digit").contains("did you mean @digits?"));
    assert!(open(Path::new("@cifar")).expect_err("@cifar").contains("@digits, @photos"));
    assert!(open(Path::new("")).is_err());
}

#[test]
fn packed_files_are_named_and_empty_folders_are_empty() {
    let dir = tempfile::tempdir().expect("temporary folder");
    assert!(open(dir.path()).expect("an empty folder opens").is_empty());
    std::fs::write(dir.path().join("photos.zip"), b"PK\x03\x04").expect("file");
    let error = open(dir.path()).expect_err("only an archive");
    assert!(error.contains("photos.zip") && error.contains("unpack"), "{error}");
    assert!(open(&dir.path().join("photos.zip")).is_err());
    assert!(open(Path::new("/dev/null")).is_err() || cfg!(not(unix)));
}

#[cfg(unix)]
#[test]
fn fifos_links_and_odd_names_are_survived() {
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;
    let dir = tempfile::tempdir().expect("temporary folder");
    let root = dir.path().join("data");
    std::fs::create_dir_all(root.join("cat")).expect("folder");
    let odd = root.join("cat").join(std::ffi::OsStr::from_bytes(b"caf\xe9.png"));
    std::fs::write(&odd, b"no picture").expect("file");
    symlink(&root, root.join("cat/loop")).expect("link");
    symlink("b.png", root.join("cat/b.png")).expect("link to itself");
    let made = std::process::Command::new("mkfifo").arg(root.join("cat/pipe.png")).status();
    let fifo = usize::from(made.is_ok_and(|status| status.success()));
    let data = open(&root).expect("opens");
    assert_eq!((data.len(), data.foreign.other), (1, 2 + fifo), "{:?}", data.foreign);
    assert_eq!(data.name(0), "cat/caf\u{fffd}.png");
    assert_eq!(data.path(0), Some(odd));
    assert_eq!(scan(&data, &|_, _| {}).faults.len(), 1);
    if fifo == 1 {
        let pipe = root.join("cat/pipe.png");
        assert!(open(&pipe).expect_err("a FIFO").contains("neither a file nor a folder"));
        // A list or a file name that leads to a FIFO must not wait for its writer either.
        std::fs::write(root.join("list.csv"), "path\ncat/pipe.png\n").expect("file");
        let listed = open(&root.join("list.csv")).expect("opens");
        assert!(scan(&listed, &|_, _| {}).faults[0].why.contains("not a file"));
        std::fs::rename(&pipe, root.join("train-images-idx3-ubyte")).expect("rename");
        std::fs::rename(root.join("cat"), dir.path().join("away")).expect("rename");
        assert!(open(&root.join("train-images-idx3-ubyte")).is_err());
    }
    let class = root.join(std::ffi::OsStr::from_bytes(b"k\xe4se"));
    std::fs::create_dir_all(&class).expect("folder");
    std::fs::write(class.join("1.png"), b"x").expect("file");
    assert!(open(&root).expect_err("a class name").contains("not Unicode"));
}

#[cfg(unix)]
#[test]
fn a_folder_that_may_not_be_read_is_an_error() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().expect("temporary folder");
    let closed = dir.path().join("closed");
    std::fs::create_dir(&closed).expect("folder");
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o0)).expect("permissions");
    if std::fs::read_dir(&closed).is_ok() {
        println!("skipped: this user may read everything");
    } else {
        assert!(open(dir.path()).expect_err("closed").contains("check that you may read it"));
    }
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o700)).expect("permissions");
}
