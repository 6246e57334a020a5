//! The task `see`: an atlas of what a net has learned, as a folder of pages that opens by double-click.

pub(crate) mod activity;
mod claim;
mod confused;
mod drawing;
pub(crate) mod first;
mod pages;
mod patch;
mod portrait;
pub(crate) mod subject;
mod transfer;

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use striate_data::dataset::{Dataset, OpenOptions};

use crate::error::Error;
use crate::event::{Event, Observer};
use crate::report::Fault;
use crate::stream::in_batches;
use crate::thumb::to_rgb;
use activity::{Activity, TOP};
use claim::{claim, write};
use drawing::{Plan, spread};
pub use first::FilterSummary;
use first::FirstLayer;
use patch::Patch;
use portrait::Said;
use subject::{Run, Subject};
pub use transfer::ClassDrawn;

/// Pictures that go through the net at a time: what all layers give for them is held at once.
const BATCH: usize = 4;
/// Classes that are drawn where nobody names some.
const CLASSES: usize = 6;
/// Pictures whose features are kept, to find the nearest.
const REMEMBERED: usize = 20_000;

/// Which net to look at, by which pictures.
#[derive(Clone, Debug)]
pub struct SeeOptions {
    /// A model file, a run folder, weights with their `config.json`, or the name of a net that comes with its weights.
    pub model: String,
    /// Pictures, labelled or not.
    pub images: String,
    /// The folder; `atlas` in the folder of the run, or here, where not given.
    pub out: Option<PathBuf>,
    /// Layers to show; all where not given.
    pub layers: Option<Vec<String>>,
    /// Channels of a layer to show, at most.
    pub channels: usize,
    /// Classes to draw, by name or number from 0; some where not given.
    pub classes: Option<Vec<String>>,
    /// Pictures to explain one by one, at most.
    pub explained: usize,
    /// How long drawing may take, by a plan that looks at no clock.
    pub budget: Duration,
    /// Whether a folder that holds other things may be written to.
    pub overwrite: bool,
}

/// What the atlas shows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SeeReport {
    /// The net.
    pub model: String,
    /// Pictures that went through it.
    pub pictures: usize,
    /// Pictures that could not be read.
    pub faults: Vec<Fault>,
    /// The filters of the first layer.
    pub filters: FilterSummary,
    /// In the order in which a picture meets them.
    pub layers: Vec<LayerSummary>,
    /// Channels that the pages show no patches of, to keep the atlas small.
    pub channels_left_out: usize,
    /// Files drawn by gradient ascent.
    pub drawings: usize,
    /// Drawings of channels and classes shown that did not fit into the budget.
    pub drawings_left_out: usize,
    /// What is said of the classes that were drawn.
    pub classes: Vec<ClassDrawn>,
    /// Pictures that have a page of their own.
    pub explained: usize,
    /// Pairs of classes of which one is taken for the other.
    pub confused: usize,
    /// Length of all files.
    pub bytes: u64,
    /// The page to begin with.
    pub page: String,
}

/// A layer in figures.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LayerSummary {
    /// Where it stands in the net.
    pub layer: String,
    /// Channels, rows and columns of what it gives.
    pub shape: [usize; 3],
    /// Rows and columns of the picture that a unit in its middle sees.
    pub field: [usize; 2],
    /// Share of units, over pictures and channels, that gave more than 0.
    pub positive: f64,
    /// Channels that gave the same value everywhere.
    pub dead: Vec<usize>,
    /// Channels that do what an earlier one does, with that one: correlation of their greatest values over pictures above 0.99.
    pub duplicates: Vec<[usize; 2]>,
    /// Channels whose patches are shown.
    pub shown: Vec<usize>,
}

/// Draws the atlas.
pub fn see(options: &SeeOptions, observer: Observer) -> Result<SeeReport, Error> {
    let subject = Subject::open(&options.model)?;
    let shown = shown(&subject, options)?;
    let classes = classes(&subject, options)?;
    let dataset = open(&subject, &options.images)?;
    if dataset.is_empty() {
        return Err(Error::request(format!("{}: no picture is there", options.images), "give a folder of pictures"));
    }
    let out = claim::place(options);
    claim(&out, &subject, &dataset, options.overwrite)?;
    let first = FirstLayer::new(&subject.filters);
    let Seen { activity, patches, said, faults } = look(&subject, &dataset, &shown, observer)?;
    if activity.pictures == 0 {
        let what = format!("no picture could be read: {}: {}", faults[0].file, faults[0].error);
        return Err(Error::request(what, "give others"));
    }
    let explained = portrait::chosen(&said, options.explained);
    if !explained.is_empty() {
        observer(Event::Stage(format!("explaining {} pictures", explained.len())));
    }
    for (i, &at) in explained.iter().enumerate() {
        portrait::draw(&subject, &dataset, &said, at, &out)?;
        let (done, total) = (i as u64 + 1, explained.len() as u64);
        observer(Event::pictures(done, total));
    }
    let plan = Plan::new(&subject, &shown, &classes, options.budget);
    plan.draw(&subject, &out, observer)?;
    observer(Event::Stage("writing the pages".into()));
    let pairs = confused::pairs(&subject, &activity, &said);
    let all: usize = subject.layers.iter().map(|layer| layer.shape[0]).sum();
    let mut report = SeeReport {
        model: subject.name.clone(),
        pictures: activity.pictures,
        faults,
        filters: first.summary.clone(),
        layers: layers(&subject, &activity, &shown),
        channels_left_out: all - shown.iter().map(Vec::len).sum::<usize>(),
        drawings: plan.drawings.len(),
        drawings_left_out: plan.left_out,
        classes: transfer::judge(&subject, &plan, &out)?,
        explained: explained.len(),
        confused: pairs.len(),
        bytes: 0,
        page: out.join("index.html").display().to_string(),
    };
    let atlas = pages::Atlas {
        subject: &subject,
        dataset: &dataset,
        first: &first,
        activity: &activity,
        patches: &patches,
        plan: &plan,
        said: &said,
        explained: &explained,
        pairs: &pairs,
        report: &report,
    };
    atlas.write(&out)?;
    report.bytes = claim::finish(&out, &report)?;
    claim::link(&options.model, &out)?;
    Ok(report)
}

/// With their labels, where some of them are classes of the net or it tells none.
fn open(subject: &Subject, images: &str) -> Result<Dataset, Error> {
    let opened = |unlabelled| Dataset::open(images, &OpenOptions { unlabelled, ..OpenOptions::default() });
    match opened(false) {
        Ok(dataset)
            if !subject.tells_classes() || dataset.classes.iter().any(|class| subject.classes.contains(class)) =>
        {
            Ok(dataset)
        }
        _ => Ok(opened(true)?),
    }
}

/// The classes, or numbers of a code, that are drawn: those asked for, or some spread over all.
fn classes(subject: &Subject, options: &SeeOptions) -> Result<Vec<usize>, Error> {
    let count = subject.class_count();
    let Some(names) = &options.classes else {
        let some = CLASSES.min(count);
        return Ok((0..some).map(|i| spread(i, some, count)).collect());
    };
    if count == 0 {
        let what = format!("{} answers with a picture, and tells no classes", subject.name);
        return Err(Error::request(what, "leave out --classes"));
    }
    let number = |name: &String| {
        let named = subject.classes.iter().position(|class| class == name);
        named.or_else(|| name.parse().ok().filter(|&class: &usize| class < count)).ok_or_else(|| {
            let some: Vec<&str> = subject.classes.iter().take(20).map(String::as_str).collect();
            let advice = if some.is_empty() { String::new() } else { format!(" or a name: {}", some.join(", ")) };
            let advice = format!("give a number from 0 to {}{advice}", count.saturating_sub(1));
            Error::request(format!("{} has no class {name}", subject.name), advice)
        })
    };
    names.iter().map(number).collect()
}

/// The channels of each layer that are shown: evenly spread over all of it, so that none is shown for its looks.
fn shown(subject: &Subject, options: &SeeOptions) -> Result<Vec<Vec<usize>>, Error> {
    let names = options.layers.as_deref().unwrap_or_default();
    if let Some(unknown) = names.iter().find(|name| subject.layers.iter().all(|layer| layer.path != **name)) {
        let all: Vec<&str> = subject.layers.iter().map(|layer| layer.path.as_str()).collect();
        let what = format!("{} has no layer {unknown}", subject.name);
        return Err(Error::request(what, format!("its convolutions are {}", all.join(", "))));
    }
    let of = |layer: &subject::Layer| {
        let (all, wanted) = (layer.shape[0], options.layers.is_none() || names.contains(&layer.path));
        let count = if wanted { all.min(options.channels) } else { 0 };
        (0..count).map(|i| i * all / count).collect()
    };
    Ok(subject.layers.iter().map(of).collect())
}

/// What one pass over the pictures brings.
struct Seen {
    activity: Activity,
    patches: HashMap<(usize, usize), Vec<Patch>>,
    said: Vec<Said>,
    faults: Vec<Fault>,
}

fn look(subject: &Subject, dataset: &Dataset, shown: &[Vec<usize>], observer: Observer) -> Result<Seen, Error> {
    let total = dataset.len();
    observer(Event::Stage(format!("looking at {total} pictures through {}", subject.name)));
    let mut seen =
        Seen { activity: Activity::new(subject), patches: HashMap::new(), said: Vec::new(), faults: Vec::new() };
    let make = |i: usize| match dataset.picture(i) {
        Ok(decoded) => Ok(subject.preprocess.to_unit(&decoded.picture)),
        Err(why) => Err(Fault { file: dataset.name(i), error: why.to_string() }),
    };
    in_batches(total, BATCH, make, |from, made| {
        let mut batch = Vec::new();
        for (i, made) in made.into_iter().enumerate() {
            match made {
                Ok(unit) => batch.push((from + i, unit)),
                Err(fault) => seen.faults.push(fault),
            }
        }
        seen.push(subject, dataset, shown, &batch);
        let done = (from + BATCH).min(total) as u64;
        observer(Event::pictures(done, total as u64));
        std::ops::ControlFlow::Continue(())
    });
    Ok(seen)
}

impl Seen {
    fn push(&mut self, subject: &Subject, dataset: &Dataset, shown: &[Vec<usize>], batch: &[(usize, Vec<f32>)]) {
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
        let Run { outputs, features, logits } = subject.run(&prepared.iter().map(Vec::as_slice).collect::<Vec<_>>());
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
        let drawn: Vec<_> = batch.iter().map(|(_, unit)| to_rgb(unit, subject.preprocess.size)).collect();
        for (layer, channel, at, field) in self.activity.push(subject, &outputs, &pictures) {
            if shown[layer].binary_search(&channel).is_err() {
                continue;
            }
            let kept = self.patches.entry((layer, channel)).or_default();
            kept.push(Patch::cut(&drawn[at], field, batch[at].0));
            let top = &self.activity.layers[layer].channels[channel].top;
            kept.retain(|patch| top.iter().any(|spot| spot.picture == patch.picture));
            debug_assert!(kept.len() <= TOP);
        }
    }
}

fn layers(subject: &Subject, activity: &Activity, shown: &[Vec<usize>]) -> Vec<LayerSummary> {
    let of = |((layer, activity), shown): ((&subject::Layer, &activity::LayerActivity), &Vec<usize>)| {
        let [_, h, w] = layer.shape;
        let field = layer.fields[h / 2 * w + w / 2];
        let channels = &activity.channels;
        let twins = activity.twins();
        LayerSummary {
            layer: layer.path.clone(),
            shape: layer.shape,
            field: [field.bottom - field.top, field.right - field.left],
            positive: channels.iter().map(activity::Channel::positive).sum::<f64>() / channels.len() as f64,
            dead: (0..channels.len()).filter(|&i| channels[i].is_dead()).collect(),
            duplicates: twins.iter().enumerate().filter_map(|(i, twin)| Some([i, (*twin)?])).collect(),
            shown: shown.clone(),
        }
    };
    subject.layers.iter().zip(&activity.layers).zip(shown).map(of).collect()
}
