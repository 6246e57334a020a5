//! Near-duplicates are found however a copy was made, and pictures that only resemble each other are left apart.

use std::path::{Path, PathBuf};

use image::imageops::{FilterType, resize};
use image::{DynamicImage, RgbImage};
use striate_data::dataset::{Dataset, OpenOptions, Split};
use striate_data::duplicates::{DuplicatePair, near_duplicates};
use striate_data::groups::groups;
use striate_data::picture::Pixels;
use striate_data::scan::scan;
use striate_kernels::rng::Key;

fn open(what: &str) -> Dataset {
    Dataset::open(what, &OpenOptions::default()).expect(what)
}

fn pairs(data: &Dataset) -> Vec<DuplicatePair> {
    near_duplicates(data, &scan(data, &|_, _| {}))
}

fn save(path: PathBuf, picture: impl Into<DynamicImage>) {
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("folder");
    let picture: DynamicImage = picture.into();
    picture.save(path).expect("PNG");
}

fn photo(data: &Dataset, i: usize) -> RgbImage {
    let picture = data.picture(i).expect("embedded").picture;
    let Pixels::U8(pixels) = picture.pixels else { panic!("8-bit") };
    RgbImage::from_raw(picture.width as u32, picture.height as u32, pixels).expect("96x96 RGB")
}

fn jpeg(path: PathBuf, picture: &RgbImage, quality: u8) {
    let encoder = jpeg_encoder::Encoder::new_file(path, quality).expect("file");
    let (width, height) = (picture.width() as u16, picture.height() as u16);
    encoder.encode(picture, width, height, jpeg_encoder::ColorType::Rgb).expect("JPEG");
}

fn brighter(picture: &RgbImage) -> RgbImage {
    let mut picture = picture.clone();
    picture.iter_mut().for_each(|v| *v = (f32::from(*v) * 1.08 + 5.0).min(255.0) as u8);
    picture
}

/// Three photos of `@photos` are there twice; no digit is.
#[test]
fn embedded_sets() {
    let photos = open("@photos");
    let named: Vec<String> =
        pairs(&photos).iter().map(|pair| photos.name(pair.a) + " " + &photos.name(pair.b)).collect();
    let expected = [("brandenburgGate", 2), ("olosseum", 2), ("reatPyramid", 2)];
    assert_eq!(named.len(), 3, "{named:?}");
    for (pair, (monument, times)) in named.iter().zip(expected) {
        assert_eq!(pair.matches(monument).count(), times, "{named:?}");
    }
    assert_eq!(pairs(&open("@digits")), []);
}

#[test]
fn copies_of_every_kind_are_found_across_splits() {
    let dir = tempfile::tempdir().expect("temporary folder");
    let photos = open("@photos");
    let known = groups(&photos, &pairs(&photos));
    let chosen: Vec<usize> =
        (0..196).filter(|&i| known.iter().filter(|&&g| g == known[i]).count() == 1).step_by(9).collect();
    let path = |split: &str, i: usize, end: &str| dir.path().join(split).join("class").join(format!("{i:03}_{end}"));
    for &i in &chosen {
        let one = photo(&photos, i);
        save(path("train", i, "original.png"), one.clone());
        save(path("test", i, "half.png"), resize(&one, 48, 48, FilterType::CatmullRom));
        save(path("test", i, "twice.png"), resize(&one, 192, 192, FilterType::CatmullRom));
        save(path("test", i, "brighter.png"), brighter(&one));
        save(path("test", i, "equal.png"), one.clone());
        save(path("test", i, "format.bmp"), one.clone());
        save(path("test", i, "words.png"), DynamicImage::ImageRgb8(one.clone()).to_rgb16());
        jpeg(path("test", i, "q50.jpg"), &one, 50);
        jpeg(path("test", i, "q85.jpg"), &one, 85);
    }
    let data = open(dir.path().to_str().expect("Unicode"));
    let found = pairs(&data);
    for pair in &found {
        let number = |i: usize| data.name(i).split('/').next_back().expect("a name")[..3].to_string();
        assert_eq!(number(pair.a), number(pair.b), "{pair:?}");
    }
    // Copies are united with their original, and every original is named with one at least, since that is the leak.
    let united = groups(&data, &found);
    let original = |number: usize| (0..data.len()).find(|&i| data.name(i).contains(&format!("{number:03}_original")));
    let with_original = |i: &usize| {
        let number: usize = data.name(*i).split('/').next_back().expect("a name")[..3].parse().expect("a number");
        original(number).is_some_and(|original| united[original] == united[*i])
    };
    let copies: Vec<usize> = (0..data.len()).filter(|&i| data.examples[i].split == Some(Split::Test)).collect();
    let right = copies.iter().filter(|i| with_original(i)).count();
    assert!(right * 100 >= 95 * copies.len(), "{right} of {} copies", copies.len());
    let splits = |pair: &&DuplicatePair| data.examples[pair.a].split != data.examples[pair.b].split;
    assert!(found.iter().filter(splits).count() >= chosen.len() - 1);
}

#[test]
fn a_common_scene_is_no_copy_and_flat_pictures_must_be_equal() {
    let dir = tempfile::tempdir().expect("temporary folder");
    for i in 0..60u32 {
        // A bright part on a dark ground, the same in all; what differs is small and faint.
        let mut stream = Key::new(u64::from(i)).stream();
        let scratches: Vec<[f32; 2]> = (0..12).map(|_| [stream.range(20.0, 76.0), stream.range(20.0, 76.0)]).collect();
        let picture = image::GrayImage::from_fn(96, 96, |x, y| {
            let (x, y) = (x as f32, y as f32);
            let part = if (x - 48.0).hypot(y - 48.0) < 36.0 { 200.0 } else { 20.0 };
            let near = scratches.iter().map(|[a, b]| (x - a).hypot(y - b)).fold(f32::MAX, f32::min);
            image::Luma([(part - 70.0 * (1.0 - near / 4.0).max(0.0)) as u8])
        });
        save(dir.path().join(format!("part/{i:02}.png")), picture);
    }
    for (i, gray) in [7, 7, 8, 9].into_iter().enumerate() {
        save(dir.path().join(format!("flat/{i}.png")), image::GrayImage::from_pixel(64, 64, image::Luma([gray])));
    }
    let data = open(dir.path().to_str().expect("Unicode"));
    let found = pairs(&data);
    assert_eq!(found.iter().map(|pair| (pair.a, pair.b)).collect::<Vec<_>>(), [(0, 1)], "{found:?}");
    assert_eq!(found[0].why, "equal in every pixel");
}

/// Skipped where the folder of shared data is not named.
#[test]
fn three_monuments_of_gcompris5() {
    let Ok(shared) = std::env::var("STRIATE_SHARED") else {
        println!("skipped: STRIATE_SHARED is not set");
        return;
    };
    let data = open(Path::new(&shared).join("data/gcompris5").to_str().expect("Unicode"));
    let found = pairs(&data);
    assert!(found.len() == 3 && found.iter().all(|pair| data.name(pair.a).starts_with("monument/")), "{found:?}");
}
