//! A frozen net answers as the net it was made from, and a picture's answer does not depend on its batch.

extern crate striate_engine as burn;

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use striate_kernels::rng::Key;
use striate_nn::{Frozen, Net, NetConfig, Noise, Pass};

fn pictures(config: &NetConfig, batch: usize, device: &Device) -> Tensor<4> {
    let shape = [batch, config.in_channels, config.image_size[0], config.image_size[1]];
    let mut stream = Key::new(3).stream();
    let pixels: Vec<f32> = (0..shape.iter().product()).map(|_| stream.range(-1.0, 1.0)).collect();
    Tensor::from_data(TensorData::new(pixels, shape), device)
}

fn values(logits: Tensor<2>) -> Vec<f32> {
    logits.try_into_vec_as::<f32>().expect("f32")
}

/// A net whose norms have seen pictures.
fn used(config: &NetConfig) -> Net {
    let device = Device::flex().autodiff();
    let net = config.init(7, &device).expect("a net").train();
    let noise = Noise { key: Key::new(5), pictures: (0..8).collect() };
    net.forward(pictures(config, 8, &device), &Pass::Train(&noise));
    net.valid()
}

fn check(name: &str, side: usize) {
    let config = NetConfig { image_size: [side; 2], ..NetConfig::new(name, 10).expect("a model") };
    let net = used(&config);
    let x = pictures(&config, 8, &Device::flex());
    let plain = values(net.forward(x.clone(), &Pass::Infer));
    let frozen = Frozen::new(net);
    let together = values(frozen.forward(x.clone()));
    let largest = plain.iter().fold(0.0_f32, |most, v| most.max(v.abs()));
    for (i, (a, b)) in together.iter().zip(&plain).enumerate() {
        assert!((a - b).abs() <= 1e-4 * largest, "{name}: logit {i} is {a} frozen, {b} not, of at most {largest}");
    }
    let (features, logits) = frozen.features_and_logits(x.clone());
    assert_eq!(values(logits), together, "{name}: logits beside features");
    assert_eq!(values(features), values(frozen.features(x.clone())), "{name}: features beside logits");
    for picture in 0..8 {
        let alone = values(frozen.forward(x.clone().narrow(0, picture, 1)));
        let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&alone), bits(&together[picture * 10..][..10]), "{name}: picture {picture} alone");
    }
}

#[test]
fn small_nets() {
    for name in ["linear", "conv4", "resnet20", "resnet18"] {
        check(name, 32);
    }
    check("lenet5", 28);
}

#[test]
fn large_nets() {
    for (name, side) in [("mobilenet_v2", 96), ("squeezenet1_1", 97), ("efficientnet_lite0", 96)] {
        check(name, side);
    }
}
