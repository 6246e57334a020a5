//! What a classifier's answers are worth: counts, shares, calibration and intervals, on plain slices.

pub mod calibration;
pub mod interval;
pub mod out_of_fold;
pub mod paired;
pub mod power_law;
pub mod psnr;
pub mod ssim;
pub mod temperature;

/// What was said of pictures whose class is known.
#[derive(Clone, Copy, Debug)]
pub struct Outcomes<'a> {
    /// The class of each picture.
    pub truth: &'a [u32],
    /// The class each picture was given.
    pub predicted: &'a [u32],
    /// How many classes there are; labels are below it.
    pub classes: usize,
}

/// Figures of one class; `None` where the share is one of nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassFigures {
    /// Of those labelled so, the share that is.
    pub precision: Option<f64>,
    /// Of those that are, the share labelled so.
    pub recall: Option<f64>,
    /// Harmonic mean of both.
    pub f1: Option<f64>,
    /// Pictures of this class.
    pub n: usize,
}

/// Pictures by class and answer: `[truth][predicted]`.
///
/// # Panics
/// If the slices differ in length or hold a label that is not below `classes`.
pub fn confusion(outcomes: &Outcomes) -> Vec<Vec<usize>> {
    let Outcomes { truth, predicted, classes } = *outcomes;
    assert_eq!(truth.len(), predicted.len(), "confusion: truth and predicted must have one label a picture each");
    let mut counts = vec![vec![0; classes]; classes];
    for (&t, &p) in truth.iter().zip(predicted) {
        assert!((t.max(p) as usize) < classes, "confusion: labels must be below {classes}, got {t} and {p}");
        counts[t as usize][p as usize] += 1;
    }
    counts
}

/// Share of pictures labelled right, `[0, 1]`; NaN of no pictures.
pub fn accuracy(confusion: &[Vec<usize>]) -> f64 {
    let right: usize = confusion.iter().enumerate().map(|(class, row)| row[class]).sum();
    let n: usize = confusion.iter().flatten().sum();
    right as f64 / n as f64
}

/// Mean recall over the classes that occur, `[0, 1]`; NaN of no pictures.
pub fn balanced_accuracy(confusion: &[Vec<usize>]) -> f64 {
    let recalls: Vec<f64> = per_class(confusion).iter().filter_map(|class| class.recall).collect();
    recalls.iter().sum::<f64>() / recalls.len() as f64
}

/// Precision, recall and F1 of each class.
pub fn per_class(confusion: &[Vec<usize>]) -> Vec<ClassFigures> {
    let share = |part: usize, of: usize| (of > 0).then(|| part as f64 / of as f64);
    let figures = |class: usize| {
        let right = confusion[class][class];
        let n: usize = confusion[class].iter().sum();
        let said: usize = confusion.iter().map(|row| row[class]).sum();
        let (precision, recall) = (share(right, said), share(right, n));
        // 2pr / (p + r) in counts, which is 0 and not 0/0 where nothing is right.
        let f1 = precision.and(recall).map(|_| 2.0 * right as f64 / (said + n) as f64);
        ClassFigures { precision, recall, f1, n }
    };
    (0..confusion.len()).map(figures).collect()
}

/// The likeliest class; the first of equals.
///
/// # Panics
/// If there is no class.
pub fn argmax(probabilities: &[f64]) -> u32 {
    assert!(!probabilities.is_empty(), "argmax: at least one class, got none");
    (1..probabilities.len()).fold(0, |best, k| if probabilities[k] > probabilities[best] { k } else { best }) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers of scikit-learn, made by `fixtures/metrics.py`.
    pub(super) fn fixture() -> serde_json::Value {
        serde_json::from_str(include_str!("../fixtures/metrics.json")).expect("fixtures/metrics.json is JSON")
    }

    pub(super) fn labels(value: &serde_json::Value) -> Vec<u32> {
        value.as_array().expect("a list").iter().map(|v| v.as_u64().expect("a label") as u32).collect()
    }

    pub(super) fn numbers(value: &serde_json::Value) -> Vec<f64> {
        value.as_array().expect("a list").iter().map(|v| v.as_f64().expect("a number")).collect()
    }

    #[test]
    fn counts_and_shares_are_those_of_scikit_learn() {
        let fixture = fixture();
        let (truth, predicted) = (labels(&fixture["truth"]), labels(&fixture["predicted"]));
        let counts = confusion(&Outcomes { truth: &truth, predicted: &predicted, classes: 5 });
        let expected: Vec<Vec<usize>> = fixture["confusion"]
            .as_array()
            .expect("rows")
            .iter()
            .map(|row| labels(row).into_iter().map(|n| n as usize).collect())
            .collect();
        assert_eq!(counts, expected);
        assert!((accuracy(&counts) - fixture["accuracy"].as_f64().expect("a number")).abs() < 1e-15);
        assert!((balanced_accuracy(&counts) - fixture["balanced_accuracy"].as_f64().expect("a number")).abs() < 1e-15);
        let [precision, recall, f1] = ["precision", "recall", "f1"].map(|name| numbers(&fixture[name]));
        for (class, figures) in per_class(&counts).iter().enumerate() {
            let close = |ours: Option<f64>, theirs: f64| ours.is_some_and(|ours| (ours - theirs).abs() < 1e-15);
            assert!(close(figures.precision, precision[class]), "{figures:?}");
            assert!(close(figures.recall, recall[class]), "{figures:?}");
            assert!(close(figures.f1, f1[class]), "{figures:?}");
        }
    }

    #[test]
    fn a_class_that_is_missing_does_not_count() {
        let counts = confusion(&Outcomes { truth: &[0, 0, 2], predicted: &[0, 1, 2], classes: 4 });
        assert_eq!(balanced_accuracy(&counts), 0.75);
        assert_eq!(per_class(&counts)[1], ClassFigures { precision: Some(0.0), recall: None, f1: None, n: 0 });
        assert_eq!(per_class(&counts)[3], ClassFigures { precision: None, recall: None, f1: None, n: 0 });
        assert!(accuracy(&confusion(&Outcomes { truth: &[], predicted: &[], classes: 2 })).is_nan());
    }

    #[test]
    fn the_first_of_equals_is_the_likeliest() {
        assert_eq!(argmax(&[0.2, 0.4, 0.4]), 1);
    }
}
