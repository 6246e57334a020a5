//! What the atlas draws by gradient ascent, in which order, and how much of it fits into the time given.

use std::path::Path;

use image::RgbImage;
use image::imageops::{self, FilterType};
use striate_kernels::rng::Key;
use striate_train::explain::Target;
use striate_train::explain::maximise::{Ascent, Maximise, Style};

use super::clock::{Clock, Work};
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
/// What a pixel costs in every step beside the net (its waves and its motion), in multiply-adds. With it drawings of
/// all layers take about the same time per multiply-add; the clock measures how much.
const MACS_PER_PIXEL: f64 = 4e3;
/// Steps after which a drawing may be given up: the first ones are no measure.
const PROBE: usize = 4;

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

/// What could be drawn, the most important first.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    drawings: Vec<Drawing>,
    /// Layers that are drawn in every style.
    depths: Vec<usize>,
}

/// What was drawn and what was left out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gallery {
    /// In order.
    pub drawings: Vec<Drawing>,
    /// Drawings that did not fit.
    pub left_out: usize,
    /// Layers that are drawn in every style.
    pub depths: Vec<usize>,
}

impl Wanted {
    /// Layers of all depths in every style, the classes in every style, those layers in variety, a unit and a direction of each,
    /// then channel after channel of each layer.
    pub fn new(shown: &[Vec<usize>], classes: &[usize]) -> Self {
        let layers: Vec<usize> = (0..shown.len()).filter(|&layer| !shown[layer].is_empty()).collect();
        let depths: Vec<usize> =
            (0..DEPTHS.min(layers.len())).map(|i| layers[spread(i, DEPTHS, layers.len())]).collect();
        let in_styles = |what: What| Style::NAMES.map(|(_, style)| Drawing { what, style, pictures: 1 });
        let first = |&layer: &usize| What::Channel(layer, shown[layer][0]);
        let mut drawings: Vec<Drawing> = depths.iter().flat_map(|layer| in_styles(first(layer))).collect();
        drawings.extend(classes.iter().flat_map(|&class| in_styles(What::Class(class))));
        let varied = |layer| Drawing { what: first(layer), style: Style::Distill, pictures: VARIETY };
        drawings.extend(depths.iter().map(varied));
        for &layer in &depths {
            drawings.push(Drawing { what: What::Unit(layer, shown[layer][0]), style: Style::Distill, pictures: 1 });
            if let &[a, b, ..] = shown[layer].as_slice() {
                drawings.push(Drawing { what: What::Between(layer, [a, b]), style: Style::Distill, pictures: 1 });
            }
        }
        for rank in 0..shown.iter().map(Vec::len).max().unwrap_or(0) {
            for &layer in &layers {
                if let Some(&channel) = shown[layer].get(rank) {
                    let drawing = Drawing { what: What::Channel(layer, channel), style: Style::Distill, pictures: 1 };
                    drawings.extend((!drawings.contains(&drawing)).then_some(drawing));
                }
            }
        }
        Self { drawings, depths }
    }

    /// Draws what is not there yet and fits into the time that is left; of what does not fit, smaller drawings that follow may.
    pub fn draw(self, subject: &Subject, out: &Path, clock: &mut Clock, observer: Observer) -> Result<Gallery, Error> {
        if clock.left() > 0.0 {
            observer(Event::Stage("drawing what excites channels and classes".into()));
        }
        let mut gallery = Gallery { depths: self.depths, ..Gallery::default() };
        for (i, &drawing) in self.drawings.iter().enumerate() {
            let there = out.join(drawing.file()).exists();
            if gallery.drawings.len() >= MOST || !there && !clock.fits(drawing.seconds(subject, clock)) {
                continue;
            }
            if !there {
                let follow = following(&self.drawings[i + 1..], subject, clock);
                let done = gallery.drawings.len();
                let tell = |step: usize| {
                    let (done, total) = (done * STEPS + step, (done + 1 + follow) * STEPS);
                    let (done, total, note) = (done as u64, total as u64, drawing.note(subject));
                    observer(Event::Progress { done, total, unit: "steps", note });
                };
                let Some(pictures) = drawing.draw(subject, clock, &tell) else { continue };
                // Between small pictures the gap would be as wide as they are.
                let pictures: Vec<RgbImage> =
                    if pictures.len() > 1 { pictures.iter().map(enlarged).collect() } else { pictures };
                write(out, &drawing.file(), &to_webp(&beside(&pictures), true))?;
            }
            clock.keep(drawing.judging(subject, clock, &gallery.drawings));
            gallery.drawings.push(drawing);
        }
        gallery.left_out = self.drawings.len() - gallery.drawings.len();
        Ok(gallery)
    }
}

/// How many of these drawings, from the first, will fit too.
fn following(drawings: &[Drawing], subject: &Subject, clock: &Clock) -> usize {
    let mut left = clock.left();
    let fits = |drawing: &&Drawing| {
        left -= drawing.seconds(subject, clock).unwrap_or(f64::INFINITY);
        left > 0.0
    };
    drawings.iter().take_while(fits).count()
}

impl Gallery {
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

    /// The layers that it takes, up to the one that it excites.
    fn depth(&self) -> Option<usize> {
        match self.what {
            What::Channel(layer, _) | What::Unit(layer, _) | What::Between(layer, _) => Some(layer),
            What::Class(_) => None,
        }
    }

    /// Multiply-adds of all steps, forward and back.
    fn cost(&self, subject: &Subject) -> f64 {
        let layers = self.depth().map_or(&subject.layers[..], |layer| &subject.layers[..=layer]);
        let pixels = subject.preprocess.size.iter().product::<usize>() as f64;
        let net: f64 = layers.iter().map(|layer| 2.0 * layer.macs()).sum();
        (self.pictures * STEPS) as f64 * (net + pixels * MACS_PER_PIXEL)
    }

    fn work(&self) -> Work {
        Work::DrawingAt(self.style, self.pictures, self.depth())
    }

    /// Seconds that it will take, where any drawing was measured.
    fn seconds(&self, subject: &Subject, clock: &Clock) -> Option<f64> {
        let cost = self.cost(subject);
        clock.cost(self.work(), cost).or_else(|| clock.cost(Work::Drawing, cost))
    }

    /// Seconds that judging it takes when all is drawn; the first of a class opens another net.
    fn judging(&self, subject: &Subject, clock: &Clock, before: &[Self]) -> f64 {
        if self.depth().is_some() || !subject.tells_classes() {
            return 0.0;
        }
        let is_first = before.iter().all(|drawing| drawing.depth().is_some());
        let open = if is_first { clock.cost(Work::Open, 1.0).unwrap_or(0.0) } else { 0.0 };
        open + clock.cost(Work::Forward, 2.0).unwrap_or(0.0)
    }

    /// The pictures; none where the clock shows on the way that they will not be done in time.
    fn draw(&self, subject: &Subject, clock: &mut Clock, tell: &dyn Fn(usize)) -> Option<Vec<RgbImage>> {
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
        let (sight, begun, cost) = (subject.sight(), clock.now(), self.cost(subject));
        let mut ascent = Ascent::new(&sight, of);
        for step in 1..=STEPS {
            ascent.step(&sight);
            tell(step);
            let seconds = clock.now() - begun;
            let hopeless = step >= PROBE && clock.is_hopeless(seconds / step as f64 * (STEPS - step) as f64);
            if hopeless || step == STEPS {
                let done = cost * step as f64 / STEPS as f64;
                clock.measured(self.work(), done, seconds);
                clock.measured(Work::Drawing, done, seconds);
            }
            if hopeless && step < STEPS {
                return None;
            }
        }
        let drawn = ascent.draw();
        let pictures = drawn.chunks_exact(drawn.len() / self.pictures);
        Some(pictures.map(|unit| to_rgb(unit, subject.preprocess.size)).collect())
    }
}
