//! Minimising a smooth convex function with limited-memory BFGS (Liu & Nocedal 1989; Nocedal & Wright, algorithm 7.5).

use std::collections::VecDeque;

use super::dense::{add_scaled, dot};

/// Pairs of steps and gradient changes that are remembered.
const MEMORY: usize = 10;
/// Share of the slope's promise that a step must keep (Armijo).
const ARMIJO: f64 = 1e-4;

/// When to stop.
#[derive(Clone, Copy, Debug)]
pub struct Stop {
    /// Half the squared norm of the gradient; near a minimum with unit curvature, the distance of the value from it.
    pub gap: f64,
    /// Steps.
    pub steps: usize,
}

/// Moves `x` to a minimum of `f` and gives the value there and the number of steps. `f` writes the gradient.
pub fn minimise(x: &mut Vec<f64>, stop: Stop, mut f: impl FnMut(&[f64], &mut [f64]) -> f64) -> (f64, usize) {
    let mut gradient = vec![0.0; x.len()];
    let mut value = f(x, &mut gradient);
    let mut pairs: VecDeque<Pair> = VecDeque::with_capacity(MEMORY);
    let (mut next, mut next_gradient) = (x.clone(), gradient.clone());
    for step in 0..stop.steps {
        if 0.5 * dot(&gradient, &gradient) <= stop.gap {
            return (value, step);
        }
        let direction = descent(&gradient, &pairs);
        let slope = dot(&direction, &gradient);
        let mut length = 1.0;
        let next_value = loop {
            next.copy_from_slice(x);
            add_scaled(&mut next, length, &direction);
            let trial = f(&next, &mut next_gradient);
            if trial <= value + ARMIJO * length * slope {
                break trial;
            }
            if length < 1e-10 {
                return (value, step); // rounding hides any descent that is left
            }
            // The minimum of the parabola through both values and the slope, or a tenth where it is not one.
            let parabola = -0.5 * slope * length / ((trial - value) / length - slope);
            length = if parabola.is_finite() { parabola.clamp(0.1 * length, 0.5 * length) } else { 0.1 * length };
        };
        let s: Vec<f64> = next.iter().zip(x.iter()).map(|(a, b)| a - b).collect();
        let y: Vec<f64> = next_gradient.iter().zip(&gradient).map(|(a, b)| a - b).collect();
        let curvature = dot(&s, &y);
        if curvature > 1e-14 * dot(&y, &y) {
            if pairs.len() == MEMORY {
                pairs.pop_front();
            }
            pairs.push_back(Pair { s, y, curvature });
        }
        std::mem::swap(x, &mut next);
        std::mem::swap(&mut gradient, &mut next_gradient);
        value = next_value;
    }
    (value, stop.steps)
}

struct Pair {
    s: Vec<f64>,
    y: Vec<f64>,
    curvature: f64, // s . y, positive
}

/// The two loops: minus the inverse Hessian that the pairs tell of, times the gradient.
fn descent(gradient: &[f64], pairs: &VecDeque<Pair>) -> Vec<f64> {
    let mut q: Vec<f64> = gradient.iter().map(|g| -g).collect();
    let mut shares = Vec::with_capacity(pairs.len());
    for Pair { s, y, curvature } in pairs.iter().rev() {
        let share = dot(s, &q) / curvature;
        add_scaled(&mut q, -share, y);
        shares.push(share);
    }
    if let Some(Pair { y, curvature, .. }) = pairs.back() {
        let scale = curvature / dot(y, y);
        q.iter_mut().for_each(|q| *q *= scale);
    }
    for (Pair { s, y, curvature }, share) in pairs.iter().zip(shares.iter().rev()) {
        let back = dot(y, &q) / curvature;
        add_scaled(&mut q, share - back, s);
    }
    q
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretched_bowl_is_minimised() {
        // sum_i i (cosh(x_i - i) - 1): curvatures 1 to 30, not quadratic.
        let f = |x: &[f64], g: &mut [f64]| {
            let mut value = 0.0;
            for (i, (x, g)) in x.iter().zip(g).enumerate() {
                let (weight, off) = (i as f64 + 1.0, (x - i as f64) * 0.3);
                *g = weight * 0.3 * off.sinh();
                value += weight * (off.cosh() - 1.0);
            }
            value
        };
        let mut x = vec![0.0; 30];
        let (value, steps) = minimise(&mut x, Stop { gap: 1e-20, steps: 200 }, f);
        assert!(value < 1e-18 && steps < 100, "{value} after {steps}");
        assert!(x.iter().enumerate().all(|(i, x)| (x - i as f64).abs() < 1e-6));
    }
}
