//! Every explanation against PyTorch and Captum, on nets whose weights both sides fill by one formula (`fixtures/explain.py`).

use std::collections::BTreeMap;

use serde_json::Value;
use striate_nn::NetConfig;
use striate_nn::coders::CoderConfig;
use striate_nn::restorers::RestorerConfig;
use striate_nn::weights::{load_named, named_tensors};

use super::canvas::{Sheet, Spectrum};
use super::evidence::{Evidence, grad_cam, integrated_gradients, occlusion};
use super::warp::{Motion, Warp};
use super::*;
use crate::heads::logistic::tests::uniform;

const CLASS: usize = 3;
const CHANNEL: usize = 5;

fn numbers(len: usize, k: u64) -> Vec<f32> {
    (0..len as u64).map(|i| uniform(i + 1_000_000 * k) as f32).collect()
}

/// The net `name` for 10 classes, weights by the formula.
fn filled(name: &str, preprocess: &Preprocess, device: &Device) -> Frozen<Viewed> {
    let config = NetConfig {
        in_channels: preprocess.channels(),
        image_size: preprocess.size,
        ..NetConfig::new(name, 10).expect("a model")
    };
    let net = config.init_zeros(device).expect("a net");
    let mut tensors = named_tensors(&net);
    for (k, tensor) in tensors.values_mut().filter(|tensor| tensor.shape.len() > 1).enumerate() {
        let scale = 2.0 * (6.0 / tensor.shape[1..].iter().product::<usize>() as f64).sqrt();
        let values = numbers(tensor.values.len(), k as u64 + 1);
        tensor.values = values.into_iter().map(|v| (v - 0.5) * scale as f32).collect();
    }
    Frozen::new(load_named(net, &tensors).expect("its own weights").into())
}

fn check(what: &str, got: &[f32], want: &Value) {
    let want: Vec<f32> = want.as_array().expect("numbers").iter().map(|v| v.as_f64().expect("one") as f32).collect();
    assert_eq!(got.len(), want.len(), "{what}");
    let largest = want.iter().fold(0.0_f32, |most, v| most.max(v.abs()));
    let error = got.iter().zip(&want).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(largest > 0.0 && error <= 2e-4 * largest, "{what}: off by {error}, the largest is {largest}");
}

#[test]
fn explanations_are_those_of_pytorch_and_captum() {
    let fixture: BTreeMap<String, Value> =
        serde_json::from_str(include_str!("../../fixtures/explain.json")).expect("the fixture");
    let device = Device::flex();
    let (rgb, gray) = (Preprocess::rgb(), Preprocess::gray());
    let inputs = [
        ("conv4", Preprocess { size: [16; 2], mean: vec![0.4, 0.5, 0.6], std: vec![0.2, 0.25, 0.3], ..rgb }),
        ("lenet5", Preprocess { size: [12; 2], mean: vec![0.3], std: vec![0.4], ..gray }),
    ];
    for (name, preprocess) in inputs {
        let (net, want) = (filled(name, &preprocess, &device), &fixture[name]);
        let sight = Sight { net: &net, preprocess: &preprocess, device: &device };
        let check = |what: &str, got: &[f32]| check(&format!("{name} {what}"), got, &want[what]);
        let layers = net.net().conv_layers();
        let layer = layers.iter().find(|layer| Some(layer.path.as_str()) == want["layer"].as_str()).expect("a layer");
        let unit = numbers(sight.picture(), 100);
        check("logits", &sight.logits(&unit));
        let along: Vec<f32> = numbers(layer.shape[0], 200).into_iter().map(|v| v - 0.5).collect();
        let channel = Target::Channel(layer.id, CHANNEL);
        check("class", &sight.gradient(&unit, &Target::Class(CLASS), 0.0));
        check("channel", &sight.gradient(&unit, &channel, 1.0));
        check("unit", &sight.gradient(&unit, &Target::Unit(layer.id, CHANNEL), 0.0));
        check("direction", &sight.gradient(&unit, &Target::Direction(layer.id, along), 0.0));
        check("apart", &sight.gradient(&numbers(2 * sight.picture(), 100), &channel, 1.0));

        let sheet = Sheet { n: 1, c: preprocess.channels(), size: preprocess.size };
        let canvas = Spectrum::with(sheet, numbers(sight.picture(), 300).into_iter().map(|v| v - 0.5).collect());
        let drawn = canvas.draw();
        let warp = Warp::new(Motion { angle: 0.1, zoom: 1.05, shift: [0.7, -1.3], mirrored: false }, preprocess.size);
        let by_drawn = warp.backward(&sight.gradient(&warp.forward(&drawn), &channel, 0.0));
        check("spectrum", &canvas.backward(&drawn, &by_drawn));

        let Evidence { size, values } = grad_cam(&sight, layer.id, CLASS, &unit);
        assert_eq!(size[0] * size[1], values.len());
        check("grad_cam", &values);
        check("integrated", &integrated_gradients(&sight, CLASS, &unit, 0.5, 12));
        check("occlusion", &occlusion(&sight, CLASS, &unit, 0.5, [5, 3]).values);
    }
}

/// Sundararajan et al., section 3: attributions add up to the change of the logit.
#[test]
fn integrated_gradients_add_up() {
    let device = Device::flex();
    let preprocess = Preprocess { size: [12; 2], ..Preprocess::gray() };
    let net = filled("lenet5", &preprocess, &device);
    let sight = Sight { net: &net, preprocess: &preprocess, device: &device };
    let unit = numbers(144, 7);
    let sum: f32 = integrated_gradients(&sight, CLASS, &unit, 0.0, 256).iter().sum();
    let score = |unit: &[f32]| sight.scores(unit, &Target::Class(CLASS))[0];
    let change = score(&unit) - score(&[0.0; 144]);
    assert!((sum - change).abs() < 1e-2 * change.abs(), "{sum} {change}");
}

#[test]
fn drawn_pictures_score_more_and_come_out_the_same() {
    use super::maximise::{Maximise, Style, maximise};
    use striate_kernels::rng::Key;
    let device = Device::flex();
    let preprocess = Preprocess { size: [16; 2], ..Preprocess::rgb() };
    let net = filled("conv4", &preprocess, &device);
    let sight = Sight { net: &net, preprocess: &preprocess, device: &device };
    let layer = net.net().conv_layers()[2].id;
    let score = |unit: &[f32]| sight.scores(unit, &Target::Channel(layer, 1))[0];
    let noise = (0..50).map(|k| score(&numbers(768, k))).fold(f32::NEG_INFINITY, f32::max);
    let gray = score(&[0.5; 768]);
    for (name, style) in Style::NAMES {
        let of =
            Maximise { target: Target::Channel(layer, 1), style, steps: 60, pictures: 2, key: Key::new(3).with(1) };
        let mut steps = 0;
        let drawn = maximise(&sight, &of, &mut || steps += 1);
        assert!(steps == 60 && drawn.len() == 2 * 768 && drawn.iter().all(|v| (0.0..=1.0).contains(v)), "{name}");
        let scores = sight.scores(&drawn, &of.target);
        // A net of random weights likes noise, which the rules forbid.
        let bar = if style == Style::Plain { noise } else { gray };
        assert!(scores.iter().all(|&score| score > bar), "{name}: {scores:?}, noise {noise}, gray {gray}");
        assert!(maximise(&sight, &of, &mut || ()) == drawn, "{name}");
    }
}

/// A fork in a net leads nowhere on one side where the watched layer lies on the other.
#[test]
fn every_convolution_of_every_net_has_a_gradient() {
    let device = Device::flex();
    let mut nets: Vec<(String, Viewed, usize)> = Vec::new();
    for name in
        ["lenet5", "resnet18", "resnet20", "plain20", "resnet50", "mobilenet_v2", "squeezenet1_1", "efficientnet_lite0"]
    {
        let Ok(config) = NetConfig::new(name, 3) else { continue };
        let config = NetConfig { in_channels: 3, image_size: [32; 2], ..config };
        nets.push((name.into(), config.init(1, &device).expect("builds").into(), 3));
    }
    for name in ["strided_autoencoder", "conv_autoencoder"] {
        let config = CoderConfig::new(name, 3, [32; 2], 8);
        nets.push((name.into(), Viewed::Encoder(config.init(1, &device).expect("builds")), 8));
    }
    for (name, map) in [("ffdnet", Some(0.1)), ("dncnn", None), ("unet", Some(0.1))] {
        let config = RestorerConfig::new(name, 3, usize::from(map.is_some())).expect("a name");
        let config = RestorerConfig { width: 6, depth: 3, ..config };
        nets.push((name.into(), Viewed::Restorer { net: config.init(1, &device).expect("builds"), map }, 0));
    }
    assert!(nets.len() > 10, "most names are names");
    let preprocess = Preprocess { size: [32; 2], ..Preprocess::rgb() };
    let unit = numbers(3 * 32 * 32, 1);
    for (name, net, answers) in nets {
        let net = Frozen::new(net);
        let sight = Sight { net: &net, preprocess: &preprocess, device: &device };
        let seen: Vec<_> = net.net().fields(3, [32; 2], &device).into_iter().map(|fields| fields.id).collect();
        let paths: Vec<_> = net.net().conv_layers();
        let mut alive = 0;
        for &id in &seen {
            let path = &paths.iter().find(|layer| layer.id == id).expect("a layer").path;
            let gradient = sight.gradient(&unit, &Target::Channel(id, 0), 0.0);
            assert!(gradient.iter().all(|v| v.is_finite()), "{name} {path}");
            alive += usize::from(gradient.iter().any(|&v| v != 0.0));
        }
        assert!(alive > seen.len() * 3 / 4, "{name}: {alive} of {} layers", seen.len());
        for answer in 0..answers {
            let gradient = sight.gradient(&unit, &Target::Class(answer), 0.0);
            assert!(gradient.iter().all(|v| v.is_finite()), "{name} answer {answer}");
        }
    }
}
