//! One pass over all pictures before anything else: what they are, which cannot be read, which range of values they use.
//!
//! Each picture is decoded once, on all threads of the current rayon pool; some 160 bytes of each are kept. The result
//! is the same for any number of threads.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use crate::appearance::Appearance;
use crate::dataset::{Dataset, Split};
use crate::levels::Levels;
use crate::origin::Origin;
use crate::perceptual;
use crate::picture::{Picture, Pixels};
use crate::preprocess::ValueRange;
use crate::thumbnail::{Channel, is_flat, thumbnail};

/// What is kept of one picture.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fact {
    /// Rows; 0 where the picture could not be read.
    pub height: u32,
    /// Columns; 0 where the picture could not be read.
    pub width: u32,
    /// 1 or 3 as stored; 0 where the picture could not be read.
    pub channels: u8,
    /// Whether it shows no colour, stored in one channel or three.
    pub gray: bool,
    /// Whether it shows nothing: one colour all over, so that its hash says nothing.
    pub flat: bool,
    /// Perceptual hash: near-duplicates differ in few bits.
    pub hash: [u64; 4],
    /// Of size, type and values: equal pictures only are equal.
    pub content: [u8; 16],
    /// Colour, exposure, sharpness, frame.
    pub appearance: Appearance,
    /// What its file says; nothing where it could not be read or is not a file.
    pub origin: Option<FileFact>,
}

/// What is kept of the file of one picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFact {
    /// Length of the file.
    pub bytes: u64,
    /// When the file was last written, in seconds since 1970.
    pub modified: Option<i64>,
    /// When the picture was taken, in seconds since 1970 by the camera's clock.
    pub taken: Option<i64>,
    /// The camera; one name is kept once for all pictures.
    pub camera: Option<Arc<str>>,
}

impl Fact {
    /// Whether the picture could be read.
    pub fn is_readable(&self) -> bool {
        self.height > 0
    }
}

/// A picture that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Its number in the data set.
    pub index: usize,
    /// Its name.
    pub name: String,
    /// What is wrong and what to do.
    pub why: String,
}

/// What a pass over all pictures found.
#[derive(Clone, Debug, PartialEq)]
pub struct Scan {
    /// One a picture, in the order of the data set.
    pub facts: Vec<Fact>,
    /// Pictures that cannot be read, in order.
    pub faults: Vec<Fault>,
    /// What decoding left out or changed, and in how many pictures.
    pub notes: BTreeMap<String, usize>,
    /// Of names, labels, splits, groups and contents, in hexadecimal: another data set has another.
    pub fingerprint: String,
    /// Stored values that should become [0, 1].
    pub range: ValueRange,
    /// Whether no picture shows a colour.
    pub gray: bool,
    /// Median height and median width of the readable pictures; 0 if there are none.
    pub median_size: [usize; 2],
}

impl Scan {
    /// The numbers of the pictures that can be read.
    pub fn readable(&self) -> Vec<usize> {
        (0..self.facts.len()).filter(|&i| self.facts[i].is_readable()).collect()
    }
}

/// Decodes every picture once. `progress` is told how many of how many are done, from any thread.
pub fn scan(dataset: &Dataset, progress: &(dyn Fn(usize, usize) + Sync)) -> Scan {
    let n = dataset.len();
    let done = AtomicUsize::new(0);
    let levels = Mutex::new(Levels::default());
    let notes = Mutex::new(BTreeMap::<String, usize>::new());
    let faults = Mutex::new(Vec::<Fault>::new());
    let cameras = Mutex::new(BTreeSet::<Arc<str>>::new());
    let file = |origin: Origin| {
        let Origin { bytes, modified, taken, camera } = origin;
        FileFact { bytes, modified, taken, camera: camera.map(|name| once(&cameras, name)) }
    };
    let look = |index: usize| {
        let fact = match dataset.look(index) {
            Ok((decoded, origin)) => {
                // Sums of counts, so the order in which threads come does not matter.
                levels.lock().unwrap_or_else(PoisonError::into_inner).add(&decoded.picture);
                for note in &decoded.notes {
                    *notes.lock().unwrap_or_else(PoisonError::into_inner).entry(note.to_string()).or_default() += 1;
                }
                Fact { origin: origin.map(file), ..fact(&decoded.picture) }
            }
            Err(error) => {
                let fault = Fault { index, name: dataset.name(index), why: error.to_string() };
                faults.lock().unwrap_or_else(PoisonError::into_inner).push(fault);
                Fact::default()
            }
        };
        progress(done.fetch_add(1, Ordering::Relaxed) + 1, n);
        fact
    };
    let facts: Vec<Fact> = (0..n).into_par_iter().map(look).collect();
    let mut faults = faults.into_inner().unwrap_or_else(PoisonError::into_inner);
    faults.sort_unstable_by_key(|fault| fault.index);
    let mut notes = notes.into_inner().unwrap_or_else(PoisonError::into_inner);
    let levels = levels.into_inner().unwrap_or_else(PoisonError::into_inner);
    if levels.mixed() {
        notes.insert("pictures of different depths, each scaled by its own type".into(), facts.len() - faults.len());
    }
    let readable = || facts.iter().filter(|fact| fact.is_readable());
    Scan {
        fingerprint: fingerprint(dataset, &facts),
        range: levels.suggest(),
        gray: readable().all(|fact| fact.gray),
        median_size: [median(readable().map(|fact| fact.height)), median(readable().map(|fact| fact.width))],
        facts,
        faults,
        notes,
    }
}

fn fact(picture: &Picture) -> Fact {
    let small = thumbnail(picture, perceptual::SIDE, Channel::Luma);
    Fact {
        height: picture.height as u32,
        width: picture.width as u32,
        channels: picture.channels as u8,
        gray: is_gray(picture),
        flat: is_flat(picture, &small),
        hash: perceptual::hash(&small),
        content: content(picture),
        appearance: Appearance::of(picture),
        origin: None,
    }
}

/// The one copy of a name.
fn once(names: &Mutex<BTreeSet<Arc<str>>>, name: String) -> Arc<str> {
    let mut names = names.lock().unwrap_or_else(PoisonError::into_inner);
    let name: Arc<str> = names.get(name.as_str()).cloned().unwrap_or_else(|| name.into());
    names.insert(name.clone());
    name
}

/// Whether all three channels are equal, but for the rounding of a JPEG.
fn is_gray(picture: &Picture) -> bool {
    fn equal<T: Copy + PartialOrd + std::ops::Sub<Output = T>>(values: &[T], slack: T) -> bool {
        let far = |a: T, b: T| if a > b { a - b > slack } else { b - a > slack };
        values.chunks_exact(3).all(|rgb| !far(rgb[0], rgb[1]) && !far(rgb[1], rgb[2]) && !far(rgb[0], rgb[2]))
    }
    picture.channels == 1
        || match &picture.pixels {
            Pixels::U8(values) => equal(values, 2),
            Pixels::U16(values) => equal(values, 2 * 257),
            Pixels::F32(values) => equal(values, 0.0),
        }
}

fn content(picture: &Picture) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    for size in [picture.height, picture.width, picture.channels] {
        hasher.update(&(size as u64).to_le_bytes());
    }
    let mut bytes = Vec::with_capacity(1 << 14);
    match &picture.pixels {
        Pixels::U8(values) => {
            hasher.update(b"u8").update(values);
        }
        Pixels::U16(values) => {
            hasher.update(b"u16");
            for part in values.chunks(1 << 13) {
                bytes.clear();
                bytes.extend(part.iter().flat_map(|v| v.to_le_bytes()));
                hasher.update(&bytes);
            }
        }
        Pixels::F32(values) => {
            hasher.update(b"f32");
            for part in values.chunks(1 << 12) {
                bytes.clear();
                bytes.extend(part.iter().flat_map(|v| v.to_le_bytes()));
                hasher.update(&bytes);
            }
        }
    }
    let mut short = [0; 16];
    short.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    short
}

fn fingerprint(dataset: &Dataset, facts: &[Fact]) -> String {
    let mut hasher = blake3::Hasher::new();
    // Lengths stand before texts, so that no two lists of texts read the same.
    let text = |hasher: &mut blake3::Hasher, text: &str| {
        hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
    };
    dataset.classes.iter().for_each(|class| text(&mut hasher, class));
    for (i, (example, fact)) in dataset.examples.iter().zip(facts).enumerate() {
        text(&mut hasher, &dataset.name(i));
        let split = example.split.map_or(0, |split| match split {
            Split::Train => 1,
            Split::Valid => 2,
            Split::Test => 3,
        });
        for number in [example.label.map_or(0, |label| label + 1), example.group.map_or(0, |group| group + 1), split] {
            hasher.update(&number.to_le_bytes());
        }
        hasher.update(&fact.content);
    }
    hasher.finalize().to_hex()[..32].to_string()
}

fn median(values: impl Iterator<Item = u32>) -> usize {
    let mut values: Vec<u32> = values.collect();
    values.sort_unstable();
    values.get(values.len() / 2).map_or(0, |&v| v as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::OpenOptions;

    fn open(what: &str) -> Dataset {
        Dataset::open(what, &OpenOptions::default()).expect(what)
    }

    #[test]
    fn photos_are_described_alike_by_any_number_of_threads() {
        let photos = open("@photos");
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
            pool.install(|| scan(&photos, &|_, _| {}))
        };
        let one = on(1);
        assert_eq!(on(3), one);
        assert_eq!((one.median_size, one.gray, one.range), ([96, 96], false, ValueRange::Dtype));
        assert!(one.faults.is_empty());
    }

    #[test]
    fn digits_are_gray_and_their_progress_is_told() {
        let last = AtomicUsize::new(0);
        let found = scan(&open("@digits"), &|done, of| {
            assert_eq!(of, 1797);
            last.fetch_max(done, Ordering::Relaxed);
        });
        assert!(found.gray && last.into_inner() == 1797);
        assert_eq!(found.readable().len(), 1797);
    }

    #[test]
    fn faults_are_named_and_do_not_stop_it() {
        let dir = tempfile::tempdir().expect("temporary folder");
        let put = |name: &str, bytes: &[u8]| std::fs::write(dir.path().join(name), bytes).expect("file");
        put("a.png", b"no picture");
        put("b.jpg", b"");
        let what = dir.path().to_str().expect("Unicode");
        let found = scan(&open(what), &|_, _| {});
        assert_eq!(
            found.faults.iter().map(|f| (f.index, f.name.as_str())).collect::<Vec<_>>(),
            [(0, "a.png"), (1, "b.jpg")]
        );
        assert_eq!((found.median_size, found.readable().len()), ([0, 0], 0));
        put("b.jpg", b"0");
        assert_eq!(scan(&open(what), &|_, _| {}).fingerprint, found.fingerprint); // both unreadable
        put("c.jpg", b"0");
        assert_ne!(scan(&open(what), &|_, _| {}).fingerprint, found.fingerprint);
    }
}
