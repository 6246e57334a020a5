//! The two register tiles that all products are made of.
//!
//! Both keep `R` rows of two registers of sums and go through the inner axis in order, so every sum is one chain of fused
//! multiply-adds from its start value, whatever the tile, the block or the vector width.

use crate::simd::Simd;

/// Numbers after which the next rows are asked for: a cache line. Those of a 1x1 convolution follow one another, and are too far
/// apart for the machine to guess; `striate bench --only W5.c` measures it.
const AHEAD: usize = 16;

/// Steps of an outer product that are asked for ahead, where they do not lie side by side.
const STEPS_AHEAD: usize = 8;

/// `sums[r][..] += a[tap][r][k] * b[tap, k][..]` for all taps and k: rows are read where they lie, columns are packed.
///
/// # Safety
/// `rows` holds `taps` groups of pointers, `rows_step` apart, of which the first `R` can be read for `depth` numbers; `b` can be
/// read for `taps * depth * V * LANES` numbers; the machine has the instructions of `S`.
#[inline(always)]
pub(crate) unsafe fn rows_by_panel<S: Simd, const R: usize, const V: usize>(
    s: S,
    (rows, rows_step): (*const *const f32, usize),
    (taps, depth): (usize, usize),
    mut b: *const f32,
    sums: &mut [[S::V; V]; R],
) {
    // SAFETY: all reads are those that the caller allows.
    unsafe {
        for tap in 0..taps {
            let a: [*const f32; R] = std::array::from_fn(|r| *rows.add(tap * rows_step + r));
            for k in 0..depth {
                if k % AHEAD == 0 {
                    for r in 0..R {
                        s.prefetch(a[r].wrapping_add(R * depth + k));
                    }
                }
                let mut columns = [s.splat(0.0); V];
                for v in 0..V {
                    columns[v] = s.load(b.add(v * S::LANES));
                }
                for r in 0..R {
                    let x = s.splat(*a[r].add(k));
                    for v in 0..V {
                        sums[r][v] = s.fma(x, columns[v], sums[r][v]);
                    }
                }
                b = b.add(V * S::LANES);
            }
        }
    }
}

/// Where the two factors of an outer product lie: both with their channels side by side.
#[derive(Clone, Copy)]
pub(crate) struct Outer {
    /// Lines of the inner axis, and steps in a line.
    pub lines: usize,
    /// Steps in a line.
    pub steps: usize,
    /// The factor whose numbers are broadcast: from line to line, from step to step.
    pub a: (*const f32, usize, usize),
    /// The factor whose numbers are lanes: from line to line, from step to step.
    pub b: (*const f32, usize, usize),
    /// From one register of lanes to the next.
    pub b_next: usize,
    /// Whether the factors are met for the first time, and steps are asked for ahead where they do not lie side by side.
    pub is_new: bool,
}

/// `sums[r][..] += a[i][r] * b[i][..]` for all i of the inner axis.
///
/// # Safety
/// `a` can be read for `R` numbers and `b` for `V` registers at every step; the machine has the instructions of `S`.
#[inline(always)]
pub(crate) unsafe fn outer<S: Simd, const R: usize, const V: usize>(s: S, at: Outer, sums: &mut [[S::V; V]; R]) {
    let far = at.is_new && at.b.2 != at.b_next && at.a.2 > AHEAD;
    // SAFETY: all reads are those that the caller allows.
    unsafe {
        for line in 0..at.lines {
            let mut a = at.a.0.add(line * at.a.1);
            let mut b = at.b.0.add(line * at.b.1);
            for _ in 0..at.steps {
                if far {
                    s.prefetch(a.wrapping_add(STEPS_AHEAD * at.a.2));
                    for v in 0..V {
                        s.prefetch(b.wrapping_add(STEPS_AHEAD * at.b.2 + v * at.b_next));
                    }
                }
                let mut columns = [s.splat(0.0); V];
                for v in 0..V {
                    columns[v] = s.load(b.add(v * at.b_next));
                }
                for r in 0..R {
                    let x = s.splat(*a.add(r));
                    for v in 0..V {
                        sums[r][v] = s.fma(x, columns[v], sums[r][v]);
                    }
                }
                a = a.add(at.a.2);
                b = b.add(at.b.2);
            }
        }
    }
}
