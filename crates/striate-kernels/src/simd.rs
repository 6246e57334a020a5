//! One vector of f32 lanes, under one name for every instruction set.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;

#[cfg(target_arch = "x86_64")]
pub(crate) use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) use avx512::Avx512;
pub(crate) use portable::Portable;

/// Operations on [`Simd::LANES`] numbers at once. Each lane is computed alone, as IEEE 754 says, so a lane's result does not
/// depend on the width.
///
/// # Safety
/// Every method asks that the machine has the instructions of the implementor, and those that take a pointer that the
/// lanes they touch may be read or written there.
pub(crate) trait Simd: Copy {
    /// The register.
    type V: Copy;
    /// Numbers in a register.
    const LANES: usize;
    /// Rows of a product that are computed at once, with two registers of columns.
    const ROWS: usize;
    /// Rows of an outer product that are computed at once, with two registers of columns.
    const OUTER_ROWS: usize;

    /// `x` in every lane.
    unsafe fn splat(self, x: f32) -> Self::V;
    /// All lanes from `p`.
    unsafe fn load(self, p: *const f32) -> Self::V;
    /// The first `n` lanes from `p`, zeros after.
    unsafe fn load_first(self, p: *const f32, n: usize) -> Self::V;
    /// All lanes to `p`.
    unsafe fn store(self, p: *mut f32, v: Self::V);
    /// The first `n` lanes to `p`.
    unsafe fn store_first(self, p: *mut f32, v: Self::V, n: usize);
    /// All lanes to `p`, past the caches where the machine can; `p` is aligned to a register.
    unsafe fn stream(self, p: *mut f32, v: Self::V);
    /// `a + b`
    unsafe fn add(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a - b`
    unsafe fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a * b`
    unsafe fn mul(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a / b`
    unsafe fn div(self, a: Self::V, b: Self::V) -> Self::V;
    /// The square root.
    unsafe fn sqrt(self, a: Self::V) -> Self::V;
    /// `a * b + c`, rounded once.
    unsafe fn fma(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// `a` where it is greater than `b`, else `b`: a NaN in `b` stays.
    unsafe fn max(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a` where it is less than `b`, else `b`: a NaN in `b` stays.
    unsafe fn min(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a` where `low < x` and `x < high`, else 0.
    unsafe fn keep_between(self, a: Self::V, x: Self::V, low: Self::V, high: Self::V) -> Self::V;
    /// `a` where `x == y`, else 0.
    unsafe fn keep_equal(self, a: Self::V, x: Self::V, y: Self::V) -> Self::V;
    /// `a` where `x >= y`, else 0.
    unsafe fn keep_at_least(self, a: Self::V, x: Self::V, y: Self::V) -> Self::V;

    /// Makes what was streamed visible before anything that is written after.
    #[inline(always)]
    fn end_stream(self) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: every x86-64 machine has it.
        unsafe {
            std::arch::x86_64::_mm_sfence();
        }
    }
    /// Asks for the cache line of `p`, which may lie anywhere.
    #[inline(always)]
    fn prefetch(self, p: *const f32) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a prefetch reads nothing.
        unsafe {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            _mm_prefetch::<_MM_HINT_T0>(p.cast());
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = p;
    }
    /// The first `width` lanes from `p`, zeros after.
    #[inline(always)]
    unsafe fn load_some(self, p: *const f32, width: usize) -> Self::V {
        // SAFETY: the caller's promise.
        unsafe { if width >= Self::LANES { self.load(p) } else { self.load_first(p, width) } }
    }
    /// The first `width` lanes to `p`.
    #[inline(always)]
    unsafe fn store_some(self, p: *mut f32, v: Self::V, width: usize) {
        // SAFETY: the caller's promise.
        unsafe { if width >= Self::LANES { self.store(p, v) } else { self.store_first(p, v, width) } }
    }
}
