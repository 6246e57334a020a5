//! What the atlas draws by gradient ascent, in which order, and how much of it fits into the time given.

use std::path::Path;
use std::time::Duration;

use image::RgbImage;
use image::imageops::{self, FilterType};
use striate_kernels::rng::Key;
use striate_train::explain::Target;
use striate_train::explain::maximise::{Maximise, Style, maximise};

use super::patch::{beside, to_webp};
use super::subject::Subject;
use super::write;
use crate::error::Error;
use crate::event::{Event, Observer};
use crate::thumb::to_rgb;

/// Steps up the gradient.
pub(crate) const STEPS: usize = 256;
/// Pictures of one channel that are held to differ.
pub(crate) const VARIETY: usize = 4;
/// Layers, evenly spread, that are drawn in every style and in variety.
const DEPTHS: usize = 4;
/// Side that pictures beside each other have at least, in pixels, as far as whole multiples allow.
const SIDE: u32 = 128;
/// Drawings at most: some 15 kB each.
const MOST: usize = 1200;
/// Multiply-adds a second that a plan counts on, single pictures forward and back on two ordinary cores; no clock decides what is drawn.
/// `striate bench --only W4` shows what a machine really does.
const MACS_PER_SECOND: f64 = 30e9;
/// What a pixel costs in every step beside the net (its waves and its motion), in multiply-adds.
const MACS_PER_PIXEL: f64 = 4e3;

/// What is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// A channel of a layer.
    Channel(usize, usize),
    /// The unit in the middle of a channel of a layer.
    Unit(usize, usize),
    /// A direction half way between two channels of a layer.
    Between(usize, [usize; 2]),
    /// A class.
    Class(usize),
}

impl What {
    /// What it is called.
    pub fn name(self, subject: &Subject) -> String {
        let path = |layer: usize| &subject.layers[layer].path;
        match self {
            Self::Channel(layer, channel) => format!("channel {channel} of {}", path(layer)),
            Self::Unit(layer, channel) => format!("the middle unit of channel {channel} of {}", path(layer)),
            Self::Between(layer, [a, b]) => format!("channels {a} and {b} of {} alike", path(layer)),
            Self::Class(class) => subject.class_name(class),
        }
    }
}

/// One file with a drawing, or a row of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Drawing {
    /// What excites.
    pub what: What,
    /// How it is kept sane.
    pub style: Style,
    /// Pictures, that differ.
    pub pictures: usize,
}

/// What is drawn and what is left out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    /// In order.
    pub drawings: Vec<Drawing>,
    /// Drawings that do not fit.
    pub left_out: usize,
    /// Layers that are drawn in every style.
    pub depths: Vec<usize>,
}

impl Plan {
    /// Layers of all depths in every style, the classes in every style, those layers in variety, a unit and a direction of each,
    /// then channel after channel of each layer.
    pub fn new(subject: &Subject, shown: &[Vec<usize>], classes: &[usize], budget: Duration) -> Self {
        let layers: Vec<usize> = (0..shown.len()).filter(|&layer| !shown[layer].is_empty()).collect();
        let depths: Vec<usize> =
            (0..DEPTHS.min(layers.len())).map(|i| layers[spread(i, DEPTHS, layers.len())]).collect();
        let in_styles = |what: What| Style::NAMES.map(|(_, style)| Drawing { what, style, pictures: 1 });
        let first = |&layer: &usize| What::Channel(layer, shown[layer][0]);
        let mut wanted: Vec<Drawing> = depths.iter().flat_map(|layer| in_styles(first(layer))).collect();
        wanted.extend(classes.iter().flat_map(|&class| in_styles(What::Class(class))));
        let varied = |layer| Drawing { what: first(layer), style: Style::Distill, pictures: VARIETY };
        wanted.extend(depths.iter().map(varied));
        for &layer in &depths {
            wanted.push(Drawing { what: What::Unit(layer, shown[layer][0]), style: Style::Distill, pictures: 1 });
            if let &[a, b, ..] = shown[layer].as_slice() {
                wanted.push(Drawing { what: What::Between(layer, [a, b]), style: Style::Distill, pictures: 1 });
            }
        }
        for rank in 0..shown.iter().map(Vec::len).max().unwrap_or(0) {
            for &layer in &layers {
                if let Some(&channel) = shown[layer].get(rank) {
                    let drawing = Drawing { what: What::Channel(layer, channel), style: Style::Distill, pictures: 1 };
                    wanted.extend((!wanted.contains(&drawing)).then_some(drawing));
                }
            }
        }
        let (mut left, all) = (budget.as_secs_f64() * MACS_PER_SECOND, wanted.len());
        let fits = |drawing: &Drawing| {
            let cost = drawing.cost(subject);
            let fits = cost <= left;
            left -= if fits { cost } else { 0.0 };
            fits
        };
        let drawings: Vec<Drawing> = wanted.into_iter().filter(fits).take(MOST).collect();
        Self { left_out: all - drawings.len(), drawings, depths }
    }

    /// Draws what is not there yet.
    pub fn draw(&self, subject: &Subject, out: &Path, observer: Observer) -> Result<(), Error> {
        let total = (self.drawings.len() * STEPS) as u64;
        if total > 0 {
            observer(Event::Stage("drawing what excites channels and classes".into()));
        }
        for (i, drawing) in self.drawings.iter().enumerate() {
            if out.join(drawing.file()).exists() {
                continue;
            }
            let mut done = (i * STEPS) as u64;
            let pictures = drawing.draw(subject, &mut || {
                done += 1;
                observer(Event::Progress { done, total, unit: "steps", note: drawing.note(subject) });
            });
            // Between small pictures the gap would be as wide as they are.
            let pictures: Vec<RgbImage> =
                if pictures.len() > 1 { pictures.iter().map(enlarged).collect() } else { pictures };
            write(out, &drawing.file(), &to_webp(&beside(&pictures), true))?;
        }
        Ok(())
    }

    /// Whether it is among those drawn.
    pub fn has(&self, drawing: Drawing) -> bool {
        self.drawings.contains(&drawing)
    }
}

/// Each pixel as a square of several, where the picture has few.
fn enlarged(picture: &RgbImage) -> RgbImage {
    let (width, height) = picture.dimensions();
    let factor = (SIDE / width.max(height)).max(1);
    imageops::resize(picture, width * factor, height * factor, FilterType::Nearest)
}

/// Place `i` of `count` places spread over `0..len`, the first and the last among them.
pub(crate) fn spread(i: usize, count: usize, len: usize) -> usize {
    if count < 2 || len < count { i } else { i * (len - 1) / (count - 1) }
}

impl Drawing {
    /// Where it lies in the atlas.
    pub fn file(&self) -> String {
        let what = match self.what {
            What::Channel(layer, channel) => format!("{layer}-{channel}"),
            What::Unit(layer, channel) => format!("{layer}-{channel}-unit"),
            What::Between(layer, [a, b]) => format!("{layer}-{a}-and-{b}"),
            What::Class(class) => format!("class-{class}"),
        };
        let style = if self.pictures > 1 { "varied" } else { self.style_name() };
        format!("drawn/{what}-{style}.webp")
    }

    /// The name of its style.
    pub fn style_name(&self) -> &'static str {
        Style::NAMES.into_iter().find(|(_, style)| *style == self.style).map_or("", |(name, _)| name)
    }

    fn note(&self, subject: &Subject) -> String {
        self.what.name(subject)
    }

    /// Multiply-adds of all steps, forward and back.
    fn cost(&self, subject: &Subject) -> f64 {
        let layers = match self.what {
            What::Channel(layer, _) | What::Unit(layer, _) | What::Between(layer, _) => &subject.layers[..=layer],
            What::Class(_) => &subject.layers[..],
        };
        let pixels = subject.preprocess.size.iter().product::<usize>() as f64;
        let net: f64 = layers.iter().map(|layer| 2.0 * layer.macs()).sum();
        (self.pictures * STEPS) as f64 * (net + pixels * MACS_PER_PIXEL)
    }

    fn draw(&self, subject: &Subject, tick: &mut dyn FnMut()) -> Vec<RgbImage> {
        let key =
            |layer: usize, channel: usize| Key::new(0).with_name(&subject.layers[layer].path).with(channel as u64);
        let (target, key) = match self.what {
            What::Channel(layer, channel) => (Target::Channel(subject.layers[layer].id, channel), key(layer, channel)),
            What::Unit(layer, channel) => (Target::Unit(subject.layers[layer].id, channel), key(layer, channel)),
            What::Between(layer, channels) => {
                let mut along = vec![0.0; subject.layers[layer].shape[0]];
                channels.iter().for_each(|&channel| along[channel] = std::f32::consts::FRAC_1_SQRT_2);
                (Target::Direction(subject.layers[layer].id, along), key(layer, channels[0]))
            }
            What::Class(class) => (Target::Class(class), Key::new(0).with_name("class").with(class as u64)),
        };
        let of = Maximise { target, style: self.style, steps: STEPS, pictures: self.pictures, key };
        let drawn = maximise(&subject.sight(), &of, tick);
        drawn.chunks_exact(drawn.len() / self.pictures).map(|unit| to_rgb(unit, subject.preprocess.size)).collect()
    }
}
