//! The median of a window about each pixel: takes away values that are far off, and keeps edges.

use rayon::prelude::*;

use crate::boundary::Boundary;

/// The median of the `(2 radius + 1)^2` pixels about each, in every channel alone, mirrored at the edges: to the bit
/// `scipy.ndimage.median_filter` with the mode "reflect". Tukey 1977, "Exploratory Data Analysis", ch. 7.
///
/// # Shapes
/// - `x`, output: `[C, H, W]`, in any unit
///
/// # Panics
/// If `x` has not the length of the shape.
pub fn median(x: &[f32], shape: [usize; 3], radius: usize) -> Vec<f32> {
    let [c, h, w] = shape;
    assert!(x.len() == c * h * w, "median: {} values do not fill {shape:?}", x.len());
    let mut y = vec![0.0; x.len()];
    if x.is_empty() {
        return y;
    }
    let side = 2 * radius + 1;
    y.par_chunks_mut(w).enumerate().for_each(|(line, y)| {
        let (plane, row) = (&x[line / h * h * w..][..h * w], line % h);
        let lines: Vec<Vec<f32>> = (0..side)
            .filter_map(|i| Boundary::Reflect.source((row + i) as isize - radius as isize, h))
            .map(|from| {
                let mut padded = vec![0.0; w + side - 1];
                Boundary::Reflect.pad(&plane[from * w..][..w], 1, radius, &mut padded);
                padded
            })
            .collect();
        let mut window = vec![0.0; side * side];
        for (column, y) in y.iter_mut().enumerate() {
            for (to, line) in window.chunks_exact_mut(side).zip(&lines) {
                to.copy_from_slice(&line[column..column + side]);
            }
            *y = *window.select_nth_unstable_by(side * side / 2, f32::total_cmp).1;
        }
    });
    y
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    /// `fixtures/restoration.py` made the numbers with `scipy.ndimage.median_filter`.
    #[test]
    fn it_is_scipys_to_the_bit() {
        let x = fixture::read("planes.npy"); // [3, 24, 20]
        for radius in [1, 2] {
            let ours = fixture::same_for_any_threads(|| median(x.values(), [3, 24, 20], radius));
            assert_eq!(ours, fixture::read(&format!("median_{radius}.npy")).values(), "radius {radius}");
        }
    }

    #[test]
    fn lone_values_go_and_edges_stay() {
        let mut x: Vec<f32> = (0..48).map(|i| if i % 8 < 4 { 0.25 } else { 0.75 }).collect();
        let clean = x.clone();
        x[9] = 1.0;
        x[30] = 0.0;
        assert_eq!(median(&x, [1, 6, 8], 1), clean);
        assert_eq!(median(&x, [1, 6, 8], 0), x);
    }

    #[test]
    fn windows_wider_than_the_picture_and_no_pixels() {
        assert_eq!(median(&[3.0, 1.0], [1, 1, 2], 5), [3.0, 1.0]);
        assert_eq!(median(&[], [3, 0, 5], 2), [0.0; 0]);
    }
}
