//! Rows times packed columns: the blocked matrix product under linear layers, 1x1, direct and Winograd convolutions.

use crate::isa::{Isa, Kernel, dispatch};
use crate::simd::{Portable, Simd};
use crate::tile::rows_by_panel;

/// Columns in one panel of packed weights.
pub(crate) fn panel_width() -> usize {
    2 * lanes()
}

/// Numbers in a register of the chosen instruction set.
pub(crate) fn lanes() -> usize {
    match Isa::current() {
        Isa::Portable => Portable::LANES,
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => crate::simd::Avx2::LANES,
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => crate::simd::Avx512::LANES,
        #[cfg(not(target_arch = "x86_64"))]
        _ => unreachable!("never chosen on this architecture"),
    }
}

/// Numbers that `depth` rows of `n` columns take when packed.
pub(crate) fn packed_len(depth: usize, n: usize) -> usize {
    let (width, lanes) = (panel_width(), lanes());
    let rest = n % width;
    let last = if rest == 0 {
        0
    } else if rest <= lanes {
        lanes
    } else {
        width
    };
    (n / width * width + last) * depth
}

/// Columns of panel `panel`, and the width it is packed with.
pub(crate) fn panel_of(panel: usize, n: usize) -> (usize, usize) {
    let (width, lanes) = (panel_width(), lanes());
    let columns = (n - panel * width).min(width);
    (columns, if columns <= lanes { lanes } else { width })
}

/// What happens to a product before it is written.
#[derive(Clone, Copy)]
pub(crate) struct Finish {
    /// Where each column's sum starts; null for 0.
    pub bias: *const f32,
    /// Added after; laid out as the output. Null for none.
    pub residual: *const f32,
    /// The result is held between these.
    pub low: f32,
    /// The result is held between these.
    pub high: f32,
}

// SAFETY: its pointers are only read, by the tasks of an operation that its slices outlive.
unsafe impl Send for Finish {}
// SAFETY: as above.
unsafe impl Sync for Finish {}

impl Finish {
    /// Nothing.
    pub(crate) const NONE: Self =
        Self { bias: std::ptr::null(), residual: std::ptr::null(), low: f32::NEG_INFINITY, high: f32::INFINITY };
}

/// `out[r][n] = sum over taps and k of a[tap][r][k] * b[tap, k][n]`, for some rows and panels.
pub(crate) struct Product {
    /// Rows of the output.
    pub rows: usize,
    /// For each tap, `rows` pointers.
    pub table: *const *const f32,
    /// Groups of pointers.
    pub taps: usize,
    /// Numbers to read from each pointer.
    pub depth: usize,
    /// Packed columns, from panel 0.
    pub b: *const f32,
    /// Columns of the output.
    pub n: usize,
    /// Panels to compute.
    pub panels: std::ops::Range<usize>,
    /// The output, from its first number.
    pub out: *mut f32,
    /// Where each row of it begins.
    pub out_rows: *const usize,
    /// What happens before it is written.
    pub finish: Finish,
}

impl Product {
    /// Computes it with the chosen instructions.
    ///
    /// # Safety
    /// All that the fields describe can be read, and written where it is output, by nobody else.
    pub(crate) unsafe fn run(self) {
        // SAFETY: the caller's promise.
        unsafe { dispatch(self) }
    }

    /// # Safety
    /// As [`Product::run`]; `row + R <= rows`.
    #[inline(always)]
    unsafe fn block<S: Simd, const R: usize, const V: usize>(&self, s: S, row: usize, panel: usize) {
        let n0 = panel * 2 * S::LANES;
        let columns = (self.n - n0).min(V * S::LANES);
        // SAFETY: rows and columns are inside what the caller describes; registers past the last column are masked.
        unsafe {
            let mut start = [s.splat(0.0); V];
            if !self.finish.bias.is_null() {
                for v in 0..V {
                    let width = columns.saturating_sub(v * S::LANES).min(S::LANES);
                    start[v] = s.load_first(self.finish.bias.add(n0 + v * S::LANES), width);
                }
            }
            let mut sums = [start; R];
            let b = self.b.add(n0 * self.taps * self.depth);
            rows_by_panel::<S, R, V>(s, (self.table.add(row), self.rows), (self.taps, self.depth), b, &mut sums);
            if columns == V * S::LANES {
                self.write::<S, R, V, true>(s, (row, n0), columns, &mut sums);
            } else {
                self.write::<S, R, V, false>(s, (row, n0), columns, &mut sums);
            }
        }
    }

    /// Rows from `row` and columns from `n0` of the output; `FULL` where no register goes past the last column.
    ///
    /// # Safety
    /// As [`Product::block`].
    #[inline(always)]
    unsafe fn write<S: Simd, const R: usize, const V: usize, const FULL: bool>(
        &self,
        s: S,
        (row, n0): (usize, usize),
        columns: usize,
        sums: &mut [[S::V; V]; R],
    ) {
        let width = |v: usize| if FULL { S::LANES } else { columns.saturating_sub(v * S::LANES).min(S::LANES) };
        // SAFETY: as in `block`.
        unsafe {
            let (low, high) = (s.splat(self.finish.low), s.splat(self.finish.high));
            if !self.finish.residual.is_null() {
                for r in 0..R {
                    let at = *self.out_rows.add(row + r) + n0;
                    for v in 0..V {
                        let residual = self.finish.residual.add(at + v * S::LANES);
                        sums[r][v] = s.add(sums[r][v], s.load_some(residual, width(v)));
                    }
                }
            }
            for r in 0..R {
                let at = *self.out_rows.add(row + r) + n0;
                for v in 0..V {
                    let sum = s.min(high, s.max(low, sums[r][v]));
                    s.store_some(self.out.add(at + v * S::LANES), sum, width(v));
                }
            }
        }
    }

    /// # Safety
    /// As [`Product::run`].
    #[inline(always)]
    unsafe fn panel<S: Simd, const V: usize>(&self, s: S, panel: usize) {
        // Blocks of much the same height: one of a row or two would wait for its own sums.
        let blocks = self.rows.div_ceil(S::ROWS).max(1);
        let (low, higher) = (self.rows / blocks, self.rows % blocks);
        let mut row = 0;
        // SAFETY: the heights of all blocks add up to the rows.
        unsafe {
            for block in 0..blocks {
                let height = low + usize::from(block < higher);
                match height {
                    8 => self.block::<S, 8, V>(s, row, panel),
                    7 => self.block::<S, 7, V>(s, row, panel),
                    6 => self.block::<S, 6, V>(s, row, panel),
                    5 => self.block::<S, 5, V>(s, row, panel),
                    4 => self.block::<S, 4, V>(s, row, panel),
                    3 => self.block::<S, 3, V>(s, row, panel),
                    2 => self.block::<S, 2, V>(s, row, panel),
                    1 => self.block::<S, 1, V>(s, row, panel),
                    _ => {} // no rows at all
                }
                row += height;
            }
        }
    }
}

impl Kernel for Product {
    #[inline(always)]
    unsafe fn run<S: Simd>(self, s: S) {
        for panel in self.panels.clone() {
            // SAFETY: the caller of `Product::run` allows it.
            unsafe {
                if self.n - panel * 2 * S::LANES <= S::LANES {
                    self.panel::<S, 1>(s, panel);
                } else {
                    self.panel::<S, 2>(s, panel);
                }
            }
        }
    }
}
