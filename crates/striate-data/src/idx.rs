//! IDX, the format of MNIST and its kin: a big-endian header, then 8-bit values. Plain or gzipped.
//!
//! A plain file is read by position, so it costs no memory; a gzipped one is inflated into memory, up to
//! [`Limits::max_bytes`]. What a header claims is held against the length of the file before memory is taken.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;

use crate::dataset::{Example, Split};
use crate::decode::Limits;
use crate::error::DataError;
use crate::records::{Records, Shard, Store, file_label};

/// The images and labels of one split.
#[derive(Debug)]
struct Pair {
    images: PathBuf,
    labels: Option<PathBuf>,
}

/// What an IDX folder holds.
#[derive(Debug)]
pub(crate) struct IdxSet {
    pub records: Records,
    pub examples: Vec<Example>,
    pub classes: Vec<String>,
    pub warnings: Vec<String>,
}

/// Whether a file of this name is taken for IDX.
pub(crate) fn is_idx_name(path: &Path) -> bool {
    let name = file_label(path).to_ascii_lowercase();
    ["idx1", "idx2", "idx3", "idx4", ".idx", "-idx"].iter().any(|part| name.contains(part))
        && (name.contains("image") || name.contains("label"))
}

/// The IDX file at `path` and the other half of its pair, if that lies beside it.
pub(crate) fn with_partner(path: &Path) -> Vec<PathBuf> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let partner = |other: &PathBuf| {
        is_idx_name(other) && is_images(other) != is_images(path) && pair_name(other).0 == pair_name(path).0
    };
    let mut partners: Vec<PathBuf> = entries.filter(partner).collect();
    partners.sort_unstable();
    partners.truncate(1);
    partners.push(path.into());
    partners
}

fn is_images(path: &Path) -> bool {
    file_label(path).to_ascii_lowercase().contains("image")
}

/// The name that the images and the labels of one pair share, and whether the file is gzipped.
fn pair_name(path: &Path) -> (String, bool) {
    let name = file_label(path).to_ascii_lowercase();
    let plain = name.strip_suffix(".gz").unwrap_or(&name);
    let shared = plain.replace("images", "").replace("image", "").replace("labels", "").replace("label", "");
    (shared.replace("idx3", "idx").replace("idx1", "idx"), plain.len() < name.len())
}

fn split_of(name: &str) -> Option<Split> {
    let has = |part: &str| name.contains(part);
    if has("train") {
        Some(Split::Train)
    } else if has("valid") || has("-val-") {
        Some(Split::Valid)
    } else if has("t10k") || has("test") {
        Some(Split::Test)
    } else {
        None
    }
}

/// Opens the IDX files among `files` (of one folder); `folder` is for messages.
pub(crate) fn open(folder: &Path, files: &[PathBuf], limits: &Limits) -> Result<IdxSet, DataError> {
    let mut set = IdxSet { records: Records::default(), examples: vec![], classes: vec![], warnings: vec![] };
    let mut highest = None;
    for (split, pair) in pairs(folder, files)? {
        let shard = images(&pair.images, limits)?;
        let labels = pair.labels.as_deref().map(|path| labels(path, &shard, limits)).transpose()?;
        if labels.is_none() {
            set.warnings.push(format!("{} has no labels file beside it", shard.name));
        }
        let first = set.examples.len() as u32;
        for i in 0..shard.count {
            let label = labels.as_ref().map(|labels| u32::from(labels[i]));
            highest = highest.max(label);
            set.examples.push(Example::new(first + i as u32, label, split));
        }
        set.records.push(shard);
    }
    // The class names are the label values, so that a class that is absent here keeps its number.
    set.classes = highest.map_or(Vec::new(), |highest| (0..=highest).map(|class| class.to_string()).collect());
    Ok(set)
}

/// The pairs in the order train, valid, test, none; a plain file goes before a gzipped copy of itself.
fn pairs(folder: &Path, files: &[PathBuf]) -> Result<Vec<(Option<Split>, Pair)>, DataError> {
    let mut halves: BTreeMap<(String, bool), PathBuf> = BTreeMap::new(); // (shared name, is images)
    for file in files {
        let (name, zipped) = pair_name(file);
        let key = (name, is_images(file));
        if !zipped || !halves.contains_key(&key) {
            halves.insert(key, file.clone());
        }
    }
    let mut pairs: Vec<(Option<Split>, Pair)> = Vec::new();
    for ((name, of_images), path) in &halves {
        let other = halves.get(&(name.clone(), !of_images));
        if *of_images {
            pairs.push((split_of(name), Pair { images: path.clone(), labels: other.cloned() }));
        } else if other.is_none() {
            let (why, advice) = ("holds labels, and no images file lies beside it", "put its images file beside it");
            return Err(DataError::not_data(path, why, advice));
        }
    }
    pairs.sort_by_key(|(split, _)| split.map_or(3, |split| split as u8));
    if let Some(two) = pairs.windows(2).find(|two| two[0].0 == two[1].0) {
        let (a, b) = (file_label(&two[0].1.images), file_label(&two[1].1.images));
        let advice = "copy the files of one set into a folder of their own";
        return Err(DataError::not_data(folder, format!("holds more than one set: {a} and {b}"), advice));
    }
    Ok(pairs)
}

/// Opens a file, reads `dims` sizes from its header and checks that exactly their product of bytes follows.
fn open_checked(path: &Path, dims: usize, limits: &Limits) -> Result<(Store, Vec<u64>), DataError> {
    let bad = |why: String| DataError::not_data(path, why, "copy or download it again");
    let zipped = pair_name(path).1;
    let (store, length) = Store::open(path)?;
    let mut inflated: Box<dyn Read> = match zipped {
        true => Box::new(GzDecoder::new(File::open(path).map_err(DataError::io(path))?)),
        false => Box::new(File::open(path).map_err(DataError::io(path))?),
    };
    let mut header = vec![0; 4 + 4 * dims];
    inflated.read_exact(&mut header[..4]).map_err(|e| bad(format!("is no IDX file or is cut short ({e})")))?;
    if header[..2] != [0, 0] {
        return Err(bad(format!("does not begin like an IDX file (0 0), but with {} {}", header[0], header[1])));
    }
    if header[2] != 8 || usize::from(header[3]) != dims {
        let (kind, found) = (header[2], header[3]);
        let why = format!("is IDX of type 0x{kind:02x} with {found} axes, and not of bytes (0x08) with {dims}");
        return Err(DataError::not_data(path, why, "images must be N x H x W bytes and labels N bytes"));
    }
    inflated.read_exact(&mut header[4..]).map_err(|e| bad(format!("is cut within its header ({e})")))?;
    let sizes: Vec<u64> =
        header[4..].chunks_exact(4).map(|b| u64::from(u32::from_be_bytes([b[0], b[1], b[2], b[3]]))).collect();
    let claimed = sizes.iter().try_fold(1u64, |product, &size| product.checked_mul(size));
    let shape = sizes.iter().map(u64::to_string).collect::<Vec<_>>().join(" x ");
    let claimed = claimed.filter(|_| !sizes.contains(&0)).ok_or_else(|| bad(format!("claims {shape} values")))?;
    if zipped {
        if claimed > limits.max_bytes {
            let why = format!("claims {shape} values, more than the limit of {} bytes in memory", limits.max_bytes);
            return Err(DataError::not_data(path, why, "unpack it (gunzip): a plain file is read without memory"));
        }
        // Grows as values arrive, so that a lying header costs nothing; one byte more shows a surplus.
        let mut values = Vec::new();
        inflated.take(claimed + 1).read_to_end(&mut values).map_err(|e| bad(format!("does not unpack ({e})")))?;
        if values.len() as u64 != claimed {
            let word = if values.len() as u64 > claimed { "more" } else { "fewer" };
            return Err(bad(format!("claims {shape} values and holds {word}")));
        }
        return Ok((Store::Memory(values), sizes));
    }
    let follow = length.saturating_sub(header.len() as u64);
    if follow != claimed {
        return Err(bad(format!("claims {shape} values ({claimed} bytes) and holds {follow}")));
    }
    Ok((store, sizes))
}

fn images(path: &Path, limits: &Limits) -> Result<Shard, DataError> {
    let (store, sizes) = open_checked(path, 3, limits)?;
    let (count, height, width) = (sizes[0], sizes[1], sizes[2]);
    if height * width > limits.max_pixels {
        let why = format!("claims pictures of {height} x {width}, more than the limit of {} pixels", limits.max_pixels);
        return Err(DataError::not_data(path, why, "copy or download it again"));
    }
    let start = if matches!(store, Store::File(_)) { 16 } else { 0 };
    Ok(Shard {
        name: file_label(path),
        store,
        start,
        stride: height * width,
        count: count as usize,
        height: height as usize,
        width: width as usize,
        channels: 1,
    })
}

fn labels(path: &Path, images: &Shard, limits: &Limits) -> Result<Vec<u8>, DataError> {
    let (store, sizes) = open_checked(path, 1, limits)?;
    if sizes[0] != images.count as u64 {
        let why = format!("holds {} labels, and {} holds {} pictures", sizes[0], images.name, images.count);
        return Err(DataError::not_data(path, why, "put the two files of one set side by side"));
    }
    let mut values = vec![0; images.count];
    let start = if matches!(store, Store::File(_)) { 8 } else { 0 };
    store.read(&mut values, start).map_err(DataError::io(path))?;
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn idx(sizes: &[u32], values: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0, 0, 8, sizes.len() as u8];
        sizes.iter().for_each(|size| bytes.extend(size.to_be_bytes()));
        bytes.extend(values);
        bytes
    }

    fn gz(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).expect("memory");
        encoder.finish().expect("memory")
    }

    fn open_files(files: &[(&str, Vec<u8>)]) -> Result<IdxSet, DataError> {
        let dir = tempfile::tempdir().expect("temporary folder");
        let paths: Vec<PathBuf> = files.iter().map(|(name, _)| dir.path().join(name)).collect();
        for (path, (_, bytes)) in paths.iter().zip(files) {
            std::fs::write(path, bytes).expect("file");
        }
        assert!(paths.iter().all(|path| is_idx_name(path)));
        open(dir.path(), &paths, &Limits::default())
    }

    #[test]
    fn plain_and_gzipped_pairs_give_train_and_test() {
        let set = open_files(&[
            ("mnist-10000-train-images-idx3-ubyte.gz", gz(&idx(&[2, 1, 2], &[1, 2, 3, 4]))),
            ("mnist-10000-train-labels-idx1-ubyte.gz", gz(&idx(&[2], &[3, 0]))),
            ("t10k-images.idx3-ubyte", idx(&[1, 1, 2], &[5, 6])),
            ("t10k-labels.idx1-ubyte", idx(&[1], &[1])),
        ])
        .expect("two pairs");
        assert_eq!(set.classes, ["0", "1", "2", "3"]);
        let got: Vec<_> = set.examples.iter().map(|e| (e.label, e.split)).collect();
        let (train, test) = (Some(Split::Train), Some(Split::Test));
        assert_eq!(got, [(Some(3), train), (Some(0), train), (Some(1), test)]);
        assert_eq!(set.records.picture(1).expect("memory").pixels, crate::picture::Pixels::U8(vec![3, 4]));
        assert_eq!(set.records.picture(2).expect("file").pixels, crate::picture::Pixels::U8(vec![5, 6]));
        assert_eq!(set.records.name(2), "t10k-images.idx3-ubyte#0");
    }

    #[test]
    fn lying_files_are_named_before_memory_is_taken() {
        let labels = || ("train-labels-idx1-ubyte", idx(&[1], &[0]));
        let huge = idx(&[u32::MAX, u32::MAX, u32::MAX], &[0]);
        let billion = idx(&[60_000, 2800, 2800], &[0]);
        let cases = [
            (idx(&[2, 1, 2], &[1, 2, 3]), "claims 2 x 1 x 2 values (4 bytes) and holds 3"),
            (idx(&[1, 1, 2], &[1, 2, 3]), "and holds 3"),
            (idx(&[1, 0, 2], &[]), "claims 1 x 0 x 2 values"),
            (huge.clone(), "claims"),
            (vec![0, 0, 8, 3, 0, 0], "cut within its header"),
            (vec![], "cut short"),
            (b"\x89PNG....".to_vec(), "does not begin like an IDX file"),
            (vec![0, 0, 0x0D, 3, 0, 0, 0, 1], "type 0x0d"),
        ];
        for (bytes, message) in cases {
            for (name, bytes) in
                [("train-images-idx3-ubyte", bytes.clone()), ("train-images-idx3-ubyte.gz", gz(&bytes))]
            {
                let error = open_files(&[(name, bytes), labels()]).expect_err(message).to_string();
                let expected = if name.ends_with("gz") && message.contains("holds 3") { "claims" } else { message };
                assert!(error.contains(expected), "{name}: {error}");
            }
        }
        let error =
            open_files(&[("train-images-idx3-ubyte.gz", gz(&billion)), labels()]).expect_err("470 GB").to_string();
        assert!(error.contains("limit") && error.contains("gunzip"), "{error}");
        let cut = gz(&idx(&[1, 1, 2], &[1, 2]));
        let error = open_files(&[("train-images-idx3-ubyte.gz", cut[..cut.len() - 9].to_vec())]).expect_err("cut");
        assert!(error.to_string().contains("copy or download it again"), "{error}");
    }

    #[test]
    fn halves_that_do_not_fit_are_named() {
        let images = ("train-images-idx3-ubyte", idx(&[1, 1, 1], &[7]));
        let error =
            open_files(&[images.clone(), ("train-labels-idx1-ubyte", idx(&[2], &[0, 1]))]).expect_err("2 labels");
        assert!(error.to_string().contains("holds 2 labels"), "{error}");
        let error = open_files(&[("train-labels-idx1-ubyte", idx(&[2], &[0, 1]))]).expect_err("no images");
        assert!(error.to_string().contains("no images file"), "{error}");
        let error =
            open_files(&[images.clone(), ("letters-train-images-idx3-ubyte", images.1.clone())]).expect_err("two");
        assert!(error.to_string().contains("more than one set"), "{error}");
        let alone = open_files(&[images]).expect("no labels");
        assert_eq!((alone.examples[0].label, alone.warnings.len()), (None, 1));
    }
}
