//! Convolutions against SciPy, against plain loops, and with the same bits for any number of threads.

use super::*;
use crate::{fixture, kernel_text, named};
use proptest::prelude::*;
use striate_kernels::rng::Key;

fn values(name: &str, len: usize) -> Vec<f32> {
    let mut stream = Key::new(5).with_name(name).stream();
    (0..len).map(|_| stream.range(-1.0, 1.0)).collect()
}

/// Plain loops in f64, over three axes and channels.
fn reference(x: &Array, kernel: &Kernel, options: ConvolveOptions) -> Vec<f32> {
    let kernel = if options.flip { kernel.clone().flipped() } else { kernel.clone() };
    let p = Plan::new(x.shape(), &kernel, options);
    let mut y = Vec::new();
    for at in 0..p.out.iter().product::<usize>() * p.c {
        let (pixel, channel) = (at / p.c, at % p.c);
        let out = [pixel / (p.out[1] * p.out[2]), pixel / p.out[2] % p.out[1], pixel % p.out[2]];
        let mut sum = 0.0;
        for (t, &weight) in kernel.weights().iter().enumerate() {
            let tap = [t / (p.k[1] * p.k[2]), t / p.k[2] % p.k[1], t % p.k[2]];
            let source = |i: usize| p.boundary.source((out[i] + tap[i]) as isize - p.before[i] as isize, p.x[i]);
            if let (Some(a), Some(b), Some(c)) = (source(0), source(1), source(2)) {
                let value = x.values()[((a * p.x[1] + b) * p.x[2] + c) * p.c + channel];
                sum += f64::from(value) * f64::from(weight);
            }
        }
        y.push(sum as f32);
    }
    y
}

fn check(x: &Array, kernel: &Kernel, options: ConvolveOptions) {
    let ours = fixture::same_for_any_threads(|| convolve(x, kernel, options).expect("fits").into_values());
    let what = format!("{:?} with {:?}, {options:?}", x.shape(), kernel.shape());
    fixture::near(&what, &ours, &reference(x, kernel, options), 1e-5);
}

#[test]
fn the_lectures_example() {
    let rows = [3, 3, 2, 1, 0, 0, 0, 1, 3, 1, 3, 1, 2, 2, 3, 2, 0, 0, 2, 2, 2, 0, 0, 0, 1];
    let x = Array::new(vec![5, 5], rows.iter().map(|&v| v as f32).collect());
    let kernel = kernel_text::parse("0 1 2; 2 2 0; 0 1 2").expect("a kernel");
    let y = convolve(&x, &kernel, ConvolveOptions { mode: Mode::Valid, ..Default::default() }).expect("fits");
    assert_eq!(y, Array::new(vec![3, 3], vec![12., 12., 17., 10., 17., 19., 9., 6., 14.]));
}

/// `fixtures/filters.py` made the numbers with `scipy.ndimage` and `scipy.signal`.
#[test]
fn modes_boundaries_and_flips_are_scipys() {
    let x = fixture::read("picture.npy"); // [13, 17]
    for (kernel, even) in [("kernel_3x5", false), ("kernel_4x2", true)] {
        let weights = Kernel::from_array(fixture::read(&format!("{kernel}.npy"))).expect("a kernel");
        for (boundary, name) in
            [(Boundary::Zeros, "constant"), (Boundary::Reflect, "reflect"), (Boundary::Nearest, "nearest")]
        {
            for (flip, op) in [(false, "correlate"), (true, "convolve")] {
                let options = ConvolveOptions { mode: Mode::Same, boundary, flip };
                let (ours, file) = (convolve(&x, &weights, options).expect("fits"), format!("{kernel}_{op}_{name}"));
                fixture::near(&file, ours.values(), fixture::read(&format!("{file}.npy")).values(), 1e-6);
            }
        }
        for (mode, name) in [(Mode::Valid, "valid"), (Mode::Full, "full")] {
            for (flip, op) in [(false, "correlate"), (true, "convolve")] {
                let options = ConvolveOptions { mode, flip, ..Default::default() };
                let (ours, file) = (convolve(&x, &weights, options).expect("fits"), format!("{kernel}_{op}_{name}"));
                let theirs = fixture::read(&format!("{file}.npy"));
                assert_eq!(ours.shape(), theirs.shape(), "{file}, even sides: {even}");
                fixture::near(&file, ours.values(), theirs.values(), 1e-6);
            }
        }
    }
    let options = ConvolveOptions { boundary: Boundary::Reflect, ..Default::default() };
    let blurred = convolve(&x, &named::gaussian(1.5, 4.0).expect("a kernel"), options).expect("fits");
    fixture::near("gaussian", blurred.values(), fixture::read("gaussian_reflect.npy").values(), 1e-6);
    let volume = Array::new(vec![5, 6, 7], values("volume", 210));
    for factors in [vec![vec![0.2, 0.5, 0.3]; 3], vec![vec![1.0], vec![1.0, 2.0], vec![0.5, 1.0]]] {
        check(&volume, &Kernel::separable(factors).expect("a kernel"), options);
    }
}

#[test]
fn an_outer_product_gives_what_its_weights_give() {
    let x = Array::new(vec![70, 41, 3], values("colour", 70 * 41 * 3));
    let kernel = named::gaussian(2.0, 4.0).expect("a kernel");
    let one = ConvolveOptions { boundary: Boundary::Nearest, ..Default::default() };
    check(&x, &kernel, one);
}

#[test]
fn what_does_not_fit_is_refused() {
    let kernel = named::sobel_x();
    let error = |shape: &[usize], mode| {
        let x = Array::new(shape.to_vec(), vec![0.0; shape.iter().product()]);
        convolve(&x, &kernel, ConvolveOptions { mode, ..Default::default() }).expect_err("does not fit").to_string()
    };
    assert!(error(&[5], Mode::Same).contains("as many axes"));
    assert!(error(&[0, 5], Mode::Full).contains("is empty"));
    assert!(error(&[2, 5], Mode::Valid).contains("same or full"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn any_shape_mode_and_boundary(
        axes in 1_usize..=3,
        sides in proptest::collection::vec(1_usize..20, 3),
        k in proptest::collection::vec(1_usize..8, 3),
        c in 1_usize..4,
        mode in 0_usize..3,
        boundary in 0_usize..3,
        (flip, product, channels) in (any::<bool>(), any::<bool>(), any::<bool>()),
    ) {
        let mut shape = sides[..axes].to_vec();
        if channels {
            shape.push(c);
        }
        let x = Array::new(shape.clone(), values("x", shape.iter().product()));
        let kernel = if product {
            Kernel::separable(k[..axes].iter().map(|&k| values("factor", k)).collect())
        } else {
            Kernel::new(&k[..axes], values("w", k[..axes].iter().product()))
        }.expect("a kernel");
        let options = ConvolveOptions { mode: Mode::NAMES[mode].1, boundary: Boundary::NAMES[boundary].1, flip };
        match output_shape(&shape, &kernel, options.mode) {
            Ok(_) => check(&x, &kernel, options),
            Err(e) => prop_assert!(options.mode == Mode::Valid, "{e}"),
        }
    }
}
