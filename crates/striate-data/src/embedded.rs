//! The data sets inside the program: `@digits` and `@photos`.
//!
//! `@digits`: 1,797 handwritten digits of 8x8 pixels, Optical Recognition of Handwritten Digits, E. Alpaydin and
//! C. Kaynak, UCI Machine Learning Repository, CC BY 4.0; the stored values 0..=16 are spread over 0..=255.
//! `@photos`: 196 photos of 96x96 pixels in 5 classes, public domain or CC0; [`photo_credits`] names their authors.

use std::io::Read;

use flate2::read::GzDecoder;
use include_dir::{Dir, include_dir};

use crate::dataset::Example;
use crate::records::{Records, Shard, Store};

static DIGITS: &[u8] = include_bytes!("../assets/digits.csv.gz");
static PHOTOS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/assets/photos5_96");

/// Names of all embedded sets.
pub(crate) const NAMES: [&str; 2] = ["@digits", "@photos"];

/// `file,licence,author`, a line for every picture of `@photos`.
pub fn photo_credits() -> &'static str {
    PHOTOS.get_file("CREDITS.csv").and_then(|file| file.contents_utf8()).unwrap_or_default()
}

/// The digits in their published order.
pub(crate) fn digits() -> (Records, Vec<Example>, Vec<String>) {
    let mut text = String::new();
    GzDecoder::new(DIGITS).read_to_string(&mut text).expect("the embedded digits unpack");
    let mut pixels: Vec<u8> = Vec::new();
    let mut examples = Vec::new();
    for (i, line) in text.lines().enumerate() {
        let mut values: Vec<u32> =
            line.split(',').map(|v| v.parse().expect("the embedded digits are numbers")).collect();
        let label = values.pop();
        assert_eq!(values.len(), 64, "embedded digits: values in line {i}");
        pixels.extend(values.iter().map(|v| ((v * 255 + 8) / 16) as u8)); // rounded
        examples.push(Example::new(i as u32, label, None));
    }
    let mut records = Records::default();
    let (name, store, count) = ("@digits".to_string(), Store::Memory(pixels), examples.len());
    records.push(Shard { name, store, start: 0, stride: 64, count, height: 8, width: 8, channels: 1 });
    (records, examples, (0..10).map(|class: u8| class.to_string()).collect())
}

/// A file inside the program.
#[derive(Debug)]
pub(crate) struct Photo {
    /// `class/file`.
    pub name: String,
    pub bytes: &'static [u8],
}

/// The photos, sorted by name.
pub(crate) fn photos() -> (Vec<Photo>, Vec<Example>, Vec<String>) {
    let mut classes: Vec<String> = PHOTOS.dirs().map(|dir| dir.path().to_string_lossy().into_owned()).collect();
    classes.sort_unstable();
    let mut photos: Vec<Photo> = PHOTOS
        .dirs()
        .flat_map(Dir::files)
        .map(|file| Photo { name: file.path().to_string_lossy().replace('\\', "/"), bytes: file.contents() })
        .collect();
    photos.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    let label = |photo: &Photo| classes.iter().position(|c| photo.name.split('/').next() == Some(c)).map(|c| c as u32);
    let examples = photos.iter().enumerate().map(|(i, photo)| Example::new(i as u32, label(photo), None)).collect();
    (photos, examples, classes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Pixels;

    #[test]
    fn digits_are_the_published_ones() {
        let (records, examples, classes) = digits();
        assert_eq!((examples.len(), classes.len()), (1797, 10));
        let counts: Vec<usize> = (0..10).map(|c| examples.iter().filter(|e| e.label == Some(c)).count()).collect();
        assert_eq!(counts, [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
        let Pixels::U8(first) = records.picture(0).expect("memory").pixels else { panic!("8-bit") };
        assert_eq!(first[..8], [0, 0, 80, 207, 143, 16, 0, 0]); // 0, 0, 5, 13, 9, 1, 0, 0 of 16
    }

    #[test]
    fn every_photo_has_a_class_and_a_credit() {
        let (photos, examples, classes) = photos();
        assert_eq!((photos.len(), classes.len()), (196, 5));
        assert_eq!(classes, ["animal", "fish", "monument", "renewable_energy", "tool"]);
        assert!(examples.iter().all(|e| e.label.is_some()));
        for photo in photos {
            assert!(photo_credits().contains(&format!("photos5_96/{},", photo.name)), "{} has no credit", photo.name);
        }
    }
}
