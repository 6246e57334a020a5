//! Every form of file that is read, against the values that Pillow reads (made by `fixtures/decode.py`).

use std::path::Path;

use serde::Deserialize;
use striate_data::decode::{Limits, read};
use striate_data::picture::Pixels;

#[derive(Deserialize)]
struct Case {
    file: String,
    height: usize,
    width: usize,
    channels: usize,
    dtype: String,
    /// Little-endian bytes in hex.
    values: String,
    notes: Vec<String>,
    most: f64,
    mean: f64,
}

impl Case {
    fn expected(&self) -> Vec<f64> {
        let digits = |i: usize| u8::from_str_radix(&self.values[i..i + 2], 16).expect("hex");
        let bytes: Vec<u8> = (0..self.values.len()).step_by(2).map(digits).collect();
        match self.dtype.as_str() {
            "u8" => bytes.iter().map(|&b| b.into()).collect(),
            "u16" => bytes.as_chunks().0.iter().map(|&b| u16::from_le_bytes(b).into()).collect(),
            _ => bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b).into()).collect(),
        }
    }

    /// What is wrong, or nothing.
    fn check(&self, folder: &Path) -> Result<(), String> {
        let decoded = read(&folder.join(&self.file), &Limits::default()).map_err(|e| e.to_string())?;
        let picture = &decoded.picture;
        let shape = (picture.height, picture.width, picture.channels);
        if shape != (self.height, self.width, self.channels) {
            return Err(format!("shape {shape:?}"));
        }
        let (dtype, got): (&str, Vec<f64>) = match &picture.pixels {
            Pixels::U8(v) => ("u8", v.iter().map(|&x| x.into()).collect()),
            Pixels::U16(v) => ("u16", v.iter().map(|&x| x.into()).collect()),
            Pixels::F32(v) => ("f32", v.iter().map(|&x| x.into()).collect()),
        };
        let notes: Vec<String> = decoded.notes.iter().map(|n| format!("{n:?}")).collect();
        if dtype != self.dtype || notes != self.notes {
            return Err(format!("type {dtype}, notes {notes:?}"));
        }
        let differences: Vec<f64> = got.iter().zip(self.expected()).map(|(a, b)| (a - b).abs()).collect();
        let most = differences.iter().copied().fold(0.0, f64::max);
        let mean = differences.iter().sum::<f64>() / differences.len() as f64;
        if most > self.most || mean > self.mean {
            return Err(format!("differs by up to {most} (allowed {}), mean {mean:.3} ({})", self.most, self.mean));
        }
        Ok(())
    }
}

#[test]
fn every_form_decodes_as_pillow_reads_it() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let text = std::fs::read_to_string(fixtures.join("decode.json")).expect("decode.json");
    let cases: Vec<Case> = serde_json::from_str(&text).expect("cases");
    assert!(cases.len() > 70, "got {} cases", cases.len());
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|case| Some(format!("{}: {}", case.file, case.check(&fixtures.join("decode")).err()?)))
        .collect();
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}
