//! Decoded and resized pictures kept in memory up to a fixed number of bytes, so that epochs over few pictures do not
//! decode them again.
//!
//! A picture comes back exactly as it went in: it is kept in bytes or 16-bit values only where that loses nothing.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::preprocess::Preprocess;

/// Pictures in [0, 1] as [`Preprocess::to_unit`] made them.
#[derive(Debug)]
pub struct UnitCache {
    made_by: Preprocess,
    kept: Vec<OnceLock<Kept>>,
    room: AtomicUsize, // bytes
}

#[derive(Debug)]
enum Kept {
    U8(Box<[u8]>),   // value * 255
    U16(Box<[u16]>), // value * 65535
    F32(Box<[f32]>),
}

impl UnitCache {
    /// An empty cache for `pictures` pictures, which takes at most `max_bytes` for their values.
    pub fn new(preprocess: &Preprocess, pictures: usize, max_bytes: usize) -> Self {
        let kept = std::iter::repeat_with(OnceLock::new).take(pictures).collect();
        Self { made_by: preprocess.clone(), kept, room: AtomicUsize::new(max_bytes) }
    }

    /// Picture `index`, or what `make` gives, which is kept if there is room.
    ///
    /// # Panics
    /// If `preprocess` is another than the cache was made for, or there is no picture `index`.
    pub(crate) fn get_or_make<E>(
        &self,
        preprocess: &Preprocess,
        index: usize,
        make: impl FnOnce() -> Result<Vec<f32>, E>,
    ) -> Result<Vec<f32>, E> {
        assert!(self.made_by == *preprocess, "UnitCache: made for another preprocessing");
        if let Some(kept) = self.kept[index].get() {
            return Ok(kept.values());
        }
        let unit = make()?;
        if self.room.load(Ordering::Relaxed) > 0 {
            let kept = Kept::new(&unit);
            let take = |room: usize| room.checked_sub(kept.bytes());
            if self.room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
                // Another thread may have kept the same picture meanwhile: then its room is counted twice, never less.
                self.kept[index].get_or_init(|| kept);
            }
        }
        Ok(unit)
    }
}

impl Kept {
    fn new(unit: &[f32]) -> Self {
        let bytes: Vec<u8> = unit.iter().map(|v| (v * 255.0).round() as u8).collect();
        if unit.iter().zip(&bytes).all(|(v, &b)| (f32::from(b) / 255.0).to_bits() == v.to_bits()) {
            return Self::U8(bytes.into());
        }
        let words: Vec<u16> = unit.iter().map(|v| (v * 65535.0).round() as u16).collect();
        if unit.iter().zip(&words).all(|(v, &w)| (f32::from(w) / 65535.0).to_bits() == v.to_bits()) {
            return Self::U16(words.into());
        }
        Self::F32(unit.into())
    }

    fn bytes(&self) -> usize {
        match self {
            Self::U8(v) => v.len(),
            Self::U16(v) => 2 * v.len(),
            Self::F32(v) => 4 * v.len(),
        }
    }

    fn values(&self) -> Vec<f32> {
        match self {
            Self::U8(v) => v.iter().map(|&b| f32::from(b) / 255.0).collect(),
            Self::U16(v) => v.iter().map(|&w| f32::from(w) / 65535.0).collect(),
            Self::F32(v) => v.to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_bit_for_bit_in_the_least_room() {
        let bytes: Vec<f32> = (0..=255u8).map(|b| f32::from(b) / 255.0).collect();
        let words: Vec<f32> = (0..=65535u16).step_by(7).map(|w| f32::from(w) / 65535.0).collect();
        let floats = vec![0.1, -0.0, 1.5, 0.333];
        for (unit, size) in [(bytes, 1), (words, 2), (floats, 4)] {
            let kept = Kept::new(&unit);
            assert_eq!(kept.bytes(), unit.len() * size);
            let bits = |v: &[f32]| v.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&kept.values()), bits(&unit));
        }
    }

    #[test]
    fn the_room_is_never_exceeded() {
        let preprocess = Preprocess::gray();
        let cache = UnitCache::new(&preprocess, 3, 10);
        let mut made = 0;
        for index in [0, 1, 2, 0, 1, 2] {
            let unit = cache.get_or_make(&preprocess, index, || {
                made += 1;
                Ok::<_, ()>(vec![1.0; 4])
            });
            assert_eq!(unit, Ok(vec![1.0; 4]));
        }
        assert_eq!(made, 4); // pictures 0 and 1 fit, 2 is made both times
    }
}
