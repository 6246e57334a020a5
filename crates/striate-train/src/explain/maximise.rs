//! Pictures that a net answers to most, drawn by gradient ascent: without regularisation, as Yosinski et al. 2015 hold it to the
//! likeness of pictures, and as Olah, Mordvintsev and Schubert 2017 do.

use striate_kernels::rng::Key;

use super::canvas::{Pixels, Sheet, Spectrum};
use super::warp::{Motion, Warp};
use super::{Sight, Target};

/// What keeps a picture from being noise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Nothing.
    Plain,
    /// Decay, blur and clipping of faint pixels. Yosinski et al. 2015 <https://arxiv.org/abs/1506.06579>.
    Yosinski,
    /// A spectrum in decorrelated colours, and a picture that is turned, zoomed and shifted before each look. Olah, Mordvintsev, Schubert
    /// 2017 <https://doi.org/10.23915/distill.00007>.
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
    let Maximise { target, style, steps, pictures, key } = of;
    let sheet = Sheet { n: *pictures, c: sight.preprocess.channels(), size: sight.preprocess.size };
    let start = key.with_name("start");
    let gradient = |unit: &[f32]| sight.gradient(unit, target, APART);
    if *style == Style::Distill {
        let mut canvas = Spectrum::new(sheet, start);
        for step in 0..*steps {
            let drawn = canvas.draw();
            let warp = Warp::new(Motion::drawn(key.with_name("motion").with(step as u64), sheet.size), sheet.size);
            let by_drawn = warp.backward(&gradient(&warp.forward(&drawn)));
            canvas.climb(&drawn, &by_drawn, step + 1);
            tick();
        }
        return canvas.draw();
    }
    let mut canvas =
        if *style == Style::Plain { Pixels::plain(sheet, start) } else { Pixels::regularised(sheet, start) };
    for step in 0..*steps {
        canvas.climb(&gradient(&canvas.draw()), step, *steps);
        tick();
    }
    canvas.draw()
}
