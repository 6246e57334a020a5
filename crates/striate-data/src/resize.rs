//! Antialiased resampling of whole numbers: the filter widens with the reduction, as in Pillow.
//!
//! Only 8- and 16-bit values are resampled, in integer arithmetic with weights rounded once, so that every path of
//! the resizer (portable, SSE 4.1, AVX2, NEON) gives the same bytes.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use serde::{Deserialize, Serialize};

/// How pixels are weighted when a picture is resized.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Filter {
    /// Takes the nearest pixel; the only one without antialiasing, for masks.
    Nearest,
    /// Triangle, support 1.
    Bilinear,
    /// Keys' cubic with a = -0.5, support 2.
    Bicubic,
    /// Windowed sinc, support 3.
    Lanczos3,
}

impl Filter {
    fn algorithm(self) -> ResizeAlg {
        match self {
            Self::Nearest => ResizeAlg::Nearest,
            Self::Bilinear => ResizeAlg::Convolution(FilterType::Bilinear),
            Self::Bicubic => ResizeAlg::Convolution(FilterType::CatmullRom),
            Self::Lanczos3 => ResizeAlg::Convolution(FilterType::Lanczos3),
        }
    }
}

/// A stored whole number that can be resampled.
pub(crate) trait Whole: bytemuck::Pod + Into<u64> {
    const GRAY: PixelType;
    const RGB: PixelType;
    /// # Panics
    /// If `value` is over the largest of the type.
    fn from_u64(value: u64) -> Self;
}

impl Whole for u8 {
    const GRAY: PixelType = PixelType::U8;
    const RGB: PixelType = PixelType::U8x3;
    fn from_u64(value: u64) -> Self {
        Self::try_from(value).expect("an average of bytes is a byte")
    }
}

impl Whole for u16 {
    const GRAY: PixelType = PixelType::U16;
    const RGB: PixelType = PixelType::U16x3;
    fn from_u64(value: u64) -> Self {
        Self::try_from(value).expect("an average of 16-bit values has 16 bits")
    }
}

/// Rows and columns of a picture, row-major `[H, W, C]`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grid<'a, T> {
    pub height: usize,
    pub width: usize,
    /// 1 or 3.
    pub channels: usize,
    pub values: &'a [T],
}

/// The part of a picture that is resized, in pixels; edges may lie within pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Window {
    pub top: f64,
    pub left: f64,
    pub height: f64,
    pub width: f64,
}

impl Window {
    pub(crate) fn whole(height: usize, width: usize) -> Self {
        Self { top: 0.0, left: 0.0, height: height as f64, width: width as f64 }
    }
}

/// Beyond this many source pixels to one, groups of pixels are averaged first: the resizer's 16-bit weights would
/// fade to nothing over thousands of taps, and a strip of 1 x 100,000,000 pixels would be widened before it is
/// shortened. What is left of the reduction is at least this, so that the average shifts no value by 1/255.
const MAX_REDUCTION: f64 = 64.0;

/// Resizes `window` of `grid` to `size` `[H, W]`.
pub(crate) fn resize<T: Whole>(grid: Grid<T>, window: Window, size: [usize; 2], filter: Filter) -> Vec<T> {
    let Grid { height, width, channels, .. } = grid;
    let group = |source: f64, target: usize| {
        if filter == Filter::Nearest { 1 } else { ((source / target as f64 / MAX_REDUCTION) as usize).max(1) }
    };
    let (by_row, by_column) = (group(window.height, size[0]), group(window.width, size[1]));
    if by_row == 1 && by_column == 1 {
        return resample(grid, window, size, filter);
    }
    let rows = average(grid.values, [1, height, width * channels], by_row);
    let height = height.div_ceil(by_row);
    let values = average(&rows, [height, width, channels], by_column);
    let width = width.div_ceil(by_column);
    let window = Window {
        top: window.top / by_row as f64,
        left: window.left / by_column as f64,
        height: window.height / by_row as f64,
        width: window.width / by_column as f64,
    };
    resample(Grid { height, width, channels, values: &values }, window, size, filter)
}

/// Averages groups of `by` along the middle axis of `[outer, n, inner]`; the last group may be shorter.
fn average<T: Whole>(values: &[T], [outer, n, inner]: [usize; 3], by: usize) -> Vec<T> {
    let mut out = Vec::with_capacity(outer * n.div_ceil(by) * inner);
    let mut sums = vec![0u64; inner];
    for block in values.chunks_exact(n * inner) {
        for group in block.chunks(by * inner) {
            sums.fill(0);
            for line in group.chunks_exact(inner) {
                sums.iter_mut().zip(line).for_each(|(sum, &v)| *sum += v.into());
            }
            let count = (group.len() / inner) as u64;
            out.extend(sums.iter().map(|sum| T::from_u64((sum + count / 2) / count)));
        }
    }
    out
}

fn resample<T: Whole>(grid: Grid<T>, window: Window, [height, width]: [usize; 2], filter: Filter) -> Vec<T> {
    let kind = if grid.channels == 1 { T::GRAY } else { T::RGB };
    let bytes = bytemuck::cast_slice(grid.values);
    let side = |n: usize| u32::try_from(n).expect("a side of a picture fits 32 bits");
    let options = ResizeOptions::new().resize_alg(filter.algorithm()).use_alpha(false).crop(
        window.left,
        window.top,
        window.width,
        window.height,
    );
    let mut out = Image::new(side(width), side(height), kind);
    ImageRef::new(side(grid.width), side(grid.height), bytes, kind)
        .map_err(|e| e.to_string())
        .and_then(|source| Resizer::new().resize(&source, &mut out, &options).map_err(|e| e.to_string()))
        .unwrap_or_else(|e| panic!("resize: {window:?} of {}x{}: {e}", grid.height, grid.width));
    bytemuck::pod_collect_to_vec(out.buffer())
}

#[cfg(test)]
mod tests {
    use striate_kernels::rng::Key;

    use super::*;

    const FILTERS: [Filter; 4] = [Filter::Nearest, Filter::Bilinear, Filter::Bicubic, Filter::Lanczos3];

    #[test]
    fn flat_pictures_of_any_shape_stay_flat() {
        for (height, width) in [(1, 1), (1, 700), (300, 1), (1, 1_000_000), (5_000_000, 1), (3, 100_000)] {
            for filter in FILTERS {
                let values = vec![200u8; height * width];
                let grid = Grid { height, width, channels: 1, values: &values };
                let out = resize(grid, Window::whole(height, width), [5, 7], filter);
                assert!(out.iter().all(|v| v.abs_diff(200) <= 1), "{height}x{width} {filter:?}: {out:?}");
                let values = vec![51_400u16; height * width];
                let grid = Grid { height, width, channels: 1, values: &values };
                let out = resize(grid, Window::whole(height, width), [5, 7], filter);
                assert!(out.iter().all(|v| v.abs_diff(51_400) <= 2), "{height}x{width} {filter:?}: {out:?}");
            }
        }
    }

    #[test]
    fn averaging_first_keeps_a_ramp() {
        let (height, width) = (2, 60_000);
        let values: Vec<u16> = (0..height * width).map(|i| (i % width) as u16).collect();
        let grid = Grid { height, width, channels: 1, values: &values };
        let out = resize(grid, Window::whole(height, width), [2, 6], Filter::Bilinear);
        for (x, v) in out[1..5].iter().enumerate() {
            let want = (x as f64 + 1.5) * 10_000.0;
            assert!((f64::from(*v) - want).abs() < 20.0, "{out:?}");
        }
    }

    /// Pins the bytes: whatever path this machine takes, they are those of the portable one (compared once, over
    /// 6,000 random problems, with the paths forced; forcing them needs `unsafe`).
    #[test]
    fn bytes_are_those_of_the_portable_path() {
        let mut stream = Key::new(1).stream();
        let mut hasher = blake3::Hasher::new();
        for case in 0..300 {
            let [height, width, h, w] = [90, 90, 70, 70].map(|n| 1 + stream.below(n));
            let channels = 1 + 2 * (case % 2);
            let values: Vec<u16> = (0..height * width * channels).map(|_| stream.next_u64() as u16).collect();
            let bytes: Vec<u8> = values.iter().map(|v| *v as u8).collect();
            let (filter, window) = (FILTERS[stream.below(4)], Window::whole(height, width));
            let wide = resize(Grid { height, width, channels, values: &values }, window, [h, w], filter);
            hasher.update(&wide.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>());
            hasher.update(&resize(Grid { height, width, channels, values: &bytes }, window, [h, w], filter));
        }
        assert_eq!(hasher.finalize().to_hex()[..16], *"536a1f2bfbd39cd4");
    }
}
