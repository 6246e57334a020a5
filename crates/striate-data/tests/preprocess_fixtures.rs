//! The preprocessing contract against Pillow's antialiased resize (made by `fixtures/preprocess.py`).

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use striate_data::picture::{Picture, Pixels};
use striate_data::preprocess::Preprocess;

#[derive(Deserialize)]
struct Fixture {
    pictures: BTreeMap<String, Stored>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Stored {
    shape: [usize; 3],
    values: String,
}

#[derive(Deserialize)]
struct Case {
    picture: String,
    contract: Preprocess,
    /// `[C, H, W]`, 16-bit steps of `[0, 1]`.
    values: String,
}

/// Little-endian 16-bit values in hex.
fn words(hex: &str) -> Vec<u16> {
    let byte = |i: usize| u8::from_str_radix(&hex[i..i + 2], 16).expect("hex");
    (0..hex.len()).step_by(4).map(|i| u16::from_le_bytes([byte(i), byte(i + 2)])).collect()
}

fn picture(name: &str, stored: &Stored) -> Picture {
    let [height, width, channels] = stored.shape;
    let values = words(&stored.values);
    let pixels = match name {
        "rgb" => Pixels::U8(values.iter().map(|&v| u8::try_from(v).expect("a byte")).collect()),
        _ => Pixels::U16(values),
    };
    Picture::new(height, width, channels, pixels)
}

#[test]
fn resized_as_pillow_does() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/preprocess.json");
    let fixture: Fixture = serde_json::from_str(&std::fs::read_to_string(path).expect("fixture")).expect("cases");
    assert!(fixture.cases.len() > 40);
    for case in &fixture.cases {
        case.contract.check().expect("a contract");
        let got = case.contract.apply(&picture(&case.picture, &fixture.pictures[&case.picture]));
        let want: Vec<f32> = words(&case.values).iter().map(|&v| f32::from(v) / 65_535.0).collect();
        assert_eq!(got.len(), want.len(), "{:?}", case.contract);
        let mean = got.iter().zip(&want).map(|(a, b)| (a - b).abs()).sum::<f32>() / got.len() as f32;
        let most = got.iter().zip(&want).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(mean < 0.5 / 255.0, "mean difference {} steps of 255: {:?}", mean * 255.0, case.contract);
        // Overshoot at the hardest edges is cut between the two passes, and Pillow makes the other pass first: with
        // its passes exchanged it differs from itself by as much (bicubic 7, Lanczos 18 steps).
        assert!(most < 18.5 / 255.0, "largest difference {} steps of 255: {:?}", most * 255.0, case.contract);
    }
}
