//! Which stored values pictures use, to choose the range that becomes [0, 1].
//!
//! 8-bit pictures, and collections of mixed depth, are scaled by their type. 16-bit ones by the bits in use (a 12-bit
//! camera fills 0..=4095 of 65535) if the bright end of the pictures, their 99.9th percentile, reaches a quarter of
//! that, else from the 0.1st to the 99.9th percentile. Floats within [0, 1] by their type, within 0..=255 by that, others by percentile.

use crate::picture::{Picture, Pixels};
use crate::preprocess::ValueRange;

/// Values drawn from each picture, so that a large one does not outweigh a small one.
const DRAWN: u64 = 4096;

/// Part of the values beyond each end of a percentile range.
const TAIL: f64 = 0.001;

/// A histogram of 65,536 bins: 16-bit values exactly, floats by sign, exponent and 7 bits of fraction (0.8 %).
#[derive(Debug, Default)]
pub(crate) struct Levels {
    words: Vec<u64>,
    floats: Vec<u64>,
    lowest: f32,
    highest: f32,
    /// Pictures of 8-bit, 16-bit and float values.
    pictures: [usize; 3],
}

impl Levels {
    /// Adds a picture. The sum of many does not depend on their order.
    pub fn add(&mut self, picture: &Picture) {
        match &picture.pixels {
            Pixels::U8(_) => self.pictures[0] += 1,
            Pixels::U16(values) => {
                self.words.resize(1 << 16, 0);
                drawn(values.len()).for_each(|i| self.words[usize::from(values[i])] += 1);
                let ends = values.iter().fold((u16::MAX, 0), |(low, high), &v| (low.min(v), high.max(v)));
                self.stretch(f32::from(ends.0), f32::from(ends.1));
                self.pictures[1] += 1;
            }
            Pixels::F32(values) => {
                self.floats.resize(1 << 16, 0);
                drawn(values.len()).for_each(|i| self.floats[bin(values[i])] += 1);
                let ends = values.iter().fold((f32::MAX, f32::MIN), |(low, high), &v| (low.min(v), high.max(v)));
                self.stretch(ends.0, ends.1);
                self.pictures[2] += 1;
            }
        }
    }

    fn stretch(&mut self, low: f32, high: f32) {
        let first = self.pictures[1] + self.pictures[2] == 0;
        self.lowest = if first { low } else { self.lowest.min(low) };
        self.highest = if first { high } else { self.highest.max(high) };
    }

    /// Whether pictures of more than one depth were added.
    pub fn mixed(&self) -> bool {
        self.pictures.iter().filter(|&&n| n > 0).count() > 1
    }

    /// The range that becomes [0, 1].
    pub fn suggest(&self) -> ValueRange {
        match self.pictures.map(|n| n > 0) {
            [false, true, false] => self.suggest_words(),
            [false, false, true] => self.suggest_floats(),
            _ => ValueRange::Dtype,
        }
    }

    fn suggest_words(&self) -> ValueRange {
        let (low, high) = percentiles(&self.words);
        let bits = (32 - (self.highest as u32).leading_zeros()).max(8);
        let full = ((1u32 << bits) - 1) as f32;
        match high as f32 {
            high if high < full / 4.0 => fixed(low as f32, high),
            _ if bits == 16 => ValueRange::Dtype,
            _ => fixed(0.0, full),
        }
    }

    fn suggest_floats(&self) -> ValueRange {
        let (low, high) = percentiles(&self.floats);
        let (low, high) = (edge(low).max(self.lowest), edge(high + 1).min(self.highest));
        if self.lowest >= 0.0 && self.highest <= 1.0 && high >= 0.25 {
            ValueRange::Dtype
        } else if self.lowest >= 0.0 && self.highest <= 255.0 && high >= 64.0 {
            fixed(0.0, 255.0)
        } else {
            fixed(low, high)
        }
    }
}

/// A range that is never empty.
fn fixed(low: f32, high: f32) -> ValueRange {
    let high = if high > low { high } else { low + low.abs().max(1.0) };
    ValueRange::Fixed { low, high }
}

/// Places spread over `0..len` by the golden ratio: no period that could follow rows or columns.
fn drawn(len: usize) -> impl Iterator<Item = usize> {
    let place = move |k: u64| ((u128::from(k.wrapping_mul(0x9E37_79B9_7F4A_7C15)) * len as u128) >> 64) as usize;
    (0..if len == 0 { 0 } else { DRAWN }).map(place)
}

/// Bins in the order of their values.
fn bin(value: f32) -> usize {
    let bits = value.to_bits();
    let ordered = if bits >> 31 == 1 { !bits } else { bits | 1 << 31 };
    (ordered >> 16) as usize
}

/// The lowest value of a bin.
fn edge(bin: usize) -> f32 {
    let ordered = (bin.min(0xFFFF) as u32) << 16;
    let value = f32::from_bits(if ordered >> 31 == 1 { ordered & !(1 << 31) } else { !ordered });
    if value.is_finite() { value } else { f32::MAX.copysign(value) }
}

/// The bins that hold the ends of all but [`TAIL`] of the counts on each side.
fn percentiles(bins: &[u64]) -> (usize, usize) {
    let skip = (bins.iter().sum::<u64>() as f64 * TAIL) as u64;
    (first_beyond(bins.iter().copied().enumerate(), skip), first_beyond(bins.iter().copied().enumerate().rev(), skip))
}

fn first_beyond(mut bins: impl Iterator<Item = (usize, u64)>, skip: u64) -> usize {
    let mut seen = 0;
    let beyond = bins.find(|(_, n)| {
        seen += n;
        seen > skip
    });
    beyond.map_or(0, |(bin, _)| bin)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suggest(pictures: &[Pixels]) -> ValueRange {
        let mut levels = Levels::default();
        pictures.iter().for_each(|p| levels.add(&Picture::new(1, p.len(), 1, p.clone())));
        levels.suggest()
    }

    fn ramp(low: f32, high: f32) -> Vec<f32> {
        (0..10_000).map(|i| low + (high - low) * i as f32 / 9_999.0).collect()
    }

    fn words(low: u16, high: u16) -> Pixels {
        Pixels::U16(ramp(low.into(), high.into()).iter().map(|&v| v as u16).collect())
    }

    #[test]
    fn words_are_scaled_by_the_bits_in_use_or_by_percentile() {
        assert_eq!(suggest(&[words(0, 65_535)]), ValueRange::Dtype);
        assert_eq!(suggest(&[words(90, 3_900)]), ValueRange::Fixed { low: 0.0, high: 4095.0 }); // a 12-bit microscope
        assert_eq!(suggest(&[words(0, 900), words(0, 3_900)]), ValueRange::Fixed { low: 0.0, high: 4095.0 });
        let Pixels::U16(mut dark) = words(100, 2_000) else { panic!("words") };
        dark[77] = 65_535; // one hot pixel
        let ValueRange::Fixed { low, high } = suggest(&[Pixels::U16(dark)]) else { panic!("not by type") };
        assert!((100.0..110.0).contains(&low) && (1_990.0..=2_000.0).contains(&high), "{low} {high}");
        assert_eq!(suggest(&[Pixels::U16(vec![0; 9])]), ValueRange::Fixed { low: 0.0, high: 1.0 });
    }

    #[test]
    fn floats_are_scaled_by_what_they_look_like() {
        assert_eq!(suggest(&[Pixels::F32(ramp(0.0, 1.0))]), ValueRange::Dtype);
        assert_eq!(suggest(&[Pixels::F32(ramp(0.0, 255.0))]), ValueRange::Fixed { low: 0.0, high: 255.0 });
        let ValueRange::Fixed { low, high } = suggest(&[Pixels::F32(ramp(-3.0, 5e4))]) else { panic!("not by type") };
        assert!((-3.0..200.0).contains(&low) && (4.9e4..=5e4).contains(&high), "{low} {high}");
        assert_eq!(suggest(&[Pixels::F32(vec![-2.0; 5])]), ValueRange::Fixed { low: -2.0, high: 0.0 });
    }

    #[test]
    fn bytes_and_mixtures_are_scaled_by_type() {
        assert_eq!(suggest(&[]), ValueRange::Dtype);
        assert_eq!(suggest(&[Pixels::U8(vec![3; 4])]), ValueRange::Dtype);
        assert_eq!(suggest(&[Pixels::U8(vec![3; 4]), words(0, 4_000)]), ValueRange::Dtype);
    }

    #[test]
    fn bins_keep_the_order_of_floats() {
        let values = [f32::MIN, -1e3, -1.0, -1e-9, 0.0, 1e-9, 1.0, 1.01, 1e3, f32::MAX];
        assert!(values.windows(2).all(|two| bin(two[0]) <= bin(two[1])));
        assert!(values.iter().all(|&v| edge(bin(v)) <= v && v <= edge(bin(v) + 1)));
    }
}
