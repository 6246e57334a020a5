//! The task of a restorer: clean pictures from damaged ones.
//!
//! A blind one never sees a clean picture: some values of a noisy picture are hidden behind those of neighbours, and the net is
//! asked for them. Noise that neighbours do not share cannot be foretold, so that what is learned is the picture beneath.

use std::ops::ControlFlow;

use burn::tensor::{Device, Tensor, TensorData};
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
/// Share of values that are hidden from a blind net.
const HIDDEN: f32 = 0.02;
/// How far away the neighbours are that hide a value, in pixels.
const NEIGHBOURS: usize = 2;

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
    fn lesson(&self, key: Key, items: std::ops::Range<usize>) -> Lesson {
        let mut lesson = Lesson::default();
        for item in items {
            let key = key.with(item as u64);
            let place = self.crops.place(key);
            lesson.pictures.push(place.picture as u64);
            let clean = self.crops.cut(place);
            match *self.damage {
                Damage::Blind { added } => {
                    let found = self.found(place, &clean, added);
                    self.hide(&mut lesson, found, key);
                }
                _ => {
                    let mut clean = clean;
                    self.recipe.augment.apply(&mut clean, self.crops.shape(), key.with_name("augment"));
                    lesson.push(self.damage, clean, self.crops.shape(), key);
                }
            }
        }
        lesson
    }

    /// The picture as a blind net finds it: the same noise in every epoch.
    fn found(&self, place: Place, clean: &[f32], added: f64) -> Vec<f32> {
        if added == 0.0 {
            return clean.to_vec();
        }
        let own = Key::new(self.recipe.train.seed).with_name("noise").with(place.picture as u64);
        let planes = (0..self.crops.shape()[0] as u64).map(|plane| plane << 40);
        let numbers = planes.flat_map(|plane| self.crops.pixel_numbers(place).map(move |number| plane + number));
        noisy(clean, added / 255.0, own, numbers)
    }

    /// A noisy picture of which some values are hidden behind neighbours, and asked for.
    fn hide(&self, lesson: &mut Lesson, found: Vec<f32>, key: Key) {
        let [c, h, w] = self.crops.shape();
        let mut given = found.clone();
        let mut counts = vec![0.0; found.len()];
        let mut stream = key.with_name("hide").stream();
        let span = 2 * NEIGHBOURS + 1;
        for i in 0..c * h * w {
            if stream.uniform() >= HIDDEN {
                continue;
            }
            let (y, x) = (i / w % h, i % w);
            // Of the square around it all but itself; a place outside is mirrored inward.
            let near = stream.below(span * span - 1);
            let near = if near < span * span / 2 { near } else { near + 1 };
            let mirror = |at: usize, by: usize, n: usize| {
                let at = (at + by).abs_diff(NEIGHBOURS);
                if at < n { at } else { 2 * (n - 1) - at }
            };
            let (from_y, from_x) = (mirror(y, near / span, h), mirror(x, near % span, w));
            given[i] = found[(i / (h * w) * h + from_y) * w + from_x];
            counts[i] = 1.0;
        }
        lesson.given.extend(given);
        lesson.wanted.extend(found);
        lesson.counts.extend(counts);
    }

    /// Lessons of fixed crops of the pictures that are held out.
    fn judges(&self, valid: &Crops) -> Lesson {
        let mut lesson = Lesson::default();
        for judge in 0..JUDGES as u64 {
            let key = Key::new(self.recipe.train.seed).with_name("judge").with(judge);
            let place = valid.place(key);
            lesson.pictures.push(place.picture as u64);
            lesson.push(self.damage, valid.cut(place), valid.shape(), key);
        }
        lesson
    }
}

impl Lesson {
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
        let ([_, h, w], graph) = (self.crops.shape(), self.device.clone().autodiff());
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
