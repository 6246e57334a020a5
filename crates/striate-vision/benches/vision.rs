//! Times filters, HOG and principal components at the sizes of `peers/vision_peer.py`, one line each: name, median, least and
//! most milliseconds.
//!
//! `cargo bench -p striate-vision -- [WORK ...] [--runs N] [--threads N]`

use std::hint::black_box;
use std::time::Instant;

use striate_kernels::rng::Key;
use striate_kernels::symmetric::largest_eigenpairs;
use striate_vision::array::Array;
use striate_vision::boundary::Boundary;
use striate_vision::convolve::{ConvolveOptions, convolve_into};
use striate_vision::hog::{HogOptions, hog};
use striate_vision::named;
use striate_vision::pca::{Pca, RandomisedOptions};
use striate_vision::sobel::sobel_magnitude_into;

/// Height and width of the large picture: 12 megapixels.
const PICTURE: [usize; 2] = [3000, 4000];
/// Height and width for HOG.
const HOG: [usize; 2] = [1024, 1024];
/// Rows, columns and components, as MNIST's training and test digits.
const PCA: [usize; 3] = [70_000, 784, 154];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let number = |flag: &str, default: usize| {
        let at = arguments.iter().position(|a| a == flag);
        at.and_then(|at| arguments.get(at + 1)?.parse().ok()).unwrap_or(default)
    };
    let (runs, threads) = (number("--runs", 9), number("--threads", 2));
    let named_works: Vec<&str> =
        arguments.iter().map(String::as_str).filter(|a| !a.starts_with("--") && a.parse::<usize>().is_err()).collect();
    let wanted = |name: &str| named_works.is_empty() || named_works.contains(&name);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
    pool.install(|| {
        filters(&wanted, runs);
        components(&wanted, runs);
    });
}

fn filters(wanted: &dyn Fn(&str) -> bool, runs: usize) {
    let options = ConvolveOptions { boundary: Boundary::Reflect, ..Default::default() };
    let picture = uniform(&PICTURE);
    let mut y = vec![0.0; PICTURE[0] * PICTURE[1]];
    if wanted("gaussian") {
        let kernel = named::gaussian(2.0, 4.0).expect("a kernel");
        time("gaussian", runs, || convolve_into(&picture, &kernel, options, &mut y).expect("fits"));
    }
    if wanted("sobel") {
        time("sobel", runs, || sobel_magnitude_into(&picture, Boundary::Reflect, 1.0, &mut y).expect("fits"));
    }
    if wanted("hog") {
        let blocks = HogOptions { cells_per_block: [2, 2], ..HogOptions::default() };
        let bytes = uniform(&HOG).into_values().iter().map(|v| (v * 255.0).floor()).collect();
        let picture = Array::new(HOG.to_vec(), bytes);
        time("hog", runs, || hog(&picture, &blocks).expect("fits"));
    }
}

fn components(wanted: &dyn Fn(&str) -> bool, runs: usize) {
    let [n, d, k] = PCA;
    if wanted("eigenvectors") {
        let matrix: Vec<f64> = uniform(&[d, d]).values().iter().map(|&v| f64::from(v)).collect();
        time("eigenvectors", runs, || largest_eigenpairs(&matrix, d, k).expect("converges"));
    }
    if ["pca", "pca-randomised", "pca-transform"].into_iter().any(wanted) {
        let rows = uniform(&[n, d]);
        if wanted("pca") {
            time("pca", runs, || Pca::fit(&rows, k).expect("fits"));
        }
        if wanted("pca-randomised") {
            time("pca-randomised", runs, || {
                Pca::fit_randomised(&rows, k, &RandomisedOptions::default()).expect("fits")
            });
        }
        if wanted("pca-transform") {
            let pca = Pca::fit(&rows, k).expect("fits");
            time("pca-transform", runs, || pca.transform(&rows).expect("its rows"));
        }
    }
}

fn uniform(shape: &[usize]) -> Array {
    let mut stream = Key::new(0).stream();
    Array::new(shape.to_vec(), (0..shape.iter().product()).map(|_| stream.uniform()).collect())
}

fn time<T>(name: &str, runs: usize, mut work: impl FnMut() -> T) {
    black_box(work());
    let mut times: Vec<f64> = (0..runs)
        .map(|_| {
            let start = Instant::now();
            black_box(work());
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    println!("{name} {:.2} {:.2} {:.2}", times[runs / 2], times[0], times[runs - 1]);
}
