//! The task of a restorer: clean pictures from damaged ones.
//!
//! A blind one never sees a clean picture: from one pixel of each square of two it is asked for a neighbour in that square. Noise that
//! neighbours do not share cannot be foretold, so that what is learned is the picture beneath.

use std::ops::ControlFlow;

use burn::tensor::{Device, Tensor, TensorData};
use rayon::prelude::*;
use striate_data::crops::{Crops, Place};
use striate_data::loader::LoadError;
use striate_kernels::rng::Key;
use striate_nn::restorers::{Restorer, RestorerConfig};
use striate_nn::{NetError, Noise, Pass};

use crate::damage::{Damage, noisy};
use crate::fit::{Epoch, FitError, Judgement, Task};
use crate::metrics::psnr::psnr;
use crate::pixel_loss::{Units, pixel_loss, pixel_loss_where};
use crate::recipe::Recipe;

/// Crops that go through the net at a time where it is judged.
const BATCH: usize = 16;
/// Crops that judge.
const JUDGES: usize = 96;

/// What to learn from, and how.
#[derive(Clone, Copy)]
pub struct RestoreSpec<'a> {
    /// How.
    pub recipe: &'a Recipe,
    /// The net.
    pub restorer: &'a RestorerConfig,
    /// What it learns to undo.
    pub damage: &'a Damage,
    /// Clean pictures.
    pub crops: &'a Crops,
    /// Crops of an epoch.
    pub per_epoch: usize,
    /// Clean pictures that are held out for validation, where there are any.
    pub valid: Option<&'a Crops>,
    /// Where to compute; without autodiff.
    pub device: &'a Device,
}

/// What one step learns from; all `[N, C, H, W]`, and the maps `[N, M, H, W]`.
#[derive(Default)]
pub struct Lesson {
    given: Vec<f32>,
    maps: Vec<f32>,
    wanted: Vec<f32>,
    /// 1 where the answer counts; empty where all of it does.
    counts: Vec<f32>,
    pictures: Vec<u64>,
}

impl RestoreSpec<'_> {
    /// Pictures `items` of an epoch.
    fn lesson(&self, key: Key, items: std::ops::Range<usize>) -> Lesson {
        let each: Vec<Lesson> = items.into_par_iter().map(|item| self.item(key.with(item as u64))).collect();
        each.into_iter().fold(Lesson::default(), Lesson::and)
    }

    fn item(&self, key: Key) -> Lesson {
        let mut lesson = Lesson::default();
        let place = self.crops.place(key);
        lesson.pictures.push(place.picture as u64);
        let mut clean = self.crops.cut(place);
        if let Damage::Blind { added } = *self.damage {
            let found = self.found(place, clean, added);
            (lesson.given, lesson.wanted) = neighbours(&found, self.crops.shape(), key);
            return lesson;
        }
        self.recipe.augment.apply(&mut clean, self.crops.shape(), key.with_name("augment"));
        lesson.push(self.damage, clean, self.crops.shape(), key);
        lesson
    }

    /// C, H, W of what a net learns from: of half the crop where two neighbours tell of each other.
    fn shape(&self) -> [usize; 3] {
        let [c, h, w] = self.crops.shape();
        let part = if matches!(self.damage, Damage::Blind { .. }) { 2 } else { 1 };
        [c, h / part, w / part]
    }

    /// The picture as a blind net finds it: the same noise in every epoch.
    fn found(&self, place: Place, clean: Vec<f32>, added: f64) -> Vec<f32> {
        if added == 0.0 {
            return clean;
        }
        let own = Key::new(self.recipe.train.seed).with_name("noise").with(place.picture as u64);
        let planes = (0..self.crops.shape()[0] as u64).map(|plane| plane << 40);
        let numbers = planes.flat_map(|plane| self.crops.pixel_numbers(place).map(move |number| plane + number));
        noisy(&clean, added / 255.0, own, numbers)
    }

    /// Lessons of fixed crops of the pictures that are held out.
    fn judges(&self, valid: &Crops) -> Lesson {
        let judge = |judge: usize| {
            let key = Key::new(self.recipe.train.seed).with_name("judge").with(judge as u64);
            let (place, mut lesson) = (valid.place(key), Lesson::default());
            lesson.pictures.push(place.picture as u64);
            lesson.push(self.damage, valid.cut(place), valid.shape(), key);
            lesson
        };
        let each: Vec<Lesson> = (0..JUDGES).into_par_iter().map(judge).collect();
        each.into_iter().fold(Lesson::default(), Lesson::and)
    }
}

/// Two pictures of half the size, `[C, H / 2, W / 2]`: of each square of two pixels one that is drawn, and one beside it.
fn neighbours(found: &[f32], [c, h, w]: [usize; 3], key: Key) -> (Vec<f32>, Vec<f32>) {
    let (rows, columns) = (h / 2, w / 2);
    let mut stream = key.with_name("neighbours").stream();
    // Bit 0 of a place in the square is its column, bit 1 its row; a neighbour differs in one of them.
    let drawn = (0..rows * columns).map(|_| (stream.below(4), 1 + stream.below(2)));
    let pairs: Vec<(usize, usize)> = drawn.map(|(one, bit)| (one, one ^ bit)).collect();
    let of = |second: bool| {
        let at = |i: usize| {
            let (channel, cell) = (i / (rows * columns), i % (rows * columns));
            let place = if second { pairs[cell].1 } else { pairs[cell].0 };
            let (y, x) = (2 * (cell / columns) + place / 2, 2 * (cell % columns) + place % 2);
            found[(channel * h + y) * w + x]
        };
        (0..c * rows * columns).map(at).collect()
    };
    (of(false), of(true))
}

impl Lesson {
    /// Both, one after the other.
    fn and(mut self, other: Self) -> Self {
        self.given.extend(other.given);
        self.maps.extend(other.maps);
        self.wanted.extend(other.wanted);
        self.counts.extend(other.counts);
        self.pictures.extend(other.pictures);
        self
    }

    /// The picture `clean` and what became of it.
    fn push(&mut self, damage: &Damage, clean: Vec<f32>, shape: [usize; 3], key: Key) {
        let damaged = damage.apply(&clean, shape, key);
        if damage.is_holes() {
            (0..shape[0]).for_each(|_| self.counts.extend(&damaged.map));
        }
        self.given.extend(&*damaged.given(damage, shape));
        self.maps.extend(damaged.map);
        self.wanted.extend(clean);
    }

    /// Pictures `from..to`.
    fn part(&self, from: usize, to: usize) -> Self {
        let n = self.pictures.len();
        let cut = |values: &[f32]| values[values.len() / n * from..values.len() / n * to].to_vec();
        let (given, maps, wanted, counts) = (cut(&self.given), cut(&self.maps), cut(&self.wanted), cut(&self.counts));
        Self { given, maps, wanted, counts, pictures: self.pictures[from..to].to_vec() }
    }

    /// `[N, C, H, W]` of values of all its pictures, if there are any.
    fn tensor(&self, values: Vec<f32>, [h, w]: [usize; 2], device: &Device) -> Option<Tensor<4>> {
        let n = self.pictures.len();
        let shape = [n, values.len() / (n * h * w), h, w];
        (!values.is_empty()).then(|| Tensor::from_data(TensorData::new(values, shape), device))
    }
}

impl Task for RestoreSpec<'_> {
    type Net = Restorer;
    type Batch = Lesson;

    fn recipe(&self) -> &Recipe {
        self.recipe
    }

    fn device(&self) -> &Device {
        self.device
    }

    fn items(&self) -> usize {
        self.per_epoch
    }

    fn init(&self) -> Result<Restorer, NetError> {
        self.restorer.init(self.recipe.train.seed, self.device)
    }

    fn for_each_batch<E: From<LoadError>>(
        &self,
        Epoch { key, batch, from, end }: Epoch,
        mut f: impl FnMut(Lesson) -> Result<ControlFlow<()>, E>,
    ) -> Result<(), E> {
        for number in from..end {
            if f(self.lesson(key, number * batch..(number + 1) * batch))?.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn loss(&self, net: &Restorer, mut lesson: Lesson, epoch: Epoch) -> Tensor<1> {
        let ([_, h, w], graph) = (self.shape(), self.device.clone().autodiff());
        let noise = Noise { key: epoch.key.with_name("dropout"), pictures: lesson.pictures.clone() };
        let mut take = |part: fn(&mut Lesson) -> &mut Vec<f32>, device: &Device| {
            let values = std::mem::take(part(&mut lesson));
            lesson.tensor(values, [h, w], device)
        };
        let given = take(|l| &mut l.given, &graph).expect("a lesson has pictures");
        let maps = take(|l| &mut l.maps, &graph);
        let wanted = take(|l| &mut l.wanted, self.device).expect("a lesson has pictures");
        let counts = take(|l| &mut l.counts, self.device);
        let answer = net.forward(given, maps, &Pass::Train(&noise));
        match counts {
            Some(counts) => pixel_loss_where(self.recipe.train.loss, answer, wanted, counts),
            None => pixel_loss(self.recipe.train.loss, answer, wanted, Units::SAME),
        }
    }

    /// By the clean picture, where there is one; nothing tells how good a net is whose pictures were found noisy.
    fn judge(&self, net: Restorer) -> Result<Option<Judgement>, FitError> {
        let Some(valid) = self.valid.filter(|_| self.damage.is_known()) else { return Ok(None) };
        let [c, h, w] = valid.shape();
        let all = self.judges(valid);
        let (mut squares, mut ratios) = (0.0, Vec::new());
        for from in (0..JUDGES).step_by(BATCH) {
            let lesson = all.part(from, from + BATCH);
            let given = lesson.tensor(lesson.given.clone(), [h, w], self.device).expect("a lesson has pictures");
            let maps = lesson.tensor(lesson.maps.clone(), [h, w], self.device);
            let answer = net.forward(given, maps, &Pass::Infer);
            let mut answer = answer.into_data().try_into_vec::<f32>().expect("a net computes in f32");
            if !answer.iter().all(|v| v.is_finite()) {
                return Err(FitError::NoNumber);
            }
            for (i, v) in answer.iter_mut().enumerate() {
                let keeps = lesson.counts.get(i).is_some_and(|&count| count == 0.0);
                *v = if keeps { lesson.wanted[i] } else { v.clamp(0.0, 1.0) };
            }
            squares += answer.iter().zip(&lesson.wanted).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>();
            let pairs = answer.chunks_exact(c * h * w).zip(lesson.wanted.chunks_exact(c * h * w));
            ratios.extend(pairs.map(|(a, b)| psnr(a, b)));
        }
        let loss = squares / (ratios.len() * c * h * w) as f64;
        let psnr = ratios.iter().sum::<f64>() / ratios.len() as f64;
        Ok(Some(Judgement { loss, balanced_accuracy: None, psnr: Some(psnr) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_stand_side_by_side_in_one_square() {
        let [c, h, w] = [2, 6, 10];
        let found: Vec<f32> = (0..c * h * w).map(|i| i as f32).collect();
        let (one, other) = neighbours(&found, [c, h, w], Key::new(4));
        assert_eq!((one.len(), other.len()), (c * 15, c * 15));
        let place = |v: f32| (v as usize / (h * w), v as usize / w % h, v as usize % w);
        let mut across = 0;
        for (i, (&a, &b)) in one.iter().zip(&other).enumerate() {
            let ((channel, y, x), (channel_b, y_b, x_b)) = (place(a), place(b));
            assert_eq!((channel, y / 2, x / 2), (i / 15, i % 15 / 5, i % 5));
            assert_eq!((channel_b, y_b / 2, x_b / 2), (channel, y / 2, x / 2));
            assert_eq!(y.abs_diff(y_b) + x.abs_diff(x_b), 1);
            across += usize::from(x != x_b);
        }
        assert!(across > 5 && across < 25, "both directions are drawn: {across}");
        assert!(one[..15].iter().zip(&one[15..]).all(|(a, b)| b - a == (h * w) as f32), "channels share their places");
    }
}
