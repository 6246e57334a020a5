//! Kernels as points, packed for the product; and back, from gradients of points to gradients of taps.

use rayon::prelude::*;

use super::transform::{self, POINTS, SIDE};
use crate::isa::{Kernel, dispatch};
use crate::product::{packed_len, panel_of, panel_width};
use crate::shared_slice::Shared;
use crate::simd::Simd;

/// The weights `[C_out, C_in, K, K]` as seen from the product: rows `k` of its inner axis, columns `n`.
#[derive(Clone, Debug)]
pub(crate) struct Filters {
    /// Taps of the kernel over phases: 3 or 5.
    pub taps: usize,
    /// Channels of a phase on the inner axis, phases, and from one channel to the next in the weights.
    pub inner: (usize, usize, usize),
    /// The same for columns.
    pub columns: (usize, usize, usize),
    /// Per phase, `taps * taps` offsets in the weights of one pair of channels; none where the phase has no such tap.
    pub offsets: Vec<Vec<Option<usize>>>,
}

impl Filters {
    /// How a kernel of `kernel * kernel` taps with stride `step` and `pad` zeros before falls into phases; `flipped` for
    /// the gradient of the input. None if no phase's taps fit into `taps`.
    pub(crate) fn offsets(
        kernel: usize,
        step: usize,
        pad: [usize; 2],
        taps: usize,
        flipped: bool,
    ) -> Vec<Vec<Option<usize>>> {
        let side = |phase: usize, pad: usize| -> Vec<Option<usize>> {
            let first = -(pad.div_ceil(step) as isize); // of the phase's pixels that a kernel touches
            let tap = |j: usize| {
                let t = (first + j as isize) * step as isize + phase as isize + pad as isize;
                (t >= 0 && t < kernel as isize).then_some(t as usize)
            };
            let forward: Vec<_> = (0..taps).map(tap).collect();
            if flipped { forward.into_iter().rev().collect() } else { forward }
        };
        (0..step * step)
            .map(|phase| {
                let (rows, columns) = (side(phase / step, pad[0]), side(phase % step, pad[1]));
                let pair = |i: usize| Some(rows[i / taps]? * kernel + columns[i % taps]?);
                (0..taps * taps).map(pair).collect()
            })
            .collect()
    }

    fn depth(&self) -> usize {
        self.inner.0 * self.inner.1
    }

    fn n(&self) -> usize {
        self.columns.0 * self.columns.1
    }

    /// Numbers of all points, packed.
    pub(crate) fn packed_len(&self) -> usize {
        POINTS * packed_len(self.depth(), self.n())
    }
}

/// One row of one panel: gathers taps, transforms them, stores 36 points.
struct Row<'a, const R: usize> {
    filters: &'a Filters,
    weight: &'a [f32],
    k: usize,
    panel: usize,
    /// Where the panel's row lies at point 0, and from point to point.
    to: (*mut f32, usize),
}

impl<const R: usize> Kernel for Row<'_, R> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self, s: S) {
        let Filters { inner, columns, offsets, .. } = self.filters;
        let (many, width) = panel_of(self.panel, self.filters.n());
        let mut gathered = [[0.0_f32; 64]; 25];
        let row = self.k % inner.0 * inner.2;
        for lane in 0..many {
            let n = self.panel * panel_width() + lane;
            let base = row + n % columns.0 * columns.2;
            for (tap, offset) in offsets[self.k / inner.0 + n / columns.0].iter().enumerate() {
                gathered[tap][lane] = offset.map_or(0.0, |offset| self.weight[base + offset]);
            }
        }
        for lane in (0..width).step_by(S::LANES) {
            // SAFETY: a panel is at most 64 wide, and the caller gives room for it at every point.
            unsafe {
                let mut half = [[s.splat(0.0); R]; SIDE];
                for j in 0..R {
                    let mut w = [s.splat(0.0); R];
                    for i in 0..R {
                        w[i] = s.load(gathered[i * R + j].as_ptr().add(lane));
                    }
                    for (i, v) in transform::taps::<S, R>(s, w).into_iter().enumerate() {
                        half[i][j] = v;
                    }
                }
                for (i, w) in half.into_iter().enumerate() {
                    for (j, v) in transform::taps::<S, R>(s, w).into_iter().enumerate() {
                        s.store(self.to.0.add((i * SIDE + j) * self.to.1 + lane), v);
                    }
                }
            }
        }
    }
}

/// Weights to packed points, in `packed` ([`Filters::packed_len`] numbers).
pub(crate) fn pack(filters: &Filters, weight: &[f32], packed: &mut [f32]) {
    let (depth, n) = (filters.depth(), filters.n());
    let each = packed_len(depth, n);
    assert_eq!(packed.len(), POINTS * each, "winograd pack: the buffer has another length");
    let to = Shared::new(packed);
    let panels = n.div_ceil(panel_width());
    (0..panels * depth).into_par_iter().with_min_len(16).for_each(|task| {
        let (panel, k) = (task / depth, task % depth);
        let (_, width) = panel_of(panel, n);
        // SAFETY: each task has a row of its own, inside the buffer.
        unsafe {
            let to = (to.at(panel * panel_width() * depth + k * width), each);
            match filters.taps {
                3 => dispatch(Row::<3> { filters, weight, k, panel, to }),
                5 => dispatch(Row::<5> { filters, weight, k, panel, to }),
                taps => unreachable!("winograd: {taps} taps"),
            }
        }
    });
}

/// Gradients of points `[xi][k][n]` (16 numbers of `n` at a time) to gradients of the taps of one `k`.
struct Taps<'a, const R: usize> {
    filters: &'a Filters,
    points: &'a [f32],
    k: usize,
    /// Channels of a phase on the inner axis, rounded up to blocks; row length of `points`.
    padded: (usize, usize),
    weight: Shared<f32>,
}

impl<const R: usize> Kernel for Taps<'_, R> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self, s: S) {
        let Filters { inner, columns, offsets, .. } = self.filters;
        let (phase, channel) = (self.k / inner.0, self.k % inner.0);
        let (row, n_padded) = (phase * self.padded.0 + channel, self.padded.1);
        let point = self.padded.0 * inner.1 * n_padded;
        let mut lanes = [0.0_f32; 16];
        for n in (0..columns.0).step_by(S::LANES) {
            // SAFETY: rows are padded to whole registers; the task alone writes the taps of its `k`.
            unsafe {
                let mut half = [[s.splat(0.0); SIDE]; R];
                for j in 0..SIDE {
                    let mut u = [s.splat(0.0); SIDE];
                    for i in 0..SIDE {
                        u[i] = s.load(self.points.as_ptr().add((i * SIDE + j) * point + row * n_padded + n));
                    }
                    for (i, v) in transform::tap_gradients::<S, R>(s, u).into_iter().enumerate() {
                        half[i][j] = v;
                    }
                }
                for (i, u) in half.into_iter().enumerate() {
                    for (j, v) in transform::tap_gradients::<S, R>(s, u).into_iter().enumerate() {
                        let Some(offset) = offsets[phase][i * R + j] else { continue };
                        s.store(lanes.as_mut_ptr(), v);
                        for (lane, &value) in lanes.iter().enumerate().take(S::LANES.min(columns.0 - n)) {
                            *self.weight.at(channel * inner.2 + (n + lane) * columns.2 + offset) = value;
                        }
                    }
                }
            }
        }
    }
}

/// Gradients of points to gradients of weights. The columns have one phase.
pub(super) fn unpack(filters: &Filters, points: &[f32], padded: (usize, usize), weight: &mut [f32]) {
    let weight = Shared::new(weight);
    (0..filters.depth()).into_par_iter().with_min_len(4).for_each(|k| {
        // SAFETY: each task has taps of its own, inside the weights.
        unsafe {
            match filters.taps {
                3 => dispatch(Taps::<3> { filters, points, k, padded, weight }),
                5 => dispatch(Taps::<5> { filters, points, k, padded, weight }),
                taps => unreachable!("winograd: {taps} taps"),
            }
        }
    });
}
