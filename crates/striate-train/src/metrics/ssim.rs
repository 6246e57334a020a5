//! How alike two pictures look: structural similarity, at one scale and at several.

use rayon::prelude::*;

/// Taps of the window along each axis.
pub(crate) const TAPS: usize = 11;

/// The window's deviation, pixels.
pub(crate) const SIGMA: f64 = 1.5;

/// `(K1 L)^2` and `(K2 L)^2` with K1 = 0.01, K2 = 0.03 and values that span L = 1.
pub(crate) const C1: f64 = 1e-4;
pub(crate) const C2: f64 = 9e-4;

/// Exponents of the scales, the finest first, as printed: they sum to 1.0001. Wang, Simoncelli, Bovik 2003, sec. 3.2.
pub(crate) const WEIGHTS: [f64; 5] = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];

/// Rows of a task: ten more are filtered along themselves.
const ROWS: usize = 64;

/// The mean of the structural similarity over all channels and all windows that lie inside, of 11 x 11 pixels with Gaussian
/// weights of deviation 1.5, by the population's covariances; 1 for equal pictures, -1 at least. `None` where a side is
/// below 11. Wang, Bovik, Sheikh, Simoncelli 2004, "Image quality assessment: from error visibility to structural similarity".
///
/// # Shapes
/// - `a`, `b`: `[C, H, W]`, values in `[0, 1]`
///
/// # Panics
/// If a picture has not the length of the shape.
pub fn ssim(a: &[f32], b: &[f32], shape: [usize; 3]) -> Option<f64> {
    mean_of_channels("ssim", [a, b], shape, |pair| pair.alike().ssim)
}

/// Structural similarity at up to five scales, each half as large as the one before: in every channel the product of contrast
/// and structure at all scales and of luminance at the coarsest, with the paper's exponents, terms below 0 taken as 0; then
/// the mean over the channels, `[0, 1]`. Wang, Simoncelli, Bovik 2003, "Multiscale structural similarity for image quality
/// assessment".
///
/// As in pytorch-msssim, a scale is the mean of 2 x 2 pixels of the one before, with a zero before and behind an odd side.
/// Five scales want a shorter side above 160. A picture that is smaller gets as many as fit, n of them where the side is
/// above `10 * 2^(n - 1)`, and the first n exponents divided by their sum: a convention of ours.
/// `None` where a side is below 11.
///
/// # Shapes
/// - `a`, `b`: `[C, H, W]`, values in `[0, 1]`
///
/// # Panics
/// If a picture has not the length of the shape.
pub fn ms_ssim(a: &[f32], b: &[f32], shape: [usize; 3]) -> Option<f64> {
    let scales = scales(shape[1].min(shape[2])).unwrap_or(1);
    let weights = &WEIGHTS[..scales];
    let sum = if scales == WEIGHTS.len() { 1.0 } else { weights.iter().sum() };
    mean_of_channels("ms_ssim", [a, b], shape, |mut pair| {
        let mut product = 1.0;
        for (scale, weight) in weights.iter().enumerate() {
            let alike = pair.alike();
            let term = if scale + 1 == scales { alike.ssim } else { alike.contrast_structure };
            product *= libm::pow(term.max(0.0), weight / sum);
            if scale + 1 < scales {
                pair = pair.halved();
            }
        }
        product
    })
}

/// Scales of [`ms_ssim`] that fit a picture whose shorter side is this.
pub(crate) fn scales(shorter: usize) -> Option<usize> {
    (1..=WEIGHTS.len()).rev().find(|n| shorter > (TAPS - 1) << (n - 1))
}

fn mean_of_channels(op: &str, [a, b]: [&[f32]; 2], [c, h, w]: [usize; 3], of: impl Fn(Pair) -> f64) -> Option<f64> {
    let len = c * h * w;
    assert!(a.len() == len && b.len() == len, "{op}: {} and {} values, the shape has {len}", a.len(), b.len());
    if c == 0 || h.min(w) < TAPS {
        return None;
    }
    let wide = |plane: &[f32]| plane.iter().map(|&v| f64::from(v)).collect();
    let channels = a.chunks_exact(h * w).zip(b.chunks_exact(h * w));
    let sum: f64 = channels.map(|(a, b)| of(Pair { a: wide(a), b: wide(b), h, w })).sum();
    Some(sum / c as f64)
}

/// One channel of both pictures, `[H, W]` each.
struct Pair {
    a: Vec<f64>,
    b: Vec<f64>,
    h: usize,
    w: usize,
}

/// Means, or sums, over windows.
#[derive(Clone, Copy, Default)]
struct Alike {
    ssim: f64,
    /// Without the term of luminance.
    contrast_structure: f64,
}

impl Pair {
    /// Means over the windows that lie inside.
    fn alike(&self) -> Alike {
        let (rows, columns) = (self.h + 1 - TAPS, self.w + 1 - TAPS);
        let taps = gaussian();
        let mut lines = vec![Alike::default(); rows];
        lines.par_chunks_mut(ROWS).enumerate().for_each(|(i, lines)| self.strip(i * ROWS, &taps, lines));
        let n = (rows * columns) as f64;
        let sum = |of: fn(&Alike) -> f64| lines.iter().map(of).sum::<f64>() / n;
        Alike { ssim: sum(|line| line.ssim), contrast_structure: sum(|line| line.contrast_structure) }
    }

    /// Sums over each line of windows from the one at row `first` on.
    fn strip(&self, first: usize, taps: &[f64; TAPS], lines: &mut [Alike]) {
        let (w, columns) = (self.w, self.w + 1 - TAPS);
        // Of a, b, a^2 + b^2 and ab: what the two variances are added up to is all that is asked of them.
        let mut along = [const { Vec::new() }; 4].map(|_: Vec<f64>| vec![0.0; (lines.len() + TAPS - 1) * columns]);
        let mut products = [vec![0.0; w], vec![0.0; w]];
        for row in 0..lines.len() + TAPS - 1 {
            let [a, b] = [&self.a, &self.b].map(|plane| &plane[(first + row) * w..][..w]);
            let [squares, product] = &mut products;
            squares.iter_mut().zip(a.iter().zip(b)).for_each(|(to, (a, b))| *to = a * a + b * b);
            product.iter_mut().zip(a.iter().zip(b)).for_each(|(to, (a, b))| *to = a * b);
            for (to, from) in along.iter_mut().zip([a, b, &*squares, &*product]) {
                let shifted: [&[f64]; TAPS] = std::array::from_fn(|t| &from[t..]);
                weigh(shifted, taps, &mut to[row * columns..][..columns]);
            }
        }
        let mut moments = [const { Vec::new() }; 4].map(|_: Vec<f64>| vec![0.0; columns]);
        for (row, line) in lines.iter_mut().enumerate() {
            for (to, from) in moments.iter_mut().zip(&along) {
                let below: [&[f64]; TAPS] = std::array::from_fn(|t| &from[(row + t) * columns..]);
                weigh(below, taps, to);
            }
            let [a, b, squares, product] = &moments;
            for i in 0..columns {
                let (ab, aa_bb) = (a[i] * b[i], a[i] * a[i] + b[i] * b[i]);
                let contrast_structure = (2.0 * (product[i] - ab) + C2) / (squares[i] - aa_bb + C2);
                line.contrast_structure += contrast_structure;
                line.ssim += (2.0 * ab + C1) / (aa_bb + C1) * contrast_structure;
            }
        }
    }

    /// Means of 2 x 2 pixels, `[ceil(H / 2), ceil(W / 2)]`, with zeros about an odd side.
    fn halved(&self) -> Self {
        let (h, w) = (self.h.div_ceil(2), self.w.div_ceil(2));
        let half = |plane: &[f64]| {
            let mut sums = vec![0.0; h * w];
            for (row, line) in plane.chunks_exact(self.w).enumerate() {
                let to = &mut sums[(row + self.h % 2) / 2 * w..][..w];
                line.iter().enumerate().for_each(|(column, v)| to[(column + self.w % 2) / 2] += v / 4.0);
            }
            sums
        };
        Self { a: half(&self.a), b: half(&self.b), h, w }
    }
}

/// The window along one axis, which sums to 1.
fn gaussian() -> [f64; TAPS] {
    let middle = (TAPS / 2) as f64;
    let taps: [f64; TAPS] = std::array::from_fn(|t| libm::exp(-0.5 * ((t as f64 - middle) / SIGMA).powi(2)));
    let sum: f64 = taps.iter().sum();
    taps.map(|tap| tap / sum)
}

/// `y[i] = sum over t of taps[t] * sources[t][i]`, in the order of t.
fn weigh(sources: [&[f64]; TAPS], taps: &[f64; TAPS], y: &mut [f64]) {
    let sources = sources.map(|source| &source[..y.len()]);
    for (i, y) in y.iter_mut().enumerate() {
        *y = (0..TAPS).fold(0.0, |sum, t| sum + taps[t] * sources[t][i]);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The pictures of `fixtures/ssim.py`: waves of straight sides, and the same with noise.
    pub fn pictures([c, h, w]: [usize; 3]) -> [Vec<f32>; 2] {
        let wave = |at: usize, period: usize| (at % (2 * period)).abs_diff(period) * 96 / period;
        let clean =
            |channel: usize, y: usize, x: usize| 20 + wave(x * 3 + y + channel * 5, 16) + wave(y * 2 + channel, 37);
        let each = |value: &dyn Fn(usize, usize, usize) -> usize| {
            let at = |i: usize| value(i / (h * w), i / w % h, i % w);
            (0..c * h * w).map(|i| at(i) as f32 / 255.0).collect()
        };
        let noise = |channel: usize, y: usize, x: usize| (y * y * 3 + x * x * 7 + y * x * 5 + channel * 11) % 41;
        [each(&clean), each(&|channel, y, x| (clean(channel, y, x) + noise(channel, y, x)).saturating_sub(20).min(255))]
    }

    pub fn fixture() -> serde_json::Value {
        serde_json::from_str(include_str!("../../fixtures/ssim.json")).expect("fixtures/ssim.json is JSON")
    }

    fn same_for_any_threads(f: impl Fn() -> Option<f64> + Sync) -> f64 {
        let run = |n| rayon::ThreadPoolBuilder::new().num_threads(n).build().expect("a pool").install(&f);
        let [one, three] = [run(1), run(3)].map(|v| v.expect("large enough"));
        assert_eq!(one.to_bits(), three.to_bits(), "3 threads give other bits");
        one
    }

    #[test]
    fn they_are_those_of_scikit_image_and_pytorch_msssim() {
        for row in fixture()["pictures"].as_array().expect("rows") {
            let side = |i: usize| row["shape"][i].as_u64().expect("a side") as usize;
            let shape = [side(0), side(1), side(2)];
            let [a, b] = pictures(shape);
            let ours = same_for_any_threads(|| ssim(&a, &b, shape));
            for theirs in ["skimage", "pytorch_msssim"].map(|name| row[name].as_f64().expect("a number")) {
                assert!((ours - theirs).abs() < 1e-6, "{shape:?}: {ours}, reference {theirs}");
            }
            let (ours, theirs) = (same_for_any_threads(|| ms_ssim(&a, &b, shape)), row["ms_ssim"].as_f64());
            assert!((ours - theirs.expect("a number")).abs() < 1e-6, "{shape:?}: {ours}, reference {theirs:?}");
        }
    }

    #[test]
    fn equal_pictures_negatives_and_small_ones() {
        let shape = [2, 24, 30];
        let [a, _] = pictures(shape);
        let near = |value: Option<f64>, wanted: f64| value.is_some_and(|value| (value - wanted).abs() < 1e-12);
        assert!(near(ssim(&a, &a, shape), 1.0) && near(ms_ssim(&a, &a, shape), 1.0));
        let negative: Vec<f32> = a.iter().map(|v| 1.0 - v).collect();
        assert!(ssim(&a, &negative, shape).is_some_and(|value| value < 0.0));
        assert_eq!(ms_ssim(&a, &negative, shape), Some(0.0));
        for shape in [[1, 10, 30], [1, 30, 10], [0, 20, 20]] {
            let none = vec![0.5; shape.iter().product()];
            assert_eq!((ssim(&none, &none, shape), ms_ssim(&none, &none, shape)), (None, None));
        }
    }

    #[test]
    #[should_panic(expected = "ssim: 3 and 4 values, the shape has 4")]
    fn a_shape_counts_the_values() {
        ssim(&[0.0; 3], &[0.0; 4], [1, 2, 2]);
    }
}
