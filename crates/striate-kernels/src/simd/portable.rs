//! Eight lanes without intrinsics.

use super::Simd;

/// Plain Rust, for any machine.
#[derive(Clone, Copy)]
pub(crate) struct Portable;

type V = [f32; 8];

#[inline(always)]
fn each(f: impl FnMut(usize) -> f32) -> V {
    std::array::from_fn(f)
}

// SAFETY of every method: pointers are read and written only where the trait's callers promise that they may be.
impl Simd for Portable {
    type V = V;
    const LANES: usize = 8;
    const ROWS: usize = 6;
    const OUTER_ROWS: usize = 4;

    #[inline(always)]
    unsafe fn splat(self, x: f32) -> V {
        [x; 8]
    }
    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> V {
        // SAFETY: eight lanes may be read.
        unsafe { p.cast::<V>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn load_first(self, p: *const f32, n: usize) -> V {
        // SAFETY: the first n lanes may be read.
        each(|i| if i < n { unsafe { *p.add(i) } } else { 0.0 })
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32, v: V) {
        // SAFETY: eight lanes may be written.
        unsafe { p.cast::<V>().write_unaligned(v) }
    }
    #[inline(always)]
    unsafe fn store_first(self, p: *mut f32, v: V, n: usize) {
        for (i, &x) in v.iter().enumerate().take(n) {
            // SAFETY: the first n lanes may be written.
            unsafe { *p.add(i) = x }
        }
    }
    #[inline(always)]
    unsafe fn stream(self, p: *mut f32, v: V) {
        // SAFETY: as `store`.
        unsafe { self.store(p, v) }
    }
    #[inline(always)]
    unsafe fn add(self, a: V, b: V) -> V {
        each(|i| a[i] + b[i])
    }
    #[inline(always)]
    unsafe fn sub(self, a: V, b: V) -> V {
        each(|i| a[i] - b[i])
    }
    #[inline(always)]
    unsafe fn mul(self, a: V, b: V) -> V {
        each(|i| a[i] * b[i])
    }
    #[inline(always)]
    unsafe fn div(self, a: V, b: V) -> V {
        each(|i| a[i] / b[i])
    }
    #[inline(always)]
    unsafe fn sqrt(self, a: V) -> V {
        each(|i| a[i].sqrt())
    }
    #[inline(always)]
    unsafe fn fma(self, a: V, b: V, c: V) -> V {
        each(|i| a[i].mul_add(b[i], c[i]))
    }
    #[inline(always)]
    unsafe fn max(self, a: V, b: V) -> V {
        each(|i| if a[i] > b[i] { a[i] } else { b[i] })
    }
    #[inline(always)]
    unsafe fn min(self, a: V, b: V) -> V {
        each(|i| if a[i] < b[i] { a[i] } else { b[i] })
    }
    #[inline(always)]
    unsafe fn keep_between(self, a: V, x: V, low: V, high: V) -> V {
        each(|i| if low[i] < x[i] && x[i] < high[i] { a[i] } else { 0.0 })
    }
    #[inline(always)]
    unsafe fn keep_equal(self, a: V, x: V, y: V) -> V {
        each(|i| if x[i] == y[i] { a[i] } else { 0.0 })
    }
    #[inline(always)]
    unsafe fn keep_at_least(self, a: V, x: V, y: V) -> V {
        each(|i| if x[i] >= y[i] { a[i] } else { 0.0 })
    }
}
