//! Affine maps about the centre of a picture, and the one resampling that applies them.

use super::turn::Turn;

/// Tells where in the source a pixel of the result is found: `(y, x)` from the centre to `(y, x)` from the centre.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Affine {
    // [y, x] = [[yy, yx], [xy, xx]] [y, x] + [dy, dx], in pixels
    yy: f64,
    yx: f64,
    xy: f64,
    xx: f64,
    dy: f64,
    dx: f64,
}

impl Affine {
    pub(super) const IDENTITY: Self = Self { yy: 1.0, yx: 0.0, xy: 0.0, xx: 1.0, dy: 0.0, dx: 0.0 };

    /// Moves the picture down and right by `[y, x]` pixels.
    pub(super) fn shift([y, x]: [f64; 2]) -> Self {
        Self { dy: -y, dx: -x, ..Self::IDENTITY }
    }

    /// Enlarges by the inverse of `[y, x]`: below 1 a part fills the picture, -1 flips.
    pub(super) fn scale([y, x]: [f64; 2]) -> Self {
        Self { yy: y, xx: x, ..Self::IDENTITY }
    }

    /// Turns counterclockwise.
    pub(super) fn rotate(Turn { sin, cos }: Turn) -> Self {
        Self { yy: cos, yx: sin, xy: -sin, xx: cos, ..Self::IDENTITY }
    }

    /// Moves each row sideways by the tangent times its distance from the middle.
    pub(super) fn skew(Turn { sin, cos }: Turn) -> Self {
        Self { xy: sin / cos, ..Self::IDENTITY }
    }

    /// This map from the result, then `next` toward the source.
    pub(super) fn then(self, next: Self) -> Self {
        Self {
            yy: next.yy * self.yy + next.yx * self.xy,
            yx: next.yy * self.yx + next.yx * self.xx,
            xy: next.xy * self.yy + next.xx * self.xy,
            xx: next.xy * self.yx + next.xx * self.xx,
            dy: next.yy * self.dy + next.yx * self.dx + next.dy,
            dx: next.xy * self.dy + next.xx * self.dx + next.dx,
        }
    }

    /// Resamples every `[H, W]` plane of `x` bilinearly. Beyond its border the picture is mirrored, since a black or
    /// smeared border is something a net can learn and a picture without augmentation never has.
    pub(super) fn apply(self, x: &mut [f32], [h, w]: [usize; 2]) {
        if self == Self::IDENTITY {
            return;
        }
        let source = x.to_vec();
        let (middle_y, middle_x) = ((h as f64 - 1.0) / 2.0, (w as f64 - 1.0) / 2.0);
        for row in 0..h {
            for column in 0..w {
                let (down, right) = (row as f64 - middle_y, column as f64 - middle_x);
                let at_y = Between::new(self.yy * down + self.yx * right + self.dy + middle_y, h);
                let at_x = Between::new(self.xy * down + self.xx * right + self.dx + middle_x, w);
                for (plane, from) in x.chunks_exact_mut(h * w).zip(source.chunks_exact(h * w)) {
                    let line = |row: usize| at_x.mix(from[row * w + at_x.low], from[row * w + at_x.high]);
                    plane[row * w + column] = at_y.mix(line(at_y.low), line(at_y.high));
                }
            }
        }
    }
}

/// A place between two pixels of a line.
struct Between {
    low: usize,
    high: usize,
    part: f32,
}

impl Between {
    fn new(at: f64, n: usize) -> Self {
        let floor = at.floor();
        Self { low: mirror(floor as i64, n), high: mirror(floor as i64 + 1, n), part: (at - floor) as f32 }
    }

    /// Exact at both ends, and never beyond them.
    fn mix(&self, low: f32, high: f32) -> f32 {
        low * (1.0 - self.part) + high * self.part
    }
}

/// Mirrors an index at the outer edges of `0..n`: -1 is 0, n is n - 1.
fn mirror(i: i64, n: usize) -> usize {
    if let Ok(inside) = usize::try_from(i)
        && inside < n
    {
        return inside;
    }
    let n = n as i64;
    let within = i.rem_euclid(2 * n);
    (if within < n { within } else { 2 * n - 1 - within }) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moved(map: Affine, h: usize, w: usize) -> Vec<f32> {
        let mut x: Vec<f32> = (0..h * w).map(|i| i as f32 / 64.0).collect();
        map.apply(&mut x, [h, w]);
        x.iter().map(|v| v * 64.0).collect()
    }

    #[test]
    fn whole_pixels_move_exactly() {
        assert_eq!(moved(Affine::shift([1.0, -1.0]), 3, 3), [1.0, 2.0, 2.0, 1.0, 2.0, 2.0, 4.0, 5.0, 5.0]);
        assert_eq!(moved(Affine::scale([1.0, -1.0]), 2, 3), [2.0, 1.0, 0.0, 5.0, 4.0, 3.0]);
        assert_eq!(moved(Affine::rotate(Turn::degrees(90.0)), 2, 2), [1.0, 3.0, 0.0, 2.0]);
        assert_eq!(moved(Affine::rotate(Turn::degrees(180.0)), 2, 3), [5.0, 4.0, 3.0, 2.0, 1.0, 0.0]);
        assert_eq!(moved(Affine::skew(Turn::degrees(45.0)), 3, 2)[2..4], [2.0, 3.0], "the middle row stays");
    }

    #[test]
    fn flips_undo_themselves() {
        for flip in [[1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]] {
            let twice = Affine::scale(flip).then(Affine::scale(flip));
            assert_eq!(twice, Affine::IDENTITY);
            let mut x: Vec<f32> = (0..5 * 4).map(|i| i as f32 * 0.03).collect();
            let before = x.clone();
            Affine::scale(flip).apply(&mut x, [5, 4]);
            assert_ne!(x, before);
            Affine::scale(flip).apply(&mut x, [5, 4]);
            assert_eq!(x, before);
        }
    }

    #[test]
    fn composed_in_order() {
        // Down by one, then mirrored upside down in the source.
        let map = Affine::shift([1.0, 0.0]).then(Affine::scale([-1.0, 1.0]));
        assert_eq!(moved(map, 3, 1), [2.0, 2.0, 1.0]);
        // A part of half the side, to the left: its middle is enlarged.
        let map = Affine::scale([1.0, 0.5]).then(Affine::shift([0.0, 1.0]));
        assert_eq!(moved(map, 1, 4), [0.0, 0.25, 0.75, 1.25]);
    }

    #[test]
    fn far_outside_is_mirrored() {
        assert_eq!([-3, -2, -1, 0, 1, 2, 3, 4].map(|i| mirror(i, 2)), [1, 1, 0, 0, 1, 1, 0, 0]);
        assert_eq!(mirror(-1_000_000, 1), 0);
    }
}
