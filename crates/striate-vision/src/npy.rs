//! NumPy's `.npy` files, versions 1 to 3: numbers of any plain kind to f32, and f32 back.
//! <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>

use crate::array::Array;
use crate::error::Error;

/// First bytes of every file.
const MAGIC: &[u8] = b"\x93NUMPY";

/// What is read at most; a file that says more is refused before memory is taken.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of the header.
    pub max_header_bytes: usize,
    /// Numbers of the array.
    pub max_elements: usize,
    /// Axes of the array.
    pub max_axes: usize,
}

impl Default for Limits {
    /// A header of 64 KiB, 2^28 numbers (1 GiB as f32), 8 axes.
    fn default() -> Self {
        Self { max_header_bytes: 64 << 10, max_elements: 1 << 28, max_axes: 8 }
    }
}

/// Reads a whole file. Integers and f64 are rounded to the nearest f32; arrays in Fortran order are turned.
///
/// # Errors
/// If it is no such file, of another kind of number, cut short, longer than it says, or beyond the limits.
pub fn from_npy_bytes(bytes: &[u8], limits: Limits) -> Result<Array, Error> {
    let (header, data) = split(bytes, limits)?;
    let header = Header::parse(header)?;
    let kind = Kind::parse(&header.descr)?;
    if header.shape.len() > limits.max_axes {
        return Err(fault(format!("it has {} axes", header.shape.len()), "give one with fewer axes"));
    }
    let len = header.shape.iter().try_fold(1_usize, |len, &side| len.checked_mul(side));
    let Some(len) = len.filter(|&len| len <= limits.max_elements) else {
        let what = format!("its shape {:?} has more than {} numbers", header.shape, limits.max_elements);
        return Err(fault(what, "give a smaller array"));
    };
    if data.len() != len * kind.bytes {
        let what = format!(
            "{} bytes follow the header, {:?} of {} takes {}",
            data.len(),
            header.shape,
            header.descr,
            len * kind.bytes
        );
        return Err(fault(what, "save the array again; the file is damaged"));
    }
    let mut values: Vec<f32> = data.chunks_exact(kind.bytes).map(|bytes| kind.value(bytes)).collect();
    if header.fortran_order {
        values = turned(&values, &header.shape);
    }
    Ok(Array::new(header.shape, values))
}

/// The bytes of a file that holds the array as little-endian f32 in C order, version 1.
pub fn to_npy_bytes(array: &Array) -> Vec<u8> {
    let sides: String = array.shape().iter().map(|side| format!("{side}, ")).collect();
    let shape = if array.shape().len() == 1 { sides.trim_end() } else { sides.trim_end_matches(", ") };
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({shape}), }}");
    // The numbers begin at a multiple of 64 bytes, after a new line.
    let padding = 64 - (MAGIC.len() + 4 + header.len() + 1) % 64;
    header.extend(std::iter::repeat_n(' ', padding % 64));
    header.push('\n');
    let mut bytes = Vec::with_capacity(MAGIC.len() + 4 + header.len() + 4 * array.values().len());
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&[1, 0]);
    bytes.extend_from_slice(&(header.len() as u16).to_le_bytes());
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend(array.values().iter().flat_map(|value| value.to_le_bytes()));
    bytes
}

fn fault(what: impl Into<String>, advice: &'static str) -> Error {
    Error::Npy { what: what.into(), advice }
}

/// The header's text and the numbers' bytes.
fn split(bytes: &[u8], limits: Limits) -> Result<(&str, &[u8]), Error> {
    let cut = || fault("it ends within the header", "save the array again; the file is damaged");
    let Some(rest) = bytes.strip_prefix(MAGIC) else {
        return Err(fault("its first bytes are not those of .npy", "save it with numpy.save"));
    };
    let (len, rest) = match *rest {
        [1, _, a, b, ref rest @ ..] => (usize::from(u16::from_le_bytes([a, b])), rest),
        [2 | 3, _, a, b, c, d, ref rest @ ..] => (u32::from_le_bytes([a, b, c, d]) as usize, rest),
        [version, _, ..] if version > 3 || version == 0 => {
            return Err(fault(format!("it has version {version}"), "save it with numpy.save"));
        }
        _ => return Err(cut()),
    };
    if len > limits.max_header_bytes {
        let what = format!("its header has {len} bytes, more than {}", limits.max_header_bytes);
        return Err(fault(what, "give a plain array of numbers"));
    }
    let (header, data) = rest.split_at_checked(len).ok_or_else(cut)?;
    let header = std::str::from_utf8(header).map_err(|_| fault("its header is not text", "save it with numpy.save"))?;
    Ok((header, data))
}

/// What the header says.
struct Header {
    descr: String,
    fortran_order: bool,
    shape: Vec<usize>,
}

impl Header {
    /// Reads a dictionary as Python writes it.
    fn parse(text: &str) -> Result<Self, Error> {
        let broken = |what: &str| fault(format!("its header {what}"), "save it with numpy.save");
        let inner = text.trim().strip_prefix('{').and_then(|text| text.strip_suffix('}'));
        let mut rest = inner.ok_or_else(|| broken("is no dictionary"))?.trim_start();
        let (mut descr, mut fortran_order, mut shape) = (None, None, None);
        while !rest.is_empty() {
            let (key, after) = quoted(rest).ok_or_else(|| broken("has a key that is no string"))?;
            let value = after.trim_start().strip_prefix(':').ok_or_else(|| broken("has a key without a value"))?;
            let value = value.trim_start();
            rest = match key {
                "descr" => {
                    let found = quoted(value).ok_or_else(|| broken("describes records, not plain numbers"))?;
                    descr = Some(found.0.to_owned());
                    found.1
                }
                "fortran_order" => {
                    let found = [("True", true), ("False", false)]
                        .into_iter()
                        .find_map(|(word, is)| value.strip_prefix(word).map(|rest| (is, rest)))
                        .ok_or_else(|| broken("says neither True nor False of fortran_order"))?;
                    fortran_order = Some(found.0);
                    found.1
                }
                "shape" => {
                    let found = tuple(value).ok_or_else(|| broken("has a shape that is no list of sizes"))?;
                    shape = Some(found.0);
                    found.1
                }
                _ => return Err(broken("has a key that is not descr, fortran_order or shape")),
            }
            .trim_start();
            rest = match rest.strip_prefix(',') {
                Some(rest) => rest.trim_start(),
                None if rest.is_empty() => rest,
                None => return Err(broken("lacks a comma between its entries")),
            };
        }
        match (descr, fortran_order, shape) {
            (Some(descr), Some(fortran_order), Some(shape)) => Ok(Self { descr, fortran_order, shape }),
            _ => Err(broken("lacks descr, fortran_order or shape")),
        }
    }
}

/// A string in quotes without escapes, and what follows.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    text[1..].split_once(quote)
}

/// Sizes in parentheses, and what follows.
fn tuple(text: &str) -> Option<(Vec<usize>, &str)> {
    let (inner, rest) = text.strip_prefix('(')?.split_once(')')?;
    let inner = inner.trim();
    let inner = inner.strip_suffix(',').unwrap_or(inner);
    if inner.trim().is_empty() {
        return Some((Vec::new(), rest));
    }
    // Python 2 wrote long integers with an L.
    let sizes = inner.split(',').map(|size| size.trim().trim_end_matches('L').parse().ok());
    Some((sizes.collect::<Option<Vec<usize>>>()?, rest))
}

/// How a number is stored.
struct Kind {
    /// `f`, `i`, `u` or `b`.
    letter: u8,
    bytes: usize,
    big: bool,
}

impl Kind {
    fn parse(descr: &str) -> Result<Self, Error> {
        let unknown = || fault(format!("its numbers are of kind {descr:?}"), "save it as float32: a.astype('float32')");
        let (order, letter, bytes) = match *descr.as_bytes() {
            [order @ (b'<' | b'>' | b'|' | b'='), letter, bytes] => (order, letter, bytes),
            _ => return Err(unknown()),
        };
        let bytes = match (letter, bytes) {
            (b'f', b'4' | b'8') | (b'i' | b'u', b'1' | b'2' | b'4' | b'8') | (b'b', b'1') => usize::from(bytes - b'0'),
            _ => return Err(unknown()),
        };
        Ok(Self { letter, bytes, big: order == b'>' })
    }

    /// The number in these bytes, of which there are as many as the kind has.
    fn value(&self, bytes: &[u8]) -> f32 {
        let mut whole = [0; 8];
        whole[..bytes.len()].copy_from_slice(bytes);
        if self.big {
            whole[..bytes.len()].reverse();
        }
        let bits = u64::from_le_bytes(whole);
        let unused = 64 - 8 * bytes.len() as u32;
        match (self.letter, self.bytes) {
            (b'f', 4) => f32::from_bits(bits as u32),
            (b'f', _) => f64::from_bits(bits) as f32,
            (b'i', _) => ((bits << unused) as i64 >> unused) as f32,
            _ => bits as f32,
        }
    }
}

/// Numbers of which the first axis was fastest, with the last one fastest.
fn turned(values: &[f32], shape: &[usize]) -> Vec<f32> {
    let mut at = vec![0; shape.len()];
    let mut out = Vec::with_capacity(values.len());
    for _ in 0..values.len() {
        let from = at.iter().zip(shape).rev().fold(0, |from, (&at, &side)| from * side + at);
        out.push(values[from]);
        for (at, &side) in at.iter_mut().zip(shape).rev() {
            *at += 1;
            if *at < side {
                break;
            }
            *at = 0;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use proptest::prelude::*;

    fn read(bytes: &[u8]) -> Result<Array, Error> {
        from_npy_bytes(bytes, Limits::default())
    }

    /// `fixtures/npy.py` saved the same numbers, `[[0, 1, 2], [3, 100, 5]]`, in every kind.
    #[test]
    fn all_kinds_and_orders_of_numpy() {
        let expected = Array::new(vec![2, 3], vec![0.0, 1.0, 2.0, 3.0, 100.0, 5.0]);
        for kind in
            ["u1", "i1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8", "f4_big", "i2_big", "f8_fortran", "f4_v2"]
        {
            assert_eq!(fixture::read(&format!("npy/{kind}.npy")), expected, "{kind}");
        }
        assert_eq!(fixture::read("npy/b1.npy").values(), [0.0, 1.0, 1.0]);
        assert_eq!(fixture::read("npy/negative_i4.npy").values(), [-1.0, -70000.0]);
        assert_eq!(fixture::read("npy/scalar.npy"), Array::new(vec![], vec![2.5]));
    }

    #[test]
    fn our_bytes_are_numpys() {
        let array = fixture::read("npy/f4.npy");
        let theirs = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/npy/f4.npy")).expect("a fixture");
        assert_eq!(to_npy_bytes(&array), theirs);
    }

    #[test]
    fn damage_is_named() {
        let good = to_npy_bytes(&Array::new(vec![2], vec![1.0, 2.0]));
        let with = |from: &str, to: &str| {
            let header = String::from_utf8_lossy(&good[10..128]).replace(from, to);
            let mut bytes = MAGIC.to_vec();
            bytes.extend([2, 0]);
            bytes.extend((header.len() as u32).to_le_bytes());
            bytes.extend(header.as_bytes());
            bytes.extend(&good[128..]);
            read(&bytes).expect_err(to).to_string()
        };
        assert!(read(b"PK\x03\x04").expect_err("a zip").to_string().contains("numpy.save"));
        assert!(read(&good[..60]).expect_err("cut").to_string().contains("ends within the header"));
        assert!(read(&good[..good.len() - 1]).expect_err("cut").to_string().contains("7 bytes follow"));
        assert!(with("<f4", "<c8").contains("astype"));
        assert!(with("'<f4'", "[('a', '<f4')]").contains("records"));
        assert!(with("(2,)", "(99999999999, 99999999999)").contains("more than"));
        assert!(with("(2,)", "(-2,)").contains("no list of sizes"));
        assert!(with("'shape'", "'form'").contains("a key that is not"));
        let header = [MAGIC, &[2, 0], &[255; 4]].concat();
        assert!(read(&header).expect_err("a long header").to_string().contains("more than 65536"));
    }

    proptest! {
        #[test]
        fn any_array_comes_back(shape in proptest::collection::vec(0_usize..5, 0..5), start in -9.0_f32..9.0) {
            let len = shape.iter().product();
            let array = Array::new(shape, (0..len).map(|i| start + i as f32).collect());
            prop_assert_eq!(read(&to_npy_bytes(&array)).expect("ours"), array);
        }

        #[test]
        fn any_bytes_are_an_array_or_an_error(at in 0_usize..136, byte: u8, tail in proptest::collection::vec(any::<u8>(), 0..40)) {
            let mut bytes = to_npy_bytes(&Array::new(vec![2], vec![1.0, 2.0]));
            bytes[at] = byte;
            let _ = read(&bytes);
            bytes.truncate(at);
            bytes.extend(tail);
            let _ = read(&bytes);
        }
    }
}
