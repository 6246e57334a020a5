//! Weights as a safetensors file <https://github.com/huggingface/safetensors>, with metadata beside them.
//!
//! Equal contents give equal bytes: tensors and metadata stand in the order of their names.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use half::{bf16, f16};
use safetensors::{Dtype, SafeTensorError, SafeTensors, tensor::TensorView};
use serde_json::{Value, json};
use thiserror::Error;

use crate::atomic::write_atomic;
use crate::named_tensor::{NamedTensor, NamedTensors};

/// A header of more bytes is refused before it is parsed; that of resnet110 has 40 thousand, parsed JSON a multiple.
const MAX_HEADER_BYTES: u64 = 16 << 20;
/// A file of more bytes is refused before it is read. ResNet-50 with two moments for each weight has 300 million.
const MAX_FILE_BYTES: u64 = 4 << 30;

/// Tensors and metadata.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Checkpoint {
    /// By path.
    pub tensors: NamedTensors,
    /// By key; a model file keeps its manifest here.
    pub metadata: BTreeMap<String, String>,
}

/// Why a file is not a checkpoint, or could not become one.
#[derive(Debug, Error)]
pub enum CheckpointError {
    /// The file could not be read or written.
    #[error("{}: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The path is a folder, a pipe or a device.
    #[error("{}: not a regular file; give the model's .safetensors file", .path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// The file is larger than any model here.
    #[error("{}: {bytes} bytes, more than the {MAX_FILE_BYTES} that a model may have", .path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its length.
        bytes: u64,
    },
    /// A file whose bytes are wrong.
    #[error("{}: {source}", .path.display())]
    Contents {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: Box<CheckpointError>,
    },
    /// The bytes are of another kind.
    #[error("{kind}, not safetensors; {advice}")]
    Foreign {
        /// What they look like.
        kind: &'static str,
        /// What to do.
        advice: &'static str,
    },
    /// The bytes break the format's rules.
    #[error("not a whole safetensors file: {why}; copy or download it again")]
    Damaged {
        /// Which rule.
        why: String,
    },
    /// A tensor of whole numbers or other kinds that hold no weights.
    #[error("tensor `{name}` is of type {dtype}; only F32, F16 and BF16 are read: convert it")]
    Dtype {
        /// The tensor.
        name: String,
        /// Its type.
        dtype: String,
    },
}

impl Checkpoint {
    /// The file's bytes, a pure function of the contents; values as f32.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut header = serde_json::Map::new(); // ordered by key: the crate's own writer goes through a hash map
        if !self.metadata.is_empty() {
            header.insert("__metadata__".to_owned(), json!(self.metadata));
        }
        let mut offset = 0;
        for (name, tensor) in &self.tensors {
            let end = offset + 4 * tensor.values.len();
            header
                .insert(name.clone(), json!({ "dtype": "F32", "shape": tensor.shape, "data_offsets": [offset, end] }));
            offset = end;
        }
        let mut header = Value::Object(header).to_string().into_bytes();
        header.resize(header.len().next_multiple_of(8), b' ');
        let mut bytes = Vec::with_capacity(8 + header.len() + offset);
        bytes.extend((header.len() as u64).to_le_bytes());
        bytes.extend(header);
        for tensor in self.tensors.values() {
            let start = bytes.len();
            bytes.resize(start + 4 * tensor.values.len(), 0);
            let places = bytes[start..].as_chunks_mut::<4>().0;
            places.iter_mut().zip(&tensor.values).for_each(|(place, value)| *place = value.to_le_bytes());
        }
        bytes
    }

    /// Reads f32, f16 and bf16 tensors. PyTorch's counters `num_batches_tracked` are passed over: nothing here uses them.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CheckpointError> {
        check_header(bytes)?;
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(damaged)?;
        let metadata = header.metadata().clone().unwrap_or_default().into_iter().collect();
        let mut tensors = BTreeMap::new();
        for (name, view) in SafeTensors::deserialize(bytes).map_err(damaged)?.iter() {
            if name.ends_with("num_batches_tracked") {
                continue;
            }
            tensors.insert(name.to_owned(), NamedTensor { shape: view.shape().to_vec(), values: values(name, &view)? });
        }
        Ok(Self { tensors, metadata })
    }

    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self, CheckpointError> {
        let io = |source| CheckpointError::Io { path: path.to_owned(), source };
        let about = fs::metadata(path).map_err(io)?;
        if !about.is_file() {
            return Err(CheckpointError::NotAFile { path: path.to_owned() });
        }
        if about.len() > MAX_FILE_BYTES {
            return Err(CheckpointError::TooLarge { path: path.to_owned(), bytes: about.len() });
        }
        let contents = |source| CheckpointError::Contents { path: path.to_owned(), source: Box::new(source) };
        let mut file = File::open(path).map_err(io)?;
        let mut bytes = vec![0; about.len().min(16) as usize];
        file.read_exact(&mut bytes).map_err(io)?;
        check_start(&bytes, about.len()).map_err(contents)?; // before the rest takes memory
        file.take(MAX_FILE_BYTES).read_to_end(&mut bytes).map_err(io)?;
        Self::from_bytes(&bytes).map_err(contents)
    }

    /// Writes a file, whole or not at all.
    pub fn write(&self, path: &Path) -> Result<(), CheckpointError> {
        write_atomic(path, &self.to_bytes()).map_err(|source| CheckpointError::Io { path: path.to_owned(), source })
    }
}

fn check_header(bytes: &[u8]) -> Result<(), CheckpointError> {
    check_start(&bytes[..bytes.len().min(16)], bytes.len() as u64)
}

/// Judges a file of `len` bytes by its first 16. A length that can be one comes before all else: that of a header of 640
/// bytes starts like a pickle.
fn check_start(start: &[u8], len: u64) -> Result<(), CheckpointError> {
    const FROM_TORCH: &str = "in Python: safetensors.torch.save_file(model.state_dict(), \"model.safetensors\")";
    const OWN: &str = "give a model that Striate saved";
    let foreign = |kind, advice| Err(CheckpointError::Foreign { kind, advice });
    let damaged = |why: String| Err(CheckpointError::Damaged { why });
    let header = start.first_chunk::<8>().map(|bytes| u64::from_le_bytes(*bytes));
    let fits = header.is_some_and(|header| header <= len.saturating_sub(8).min(MAX_HEADER_BYTES));
    if fits && start.get(8) == Some(&b'{') {
        return Ok(());
    }
    match start {
        [] => return damaged("it is empty".to_owned()),
        [b'P', b'K', 3, 4, ..] => return foreign("a zip archive, such as PyTorch's .pt", FROM_TORCH),
        [0x80, 2..=5, ..] => return foreign("a Python pickle, such as PyTorch's old .pth", FROM_TORCH),
        [0x89, b'H', b'D', b'F', ..] => {
            return foreign("an HDF5 file, such as Keras's .h5", "export it as safetensors");
        }
        [b'G', b'G', b'U', b'F', ..] => return foreign("a GGUF file", OWN),
        [0x89, b'P', b'N', b'G', ..] | [0xFF, 0xD8, 0xFF, ..] => return foreign("a picture", OWN),
        [0x08, _, 0x12, ..] => return foreign("a protocol buffer, such as ONNX", OWN),
        _ => {}
    }
    match header {
        None => damaged(format!("it ends after {len} bytes")),
        Some(header) if header > len.saturating_sub(8) => {
            damaged(format!("its header claims {header} bytes and the file has {len}"))
        }
        Some(header) if header > MAX_HEADER_BYTES => {
            damaged(format!("its header claims {header} bytes; at most {MAX_HEADER_BYTES} are read"))
        }
        Some(_) => damaged("its header is not JSON".to_owned()),
    }
}

fn damaged(error: SafeTensorError) -> CheckpointError {
    let why = match error {
        SafeTensorError::MetadataIncompleteBuffer => "its length is not what its header says".to_owned(),
        SafeTensorError::TensorInvalidInfo | SafeTensorError::ValidationOverflow => {
            "a shape does not fit its bytes".to_owned()
        }
        SafeTensorError::InvalidOffset(name) => format!("the place of tensor `{name}` is not what it must be"),
        other => other.to_string(),
    };
    CheckpointError::Damaged { why }
}

fn values(name: &str, view: &TensorView) -> Result<Vec<f32>, CheckpointError> {
    let data = view.data();
    let halves = |convert: fn([u8; 2]) -> f32| data.as_chunks::<2>().0.iter().map(|bytes| convert(*bytes)).collect();
    match view.dtype() {
        Dtype::F32 => Ok(data.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()),
        Dtype::F16 => Ok(halves(|bytes| f16::from_le_bytes(bytes).to_f32())),
        Dtype::BF16 => Ok(halves(|bytes| bf16::from_le_bytes(bytes).to_f32())),
        other => Err(CheckpointError::Dtype { name: name.to_owned(), dtype: format!("{other:?}") }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Checkpoint {
        let tensor = |shape: &[usize], first: f32| NamedTensor {
            shape: shape.to_vec(),
            values: (0..shape.iter().product()).map(|i| first + i as f32).collect(),
        };
        Checkpoint {
            tensors: BTreeMap::from([
                ("b.weight".to_owned(), tensor(&[2, 3], 0.5)),
                ("a".to_owned(), tensor(&[], -1.0)),
            ]),
            metadata: (0..20).map(|i| (format!("key{i}"), "{\"nested\": \"\u{e9}\"}".to_owned())).collect(),
        }
    }

    #[test]
    fn round_trip_and_equal_bytes() {
        let bytes = example().to_bytes();
        assert_eq!(Checkpoint::from_bytes(&bytes).expect("its own bytes"), example());
        assert_eq!(bytes, example().to_bytes());
    }

    #[test]
    fn every_cut_and_every_flipped_bit_of_the_header_is_an_error_or_a_checkpoint_and_never_a_panic() {
        let bytes = example().to_bytes();
        for end in 0..bytes.len() {
            assert!(Checkpoint::from_bytes(&bytes[..end]).is_err(), "cut to {end} bytes");
        }
        for bit in 0..8 * bytes.len() {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let _ = Checkpoint::from_bytes(&flipped); // either answer will do
        }
    }

    #[test]
    fn a_header_of_any_length_is_read() {
        for len in 0..3000 {
            let metadata = BTreeMap::from([("manifest".to_owned(), "x".repeat(len))]);
            let checkpoint = Checkpoint { metadata, ..example() };
            assert_eq!(Checkpoint::from_bytes(&checkpoint.to_bytes()).expect("its own bytes"), checkpoint);
        }
    }

    #[test]
    fn half_precision_is_read() {
        let data: Vec<u8> = [0.5_f32, -2.0].iter().flat_map(|&v| f16::from_f32(v).to_le_bytes()).collect();
        let view = TensorView::new(Dtype::F16, vec![2], &data).expect("a view");
        let bytes = safetensors::serialize([("w", view)], None).expect("bytes");
        assert_eq!(Checkpoint::from_bytes(&bytes).expect("a checkpoint").tensors["w"].values, [0.5, -2.0]);
    }
}
