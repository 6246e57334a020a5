//! Whether what was drawn for a class is that class to the net itself, and to another one.

use std::path::Path;

use serde::Serialize;
use striate_data::decode::{Limits, decode};
use striate_nn::pretrained;

use super::drawing::{Drawing, Gallery, What};
use super::subject::Subject;
use crate::error::Error;

/// A class as it was drawn.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassDrawn {
    /// Its number.
    pub class: usize,
    /// How: `plain`, `yosinski` or `distill`.
    pub style: String,
    /// Probability that the net gives it, for the picture as it lies in its file.
    pub probability: f64,
    /// Another net that tells the same classes, and the class's place in its order, from 1.
    pub elsewhere: Option<(String, usize)>,
}

/// The class with the greatest logit, the first of equal ones, and its probability.
pub(crate) fn likeliest(logits: &[f32]) -> (usize, f64) {
    let order = |&a: &usize, &b: &usize| logits[a].total_cmp(&logits[b]).then(b.cmp(&a));
    let class = (0..logits.len()).max_by(order).unwrap_or(0);
    (class, probability(logits, class))
}

fn probability(logits: &[f32], class: usize) -> f64 {
    let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let share = |logit: &f32| libm::exp(f64::from(logit - top));
    let own = logits.get(class).map_or(0.0, share);
    own / logits.iter().map(share).sum::<f64>().max(1e-300)
}

/// Looks at the files of the classes. The embedded nets, which tell the same thousand classes, judge each other.
pub(super) fn judge(subject: &Subject, gallery: &Gallery, out: &Path) -> Result<Vec<ClassDrawn>, Error> {
    if !subject.tells_classes() {
        return Ok(Vec::new());
    }
    let of_class = |drawing: &Drawing| match drawing.what {
        What::Class(class) => Some((class, *drawing)),
        _ => None,
    };
    let classes: Vec<(usize, Drawing)> = gallery.drawings.iter().filter_map(of_class).collect();
    if classes.is_empty() {
        return Ok(Vec::new());
    }
    let others = ["squeezenet1_1", "efficientnet_lite0"];
    let other = pretrained::find(&subject.name).and_then(|_| others.into_iter().find(|name| *name != subject.name));
    let other = other.map(Subject::open).transpose()?;
    let mut judged = Vec::new();
    for (class, drawing) in classes {
        let Some(logits) = seen_by(subject, drawing, out) else { continue };
        let elsewhere = other.as_ref().and_then(|other| {
            let logits = seen_by(other, drawing, out)?;
            let place = 1 + logits.iter().filter(|&&logit| logit > logits[class]).count();
            Some((other.name.clone(), place))
        });
        let style = drawing.style_name().to_string();
        judged.push(ClassDrawn { class, style, probability: probability(&logits, class), elsewhere });
    }
    Ok(judged)
}

/// Logits that a net gives a file of one drawing.
fn seen_by(net: &Subject, drawing: Drawing, out: &Path) -> Option<Vec<f32>> {
    let bytes = std::fs::read(out.join(drawing.file())).ok()?;
    let mut preprocess = net.preprocess.clone();
    // The whole drawing, of which a contract for photos would take the middle.
    preprocess.resize = striate_data::preprocess::Resize::Stretch;
    let unit = preprocess.to_unit(&decode(&bytes, &Limits::default()).ok()?.picture);
    Some(net.sight().logits(&unit))
}
