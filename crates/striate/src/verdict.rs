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
            "Expect about {:.0} of 100 new pictures like these to be labelled right, each class counted the same; the 95 % interval from {} {on} pictures is {:.0} to {:.0}.",
            100.0 * score.balanced_accuracy, score.n, (100.0 * low).floor(), (100.0 * high).ceil()
        ));
    }
    if outcome.judged.is_empty() {
        sentences.push(NOTHING_KNOWN.into());
        sentences.push(format!(
            "The saved model is {}, which did best with so few labels on other data.",
            describe(&outcome.chosen)
        ));
        return sentences;
    }
    if outcome.rungs.is_empty() {
        let scored = outcome.test.as_ref().map_or(String::new(), |_| format!(" and scored on {}", outcome.judged_by));
        let n = outcome.fitted.learned_from;
        sentences.push(format!("{} was trained on {n} pictures{scored}.", outcome.chosen));
        return sentences;
    }
    sentences.push(saved(outcome));
    let chance = 100.0 / classes as f64;
    let unproven = headline_score(outcome).is_some_and(|(score, _)| 100.0 * score.ci95[0] <= chance);
    let but = if unproven { ", and these pictures are too few to show that the model does better" } else { "" };
    sentences.push(format!("Guessing among the {classes} classes would label {chance:.0} of 100 right{but}."));
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

/// Where each class has one picture.
const NOTHING_KNOWN: &str = "Nothing is known about how well this model does: no class has a second picture, of another group, to score it on. Label one more of each class to get a figure.";

/// Which model is saved, and what was given up for it.
fn saved(outcome: &Outcome) -> String {
    let chosen = describe(&outcome.chosen);
    let Some(choice) = &outcome.choice else {
        return "Nothing that was tried does better than always naming the commonest class, which is what is saved."
            .into();
    };
    let best = outcome.rungs.iter().fold(None, |best: Option<&crate::report::Rung>, rung| match best {
        Some(best) if best.score.balanced_accuracy >= rung.score.balanced_accuracy => Some(best),
        _ => Some(rung),
    });
    let given_up = 100.0 * choice.given_up();
    match best {
        Some(best) if best.name != outcome.chosen && given_up > 0.0 => format!(
            "The saved model is {chosen}: a simpler one than {}, for which about {given_up:.1} of 100 right answers are given up.",
            describe(&best.name)
        ),
        Some(best) if best.name != outcome.chosen => format!(
            "The saved model is {chosen}. {} scored higher here, but on so few pictures that is weaker evidence than how the two do on other data.",
            capitalized(&describe(&best.name))
        ),
        _ => format!("The saved model is {chosen}, the best of what was tried."),
    }
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().collect::<String>() + chars.as_str())
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
        "efficientnet_lite0_discriminant" => {
            "a linear discriminant on features of a pretrained net (EfficientNet-Lite0)".into()
        }
        "efficientnet_lite0_centroid" => {
            "the nearest class mean of features of a pretrained net (EfficientNet-Lite0)".into()
        }
        other => other.into(),
    }
}
