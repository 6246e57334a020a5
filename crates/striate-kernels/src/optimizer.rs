//! Steps of optimisers in one pass over memory, as PyTorch defines them.

use rayon::prelude::*;

use crate::isa::{Kernel, dispatch};
use crate::simd::Simd;

/// Numbers that one task takes.
const STRETCH: usize = 1 << 14;

/// Stochastic gradient descent with momentum.
#[derive(Clone, Copy, Debug)]
pub struct Sgd {
    /// Learning rate.
    pub lr: f32,
    /// Share of the last velocity that is kept.
    pub momentum: f32,
    /// Whether the step looks ahead along the velocity (Nesterov).
    pub nesterov: bool,
    /// Share of the weight that is added to its gradient.
    pub decay: f32,
    /// What the gradient is multiplied by first.
    pub scale: f32,
}

/// `v = momentum * v + g`, `w -= lr * v` (or `lr * (g + momentum * v)` with Nesterov), where `g = scale * gradient + decay * w`.
///
/// # Panics
/// If the lengths differ.
pub fn sgd(sgd: Sgd, weight: &mut [f32], gradient: &[f32], velocity: &mut [f32]) {
    assert!(weight.len() == gradient.len() && velocity.len() == gradient.len(), "sgd: lengths differ");
    let pieces = weight.par_chunks_mut(STRETCH).zip(gradient.par_chunks(STRETCH)).zip(velocity.par_chunks_mut(STRETCH));
    // SAFETY: all pieces have the same length.
    pieces.for_each(|((weight, gradient), velocity)| unsafe { dispatch(SgdPiece { sgd, weight, gradient, velocity }) });
}

struct SgdPiece<'a> {
    sgd: Sgd,
    weight: &'a mut [f32],
    gradient: &'a [f32],
    velocity: &'a mut [f32],
}

impl Kernel for SgdPiece<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self, s: S) {
        let Self { sgd, weight, gradient, velocity } = self;
        // SAFETY: all slices have the same length.
        unsafe {
            let (lr, momentum, decay) = (s.splat(-sgd.lr), s.splat(sgd.momentum), s.splat(sgd.decay));
            for i in (0..weight.len()).step_by(S::LANES) {
                let left = weight.len() - i;
                let w = s.load_some(weight.as_ptr().add(i), left);
                let g = s.mul(s.load_some(gradient.as_ptr().add(i), left), s.splat(sgd.scale));
                let g = s.fma(w, decay, g);
                let v = s.fma(s.load_some(velocity.as_ptr().add(i), left), momentum, g);
                let step = if sgd.nesterov { s.fma(v, momentum, g) } else { v };
                s.store_some(velocity.as_mut_ptr().add(i), v, left);
                s.store_some(weight.as_mut_ptr().add(i), s.fma(step, lr, w), left);
            }
        }
    }
}

/// Adam (Kingma and Ba 2015 <https://arxiv.org/abs/1412.6980>) and AdamW (Loshchilov and Hutter 2019
/// <https://arxiv.org/abs/1711.05101>).
#[derive(Clone, Copy, Debug)]
pub struct Adam {
    /// Learning rate.
    pub lr: f64,
    /// Shares of the last moments that are kept.
    pub betas: [f64; 2],
    /// Added to the root of the second moment.
    pub eps: f64,
    /// Share of the weight that is added to its gradient (Adam).
    pub decay: f32,
    /// What the weight is multiplied by before the step (AdamW: `1 - lr * decay`).
    pub shrink: f32,
    /// What the gradient is multiplied by first.
    pub scale: f32,
    /// Steps done, this one included.
    pub steps: u64,
}

/// One step of Adam; `moments` are the first and the second.
///
/// # Panics
/// If the lengths differ.
pub fn adam(adam: Adam, weight: &mut [f32], gradient: &[f32], moments: [&mut [f32]; 2]) {
    let [first, second] = moments;
    let len = weight.len();
    assert!(gradient.len() == len && first.len() == len && second.len() == len, "adam: lengths differ");
    let steps = adam.steps.min(i32::MAX as u64) as i32;
    let bias = adam.betas.map(|beta| 1.0 - power(beta, steps));
    let numbers = Numbers {
        kept: adam.betas.map(|beta| beta as f32),
        taken: adam.betas.map(|beta| (1.0 - beta) as f32),
        root: (1.0 / bias[1].sqrt()) as f32,
        eps: adam.eps as f32,
        step: (-adam.lr / bias[0]) as f32,
        decay: adam.decay,
        shrink: adam.shrink,
        scale: adam.scale,
    };
    let moments = first.par_chunks_mut(STRETCH).zip(second.par_chunks_mut(STRETCH));
    let pieces = weight.par_chunks_mut(STRETCH).zip(gradient.par_chunks(STRETCH)).zip(moments);
    pieces.for_each(|((weight, gradient), (first, second))| {
        // SAFETY: all pieces have the same length.
        unsafe { dispatch(AdamPiece { numbers, weight, gradient, first, second }) }
    });
}

/// `base^exponent` by squaring: `powi` may differ between machines.
fn power(base: f64, exponent: i32) -> f64 {
    let (mut result, mut square, mut left) = (1.0, base, exponent);
    while left > 0 {
        if left % 2 == 1 {
            result *= square;
        }
        square *= square;
        left /= 2;
    }
    result
}

#[derive(Clone, Copy)]
struct Numbers {
    kept: [f32; 2],
    taken: [f32; 2],
    root: f32,
    eps: f32,
    step: f32,
    decay: f32,
    shrink: f32,
    scale: f32,
}

struct AdamPiece<'a> {
    numbers: Numbers,
    weight: &'a mut [f32],
    gradient: &'a [f32],
    first: &'a mut [f32],
    second: &'a mut [f32],
}

impl Kernel for AdamPiece<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self, s: S) {
        let Self { numbers: n, weight, gradient, first, second } = self;
        // SAFETY: all slices have the same length.
        unsafe {
            for i in (0..weight.len()).step_by(S::LANES) {
                let left = weight.len() - i;
                let w = s.load_some(weight.as_ptr().add(i), left);
                let g = s.mul(s.load_some(gradient.as_ptr().add(i), left), s.splat(n.scale));
                let g = s.fma(w, s.splat(n.decay), g);
                let m = s.load_some(first.as_ptr().add(i), left);
                let m = s.fma(m, s.splat(n.kept[0]), s.mul(g, s.splat(n.taken[0])));
                let v = s.load_some(second.as_ptr().add(i), left);
                let v = s.fma(v, s.splat(n.kept[1]), s.mul(s.mul(g, g), s.splat(n.taken[1])));
                let root = s.fma(s.sqrt(v), s.splat(n.root), s.splat(n.eps));
                let w = s.fma(s.div(m, root), s.splat(n.step), s.mul(w, s.splat(n.shrink)));
                s.store_some(first.as_mut_ptr().add(i), m, left);
                s.store_some(second.as_mut_ptr().add(i), v, left);
                s.store_some(weight.as_mut_ptr().add(i), w, left);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first three steps of PyTorch's definition, written out in f64.
    #[test]
    fn steps_are_pytorchs() {
        let gradients = [0.5_f32, -0.25, 1.0];
        let (mut w, mut v) = ([1.0_f32; 20], [0.0_f32; 20]);
        let rule = Sgd { lr: 0.1, momentum: 0.9, nesterov: true, decay: 0.01, scale: 1.0 };
        let (mut want, mut velocity) = (1.0_f64, 0.0_f64);
        for g in gradients {
            sgd(rule, &mut w, &[g; 20], &mut v);
            let g = f64::from(g) + 0.01 * want;
            velocity = 0.9 * velocity + g;
            want -= 0.1 * (g + 0.9 * velocity);
        }
        assert!(w.iter().all(|&w| (f64::from(w) - want).abs() < 1e-6), "{} is not {want}", w[0]);

        let (mut w, mut m, mut v) = ([1.0_f32; 20], [0.0_f32; 20], [0.0_f32; 20]);
        let (mut want, mut first, mut second) = (1.0_f64, 0.0_f64, 0.0_f64);
        for (i, g) in gradients.into_iter().enumerate() {
            let steps = i as u64 + 1;
            let rule = Adam {
                lr: 0.01,
                betas: [0.9, 0.999],
                eps: 1e-8,
                decay: 0.0,
                shrink: 1.0 - 0.01 * 0.1,
                scale: 1.0,
                steps,
            };
            adam(rule, &mut w, &[g; 20], [&mut m, &mut v]);
            let g = f64::from(g);
            want *= 1.0 - 0.01 * 0.1;
            first = 0.9 * first + 0.1 * g;
            second = 0.999 * second + 0.001 * g * g;
            let bias = |beta: f64| 1.0 - beta.powi(steps as i32);
            want -= 0.01 / bias(0.9) * first / (second.sqrt() / bias(0.999).sqrt() + 1e-8);
        }
        assert!(w.iter().all(|&w| (f64::from(w) - want).abs() < 1e-6), "{} is not {want}", w[0]);
    }
}
