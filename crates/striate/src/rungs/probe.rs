//! A fixed way from picture to vector, and a head on it as the last layer of a net.

use std::rc::Rc;

use burn::tensor::Tensor;
use striate_data::preprocess::Preprocess;
use striate_kernels::rng::Key;
use striate_nn::NetConfig;
use striate_nn::weights::{NamedTensors, named_tensors};
use striate_train::heads::knn::Knn;
use striate_train::heads::logistic::Examples;
use striate_train::manifest::HandMade;

use super::heads::{Head, HeadSpec, with_head};
use super::lite0::Lite0;
use super::vectors::Vectors;
use super::{Bench, Fitted, Rung};
use crate::error::Error;
use crate::judge::sample;
use crate::{hand_made, input};

/// Vectors of pictures, with a head fitted to them.
pub struct Probe<'a> {
    bench: Bench<'a>,
    name: &'static str,
    config: NetConfig,
    preprocess: Preprocess,
    features: Option<HandMade>,
    /// Weights below the last layer.
    base: Rc<NamedTensors>,
    vectors: Rc<Vectors<'a>>,
    head: Head,
    /// Most pictures that it learns from.
    capacity: usize,
}

impl<'a> Probe<'a> {
    /// Logistic regression on raw pixels at a side of at most 32, and on their principal components.
    pub fn pixels_and_pca(bench: Bench<'a>, capacity: usize) -> Result<[Self; 2], Error> {
        let preprocess = input::pixels(bench.prepared, 32);
        let config = bench.config("linear", &preprocess)?;
        let vectors = Vectors::of_pictures(bench, preprocess.clone(), |x: Tensor<4>| x.flatten(1, 3));
        let of = |name, head| Self {
            bench,
            name,
            config: config.clone(),
            preprocess: preprocess.clone(),
            features: None,
            base: Rc::default(),
            vectors: vectors.clone(),
            head,
            capacity,
        };
        Ok([of("pixels", Head::Logistic), of("pca", Head::Pca)])
    }

    /// Logistic regression on edge histograms and HOG.
    pub fn edges_hog(bench: Bench<'a>, capacity: usize) -> Result<Self, Error> {
        let preprocess = hand_made::preprocess(bench.prepared.scan.range);
        let kind = HandMade::EdgesHog;
        let mut config = bench.config("linear", &preprocess)?;
        config.image_size = [1, kind.columns()];
        let encode = move |x: Tensor<4>| hand_made::features(kind, x).flatten(1, 3);
        let vectors = Vectors::of_pictures(bench, preprocess.clone(), encode);
        let (name, features, base, head) = ("edges_hog", Some(kind), Rc::default(), Head::Logistic);
        Ok(Self { bench, name, config, preprocess, features, base, vectors, head, capacity })
    }

    /// A head on features of EfficientNet-Lite0 as trained on ImageNet.
    pub(super) fn lite0(lite0: &Lite0<'a>, name: &'static str, head: Head, capacity: usize) -> Self {
        Self {
            bench: lite0.bench,
            name,
            config: lite0.config.clone(),
            preprocess: lite0.preprocess.clone(),
            features: None,
            base: lite0.base.clone(),
            vectors: lite0.features.clone(),
            head,
            capacity,
        }
    }
}

impl Probe<'_> {
    /// Pictures whose vectors are at hand.
    pub fn known(&self) -> Vec<usize> {
        self.vectors.known()
    }

    /// Vectors `[N, D]` of pictures, computed once each.
    pub fn vectors(&self, pictures: &[usize]) -> Result<Vec<f32>, Error> {
        self.vectors.of(pictures)
    }
}

impl Rung for Probe<'_> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn probe(&self) -> Option<&Probe<'_>> {
        Some(self)
    }

    fn fit(&self, _: &str, train: &[usize]) -> Result<Fitted, Error> {
        let prepared = self.bench.prepared;
        let train = self.learned(train);
        let vectors = self.vectors.of(&train)?;
        let (labels, groups) = (prepared.labels_of(&train), prepared.groups_of(&train));
        let examples = Examples { features: &vectors, labels: &labels, groups: &groups };
        let head = self.head.fit(HeadSpec::of(&self.bench), &examples)?;
        let (config, net) = with_head(&self.config, (*self.base).clone(), head, self.bench.device)?;
        let (preprocess, features) = (self.preprocess.clone(), self.features);
        Ok(Fitted { config, preprocess, features, net, history: Vec::new(), learned_from: train.len() })
    }

    fn features(&self, _: &Fitted, pictures: &[usize]) -> Result<Vec<f32>, Error> {
        self.vectors(pictures)
    }

    fn learned(&self, train: &[usize]) -> Vec<usize> {
        sample(train, self.capacity, Key::new(self.bench.seed).with_name(&self.config.name))
    }

    fn logits(&self, fitted: &Fitted, pictures: &[usize]) -> Result<Vec<f32>, Error> {
        let vectors = self.vectors.of(pictures)?;
        let tensors = named_tensors(&fitted.net);
        let part = |name: &str| &tensors[&format!("{}.{name}", fitted.net.last_layer())].values;
        if let Some(neighbours) = &fitted.config.neighbours {
            let (features, votes) = (part("features").clone(), part("votes").clone());
            let (classes, k, temperature) = (fitted.config.num_classes, neighbours.k, neighbours.temperature);
            return Ok(Knn { features, votes, classes, k, temperature, tried: Vec::new() }.logits(&vectors));
        }
        let (weight, bias) = (part("weight"), part("bias"));
        let d = fitted.net.feature_len();
        let logit = |row: &[f32], k: usize| {
            let sum: f64 = row.iter().zip(&weight[k * d..]).map(|(&x, &w)| f64::from(x) * f64::from(w)).sum();
            (sum + f64::from(bias[k])) as f32
        };
        Ok(vectors
            .chunks_exact(d)
            .flat_map(|row| (0..bias.len()).map(move |k| (row, k)))
            .map(|(row, k)| logit(row, k))
            .collect())
    }
}
