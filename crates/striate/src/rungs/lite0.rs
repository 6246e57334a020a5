//! EfficientNet-Lite0 as trained on ImageNet, and what it sees of each picture, shared by the rungs above it.

use std::cell::Cell;
use std::rc::Rc;

use burn::tensor::Tensor;
use striate_data::preprocess::Preprocess;
use striate_nn::weights::{NamedTensors, named_tensors};
use striate_nn::{Frozen, NetConfig, Pass, pretrained};

use super::Bench;
use super::vectors::Vectors;
use crate::error::Error;
use crate::input;

/// Most pictures whose activations below the last block are kept: 38 kB each, 150 MB in all.
const KEPT: usize = 4000;

/// The pretrained net and its views of the pictures.
pub(super) struct Lite0<'a> {
    pub bench: Bench<'a>,
    /// For the data's classes.
    pub config: NetConfig,
    /// Picture to input.
    pub preprocess: Preprocess,
    /// Weights below the last layer.
    pub base: Rc<NamedTensors>,
    /// What the last layer sees.
    pub features: Rc<Vectors<'a>>,
    /// What the last block sees, and its shape; none where there are too many pictures to keep it.
    pub activations: Option<(Rc<Vectors<'a>>, [usize; 3])>,
    /// Multiply-adds of a picture from the last block on.
    pub macs_above: u64,
}

impl<'a> Lite0<'a> {
    /// `pictures`: how many it will see.
    pub fn new(bench: Bench<'a>, pictures: usize) -> Result<Self, Error> {
        let pretrained = pretrained::find("efficientnet_lite0").expect("its weights come with the program");
        let preprocess = input::of_pretrained(&pretrained.input, bench.prepared.scan.range);
        let config = bench.config("efficientnet_lite0", &preprocess)?;
        let net = Rc::new(Frozen::new(pretrained.init(bench.device)?));
        let mut base = named_tensors(net.net());
        base.retain(|name, _| !name.starts_with(&format!("{}.", net.net().last_layer())));
        let [h, w] = preprocess.size;
        let zeros = Tensor::zeros([1, preprocess.channels(), h, w], bench.device);
        let below = net.net().below_last_block(zeros, &Pass::Infer);
        let [_, c, h, w] = below.dims();
        let macs = Cell::new(0);
        net.net().features_above(below, &Pass::Count(&macs));
        let of =
            |encode: Box<dyn Fn(Tensor<4>) -> Tensor<2> + 'a>| Vectors::of_pictures(bench, preprocess.clone(), encode);
        let (features, activations) = if pictures <= KEPT {
            let (lower, upper) = (net.clone(), net.clone());
            let below = of(Box::new(move |x| lower.net().below_last_block(x, &lower.pass()).flatten(1, 3)));
            let encode = move |x| upper.net().features_above(x, &upper.pass());
            (Vectors::above(below.clone(), [c, h, w], encode), Some((below, [c, h, w])))
        } else {
            (of(Box::new(move |x| net.features(x))), None)
        };
        Ok(Self { bench, config, preprocess, base: Rc::new(base), features, activations, macs_above: macs.get() })
    }
}
