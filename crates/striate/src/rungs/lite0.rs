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

/// Most pictures whose activations below the last block are kept: 41 kB each, 160 MB in all.
const KEPT: usize = 4000;

/// The pretrained net and its views of the pictures.
pub(crate) struct Lite0<'a> {
    pub bench: Bench<'a>,
    /// For the data's classes, its features pooled from the last activations.
    pub config: NetConfig,
    /// Picture to input.
    pub preprocess: Preprocess,
    /// Weights below the last layer.
    pub base: Rc<NamedTensors>,
    /// Features of all stages, those of the last activations at the end.
    pub features: Rc<Vectors<'a>>,
    /// Columns of the features that are pooled from the last activations.
    pub last: std::ops::Range<usize>,
    /// What the last block sees; none where there are too many pictures to keep it.
    pub activations: Option<Activations<'a>>,
    /// Multiply-adds of a picture from the last block on.
    pub macs_above: u64,
}

/// What the last block sees of each picture.
#[derive(Clone)]
pub(crate) struct Activations<'a> {
    /// Its values, and behind them what was pooled on the way.
    rows: Rc<Vectors<'a>>,
    /// C, H, W.
    pub shape: [usize; 3],
}

impl Activations<'_> {
    /// `[N, C * H * W]` of these pictures.
    pub fn of(&self, pictures: &[usize]) -> Result<Vec<f32>, Error> {
        let (rows, len) = (self.rows.of(pictures)?, self.shape.iter().product::<usize>());
        let stride = rows.len() / pictures.len().max(1);
        Ok(rows.chunks_exact(stride.max(1)).flat_map(|row| &row[..len]).copied().collect())
    }
}

impl<'a> Lite0<'a> {
    /// `pictures`: how many it will see.
    pub fn new(bench: Bench<'a>, pictures: usize) -> Result<Self, Error> {
        let pretrained = pretrained::find("efficientnet_lite0").expect("its weights come with the program");
        let preprocess = input::of_pretrained(&pretrained.input, bench.prepared.scan.range);
        let config = bench.config("efficientnet_lite0", &preprocess)?;
        let net = Rc::new(Frozen::new(pretrained.init_stages(bench.device)?));
        let mut base = named_tensors(net.net());
        base.retain(|name, _| !name.starts_with(&format!("{}.", net.net().last_layer())));
        let base = Rc::new(base);
        let [h, w] = preprocess.size;
        let zeros = Tensor::zeros([1, preprocess.channels(), h, w], bench.device);
        let (below, early) = net.net().below_last_block(zeros, &Pass::Infer);
        let ([_, c, h, w], early_len) = (below.dims(), early.as_ref().map_or(0, |early| early.dims()[1]));
        let macs = Cell::new(0);
        net.net().features_above(below, early, &Pass::Count(&macs));
        let last = early_len..net.net().feature_len();
        let of =
            |encode: Box<dyn Fn(Tensor<4>) -> Tensor<2> + 'a>| Vectors::of_pictures(bench, preprocess.clone(), encode);
        let (features, activations) = if pictures <= KEPT {
            let (lower, upper) = (net.clone(), net.clone());
            let rows = of(Box::new(move |x| {
                let (below, early) = lower.net().below_last_block(x, &lower.pass());
                let early = early.expect("features of all stages");
                Tensor::cat(vec![below.flatten(1, 3), early], 1)
            }));
            let len = c * h * w;
            let encode = move |rows: Tensor<2>| {
                let n = rows.dims()[0];
                let below = rows.clone().slice([0..n, 0..len]).reshape([n, c, h, w]);
                upper.net().features_above(below, Some(rows.slice([0..n, len..len + early_len])), &upper.pass())
            };
            (Vectors::above(rows.clone(), encode), Some(Activations { rows, shape: [c, h, w] }))
        } else {
            (of(Box::new(move |x| net.features(x))), None)
        };
        Ok(Self { bench, config, preprocess, base, features, last, activations, macs_above: macs.get() })
    }

    /// Features `[N, D]` of the last activations.
    pub fn last_features(&self, pictures: &[usize]) -> Result<Vec<f32>, Error> {
        let rows = self.features.of(pictures)?;
        Ok(rows.chunks_exact(self.last.end).flat_map(|row| &row[self.last.clone()]).copied().collect())
    }
}
