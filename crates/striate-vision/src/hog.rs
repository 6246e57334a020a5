//! Histograms of oriented gradients (Dalal, Triggs 2005), number for number as `skimage.feature.hog`.

use rayon::prelude::*;
use striate_kernels::orientation::Bins;

use crate::array::Array;
use crate::edges::MAX_ORIENTATIONS;
use crate::error::Error;

/// Keeps the norm of an empty block away from 0.
const EPS: f32 = 1e-5;

/// How the histograms of a block are made comparable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BlockNorm {
    /// Sum 1.
    L1,
    /// Sum 1, then the root.
    L1Sqrt,
    /// Length 1.
    L2,
    /// Length 1, cut off at 0.2, length 1 again (Lowe 2004).
    #[default]
    L2Hys,
}

/// What to compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HogOptions {
    /// Bins of equal width over 180 degrees.
    pub orientations: usize,
    /// Height and width of a cell.
    pub pixels_per_cell: [usize; 2],
    /// Height and width of a block; blocks are a cell apart.
    pub cells_per_block: [usize; 2],
    /// How a block is made comparable.
    pub block_norm: BlockNorm,
}

impl Default for HogOptions {
    /// 9 orientations, cells of 8 x 8, blocks of 3 x 3, as scikit-image.
    fn default() -> Self {
        let (pixels_per_cell, cells_per_block) = ([8, 8], [3, 3]);
        Self { orientations: 9, pixels_per_cell, cells_per_block, block_norm: BlockNorm::L2Hys }
    }
}

/// HOG of an image `[H, W]`, or `[H, W, C]`, of which each pixel's steepest channel counts, as
/// `[blocks down, blocks across, cells down, cells across, orientations]`. Pixels beyond the last whole cell are left out.
///
/// # Errors
/// If the image is smaller than a block, or an option is 0 or out of range.
pub fn hog(picture: &Array, options: &HogOptions) -> Result<Array, Error> {
    let refuse = |what: String, advice: String| Err(Error::request("HOG", what, advice));
    let ([h, w], c) = match *picture.shape() {
        [h, w] => ([h, w], 1),
        [h, w, c] if c > 0 => ([h, w], c),
        _ => {
            return refuse(
                format!("an array of shape {:?}", picture.shape()),
                "give an image [H, W] or [H, W, C]".into(),
            );
        }
    };
    let HogOptions { orientations: n, pixels_per_cell: [ch, cw], cells_per_block: [bh, bw], block_norm } = *options;
    if !(1..=MAX_ORIENTATIONS).contains(&n) || [ch, cw, bh, bw].contains(&0) {
        return refuse(
            format!("{options:?}"),
            format!("ask for 1 to {MAX_ORIENTATIONS} orientations, and sides of at least 1"),
        );
    }
    let (cells_down, cells_across) = (h / ch, w / cw);
    if cells_down < bh || cells_across < bw {
        let advice = format!(
            "give an image of at least {} x {}, or smaller cells",
            bh.saturating_mul(ch),
            bw.saturating_mul(cw)
        );
        return refuse(format!("{h} x {w} pixels (height x width) hold no block"), advice);
    }
    let bins = Bins::new(n);
    let mut cells = vec![0.0; cells_down * cells_across * n];
    cells.par_chunks_mut(cells_across * n).enumerate().for_each(|(row, cells)| {
        let used = cells_across * cw;
        let (mut dx, mut dy) = (vec![0.0; ch * used], vec![0.0; ch * used]);
        let mut scratch = vec![[0.0; 2]; if c > 1 { w * c } else { 0 }];
        for (y, (dx, dy)) in dx.chunks_exact_mut(used).zip(dy.chunks_exact_mut(used)).enumerate() {
            gradient(picture.values(), ([h, w], c), row * ch + y, &mut scratch, dx, dy);
        }
        let mut past = vec![0.0; n * used];
        bins.votes(&mut dx, &mut dy, &mut past);
        gather(&past, used, cw, (ch * cw) as f32, cells);
    });
    let (down, across) = (cells_down - bh + 1, cells_across - bw + 1);
    let block = bh * bw * n;
    let mut out = vec![0.0; down * across * block];
    out.par_chunks_mut(across * block).enumerate().for_each(|(row, out)| {
        for (column, out) in out.chunks_exact_mut(block).enumerate() {
            for (y, out) in out.chunks_exact_mut(bw * n).enumerate() {
                out.copy_from_slice(&cells[((row + y) * cells_across + column) * n..][..bw * n]);
            }
            normalise(out, block_norm);
        }
    });
    Ok(Array::new(vec![down, across, bh, bw, n], out))
}

/// The differences of the neighbours of each pixel of row `y`; 0 along an axis at its ends.
fn gradient(
    x: &[f32],
    ([h, w], c): ([usize; 2], usize),
    y: usize,
    all: &mut [[f32; 2]],
    dx: &mut [f32],
    dy: &mut [f32],
) {
    let line = |y: usize| &x[y * w * c..][..w * c];
    let here = line(y);
    // At an end the line less itself: zeros.
    let (above, below) = if y == 0 || y + 1 == h { (here, here) } else { (line(y - 1), line(y + 1)) };
    if c == 1 {
        dy.iter_mut().zip(below.iter().zip(above)).for_each(|(dy, (below, above))| *dy = below - above);
        dx.fill(0.0);
        if w > 2 {
            let inner = dx[1..].iter_mut().zip(here[2..].iter().zip(here));
            inner.for_each(|(dx, (right, left))| *dx = right - left);
        }
        return;
    }
    for (i, g) in all.iter_mut().enumerate() {
        let inside = i >= c && i + c < w * c;
        *g = [if inside { here[i + c] - here[i - c] } else { 0.0 }, below[i] - above[i]];
    }
    for (pixel, (dx, dy)) in all.chunks_exact(c).zip(dx.iter_mut().zip(dy)) {
        let length = |g: &[f32; 2]| g[0] * g[0] + g[1] * g[1];
        // The first of equals, as argmax.
        let steepest = pixel[1..].iter().fold(&pixel[0], |best, g| if length(g) > length(best) { g } else { best });
        (*dx, *dy) = (steepest[0], steepest[1]);
    }
}

/// Sums of columns at or past each bin (`[bins, W]`) as histograms of cells (`[cells, bins]`).
fn gather(past: &[f32], w: usize, cw: usize, area: f32, cells: &mut [f32]) {
    let n = past.len() / w;
    for (k, past) in past.chunks_exact(w).enumerate() {
        for (cell, columns) in past.chunks_exact(cw).enumerate() {
            cells[cell * n + k] = columns.iter().fold(0.0, |sum, v| sum + v);
        }
    }
    for cell in cells.chunks_exact_mut(n) {
        for k in 0..n {
            let next = if k + 1 < n { cell[k + 1] } else { 0.0 };
            cell[k] = (cell[k] - next) / area;
        }
    }
}

fn normalise(block: &mut [f32], norm: BlockNorm) {
    match norm {
        BlockNorm::L1 | BlockNorm::L1Sqrt => {
            let by = sum(block, |v| v.abs()) + EPS;
            block.iter_mut().for_each(|v| *v /= by);
            if norm == BlockNorm::L1Sqrt {
                block.iter_mut().for_each(|v| *v = v.sqrt());
            }
        }
        BlockNorm::L2 | BlockNorm::L2Hys => {
            let by = 1.0 / (sum(block, |v| v * v) + EPS * EPS).sqrt();
            block.iter_mut().for_each(|v| *v *= by);
            if norm == BlockNorm::L2Hys {
                block.iter_mut().for_each(|v| *v = if *v < 0.2 { *v } else { 0.2 });
                let by = 1.0 / (sum(block, |v| v * v) + EPS * EPS).sqrt();
                block.iter_mut().for_each(|v| *v *= by);
            }
        }
    }
}

/// The sum in eight chains, whatever the machine: one would wait for each addition.
fn sum(block: &[f32], of: impl Fn(f32) -> f32) -> f32 {
    let mut lanes = [0.0_f32; 8];
    for values in block.chunks(8) {
        lanes.iter_mut().zip(values).for_each(|(lane, &v)| *lane += of(v));
    }
    lanes.iter().fold(0.0, |sum, lane| sum + lane)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    fn check(name: &str, picture: &str, options: &HogOptions) {
        let (picture, theirs) = (fixture::read(picture), fixture::read(&format!("{name}.npy")));
        let ours = fixture::same_for_any_threads(|| hog(&picture, options).expect("fits").into_values());
        assert_eq!(hog(&picture, options).expect("fits").shape(), theirs.shape(), "{name}");
        fixture::near(name, &ours, theirs.values(), 1e-5);
    }

    /// `fixtures/features.py` made the numbers with `skimage.feature.hog`.
    #[test]
    fn it_is_scikit_images() {
        check("hog_default", "gray.npy", &HogOptions::default());
        let small =
            HogOptions { orientations: 8, pixels_per_cell: [6, 5], cells_per_block: [2, 2], ..Default::default() };
        check("hog_colour", "colour.npy", &small);
        let norms = [(BlockNorm::L1, "l1"), (BlockNorm::L1Sqrt, "l1_sqrt"), (BlockNorm::L2, "l2")];
        for (block_norm, name) in norms {
            check(&format!("hog_{name}"), "gray.npy", &HogOptions { block_norm, ..small });
        }
    }

    #[test]
    fn small_flat_and_wrong_images() {
        let flat = hog(&Array::new(vec![24, 24], vec![3.0; 576]), &HogOptions::default()).expect("fits");
        assert!(flat.values().iter().all(|&v| v == 0.0));
        let one = HogOptions { pixels_per_cell: [1, 1], cells_per_block: [1, 1], ..Default::default() };
        assert_eq!(hog(&Array::new(vec![1, 1], vec![3.0]), &one).expect("fits").shape(), [1, 1, 1, 1, 9]);
        let error = |shape: [usize; 2], options: &HogOptions| {
            let x = Array::new(shape.to_vec(), vec![0.0; shape[0] * shape[1]]);
            hog(&x, options).expect_err("refused").to_string()
        };
        assert!(error([23, 24], &HogOptions::default()).contains("at least 24 x 24"));
        assert!(error([24, 24], &HogOptions { orientations: 0, ..one }).contains("1 to 360"));
        assert!(error([0, 0], &one).contains("hold no block"));
    }
}
