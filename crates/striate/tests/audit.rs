//! The audit end to end, on the embedded photos with labels, a frame and a date planted in them.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use image::{Rgb, RgbImage};
use striate::audit::Audit;
use striate::predict::{PredictOptions, predict};
use striate::report::Prediction;
use striate::train::{TrainOptions, train};
use striate_data::dataset::{Dataset, OpenOptions};
use striate_data::picture::Pixels;
use striate_kernels::rng::Key;

fn options(data: &Path, out: &Path) -> TrainOptions {
    TrainOptions {
        data: data.display().to_string(),
        model: None,
        recipe: None,
        rung: None,
        epochs: None,
        lr: None,
        batch: None,
        image_size: None,
        seed: Some(1),
        out: Some(out.to_path_buf()),
        budget: Duration::from_secs(30),
        group_by: None,
        strict: true,
        allow_leaks: false,
        overwrite: false,
        checkpoint_every: Duration::from_secs(600),
        command: "test".into(),
    }
}

/// The photos as files with a white frame of 4 pixels on every fish, and one label in twenty wrong. The files whose
/// labels are wrong.
fn plant(folder: &Path) -> Vec<String> {
    let photos = Dataset::open("@photos", &OpenOptions::default()).expect("embedded");
    let mut order: Vec<usize> = (0..photos.len()).collect();
    Key::new(8).stream().shuffle(&mut order);
    let (wrong, mut planted) = (&order[..photos.len() / 20], Vec::new());
    for i in 0..photos.len() {
        let picture = photos.picture(i).expect("decodes").picture;
        let Pixels::U8(pixels) = picture.pixels else { panic!("8 bits") };
        let mut rgb = RgbImage::from_raw(picture.width as u32, picture.height as u32, pixels).expect("RGB");
        let class = photos.examples[i].label.expect("labelled") as usize;
        let moved = if wrong.contains(&i) { (class + 1 + i % 4) % 5 } else { class };
        if photos.classes[moved] == "fish" {
            let (w, h) = rgb.dimensions();
            let inside = |x: u32, y: u32| x >= 4 && y >= 4 && x < w - 4 && y < h - 4;
            rgb.enumerate_pixels_mut().filter(|(x, y, _)| !inside(*x, *y)).for_each(|(.., p)| *p = Rgb([255; 3]));
        }
        let name = format!("{}/{i:03}.png", photos.classes[moved]);
        let path = folder.join(&name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("creates");
        rgb.save(&path).expect("writes");
        if moved != class {
            planted.push(name);
        }
    }
    planted
}

fn named(audit: &Audit, cue: &str) -> Option<bool> {
    audit.shortcuts.iter().find(|shortcut| shortcut.cue == cue).map(|shortcut| shortcut.named)
}

fn flagged(model: &Path, input: PathBuf) -> (usize, usize) {
    let options =
        PredictOptions { model: model.into(), inputs: vec![input], out: None, overwrite: false, min_confidence: 0.0 };
    let (mut lines, mut unlike) = (0, 0);
    let mut each = |prediction| {
        if let Prediction::Labelled { unlike: flag, distance, .. } = prediction {
            assert_eq!(flag, distance.map(|d| d > 1.0));
            lines += 1;
            unlike += usize::from(flag.expect("this model can tell"));
        }
        ControlFlow::Continue(())
    };
    let report = predict(&options, &|_| {}, &mut each).expect("labels");
    assert_eq!(report.unlike, Some(unlike));
    (unlike, lines)
}

#[test]
fn planted_labels_a_planted_frame_and_pictures_of_another_kind_are_found() {
    let dir = tempfile::tempdir().expect("temporary folder");
    let (data, run) = (dir.path().join("data"), dir.path().join("run"));
    let planted = plant(&data);
    let report = train(&options(&data, &run), &|_| {}).expect("trains");
    let audit = &report.audit;

    let labels = audit.labels.as_ref().expect("labels were checked");
    let first: Vec<&str> = labels.ranked.iter().take(labels.checked / 10).map(|s| s.file.as_str()).collect();
    let found = planted.iter().filter(|file| first.contains(&file.as_str())).count();
    assert!(10 * found >= 8 * planted.len(), "{found} of {} in the first tenth: {first:?}", planted.len());
    assert!(labels.doubtful && labels.expected <= 2 * planted.len(), "{} expected", labels.expected);

    assert_eq!(named(audit, "border"), Some(true), "{:?}", audit.shortcuts);
    let border = audit.shortcuts.iter().find(|shortcut| shortcut.cue == "border").expect("checked");
    assert!(border.words.contains("it tells fish ("), "{}", border.words);
    assert_eq!(named(audit, "picture size"), None, "all are 96x96");
    assert_eq!(named(audit, "file date"), None, "all were written at once");
    assert!(audit.unchecked.iter().any(|gap| gap.check == "file date" && gap.why.contains("copying")));
    assert!(audit.balance.as_ref().is_some_and(|balance| !balance.imbalanced));

    let unlike = audit.unlike.as_ref().expect("a threshold");
    assert!(unlike.false_alarms < 0.15 && unlike.n == 196, "{unlike:?}");
    let (own, of) = flagged(&run, data);
    assert!(own * 10 < of, "{own} of {of} training pictures are flagged");
    let odd = dir.path().join("odd");
    std::fs::create_dir(&odd).expect("creates");
    let mut stream = Key::new(9).stream();
    for i in 0..8 {
        let noise: Vec<u8> = (0..64 * 64 * 3).map(|_| stream.below(256) as u8).collect();
        RgbImage::from_raw(64, 64, noise).expect("RGB").save(odd.join(format!("{i}.png"))).expect("writes");
    }
    assert_eq!(flagged(&run, odd), (8, 8), "noise is no photo");

    let page = std::fs::read_to_string(run.join("report.html")).expect("the report");
    assert!(page.contains("Likely wrong labels") && page.contains("it tells fish ("));
}
