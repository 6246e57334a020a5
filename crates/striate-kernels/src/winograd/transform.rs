//! The one-dimensional transforms of a tile of six: F(4,3) and F(2,5) share their points 0, ±a, ±b and infinity.
//!
//! Cook and Toom's construction with `a = 1/sqrt(2)`, `b = sqrt(2)`: since `ab = 1`, powers stay near 1 and rounding errors
//! are less than with the usual points ±1, ±2. Lavin and Gray 2016 <https://arxiv.org/abs/1509.09308>.
//!
//! No closures: a closure that is not inlined is compiled without the vector instructions of its caller.

use crate::simd::Simd;

/// Points of a tile.
pub(crate) const SIDE: usize = 6;
/// Products of a tile.
pub(crate) const POINTS: usize = SIDE * SIDE;

const A: f32 = std::f32::consts::FRAC_1_SQRT_2;
const B: f32 = std::f32::consts::SQRT_2;
const A2: f32 = 0.5;
const B2: f32 = 2.0;
const A3: f32 = A * A2;
const B3: f32 = B * B2;
const A4: f32 = 0.25;
const B4: f32 = 4.0;
/// Of the points ±a and ±b: the product of their distances to all others.
const NORM_A: f32 = -1.5;
const NORM_B: f32 = 6.0;

/// `x * a + y * b`
///
/// # Safety
/// The machine has the instructions of `S`; so for all functions here.
#[inline(always)]
unsafe fn mix<S: Simd>(s: S, x: S::V, a: f32, y: S::V, b: f32) -> S::V {
    // SAFETY: as above.
    unsafe { s.fma(x, s.splat(a), s.mul(y, s.splat(b))) }
}

/// `B^T d`: six pixels to six points.
#[inline(always)]
pub(crate) unsafe fn pixels<S: Simd>(s: S, d: [S::V; 6]) -> [S::V; 6] {
    // SAFETY: as above.
    unsafe {
        let minus = s.splat(-(A2 + B2));
        let even_a = s.fma(d[2], s.splat(-B2), d[4]);
        let odd_a = s.fma(d[3], s.splat(A), s.mul(d[1], s.splat(-B)));
        let even_b = s.fma(d[2], s.splat(-A2), d[4]);
        let odd_b = s.fma(d[3], s.splat(B), s.mul(d[1], s.splat(-A)));
        [
            s.add(s.fma(d[2], minus, d[0]), d[4]),
            s.add(even_a, odd_a),
            s.sub(even_a, odd_a),
            s.add(even_b, odd_b),
            s.sub(even_b, odd_b),
            s.add(s.fma(d[3], minus, d[1]), d[5]),
        ]
    }
}

/// `A^T m`: six points to `M` outputs, 4 or 2.
#[inline(always)]
pub(crate) unsafe fn outputs<S: Simd, const M: usize>(s: S, m: [S::V; 6]) -> [S::V; M] {
    // SAFETY: as above.
    unsafe {
        let (sum_a, difference_a) = (s.add(m[1], m[2]), s.sub(m[1], m[2]));
        let (sum_b, difference_b) = (s.add(m[3], m[4]), s.sub(m[3], m[4]));
        let mut y = [s.add(s.add(m[0], sum_a), sum_b); M];
        y[1] = mix(s, difference_a, A, difference_b, B);
        if M == 4 {
            y[M - 2] = mix(s, sum_a, A2, sum_b, B2);
            y[M - 1] = mix(s, difference_a, A3, difference_b, B3);
        }
        y[M - 1] = s.add(y[M - 1], m[5]);
        y
    }
}

/// `A y`: the transpose of [`outputs`], `M` gradients of outputs to six points.
#[inline(always)]
pub(crate) unsafe fn output_gradients<S: Simd, const M: usize>(s: S, y: [S::V; M]) -> [S::V; 6] {
    // SAFETY: as above.
    unsafe {
        let (mut even_a, mut odd_a) = (y[0], s.mul(y[1], s.splat(A)));
        let (mut even_b, mut odd_b) = (y[0], s.mul(y[1], s.splat(B)));
        if M == 4 {
            even_a = s.fma(y[M - 2], s.splat(A2), even_a);
            odd_a = s.fma(y[M - 1], s.splat(A3), odd_a);
            even_b = s.fma(y[M - 2], s.splat(B2), even_b);
            odd_b = s.fma(y[M - 1], s.splat(B3), odd_b);
        }
        let (plus_a, minus_a) = (s.add(even_a, odd_a), s.sub(even_a, odd_a));
        let (plus_b, minus_b) = (s.add(even_b, odd_b), s.sub(even_b, odd_b));
        [y[0], plus_a, minus_a, plus_b, minus_b, y[M - 1]]
    }
}

/// `G w`: `R` taps to six points, 3 or 5.
#[inline(always)]
pub(crate) unsafe fn taps<S: Simd, const R: usize>(s: S, w: [S::V; R]) -> [S::V; 6] {
    // SAFETY: as above.
    unsafe {
        let (mut even_a, mut odd_a) = (s.fma(w[2], s.splat(A2), w[0]), s.mul(w[1], s.splat(A)));
        let (mut even_b, mut odd_b) = (s.fma(w[2], s.splat(B2), w[0]), s.mul(w[1], s.splat(B)));
        if R == 5 {
            even_a = s.fma(w[R - 1], s.splat(A4), even_a);
            odd_a = s.fma(w[R - 2], s.splat(A3), odd_a);
            even_b = s.fma(w[R - 1], s.splat(B4), even_b);
            odd_b = s.fma(w[R - 2], s.splat(B3), odd_b);
        }
        let (scale_a, scale_b) = (s.splat(1.0 / NORM_A), s.splat(1.0 / NORM_B));
        let (plus_a, minus_a) = (s.mul(s.add(even_a, odd_a), scale_a), s.mul(s.sub(even_a, odd_a), scale_a));
        let (plus_b, minus_b) = (s.mul(s.add(even_b, odd_b), scale_b), s.mul(s.sub(even_b, odd_b), scale_b));
        [w[0], plus_a, minus_a, plus_b, minus_b, w[R - 1]]
    }
}

/// `G^T u`: the transpose of [`taps`], six points to the gradients of `R` taps.
#[inline(always)]
pub(crate) unsafe fn tap_gradients<S: Simd, const R: usize>(s: S, u: [S::V; 6]) -> [S::V; R] {
    // SAFETY: as above.
    unsafe {
        let (scale_a, scale_b) = (s.splat(1.0 / NORM_A), s.splat(1.0 / NORM_B));
        let (sum_a, difference_a) = (s.mul(s.add(u[1], u[2]), scale_a), s.mul(s.sub(u[1], u[2]), scale_a));
        let (sum_b, difference_b) = (s.mul(s.add(u[3], u[4]), scale_b), s.mul(s.sub(u[3], u[4]), scale_b));
        let mut w = [s.add(s.add(u[0], sum_a), sum_b); R];
        w[1] = mix(s, difference_a, A, difference_b, B);
        w[2] = mix(s, sum_a, A2, sum_b, B2);
        if R == 5 {
            w[R - 2] = mix(s, difference_a, A3, difference_b, B3);
            w[R - 1] = mix(s, sum_a, A4, sum_b, B4);
        }
        w[R - 1] = s.add(w[R - 1], u[5]);
        w
    }
}
