//! The task `see`: an atlas of what a net has learned, as a folder of pages that opens by double-click.

pub(crate) mod activity;
mod claim;
mod clock;
mod confused;
mod drawing;
pub(crate) mod first;
mod pages;
mod pass;
mod patch;
mod portrait;
mod rows;
pub(crate) mod subject;
mod transfer;

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use striate_data::dataset::{Dataset, OpenOptions};

use crate::error::Error;
use crate::event::{Event, Observer};
use crate::report::Fault;
use activity::Activity;
use claim::{claim, write};
use clock::{Clock, Work};
use drawing::{Wanted, spread};
pub use first::FilterSummary;
use first::FirstLayer;
use pass::Seen;
use portrait::Portraits;
use rows::Rows;
use subject::Subject;
pub use transfer::ClassDrawn;

/// Classes that are drawn where nobody names some.
const CLASSES: usize = 6;
/// Pages beside those of layers and pictures, with their style.
const PAGES: usize = 5;

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
    /// How long all of it may take; what does not fit is left out and counted. What is drawn already takes no time.
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
    /// Pictures that did not go through it for lack of time: the others are a sample, evenly spread.
    pub pictures_left_out: usize,
    /// Pictures that could not be read.
    pub faults: Vec<Fault>,
    /// The filters of the first layer.
    pub filters: FilterSummary,
    /// In the order in which a picture meets them.
    pub layers: Vec<LayerSummary>,
    /// Channels that the pages show no patches of, to keep the atlas small or for lack of time.
    pub channels_left_out: usize,
    /// Those of them that would have been shown, had there been time.
    pub channels_out_of_time: usize,
    /// Files drawn by gradient ascent.
    pub drawings: usize,
    /// Drawings of channels and classes shown that did not fit into the budget.
    pub drawings_left_out: usize,
    /// What is said of the classes that were drawn.
    pub classes: Vec<ClassDrawn>,
    /// Pictures that have a page of their own.
    pub explained: usize,
    /// Pictures to explain that did not fit into the budget.
    pub explained_left_out: usize,
    /// Maps by occlusion or integrated gradients that pictures with a page go without for lack of time.
    pub evidence_left_out: usize,
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

/// Draws the atlas: first what the pictures show, then single pictures explained, then drawings, each as far as time goes.
pub fn see(options: &SeeOptions, observer: Observer) -> Result<SeeReport, Error> {
    let mut clock = Clock::start(options.budget);
    let subject = clock.time(Work::Open, 1.0, || Subject::open(&options.model))?;
    let wanted = shown(&subject, options)?;
    let classes = classes(&subject, options)?;
    let dataset = open(&subject, &options.images)?;
    if dataset.is_empty() {
        return Err(Error::request(format!("{}: no picture is there", options.images), "give a folder of pictures"));
    }
    let out = claim::place(options);
    claim(&out, &subject, &dataset, options.overwrite)?;
    let first = FirstLayer::new(&subject.filters);
    let begun = clock.now();
    let files = pages::write_filters(&subject, &first, &out)?;
    clock.measured(Work::File, files as f64, clock.now() - begun);
    let pages = PAGES + wanted.iter().filter(|channels| !channels.is_empty()).count();
    clock.keep(clock.cost(Work::File, pages as f64).unwrap_or(0.0));
    let Seen { activity, patches, said, faults, left_out } =
        pass::look(&subject, &dataset, &wanted, &mut clock, observer);
    if activity.pictures == 0 {
        let what = format!("no picture could be read: {}: {}", faults[0].file, faults[0].error);
        return Err(Error::request(what, "give others"));
    }
    observer(Event::Stage("cutting out what excites the channels".into()));
    let rows = Rows::begin(&activity, &patches, &wanted, &out, &mut clock)?;
    let mut layers = layers(&subject, &activity);
    let pairs = confused::pairs(&subject, &activity, &said);
    let chosen = portrait::chosen(&said, options.explained);
    let explained = portrait::draw(&subject, &dataset, &said, &chosen, &out, &mut clock, observer)?;
    let Portraits { drawn: explained, left_out: explained_left_out, evidence_left_out } = explained;
    let shown = rows.finish(&out, &mut clock)?;
    layers.iter_mut().zip(&shown).for_each(|(layer, shown)| layer.shown.clone_from(shown));
    let gallery = Wanted::new(&shown, &classes).draw(&subject, &out, &mut clock, observer)?;
    observer(Event::Stage("writing the pages".into()));
    let count = |of: &[Vec<usize>]| of.iter().map(Vec::len).sum::<usize>();
    let all: usize = subject.layers.iter().map(|layer| layer.shape[0]).sum();
    let mut report = SeeReport {
        model: subject.name.clone(),
        pictures: activity.pictures,
        pictures_left_out: left_out,
        faults,
        filters: first.summary.clone(),
        layers,
        channels_left_out: all - count(&shown),
        channels_out_of_time: count(&wanted) - count(&shown),
        drawings: gallery.drawings.len(),
        drawings_left_out: gallery.left_out,
        classes: transfer::judge(&subject, &gallery, &out)?,
        explained: explained.len(),
        explained_left_out,
        evidence_left_out,
        confused: pairs.len(),
        bytes: 0,
        page: out.join("index.html").display().to_string(),
    };
    let atlas = pages::Atlas {
        subject: &subject,
        dataset: &dataset,
        first: &first,
        activity: &activity,
        gallery: &gallery,
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

/// The layers in figures, none of their channels shown yet.
fn layers(subject: &Subject, activity: &Activity) -> Vec<LayerSummary> {
    let of = |(layer, activity): (&subject::Layer, &activity::LayerActivity)| {
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
            shown: Vec::new(),
        }
    };
    subject.layers.iter().zip(&activity.layers).map(of).collect()
}
