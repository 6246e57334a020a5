//! What excites each channel of a net: one pass over the pictures for all layers together.

use std::collections::BTreeMap;

use rayon::prelude::*;
use striate_nn::watch::Field;

use super::subject::{Layer, Subject};

/// Patches that are kept of a channel, each from another picture.
pub(crate) const TOP: usize = 9;
/// Pictures that tell whether two channels are the same.
const COMPARED: usize = 512;
/// Correlation of their greatest values over pictures from which two channels count as the same.
const SAME: f64 = 0.99;

/// Where a channel answered most in one picture.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Spot {
    /// The picture's number in the data set.
    pub picture: usize,
    /// How much.
    pub value: f32,
    /// What the unit sees.
    pub field: Field,
}

/// What a channel did over all pictures.
#[derive(Clone, Debug, Default)]
pub(crate) struct Channel {
    /// Greatest first, equal ones in the order of their pictures.
    pub top: Vec<Spot>,
    /// Units that gave more than 0, of all.
    positive: u64,
    units: u64,
    least: f32,
    greatest: f32,
    /// Sum of the greatest values, and number of pictures, by class.
    classes: BTreeMap<usize, (f64, usize)>,
    /// Greatest value of each of the first pictures.
    maxima: Vec<f32>,
}

/// What all channels of a layer did.
pub(crate) struct LayerActivity {
    /// One each.
    pub channels: Vec<Channel>,
}

/// Gathers what is seen, batch by batch.
pub(crate) struct Activity {
    /// One for each layer of the net.
    pub layers: Vec<LayerActivity>,
    /// Pictures seen.
    pub pictures: usize,
}

impl Activity {
    /// Nothing seen.
    pub fn new(subject: &Subject) -> Self {
        let layer = |layer: &Layer| LayerActivity { channels: vec![Channel::default(); layer.shape[0]] };
        Self { layers: subject.layers.iter().map(layer).collect(), pictures: 0 }
    }

    /// Outputs of every layer for some pictures, whose numbers and classes are given. Answers which channels a picture has now its place
    /// in the top of: `(layer, channel, place in the batch, field)`.
    pub fn push(
        &mut self,
        subject: &Subject,
        outputs: &[Vec<f32>],
        pictures: &[(usize, usize)],
    ) -> Vec<(usize, usize, usize, Field)> {
        let mut entered = Vec::new();
        for (number, ((layer, activity), values)) in
            subject.layers.iter().zip(&mut self.layers).zip(outputs).enumerate()
        {
            let [c, h, w] = layer.shape;
            let each = |(channel, seen): (usize, &mut Channel)| {
                let mut news = Vec::new();
                for (at, &(picture, class)) in pictures.iter().enumerate() {
                    let plane = &values[(at * c + channel) * h * w..][..h * w];
                    if let Some(field) = seen.push(plane, picture, class, &layer.fields) {
                        news.push((number, channel, at, field));
                    }
                }
                news
            };
            let news: Vec<Vec<_>> = activity.channels.par_iter_mut().enumerate().map(each).collect();
            entered.extend(news.into_iter().flatten());
        }
        self.pictures += pictures.len();
        entered
    }
}

impl Channel {
    /// One picture's plane; its field where it is among the greatest so far.
    fn push(&mut self, plane: &[f32], picture: usize, class: usize, fields: &[Field]) -> Option<Field> {
        let (mut unit, mut greatest, mut least) = (0, f32::NEG_INFINITY, f32::INFINITY);
        for (i, &v) in plane.iter().enumerate() {
            self.positive += u64::from(v > 0.0);
            least = least.min(v);
            if v > greatest {
                (unit, greatest) = (i, v);
            }
        }
        if self.units == 0 {
            (self.least, self.greatest) = (least, greatest);
        }
        (self.least, self.greatest) = (self.least.min(least), self.greatest.max(greatest));
        self.units += plane.len() as u64;
        let (sum, n) = self.classes.entry(class).or_default();
        *sum += f64::from(greatest);
        *n += 1;
        if self.maxima.len() < COMPARED {
            self.maxima.push(greatest);
        }
        let place = self.top.partition_point(|spot| spot.value >= greatest);
        if place >= TOP || !greatest.is_finite() {
            return None;
        }
        let field = fields[unit];
        self.top.insert(place, Spot { picture, value: greatest, field });
        self.top.truncate(TOP);
        Some(field)
    }

    /// Share of its units, over all pictures, that gave more than 0.
    pub fn positive(&self) -> f64 {
        self.positive as f64 / self.units.max(1) as f64
    }

    /// Whether it gave one value everywhere.
    pub fn is_dead(&self) -> bool {
        self.greatest - self.least <= 1e-6 * self.greatest.abs().max(1e-6)
    }

    /// Its greatest value in the picture that was seen as number `at`, where that is kept.
    pub fn greatest_of(&self, at: usize) -> Option<f64> {
        self.maxima.get(at).map(|&v| f64::from(v))
    }

    /// The deviation of its greatest values over pictures.
    pub fn deviation(&self) -> f64 {
        moments(&self.maxima).1
    }

    /// Classes whose pictures excite it most, of those with two pictures at least, each with how many times as much as the mean of all, in
    /// deviations of its greatest values.
    pub fn classes(&self, count: usize) -> Vec<(usize, f64)> {
        let (mean, deviation) = moments(&self.maxima);
        let above = |(&class, &(sum, n)): (&usize, &(f64, usize))| {
            (n >= 2 && deviation > 0.0).then(|| (class, (sum / n as f64 - mean) / deviation))
        };
        let mut all: Vec<(usize, f64)> = self.classes.iter().filter_map(above).filter(|class| class.1 > 0.0).collect();
        all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        all.truncate(count);
        all
    }
}

impl LayerActivity {
    /// For each channel an earlier one that does the same, where there is one.
    pub fn twins(&self) -> Vec<Option<usize>> {
        let shaped: Vec<Option<Vec<f32>>> = self.channels.par_iter().map(Channel::shape).collect();
        let twin = |i: usize| {
            let own = shaped[i].as_ref()?;
            let same = |other: &Vec<f32>| own.iter().zip(other).map(|(a, b)| f64::from(a * b)).sum::<f64>() > SAME;
            (0..i).find(|&j| shaped[j].as_ref().is_some_and(same))
        };
        (0..shaped.len()).into_par_iter().map(twin).collect()
    }
}

impl Channel {
    /// Its greatest values less their mean, as a vector of length 1; none where they are all alike or few.
    fn shape(&self) -> Option<Vec<f32>> {
        let (mean, deviation) = moments(&self.maxima);
        if self.is_dead() || deviation == 0.0 || self.maxima.len() < 8 {
            return None;
        }
        let length = deviation * (self.maxima.len() as f64).sqrt();
        Some(self.maxima.iter().map(|&v| ((f64::from(v) - mean) / length) as f32).collect())
    }
}

fn moments(values: &[f32]) -> (f64, f64) {
    let n = values.len().max(1) as f64;
    let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
    let variance = values.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / n;
    (mean, variance.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(at: usize) -> Field {
        Field { top: at, left: at, bottom: at + 1, right: at + 1 }
    }

    #[test]
    fn the_greatest_of_each_picture_are_kept_in_order() {
        let fields: Vec<Field> = (0..4).map(field).collect();
        let mut channel = Channel::default();
        for picture in 0..20 {
            let plane = [0.0, -1.0, (picture * 7 % 20) as f32, 0.5];
            channel.push(&plane, picture, picture % 2, &fields);
        }
        let values: Vec<f32> = channel.top.iter().map(|spot| spot.value).collect();
        assert_eq!(values, [19.0, 18.0, 17.0, 16.0, 15.0, 14.0, 13.0, 12.0, 11.0]);
        assert!(channel.top.iter().all(|spot| spot.field == field(2) && spot.picture * 7 % 20 == spot.value as usize));
        assert!((channel.positive() - 39.0 / 80.0).abs() < 1e-9 && !channel.is_dead());
        assert_eq!(
            channel.classes(1)[0].0,
            1,
            "odd pictures answer more: 7 times an odd number, modulo 20, is 9.5 or more on average"
        );
    }

    #[test]
    fn dead_and_twin_channels_are_found() {
        let fields = [field(0)];
        let mut layer = LayerActivity { channels: vec![Channel::default(); 4] };
        for picture in 0..20_usize {
            let v = (picture * 13 % 20) as f32;
            for (channel, value) in [v, 3.0 * v + 1.0, -v, 0.0].into_iter().enumerate() {
                layer.channels[channel].push(&[value], picture, 0, &fields);
            }
        }
        assert_eq!(layer.twins(), [None, Some(0), None, None]);
        let dead: Vec<bool> = layer.channels.iter().map(Channel::is_dead).collect();
        assert_eq!(dead, [false, false, false, true]);
    }
}
