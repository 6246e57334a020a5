//! Every feature gives the same bits for any number of threads and with any vector instructions. One test, in a process of
//! its own, since the instructions are the process's.

use striate_kernels::isa::Isa;
use striate_kernels::rng::Key;
use striate_vision::array::Array;
use striate_vision::boundary::Boundary;
use striate_vision::cells::Grid;
use striate_vision::colour::{Channels, ColourOptions, colour_histograms};
use striate_vision::convolve::{ConvolveOptions, convolve};
use striate_vision::edges::{EdgeOptions, edge_histograms};
use striate_vision::hog::{HogOptions, hog};
use striate_vision::kernel::Kernel;
use striate_vision::named;
use striate_vision::pca::{Pca, RandomisedOptions};
use striate_vision::sobel::sobel_magnitude;

fn random(shape: &[usize]) -> Array {
    let mut stream = Key::new(4).stream();
    Array::new(shape.to_vec(), (0..shape.iter().product()).map(|_| stream.uniform()).collect())
}

fn all() -> Vec<(&'static str, Vec<u32>)> {
    let (gray, colour, volume) = (random(&[150, 131]), random(&[67, 59, 3]), random(&[9, 20, 31]));
    let (grid, options) = (Grid { rows: 2, columns: 3 }, ConvolveOptions::default());
    let filtered = |x: &Array, kernel: Kernel| convolve(x, &kernel, options).expect("fits");
    let line = vec![0.2, 0.5, 0.4];
    let bins = ColourOptions { bins: 4, range: [0.0, 1.0], channels: Channels::Joint, grid };
    let mut found = vec![
        ("dense", filtered(&gray, named::laplacian_of_gaussian(1.3).expect("a kernel"))),
        ("separable", filtered(&colour, named::gaussian(2.0, 4.0).expect("a kernel"))),
        ("volume", filtered(&volume, Kernel::separable(vec![line; 3]).expect("a kernel"))),
        ("sobel", sobel_magnitude(&gray, Boundary::Reflect, 1.0).expect("an image")),
        ("hog", hog(&gray, &HogOptions::default()).expect("an image")),
        ("hog of colour", hog(&colour, &HogOptions::default()).expect("an image")),
        ("edges", edge_histograms(&gray, &EdgeOptions { orientations: 12, grid }).expect("an image")),
        ("colour", colour_histograms(&colour, &bins).expect("an image")),
    ];
    let (tall, wide) = (random(&[900, 70]), random(&[40, 90]));
    for (name, x, pca) in [
        ("PCA", &tall, Pca::fit(&tall, 7)),
        ("PCA of few rows", &wide, Pca::fit(&wide, 7)),
        ("randomised PCA", &tall, Pca::fit_randomised(&tall, 7, &RandomisedOptions::default())),
    ] {
        let pca = pca.expect("fits");
        let along = pca.transform(x).expect("its rows");
        found.push((name, pca.inverse_transform(&along).expect("its rows")));
        found.push((name, along));
        found.push((name, Array::new(vec![7], pca.explained_variance().to_vec())));
    }
    found.into_iter().map(|(name, y)| (name, y.values().iter().map(|v| v.to_bits()).collect())).collect()
}

#[test]
fn threads_and_instructions_change_no_bit() {
    let mut first: Option<Vec<(&str, Vec<u32>)>> = None;
    for isa in Isa::ALL.into_iter().filter(|isa| isa.is_available()) {
        isa.force().expect("the machine has it");
        for threads in [1, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
            let found = pool.install(all);
            let first = first.get_or_insert_with(|| found.clone());
            for ((name, bits), (_, expected)) in found.iter().zip(first.iter()) {
                assert!(bits == expected, "{name}: {isa:?} at {threads} threads gives other bits");
            }
        }
    }
}
