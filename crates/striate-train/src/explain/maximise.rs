//! Pictures that a net answers to most, drawn by gradient ascent: without regularisation, as Yosinski et al. 2015 hold it to the
//! likeness of pictures, and as Olah, Mordvintsev and Schubert 2017 do.

use striate_kernels::rng::Key;

use super::canvas::{Pixels, Sheet, Spectrum};
use super::look::{Look, Reach};
use super::{Sight, Target};

/// What keeps a picture from being noise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Nothing.
    Plain,
    /// Decay, blur and clipping of faint pixels. Yosinski et al. 2015 <https://arxiv.org/abs/1506.06579>.
    Yosinski,
    /// A spectrum in decorrelated colours, and a picture that is turned, zoomed and shifted before each look; farther for a class, and then
    /// in noise and changing light too. Olah, Mordvintsev, Schubert 2017 <https://doi.org/10.23915/distill.00007>.
    Distill,
}

impl Style {
    /// All of them, by name, the simplest first.
    pub const NAMES: [(&str, Self); 3] =
        [("plain", Self::Plain), ("yosinski", Self::Yosinski), ("distill", Self::Distill)];
}

/// What to draw.
#[derive(Clone, Debug)]
pub struct Maximise {
    /// What the pictures shall score in.
    pub target: Target,
    /// How they are kept sane.
    pub style: Style,
    /// Steps up the gradient.
    pub steps: usize,
    /// Pictures; more than one of a layer are held to differ in texture.
    pub pictures: usize,
    /// What is drawn at random.
    pub key: Key,
}

/// How much unlikeness counts for, against the score.
const APART: f32 = 1.0;

/// The pictures `[N, C, H, W]` in `[0, 1]`; `tick` hears of each step.
pub fn maximise(sight: &Sight, of: &Maximise, tick: &mut dyn FnMut()) -> Vec<f32> {
    let mut ascent = Ascent::new(sight, of.clone());
    for _ in 0..of.steps {
        ascent.step(sight);
        tick();
    }
    ascent.draw()
}

/// Pictures on their way up.
pub struct Ascent {
    of: Maximise,
    sheet: Sheet,
    canvas: Canvas,
    done: usize,
}

enum Canvas {
    Pixels(Pixels),
    Spectrum(Spectrum),
}

impl Ascent {
    /// The start.
    pub fn new(sight: &Sight, of: Maximise) -> Self {
        let sheet = Sheet { n: of.pictures, c: sight.preprocess.channels(), size: sight.preprocess.size };
        let start = of.key.with_name("start");
        let canvas = match of.style {
            Style::Plain => Canvas::Pixels(Pixels::plain(sheet, start)),
            Style::Yosinski => Canvas::Pixels(Pixels::regularised(sheet, start)),
            Style::Distill => Canvas::Spectrum(Spectrum::new(sheet, start)),
        };
        Self { of, sheet, canvas, done: 0 }
    }

    /// The pictures as they are.
    pub fn draw(&self) -> Vec<f32> {
        match &self.canvas {
            Canvas::Pixels(canvas) => canvas.draw(),
            Canvas::Spectrum(canvas) => canvas.draw(),
        }
    }

    /// One step; gives the pictures as they were before it. Step sizes are planned for as many steps as were asked for.
    pub fn step(&mut self, sight: &Sight) -> Vec<f32> {
        let (drawn, at) = (self.draw(), self.done);
        let gradient = |unit: &[f32]| sight.gradient(unit, &self.of.target, APART);
        match &mut self.canvas {
            Canvas::Pixels(canvas) => canvas.climb(&gradient(&drawn), at.min(self.of.steps), self.of.steps),
            Canvas::Spectrum(canvas) => {
                let reach = if matches!(self.of.target, Target::Class(_)) { Reach::WIDE } else { Reach::NARROW };
                let look = Look::drawn(self.of.key.with_name("look").with(at as u64), &reach, &self.sheet);
                let by_drawn = look.backward(&gradient(&look.forward(&drawn)));
                canvas.climb(&drawn, &by_drawn, at + 1);
            }
        }
        self.done += 1;
        drawn
    }
}
