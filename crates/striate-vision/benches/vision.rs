//! Times filters, HOG and principal components at the sizes of `peers/vision_peer.py`, one line each: name, median, least and
//! most milliseconds.
//!
//! `cargo bench -p striate-vision -- [WORK ...] [--runs N] [--threads N] [--rows FILE.npy]`
//!
//! Principal components are found of random rows, or of those of a file, such as MNIST's digits as `[70000, 784]`.

use std::hint::black_box;
use std::time::Instant;

use striate_kernels::rng::Key;
use striate_kernels::symmetric::largest_eigenpairs;
use striate_vision::array::Array;
use striate_vision::boundary::Boundary;
use striate_vision::convolve::{ConvolveOptions, convolve_into};
use striate_vision::hog::{HogOptions, hog};
use striate_vision::named;
use striate_vision::npy;
use striate_vision::pca::{Pca, RandomisedOptions};
use striate_vision::sobel::sobel_magnitude_into;

/// Height and width of the large picture: 12 megapixels.
const PICTURE: [usize; 2] = [3000, 4000];
/// Height and width for HOG.
const HOG: [usize; 2] = [1024, 1024];
/// Rows, columns and components, as MNIST's training and test digits have them.
const PCA: [usize; 3] = [70_000, 784, 154];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let number = |flag: &str, default: usize| {
        let at = arguments.iter().position(|a| a == flag);
        at.and_then(|at| arguments.get(at + 1)?.parse().ok()).unwrap_or(default)
    };
    let file = arguments.iter().position(|a| a == "--rows").and_then(|at| arguments.get(at + 1).cloned());
    let (runs, threads) = (number("--runs", 9), number("--threads", 2));
    let named_works: Vec<&str> = arguments
        .iter()
        .map(String::as_str)
        .filter(|a| !a.starts_with("--") && a.parse::<usize>().is_err() && Some(*a) != file.as_deref())
        .collect();
    let wanted = |name: &str| named_works.is_empty() || named_works.contains(&name);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
    pool.install(|| {
        filters(&wanted, runs);
        components(&wanted, runs, file.as_deref());
    });
}

fn filters(wanted: &dyn Fn(&str) -> bool, runs: usize) {
    if !["gaussian", "sobel", "hog"].into_iter().any(wanted) {
        return;
    }
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

fn components(wanted: &dyn Fn(&str) -> bool, runs: usize, file: Option<&str>) {
    let [n, d, k] = PCA;
    if wanted("eigenvectors") {
        let matrix: Vec<f64> = uniform(&[d, d]).values().iter().map(|&v| f64::from(v)).collect();
        time("eigenvectors", runs, || largest_eigenpairs(&matrix, d, k).expect("converges"));
    }
    if wanted("pca-chunks") {
        chunks();
    }
    if ["pca", "pca-randomised", "pca-transform"].into_iter().any(wanted) {
        let rows = file.map_or_else(|| uniform(&[n, d]), read);
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

fn read(file: &str) -> Array {
    let bytes = std::fs::read(file).expect("the file of --rows");
    npy::from_npy_bytes(&bytes, npy::Limits::default()).expect("an array")
}

/// Out of core: what memory rises to over that of one chunk, the numbers of both in MiB.
fn chunks() {
    let [n, d, k] = PCA;
    let chunk = n / 4;
    let before = peak_mib();
    let one = (chunk * d * size_of::<f32>()) as f64 / f64::from(1 << 20);
    let start = Instant::now();
    black_box(Pca::fit_chunks((0..4).map(|_| uniform(&[chunk, d])), k).expect("fits"));
    let (s, rise) = (start.elapsed().as_secs_f64(), peak_mib() - before);
    println!("pca-chunks {:.0} ms, memory {rise:.1} MiB of a chunk's {one:.1}: {:.2}", s * 1e3, rise / one);
}

/// The most memory that this process has had, by Linux's count.
fn peak_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kib.map_or(f64::NAN, |kib| kib / 1024.0)
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
