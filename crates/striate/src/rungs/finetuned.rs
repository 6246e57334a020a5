//! EfficientNet-Lite0 with its last block trained on, from the logistic regression on its features.

use std::rc::Rc;

use burn::tensor::{Tensor, TensorData};
use striate_kernels::rng::Key;
use striate_nn::{Frozen, Net, Pass};
use striate_train::finetune::{FineTuneSpec, fine_tune};
use striate_train::heads::logistic::Examples;

use super::heads::{Head, HeadSpec, with_head};
use super::lite0::{Activations, Lite0};
use super::{Fitted, Rung};
use crate::error::Error;
use crate::event::Event;
use crate::judge::sample;
use crate::training::write_line;

/// Pictures a step, and pictures scored at a time.
const BATCH: usize = 16;
/// Peak learning rate, fixed beforehand.
const LR: f64 = 3e-4;

/// The last block, trained over activations below it.
pub struct FineTuned<'a> {
    lite0: Rc<Lite0<'a>>,
    activations: Activations<'a>,
    epochs: usize,
    /// Most pictures that it learns from.
    capacity: usize,
}

impl<'a> FineTuned<'a> {
    /// `epochs` over at most `capacity` pictures; nothing where activations are not kept.
    pub fn new(lite0: Rc<Lite0<'a>>, epochs: usize, capacity: usize) -> Option<Self> {
        let activations = lite0.activations.clone()?;
        Some(Self { lite0, activations, epochs, capacity })
    }
}

impl FineTuned<'_> {
    /// What `f` makes of the activations of pictures, rows of one length.
    fn above(&self, fitted: &Fitted, pictures: &[usize], f: Above) -> Result<Vec<f32>, Error> {
        let net = Frozen::new(fitted.net.clone());
        let [c, h, w] = self.activations.shape;
        let mut rows = Vec::new();
        for batch in pictures.chunks(BATCH) {
            let x = TensorData::new(self.activations.of(batch)?, [batch.len(), c, h, w]);
            let y = f(net.net(), Tensor::from_data(x, self.lite0.bench.device), &net.pass());
            rows.extend(y.into_data().try_into_vec_as::<f32>().expect("a net computes in f32"));
        }
        Ok(rows)
    }
}

/// A part of the net, from its last block on.
type Above = fn(&Net, Tensor<4>, &Pass) -> Tensor<2>;

impl Rung for FineTuned<'_> {
    fn name(&self) -> &'static str {
        "efficientnet_lite0_finetuned"
    }

    fn fit(&self, what: &str, train: &[usize]) -> Result<Fitted, Error> {
        let Lite0 { bench, config, base, .. } = &*self.lite0;
        let train = self.learned(train);
        let (vectors, activations) = (self.lite0.last_features(&train)?, self.activations.of(&train)?);
        let (labels, groups) = (bench.prepared.labels_of(&train), bench.prepared.groups_of(&train));
        let examples = Examples { features: &vectors, labels: &labels, groups: &groups };
        let head = Head::Logistic.fit(&HeadSpec::of(bench), &examples)?;
        let (config, start) = with_head(config, (**base).clone(), head, bench.device)?;
        let spec = FineTuneSpec {
            activations: &activations,
            shape: self.activations.shape,
            labels: &labels,
            classes: config.num_classes,
            epochs: self.epochs,
            batch: BATCH,
            lr: LR,
            seed: bench.seed,
            device: bench.device,
        };
        let mut step = |done, total, loss| {
            let note = format!("loss {loss:.3}");
            (bench.context.observer)(Event::Progress { done, total, unit: "steps", note });
        };
        let (net, history) = fine_tune(start, &spec, &mut step)?;
        let name = format!("{}-{what}", self.name());
        history.iter().try_for_each(|record| write_line(bench.context.run, &name, record))?;
        let preprocess = self.lite0.preprocess.clone();
        Ok(Fitted { config, preprocess, features: None, net, history, learned_from: train.len() })
    }

    fn logits(&self, fitted: &Fitted, pictures: &[usize]) -> Result<Vec<f32>, Error> {
        self.above(fitted, pictures, |net, x, pass| net.forward_above(x, pass))
    }

    fn is_dear(&self) -> bool {
        true
    }

    fn features(&self, fitted: &Fitted, pictures: &[usize]) -> Result<Vec<f32>, Error> {
        self.above(fitted, pictures, |net, x, pass| net.features_above(x, None, pass))
    }

    fn learned(&self, train: &[usize]) -> Vec<usize> {
        sample(train, self.capacity, Key::new(self.lite0.bench.seed).with_name(&self.lite0.config.name))
    }
}
