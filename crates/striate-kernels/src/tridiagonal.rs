//! Eigenvalues of a symmetric tridiagonal matrix by QL with implicit shifts, and vectors of the largest by inverse iteration.
//!
//! Bowdler, Martin, Reinsch, Wilkinson 1968, "The QR and QL algorithms for symmetric matrices"; Peters, Wilkinson 1971, "The
//! calculation of specified eigenvectors by inverse iteration". A tenth of the work of turning all vectors along with QL.

use rayon::prelude::*;

use crate::rng::Key;
use crate::symmetric::dot;

/// Rounds of QL for one eigenvalue at most; two are usual.
const TRIES: usize = 60;

/// Solves for one vector: the first one gives nearly all, two more leave nothing of an unlucky start.
const SOLVES: usize = 3;

/// Vectors whose eigenvalues lie nearer than this share of the largest are made orthogonal; others come out so, to 1e-11.
const NEAR: f64 = 1e-4;

/// Eigenvalues are held this many roundings apart, so that no two vectors are searched for at one place.
const APART: f64 = 10.0;

/// A symmetric tridiagonal matrix.
pub(crate) struct Tridiagonal {
    pub diagonal: Vec<f64>,
    /// Beside the diagonal; the last is 0.
    pub beside: Vec<f64>,
}

/// An eigenvalue of the block that begins at `start`.
struct Place {
    value: f64,
    start: usize,
    end: usize,
}

impl Tridiagonal {
    /// The `k` largest eigenvalues, the largest first, and their vectors, `[K, N]`. `None` without convergence.
    pub fn largest(&self, k: usize) -> Option<(Vec<f64>, Vec<f64>)> {
        let n = self.diagonal.len();
        let norm = self.diagonal.iter().zip(&self.beside).fold(0.0_f64, |most, (d, e)| most.max(d.abs() + e.abs()));
        let mut places = Vec::with_capacity(n);
        let mut start = 0;
        for i in 0..n {
            if self.beside[i].abs() <= f64::EPSILON * norm {
                let values = eigenvalues(&self.diagonal[start..=i], &self.beside[start..i])?;
                places.extend(values.into_iter().map(|value| Place { value, start, end: i + 1 }));
                start = i + 1;
            }
        }
        places.sort_by(|a, b| b.value.total_cmp(&a.value));
        places.truncate(k);

        let mut vectors = vec![0.0; k * n];
        let mut rows: Vec<(&Place, &mut [f64])> = places.iter().zip(vectors.chunks_exact_mut(n.max(1))).collect();
        // Neighbours within a block stand side by side, the largest first.
        rows.sort_by_key(|(place, _)| place.start);
        let apart = |a: &Place, b: &Place| a.start != b.start || a.value - b.value > NEAR * norm;
        let mut groups: Vec<&mut [(&Place, &mut [f64])]> = rows.chunk_by_mut(|(a, _), (b, _)| !apart(a, b)).collect();
        groups.par_iter_mut().try_for_each(|group| self.vectors(group, norm))?;
        Some((places.iter().map(|place| place.value).collect(), vectors))
    }

    /// The vectors of eigenvalues of one block that may lie close together.
    fn vectors(&self, group: &mut [(&Place, &mut [f64])], norm: f64) -> Option<()> {
        let Place { start, end, .. } = *group[0].0;
        let (diagonal, beside) = (&self.diagonal[start..end], &self.beside[start..end - 1]);
        let mut at = f64::INFINITY;
        for i in 0..group.len() {
            let (done, rest) = group.split_at_mut(i);
            let (place, row) = &mut rest[0];
            at = place.value.min(at - APART * f64::EPSILON * norm);
            let factors = Factors::new(diagonal, beside, at, f64::EPSILON * norm);
            let x = &mut row[start..end];
            if let [only] = x {
                *only = 1.0;
                continue;
            }
            let mut draw = Key::new(start as u64).with(i as u64).with_name("inverse iteration").stream();
            x.iter_mut().for_each(|x| *x = f64::from(draw.range(0.5, 1.5)));
            for _ in 0..SOLVES {
                factors.solve(x);
                normalise(x)?;
                // Twice, since what is taken away first can be most of it.
                for (_, other) in done.iter().chain(&*done) {
                    let other = &other[start..end];
                    let along = dot(x, other);
                    x.iter_mut().zip(other).for_each(|(x, o)| *x -= along * o);
                }
                normalise(x)?;
            }
        }
        Some(())
    }
}

/// Makes the length 1; `None` for a vector without one.
fn normalise(x: &mut [f64]) -> Option<()> {
    let most = x.iter().fold(0.0_f64, |most, v| most.max(v.abs()));
    if !(most > 0.0 && most.is_finite()) {
        return None;
    }
    x.iter_mut().for_each(|x| *x /= most);
    let length = dot(x, x).sqrt();
    x.iter_mut().for_each(|x| *x /= length);
    Some(())
}

/// The eigenvalues of the matrix with this diagonal and these numbers beside it, none of them 0.
fn eigenvalues(diagonal: &[f64], beside: &[f64]) -> Option<Vec<f64>> {
    let n = diagonal.len();
    let mut d = diagonal.to_vec();
    let mut e: Vec<f64> = beside.iter().copied().chain([0.0]).collect();
    let (mut shift, mut largest) = (0.0, 0.0_f64);
    for l in 0..n {
        largest = largest.max(d[l].abs() + e[l].abs());
        let small = f64::EPSILON * largest;
        let m = (l..n).find(|&m| e[m].abs() <= small)?;
        // Alone already, or to be made so in some rounds.
        let mut tries = if m > l { 1 } else { 0 };
        while tries > 0 {
            if tries > TRIES {
                return None;
            }
            tries += 1;
            let g = d[l];
            let mut p = (d[l + 1] - g) / (2.0 * e[l]);
            let r = (p * p + 1.0).sqrt().copysign(p);
            d[l] = e[l] / (p + r);
            d[l + 1] = e[l] * (p + r);
            let (next, h) = (d[l + 1], g - d[l]);
            d[l + 2..].iter_mut().for_each(|d| *d -= h);
            shift += h;
            p = d[m];
            let (mut c, mut c2, mut c3, mut s, mut s2) = (1.0, 1.0, 1.0, 0.0, 0.0);
            let beyond = e[l + 1];
            for i in (l..m).rev() {
                (c3, c2, s2) = (c2, c, s);
                let (g, h) = (c * e[i], c * p);
                let r = (p * p + e[i] * e[i]).sqrt();
                e[i + 1] = s * r;
                (s, c) = if r > 0.0 { (e[i] / r, p / r) } else { (0.0, 1.0) };
                p = c * d[i] - s * g;
                d[i + 1] = h + s * (c * g + s * d[i]);
            }
            p = -s * s2 * c3 * beyond * e[l] / next;
            e[l] = s * p;
            d[l] = c * p;
            if e[l].abs() <= small {
                break;
            }
        }
        d[l] += shift;
        e[l] = 0.0;
    }
    d.iter().all(|d| d.is_finite()).then_some(d)
}

/// `P L U` of a tridiagonal matrix less `at` on its diagonal, rows exchanged where that keeps multipliers at 1 or below.
struct Factors {
    /// Of each row the diagonal and the two entries right of it.
    upper: Vec<[f64; 3]>,
    /// What of each row was taken from the next, and whether the two were exchanged before.
    steps: Vec<(f64, bool)>,
}

impl Factors {
    /// Pivots below `least` are set to it: they are rounding.
    fn new(diagonal: &[f64], beside: &[f64], at: f64, least: f64) -> Self {
        let n = diagonal.len();
        let (mut upper, mut steps) = (Vec::with_capacity(n), Vec::with_capacity(n));
        let right = |i: usize| beside.get(i).copied().unwrap_or(0.0);
        let pivot = |p: f64| if p.abs() < least { least } else { p };
        let mut row = [diagonal[0] - at, right(0), 0.0];
        for i in 1..n {
            let below = [beside[i - 1], diagonal[i] - at, right(i)];
            let exchanged = below[0].abs() > row[0].abs();
            let (top, other) = if exchanged { (below, row) } else { (row, below) };
            let top = [pivot(top[0]), top[1], top[2]];
            let factor = other[0] / top[0];
            upper.push(top);
            steps.push((factor, exchanged));
            row = [other[1] - factor * top[1], other[2] - factor * top[2], 0.0];
        }
        upper.push([pivot(row[0]), 0.0, 0.0]);
        Self { upper, steps }
    }

    /// Solves in place.
    fn solve(&self, x: &mut [f64]) {
        for (i, &(factor, exchanged)) in self.steps.iter().enumerate() {
            if exchanged {
                x.swap(i, i + 1);
            }
            x[i + 1] -= factor * x[i];
        }
        let (mut next, mut after) = (0.0, 0.0);
        for (x, [pivot, one, two]) in x.iter_mut().zip(&self.upper).rev() {
            *x = (*x - one * next - two * after) / pivot;
            (next, after) = (*x, next);
        }
    }
}
