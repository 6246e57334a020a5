//! Filling holes by diffusion: what is known flows in until every pixel of a hole is the mean of its neighbours.

use rayon::prelude::*;

/// How far from the solution a value may be, about, in units of values that span 1.
const TOLERANCE: f64 = 1e-4;

/// The width by which the relaxation is tuned, in distances from the middle of the largest hole to its edge. Squares want 2,
/// strips 3, pictures of which only a few pixels are known more; too much costs less than too little.
const WIDTH: f64 = 2.8;

/// What fills a picture of which nothing is known: the middle of `[0, 1]`.
const GRAY: f32 = 0.5;

/// Fills holes with the harmonic function, the solution of Laplace's equation with the known pixels as boundary: each pixel
/// is the mean of its four neighbours, of fewer at the picture's edges. Known pixels keep their bits, and what stands in the
/// holes is not looked at. Where no pixel is known, all are 0.5.
///
/// Solved by successive over-relaxation (Young 1954, "Iterative methods for solving partial difference equations of elliptic
/// type") of a picture of half the size first, whose answer is the start, until values are within 1e-4 or so of the solution.
/// The time grows with the pixels of the holes times the width of the widest.
///
/// # Shapes
/// - `x`, output: `[C, H, W]`, values in `[0, 1]`
/// - `hole`: `[H, W]`, 1 where a pixel is gone, 0 elsewhere
///
/// # Panics
/// If the lengths are not those of the shape, or `hole` holds anything else.
pub fn diffuse(x: &[f32], hole: &[f32], shape: [usize; 3]) -> Vec<f32> {
    let [c, h, w] = shape;
    assert!(x.len() == c * h * w, "diffuse: {} values do not fill {shape:?}", x.len());
    assert!(hole.len() == h * w, "diffuse: a hole of {} pixels, the picture has {h} x {w}", hole.len());
    assert!(hole.iter().all(|&v| v == 0.0 || v == 1.0), "diffuse: the hole has other values than 0 and 1");
    let mut y = x.to_vec();
    let gone: Vec<bool> = hole.iter().map(|&v| v == 1.0).collect();
    if gone.iter().all(|&gone| gone) {
        y.fill(GRAY);
        return y;
    }
    let mut levels = vec![Level::new([h, w], gone)];
    while levels[levels.len() - 1].holes() {
        levels.push(levels[levels.len() - 1].coarser());
    }
    y.par_chunks_exact_mut(h * w).for_each(|y| fill(&levels, y));
    y
}

/// Fills one channel.
fn fill(levels: &[Level], y: &mut [f32]) {
    let known = |(&v, &gone): (&f32, &bool)| if gone { 0.0 } else { f64::from(v) };
    let mut planes = vec![levels[0].framed(y.iter().zip(&levels[0].gone).map(known))];
    for (i, level) in levels[1..].iter().enumerate() {
        planes.push(level.means_of_known(&levels[i], &planes[i]));
    }
    for i in (0..levels.len() - 1).rev() {
        let (finer, coarser) = planes.split_at_mut(i + 1);
        levels[i].start(&mut finer[i], &levels[i + 1], &coarser[0]);
        levels[i].solve(&mut finer[i]);
    }
    let Level { w, .. } = levels[0];
    for (at, y) in y.iter_mut().enumerate().filter(|&(at, _)| levels[0].gone[at]) {
        *y = planes[0][levels[0].framed_at(at / w, at % w)] as f32;
    }
}

/// A picture's holes at one size. Its planes have a frame of one pixel: `[H + 2, W + 2]`.
struct Level {
    h: usize,
    w: usize,
    /// `[H, W]`
    gone: Vec<bool>,
    /// Pixels of the holes, those of one colour of a chessboard first, which are no neighbours of each other: where they are in
    /// the frame, and one by the number of their neighbours.
    free: Vec<(usize, f64)>,
    /// Factor of the relaxation, from 1 to 2.
    omega: f64,
}

impl Level {
    fn new([h, w]: [usize; 2], gone: Vec<bool>) -> Self {
        let mut level = Self { h, w, gone, free: Vec::new(), omega: 1.0 };
        for colour in 0..2 {
            let pixels = (0..h * w).map(|at| (at / w, at % w)).filter(|(y, x)| (y + x) % 2 == colour);
            let holes = pixels.filter(|&(y, x)| level.gone[y * w + x]);
            let free = holes.map(|(y, x)| {
                let neighbours = [y > 0, y + 1 < h, x > 0, x + 1 < w].into_iter().filter(|&inside| inside).count();
                (level.framed_at(y, x), 1.0 / neighbours as f64)
            });
            let free: Vec<(usize, f64)> = free.collect();
            level.free.extend(free);
        }
        let width = (WIDTH * level.depth()).max(2.0);
        level.omega = 2.0 / (1.0 + libm::sin(std::f64::consts::PI / width));
        level
    }

    fn holes(&self) -> bool {
        !self.free.is_empty()
    }

    fn framed_at(&self, y: usize, x: usize) -> usize {
        (y + 1) * (self.w + 2) + x + 1
    }

    /// Steps to a known pixel, along the axes, from the pixel of the holes that has most.
    fn depth(&self) -> f64 {
        let (h, w) = (self.h, self.w);
        let mut steps: Vec<usize> = self.gone.iter().map(|&gone| if gone { h + w } else { 0 }).collect();
        for at in 0..h * w {
            let left = if at % w > 0 { steps[at - 1] + 1 } else { usize::MAX };
            let above = if at >= w { steps[at - w] + 1 } else { usize::MAX };
            steps[at] = steps[at].min(left).min(above);
        }
        for at in (0..h * w).rev() {
            let right = if at % w + 1 < w { steps[at + 1] + 1 } else { usize::MAX };
            let below = if at + w < h * w { steps[at + w] + 1 } else { usize::MAX };
            steps[at] = steps[at].min(right).min(below);
        }
        steps.into_iter().max().unwrap_or(0) as f64
    }

    /// Half the size; a pixel is gone where all that it covers are.
    fn coarser(&self) -> Self {
        let (h, w) = (self.h.div_ceil(2), self.w.div_ceil(2));
        let mut gone = vec![true; h * w];
        for (at, &fine) in self.gone.iter().enumerate() {
            gone[at / self.w / 2 * w + at % self.w / 2] &= fine;
        }
        Self::new([h, w], gone)
    }

    fn framed(&self, values: impl Iterator<Item = f64>) -> Vec<f64> {
        let mut plane = vec![0.0; (self.h + 2) * (self.w + 2)];
        values.enumerate().for_each(|(at, value)| plane[self.framed_at(at / self.w, at % self.w)] = value);
        plane
    }

    /// Each pixel as the mean of the known ones that it covers.
    fn means_of_known(&self, finer: &Level, plane: &[f64]) -> Vec<f64> {
        let mut sums = vec![(0.0, 0.0); self.h * self.w];
        for at in (0..finer.gone.len()).filter(|&at| !finer.gone[at]) {
            let (y, x) = (at / finer.w, at % finer.w);
            let (sum, count) = &mut sums[y / 2 * self.w + x / 2];
            *sum += plane[finer.framed_at(y, x)];
            *count += 1.0;
        }
        self.framed(sums.into_iter().map(|(sum, count): (f64, f64)| sum / count.max(1.0)))
    }

    /// Writes into the holes what the coarser plane has there, between its pixels in proportion.
    fn start(&self, plane: &mut [f64], coarser: &Level, coarse: &[f64]) {
        for &(at, _) in &self.free {
            let (y, x) = (at / (self.w + 2) - 1, at % (self.w + 2) - 1);
            let nearest =
                |at: usize, n: usize| (at / 2, if at % 2 == 1 { (at / 2 + 1).min(n - 1) } else { (at / 2).max(1) - 1 });
            let ((y0, y1), (x0, x1)) = (nearest(y, coarser.h), nearest(x, coarser.w));
            let value = |y: usize, x: usize| coarse[coarser.framed_at(y, x)];
            plane[at] = (9.0 * value(y0, x0) + 3.0 * (value(y0, x1) + value(y1, x0)) + value(y1, x1)) / 16.0;
        }
    }

    /// Relaxes the holes until what is left to do is below the tolerance.
    fn solve(&self, plane: &mut [f64]) {
        let line = self.w + 2;
        loop {
            let mut change = 0.0_f64;
            for &(at, share) in &self.free {
                let mean = share * (plane[at - 1] + plane[at + 1] + plane[at - line] + plane[at + line]);
                let step = self.omega * (mean - plane[at]);
                plane[at] += step;
                change = change.max(step.abs());
            }
            // Steps shrink by omega - 1 from sweep to sweep: their sum from here on.
            if change <= TOLERANCE * (2.0 - self.omega) {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    /// Squares at an edge, at a corner and inside, and every third pixel of some rows, as in `fixtures/restoration.py`.
    fn hole() -> Vec<f32> {
        let gone = |y: usize, x: usize| {
            (y < 9 && (6..14).contains(&x))
                || (y >= 16 && x >= 13)
                || (12..21).contains(&y) && (2..10).contains(&x)
                || (y % 2 == 1 && x % 3 == 1)
        };
        (0..24 * 20).map(|at| f32::from(gone(at / 20, at % 20))).collect()
    }

    /// `fixtures/restoration.py` made the numbers with `numpy.linalg.solve`.
    #[test]
    fn holes_are_filled_as_by_a_dense_solver() {
        let (x, hole) = (fixture::read("planes.npy"), hole()); // [3, 24, 20]
        let ours = fixture::same_for_any_threads(|| diffuse(x.values(), &hole, [3, 24, 20]));
        fixture::near("diffusion", &ours, fixture::read("diffusion.npy").values(), 1e-4);
        for (i, (ours, x)) in ours.iter().zip(x.values()).enumerate().filter(|(i, _)| hole[i % 480] == 0.0) {
            assert_eq!(ours.to_bits(), x.to_bits(), "pixel {i} is known");
        }
    }

    /// A plane `a + b x + c y` is harmonic, whatever is missing of it.
    #[test]
    fn a_wide_hole_with_a_known_rim_gets_the_slope_back() {
        let (h, w) = (90, 131);
        let slope: Vec<f32> = (0..h * w).map(|at| 0.1 + 0.003 * (at / w) as f32 + 0.004 * (at % w) as f32).collect();
        let rim = |at: usize| at / w == 0 || at / w == h - 1 || at.is_multiple_of(w) || at % w == w - 1;
        let hole: Vec<f32> = (0..h * w).map(|at| if rim(at) { 0.0 } else { 1.0 }).collect();
        let torn: Vec<f32> =
            slope.iter().zip(&hole).map(|(&v, &hole)| if hole == 1.0 { f32::NAN } else { v }).collect();
        fixture::near("slope", &diffuse(&torn, &hole, [1, h, w]), &slope, 2e-4);
    }

    #[test]
    fn one_known_pixel_fills_all_and_none_gives_gray() {
        let mut hole = vec![1.0; 30 * 17];
        assert_eq!(diffuse(&vec![0.0; 510], &hole, [1, 30, 17]), vec![GRAY; 510]);
        hole[200] = 0.0;
        fixture::near("all", &diffuse(&vec![0.75; 510], &hole, [1, 30, 17]), &vec![0.75; 510], 1e-4);
        assert_eq!(diffuse(&[0.25; 4], &[0.0; 4], [1, 2, 2]), [0.25; 4]);
        assert_eq!(diffuse(&[], &[], [3, 0, 2]), [0.0; 0]);
    }
}
