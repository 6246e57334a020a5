//! Made-up pages for the tests: pictures drawn by formula, figures like those of real runs.

use striate_kernels::rng::{Key, Stream};

use crate::audit::*;
use crate::page::*;
use crate::report::*;

const CLASSES: [&str; 5] = ["coast", "field", "forest", "mountain", "street"];

/// A scene of 64 x 64 pixels as a bitmap file: sky over water, meadow, trunks, a peak or houses.
pub fn picture(class: usize, variant: u64) -> Thumb {
    let mut s = Key::new(variant).with(class as u64).stream();
    let (light, horizon, centre, wave) =
        (s.range(0.7, 1.0), s.range(24.0, 40.0), s.range(20.0, 44.0), s.range(3.0, 9.0));
    let mut bytes = bitmap_head(64);
    for y in (0..64).rev() {
        for x in 0..64 {
            let (fx, fy) = (x as f32, y as f32);
            let grain = s.range(-9.0, 9.0);
            let below = match class % 5 {
                3 => fy > horizon - 22.0 + (fx - centre).abs() * 0.9,
                4 => fy > horizon - 20.0 + 12.0 * ((fx / wave).floor() * 1.7).sin(),
                2 => true,
                _ => fy > horizon,
            };
            let [r, g, b] = match class % 5 {
                _ if !below => [140.0 + fy, 175.0 + fy, 235.0],
                0 => [40.0 + fy * 0.3, 105.0 + 14.0 * (fy * 0.9 + (fx / wave).sin()).sin(), 150.0],
                1 => [120.0 + 30.0 * (fx / wave).sin(), 160.0 - fy * 0.4, 60.0],
                2 => {
                    if (fx + centre) % (wave * 2.2) < wave {
                        [70.0, 52.0, 38.0]
                    } else {
                        [62.0, 105.0 - fy * 0.5, 48.0]
                    }
                }
                3 => [118.0 + (horizon - fy), 112.0 + (horizon - fy), 116.0 + (horizon - fy)],
                _ => {
                    if (fx % wave < 2.0) != (fy % 7.0 < 2.0) {
                        [205.0, 190.0, 150.0]
                    } else {
                        [128.0, 92.0, 80.0]
                    }
                }
            };
            bytes.extend([b, g, r].map(|v: f32| (v * light + grain).clamp(0.0, 255.0) as u8));
        }
    }
    Thumb { bytes, mime: "image/bmp", width: 64, height: 64 }
}

/// The head of a square 24-bit bitmap file, rows from the bottom.
fn bitmap_head(side: u32) -> Vec<u8> {
    let mut head = b"BM".to_vec();
    for word in [54 + side * side * 3, 0, 54, 40, side, side, 1 | 24 << 16, 0, side * side * 3, 2835, 2835, 0, 0] {
        head.extend(word.to_le_bytes());
    }
    head
}

fn score(balanced_accuracy: f64, half: f64, n: usize) -> Score {
    let ci95 = [(balanced_accuracy - half).max(0.0), (balanced_accuracy + 0.8 * half).min(1.0)];
    Score { accuracy: balanced_accuracy + 0.004, balanced_accuracy, ci95, n }
}

fn rung(name: &str, balanced_accuracy: f64, half: f64, seconds: f64) -> Rung {
    Rung { name: name.into(), score: score(balanced_accuracy, half, 196), seconds }
}

/// Falling losses and a rising accuracy over `epochs`.
fn curve(name: &str, epochs: usize, end: f64) -> Curve {
    let mut s = Key::new(5).with_name(name).stream();
    let mut wobble = |by: f32| f64::from(s.range(-by, by));
    let point = |e: usize| {
        let left = (-4.0 * e as f64 / epochs as f64).exp();
        let valid_loss = 1.0 - end + left * 1.3 + 0.25 * (e as f64 / epochs as f64).powi(2) + wobble(0.06);
        let valid_accuracy = (end - (end - 0.2) * left + wobble(0.025)).clamp(0.0, 1.0);
        let (valid_loss, valid_accuracy) = (Some(valid_loss), Some(valid_accuracy));
        CurvePoint { epoch: e as f64, train_loss: 0.06 + 1.55 * left, valid_loss, valid_accuracy }
    };
    Curve { name: name.into(), points: (1..=epochs).map(point).collect() }
}

/// A confusion of `classes` in which a class of `n` pictures is confused with its neighbours, and its pictures.
fn confusion(classes: Vec<String>, n: usize, wrong: usize, s: &mut Stream) -> Confusion {
    let k = classes.len();
    let mut counts = vec![vec![0; k]; k];
    (0..k).for_each(|c| counts[c][c] = n + s.below(n / 3 + 1));
    let mut mistakes = Vec::new();
    for i in 0..wrong {
        let truth = s.below(k) * s.below(k) / k;
        let predicted = (truth + 1 + s.below(2) * s.below(k - 1)) % k;
        if truth == predicted {
            continue;
        }
        counts[truth][predicted] += 1;
        let file = format!("{}/{:04}.jpg", classes[truth], 100 + i);
        let probability = 0.97 - 0.6 * i as f64 / wrong as f64;
        mistakes.push(Mistake { file, thumb: Some(picture(truth, 900 + i as u64)), truth, predicted, probability });
    }
    Confusion { classes, counts, mistakes, measured_on: "5-fold cross-validation, out of fold".into() }
}

/// Figures by class that agree with the confusion.
fn per_class(confusion: &Confusion) -> Vec<ClassScore> {
    let one = |c: usize| {
        let (n, said) =
            (confusion.counts[c].iter().sum::<usize>(), confusion.counts.iter().map(|r| r[c]).sum::<usize>());
        let right = confusion.counts[c][c] as f64;
        let (recall, precision) = (right / n as f64, right / said as f64);
        let f1 = Some(2.0 * recall * precision / (recall + precision));
        ClassScore { class: confusion.classes[c].clone(), precision: Some(precision), recall: Some(recall), f1, n }
    };
    (0..confusion.classes.len()).map(one).collect()
}

fn glance(class: usize, name: &str, n: usize) -> ClassGlance {
    let examples = (0..5).map(|i| (format!("{name}/{:04}.jpg", i + 1), picture(class, i))).collect();
    ClassGlance { class: name.into(), counts: [n, 0, 0], examples }
}

fn twins(class: usize, i: u64, leak: bool) -> Twins {
    let name = |split: &str, i: u64| format!("{split}{}/{i:04}.jpg", CLASSES[class]);
    let split = if leak { ["train/", "test/"] } else { ["", ""] };
    let side = |split, n| (name(split, n), Some(picture(class, i)));
    Twins { a: side(split[0], i), b: side(split[1], i + 50), why: "same picture, recompressed".into(), leak }
}

/// Curves of two ways to learn, and how the better one would go on.
fn labels() -> LabelReport {
    let points = |means: [f64; 5]| -> Vec<LabelPoint> {
        let point =
            |(labels, mean): (usize, f64)| LabelPoint { labels, mean, ci95: [mean - 0.03, mean + 0.02], draws: 20 };
        [1, 2, 5, 10, 20].into_iter().zip(means).map(point).collect()
    };
    let forecast = |times: f64, mean: f64| LabelForecast {
        times,
        labels: (39.0 * times) as usize,
        mean,
        ci95: [mean - 0.02, mean + 0.02],
        gain_ci95: [0.0, (times - 1.0) * 0.01],
    };
    let (pixels, lite0) = ("pixels".to_string(), "efficientnet_lite0_centroid".to_string());
    LabelReport {
        now: 39,
        pictures: 196,
        curves: vec![
            LabelCurve { rung: pixels.clone(), points: points([0.405, 0.44, 0.534, 0.559, 0.57]) },
            LabelCurve { rung: lite0.clone(), points: points([0.664, 0.77, 0.878, 0.909, 0.92]) },
        ],
        differences: vec![LabelDifference {
            rung: lite0.clone(),
            minus: pixels,
            points: points([0.259, 0.33, 0.344, 0.35, 0.35]),
        }],
        extrapolation: Some(Extrapolation {
            rung: lite0,
            floor: 0.05,
            scale: 0.28,
            exponent: 0.8,
            forecasts: vec![forecast(1.0, 0.93), forecast(2.0, 0.941), forecast(5.0, 0.947)],
            distrust: None,
        }),
        sentence: "With twice the labels, 78 of each class, expect about 94 of 100 (92 to 97).".into(),
    }
}

/// Two doubtful labels, a shortcut, a dark picture.
fn audit() -> Audit {
    let suspect = |i: usize, score: f64| Suspect {
        file: format!("coast/{i:04}.jpg"),
        given: "coast".into(),
        likely: "mountain".into(),
        given_probability: 0.1 + score.max(0.0),
        likely_probability: 0.7,
        score,
        plausible: score < 0.0,
    };
    let shortcut = |cue: &str, balanced_accuracy: f64, named| Shortcut {
        cue: cue.into(),
        balanced_accuracy,
        ci95: [balanced_accuracy - 0.06, balanced_accuracy + 0.06],
        chance: 0.2,
        n: 196,
        named,
        may_be_signal: false,
        classes: Vec::new(),
        words: if named { format!("{cue} alone tells classes apart") } else { String::new() },
    };
    let ranked = (0..19).map(|i| suspect(i, 0.05 * i as f64 - 0.08)).collect();
    Audit {
        labels: Some(LabelAudit { checked: 196, expected: 7, doubtful: true, ranked }),
        shortcuts: vec![shortcut("picture size", 0.55, true), shortcut("border", 0.19, false)],
        unchecked: vec![Unchecked { check: "camera".into(), why: "no file names its camera (EXIF)".into() }],
        outliers: vec![Outlier { file: "street/0007.jpg".into(), what: "very dark".into(), z: -5.2 }],
        balance: Some(Balance { largest: ("coast".into(), 46), smallest: ("street".into(), 32), imbalanced: false }),
        unlike: Some(UnlikeFigures { threshold: 0.81, false_alarms: 0.051, n: 196, compared_with: 196 }),
        duplicates: Duplicates { pairs: 3, shown: Vec::new() },
    }
}

/// The default ladder on 196 photos in 5 classes.
pub fn photos() -> Page {
    let mut s = Key::new(11).stream();
    let confusion = confusion(CLASSES.map(String::from).to_vec(), 34, 15, &mut s);
    let bins =
        [(0.44, 0.4, 5), (0.55, 0.63, 8), (0.66, 0.7, 10), (0.75, 0.72, 18), (0.86, 0.9, 31), (0.97, 0.984, 124)];
    let rungs = vec![
        rung("chance", 0.2, 0.0, 0.01),
        rung("pixels", 0.567, 0.07, 1.4),
        rung("conv4", 0.683, 0.065, 34.2),
        rung("efficientnet_lite0", 0.923, 0.041, 11.8),
    ];
    let report = TrainReport {
        run: "runs/photos-ladder-1".into(),
        model: "runs/photos-ladder-1/model.safetensors".into(),
        rungs,
        skipped: vec![Skipped {
            name: "efficientnet_lite0_finetuned".into(),
            why: "It needs about 9 minutes and does not fit into the budget of 2 (--budget 10m runs it).".into(),
        }],
        chosen: "efficientnet_lite0".into(),
        verdict: vec![
            "Of 100 new pictures like these, about 92 would be labelled right, if each class were equally frequent.".into(),
            "The model uses features that a net learned on a million everyday photographs, and a simple classifier on them, fitted to your pictures. A small net trained on your pictures alone reached 68 %.".into(),
            "Coast and mountain are the classes it confuses most. Look at the mistaken pictures below before you rely on it.".into(),
        ],
        selected: Some(score(0.923, 0.041, 196)),
        test: None,
        labels: Some(labels()),
        code: None,
        restore: None,
        leaks: vec![],
        audit: audit(),
        seconds: 51.3,
    };
    Page {
        title: "@photos".into(),
        report,
        judged_by: "5-fold cross-validation over groups".into(),
        data: DataGlance {
            source: "@photos (embedded)".into(),
            given_splits: false,
            classes: CLASSES.iter().enumerate().map(|(i, name)| glance(i, name, [46, 38, 41, 39, 32][i])).collect(),
            skipped: vec![(
                "street/0007.jpg".into(),
                "The file ends in the middle of the picture (4,096 of 31,220 bytes).".into(),
            )],
            twins: vec![twins(0, 3, false), twins(4, 12, false), twins(2, 8, false)],
            twins_total: 3,
            notes: vec![("ICC profile ignored".into(), 12), ("turned as its EXIF orientation says".into(), 3)],
        },
        curves: vec![curve("conv4, fold 1 of 5", 30, 0.70), curve("conv4, fold 2 of 5", 30, 0.66)],
        per_class: per_class(&confusion),
        confusion: Some(confusion),
        calibration: Some(Calibration {
            bins: bins.map(|(confidence, accuracy, n)| CalibrationBin { confidence, accuracy, n }).to_vec(),
            ece: 0.024,
            brier: 0.081,
        }),
        code: None,
        restore: None,
        augment: Some(AugmentSheet {
            rows: (0..3).map(|row| (0..6).map(|i| picture(row, 7 + (i > 0) as u64 * i)).collect()).collect(),
            summary: "shift up to 10 %, horizontal flip, brightness and contrast up to 20 %".into(),
        }),
        audit: audit().pictured().map(|file| (file.to_string(), picture(1, file.len() as u64))).collect(),
        warnings: vec![
            "1 damaged picture was skipped: street/0007.jpg.".into(),
            "No test split was given, so the figure comes from cross-validation.".into(),
        ],
        provenance: [
            ("Recipe", "ladder"),
            ("Seed", "1"),
            ("Data fingerprint", "3f9c2a71d04be8a6"),
            ("Striate", "0.1.0"),
            ("Machine", "x86_64 linux, 2 threads"),
            ("Finished", "2026-11-23 16:20 UTC"),
        ]
        .map(|(k, v)| (k.into(), v.into()))
        .to_vec(),
        command: "striate train @photos --seed 1 --budget 2m".into(),
    }
}

/// Two classes told apart without a mistake.
pub fn flawless() -> Page {
    let mut page = photos();
    page.data.classes.truncate(2);
    page.data.skipped.clear();
    (page.data.twins, page.data.twins_total) = (vec![], 0);
    let confusion = confusion(vec!["coast".into(), "field".into()], 60, 0, &mut Key::new(2).stream());
    page.report.rungs.truncate(2);
    page.report.rungs[0].score = score(0.5, 0.0, 140);
    page.report.rungs[1].score = Score { accuracy: 1.0, balanced_accuracy: 1.0, ci95: [0.974, 1.0], n: 140 };
    (page.report.chosen, page.report.selected) = ("pixels".into(), Some(page.report.rungs[1].score.clone()));
    (page.title, page.report.verdict) = ("gears".into(), vec!["Every one of 140 pictures was labelled right.".into()]);
    page.per_class = per_class(&confusion);
    page.confusion = Some(confusion);
    (page.curves, page.augment, page.warnings) = (vec![], None, vec![]);
    page
}

/// `k` classes with given splits.
pub fn many(k: usize) -> Page {
    let mut page = photos();
    let mut s = Key::new(3).stream();
    let names: Vec<String> =
        (0..k).map(|i| format!("{} {}", ["Quercus", "Salix", "Betula", "Acer", "Alnus"][i % 5], i + 1)).collect();
    let confusion = confusion(names.clone(), 80, 150 + 8 * k, &mut s);
    page.data.classes = names.iter().enumerate().map(|(i, name)| glance(i, name, 60)).collect();
    page.data.classes.iter_mut().for_each(|c| c.counts = [300 + s.below(200), 40 + s.below(20), 80 + s.below(30)]);
    page.data.given_splits = true;
    (page.title, page.report.test) = ("herbarium".into(), Some(score(0.812, 0.012, 100 * k)));
    page.per_class = per_class(&confusion);
    page.confusion = Some(confusion);
    page
}

/// One model asked for by name, on data with a test split.
pub fn one_model() -> Page {
    let mut page = photos();
    (page.report.rungs, page.report.skipped, page.report.selected) = (vec![], vec![], None);
    (page.report.chosen, page.title, page.report.labels) = ("lenet5".into(), "mnist".into(), None);
    page.report.test = Some(Score { accuracy: 0.9936, balanced_accuracy: 0.9935, ci95: [0.9919, 0.9950], n: 10_000 });
    page.report.verdict = vec!["Of 1,000 new pictures like these, about 994 would be labelled right.".into()];
    let mut curve = curve("lenet5", 20, 0.993);
    curve
        .points
        .iter_mut()
        .for_each(|p| (p.train_loss, p.valid_loss) = (p.train_loss.powi(3), p.valid_loss.map(|l| 0.02 + l.powi(4))));
    page.curves = vec![curve];
    page.command = "striate train mnist --recipe mnist-lenet5 --epochs 20".into();
    page
}

/// Gives `page` splits and `n` copies between them.
pub fn leak(page: &mut Page, n: usize) {
    page.data.given_splits = true;
    page.data.classes.iter_mut().for_each(|c| c.counts = [c.counts[0] - 12, 4, 8]);
    page.data.twins = (1..=n.min(20) as u64).map(|i| twins((i as usize - 1) % 5, i, true)).collect();
    page.data.twins_total = n;
    let name = |split: &str, i: usize| format!("{split}/{}/{i:04}.jpg", CLASSES[(i - 1) % 5]);
    page.report.leaks = (1..=n)
        .map(|i| Leak { a: name("train", i), b: name("test", i + 50), why: "same picture, recompressed".into() })
        .collect();
    (page.report.test, page.report.selected) = (None, None);
    page.report.verdict = vec!["No figure can be trusted: test pictures are copies of training pictures.".into()];
}

/// Names made to break a page, and figures that are not numbers.
pub fn hostile() -> Page {
    let mut page = photos();
    let nan = Score { accuracy: f64::NAN, balanced_accuracy: f64::NAN, ci95: [f64::NEG_INFINITY, f64::INFINITY], n: 0 };
    let names =
        ["<script>alert(1)</script>", "a\" onerror=\"alert(2)", "Ωmega 日本語 é", "gpj\u{202e}exe.\u{0}\n", "x&amp;'y"];
    page.data.classes.iter_mut().zip(names).for_each(|(c, name)| c.class = name.into());
    page.per_class.iter_mut().zip(names).for_each(|(c, name)| (c.class, c.recall) = (name.into(), Some(f64::NAN)));
    if let Some(confusion) = &mut page.confusion {
        confusion.classes = names.map(String::from).to_vec();
        confusion
            .mistakes
            .iter_mut()
            .for_each(|m| (m.file, m.probability) = (format!("{}/\"<img src=x>\".jpg", names[0]), f64::NAN));
        confusion.mistakes[0].predicted = 99;
        confusion.counts[1].clear();
    }
    page.report.rungs[1].score = nan.clone();
    if let Some(labels) = &mut page.report.labels {
        labels.curves[0].rung = names[0].into();
        labels.curves[1].points[2].ci95 = [f64::NAN, f64::INFINITY];
    }
    page.report.selected = Some(nan);
    page.report.rungs[2].name = names[1].into();
    page.curves[0].points.iter_mut().for_each(|p| (p.train_loss, p.epoch) = (f64::NAN, f64::INFINITY));
    page.title = names[0].into();
    page.warnings.push("</style><script>alert(3)</script>".repeat(3));
    page
}

/// A page with hardly anything on it.
pub fn nothing() -> Page {
    let mut page = photos();
    let report = TrainReport { rungs: vec![], skipped: vec![], selected: None, labels: None, ..page.report };
    page = Page {
        report,
        data: DataGlance::default(),
        curves: vec![],
        confusion: None,
        per_class: vec![],
        calibration: None,
        augment: None,
        ..page
    };
    (page.report.verdict, page.warnings, page.provenance, page.title, page.command) =
        (vec![], vec![], vec![], String::new(), String::new());
    page
}
