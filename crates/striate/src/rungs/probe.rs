//! A fixed way from picture to vector, and a head on it as the last layer of a net.

use std::ops::Range;
use std::rc::Rc;

use burn::tensor::Tensor;
use striate_data::preprocess::Preprocess;
use striate_kernels::rng::Key;
use striate_nn::models::DEVIATIONS;
use striate_nn::weights::NamedTensors;
use striate_nn::{NetConfig, Pooled};
use striate_train::heads::logistic::Examples;
use striate_train::manifest::HandMade;

use super::heads::{FittedHead, Head, HeadSpec, head_of, with_head};
use super::lite0::Lite0;
use super::vectors::Vectors;
use super::{Bench, Fitted, RoundAnswers, Rung};
use crate::audit::unlike::{self, Reference};
use crate::error::Error;
use crate::judge::{Round, sample};
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
    /// Columns that are standard deviations, where vectors are normalized before the head; none where not.
    normalize: Option<Range<usize>>,
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
            normalize: None,
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
        let normalize = None;
        Ok(Self { bench, name, config, preprocess, features, base, vectors, head, normalize, capacity })
    }

    /// A head on features of all stages of EfficientNet-Lite0 as trained on ImageNet.
    pub(super) fn lite0(lite0: &Lite0<'a>, name: &'static str, head: Head, capacity: usize) -> Self {
        Self {
            bench: lite0.bench,
            name,
            config: NetConfig { pooled: Pooled::Stages, ..lite0.config.clone() },
            preprocess: lite0.preprocess.clone(),
            features: None,
            base: lite0.base.clone(),
            vectors: lite0.features.clone(),
            head,
            normalize: Some(DEVIATIONS),
            capacity,
        }
    }
}

impl Probe<'_> {
    /// Pictures whose vectors are at hand.
    pub fn known(&self) -> Vec<usize> {
        self.vectors.known()
    }

    /// The head fitted to some of `train`, and how many those are.
    fn fit_head(&self, train: &[usize]) -> Result<(FittedHead, usize), Error> {
        let prepared = self.bench.prepared;
        let train = self.learned(train);
        let vectors = self.vectors.of(&train)?;
        let (labels, groups) = (prepared.labels_of(&train), prepared.groups_of(&train));
        let examples = Examples { features: &vectors, labels: &labels, groups: &groups };
        Ok((self.head.fit(&self.spec(), &examples)?, train.len()))
    }

    /// What its head is told.
    pub fn spec(&self) -> HeadSpec {
        HeadSpec { normalize: self.normalize.clone(), ..HeadSpec::of(&self.bench) }
    }

    /// The kind of its head.
    pub fn head(&self) -> Head {
        self.head
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
        let (head, learned_from) = self.fit_head(train)?;
        let (config, net) = with_head(&self.config, (*self.base).clone(), head, self.bench.device)?;
        let (preprocess, features) = (self.preprocess.clone(), self.features);
        Ok(Fitted { config, preprocess, features, net, history: Vec::new(), learned_from })
    }

    /// By the head alone: a net around it takes longer to build than the head to fit.
    fn answer(&self, _: &str, round: &Round, seed: u64, compare: bool) -> Result<RoundAnswers, Error> {
        let (head, _) = self.fit_head(&round.train)?;
        let score = self.vectors(&round.score)?;
        let distances = match compare {
            true => {
                let kept = unlike::kept(&self.learned(&round.train), score.len() / round.score.len(), seed);
                let reference = self.vectors(&kept)?;
                Some(Reference::new(&reference, reference.len() / kept.len()).distances(&score))
            }
            false => None,
        };
        Ok(RoundAnswers { logits: head.last.logits(&head.normalized(score)), distances, history: Vec::new() })
    }

    fn features(&self, _: &Fitted, pictures: &[usize]) -> Result<Vec<f32>, Error> {
        self.vectors(pictures)
    }

    fn learned(&self, train: &[usize]) -> Vec<usize> {
        sample(train, self.capacity, Key::new(self.bench.seed).with_name(&self.config.name))
    }

    fn logits(&self, fitted: &Fitted, pictures: &[usize]) -> Result<Vec<f32>, Error> {
        let head = head_of(fitted);
        Ok(head.last.logits(&head.normalized(self.vectors(pictures)?)))
    }
}
