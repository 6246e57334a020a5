//! The table of `striate bench --kernels`: every way to compute a convolution, timed in turn, so that the rule which picks one can
//! be argued with.

use std::time::Instant;

use serde::Serialize;
use striate_kernels::conv2d::{
    Algorithm, Conv2dShape, Epilogue, conv2d, conv2d_backward_weight_by, conv2d_transposed_by, pack_weight_by,
};

use super::formula::{INPUT, formula};
use super::machine::{Machine, machine};
use super::measure::median;
use crate::event::{Event, Observer};

/// Shapes that nets are made of: where from, batch, side of the input, channels in and out, kernel side, stride, groups.
const SHAPES: [(&str, [usize; 7]); 16] = [
    ("LeNet-5, first", [64, 28, 1, 32, 5, 1, 1]),
    ("LeNet-5, second", [64, 14, 32, 64, 5, 1, 1]),
    ("ResNet-20, stage 1", [64, 32, 16, 16, 3, 1, 1]),
    ("ResNet-20, stage 3", [64, 8, 64, 64, 3, 1, 1]),
    ("ResNet-18, stem", [1, 224, 3, 64, 7, 2, 1]),
    ("ResNet-18, stage 1", [1, 56, 64, 64, 3, 1, 1]),
    ("ResNet-18, stage 2, stride", [1, 56, 64, 128, 3, 2, 1]),
    ("ResNet-18, stage 3", [1, 14, 256, 256, 3, 1, 1]),
    ("ResNet-18, stage 4", [1, 7, 512, 512, 3, 1, 1]),
    ("ResNet-50, 1x1", [8, 56, 256, 64, 1, 1, 1]),
    ("autoencoder, first", [16, 128, 3, 64, 5, 2, 1]),
    ("autoencoder, second", [16, 64, 64, 128, 5, 2, 1]),
    ("MobileNetV2, expand", [1, 28, 32, 192, 1, 1, 1]),
    ("MobileNetV2, depthwise", [1, 56, 144, 144, 3, 1, 144]),
    ("MobileNetV2, depthwise, stride", [1, 112, 96, 96, 3, 2, 96]),
    ("EfficientNet-Lite0, depthwise", [1, 14, 672, 672, 5, 1, 672]),
];

/// The answer of `bench --kernels`.
#[derive(Clone, Debug, Serialize)]
pub struct KernelsReport {
    /// Where it was measured.
    pub machine: Machine,
    /// One for each candidate of each shape.
    pub kernels: Vec<KernelTiming>,
}

/// How long one way to compute a convolution takes.
#[derive(Clone, Debug, Serialize)]
pub struct KernelTiming {
    /// Where the convolution is from.
    pub from: String,
    /// What it is.
    pub what: String,
    /// The way it is computed.
    pub algorithm: String,
    /// Whether the rule picks it.
    pub chosen: bool,
    /// Medians over the rounds, in seconds: the output (weights packed before), the gradient of the input, that of the weights.
    pub forward_s: f64,
    /// See `forward_s`.
    pub backward_input_s: f64,
    /// See `forward_s`.
    pub backward_weight_s: f64,
    /// Shortest time that the machine's arithmetic or memory allows the direct method's forward pass, over the median.
    pub forward_share_of_limit: f64,
}

/// Times every candidate of every shape `rounds` times, the candidates of a shape in turn.
pub fn kernels(rounds: usize, observer: Observer) -> KernelsReport {
    observer(Event::Stage("Measuring the machine".to_owned()));
    let machine = machine();
    observer(Event::Stage("Timing".to_owned()));
    let mut kernels = Vec::new();
    for (done, (from, sizes)) in SHAPES.into_iter().enumerate() {
        let (done, total) = (done as u64, SHAPES.len() as u64);
        observer(Event::Progress { done, total, unit: "shapes", note: from.to_owned() });
        kernels.extend(candidates(from, &shape(sizes), rounds.max(1), &machine));
    }
    KernelsReport { machine, kernels }
}

/// Zeros around the picture keep its side at stride 1.
fn shape([n, side, c_in, c_out, k, stride, groups]: [usize; 7]) -> Conv2dShape {
    let out = (side + k / 2 * 2 - k) / stride + 1;
    let [h, w, h_out, w_out] = [side, side, out, out];
    Conv2dShape { n, h, w, c_in, c_out, kh: k, kw: k, stride, pad: [k / 2; 2], dilation: 1, groups, h_out, w_out }
}

fn candidates(from: &str, shape: &Conv2dShape, rounds: usize, machine: &Machine) -> Vec<KernelTiming> {
    let Conv2dShape { n, h, w, c_in, c_out, kh, kw, stride, .. } = *shape;
    let (x, weight) = (formula(shape.x_len(), INPUT), formula(shape.weight_len(), 0));
    let dy = formula(shape.y_len(), 1);
    let (mut y, mut dx, mut dw) = (dy.clone(), x.clone(), weight.clone());
    let mut ways: Vec<Way> = shape.candidates().into_iter().map(Way::of).collect();
    for round in 0..=rounds {
        for way in &mut ways {
            let packed = pack_weight_by(way.algorithm, shape, &weight);
            let times = [
                seconds(|| conv2d(shape, &x, &packed, Epilogue::NONE, &mut y)),
                seconds(|| conv2d_transposed_by(way.algorithm, shape, &dy, &weight, Epilogue::NONE, &mut dx)),
                seconds(|| conv2d_backward_weight_by(way.algorithm, shape, &x, &dy, &mut dw)),
            ];
            if round > 0 {
                way.times.iter_mut().zip(times).for_each(|(all, time)| all.push(time)); // the first round warms up
            }
        }
    }
    let operations = 2.0 * (shape.y_len() * shape.weight_len() / c_out) as f64;
    let bytes = 4.0 * (shape.x_len() + shape.y_len() + shape.weight_len()) as f64;
    let limit_s = (operations / machine.fma_gflops).max(bytes / machine.memory_gb_s) / 1e9;
    let timing = |way: Way| {
        let (algorithm, chosen) = (way.name(), way.algorithm == shape.algorithm());
        let [forward_s, backward_input_s, backward_weight_s] = way.times.map(|mut times| {
            times.sort_by(f64::total_cmp);
            median(&times)
        });
        KernelTiming {
            from: from.to_owned(),
            what: format!("{kh}x{kw} stride {stride}, {c_in} to {c_out}, {n} of {h}x{w}"),
            algorithm,
            chosen,
            forward_s,
            backward_input_s,
            backward_weight_s,
            forward_share_of_limit: limit_s / forward_s,
        }
    };
    ways.into_iter().map(timing).collect()
}

/// One candidate and its times: forward, gradient of the input, gradient of the weights.
struct Way {
    algorithm: Algorithm,
    times: [Vec<f64>; 3],
}

impl Way {
    fn of(algorithm: Algorithm) -> Self {
        Self { algorithm, times: [const { Vec::new() }; 3] }
    }

    fn name(&self) -> String {
        match self.algorithm {
            Algorithm::Winograd(taps) => format!("Winograd F({0}x{0}, {taps}x{taps})", 7 - taps),
            Algorithm::Direct => "direct".to_owned(),
            Algorithm::Depthwise => "depthwise".to_owned(),
        }
    }
}

fn seconds(f: impl FnOnce()) -> f64 {
    let start = Instant::now();
    f();
    start.elapsed().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shape_has_one_chosen_candidate() {
        for (from, sizes) in SHAPES {
            let shape = shape(sizes);
            assert!(shape.candidates().contains(&shape.algorithm()), "{from}");
        }
    }

    #[test]
    fn both_ways_of_a_small_convolution_are_timed() {
        let machine = Machine { fma_gflops: 1.0, memory_gb_s: 1.0, ..machine() };
        let timings = candidates("test", &shape([1, 12, 16, 16, 3, 1, 1]), 2, &machine);
        let names: Vec<&str> = timings.iter().map(|timing| timing.algorithm.as_str()).collect();
        assert_eq!(names, ["direct", "Winograd F(4x4, 3x3)"]);
        assert_eq!(timings.iter().filter(|timing| timing.chosen).count(), 1);
        assert!(timings.iter().all(|t| t.forward_s > 0.0 && t.backward_input_s > 0.0 && t.backward_weight_s > 0.0));
    }
}
