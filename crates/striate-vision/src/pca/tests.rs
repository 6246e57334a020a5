//! Components against scikit-learn, every way of fitting against the exact one.

use super::*;
use crate::fixture;
use striate_kernels::rng::Key;

/// Rows whose columns have falling variances, around a mean far from 0.
fn rows(n: usize, d: usize) -> Array {
    let mut stream = Key::new(9).stream();
    let value = |i: usize, v: f32| 30.0 + v * 0.8_f32.powi((i % d) as i32);
    Array::new(vec![n, d], (0..n * d).map(|i| value(i, stream.range(-1.0, 1.0))).collect())
}

fn near(what: &str, ours: &Pca, theirs: &Pca, tolerance: f32) {
    fixture::near(&format!("{what}: mean"), ours.mean(), theirs.mean(), 1e-6);
    fixture::near(&format!("{what}: variance"), ours.explained_variance(), theirs.explained_variance(), 1e-5);
    fixture::near(&format!("{what}: components"), ours.components(), theirs.components(), tolerance);
}

/// `fixtures/pca.py` made the numbers.
#[test]
fn it_is_scikit_learns() {
    for (name, k) in [("tall", 5), ("wide", 6)] {
        let read = |what: &str| fixture::read(&format!("pca_{name}_{what}.npy"));
        let x = read("x");
        let pca = Pca::fit(&x, k).expect("fits");
        fixture::near("mean", pca.mean(), read("mean").values(), 1e-6);
        fixture::near("components", pca.components(), read("components").values(), 1e-5);
        for (ours, theirs) in pca.explained_variance().iter().zip(read("variance").values()) {
            assert!((ours - theirs).abs() <= 1e-5 * theirs, "{name}: variance {ours}, reference {theirs}");
        }
        fixture::near("ratio", &pca.explained_variance_ratio(), read("ratio").values(), 1e-5);
        let along = pca.transform(&x).expect("its rows");
        fixture::near("transformed", along.values(), read("transformed").values(), 1e-5);
        let back = pca.inverse_transform(&along).expect("its rows");
        fixture::near("restored", back.values(), read("restored").values(), 1e-5);
        near("randomised", &Pca::fit_randomised(&x, k, &RandomisedOptions::default()).expect("fits"), &pca, 1e-4);
    }
}

#[test]
fn chunks_give_what_all_rows_give() {
    let all = rows(700, 20);
    let whole = Pca::fit(&all, 8).expect("fits");
    let chunk = |rows: &[f32]| Array::new(vec![rows.len() / 20, 20], rows.to_vec());
    let by = |n: usize| Pca::fit_chunks(all.values().chunks(n * 20).map(chunk), 8).expect("fits");
    assert_eq!(by(700), whole);
    near("chunks of 99", &by(99), &whole, 1e-4);
    near("chunks of 1", &by(1), &whole, 1e-4);
}

#[test]
fn flat_and_dependent_rows_still_give_an_orthonormal_basis() {
    let flat = Array::new(vec![5, 7], vec![3.0; 35]);
    let line = Array::new(vec![9, 4], (0..36).map(|i| (i / 4 * (i % 4)) as f32).collect());
    for (x, k, name) in [(&flat, 5, "flat"), (&line, 4, "line")] {
        for pca in [Pca::fit(x, k), Pca::fit_randomised(x, k, &RandomisedOptions::default())] {
            let pca = pca.unwrap_or_else(|e| panic!("{name}: {e}"));
            let d = pca.mean().len();
            for (i, j) in (0..k * k).map(|i| (i / k, i % k)) {
                let (a, b) = (&pca.components()[i * d..][..d], &pca.components()[j * d..][..d]);
                let product: f32 = a.iter().zip(b).map(|(a, b)| a * b).sum();
                assert!((product - f32::from(i == j)).abs() < 1e-5, "{name}: {i} by {j} is {product}");
            }
            assert!(pca.explained_variance()[1..].iter().all(|&v| v < 1e-3), "{name}: {:?}", pca.explained_variance());
        }
    }
}

#[test]
fn what_cannot_be_fitted_is_refused() {
    let error = |x: Array, k| Pca::fit(&x, k).expect_err("refused").to_string();
    assert!(error(rows(1, 3), 1).contains("two at least"));
    assert!(error(rows(5, 3), 4).contains("ask for 1 to 3"));
    assert!(error(rows(5, 3), 0).contains("0 components"));
    assert!(error(Array::new(vec![4], vec![0.0; 4]), 1).contains("give rows [N, D]"));
    assert!(error(Array::new(vec![2, 2], vec![0.0, f32::NAN, 1.0, 2.0]), 1).contains("finite"));
    assert!(Pca::fit_chunks([], 1).is_err() && Pca::fit_chunks([rows(3, 2), rows(3, 4)], 1).is_err());
    let pca = Pca::fit(&rows(5, 3), 2).expect("fits");
    assert!(pca.transform(&rows(2, 4)).is_err() && pca.inverse_transform(&rows(2, 3)).is_err());
}
