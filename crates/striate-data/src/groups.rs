//! Which pictures belong together: by the list's `group` column, a pattern on file names, or as near-duplicates.

use std::collections::HashMap;

use regex_lite::Regex;

use crate::dataset::Dataset;
use crate::duplicates::DuplicatePair;
use crate::error::DataError;

/// Gives every picture whose name matches `pattern` the group that the match (or its first bracket) names; groups that
/// a list gave are joined with them.
pub(crate) fn group_by(dataset: &mut Dataset, pattern: &str) -> Result<(), DataError> {
    let bad = |why: String| DataError::GroupBy { pattern: pattern.into(), why };
    let regex = Regex::new(pattern).map_err(|e| bad(format!("{e}; write a regular expression such as ^([^_]+)_")))?;
    let whole_path = pattern.contains('/');
    let mut names: HashMap<String, u32> = HashMap::new();
    let mut found = Vec::with_capacity(dataset.len());
    for i in 0..dataset.len() {
        let name = dataset.name(i);
        let text = if whole_path { &name } else { name.rsplit('/').next().unwrap_or(&name) };
        let matched = regex.captures(text).and_then(|captures| captures.get(1).or(captures.get(0)));
        found.push(matched.map(|matched| {
            let next = names.len() as u32;
            *names.entry(matched.as_str().into()).or_insert(next)
        }));
    }
    let unmatched = found.iter().filter(|group| group.is_none()).count();
    if unmatched == dataset.len() && !dataset.is_empty() {
        return Err(bad(format!("matches none of the {unmatched} names, such as {}", dataset.name(0))));
    }
    if unmatched > 0 {
        dataset.warnings.push(format!("{unmatched} names do not match the group-by pattern `{pattern}`"));
    }
    let mut sets = Union::new(dataset.len());
    sets.join_equal(dataset.examples.iter().map(|example| example.group));
    sets.join_equal(found.iter().copied());
    let both: Vec<bool> = dataset.examples.iter().zip(&found).map(|(e, f)| e.group.is_some() || f.is_some()).collect();
    for (i, id) in sets.numbers().into_iter().enumerate() {
        dataset.examples[i].group = both[i].then_some(id);
    }
    Ok(())
}

/// One group a picture, numbered from 0 in the order of first pictures: pictures of one given group and near-duplicates
/// are together, every other picture is alone.
pub fn groups(dataset: &Dataset, pairs: &[DuplicatePair]) -> Vec<u32> {
    let mut sets = Union::new(dataset.len());
    sets.join_equal(dataset.examples.iter().map(|example| example.group));
    pairs.iter().for_each(|pair| {
        sets.join(pair.a, pair.b);
    });
    sets.numbers()
}

/// Disjoint sets; the root of a set is its smallest member.
pub(crate) struct Union(Vec<u32>);

impl Union {
    pub fn new(n: usize) -> Self {
        Self((0..n as u32).collect())
    }

    pub fn root(&mut self, mut i: usize) -> usize {
        while self.0[i] as usize != i {
            self.0[i] = self.0[self.0[i] as usize];
            i = self.0[i] as usize;
        }
        i
    }

    /// Whether they were apart.
    pub fn join(&mut self, a: usize, b: usize) -> bool {
        let (a, b) = (self.root(a), self.root(b));
        self.0[a.max(b)] = a.min(b) as u32;
        a != b
    }

    fn join_equal(&mut self, ids: impl Iterator<Item = Option<u32>>) {
        let mut first: HashMap<u32, usize> = HashMap::new();
        for (i, id) in ids.enumerate() {
            if let Some(id) = id {
                let other = *first.entry(id).or_insert(i);
                self.join(other, i);
            }
        }
    }

    fn numbers(mut self) -> Vec<u32> {
        let mut next = 0;
        let mut numbers = vec![0; self.0.len()];
        for i in 0..self.0.len() {
            let root = self.root(i);
            numbers[i] = if root == i { next } else { numbers[root] };
            next += u32::from(root == i);
        }
        numbers
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::OpenOptions;

    fn open(names: &[&str], pattern: Option<&str>) -> Result<Dataset, DataError> {
        let dir = tempfile::tempdir().expect("temporary folder");
        for name in names {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("folder");
            std::fs::write(path, "x").expect("file");
        }
        let options = OpenOptions { group_by: pattern.map(String::from), ..OpenOptions::default() };
        Dataset::open(dir.path().to_str().expect("Unicode"), &options)
    }

    fn pair(a: usize, b: usize) -> DuplicatePair {
        DuplicatePair { a, b, why: String::new() }
    }

    #[test]
    fn a_pattern_groups_across_classes_and_duplicates_join_groups() {
        let names = ["cat/p1_a.png", "cat/p1_b.png", "cat/p2_a.png", "dog/none.png", "dog/p2_c.png"];
        let data = open(&names, Some("^(p[0-9]+)_")).expect("opens");
        assert_eq!(groups(&data, &[]), [0, 0, 1, 2, 1]);
        assert_eq!(groups(&data, &[pair(1, 3)]), [0, 0, 1, 0, 1]);
        assert_eq!(data.examples[3].group, None);
        assert_eq!(data.warnings.len(), 1, "{:?}", data.warnings);
        let data = open(&names, Some("^[a-z]+/")).expect("opens"); // the class folder
        assert_eq!(groups(&data, &[]), [0, 0, 0, 1, 1]);
    }

    #[test]
    fn a_pattern_that_fits_nothing_is_an_error() {
        let error = open(&["cat/a.png"], Some("^x")).expect_err("no match").to_string();
        assert!(error.contains("matches none of the 1 names, such as cat/a.png"), "{error}");
        let error = open(&["cat/a.png"], Some("(")).expect_err("no pattern").to_string();
        assert!(error.contains("group-by pattern `(`"), "{error}");
    }

    #[test]
    fn without_groups_every_picture_is_alone() {
        assert_eq!(groups(&open(&["a/1.png", "a/2.png", "b/3.png"], None).expect("opens"), &[]), [0, 1, 2]);
        assert_eq!(groups(&open(&["a/1.png", "a/2.png", "b/3.png"], None).expect("opens"), &[pair(0, 2)]), [0, 1, 0]);
    }
}
