//! Winograd's minimal filtering on tiles of 6x6: F(4x4, 3x3) and F(2x2, 5x5).
//!
//! A convolution with stride `s` is one with stride 1 over its `s * s` phases (every s-th pixel), whose channels stand side
//! by side; so a 5x5 kernel with stride 2 is a 3x3 kernel over four phases. A gradient of the input is the same with the
//! phases on the side of the output.

mod backward_weight;
mod filters;
mod transform;

use rayon::prelude::*;

use crate::isa::{Kernel, dispatch};
use crate::memory::buffer;
use crate::product::{Finish, Product, panel_width};
use crate::shared_slice::Shared;
use crate::simd::Simd;
pub(crate) use backward_weight::{WeightGradient, backward_weight};
pub(crate) use filters::{Filters, pack};
use transform::{POINTS, SIDE};

/// A tensor `[N, H, W, C]` seen as `step * step` phases, each `[N, H / step, W / step, C]`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Phases {
    pub h: usize,
    pub w: usize,
    pub c: usize,
    pub step: usize,
}

impl Phases {
    /// Phases in all.
    pub(crate) fn count(&self) -> usize {
        self.step * self.step
    }

    /// Channels of all phases side by side.
    pub(crate) fn channels(&self) -> usize {
        self.count() * self.c
    }

    /// Index of the first channel of a phase's pixel, if the pixel is inside.
    fn pixel(&self, image: usize, phase: usize, y: isize, x: isize) -> Option<usize> {
        let step = self.step as isize;
        let (y, x) = (y * step + (phase / self.step) as isize, x * step + (phase % self.step) as isize);
        let inside = y >= 0 && x >= 0 && y < self.h as isize && x < self.w as isize;
        inside.then(|| ((image * self.h + y as usize) * self.w + x as usize) * self.c)
    }
}

/// What is convolved, as tiles.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tiling {
    pub images: usize,
    /// Read.
    pub source: Phases,
    /// Written.
    pub target: Phases,
    /// Zeros before the first pixel of a phase of the source.
    pub pad: [usize; 2],
    /// Taps of the kernel over phases: 3 or 5.
    pub taps: usize,
}

impl Tiling {
    /// Outputs of a tile along a side.
    fn outputs(&self) -> usize {
        SIDE + 1 - self.taps
    }

    /// Tiles of a picture, down and across.
    fn grid(&self) -> [usize; 2] {
        let per = self.target.step * self.outputs();
        [self.target.h.div_ceil(per), self.target.w.div_ceil(per)]
    }

    fn tiles(&self) -> usize {
        let [down, across] = self.grid();
        self.images * down * across
    }

    /// Picture, and the first output of a tile.
    fn corner(&self, tile: usize) -> (usize, isize, isize) {
        let ([down, across], m) = (self.grid(), self.outputs());
        let (image, at) = (tile / (down * across), tile % (down * across));
        (image, (at / across * m) as isize, (at % across * m) as isize)
    }
}

/// Numbers between the points of a buffer of points, so that they do not all fall on one line of the cache.
const POINT_GAP: usize = 16;

/// Transforms the pixels of tiles to points: `points[xi][tile][channel]`, or in blocks of 16 channels.
struct Pixels {
    tiling: Tiling,
    tiles: std::ops::Range<usize>,
    source: *const f32,
    /// As many zeros as the source has channels.
    zeros: *const f32,
    points: *mut f32,
    layout: Layout,
}

/// Where a number of a buffer of points stands.
#[derive(Clone, Copy)]
struct Layout {
    /// From point to point.
    point: usize,
    /// From tile to tile.
    tile: usize,
    /// From 16 channels to the next 16.
    block: usize,
    /// From phase to phase.
    phase: usize,
    /// Whether a block that is not full ends in zeros.
    padded: bool,
}

impl Layout {
    /// Channels side by side.
    fn rows(tiles: usize, phases: &Phases) -> Self {
        let channels = phases.channels();
        Self { point: tiles * channels + POINT_GAP, tile: channels, block: 16, phase: phases.c, padded: false }
    }
}

impl Kernel for Pixels {
    #[inline(always)]
    unsafe fn run<S: Simd>(self, s: S) {
        let Self { tiling, layout, .. } = self;
        let source = tiling.source;
        let end = if layout.padded { source.c.next_multiple_of(16) } else { source.c };
        for (slot, tile) in self.tiles.clone().enumerate() {
            let (image, y, x) = tiling.corner(tile);
            let (y, x) = (y - tiling.pad[0] as isize, x - tiling.pad[1] as isize);
            for phase in 0..source.count() {
                let pixels: [*const f32; POINTS] = std::array::from_fn(|i| {
                    let (dy, dx) = ((i / SIDE) as isize, (i % SIDE) as isize);
                    match source.pixel(image, phase, y + dy, x + dx) {
                        // SAFETY: `pixel` is inside the source.
                        Some(at) => unsafe { self.source.add(at) },
                        None => self.zeros,
                    }
                });
                let to = slot * layout.tile + phase * layout.phase;
                for c in (0..end).step_by(S::LANES) {
                    let width = source.c.saturating_sub(c).min(S::LANES);
                    let to = to + c / 16 * layout.block + c % 16;
                    // SAFETY: reads are inside the source or the zeros, writes inside the buffer that `layout` describes.
                    unsafe {
                        let mut columns = [[s.splat(0.0); SIDE]; SIDE];
                        for j in 0..SIDE {
                            let mut d = [s.splat(0.0); SIDE];
                            for i in 0..SIDE {
                                let p = pixels[i * SIDE + j].wrapping_add(c);
                                d[i] = s.load_some(p, width);
                            }
                            let d = transform::pixels(s, d);
                            for i in 0..SIDE {
                                columns[i][j] = d[i];
                            }
                        }
                        for (i, row) in columns.into_iter().enumerate() {
                            for (j, v) in transform::pixels(s, row).into_iter().enumerate() {
                                let at = self.points.add((i * SIDE + j) * layout.point + to);
                                s.store_some(at, v, if layout.padded { S::LANES } else { width });
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Transforms points of tiles to pixels of the target and finishes them.
struct Outputs<const M: usize> {
    tiling: Tiling,
    tiles: std::ops::Range<usize>,
    points: *const f32,
    layout: Layout,
    target: *mut f32,
    finish: Finish,
}

impl<const M: usize> Kernel for Outputs<M> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self, s: S) {
        let Self { tiling, layout, finish, .. } = self;
        let target = tiling.target;
        for (slot, tile) in self.tiles.clone().enumerate() {
            let (image, y, x) = tiling.corner(tile);
            for phase in 0..target.count() {
                let pixels: [[Option<usize>; M]; M] = std::array::from_fn(|i| {
                    std::array::from_fn(|j| target.pixel(image, phase, y + i as isize, x + j as isize))
                });
                let from = slot * layout.tile + phase * layout.phase;
                for c in (0..target.c).step_by(S::LANES) {
                    let width = (target.c - c).min(S::LANES);
                    // SAFETY: reads are inside the buffer that `layout` describes, writes inside the target.
                    unsafe {
                        let mut columns = [[s.splat(0.0); SIDE]; M];
                        for j in 0..SIDE {
                            let mut m = [s.splat(0.0); SIDE];
                            for i in 0..SIDE {
                                let p = self.points.add((i * SIDE + j) * layout.point + from + c);
                                m[i] = s.load_some(p, width);
                            }
                            let m = transform::outputs::<S, M>(s, m);
                            for i in 0..M {
                                columns[i][j] = m[i];
                            }
                        }
                        let bias = match finish.bias.is_null() {
                            true => s.splat(0.0),
                            false => s.load_some(finish.bias.add(c), width),
                        };
                        let (low, high) = (s.splat(finish.low), s.splat(finish.high));
                        for (i, row) in columns.into_iter().enumerate() {
                            for (j, v) in transform::outputs::<S, M>(s, row).into_iter().enumerate() {
                                let Some(at) = pixels[i][j] else { continue };
                                let mut v = s.add(v, bias);
                                if !finish.residual.is_null() {
                                    v = s.add(v, s.load_some(finish.residual.add(at + c), width));
                                }
                                v = s.min(high, s.max(low, v));
                                s.store_some(self.target.add(at + c), v, width);
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Tiles that one task takes: points of both sides shall stay in the second-level cache, and yet each packed weight that is
/// read shall serve at least 32 rows.
fn block_of(channels: usize) -> usize {
    match channels {
        0..=128 => 40,
        129..=256 => 32,
        _ => 64,
    }
}

/// One stretch of the three passes: pixels to points, products, points to outputs.
struct Pass<'a> {
    tiling: Tiling,
    source: &'a [f32],
    zeros: &'a [f32],
    filters: &'a [f32],
    finish: Finish,
    target: Shared<f32>,
}

impl Pass<'_> {
    /// # Safety
    /// `points` has room for `tiles` in `layout`.
    unsafe fn pixels(&self, tiles: std::ops::Range<usize>, points: *mut f32, layout: Layout) {
        let (source, zeros) = (self.source.as_ptr(), self.zeros.as_ptr());
        // SAFETY: the tiling fits the source, and the caller gives room.
        unsafe { dispatch(Pixels { tiling: self.tiling, tiles, source, zeros, points, layout }) }
    }

    /// # Safety
    /// Both buffers hold `tiles` rows of every point.
    unsafe fn product(
        &self,
        point: usize,
        tiles: usize,
        (from, from_layout): (*const f32, Layout),
        (to, to_layout): (*mut f32, Layout),
    ) {
        let (depth, n) = (self.tiling.source.channels(), self.tiling.target.channels());
        let each = crate::product::packed_len(depth, n);
        let mut table = Vec::with_capacity(tiles);
        let mut out_rows = Vec::with_capacity(tiles);
        for tile in 0..tiles {
            table.push(from.wrapping_add(point * from_layout.point + tile * from_layout.tile));
            out_rows.push(tile * to_layout.tile);
        }
        let product = Product {
            rows: tiles,
            table: table.as_ptr(),
            taps: 1,
            depth,
            b: self.filters[point * each..].as_ptr(),
            n,
            panels: 0..n.div_ceil(panel_width()),
            out: to.wrapping_add(point * to_layout.point),
            out_rows: out_rows.as_ptr(),
            finish: Finish::NONE,
        };
        // SAFETY: the rows are inside the buffers, as the caller says, and the filters hold all points.
        unsafe { product.run() }
    }

    /// # Safety
    /// `points` holds `tiles` in `layout`; no other task writes these tiles.
    unsafe fn outputs(&self, tiles: std::ops::Range<usize>, points: *const f32, layout: Layout) {
        let Self { tiling, finish, .. } = *self;
        // SAFETY: the tiling fits the target, and tiles do not overlap there.
        unsafe {
            let target = self.target.at(0);
            match tiling.outputs() {
                4 => dispatch(Outputs::<4> { tiling, tiles, points, layout, target, finish }),
                2 => dispatch(Outputs::<2> { tiling, tiles, points, layout, target, finish }),
                m => unreachable!("winograd: {m} outputs a tile"),
            }
        }
    }
}

/// Convolves `source` with packed `filters` into `target`.
///
/// # Safety
/// The pointers of `finish` can be read for the channels and the size of the target.
pub(crate) unsafe fn convolve(tiling: Tiling, source: &[f32], filters: &[f32], finish: Finish, target: &mut [f32]) {
    let zeros = vec![0.0; tiling.source.c];
    let (tiles, threads) = (tiling.tiles(), rayon::current_num_threads());
    let channels = tiling.source.channels() + tiling.target.channels();
    let block = block_of(channels);
    let target = Shared::new(target);
    let pass = Pass { tiling, source, zeros: &zeros, filters, finish, target };
    if tiles >= 2 * threads * block || threads == 1 {
        (0..tiles.div_ceil(block)).into_par_iter().for_each(|at| {
            let mine = at * block..((at + 1) * block).min(tiles);
            let (from, to) = (Layout::rows(block, &tiling.source), Layout::rows(block, &tiling.target));
            let (mut before, mut after) = (buffer(POINTS * from.point), buffer(POINTS * to.point));
            // SAFETY: both buffers hold a block of tiles; each task has its own tiles.
            unsafe {
                pass.pixels(mine.clone(), before.as_mut_ptr(), from);
                for point in 0..POINTS {
                    pass.product(point, mine.len(), (before.as_ptr(), from), (after.as_mut_ptr(), to));
                }
                pass.outputs(mine, after.as_ptr(), to);
            }
        });
        return;
    }
    let (from, to) = (Layout::rows(tiles, &tiling.source), Layout::rows(tiles, &tiling.target));
    let (mut before, mut after) = (buffer(POINTS * from.point), buffer(POINTS * to.point));
    let (before, after) = (Shared::new(&mut before), Shared::new(&mut after));
    let few = tiles.div_ceil(4 * threads).max(1);
    let chunks = tiles.div_ceil(few);
    // SAFETY: the buffers hold all tiles; tasks have tiles, and points, of their own.
    unsafe {
        (0..chunks).into_par_iter().for_each(|at| {
            let mine = at * few..((at + 1) * few).min(tiles);
            pass.pixels(mine.clone(), before.at(mine.start * from.tile), from);
        });
        (0..POINTS).into_par_iter().for_each(|point| {
            pass.product(point, tiles, (before.at(0), from), (after.at(0), to));
        });
        (0..chunks).into_par_iter().for_each(|at| {
            let mine = at * few..((at + 1) * few).min(tiles);
            pass.outputs(mine.clone(), after.at(mine.start * to.tile), to);
        });
    }
}
