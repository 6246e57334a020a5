//! Histograms of edge orientation over a grid of cells: how much of the contrast runs which way, where.
//!
//! The gradients are Sobel's; each votes with its length for its direction, mod 180 degrees (Freeman, Roth 1995, "Orientation
//! histograms for hand gesture recognition").

use rayon::prelude::*;
use striate_kernels::orientation::Bins;

use crate::array::Array;
use crate::boundary::Boundary;
use crate::cells::{Grid, part};
use crate::error::Error;
use crate::sobel::sobel;

/// Orientations at most.
pub(crate) const MAX_ORIENTATIONS: usize = 360;

/// How to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EdgeOptions {
    /// Bins of equal width over 180 degrees. The first begins at a gradient along x, which is an upright edge.
    pub orientations: usize,
    /// Cells over the image.
    pub grid: Grid,
}

/// Histograms of an image `[H, W]` as `[cells down, cells across, orientations]`: each bin's summed lengths of Sobel's
/// gradients, by the pixels of the cell, so that large and small cells compare.
///
/// # Errors
/// If the image has no pixel for each cell, or there are no orientations or too many.
pub fn edge_histograms(picture: &Array, options: &EdgeOptions) -> Result<Array, Error> {
    let EdgeOptions { orientations, grid } = *options;
    let [dx, dy] = sobel(picture, Boundary::Reflect)?;
    let (h, w) = (picture.shape()[0], picture.shape()[1]);
    let refuse = |what: String, advice: &str| Err(Error::request("edge histogram", what, advice));
    if !grid.fits([h, w]) {
        return refuse(format!("{grid:?} on {h} x {w} pixels"), "give each cell a pixel at least");
    }
    if !(1..=MAX_ORIENTATIONS).contains(&orientations) {
        return refuse(format!("{orientations} orientations"), &format!("ask for 1 to {MAX_ORIENTATIONS}"));
    }
    let bins = Bins::new(orientations);
    let mut out = vec![0.0; grid.count() * orientations];
    out.par_chunks_mut(grid.columns * orientations).enumerate().for_each(|(row, out)| {
        let rows = part(row, grid.rows, h);
        let mut sums = vec![0.0; orientations * w];
        let all = rows.start * w..rows.end * w;
        bins.votes(&mut dx.values()[all.clone()].to_vec(), &mut dy.values()[all].to_vec(), &mut sums);
        for (column, out) in out.chunks_exact_mut(orientations).enumerate() {
            let columns = part(column, grid.columns, w);
            let pixels = (rows.len() * columns.len()) as f64;
            let past = |k: usize| -> f64 {
                sums.get(k * w..(k + 1) * w)
                    .map_or(0.0, |sums| sums[columns.clone()].iter().map(|&v| f64::from(v)).sum())
            };
            let past: Vec<f64> = (0..=orientations).map(past).collect();
            out.iter_mut().enumerate().for_each(|(k, out)| *out = ((past[k] - past[k + 1]) / pixels) as f32);
        }
    });
    Ok(Array::new(vec![grid.rows, grid.columns, orientations], out))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    /// `fixtures/features.py` made the numbers with `scipy.ndimage.sobel` and `numpy.histogram`.
    #[test]
    fn they_are_scipys() {
        let picture = fixture::read("gray.npy"); // [37, 45], whole numbers
        let options = EdgeOptions { orientations: 8, grid: Grid { rows: 3, columns: 2 } };
        let ours = fixture::same_for_any_threads(|| edge_histograms(&picture, &options).expect("fits").into_values());
        fixture::near("edges", &ours, fixture::read("edges.npy").values(), 1e-5);
    }

    #[test]
    fn an_upright_edge_is_in_the_first_bin_alone() {
        let step = Array::new(vec![4, 6], (0..24).map(|i| if i % 6 < 3 { 0.0 } else { 9.0 }).collect());
        let options = EdgeOptions { orientations: 4, grid: Grid { rows: 1, columns: 1 } };
        let y = edge_histograms(&step, &options).expect("fits");
        assert_eq!(y.values(), [12.0, 0.0, 0.0, 0.0]);
        let error = edge_histograms(&step, &EdgeOptions { orientations: 0, ..options }).expect_err("no bins");
        assert!(error.to_string().contains("ask for 1 to 360"));
    }
}
