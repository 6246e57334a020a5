//! Sobel's gradient of an image, both parts and its length in one go over the rows.

use rayon::prelude::*;
use striate_kernels::filter::{magnitude, weighted_sum};
use striate_kernels::memory::buffer;

use crate::array::Array;
use crate::boundary::Boundary;
use crate::error::Error;

/// Rows of a task: two more are padded, a sixteenth.
const ROWS: usize = 32;

/// Sobel's derivatives along x and y, as `[H, W]` each, of an image `[H, W]`: `-1 0 1` smoothed by `1 2 1`.
///
/// # Errors
/// If the image is empty or has other axes.
pub fn sobel(picture: &Array, boundary: Boundary) -> Result<[Array; 2], Error> {
    let [h, w] = sides(picture)?;
    let (mut dx, mut dy) = (buffer(h * w), buffer(h * w));
    let strips = dx.par_chunks_mut(ROWS * w).zip(dy.par_chunks_mut(ROWS * w)).enumerate();
    strips.for_each(|(i, (dx, dy))| {
        let mut lines = Lines::new(picture.values(), [h, w], boundary);
        for (row, (dx, dy)) in dx.chunks_exact_mut(w).zip(dy.chunks_exact_mut(w)).enumerate() {
            lines.gradient(i * ROWS + row, dx, dy);
        }
    });
    Ok([Array::new(vec![h, w], dx), Array::new(vec![h, w], dy)])
}

/// `scale * sqrt(dx^2 + dy^2)` of Sobel's derivatives. With a scale of `1 / sqrt(32)` and [`Boundary::Reflect`] it is
/// `skimage.filters.sobel`.
///
/// # Errors
/// As [`sobel`].
pub fn sobel_magnitude(picture: &Array, boundary: Boundary, scale: f32) -> Result<Array, Error> {
    let [h, w] = sides(picture)?;
    let mut y = buffer(h * w);
    sobel_magnitude_into(picture, boundary, scale, &mut y)?;
    Ok(Array::new(vec![h, w], y))
}

/// As [`sobel_magnitude`], into memory that is there.
///
/// # Errors
/// As [`sobel`].
///
/// # Panics
/// If `y` has not the length of the image.
pub fn sobel_magnitude_into(picture: &Array, boundary: Boundary, scale: f32, y: &mut [f32]) -> Result<(), Error> {
    let [h, w] = sides(picture)?;
    assert!(y.len() == h * w, "sobel_magnitude_into: {} numbers to write, the image has {h} x {w}", y.len());
    y.par_chunks_mut(ROWS * w).enumerate().for_each(|(i, y)| {
        let mut lines = Lines::new(picture.values(), [h, w], boundary);
        let (mut dx, mut dy) = (vec![0.0; w], vec![0.0; w]);
        for (row, y) in y.chunks_exact_mut(w).enumerate() {
            lines.gradient(i * ROWS + row, &mut dx, &mut dy);
            magnitude(&dx, &dy, scale, y);
        }
    });
    Ok(())
}

fn sides(picture: &Array) -> Result<[usize; 2], Error> {
    match *picture.shape() {
        [h, w] if h > 0 && w > 0 => Ok([h, w]),
        _ => {
            let what = format!("an array of shape {:?}", picture.shape());
            Err(Error::request("sobel", what, "give an image [H, W] that holds pixels"))
        }
    }
}

/// Lines with one pixel more on each side: smoothed, and differenced, along y.
struct Lines<'a> {
    x: &'a [f32],
    h: usize,
    w: usize,
    boundary: Boundary,
    /// Three lines; that of row r stands at `r % 3`.
    ring: [Vec<f32>; 3],
    /// The row below which the ring holds nothing yet.
    next: Option<usize>,
    smooth: Vec<f32>,
    steep: Vec<f32>,
}

impl<'a> Lines<'a> {
    fn new(x: &'a [f32], [h, w]: [usize; 2], boundary: Boundary) -> Self {
        let line = || vec![0.0; w + 2];
        Self { x, h, w, boundary, ring: [line(), line(), line()], next: None, smooth: line(), steep: line() }
    }

    /// Writes the derivatives of row `row`; rows come in order.
    fn gradient(&mut self, row: usize, dx: &mut [f32], dy: &mut [f32]) {
        // Counted from the row above the image.
        for above in self.next.unwrap_or(row)..row + 3 {
            let to = &mut self.ring[above % 3];
            match self.boundary.source(above as isize - 1, self.h) {
                Some(y) => self.boundary.pad(&self.x[y * self.w..][..self.w], 1, 1, to),
                None => to.fill(0.0),
            }
        }
        self.next = Some(row + 3);
        let [a, b, c] = [0, 1, 2].map(|i| &self.ring[(row + i) % 3][..]);
        weighted_sum(&[a, b, c], &[1.0, 2.0, 1.0], &mut self.smooth);
        weighted_sum(&[a, c], &[-1.0, 1.0], &mut self.steep);
        weighted_sum(&[&self.smooth, &self.smooth[2..]], &[-1.0, 1.0], dx);
        weighted_sum(&[&self.steep, &self.steep[1..], &self.steep[2..]], &[1.0, 2.0, 1.0], dy);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convolve::{ConvolveOptions, convolve};
    use crate::{fixture, named};

    #[test]
    fn it_is_the_two_kernels_and_scikit_images_magnitude() {
        let x = fixture::read("picture.npy");
        for boundary in Boundary::NAMES.map(|(_, boundary)| boundary) {
            let [dx, dy] = sobel(&x, boundary).expect("an image");
            let options = ConvolveOptions { boundary, ..Default::default() };
            let by = |kernel| convolve(&x, &kernel, options).expect("fits");
            fixture::near("dx", dx.values(), by(named::sobel_x()).values(), 1e-6);
            fixture::near("dy", dy.values(), by(named::sobel_y()).values(), 1e-6);
        }
        let ours = fixture::same_for_any_threads(|| {
            let y = sobel_magnitude(&x, Boundary::Reflect, 1.0 / 32.0_f32.sqrt());
            y.expect("an image").into_values()
        });
        fixture::near("magnitude", &ours, fixture::read("sobel_skimage.npy").values(), 1e-6);
    }

    #[test]
    fn the_smallest_images_and_tall_ones() {
        for shape in [[1, 1], [1, 5], [70, 1], [67, 33]] {
            let x = Array::new(shape.to_vec(), (0..shape[0] * shape[1]).map(|i| (i * i % 17) as f32).collect());
            let [dx, _] = sobel(&x, Boundary::Nearest).expect("an image");
            let options = ConvolveOptions { boundary: Boundary::Nearest, ..Default::default() };
            assert_eq!(dx, convolve(&x, &named::sobel_x(), options).expect("fits"));
        }
        let empty = sobel(&Array::new(vec![0, 3], vec![]), Boundary::Zeros);
        assert!(empty.expect_err("no pixels").to_string().contains("holds pixels"));
    }
}
