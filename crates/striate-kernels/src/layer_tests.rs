//! Norms, pools, rectifiers and linear layers against plain loops in f64, and the same bits on every path.

use crate::activation::{clamp, clamp_backward};
use crate::batch_norm::{Affine, Backward, batch_norm, batch_norm_backward, sum_rows};
use crate::isa::{Isa, TURN};
use crate::linear::{LinearShape, linear, linear_backward_input, linear_backward_weight};
use crate::pool::{
    PoolShape, max_pool2d, max_pool2d_backward, mean_of_maps, mean_of_maps_backward, mean_square_of_maps,
};
use crate::rng::Key;

pub(crate) fn values(name: &str, len: usize) -> Vec<f32> {
    let mut stream = Key::new(2).with_name(name).stream();
    (0..len).map(|_| stream.range(-1.0, 1.0)).collect()
}

/// Runs `f` on every path of this machine, at one and three threads, and gives the one result.
pub(crate) fn same_everywhere(f: impl Fn() -> Vec<Vec<f32>> + Sync) -> Vec<Vec<f32>> {
    let _turn = TURN.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let mut first: Option<Vec<Vec<f32>>> = None;
    for isa in Isa::ALL.into_iter().filter(|isa| isa.is_available()) {
        isa.force().expect("the machine has it");
        for threads in [1, 3] {
            let out = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool").install(&f);
            let bits = |out: &[Vec<f32>]| -> Vec<u32> { out.iter().flatten().map(|v| v.to_bits()).collect() };
            match &first {
                None => first = Some(out),
                Some(first) => assert!(bits(first) == bits(&out), "{isa:?} at {threads} threads gives other bits"),
            }
        }
    }
    Isa::widest().force().expect("the machine has it");
    first.expect("the portable path is always there")
}

#[track_caller]
pub(crate) fn near(ours: &[f32], reference: &[f64]) {
    assert_eq!(ours.len(), reference.len());
    let scale = reference.iter().fold(1.0_f64, |m, v| m.max(v.abs()));
    for (i, (&a, &b)) in ours.iter().zip(reference).enumerate() {
        assert!((f64::from(a) - b).abs() <= 1e-5 * scale, "[{i}] = {a}, reference {b}");
    }
}

#[test]
fn batch_norm_and_its_gradients() {
    for (rows, c) in [(1, 3), (700, 17), (520, 80)] {
        let (x, dy, residual) = (values("x", rows * c), values("dy", rows * c), values("r", rows * c));
        let x: Vec<f32> = x.iter().map(|x| x * 2.0 + 30.0).collect(); // a mean far from 0
        let (weight, bias) = (values("w", c), values("b", c));
        let affine = Affine { weight: &weight, bias: &bias, eps: 1e-5 };
        let out = same_everywhere(|| {
            let (mut y, mut dx, mut dr) = (x.clone(), x.clone(), x.clone());
            let statistics = batch_norm(&x, affine, Some(&residual), (0.0, f32::INFINITY), &mut y);
            let of =
                Backward { x: &x, y: Some(&y), dy: &dy, statistics: &statistics, affine, clamp: (0.0, f32::INFINITY) };
            let (dw, db) = batch_norm_backward(of, &mut dx, Some(&mut dr));
            vec![y, dx, dr, dw, db, statistics.mean, statistics.var, sum_rows(&x, c)]
        });
        let at = |v: &[f32], r: usize, i: usize| f64::from(v[r * c + i]);
        let mut reference =
            vec![vec![0.0; rows * c], vec![0.0; rows * c], vec![0.0; rows * c], vec![0.0; c], vec![0.0; c]];
        for i in 0..c {
            let n = rows as f64;
            let mean = (0..rows).map(|r| at(&x, r, i)).sum::<f64>() / n;
            let var = (0..rows).map(|r| (at(&x, r, i) - mean).powi(2)).sum::<f64>() / n;
            let inverse = 1.0 / (var + 1e-5).sqrt();
            let (w, b) = (f64::from(weight[i]), f64::from(bias[i]));
            let hat = |r: usize| (at(&x, r, i) - mean) * inverse;
            let y = |r: usize| hat(r) * w + b + at(&residual, r, i);
            let dz = |r: usize| if out[0][r * c + i] > 0.0 { at(&dy, r, i) } else { 0.0 };
            let (sum, dot) = ((0..rows).map(dz).sum::<f64>(), (0..rows).map(|r| dz(r) * hat(r)).sum::<f64>());
            for r in 0..rows {
                reference[0][r * c + i] = y(r).max(0.0);
                reference[1][r * c + i] = w * inverse * (dz(r) - sum / n - hat(r) * dot / n);
                reference[2][r * c + i] = dz(r);
            }
            (reference[3][i], reference[4][i]) = (dot, sum);
        }
        if rows > 1 {
            out.iter().zip(&reference).for_each(|(ours, reference)| near(ours, reference));
        } else {
            near(&out[0], &reference[0]);
        }
    }
}

#[test]
fn linear_and_its_gradients() {
    for (n, c_in, c_out) in [(1, 5, 3), (33, 48, 70), (7, 100, 129), (16, 64, 16)] {
        let shape = LinearShape { n, c_in, c_out };
        let (x, w, dy) = (values("x", n * c_in), values("w", c_out * c_in), values("dy", n * c_out));
        let bias = values("b", c_out);
        let out = same_everywhere(|| {
            let (mut y, mut dx, mut dw) = (vec![0.0; n * c_out], vec![0.0; n * c_in], vec![0.0; c_out * c_in]);
            linear(&shape, &x, &w, Some(&bias), (f32::NEG_INFINITY, f32::INFINITY), &mut y);
            linear_backward_input(&shape, &dy, &w, &mut dx);
            linear_backward_weight(&shape, &x, &dy, &mut dw);
            vec![y, dx, dw]
        });
        let mut reference = [vec![0.0; n * c_out], vec![0.0; n * c_in], vec![0.0; c_out * c_in]];
        for (r, o) in (0..n * c_out).map(|i| (i / c_out, i % c_out)) {
            reference[0][r * c_out + o] += f64::from(bias[o]);
            for k in 0..c_in {
                let (x, w, dy) = (f64::from(x[r * c_in + k]), f64::from(w[o * c_in + k]), f64::from(dy[r * c_out + o]));
                reference[0][r * c_out + o] += x * w;
                reference[1][r * c_in + k] += dy * w;
                reference[2][o * c_in + k] += dy * x;
            }
        }
        out.iter().zip(&reference).for_each(|(ours, reference)| near(ours, reference));
    }
}

#[test]
fn pools_and_their_gradients() {
    for (h, w, c, kernel, stride, pad) in [(6, 7, 5, 2, 2, 0), (9, 8, 33, 3, 2, 1), (5, 5, 16, 3, 1, 0)] {
        let n = 2;
        let out = |side: usize| (side + 2 * pad - kernel) / stride + 1;
        let shape = PoolShape { n, h, w, c, kernel, stride, pad, h_out: out(h), w_out: out(w) };
        let (x, many) = (values("x", n * h * w * c), n * out(h) * out(w) * c);
        let dy = values("dy", many);
        let got = same_everywhere(|| {
            let (mut y, mut dx, mut mean, mut dmean) = (vec![0.0; many], x.clone(), vec![0.0; n * c], x.clone());
            max_pool2d(&shape, &x, &mut y);
            max_pool2d_backward(&shape, &x, &y, &dy, &mut dx);
            mean_of_maps(&x, c, &mut mean);
            mean_of_maps_backward(&mean, c, &mut dmean);
            let mut square = vec![0.0; n * c];
            mean_square_of_maps(&x, c, &mut square);
            vec![y, dx, mean, dmean, square]
        });
        let mut reference = [vec![0.0; many], vec![0.0; x.len()], vec![0.0; n * c], vec![0.0; x.len()]];
        for (o, &dy) in dy.iter().enumerate() {
            let (i, ox, oy, image) = (o % c, o / c % out(w), o / c / out(w) % out(h), o / c / out(w) / out(h));
            let window = (0..kernel * kernel).filter_map(|t| {
                let (y, x) =
                    ((oy * stride + t / kernel).checked_sub(pad)?, (ox * stride + t % kernel).checked_sub(pad)?);
                (y < h && x < w).then_some(((image * h + y) * w + x) * c + i)
            });
            let best =
                window.fold(usize::MAX, |best, at| if best == usize::MAX || x[at] > x[best] { at } else { best });
            reference[0][o] = f64::from(x[best]);
            reference[1][best] += f64::from(dy);
        }
        for (at, &x) in x.iter().enumerate() {
            reference[2][at / (h * w * c) * c + at % c] += f64::from(x) / (h * w) as f64;
        }
        for at in 0..x.len() {
            reference[3][at] = reference[2][at / (h * w * c) * c + at % c] / (h * w) as f64;
        }
        got.iter().zip(&reference).for_each(|(ours, reference)| near(ours, reference));
    }
}

#[test]
fn a_clamp_holds_and_keeps_nan() {
    let (x, dy) = (values("x", 1001), values("dy", 1001));
    let out = same_everywhere(|| {
        let (mut y, mut dx) = (x.clone(), x.clone());
        clamp(&x, (-0.5, 0.5), &mut y);
        clamp_backward(&y, &dy, (-0.5, 0.5), &mut dx);
        vec![y, dx]
    });
    for i in 0..x.len() {
        assert_eq!(out[0][i], x[i].clamp(-0.5, 0.5));
        assert_eq!(out[1][i], if x[i].abs() < 0.5 { dy[i] } else { 0.0 });
    }
    let mut y = [0.0; 3];
    clamp(&[f32::NAN, -1.0, 9.0], (0.0, 6.0), &mut y);
    assert!(y[0].is_nan() && y[1] == 0.0 && y[2] == 6.0);
}
