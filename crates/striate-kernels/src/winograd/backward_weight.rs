//! The gradient of the weights: at each point, the outer products of transformed pixels and transformed gradients of
//! outputs, summed over tiles in order.

use rayon::prelude::*;

use super::filters::unpack;
use super::transform::{self, POINTS, SIDE};
use super::{Filters, Layout, Pixels, Tiling};
use crate::isa::{Kernel, dispatch};
use crate::memory::buffer;
use crate::outer::{BLOCK, OuterProduct};
use crate::shared_slice::Shared;
use crate::simd::Simd;

/// Tiles between two passes; a longer stretch reads and writes the sums less often, a shorter one stays in the cache.
const STRETCH: usize = 128;

/// Transforms the gradients of outputs of tiles to points, in blocks of 16 channels.
struct Gradients<const M: usize> {
    tiling: Tiling,
    tiles: std::ops::Range<usize>,
    gradient: *const f32,
    points: *mut f32,
    layout: Layout,
}

impl<const M: usize> Kernel for Gradients<M> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self, s: S) {
        let Self { tiling, layout, .. } = self;
        let target = tiling.target;
        for (slot, tile) in self.tiles.clone().enumerate() {
            let (image, y, x) = tiling.corner(tile);
            let pixels: [[Option<usize>; M]; M] = std::array::from_fn(|i| {
                std::array::from_fn(|j| target.pixel(image, 0, y + i as isize, x + j as isize))
            });
            for c in (0..target.c.next_multiple_of(BLOCK)).step_by(S::LANES) {
                let width = target.c.saturating_sub(c).min(S::LANES);
                let to = slot * layout.tile + c / BLOCK * layout.block + c % BLOCK;
                // SAFETY: reads are inside the gradient, writes inside the buffer that `layout` describes.
                unsafe {
                    let mut columns = [[s.splat(0.0); M]; SIDE];
                    for j in 0..M {
                        let mut y = [s.splat(0.0); M];
                        for i in 0..M {
                            y[i] = match pixels[i][j] {
                                None => s.splat(0.0),
                                Some(at) => s.load_some(self.gradient.wrapping_add(at + c), width),
                            };
                        }
                        for (i, v) in transform::output_gradients::<S, M>(s, y).into_iter().enumerate() {
                            columns[i][j] = v;
                        }
                    }
                    for (i, row) in columns.into_iter().enumerate() {
                        for (j, v) in transform::output_gradients::<S, M>(s, row).into_iter().enumerate() {
                            s.store(self.points.add((i * SIDE + j) * layout.point + to), v);
                        }
                    }
                }
            }
        }
    }
}

/// What the gradient of the weights is made of.
#[derive(Clone, Copy)]
pub(crate) struct WeightGradient<'a> {
    /// As in the forward pass; the target is the gradient of the output, with one phase.
    pub tiling: Tiling,
    /// Input of the forward pass.
    pub source: &'a [f32],
    /// Gradient of its output.
    pub gradient: &'a [f32],
    /// As in the forward pass.
    pub filters: &'a Filters,
}

fn blocked(tiles: usize, channels: usize, phases: usize) -> Layout {
    let blocks = channels.div_ceil(BLOCK);
    let block = tiles * BLOCK;
    Layout {
        point: blocks * phases * block + super::POINT_GAP,
        tile: BLOCK,
        block,
        phase: blocks * block,
        padded: true,
    }
}

/// Writes the gradient of the weights, `[C_out, C_in, K, K]`.
pub(crate) fn backward_weight(of: WeightGradient, weight: &mut [f32]) {
    let WeightGradient { tiling, source, gradient, filters } = of;
    let (tiles, phases) = (tiling.tiles(), tiling.source.count());
    let rows = tiling.source.c.next_multiple_of(BLOCK) * phases;
    let n = tiling.target.c.next_multiple_of(BLOCK);
    let stretch = STRETCH.min(tiles);
    let (from, to) = (blocked(stretch, tiling.source.c, phases), blocked(stretch, tiling.target.c, 1));
    let (mut before, mut after) = (buffer(POINTS * from.point), buffer(POINTS * to.point));
    let mut sums = buffer(POINTS * rows * n);
    let zeros = vec![0.0; tiling.source.c];
    let (before, after, totals) = (Shared::new(&mut before), Shared::new(&mut after), Shared::new(&mut sums));
    let few = stretch.div_ceil(4 * rayon::current_num_threads()).max(1);
    for start in (0..tiles).step_by(stretch) {
        let here = stretch.min(tiles - start);
        (0..here.div_ceil(few)).into_par_iter().for_each(|at| {
            let (low, high) = (at * few, ((at + 1) * few).min(here));
            let tiles = start + low..start + high;
            // SAFETY: the tiling fits both tensors; each task has tiles of its own.
            unsafe {
                let (source, points) = (source.as_ptr(), before.at(low * from.tile));
                dispatch(Pixels { tiling, tiles: tiles.clone(), source, zeros: zeros.as_ptr(), points, layout: from });
                let (gradient, points) = (gradient.as_ptr(), after.at(low * to.tile));
                match tiling.outputs() {
                    4 => dispatch(Gradients::<4> { tiling, tiles, gradient, points, layout: to }),
                    2 => dispatch(Gradients::<2> { tiling, tiles, gradient, points, layout: to }),
                    m => unreachable!("winograd: {m} outputs a tile"),
                }
            }
        });
        (0..POINTS).into_par_iter().for_each(|point| {
            // SAFETY: each task has the sums of its own point; both factors were written above.
            unsafe {
                OuterProduct {
                    rows,
                    n,
                    lines: 1,
                    steps: here,
                    a: before.at(point * from.point),
                    a_block: from.block,
                    a_line: 0,
                    a_step: BLOCK,
                    b: after.at(point * to.point),
                    b_block: to.block,
                    b_line: 0,
                    b_step: BLOCK,
                    sums: totals.at(point * rows * n),
                    sums_row: n,
                    first: start == 0,
                }
                .run();
            }
        });
    }
    unpack(filters, &sums, (tiling.source.c.next_multiple_of(BLOCK), n), weight);
}
