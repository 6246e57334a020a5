//! A made-up page of an autoencoder for the tests.

use crate::html::sample;
use crate::page::*;
use crate::report::{CodeReport, ProbeKind, ProbeReport, RestoreReport};

/// A restorer.
pub fn restorer() -> Page {
    let mut page = code();
    (page.report.code, page.code) = (None, None);
    page.report.restore = Some(RestoreReport { psnr: Some(29.1), psnr_of_damaged: Some(20.2), n: 13 });
    let restored = |i: u64| Restored {
        file: format!("coast/{i}.jpg"),
        original: sample::picture(0, i),
        damaged: Some((sample::picture(3, i), 20.1)),
        restored: sample::picture(0, i + 1),
        psnr: 28.0 + i as f64,
    };
    page.restore = Some(RestoreSheet { restored: (0..4).map(restored).collect() });
    page
}

fn kind(with: &str, accuracy: f64, behind_best: Option<[f64; 2]>) -> ProbeKind {
    let ci95 = [accuracy - 0.05, accuracy + 0.05];
    ProbeKind { with: with.into(), length: 3, balanced_accuracy: accuracy, ci95, behind_best, n: 196 }
}

/// Principal components.
pub fn code() -> Page {
    let mut page = sample::nothing();
    page.report.code = Some(CodeReport {
        length: 3,
        values: 192,
        explained_variance_ratio: vec![0.5, 0.2, 0.1],
        psnr: Some(21.3),
        psnr_of_mean: Some(14.0),
        n: 39,
        of_crops: false,
        probe: Some(ProbeReport {
            judged_by: "5-fold cross-validation".into(),
            kinds: vec![kind("this code", 0.61, None), kind("pixels", 0.52, Some([-0.01, 0.2]))],
        }),
    });
    let restored = |i: u64| Restored {
        file: format!("coast/{i}.jpg"),
        original: sample::picture(0, i),
        damaged: None,
        restored: sample::picture(0, i + 1),
        psnr: 20.0 + i as f64,
    };
    page.code = Some(CodeSheet {
        mean: Some(sample::picture(1, 0)),
        components: (0..3).map(|i| sample::picture(2, i)).collect(),
        between: vec![(0..5).map(|i| sample::picture(0, i)).collect()],
        restored: (0..4).map(restored).collect(),
    });
    page
}
