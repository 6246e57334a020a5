//! The verdict: what the figures mean, in sentences that someone who does not know the method understands.

use crate::finish::Outcome;
use crate::report::Score;
use crate::train::Job;

/// The sentences, the headline first.
pub(crate) fn verdict(job: &Job, outcome: &Outcome) -> Vec<String> {
    let classes = job.prepared.classes().len();
    let mut sentences = Vec::new();
    if outcome.test.is_none() && !job.prepared.leaks.is_empty() {
        sentences.push(
            "There is no honest figure on the test pictures: there are copies of training pictures among them.".into(),
        );
    }
    if let Some((score, on)) = headline_score(outcome) {
        let [low, high] = score.ci95;
        sentences.push(format!(
            "Expect about {:.0} of 100 new pictures like these to be labelled right, each class counted the same; between {:.0} and {:.0} is what {} {on} pictures can say.",
            100.0 * score.balanced_accuracy, (100.0 * low).floor(), (100.0 * high).ceil(), score.n
        ));
    }
    if outcome.rungs.is_empty() {
        let scored = outcome.test.as_ref().map_or(String::new(), |_| format!(" and scored on {}", outcome.judged_by));
        let n = outcome.fitted.learned_from;
        sentences.push(format!("{} was trained on {n} pictures{scored}.", outcome.chosen));
        return sentences;
    }
    let chosen = describe(&outcome.chosen);
    let best = outcome.rungs.iter().fold(None, |best: Option<&crate::report::Rung>, rung| match best {
        Some(best) if best.score.balanced_accuracy >= rung.score.balanced_accuracy => Some(best),
        _ => Some(rung),
    });
    sentences.push(match best {
        Some(best) if best.name != outcome.chosen => format!(
            "The saved model is {chosen}: {} did better here only by as much as chance explains, and the simpler one is kept.",
            describe(&best.name)
        ),
        _ if outcome.chosen == "chance" => "Nothing that was tried does better than always naming the commonest class.".into(),
        _ => format!("The saved model is {chosen}, the best of what was tried."),
    });
    let chance = 100.0 / classes as f64;
    sentences.push(format!("Guessing among the {classes} classes would label {chance:.0} of 100 right."));
    if outcome.refitted {
        sentences.push(format!(
            "The choice among the models was made without the pictures that score it; the saved model was then fitted to all {} pictures.",
            outcome.fitted.learned_from
        ));
    }
    sentences.extend(outcome.labels.as_ref().map(|labels| labels.sentence.clone()));
    if outcome.chosen.starts_with("efficientnet_lite0") {
        sentences.push("Its features were learned on ImageNet: on kinds of pictures that are rare there (microscopy, X-ray), expect it to help less.".into());
    }
    sentences
}

/// The figure to put first, and what its pictures are called.
fn headline_score(outcome: &Outcome) -> Option<(&Score, &'static str)> {
    match (&outcome.test, &outcome.selected) {
        (Some(test), _) => Some((test, "test")),
        (None, Some(selected)) => Some((selected, "held-out")),
        (None, None) => None,
    }
}

/// A rung in plain words.
pub fn describe(rung: &str) -> String {
    match rung {
        "chance" => "the commonest class for every picture".into(),
        "pixels" => "logistic regression on raw pixels".into(),
        "edges_hog" => "logistic regression on edges and gradients (edge histograms and HOG)".into(),
        "pca" => "logistic regression on principal components of the pixels".into(),
        "conv4" => "a small convolutional net trained from scratch".into(),
        "efficientnet_lite0_knn" => "nearest neighbours by features of a pretrained net (EfficientNet-Lite0)".into(),
        "efficientnet_lite0_svm" => {
            "a linear support vector machine on features of a pretrained net (EfficientNet-Lite0)".into()
        }
        "efficientnet_lite0" => "logistic regression on features of a pretrained net (EfficientNet-Lite0)".into(),
        "efficientnet_lite0_finetuned" => "a pretrained net (EfficientNet-Lite0) with its last block trained on".into(),
        "pixels_centroid" => "the nearest class mean of raw pixels".into(),
        "efficientnet_lite0_centroid" => {
            "the nearest class mean of features of a pretrained net (EfficientNet-Lite0)".into()
        }
        other => other.into(),
    }
}
