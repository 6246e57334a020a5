//! Every rung of the ladder: shuffled labels give chance, and a saved model labels, scores and is looked at.

#![allow(clippy::unwrap_used)] // a test stops where it cannot go on

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use striate::embed::{EmbedOptions, embed};
use striate::eval::{EvalOptions, eval};
use striate::inspect::{InspectOptions, Inspection, inspect};
use striate::predict::{PredictOptions, predict};
use striate::report::{Prediction, TrainReport};
use striate::train::{RUNGS, TrainOptions, train};
use striate_kernels::rng::Key;

fn options(data: &Path, out: PathBuf, (rung, budget_s): (Option<&str>, u64)) -> TrainOptions {
    TrainOptions {
        data: data.to_str().unwrap().into(),
        model: None,
        recipe: None,
        rung: rung.map(String::from),
        epochs: None,
        lr: None,
        batch: None,
        image_size: None,
        seed: Some(7),
        out: Some(out),
        budget: Duration::from_secs(budget_s),
        group_by: None,
        strict: true,
        allow_leaks: false,
        overwrite: true,
        checkpoint_every: Duration::from_secs(30),
        command: String::new(),
    }
}

fn with_threads<T: Send>(threads: usize, f: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(f)
}

/// Half-wide of the 99.5 % interval of the accuracy of guesses among `classes` on `n` pictures.
fn guessing(classes: usize, n: usize) -> f64 {
    let p = 1.0 / classes as f64;
    2.807 * (p * (1.0 - p) / n as f64).sqrt()
}

#[test]
fn shuffled_labels_give_chance_on_every_rung_and_in_the_choice() {
    let folder = tempfile::tempdir().unwrap();
    let photos = Path::new(env!("CARGO_MANIFEST_DIR")).join("../striate-data/assets/photos5_96");
    let classes: Vec<PathBuf> =
        fs::read_dir(photos).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    let mut files: Vec<PathBuf> =
        classes.iter().flat_map(|class| fs::read_dir(class).unwrap()).map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let files: Vec<PathBuf> = files.into_iter().step_by(2).collect();
    let mut labels: Vec<usize> = (0..files.len()).map(|i| i % 4).collect();
    Key::new(1).stream().shuffle(&mut labels);
    let row = |(file, label): (&PathBuf, &usize)| format!("{},class{label}\n", file.canonicalize().unwrap().display());
    let list: String = files.iter().zip(&labels).map(row).collect();
    let data = folder.path().join("shuffled.csv");
    fs::write(&data, format!("path,label\n{list}")).unwrap();
    let report = train(&options(&data, folder.path().join("run"), (None, 120)), &|_| {}).unwrap();
    assert!(report.skipped.is_empty(), "{:?}", report.skipped);
    assert_eq!(report.rungs.len(), RUNGS.len() - 1, "all but the one that is tried when asked for");
    let scores = report.rungs.iter().map(|rung| (rung.name.as_str(), &rung.score));
    for (name, score) in scores.chain([("selected", report.selected.as_ref().unwrap())]) {
        let off = (score.balanced_accuracy - 0.25).abs();
        assert!(off < guessing(4, score.n), "{name}: {score:?}");
    }
}

/// Pictures of 24 x 20 that are brighter on the left, or at the top, in colours and noise of their own: their pixels differ, and
/// so do their edges.
fn halves(folder: &Path, n: u64) {
    for (class, left) in [("left", true), ("top", false)] {
        fs::create_dir_all(folder.join(class)).unwrap();
        for i in 0..n {
            let mut stream = Key::new(3).with_name(class).with(i).stream();
            let tint = [(); 3].map(|()| stream.range(0.6, 1.0));
            let picture = image::RgbImage::from_fn(24, 20, |x, y| {
                let bright = if if left { x < 12 } else { y < 10 } { 170.0 } else { 60.0 };
                image::Rgb(tint.map(|tint| (tint * (bright + stream.range(0.0, 60.0))) as u8))
            });
            picture.save(folder.join(class).join(format!("{i}.png"))).unwrap();
        }
    }
}

#[test]
fn the_model_of_every_rung_labels_scores_and_is_the_same_for_any_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    let (data, more) = (folder.path().join("data"), folder.path().join("more"));
    halves(&data, 12);
    halves(&more, 16); // the last four of each class are new
    for rung in RUNGS.into_iter().skip(1) {
        let fit = |threads: usize| -> (TrainReport, Vec<u8>) {
            let out = folder.path().join(format!("{rung}-{threads}"));
            let report = with_threads(threads, || train(&options(&data, out, (Some(rung), 15)), &|_| {})).unwrap();
            let bytes = fs::read(&report.model).unwrap();
            (report, bytes)
        };
        let (report, bytes) = fit(1);
        assert!(bytes == fit(3).1, "{rung}: threads changed the model");
        let tried: Vec<&str> = report.rungs.iter().map(|rung| rung.name.as_str()).collect();
        assert_eq!((tried, report.chosen.as_str()), (vec!["chance", rung], rung));
        let run = PathBuf::from(&report.run);

        let scored = eval(
            &EvalOptions {
                model: run.clone(),
                data: more.to_str().unwrap().into(),
                split: None,
                metric: "balanced_accuracy".into(),
                group_by: None,
                strict: true,
                seed: 0,
            },
            &|_| {},
        );
        let value = scored.unwrap().report.value;
        assert!(value > 0.9, "{rung}: {value}");

        let asked = PredictOptions {
            model: run.clone(),
            inputs: vec![more.clone()],
            out: None,
            overwrite: false,
            min_confidence: 0.0,
        };
        let mut right = 0;
        predict(&asked, &|_| {}, &mut |prediction| {
            let Prediction::Labelled { file, label, probability, .. } = prediction else { panic!("{prediction:?}") };
            right += usize::from(Path::new(&file).parent().unwrap().ends_with(label.as_deref().expect("a label")));
            assert!((0.5..=1.0).contains(&probability), "{file}: {probability}");
            ControlFlow::Continue(())
        })
        .unwrap();
        assert!(
            (right as f64 / 32.0 - value).abs() < 1e-9,
            "{rung}: predict has {right} of 32 right, eval says {value}"
        );

        let vectors = EmbedOptions {
            data: more.to_str().unwrap().into(),
            with: run.to_str().unwrap().into(),
            out: folder.path().join(format!("{rung}.npy")),
            overwrite: true,
        };
        assert_eq!(embed(&vectors, &|_| {}).unwrap().rows, 32, "{rung}");
        let what = InspectOptions { what: report.model.clone(), group_by: None };
        assert!(matches!(inspect(&what, &|_| {}).unwrap(), Inspection::Model(_)), "{rung}");
    }
}
