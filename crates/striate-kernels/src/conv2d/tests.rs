//! Convolutions against plain loops in f64, and the same bits on every path and any number of threads.

mod real_layers;

use super::*;
use crate::isa::{Isa, TURN};
use crate::rng::Key;
use proptest::prelude::*;

fn values(name: &str, len: usize) -> Vec<f32> {
    let mut stream = Key::new(1).with_name(name).stream();
    (0..len).map(|_| stream.range(-1.0, 1.0)).collect()
}

/// Calls `f` with the index of a pixel, an output and a weight for every multiply-add of the convolution.
fn each_product(s: &Conv2dShape, mut f: impl FnMut(usize, usize, usize)) {
    let (c_group, k_group) = (s.c_in / s.groups, s.c_out / s.groups);
    for (n, oy, ox) in
        (0..s.n * s.h_out * s.w_out).map(|i| (i / (s.h_out * s.w_out), i / s.w_out % s.h_out, i % s.w_out))
    {
        for (ky, kx) in (0..s.kh * s.kw).map(|i| (i / s.kw, i % s.kw)) {
            let (Some(y), Some(x)) = (
                (oy * s.stride + ky * s.dilation).checked_sub(s.pad[0]),
                (ox * s.stride + kx * s.dilation).checked_sub(s.pad[1]),
            ) else {
                continue;
            };
            if y >= s.h || x >= s.w {
                continue;
            }
            for (o, i) in (0..s.c_out * c_group).map(|i| (i / c_group, i % c_group)) {
                let pixel = ((n * s.h + y) * s.w + x) * s.c_in + o / k_group * c_group + i;
                let output = ((n * s.h_out + oy) * s.w_out + ox) * s.c_out + o;
                f(pixel, output, ((o * c_group + i) * s.kh + ky) * s.kw + kx);
            }
        }
    }
}

/// Forward, gradient of the input, gradient of the weights, in f64.
fn conv2d_reference(s: &Conv2dShape, x: &[f32], weight: &[f32], dy: &[f32]) -> [Vec<f64>; 3] {
    let mut out = [vec![0.0; s.y_len()], vec![0.0; s.x_len()], vec![0.0; s.weight_len()]];
    each_product(s, |p, o, k| {
        out[0][o] += f64::from(x[p]) * f64::from(weight[k]);
        out[1][p] += f64::from(dy[o]) * f64::from(weight[k]);
        out[2][k] += f64::from(x[p]) * f64::from(dy[o]);
    });
    out
}

fn ours(algorithm: Algorithm, s: &Conv2dShape, x: &[f32], weight: &[f32], dy: &[f32]) -> [Vec<f32>; 3] {
    let mut out = [vec![f32::NAN; s.y_len()], vec![f32::NAN; s.x_len()], vec![f32::NAN; s.weight_len()]];
    conv2d(s, x, &pack_weight_by(algorithm, s, weight), Epilogue::NONE, &mut out[0]);
    conv2d_transposed_by(algorithm, s, dy, weight, Epilogue::NONE, &mut out[1]);
    conv2d_backward_weight_by(algorithm, s, x, dy, &mut out[2]);
    out
}

/// Every candidate is near the reference; every path of this machine, at one and three threads, gives the same bits.
fn check_kernel(s: Conv2dShape) {
    for algorithm in s.candidates() {
        check_candidate(algorithm, s);
    }
}

fn check_candidate(algorithm: Algorithm, s: Conv2dShape) {
    let _turn = TURN.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let (x, weight, dy) = (values("x", s.x_len()), values("w", s.weight_len()), values("dy", s.y_len()));
    let reference = conv2d_reference(&s, &x, &weight, &dy);
    let mut first: Option<[Vec<f32>; 3]> = None;
    for isa in Isa::ALL.into_iter().filter(|isa| isa.is_available()) {
        isa.force().expect("the machine has it");
        for threads in [1, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
            let out = pool.install(|| ours(algorithm, &s, &x, &weight, &dy));
            for (what, (out, reference)) in ["y", "dx", "dw"].iter().zip(out.iter().zip(&reference)) {
                let scale = reference.iter().fold(1.0_f64, |m, v| m.max(v.abs()));
                for (i, (&a, &b)) in out.iter().zip(reference).enumerate() {
                    let off = (f64::from(a) - b).abs();
                    assert!(off <= 3e-5 * scale, "{what}[{i}] = {a}, reference {b}, {isa:?}, {algorithm:?} {s:?}");
                }
            }
            match &first {
                None => first = Some(out),
                Some(first) => {
                    let same =
                        first.iter().zip(&out).all(|(a, b)| a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits()));
                    assert!(same, "{isa:?} at {threads} threads gives other bits, {algorithm:?} {s:?}");
                }
            }
        }
    }
    Isa::widest().force().expect("the machine has it");
}

fn shape(
    n: usize,
    [h, w]: [usize; 2],
    [c_in, c_out]: [usize; 2],
    k: [usize; 2],
    stride: usize,
    pad: [usize; 2],
) -> Conv2dShape {
    let out = |side: usize, pad: usize, k: usize| (side + 2 * pad - k) / stride + 1;
    let (h_out, w_out) = (out(h, pad[0], k[0]), out(w, pad[1], k[1]));
    Conv2dShape { n, h, w, c_in, c_out, kh: k[0], kw: k[1], stride, pad, dilation: 1, groups: 1, h_out, w_out }
}

#[test]
fn the_nets_own_shapes() {
    for s in [
        shape(2, [8, 8], [16, 32], [3, 3], 1, [1, 1]),
        shape(1, [13, 9], [33, 17], [3, 3], 1, [1, 1]),
        shape(2, [7, 7], [24, 70], [3, 3], 1, [0, 2]),
        shape(2, [14, 14], [32, 16], [5, 5], 1, [2, 2]),
        shape(1, [17, 16], [16, 24], [5, 5], 2, [2, 2]),
        shape(1, [16, 16], [16, 16], [4, 4], 2, [1, 1]),
        shape(2, [9, 8], [16, 40], [3, 3], 2, [1, 1]),
        shape(3, [5, 6], [20, 50], [1, 1], 1, [0, 0]),
        shape(2, [6, 6], [8, 40], [1, 1], 2, [0, 0]),
        shape(1, [20, 19], [3, 40], [7, 7], 2, [3, 3]),
        shape(4, [28, 28], [1, 32], [5, 5], 1, [2, 2]),
        Conv2dShape { groups: 20, ..shape(2, [9, 11], [20, 20], [3, 3], 1, [1, 1]) },
        Conv2dShape { groups: 35, ..shape(1, [9, 11], [35, 35], [5, 5], 2, [2, 2]) },
        Conv2dShape { groups: 2, ..shape(1, [9, 11], [6, 34], [3, 3], 1, [1, 1]) },
    ] {
        let s = if s.groups > 1 { Conv2dShape { ..s } } else { s };
        check_kernel(s);
    }
}

#[test]
fn an_epilogue_is_bias_residual_clamp() {
    let _turn = TURN.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    for (s, groups) in [
        (shape(1, [8, 8], [16, 20], [3, 3], 1, [1, 1]), 1),
        (shape(1, [8, 8], [6, 20], [3, 3], 1, [1, 1]), 1),
        (shape(1, [8, 8], [20, 20], [3, 3], 1, [1, 1]), 20),
    ] {
        let s = Conv2dShape { groups, ..s };
        let (x, weight) = (values("x", s.x_len()), values("w", s.weight_len()));
        let (bias, residual) = (values("b", s.c_out), values("r", s.y_len()));
        let packed = pack_weight(&s, &weight);
        let (mut plain, mut all) = (vec![0.0; s.y_len()], vec![0.0; s.y_len()]);
        conv2d(&s, &x, &packed, Epilogue::NONE, &mut plain);
        let epilogue = Epilogue { bias: Some(&bias), residual: Some(&residual), clamp: (0.0, 6.0) };
        conv2d(&s, &x, &packed, epilogue, &mut all);
        for i in 0..plain.len() {
            let want = (plain[i] + bias[i % s.c_out] + residual[i]).clamp(0.0, 6.0);
            assert!((all[i] - want).abs() < 1e-5, "{} is not {want}", all[i]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_shape(
        (n, h, w) in (0_usize..3, 1_usize..15, 1_usize..15),
        (c_in, c_out, groups) in (1_usize..20, 1_usize..20, 1_usize..4),
        (kh, kw, stride, dilation) in (1_usize..6, 1_usize..6, 1_usize..4, 1_usize..3),
        pad in [0_usize..4, 0_usize..4],
    ) {
        let out = |side: usize, pad: usize, k: usize| (side + 2 * pad).checked_sub((k - 1) * dilation + 1).map(|room| room / stride + 1);
        if let (Some(h_out), Some(w_out)) = (out(h, pad[0], kh), out(w, pad[1], kw)) {
            let (c_in, c_out) = (c_in * groups, c_out * groups);
            check_kernel(Conv2dShape { n, h, w, c_in, c_out, kh, kw, stride, pad, dilation, groups, h_out, w_out });
        }
    }

    #[test]
    fn any_shape_for_winograd(
        (n, h, w) in (1_usize..3, 3_usize..13, 3_usize..13),
        (c_in, c_out) in (16_usize..40, 16_usize..40),
        (k, stride) in prop::sample::select(vec![(3_usize, 1_usize), (5, 1), (5, 2), (4, 2)]),
        pad in [0_usize..3, 0_usize..3],
    ) {
        let out = |side: usize, pad: usize| (side + 2 * pad).checked_sub(k).map(|room| room / stride + 1);
        if let (Some(h_out), Some(w_out)) = (out(h, pad[0]), out(w, pad[1])) {
            check_kernel(Conv2dShape { n, h, w, c_in, c_out, kh: k, kw: k, stride, pad, dilation: 1, groups: 1, h_out, w_out });
        }
    }
}
