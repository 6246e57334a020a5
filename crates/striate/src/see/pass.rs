//! One pass of the pictures through the net: what the pages show of them. Where time is short, a sample of them, evenly spread.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;
use striate_data::dataset::Dataset;
use striate_nn::watch::Field;

use super::activity::{Activity, TOP};
use super::clock::{Clock, Work};
use super::patch::Patch;
use super::portrait::Said;
use super::subject::{Run, Subject};
use super::transfer;
use crate::event::{Event, Observer};
use crate::report::Fault;
use crate::stream::in_batches;
use crate::thumb::to_rgb;

/// Pictures that go through the net at a time: what all layers give for them is held at once.
const BATCH: usize = 4;
/// Pictures whose features are kept, to find the nearest.
const REMEMBERED: usize = 20_000;
/// Pictures that are looked at before any is left out, and share of the pass's time that they may take: the first ones, which excite every
/// channel more than any before, take longest.
const FIRST: (usize, f64) = (16, 0.125);

/// What one pass over the pictures brings.
pub(super) struct Seen {
    /// What all channels did.
    pub activity: Activity,
    /// Of channels shown, by layer and channel.
    pub patches: HashMap<(usize, usize), Vec<Patch>>,
    /// What the net said, in the order of the pictures.
    pub said: Vec<Said>,
    /// Pictures that could not be read.
    pub faults: Vec<Fault>,
    /// Pictures that did not fit into the time.
    pub left_out: usize,
}

/// Looks at all pictures, or at as many as fit into half of the time that is left: a sample tells nearly as much as all of them, and what
/// follows needs time too. How far apart those of a sample lie is chosen anew after each batch, so that they reach to the last picture.
pub(super) fn look(
    subject: &Subject,
    dataset: &Dataset,
    shown: &[Vec<usize>],
    clock: &mut Clock,
    observer: Observer,
) -> Seen {
    let total = dataset.len();
    observer(Event::Stage(format!("looking at {total} pictures through {}", subject.name)));
    let mut seen = Seen {
        activity: Activity::new(subject),
        patches: HashMap::new(),
        said: Vec::new(),
        faults: Vec::new(),
        left_out: 0,
    };
    let (due, apart) = (clock.half(), AtomicUsize::new(1));
    let judged = clock.now() + FIRST.1 * (due - clock.now());
    let make = |i: usize| {
        i.is_multiple_of(apart.load(Ordering::Relaxed)).then(|| match dataset.picture(i) {
            Ok(decoded) => Ok(subject.preprocess.to_unit(&decoded.picture)),
            Err(why) => Err(Fault { file: dataset.name(i), error: why.to_string() }),
        })
    };
    let (mut batch, mut begun) = (Vec::new(), clock.now());
    in_batches(total, BATCH, make, |from, made| {
        let done = from + made.len();
        for (i, made) in made.into_iter().enumerate() {
            match made {
                Some(Ok(unit)) => batch.push((from + i, unit)),
                Some(Err(fault)) => seen.faults.push(fault),
                None => {}
            }
        }
        if batch.len() < BATCH && done < total {
            return ControlFlow::Continue(());
        }
        let pictures = batch.len();
        seen.push(subject, dataset, shown, &std::mem::take(&mut batch), clock);
        if pictures > 0 {
            clock.measured(Work::Look, pictures as f64, clock.now() - begun);
        }
        begun = clock.now();
        observer(Event::pictures(done as u64, total as u64));
        if seen.activity.pictures == 0 || seen.activity.pictures < FIRST.0 && clock.now() < judged {
            return ControlFlow::Continue(());
        }
        match clock.units_by(due, Work::Look) {
            Some(0) => return ControlFlow::Break(()),
            Some(more) => apart.store((total - done).div_ceil(more).max(1), Ordering::Relaxed),
            None => {}
        }
        ControlFlow::Continue(())
    });
    seen.left_out = total - seen.activity.pictures - seen.faults.len();
    if seen.left_out > 0 {
        observer(Event::Warning(format!(
            "a sample of {} of {total} pictures went through the net: all of them do not fit into half of the time (--budget)",
            seen.activity.pictures
        )));
    }
    seen
}

impl Seen {
    fn push(
        &mut self,
        subject: &Subject,
        dataset: &Dataset,
        shown: &[Vec<usize>],
        batch: &[(usize, Vec<f32>)],
        clock: &mut Clock,
    ) {
        if batch.is_empty() {
            return;
        }
        let prepared: Vec<Vec<f32>> = batch
            .iter()
            .map(|(_, unit)| {
                let mut prepared = unit.clone();
                subject.preprocess.normalise(&mut prepared);
                prepared
            })
            .collect();
        let rows: Vec<&[f32]> = prepared.iter().map(Vec::as_slice).collect();
        let run = clock.time(Work::Forward, batch.len() as f64, || subject.run(&rows));
        let Run { outputs, features, logits } = run;
        let (classes, length) = (logits.len() / batch.len(), features.len() / batch.len());
        let mut pictures = Vec::new();
        for (at, &(picture, _)) in batch.iter().enumerate() {
            let class = transfer::likeliest(&logits[at * classes..][..classes]);
            let label = dataset.examples[picture].label.map(|label| label as usize);
            pictures.push((picture, label.unwrap_or(class.0)));
            if self.said.len() < REMEMBERED {
                let name = label.and_then(|label| dataset.classes.get(label));
                let truth = name.and_then(|name| subject.classes.iter().position(|class| class == name));
                let features = features[at * length..][..length].to_vec();
                self.said.push(Said { picture, class, truth, features });
            }
        }
        let mut entered = self.activity.push(subject, &outputs, &pictures);
        entered.retain(|(layer, channel, ..)| shown[*layer].binary_search(channel).is_ok());
        self.cut(subject, batch, &entered);
    }

    /// Cuts the patches of channels that some pictures of the batch excite: `(layer, channel, place in the batch, field)`. Units of many
    /// channels see the same part, which is cut once.
    fn cut(&mut self, subject: &Subject, batch: &[(usize, Vec<f32>)], entered: &[(usize, usize, usize, Field)]) {
        let drawn: Vec<_> = batch.iter().map(|(_, unit)| to_rgb(unit, subject.preprocess.size)).collect();
        let part = |at: usize, field: Field| (at, [field.top, field.left, field.bottom, field.right]);
        let mut parts: Vec<(usize, Field)> = entered.iter().map(|&(.., at, field)| (at, field)).collect();
        parts.sort_by_key(|&(at, field)| part(at, field));
        parts.dedup();
        let cut: Vec<Patch> = parts.par_iter().map(|&(at, field)| Patch::cut(&drawn[at], field, batch[at].0)).collect();
        for &(layer, channel, at, field) in entered {
            let top = &self.activity.layers[layer].channels[channel].top;
            let kept = self.patches.entry((layer, channel)).or_default();
            let place = parts.binary_search_by_key(&part(at, field), |&(at, field)| part(at, field));
            kept.extend(place.map(|place| cut[place].clone()));
            kept.retain(|patch| top.iter().any(|spot| spot.picture == patch.picture));
            debug_assert!(kept.len() <= TOP);
        }
    }
}
