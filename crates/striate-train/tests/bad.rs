//! Manifests and recipes that must be refused, each with a message that says what is wrong.

use std::fs;
use std::path::{Path, PathBuf};

use striate_train::manifest::Manifest;
use striate_train::recipe::Recipe;

/// Reads every file of `tests/bad/<kind>`; each must be refused with what `said` holds for it.
fn all_refused(kind: &str, said: &[(&str, &str)], read: fn(&str) -> Option<String>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad").join(kind);
    let mut files: Vec<PathBuf> =
        fs::read_dir(&folder).expect("folder").map(|entry| entry.expect("entry").path()).collect();
    files.sort();
    let names: Vec<_> = files.iter().filter_map(|file| file.file_stem()?.to_str()).collect();
    assert_eq!(names, said.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    for (file, (name, message)) in files.iter().zip(said) {
        let told = read(&fs::read_to_string(file).expect(name)).expect(name);
        assert!(told.contains(message), "{name}: {told}");
    }
}

#[test]
fn manifests() {
    let said = [
        ("another_programs", "its manifest is damaged (missing field `format`"),
        ("class_twice", "names the class \"a\" twice"),
        ("cut", "its manifest is damaged"),
        ("empty", "its manifest is damaged"),
        ("extra_field", "unknown field `author`"),
        ("features_of_small", "it makes features of 1x28x28 values, and they are made of 1x64x64"),
        ("huge_mean", "`mean` is [3e38]"),
        ("huge_size", "each from 1 to 8192"),
        ("infinite", "number out of range"),
        ("more_classes", "it names 11 classes for a net of 10"),
        ("negative", "invalid value: integer `-1`"),
        ("nested", "its manifest is damaged"),
        ("newer", "it has format 2, and this program reads up to 1; use a newer striate"),
        ("no_classes", "it names 0 classes"),
        ("no_net", "missing field `net`"),
        ("other_features", "unknown variant `sift`"),
        ("range_backwards", "low below high"),
        ("task", "only \"classify\" is known"),
        ("tiny_crop", "from 0.01 to 1"),
        ("tiny_std", "`std` is [1e-45]"),
        ("two_sizes", "it prepares 1x28x28 values for a net of 1x8x8"),
    ];
    all_refused("manifest", &said, |text| Manifest::parse(text).err().map(|e| e.to_string()));
}

#[test]
fn recipes() {
    let said = [
        ("batch_zero", "train.batch is 0; it must be 1 to 65536"),
        ("crop_backwards", "`crop` is [0.9, 0.1]"),
        ("cut", "TOML parse error at line 5"),
        ("empty", "missing field `model`"),
        ("json", "invalid key-value pair"),
        ("lr_huge", "optimizer.lr is 1e300; it must be above 0"),
        ("lr_nan", "optimizer.lr is NaN"),
        ("nested", "recursion"),
        ("pad_nan", "`resize.fill` is NaN"),
        ("rotate_huge", "`rotate` is"),
        ("seed_negative", "invalid value: integer `-1`"),
        ("size_huge", "input.image_size is 100000; it must be 1 to 2048"),
        ("tiny_crop", "must be from 0.01 to 1"),
        ("twice", "duplicate key"),
        ("unknown_field", "unknown field `loss`"),
        ("warmup_nan", "schedule.warmup_epochs is NaN"),
        ("zeros", "TOML parse error"),
    ];
    all_refused("recipe", &said, |text| Recipe::parse(text).err().map(|e| e.to_string()));
}
