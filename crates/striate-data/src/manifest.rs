//! A CSV that lists pictures: `path,label[,split][,group]`, paths relative to the CSV.
//!
//! The first line names the columns, in any order; other columns are left alone. Commas, semicolons or tabs, UTF-8
//! with or without a byte order mark, quotes and CRLF as spreadsheets write them. An empty label is no label.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use csv::{ReaderBuilder, StringRecord};

use crate::dataset::{Example, Split, sort_classes};
use crate::error::DataError;
use crate::folder::split_named;
use crate::paths::Paths;

/// A list beyond this size is not a list of pictures.
const MAX_BYTES: u64 = 1 << 30;

/// How much of the beginning is searched for the first line.
const HEAD_BYTES: u64 = 1 << 16;

/// What a CSV lists.
#[derive(Debug)]
pub struct Manifest {
    pub(crate) paths: Paths,
    pub(crate) examples: Vec<Example>,
    pub(crate) classes: Vec<String>,
    pub(crate) warnings: Vec<String>,
}

/// Where the columns stand.
#[derive(Debug, PartialEq)]
struct Columns {
    path: usize,
    label: Option<usize>,
    split: Option<usize>,
    group: Option<usize>,
}

/// Opens the CSV at `path` and checks that at least one of its pictures is there.
pub(crate) fn open(path: &Path) -> Result<Manifest, DataError> {
    let facts = std::fs::metadata(path).map_err(DataError::io(path))?;
    if !facts.is_file() || facts.len() > MAX_BYTES {
        let advice = "give a CSV of path,label lines (up to 1 GiB)";
        return Err(DataError::not_data(path, "is not a list of pictures", advice));
    }
    let file = || File::open(path).map_err(DataError::io(path));
    let mut head = Vec::new();
    file()?.take(HEAD_BYTES).read_to_end(&mut head).map_err(DataError::io(path))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let manifest = read(path, folder, &head, BufReader::new(file()?))?;
    let count = manifest.examples.len();
    if count > 0 && !(0..count).any(|i| folder.join(manifest.paths.get(i)).exists()) {
        let first = folder.join(manifest.paths.get(0));
        let why = format!("none of its {count} pictures is there, such as {}", first.display());
        return Err(DataError::not_data(path, why, "give paths relative to the folder of the CSV"));
    }
    Ok(manifest)
}

/// Reads a list from memory; `fuzz` calls it. Paths are not looked up.
pub fn parse(bytes: &[u8]) -> Result<Manifest, DataError> {
    let head = &bytes[..bytes.len().min(HEAD_BYTES as usize)];
    read(Path::new("list.csv"), Path::new("/nowhere"), head, bytes)
}

fn read(csv: &Path, folder: &Path, head: &[u8], from: impl Read) -> Result<Manifest, DataError> {
    let (delimiter, columns, width) = columns(csv, head)?;
    let bad =
        |line: u64, why: String, advice: &str| DataError::Line { path: csv.into(), line, why, advice: advice.into() };
    let mut reader = ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).from_reader(from);
    let mut record = StringRecord::new();
    let mut classes: Vec<String> = Vec::new();
    let mut class_numbers: HashMap<String, u32> = HashMap::new();
    let mut groups: HashMap<String, u32> = HashMap::new();
    let mut seen: HashMap<(String, Option<Split>), (u64, Option<u32>)> = HashMap::new();
    let (mut paths, mut examples, mut repeated) = (Paths::default(), Vec::new(), 0);
    let mut first = true;
    loop {
        let line = reader.position().line();
        let more = reader.read_record(&mut record).map_err(|e| match e.into_kind() {
            csv::ErrorKind::Io(source) => DataError::Io { path: csv.into(), source },
            csv::ErrorKind::Utf8 { .. } => bad(line, "is not UTF-8 text".into(), "save the list as \"CSV UTF-8\""),
            _ => bad(line, "is not CSV".into(), "save the list as \"CSV UTF-8\""),
        })?;
        if !more {
            break;
        }
        if std::mem::take(&mut first) {
            continue; // the names of the columns
        }
        let line = record.position().map_or(line, csv::Position::line);
        if record.len() > width {
            let why = format!("has {} fields, and the first line names {width}", record.len());
            return Err(bad(line, why, "put a field that holds a separator in quotes"));
        }
        let field = |column: Option<usize>| column.and_then(|column| record.get(column)).map_or("", str::trim);
        let path = record.get(columns.path).unwrap_or_default();
        if path.trim().is_empty() || path.contains(['\n', '\r', '\0']) {
            let why = if path.trim().is_empty() { "names no picture" } else { "has a path over more than one line" };
            return Err(bad(line, why.into(), "write path,label and close every quote"));
        }
        let path = with_slashes(folder, path);
        let split =
            match field(columns.split) {
                "" => None,
                word => Some(split_named(word).ok_or_else(|| {
                    bad(line, format!("has the split `{word}`"), "write train, valid, test or nothing")
                })?),
            };
        let label = match field(columns.label) {
            "" => None,
            name => Some(*class_numbers.entry(name.into()).or_insert_with(|| {
                classes.push(name.into());
                classes.len() as u32 - 1
            })),
        };
        let group = match field(columns.group) {
            "" => None,
            name => {
                let next = groups.len() as u32;
                Some(*groups.entry(name.into()).or_insert(next))
            }
        };
        if let Some((before, other)) = seen.insert((path.clone(), split), (line, label)) {
            if other != label {
                let why = format!("lists {path} again, and line {before} gives it another label");
                return Err(bad(line, why, "keep one of the two lines"));
            }
            repeated += 1;
            continue;
        }
        examples.push(Example { group, ..Example::new(examples.len() as u32, label, split) });
        paths.push(Path::new(&path));
    }
    // Classes are numbered in the order of their names, not of the list.
    let mut sorted = classes.clone();
    sort_classes(&mut sorted);
    let order: HashMap<&str, u32> = sorted.iter().enumerate().map(|(i, class)| (class.as_str(), i as u32)).collect();
    for example in &mut examples {
        example.label = example.label.and_then(|label| order.get(classes[label as usize].as_str())).copied();
    }
    paths.shrink_to_fit();
    let warnings = (repeated > 0).then(|| format!("{repeated} lines repeat an earlier one")).into_iter().collect();
    Ok(Manifest { paths, examples, classes: sorted, warnings })
}

/// Takes a path that was written on Windows for what it means here, where no file has that very name.
fn with_slashes(folder: &Path, path: &str) -> String {
    let stands = |path: &str| folder.join(path).exists();
    if cfg!(windows) || !path.contains('\\') || stands(path) || !stands(&path.replace('\\', "/")) {
        return path.into();
    }
    path.replace('\\', "/")
}

/// Finds the separator and the columns in the first line, and how many columns there are.
fn columns(csv: &Path, head: &[u8]) -> Result<(u8, Columns, usize), DataError> {
    let bad = |why: String, advice: &str| DataError::not_data(csv, why, advice);
    if head.is_empty() {
        return Err(bad("is empty".into(), "begin it with the line path,label"));
    }
    if head.starts_with(&[0xFF, 0xFE]) || head.starts_with(&[0xFE, 0xFF]) {
        return Err(bad("is UTF-16 text".into(), "save the list as \"CSV UTF-8\""));
    }
    let mut found = String::new();
    for delimiter in [b',', b';', b'\t'] {
        let mut reader = ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).from_reader(head);
        let mut first = StringRecord::new();
        if !matches!(reader.read_record(&mut first), Ok(true)) {
            continue;
        }
        let names: Vec<String> = first.iter().map(|name| name.trim().to_lowercase()).collect();
        if delimiter == b',' {
            found = names.join(",").chars().take(80).flat_map(char::escape_debug).collect();
        }
        let place = |known: &[&str]| -> Result<Option<usize>, DataError> {
            let mut places = (0..names.len()).filter(|&i| known.contains(&names[i].as_str()));
            match (places.next(), places.next()) {
                (Some(a), Some(b)) => {
                    let why = format!("has two columns `{}` and `{}` for one thing", names[a], names[b]);
                    Err(bad(why, "name the columns path,label[,split][,group]"))
                }
                (place, _) => Ok(place),
            }
        };
        if let Some(path) = place(&["path", "file", "filename", "image"])? {
            let label = place(&["label", "class", "category"])?;
            let columns = Columns { path, label, split: place(&["split"])?, group: place(&["group"])? };
            return Ok((delimiter, columns, names.len()));
        }
    }
    Err(bad(format!("has no column `path`; its first line is `{found}`"), "begin it with the line path,label"))
}

/// The path of picture `i`, for messages and tests.
impl Manifest {
    /// How many pictures are listed.
    pub fn len(&self) -> usize {
        self.examples.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.examples.is_empty()
    }

    /// The path of picture `i` as listed.
    pub fn path(&self, i: usize) -> PathBuf {
        self.paths.get(i)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &[u8]) -> Vec<String> {
        let list = parse(text).expect("a list");
        let row = |(i, e): (usize, &Example)| {
            let class = e.label.map_or("-", |label| &list.classes[label as usize]);
            let split = e.split.map_or("-".into(), |split| split.to_string());
            format!("{} {class} {split} {}", list.path(i).display(), e.group.map_or("-".into(), |g| g.to_string()))
        };
        list.examples.iter().enumerate().map(row).collect()
    }

    #[test]
    fn lists_as_spreadsheets_write_them() {
        let expected = ["a, b.png dog train 0", "2.png cat valid -", "3.png - - 1", "4.png cat - 0"];
        let comma = "path,label,split,group\n\"a, b.png\",dog,train,p1\n2.png,cat,Val,\n3.png,,,p2\n\n4.png,cat,,p1\n";
        assert_eq!(rows(comma.as_bytes()), expected);
        assert_eq!(rows(format!("\u{feff}{}", comma.replace('\n', "\r\n")).as_bytes()), expected);
        let semicolon =
            "Label;Path;group;split;note\ndog;a, b.png;p1;train;x\ncat;2.png;;val\n;3.png;p2\ncat;4.png;p1;;\n";
        assert_eq!(rows(semicolon.as_bytes()), expected);
        assert_eq!(rows(b"path\tlabel\na.png\t\"say \"\"hi\"\"\"\n"), ["a.png say \"hi\" - -"]);
        assert_eq!(rows(b"path\na.png"), ["a.png - - -"]);
        assert!(parse(b"path,label\n").expect("no line").is_empty());
    }

    #[test]
    fn repeated_lines_are_counted_and_contradictions_named() {
        let list = parse(b"path,label\na,x\na,x\nb,x\n").expect("a list");
        assert_eq!((list.len(), list.warnings.len()), (2, 1));
        assert_eq!(parse(b"path,label,split\na,x,train\na,x,test\n").expect("both splits").len(), 2);
    }

    #[test]
    fn what_cannot_be_understood_is_named_with_its_line() {
        let cases: [(&[u8], &str); 10] = [
            (b"", "is empty"),
            (b"\xff\xfep\0a\0t\0h\0", "UTF-16"),
            (b"cat/1.png,cat\ncat/2.png,cat\n", "no column `path`; its first line is `cat/1.png,cat`"),
            (b"path,label\na,x\n\xe9.png,y\n", "line 3: is not UTF-8"),
            (b"path,label\na,x,y\n", "line 2: has 3 fields"),
            (b"path,label\n,x\n", "line 2: names no picture"),
            (b"path,label,split\na,x,trian\n", "line 2: has the split `trian`"),
            (b"path,label\na,x\na,y\n", "line 3: lists a again, and line 2"),
            (b"path,label\n\"a,x\nb,y\n", "line 2: has a path over more than one line"),
            (b"path,file\na,b\n", "two columns"),
        ];
        for (text, message) in cases {
            let error = parse(text).expect_err(message).to_string();
            assert!(error.contains(message), "{error}");
        }
    }

    #[test]
    fn a_list_of_nothing_that_is_there_is_an_error() {
        let dir = tempfile::tempdir().expect("temporary folder");
        let csv = dir.path().join("list.csv");
        std::fs::write(&csv, "path,label\ncat\\1.png,cat\nmissing.png,dog\n").expect("file");
        let error = open(&csv).expect_err("nothing there").to_string();
        assert!(error.contains("none of its 2 pictures") && error.contains("relative"), "{error}");
        std::fs::create_dir(dir.path().join("cat")).expect("folder");
        std::fs::write(dir.path().join("cat/1.png"), "x").expect("file");
        let list = open(&csv).expect("one is there");
        assert_eq!(list.path(0), Path::new(if cfg!(windows) { "cat\\1.png" } else { "cat/1.png" }));
    }
}
