//! What more labels would buy: curves over the features that the ladder has at hand, followed beyond their end, in words.

use crate::draws::Pool;
use crate::error::Error;
use crate::event::Event;
use crate::extrapolate::extrapolate;
use crate::judge::sample;
use crate::label_curve::{Curves, Learner, measure};
use crate::plan::MACS_PER_SECOND;
use crate::report::{Extrapolation, LabelCurve, LabelDifference, LabelReport};
use crate::rungs::{Probe, Rung};
use crate::train::Job;
use crate::verdict::describe;
use std::collections::BTreeSet;
use striate_kernels::rng::Key;

/// Share of the budget.
const SHARE: f64 = 0.05;
/// Most pictures drawn from.
const PICTURES: usize = 2000;
/// Rungs that curves are drawn for.
const CURVES: [&str; 3] = ["pixels", "efficientnet_lite0_centroid", "efficientnet_lite0_discriminant"];
/// A gain below this, in balanced accuracy, is little.
const LITTLE: f64 = 0.02;

/// Draws the curves, after the ladder, on training pictures alone; that of the `chosen` rung is followed where there is one.
pub(crate) fn more_labels(job: &Job, rungs: &[Box<dyn Rung + '_>], chosen: &str) -> Result<LabelReport, Error> {
    let (prepared, seed) = (&job.prepared, job.recipe.train.seed);
    (job.observer)(Event::Stage("what more labels would buy".into()));
    let probes: Vec<&Probe> = rungs
        .iter()
        .filter(|rung| CURVES.contains(&rung.name()))
        .filter_map(|rung| rung.probe())
        .filter(|probe| !probe.known().is_empty())
        .collect();
    let train: BTreeSet<usize> = prepared.train.iter().copied().collect();
    let known = probes.last().map_or(Vec::new(), |probe| probe.known());
    let known: Vec<usize> = known.into_iter().filter(|i| train.contains(i)).collect();
    let pictures = sample(&known, PICTURES, Key::new(seed).with_name("label curve"));
    let (labels, groups) = (prepared.labels_of(&pictures), prepared.groups_of(&pictures));
    let pool = Pool { labels: &labels, groups: &groups, classes: prepared.classes().len() };
    let features: Vec<Vec<f32>> = probes.iter().map(|probe| probe.vectors(&pictures)).collect::<Result<_, _>>()?;
    let learners: Vec<Learner> = probes
        .iter()
        .zip(&features)
        .map(|(probe, features)| Learner {
            name: probe.name().into(),
            features,
            head: probe.head(),
            spec: probe.spec(),
        })
        .collect();
    let curves = measure(&pool, &learners, SHARE * job.asked.budget_s as f64 * MACS_PER_SECOND, seed);

    let name = |learner: usize| learners[learner].name.clone();
    let followed = followed(&curves, &learners, chosen);
    let now = harmonic_mean(&prepared.counts());
    let extrapolation = followed.map(|learner| extrapolate(&curves, learner, &name(learner), now));
    Ok(LabelReport {
        now,
        pictures: pictures.len(),
        curves: (0..learners.len()).map(|i| LabelCurve { rung: name(i), points: curves.points(i) }).collect(),
        differences: (1..learners.len())
            .map(|i| LabelDifference { rung: name(i), minus: name(i - 1), points: curves.differences(i, i - 1) })
            .collect(),
        sentence: sentence(&curves, followed, extrapolation.as_ref(), chosen),
        extrapolation,
    })
}

/// The curve of the chosen rung; where it has none, the one that ends highest.
fn followed(curves: &Curves, learners: &[Learner], chosen: &str) -> Option<usize> {
    let end = |i: usize| curves.points(i).last().map(|point| point.mean);
    let ends: Vec<(usize, f64)> = (0..learners.len()).filter_map(|i| Some((i, end(i)?))).collect();
    let best = ends.iter().fold(None, |best: Option<&(usize, f64)>, this| match best {
        Some(best) if best.1 >= this.1 => Some(best),
        _ => Some(this),
    });
    ends.iter().find(|(i, _)| learners[*i].name == chosen).or(best).map(|(i, _)| *i)
}

/// Rounded. The mean of the classes' errors is that of a class with so many labels, where errors fall as 1 / n.
pub(crate) fn harmonic_mean(counts: &[usize]) -> usize {
    let inverse: f64 = counts.iter().map(|&n| 1.0 / n.max(1) as f64).sum();
    (counts.len() as f64 / inverse).round() as usize
}

fn sentence(curves: &Curves, followed: Option<usize>, extrapolation: Option<&Extrapolation>, chosen: &str) -> String {
    let (Some(learner), Some(extrapolation)) = (followed, extrapolation) else {
        return "What more labels would buy cannot be seen: the smallest class has too few pictures to learn from some and score on others.".into();
    };
    let whose =
        if extrapolation.rung == chosen { String::new() } else { format!(" for {}", describe(&extrapolation.rung)) };
    if let Some(why) = &extrapolation.distrust {
        let points = curves.points(learner);
        let measured = match points.as_slice() {
            [.., before, last] => format!(
                " From {} to {} labels of each class the figure went from {:.0} to {:.0} of 100.",
                before.labels,
                last.labels,
                100.0 * before.mean,
                100.0 * last.mean
            ),
            _ => String::new(),
        };
        return format!("What more labels would buy cannot be foretold{whose}: {why}.{measured}");
    }
    let of_100 = |[low, high]: [f64; 2]| format!("{:.0} to {:.0}", (100.0 * low).floor(), (100.0 * high).ceil());
    let [now, twice, rest @ ..] = extrapolation.forecasts.as_slice() else { return String::new() };
    let more = rest
        .iter()
        .map(|f| format!(", with {:.0} times as many about {:.0} ({})", f.times, 100.0 * f.mean, of_100(f.ci95)));
    let [least, most] = twice.gain_ci95;
    let farthest = extrapolation.forecasts.iter().map(|f| f.gain_ci95[1]).fold(0.0, f64::max);
    let advice = if farthest < LITTLE {
        "more labels of these kinds will buy little".into()
    } else if least >= LITTLE {
        "more labels are worth having".into()
    } else {
        format!("twice the labels may buy {:.0} of 100, or next to nothing", 100.0 * most)
    };
    format!(
        "With twice the labels, {} of each class, expect about {:.0} of 100{whose} ({}){}; the same curve has {:.0} now: {advice}.",
        twice.labels,
        100.0 * twice.mean,
        of_100(twice.ci95),
        more.collect::<String>(),
        100.0 * now.mean,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::LabelForecast;

    fn forecast(times: f64, mean: f64, gain_ci95: [f64; 2]) -> LabelForecast {
        LabelForecast { times, labels: (30.0 * times) as usize, mean, ci95: [mean - 0.021, mean + 0.019], gain_ci95 }
    }

    fn said(gain: [f64; 2], distrust: Option<&str>, chosen: &str) -> String {
        let curves =
            Curves { sizes: vec![1, 2], values: vec![vec![vec![0.6], vec![0.7]]], resampled: vec![vec![vec![0.6]; 2]] };
        let forecasts = vec![forecast(1.0, 0.92, [0.0; 2]), forecast(2.0, 0.94, gain), forecast(5.0, 0.95, gain)];
        let distrust = distrust.map(String::from);
        let rung = "pixels".into();
        let of = Extrapolation { rung, floor: 0.0, scale: 0.5, exponent: 0.5, forecasts, distrust };
        sentence(&curves, Some(0), Some(&of), chosen)
    }

    #[test]
    fn the_sentence_says_what_to_expect_and_whether_it_is_worth_it() {
        let little = said([0.0, 0.01], None, "pixels");
        assert!(
            little.starts_with("With twice the labels, 60 of each class, expect about 94 of 100 (91 to 96)"),
            "{little}"
        );
        assert!(little.contains("with 5 times as many about 95") && little.ends_with("will buy little."), "{little}");
        assert!(said([0.02, 0.04], None, "pixels").ends_with("worth having."));
        assert!(said([0.0, 0.04], None, "pixels").ends_with("may buy 4 of 100, or next to nothing."));
        assert!(said([0.0, 0.04], None, "conv4").contains("for logistic regression on raw pixels"));
    }

    #[test]
    fn what_cannot_be_foretold_has_no_forecast() {
        let text = said([0.0, 0.04], Some("the curve is too short"), "pixels");
        assert!(text.contains("the curve is too short.") && text.contains("from 60 to 70 of 100"), "{text}");
        assert!(!text.contains("twice"), "{text}");
        let none = Curves { sizes: vec![], values: vec![], resampled: vec![] };
        assert!(sentence(&none, None, None, "pixels").contains("too few pictures"));
    }

    #[test]
    fn small_classes_weigh_most() {
        assert_eq!((harmonic_mean(&[40, 40]), harmonic_mean(&[5, 200])), (40, 10));
    }
}
