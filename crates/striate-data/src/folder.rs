//! What a folder of pictures says by its names: classes, splits, or neither.
//!
//! `cat/1.png`, `dog/2.png`: a folder per class. `train/cat/1.png`, `test/dog/2.png`: the same within split folders
//! (`train`, `valid` or `val`, `test`). `1.png`, `2.png`: no labels. Deeper folders belong to the class above them.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::dataset::{Example, Layout, Split, sort_classes};
use crate::error::DataError;
use crate::paths::display_name;
use crate::walk::Walk;

/// What the paths of a folder mean.
#[derive(Debug)]
pub(crate) struct FolderSet {
    /// Relative to the folder, in order.
    pub paths: Vec<PathBuf>,
    pub examples: Vec<Example>,
    pub classes: Vec<String>,
    pub layout: Layout,
    pub warnings: Vec<String>,
}

/// The split that a folder or a word stands for.
pub(crate) fn split_named(name: &str) -> Option<Split> {
    match name.trim().to_ascii_lowercase().as_str() {
        "train" | "training" => Some(Split::Train),
        "valid" | "val" | "validation" => Some(Split::Valid),
        "test" | "testing" => Some(Split::Test),
        _ => None,
    }
}

fn split_of(folder: &OsStr) -> Option<Split> {
    folder.to_str().and_then(split_named)
}

/// The folders of a path below `depth` others, without the file name.
fn folder_at(path: &Path, depth: usize) -> Option<&OsStr> {
    let mut parts = path.iter();
    parts.next_back();
    parts.nth(depth)
}

/// All pictures of `found`, without labels.
pub(crate) fn flat(found: Walk) -> FolderSet {
    let examples = (0..found.pictures.len()).map(|i| Example::new(i as u32, None, None)).collect();
    FolderSet { paths: found.pictures, examples, classes: vec![], layout: Layout::Flat, warnings: vec![] }
}

/// Reads classes and splits from the paths of `found`, the walk of `root`.
pub(crate) fn understand(root: &Path, found: Walk) -> Result<FolderSet, DataError> {
    let depth = wrappers(&found.pictures);
    let mut tops: BTreeMap<Option<&OsStr>, usize> = BTreeMap::new();
    for path in &found.pictures {
        *tops.entry(folder_at(path, depth)).or_default() += 1;
    }
    let strays = tops.get(&None).copied().unwrap_or(0);
    let folders: Vec<&OsStr> = tops.keys().flatten().copied().collect();
    let splits = |wanted: Split| folders.iter().any(|folder| split_of(folder) == Some(wanted));
    let all_splits = !folders.is_empty() && folders.iter().all(|folder| split_of(folder).is_some());
    let split_folders = all_splits || (splits(Split::Train) && (splits(Split::Valid) || splits(Split::Test)));
    if !split_folders && (folders.is_empty() || (folders.len() == 1 && strays > 0)) {
        return Ok(flat(found));
    }
    let class_depth = depth + usize::from(split_folders);
    let mut warnings = empty_folders(&found, depth);
    if let (1.., Some(path)) = (depth, found.pictures.first()) {
        let wrapper: PathBuf = path.iter().take(depth).collect();
        warnings.push(format!("classes are the folders within {}", display_name(&wrapper)));
    }
    let mut left_out: Vec<String> = Vec::new();
    let mut kept: Vec<(PathBuf, Option<Split>, Option<String>)> = Vec::new();
    for path in &found.pictures {
        let Some(top) = folder_at(path, depth) else {
            left_out.push(display_name(path));
            continue;
        };
        let split = if split_folders { split_of(top) } else { None };
        if split_folders && split.is_none() {
            left_out.push(display_name(path));
            continue;
        }
        let class = folder_at(path, class_depth).map(|class| class_name(root, path, class)).transpose()?;
        kept.push((path.clone(), split, class));
    }
    if let Some(first) = left_out.first() {
        let place = if split_folders { "outside the split folders" } else { "beside the class folders" };
        warnings.push(format!("{} pictures {place} left out, such as {first}", left_out.len()));
    }
    let mut classes: Vec<String> = kept.iter().filter_map(|(.., class)| class.clone()).collect();
    sort_classes(&mut classes);
    warnings.extend(missing_classes(&kept, &classes));
    let numbers: BTreeMap<&str, u32> =
        classes.iter().enumerate().map(|(i, class)| (class.as_str(), i as u32)).collect();
    let examples = kept.iter().enumerate().map(|(i, (_, split, class))| {
        let label = class.as_deref().and_then(|class| numbers.get(class)).copied();
        Example::new(i as u32, label, *split)
    });
    let examples = examples.collect();
    let layout = if split_folders { Layout::SplitFolders } else { Layout::FolderPerClass };
    Ok(FolderSet { examples, paths: kept.into_iter().map(|(path, ..)| path).collect(), classes, layout, warnings })
}

/// How many folders lie around the classes: `images/cat/1.png` and `images/dog/2.png` are classes in one wrapper.
fn wrappers(paths: &[PathBuf]) -> usize {
    let shared = |depth: usize| -> Option<&OsStr> {
        let top = folder_at(paths.first()?, depth)?;
        paths.iter().all(|path| folder_at(path, depth) == Some(top)).then_some(top)
    };
    let mut depth = 0;
    while let Some(top) = shared(depth) {
        if split_of(top).is_some() {
            return depth;
        }
        depth += 1;
    }
    // Only a folder without pictures of its own and with folders below wraps anything; else it is the one class.
    if paths.iter().all(|path| folder_at(path, depth).is_some()) { depth } else { 0 }
}

fn class_name(root: &Path, path: &Path, class: &OsStr) -> Result<String, DataError> {
    class.to_str().map(String::from).ok_or_else(|| {
        let folder = root.join(path.parent().unwrap_or(path));
        DataError::not_data(folder, "is a class folder whose name is not Unicode", "rename the folder")
    })
}

/// Folders at the top that hold no picture, although others are classes or splits.
fn empty_folders(found: &Walk, depth: usize) -> Vec<String> {
    if depth > 0 {
        return Vec::new(); // only the wrapper's siblings are known
    }
    let full = |folder: &&PathBuf| !found.pictures.iter().any(|path| path.starts_with(folder));
    found.folders.iter().filter(full).map(|f| format!("folder {} holds no pictures", display_name(f))).collect()
}

/// Classes that one split lacks although another has labels for them.
fn missing_classes(kept: &[(PathBuf, Option<Split>, Option<String>)], classes: &[String]) -> Vec<String> {
    let mut warnings = Vec::new();
    for split in [Split::Train, Split::Valid, Split::Test] {
        let here: std::collections::BTreeSet<&str> =
            kept.iter().filter(|(_, s, _)| *s == Some(split)).filter_map(|(.., class)| class.as_deref()).collect();
        if here.is_empty() {
            continue;
        }
        let missing = classes.iter().filter(|class| !here.contains(class.as_str()));
        warnings.extend(missing.map(|class| format!("class {class} has no pictures in {split}")));
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(pictures: &[&str]) -> FolderSet {
        let mut pictures: Vec<PathBuf> = pictures.iter().map(PathBuf::from).collect();
        pictures.sort();
        understand(Path::new("data"), Walk { pictures, ..Walk::default() }).expect("Unicode names")
    }

    fn rows(set: &FolderSet) -> Vec<String> {
        let row = |(path, e): (&PathBuf, &Example)| {
            let class = e.label.map_or("-", |label| &set.classes[label as usize]);
            format!("{} {class} {}", path.display(), e.split.map_or("-".into(), |split| split.to_string()))
        };
        set.paths.iter().zip(&set.examples).map(row).collect()
    }

    #[test]
    fn a_folder_per_class() {
        let set = set(&["dog/1.png", "cat/deep/2.png", "stray.png"]);
        assert_eq!(rows(&set), ["cat/deep/2.png cat -", "dog/1.png dog -"]);
        assert_eq!(set.layout, Layout::FolderPerClass);
        assert_eq!(set.warnings, ["1 pictures beside the class folders left out, such as stray.png"]);
    }

    #[test]
    fn split_folders_with_and_without_classes() {
        let set = set(&["train/a/1.png", "train/b/2.png", "Val/a/3.png", "test/4.png", "extra/5.png"]);
        let expected = ["Val/a/3.png a valid", "test/4.png - test", "train/a/1.png a train", "train/b/2.png b train"];
        assert_eq!(rows(&set), expected);
        assert_eq!(set.layout, Layout::SplitFolders);
        assert_eq!(set.warnings.len(), 2, "{:?}", set.warnings); // extra is left out, valid lacks b
        assert_eq!(rows(&self::set(&["test/a/1.png"])), ["test/a/1.png a test"]);
        assert_eq!(rows(&self::set(&["train/a/1.png", "bus/2.png"]))[1], "train/a/1.png train -"); // a class of trains
    }

    #[test]
    fn wrappers_are_looked_through() {
        assert_eq!(rows(&set(&["w/x/a/1.png", "w/x/b/2.png"])), ["w/x/a/1.png a -", "w/x/b/2.png b -"]);
        assert_eq!(rows(&set(&["w/train/a/1.png", "w/test/a/2.png"]))[0], "w/test/a/2.png a test");
        assert_eq!(rows(&set(&["cat/1.png", "cat/2.png"]))[0], "cat/1.png cat -"); // one class
    }

    #[test]
    fn flat_folders_have_no_labels() {
        assert_eq!(rows(&set(&["1.png", "2.png", "old/3.png"])), ["1.png - -", "2.png - -", "old/3.png - -"]);
        assert!(set(&[]).examples.is_empty());
    }

    #[test]
    fn numbered_classes_are_in_the_order_of_numbers() {
        assert_eq!(set(&["2/a.png", "10/a.png", "1/a.png"]).classes, ["1", "2", "10"]);
    }
}
