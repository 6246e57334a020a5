//! The rungs of the ladder: each gives a net, so that one model file serves them all.

use crate::error::Error;
use crate::event::Event;
use crate::input;
use crate::judge::sample;
use crate::plan::TrainingPlan;
use crate::prepare::Prepared;
use crate::training::{Context, train_in_run};
use burn::tensor::Device;
use std::cell::RefCell;
use std::collections::BTreeMap;
use striate_data::preprocess::Preprocess;
use striate_data::unit_cache::UnitCache;
use striate_kernels::rng::Key;
use striate_nn::weights::{NamedTensor, NamedTensors, load_named, named_tensors};
use striate_nn::{Frozen, Net, NetConfig, pretrained};
use striate_train::fit::{EpochRecord, FitSpec};
use striate_train::heads::logistic::{Examples, LogisticConfig};
use striate_train::infer::{self, InferSpec};
use striate_train::recipe::Recipe;

/// A net and all that is needed to use it.
pub struct Fitted {
    /// What it is.
    pub config: NetConfig,
    /// Picture to input.
    pub preprocess: Preprocess,
    /// The weights.
    pub net: Net,
    /// Its training curve; empty for what has none.
    pub history: Vec<EpochRecord>,
    /// How many pictures it learned from.
    pub learned_from: usize,
}

/// One way to learn to classify.
pub trait Rung {
    /// Its name.
    fn name(&self) -> &'static str;
    /// Learns from `train`; `what` names this learning inside the run.
    fn fit(&self, what: &str, train: &[usize]) -> Result<Fitted, Error>;
    /// Logits `[N, K]` of pictures under what it learned.
    fn logits(&self, fitted: &Fitted, pictures: &[usize]) -> Result<Vec<f32>, Error>;
    /// What the last layer of what it learned sees of pictures, `[N, D]`; empty for a rung that cannot compare pictures.
    fn features(&self, _fitted: &Fitted, _pictures: &[usize]) -> Result<Vec<f32>, Error> {
        Ok(Vec::new())
    }
    /// Those of `train` that it learns from.
    fn learned(&self, train: &[usize]) -> Vec<usize> {
        train.to_vec()
    }
}

/// What all rungs work on.
#[derive(Clone, Copy)]
pub struct Bench<'a> {
    /// The data.
    pub prepared: &'a Prepared,
    /// The run.
    pub context: Context<'a>,
    /// Where to compute.
    pub device: &'a Device,
    /// Threads that decode.
    pub workers: usize,
    /// Decides what is drawn.
    pub seed: u64,
}

impl Bench<'_> {
    fn classes(&self) -> usize {
        self.prepared.classes().len()
    }

    /// The first weights of a net, for a rung that learns its last layer only.
    fn config(&self, name: &str, preprocess: &Preprocess) -> Result<NetConfig, Error> {
        let mut config = NetConfig::new(name, self.classes())?;
        config.in_channels = preprocess.channels();
        config.image_size = preprocess.size;
        Ok(config)
    }

    fn infer<'a>(
        &'a self,
        preprocess: &'a Preprocess,
        pictures: &'a [usize],
        cache: Option<&'a UnitCache>,
    ) -> InferSpec<'a> {
        let Bench { prepared, device, workers, .. } = *self;
        InferSpec { dataset: &prepared.dataset, indices: pictures, preprocess, cache, device, workers }
    }
}

/// The least that any rung must beat: every picture gets the commonest class.
pub struct Chance<'a>(pub Bench<'a>);

impl Rung for Chance<'_> {
    fn name(&self) -> &'static str {
        "chance"
    }

    fn fit(&self, _: &str, train: &[usize]) -> Result<Fitted, Error> {
        let bench = &self.0;
        let preprocess = input::pixels(bench.prepared, 1);
        let config = bench.config("linear", &preprocess)?;
        let mut tensors = named_tensors(&config.init_zeros(bench.device)?);
        let mut counts = vec![0_usize; bench.classes()];
        train.iter().for_each(|&i| counts[bench.prepared.labels[i] as usize] += 1);
        let share = |&n: &usize| libm::logf((n.max(1) as f32) / train.len().max(1) as f32);
        if let Some(bias) = tensors.get_mut("fc.bias") {
            bias.values = counts.iter().map(share).collect();
        }
        let net = load_named(config.init_zeros(bench.device)?, &tensors)?;
        Ok(Fitted { config, preprocess, net, history: Vec::new(), learned_from: train.len() })
    }

    fn logits(&self, fitted: &Fitted, pictures: &[usize]) -> Result<Vec<f32>, Error> {
        let tensors = named_tensors(&fitted.net);
        Ok(tensors["fc.bias"].values.repeat(pictures.len()))
    }
}

/// A fixed net below, logistic regression as its last layer. Raw pixels are the net `linear`, which has nothing below.
pub struct Probe<'a> {
    bench: Bench<'a>,
    name: &'static str,
    config: NetConfig,
    preprocess: Preprocess,
    base: Frozen,
    /// Most pictures that it learns from.
    capacity: usize,
    /// Features of the pictures seen so far.
    known: RefCell<BTreeMap<usize, Vec<f32>>>,
}

impl<'a> Probe<'a> {
    /// Raw pixels at a side of at most 32.
    pub fn pixels(bench: Bench<'a>, capacity: usize) -> Result<Self, Error> {
        let preprocess = input::pixels(bench.prepared, 32);
        let config = bench.config("linear", &preprocess)?;
        let base = Frozen::new(config.init_zeros(bench.device)?);
        Ok(Self { bench, name: "pixels", config, preprocess, base, capacity, known: RefCell::default() })
    }

    /// Features of EfficientNet-Lite0 as trained on ImageNet.
    pub fn lite0(bench: Bench<'a>, capacity: usize) -> Result<Self, Error> {
        let pretrained = pretrained::find("efficientnet_lite0").expect("its weights come with the program");
        let preprocess = input::of_pretrained(&pretrained.input, bench.prepared.scan.range);
        let config = bench.config("efficientnet_lite0", &preprocess)?;
        let base = Frozen::new(with_head(&config, pretrained.tensors()?, None, bench.device)?);
        Ok(Self { bench, name: "efficientnet_lite0", config, preprocess, base, capacity, known: RefCell::default() })
    }

    /// Features `[N, D]` of pictures, computed once each.
    fn known_features(&self, pictures: &[usize]) -> Result<Vec<f32>, Error> {
        let missing: Vec<usize> = {
            let known = self.known.borrow();
            pictures.iter().copied().filter(|i| !known.contains_key(i)).collect()
        };
        if !missing.is_empty() {
            let spec = self.bench.infer(&self.preprocess, &missing, None);
            let total = missing.len() as u64;
            let progress = |done: usize| {
                let done = done as u64;
                (self.bench.context.observer)(Event::Progress { done, total, unit: "pictures", note: String::new() });
            };
            let rows = infer::features(&self.base, &spec, &progress)?;
            let d = rows.len() / missing.len();
            let rows = rows.chunks_exact(d).map(<[f32]>::to_vec);
            self.known.borrow_mut().extend(missing.into_iter().zip(rows));
        }
        let known = self.known.borrow();
        Ok(pictures.iter().flat_map(|i| known[i].iter().copied()).collect())
    }
}

impl Rung for Probe<'_> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn fit(&self, _: &str, train: &[usize]) -> Result<Fitted, Error> {
        let prepared = self.bench.prepared;
        let train = self.learned(train);
        let features = self.known_features(&train)?;
        let (labels, groups) = (prepared.labels_of(&train), prepared.groups_of(&train));
        let logistic = LogisticConfig {
            balanced: prepared.is_imbalanced(),
            seed: self.bench.seed,
            ..LogisticConfig::new(self.bench.classes())
        };
        let head = logistic.fit(&Examples { features: &features, labels: &labels, groups: &groups });
        let net =
            with_head(&self.config, named_tensors(self.base.net()), Some((head.weight, head.bias)), self.bench.device)?;
        let (config, preprocess) = (self.config.clone(), self.preprocess.clone());
        Ok(Fitted { config, preprocess, net, history: Vec::new(), learned_from: train.len() })
    }

    fn features(&self, _: &Fitted, pictures: &[usize]) -> Result<Vec<f32>, Error> {
        self.known_features(pictures)
    }

    fn learned(&self, train: &[usize]) -> Vec<usize> {
        sample(train, self.capacity, Key::new(self.bench.seed).with_name(self.name))
    }

    fn logits(&self, fitted: &Fitted, pictures: &[usize]) -> Result<Vec<f32>, Error> {
        let features = self.known_features(pictures)?;
        let tensors = named_tensors(&fitted.net);
        let head = fitted.net.last_layer();
        let (weight, bias) = (&tensors[&format!("{head}.weight")].values, &tensors[&format!("{head}.bias")].values);
        let d = fitted.net.feature_len();
        let logit = |row: &[f32], k: usize| {
            let sum: f64 = row.iter().zip(&weight[k * d..]).map(|(&x, &w)| f64::from(x) * f64::from(w)).sum();
            (sum + f64::from(bias[k])) as f32
        };
        Ok(features
            .chunks_exact(d)
            .flat_map(|row| (0..bias.len()).map(move |k| (row, k)))
            .map(|(row, k)| logit(row, k))
            .collect())
    }
}

/// The net of `config` with all of `tensors` but its last layer, which is `head` (weight `[K, D]`, bias `[K]`) or zero.
fn with_head(
    config: &NetConfig,
    mut tensors: NamedTensors,
    head: Option<(Vec<f32>, Vec<f32>)>,
    device: &Device,
) -> Result<Net, Error> {
    let net = config.init_zeros(device)?;
    let own = named_tensors(&net);
    let path = net.last_layer();
    for (name, values) in [("weight", head.as_ref().map(|head| &head.0)), ("bias", head.as_ref().map(|head| &head.1))] {
        let name = format!("{path}.{name}");
        let NamedTensor { shape, values: zeros } = own[&name].clone();
        tensors.insert(name, NamedTensor { shape, values: values.cloned().unwrap_or(zeros) });
    }
    Ok(load_named(net, &tensors)?)
}

/// A net trained from scratch.
pub struct Scratch<'a> {
    /// The data and the run.
    pub bench: Bench<'a>,
    /// How it is trained.
    pub recipe: Recipe,
    /// The net.
    pub config: NetConfig,
    /// Picture to input.
    pub preprocess: Preprocess,
    /// How it is cut to fit the budget.
    pub plan: TrainingPlan,
    /// Decoded pictures, where they are few enough to keep.
    pub cache: Option<UnitCache>,
}

impl Rung for Scratch<'_> {
    fn name(&self) -> &'static str {
        "conv4"
    }

    fn fit(&self, what: &str, train: &[usize]) -> Result<Fitted, Error> {
        let Bench { prepared, context, device, workers, .. } = self.bench;
        let train = self.learned(train);
        let spec = FitSpec {
            recipe: &self.recipe,
            net: &self.config,
            dataset: &prepared.dataset,
            labels: &prepared.labels,
            train: &train,
            valid: &[],
            preprocess: &self.preprocess,
            cache: self.cache.as_ref(),
            device,
            workers,
        };
        let (net, history) = train_in_run(context, &format!("{}-{what}", self.name()), &spec)?;
        let (config, preprocess) = (self.config.clone(), self.preprocess.clone());
        Ok(Fitted { config, preprocess, net, history, learned_from: train.len() })
    }

    fn logits(&self, fitted: &Fitted, pictures: &[usize]) -> Result<Vec<f32>, Error> {
        let spec = self.bench.infer(&self.preprocess, pictures, self.cache.as_ref());
        Ok(infer::logits(&Frozen::new(fitted.net.clone()), &spec, &|_| {})?)
    }

    fn features(&self, fitted: &Fitted, pictures: &[usize]) -> Result<Vec<f32>, Error> {
        let spec = self.bench.infer(&self.preprocess, pictures, self.cache.as_ref());
        Ok(infer::features(&Frozen::new(fitted.net.clone()), &spec, &|_| {})?)
    }

    fn learned(&self, train: &[usize]) -> Vec<usize> {
        sample(train, self.plan.pictures, Key::new(self.bench.seed).with_name("conv4"))
    }
}
