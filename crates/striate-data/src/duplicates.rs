//! Near-duplicates: the same picture recompressed, resized, slightly brightened or in another format.
//!
//! Equal pictures are found by their contents. Others are candidates if their perceptual hashes are within 31 of 256
//! bits, and pairs if their small copies agree (`alike`). Pictures of one colour count only if equal.
//! A scene that more than a tenth of the pictures share (a product on its mount, the rim of a dish) is no sign of a
//! copy: there only a difference of 5 % or less counts.

use std::collections::HashMap;

use rayon::prelude::*;

use crate::alike::Look;
use crate::dataset::Dataset;
use crate::groups::Union;
use crate::near_hashes::near_hashes;
use crate::scan::Scan;

/// A cluster larger than this share of the readable pictures, and than [`COMMON_COUNT`], is a common scene.
const COMMON_SHARE: f32 = 0.1;

/// No cluster up to this size is a common scene, however few pictures there are.
const COMMON_COUNT: usize = 16;

/// Largest difference of two copies within a common scene.
const MAX_DIFFERENCE_COMMON: f32 = 0.05;

/// Why a pair of equal contents is one.
pub const EQUAL: &str = "equal in every pixel";

/// Two pictures that show the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DuplicatePair {
    /// The earlier one.
    pub a: usize,
    /// The later one.
    pub b: usize,
    /// In words.
    pub why: String,
}

/// A pair before it is put into words; a difference of 0 stands for equal contents.
#[derive(Clone, Copy, Debug)]
struct Found {
    a: usize,
    b: usize,
    difference: f32,
}

/// Pairs that join all near-duplicates: of a cluster of n pictures n - 1 pairs, as many as can be across splits.
/// Sorted, and the same for any number of threads. Candidates are decoded once more.
pub fn near_duplicates(dataset: &Dataset, scan: &Scan) -> Vec<DuplicatePair> {
    let mut first: HashMap<[u8; 16], usize> = HashMap::new();
    let mut found: Vec<Found> = Vec::new();
    let mut distinct: Vec<usize> = Vec::new(); // that have a hash worth comparing
    for b in scan.readable() {
        let a = *first.entry(scan.facts[b].content).or_insert(b);
        if a != b {
            found.push(Found { a, b, difference: 0.0 });
        } else if !scan.facts[b].flat {
            distinct.push(b);
        }
    }
    let alike = alike(dataset, scan, &distinct);
    let readable = scan.facts.len() - scan.faults.len();
    found.extend(without_common_scenes(alike, dataset.len(), readable));
    // Across splits first: those are leaks, and a picture is best named beside the very one it copies.
    let split = |i: usize| dataset.examples[i].split;
    found.sort_unstable_by_key(|f| (split(f.a) == split(f.b), f.a, f.b));
    let mut sets = Union::new(dataset.len());
    found.retain(|f| sets.join(f.a, f.b));
    found.sort_unstable_by_key(|f| (f.a, f.b));
    found.iter().map(|f| DuplicatePair { a: f.a, b: f.b, why: words(f.difference) }).collect()
}

fn words(difference: f32) -> String {
    if difference == 0.0 {
        return EQUAL.into();
    }
    format!("the same picture but for size, compression or brightness ({:.1} % differs)", (100.0 * difference).max(0.1))
}

/// The pairs among `distinct` that look alike.
fn alike(dataset: &Dataset, scan: &Scan, distinct: &[usize]) -> Vec<Found> {
    let hashes: Vec<[u64; 4]> = distinct.iter().map(|&i| scan.facts[i].hash).collect();
    let candidates = near_hashes(&hashes);
    let mut needed: Vec<u32> = candidates.iter().flat_map(|&(a, b)| [a, b]).collect();
    needed.sort_unstable();
    needed.dedup();
    // A picture that has become unreadable since the scan is no duplicate of anything.
    let look = |&i: &u32| dataset.picture(distinct[i as usize]).ok().and_then(|decoded| Look::new(&decoded.picture));
    let looks: Vec<Option<Look>> = needed.par_iter().map(look).collect();
    let look_of = |i: u32| needed.binary_search(&i).ok().and_then(|at| looks[at].as_ref());
    let compare = |&(a, b): &(u32, u32)| {
        let difference = look_of(a)?.difference(look_of(b)?)?.max(f32::MIN_POSITIVE);
        let (a, b) = (distinct[a as usize], distinct[b as usize]);
        Some(Found { a: a.min(b), b: a.max(b), difference })
    };
    candidates.par_iter().filter_map(compare).collect()
}

fn without_common_scenes(found: Vec<Found>, n: usize, readable: usize) -> Vec<Found> {
    let mut sets = Union::new(n);
    found.iter().for_each(|f| {
        sets.join(f.a, f.b);
    });
    let mut sizes: HashMap<usize, usize> = HashMap::new();
    (0..n).for_each(|i| *sizes.entry(sets.root(i)).or_default() += 1);
    let most = COMMON_COUNT.max((COMMON_SHARE * readable as f32) as usize);
    let is_common = |sets: &mut Union, i: usize| sizes.get(&sets.root(i)).is_some_and(|&size| size > most);
    found.into_iter().filter(|f| f.difference <= MAX_DIFFERENCE_COMMON || !is_common(&mut sets, f.a)).collect()
}
