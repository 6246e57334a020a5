//! Sums of outer products over pixels or tiles: the inner axis of every gradient of weights.

use crate::isa::{Kernel, dispatch};
use crate::simd::Simd;
use crate::tile::{Outer, outer};

/// Channels that stand side by side in a factor.
pub(crate) const BLOCK: usize = 16;

/// `sums[r][n] += sum over lines and steps of a[line][step][r] * b[line][step][n]`, both factors in blocks of 16 channels.
pub(crate) struct OuterProduct {
    /// Rows of the sums; whole blocks, but for a last one that may hold fewer.
    pub rows: usize,
    /// Columns of the sums: whole blocks.
    pub n: usize,
    /// Lines of the inner axis.
    pub lines: usize,
    /// Steps of a line.
    pub steps: usize,
    /// First factor; from block to block, from line to line, from step to step.
    pub a: *const f32,
    pub a_block: usize,
    pub a_line: usize,
    pub a_step: usize,
    /// Second factor, likewise.
    pub b: *const f32,
    pub b_block: usize,
    pub b_line: usize,
    pub b_step: usize,
    /// `rows` rows of `n`, and from row to row.
    pub sums: *mut f32,
    pub sums_row: usize,
    /// Whether the sums start at 0 instead of at what they are.
    pub first: bool,
}

impl OuterProduct {
    /// Computes it with the chosen instructions.
    ///
    /// # Safety
    /// All that the fields describe can be read, and the sums written by nobody else.
    pub(crate) unsafe fn run(self) {
        // SAFETY: the caller's promise.
        unsafe { dispatch(self) }
    }

    /// # Safety
    /// As [`OuterProduct::run`]; the tile is inside the sums.
    #[inline(always)]
    unsafe fn tile<S: Simd, const R: usize, const V: usize>(&self, s: S, row: usize, column: usize) {
        // SAFETY: the tile's rows and columns are inside what the caller describes.
        unsafe {
            let to = |r: usize, v: usize| self.sums.add((row + r) * self.sums_row + column + v * S::LANES);
            let mut sums = [[s.splat(0.0); V]; R];
            if !self.first {
                for (r, sums) in sums.iter_mut().enumerate() {
                    for (v, sum) in sums.iter_mut().enumerate() {
                        *sum = s.load(to(r, v));
                    }
                }
            }
            let lies = |c: usize, block: usize| c / BLOCK * block + c % BLOCK;
            let at = Outer {
                lines: self.lines,
                steps: self.steps,
                a: (self.a.add(lies(row, self.a_block)), self.a_line, self.a_step),
                b: (self.b.add(lies(column, self.b_block)), self.b_line, self.b_step),
                b_next: if S::LANES == BLOCK { self.b_block } else { S::LANES },
                is_new: row.is_multiple_of(BLOCK) && column == 0 || row == 0,
            };
            outer::<S, R, V>(s, at, &mut sums);
            for (r, sums) in sums.into_iter().enumerate() {
                for (v, sum) in sums.into_iter().enumerate() {
                    s.store(to(r, v), sum);
                }
            }
        }
    }

    /// # Safety
    /// As [`OuterProduct::run`].
    #[inline(always)]
    unsafe fn rows<S: Simd, const V: usize>(&self, s: S, column: usize) {
        let mut row = 0;
        // SAFETY: each tile has as many rows as are left of its block.
        unsafe {
            while row < self.rows {
                // A block of 16 is 8 and 8, or 6, 5 and 5: more than 8 sums are needed to keep two units for FMA busy.
                let most = if S::OUTER_ROWS == 6 && !row.is_multiple_of(BLOCK) { 5 } else { S::OUTER_ROWS };
                let left = (self.rows - row).min(BLOCK - row % BLOCK).min(most);
                match left {
                    8 => self.tile::<S, 8, V>(s, row, column),
                    7 => self.tile::<S, 7, V>(s, row, column),
                    6 => self.tile::<S, 6, V>(s, row, column),
                    5 => self.tile::<S, 5, V>(s, row, column),
                    4 => self.tile::<S, 4, V>(s, row, column),
                    3 => self.tile::<S, 3, V>(s, row, column),
                    2 => self.tile::<S, 2, V>(s, row, column),
                    _ => self.tile::<S, 1, V>(s, row, column),
                }
                row += left.max(1);
            }
        }
    }
}

impl Kernel for OuterProduct {
    #[inline(always)]
    unsafe fn run<S: Simd>(self, s: S) {
        let mut column = 0;
        while column < self.n {
            // SAFETY: columns are whole blocks; two registers only where so many columns are left.
            unsafe {
                if self.n - column >= 2 * S::LANES {
                    self.rows::<S, 2>(s, column);
                    column += 2 * S::LANES;
                } else {
                    self.rows::<S, 1>(s, column);
                    column += S::LANES;
                }
            }
        }
    }
}
