//! Pictures held in memory as bytes, from which squares are cut: what nets for pictures learn from.

use std::ops::ControlFlow;

use striate_kernels::rng::Key;

use crate::dataset::Dataset;
use crate::loader::LoadError;
use crate::ordered::{Spread, in_order};
use crate::picture::Picture;
use crate::preprocess::{Colour, Filter, Preprocess, Resize};

/// What to hold, and what to cut.
#[derive(Clone, Copy, Debug)]
pub struct CropsSpec<'a> {
    /// Where the pictures are.
    pub dataset: &'a Dataset,
    /// Which of them.
    pub order: &'a [usize],
    /// Gray or RGB.
    pub colour: Colour,
    /// What both sides of a picture are multiplied by first, `(0, 1]`, antialiased.
    pub scale: f64,
    /// Longer sides beyond so many pixels are brought down to it, where given: what fills a large photo is smooth from pixel to
    /// pixel, and teaches little of edges and textures.
    pub longest: Option<usize>,
    /// How they are resampled.
    pub filter: Filter,
    /// Height and width of a crop, in pixels.
    pub size: [usize; 2],
    /// Bytes held at most: of pictures that are too large together, a part is held.
    pub max_bytes: usize,
    /// Decides which part.
    pub key: Key,
    /// Threads that decode.
    pub workers: usize,
}

/// A whole picture made smaller: `[C, H, W]` in `[0, 1]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Scaled {
    /// C, H, W.
    pub shape: [usize; 3],
    /// The values.
    pub values: Vec<f32>,
}

/// `picture` in `colour` with both sides multiplied by `scale`, one pixel at least.
pub fn scaled(picture: &Picture, colour: Colour, scale: f64, filter: Filter) -> Scaled {
    let side = |n: usize| ((n as f64 * scale).round() as usize).max(1);
    let size = [side(picture.height), side(picture.width)];
    let plain = if colour == Colour::Gray { Preprocess::gray() } else { Preprocess::rgb() };
    let contract = Preprocess { size, filter, resize: Resize::Stretch, ..plain };
    Scaled { shape: [contract.channels(), size[0], size[1]], values: contract.to_unit(picture) }
}

/// Pictures, or parts of them.
#[derive(Debug)]
pub struct Crops {
    held: Vec<Held>,
    /// Places of a crop in all pictures up to this one.
    ends: Vec<u64>,
    channels: usize,
    size: [usize; 2],
    /// Pictures that are smaller than a crop.
    pub too_small: usize,
    /// Pictures of which a part is held.
    pub in_part: usize,
}

#[derive(Debug)]
struct Held {
    index: usize,
    height: usize,
    width: usize,
    values: Box<[u8]>, // [C, H, W]
}

/// Where a crop is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The picture's number in the data set.
    pub picture: usize,
    held: usize,
    /// First row, of the part that is held.
    pub top: usize,
    /// First column, of the part that is held.
    pub left: usize,
}

impl Crops {
    /// Decodes and holds the pictures; `progress` hears of pictures done.
    ///
    /// # Errors
    /// If a picture cannot be read.
    pub fn load(spec: &CropsSpec, progress: &dyn Fn(usize)) -> Result<Self, LoadError> {
        let [h, w] = spec.size;
        let channels = if spec.colour == Colour::Gray { 1 } else { 3 };
        let mut crops =
            Self { held: Vec::new(), ends: Vec::new(), channels, size: spec.size, too_small: 0, in_part: 0 };
        let spread = Spread { count: spec.order.len(), workers: spec.workers, window: 2 * spec.workers.max(1) };
        let (mut used, mut done, mut places) = (0, 0, 0_u64);
        in_order(
            spread,
            |i| load(spec, spec.order[i]),
            |picture: Result<(usize, Scaled), LoadError>| {
                let (index, Scaled { shape: [_, height, width], values }) = picture?;
                done += 1;
                progress(done);
                if height < h || width < w {
                    crops.too_small += 1;
                    return Ok(ControlFlow::Continue(()));
                }
                let left = spec.order.len() + 1 - done;
                let allowed = ((spec.max_bytes - used) / left).max(channels * h * w);
                let bytes: Vec<u8> = values.iter().map(|v| (v * 255.0).round() as u8).collect();
                let whole = Held { index, height, width, values: bytes.into_boxed_slice() };
                let held = whole.part(allowed, spec, channels);
                crops.in_part += usize::from(held.height * held.width < height * width);
                used = (used + held.values.len()).min(spec.max_bytes);
                places += ((held.height - h + 1) * (held.width - w + 1)) as u64;
                crops.held.push(held);
                crops.ends.push(places);
                Ok(ControlFlow::Continue(()))
            },
        )?;
        Ok(crops)
    }

    /// Pictures that crops can be cut from.
    pub fn pictures(&self) -> usize {
        self.held.len()
    }

    /// `[C, H, W]` of a crop.
    pub fn shape(&self) -> [usize; 3] {
        [self.channels, self.size[0], self.size[1]]
    }

    /// A place drawn under `key`, every place of every picture alike.
    ///
    /// # Panics
    /// If there is no picture.
    pub fn place(&self, key: Key) -> Place {
        let all = *self.ends.last().expect("Crops::place: there is a picture");
        let number = (u128::from(key.stream().next_u64()) * u128::from(all)) >> 64;
        let number = number as u64;
        let held = self.ends.partition_point(|&end| end <= number);
        let before = held.checked_sub(1).map_or(0, |last| self.ends[last]);
        let at = (number - before) as usize;
        let across = self.held[held].width - self.size[1] + 1;
        Place { picture: self.held[held].index, held, top: at / across, left: at % across }
    }

    /// The crop at `place`, `[C, H, W]` in `[0, 1]`.
    ///
    /// # Panics
    /// If `place` is of other crops.
    pub fn cut(&self, place: Place) -> Vec<f32> {
        let [h, w] = self.size;
        let Held { height, width, values, .. } = &self.held[place.held];
        let mut crop = Vec::with_capacity(self.channels * h * w);
        for plane in values.chunks_exact(height * width) {
            for row in plane.chunks_exact(*width).skip(place.top).take(h) {
                crop.extend(row[place.left..][..w].iter().map(|&v| f32::from(v) / 255.0));
            }
        }
        crop
    }

    /// For each pixel of the crop at `place`, its number in the held part of the picture, row by row.
    pub fn pixel_numbers(&self, place: Place) -> impl Iterator<Item = u64> {
        let ([h, w], width) = (self.size, self.held[place.held].width);
        let Place { top, left, .. } = place;
        (0..h).flat_map(move |y| (0..w).map(move |x| ((top + y) * width + left + x) as u64))
    }
}

fn load(spec: &CropsSpec, index: usize) -> Result<(usize, Scaled), LoadError> {
    let decoded = spec.dataset.picture(index);
    let decoded = decoded.map_err(|source| LoadError { index, name: spec.dataset.name(index), source })?;
    let longer = decoded.picture.height.max(decoded.picture.width).max(1) as f64;
    let scale = spec.longest.map_or(spec.scale, |longest| spec.scale.min(longest as f64 / longer));
    Ok((index, scaled(&decoded.picture, spec.colour, scale, spec.filter)))
}

impl Held {
    /// All of it, or a part in its aspect ratio that takes `allowed` bytes.
    fn part(self, allowed: usize, spec: &CropsSpec, channels: usize) -> Self {
        if self.values.len() <= allowed {
            return self;
        }
        let share = (allowed as f64 / self.values.len() as f64).sqrt();
        let side = |n: usize, least: usize| ((n as f64 * share) as usize).clamp(least, n);
        let (height, width) = (side(self.height, spec.size[0]), side(self.width, spec.size[1]));
        let mut stream = spec.key.with(self.index as u64).stream();
        let (top, left) = (stream.below(self.height - height + 1), stream.below(self.width - width + 1));
        let mut values = Vec::with_capacity(channels * height * width);
        for plane in self.values.chunks_exact(self.height * self.width) {
            for row in plane.chunks_exact(self.width).skip(top).take(height) {
                values.extend_from_slice(&row[left..left + width]);
            }
        }
        Self { height, width, values: values.into_boxed_slice(), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::OpenOptions;

    fn spec<'a>(dataset: &'a Dataset, order: &'a [usize]) -> CropsSpec<'a> {
        CropsSpec {
            dataset,
            order,
            colour: Colour::Rgb,
            scale: 0.5,
            longest: None,
            filter: Filter::Bilinear,
            size: [32, 40],
            max_bytes: 1 << 30,
            key: Key::new(1),
            workers: 2,
        }
    }

    #[test]
    fn crops_are_parts_of_the_smaller_picture_and_the_same_for_any_number_of_workers() {
        let dataset = Dataset::open("@photos", &OpenOptions::default()).expect("embedded");
        let order = [3, 8, 5];
        let spec = spec(&dataset, &order);
        let crops = Crops::load(&spec, &|_| ()).expect("readable");
        assert_eq!((crops.pictures(), crops.shape(), crops.in_part), (3, [3, 32, 40], 0));
        let again = Crops::load(&CropsSpec { workers: 5, ..spec }, &|_| ()).expect("readable");
        let mut seen = std::collections::BTreeSet::new();
        for i in 0..200 {
            let place = crops.place(Key::new(7).with(i));
            assert!(place.top <= 16 && place.left <= 8, "{place:?}");
            assert_eq!(again.cut(again.place(Key::new(7).with(i))), crops.cut(place));
            let picture = dataset.picture(place.picture).expect("readable").picture;
            let whole = scaled(&picture, Colour::Rgb, 0.5, Filter::Bilinear);
            assert_eq!(whole.shape, [3, 48, 48]);
            let (at, crop) = ((48 + place.top + 2) * 48 + place.left + 1, crops.cut(place));
            assert!((crop[(32 + 2) * 40 + 1] - whole.values[at]).abs() < 1e-6);
            assert_eq!(
                crops.pixel_numbers(place).nth(2 * 40 + 1),
                Some(((place.top + 2) * 48 + place.left + 1) as u64)
            );
            seen.insert(place.picture);
        }
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [3, 5, 8]);
    }

    #[test]
    fn large_pictures_are_held_in_part_and_small_ones_not_at_all() {
        let dataset = Dataset::open("@photos", &OpenOptions::default()).expect("embedded");
        let order = [0, 1, 2, 4];
        let crops = Crops::load(&CropsSpec { max_bytes: 4 * 3 * 36 * 44, ..spec(&dataset, &order) }, &|_| ());
        let crops = crops.expect("readable");
        assert!(crops.in_part >= 2, "{}", crops.in_part);
        assert_eq!(crops.cut(crops.place(Key::new(1))).len(), 3 * 32 * 40);
        let small = CropsSpec { scale: 1.0, longest: Some(47), size: [40, 40], ..spec(&dataset, &order) };
        let place = Crops::load(&small, &|_| ()).expect("readable").place(Key::new(2));
        assert!(place.top < 8 && place.left < 8, "96 pixels became 47: {place:?}");
        let none = Crops::load(&CropsSpec { size: [49, 8], ..spec(&dataset, &order) }, &|_| ()).expect("readable");
        assert_eq!((none.pictures(), none.too_small), (0, 4));
    }
}
