//! Copies across the splits that the user gave: every picture that is a copy of one in an earlier split is named.

use std::collections::VecDeque;

use striate_data::dataset::{Dataset, Split};
use striate_data::duplicates::{DuplicatePair, EQUAL};

use crate::event::Event;
use crate::report::Leak;

/// Leaks told one by one; the rest is counted.
const TOLD: usize = 10;

/// One pair for each picture that near-duplicates unite with one of an earlier split (train before valid before test),
/// in the order of the pictures. It is named with the nearest such picture on the way of `pairs`.
pub(crate) fn leaks(dataset: &Dataset, pairs: &[DuplicatePair]) -> Vec<Leak> {
    let mut ways: Vec<Vec<(usize, &str)>> = vec![Vec::new(); dataset.len()];
    for DuplicatePair { a, b, why } in pairs {
        ways[*a].push((*b, why));
        ways[*b].push((*a, why));
    }
    let mut found: Vec<(usize, Leak)> = Vec::new();
    let mut seen = vec![false; dataset.len()];
    for earlier in [Split::Train, Split::Valid] {
        let of_split = |i: &usize| dataset.examples[*i].split == Some(earlier);
        let starts: Vec<usize> = (0..dataset.len()).filter(|i| of_split(i) && !seen[*i]).collect();
        let mut queue = VecDeque::new(); // (picture, where it began, how it was found)
        for i in starts {
            seen[i] = true;
            queue.push_back((i, i, String::new()));
        }
        while let Some((i, start, how)) = queue.pop_front() {
            if dataset.examples[i].split.is_some_and(|split| split > earlier) {
                found.push((i, Leak { a: dataset.name(start), b: dataset.name(i), why: how.clone() }));
            }
            for &(next, why) in &ways[i] {
                if !std::mem::replace(&mut seen[next], true) {
                    let how = step(&how, why, &dataset.name(i));
                    queue.push_back((next, start, how));
                }
            }
        }
    }
    found.sort_unstable_by_key(|(i, _)| *i);
    found.into_iter().map(|(_, leak)| leak).collect()
}

/// How a picture was found that is a copy, by `why`, of `last`, which was found by `how`.
fn step(how: &str, why: &str, last: &str) -> String {
    match how {
        "" => why.to_string(),
        EQUAL if why == EQUAL => EQUAL.to_string(),
        _ => format!("through {last}: {why}"),
    }
}

/// The first leaks, and how many more there are.
pub(crate) fn warnings(leaks: &[Leak]) -> impl Iterator<Item = Event> + '_ {
    let told = leaks.iter().take(TOLD);
    let told = told.map(|leak| format!("leak: {} and {} are copies of each other: {}", leak.a, leak.b, leak.why));
    let more = leaks.len().saturating_sub(TOLD);
    told.chain((more > 0).then(|| format!("and {more} more leaks, see report.html"))).map(Event::Warning)
}

#[cfg(test)]
mod tests {
    use super::*;
    use striate_data::dataset::OpenOptions;

    const ALIKE: &str = "the same picture but for size";

    fn open(names: &[&str]) -> Dataset {
        let dir = tempfile::tempdir().expect("temporary folder");
        for name in names {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("folder");
            std::fs::write(path, "x").expect("file");
        }
        Dataset::open(dir.path().to_str().expect("Unicode"), &OpenOptions::default()).expect("opens")
    }

    fn found(data: &Dataset, pairs: &[(&str, &str, &str)]) -> Vec<String> {
        let number = |name: &str| (0..data.len()).find(|&i| data.name(i) == name).expect("a picture");
        let pair = |&(a, b, why): &(&str, &str, &str)| DuplicatePair { a: number(a), b: number(b), why: why.into() };
        let pairs: Vec<DuplicatePair> = pairs.iter().map(pair).collect();
        leaks(data, &pairs).into_iter().map(|leak| format!("{} {} {}", leak.a, leak.b, leak.why)).collect()
    }

    #[test]
    fn every_test_picture_of_a_family_is_named() {
        let data = open(&["test/c/1.png", "test/c/2.png", "test/c/3.png", "test/c/own.png", "train/c/1.png"]);
        let pairs = [
            ("test/c/1.png", "train/c/1.png", EQUAL),
            ("test/c/1.png", "test/c/2.png", EQUAL),
            ("test/c/2.png", "test/c/3.png", ALIKE),
        ];
        let through = format!("train/c/1.png test/c/3.png through test/c/2.png: {ALIKE}");
        let equal = |n: usize| format!("train/c/1.png test/c/{n}.png {EQUAL}");
        assert_eq!(found(&data, &pairs), [equal(1), equal(2), through]);
    }

    #[test]
    fn the_earliest_split_is_named_and_copies_within_one_are_no_leak() {
        let data = open(&["test/c/1.png", "test/c/2.png", "train/c/1.png", "train/c/2.png", "valid/c/1.png"]);
        let within = [("train/c/1.png", "train/c/2.png", EQUAL), ("test/c/1.png", "test/c/2.png", EQUAL)];
        assert_eq!(found(&data, &within), Vec::<String>::new());
        let to_valid = [("test/c/1.png", "valid/c/1.png", ALIKE)];
        assert_eq!(found(&data, &to_valid), [format!("valid/c/1.png test/c/1.png {ALIKE}")]);
        let both = [("test/c/1.png", "valid/c/1.png", ALIKE), ("test/c/1.png", "train/c/2.png", ALIKE)];
        let through = format!("train/c/2.png valid/c/1.png through test/c/1.png: {ALIKE}");
        assert_eq!(found(&data, &both), [format!("train/c/2.png test/c/1.png {ALIKE}"), through]);
    }

    #[test]
    fn many_leaks_are_counted_not_told() {
        let leak = Leak { a: "train/1.png".into(), b: "test/1.png".into(), why: EQUAL.into() };
        let told = |n: usize| warnings(&vec![leak.clone(); n]).filter_map(|event| event.line()).collect::<Vec<_>>();
        assert_eq!((told(0).len(), told(10).len(), told(11).len()), (0, 10, 11));
        assert!(told(2000)[10].contains("and 1990 more leaks, see report.html"), "{}", told(2000)[10]);
    }
}
