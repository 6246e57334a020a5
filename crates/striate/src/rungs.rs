//! The rungs of the ladder: each gives a net, so that one model file serves them all.

mod finetuned;
pub(crate) mod heads;
mod lite0;
pub mod offer;
mod probe;
mod scratch;
mod vectors;

pub(crate) use lite0::Lite0;
pub use probe::Probe;

use crate::audit::unlike::{self, Reference};
use crate::error::Error;
use crate::input;
use crate::judge::Round;
use crate::prepare::Prepared;
use crate::training::Context;
use burn::tensor::Device;
use striate_data::preprocess::Preprocess;
use striate_data::unit_cache::UnitCache;
use striate_nn::weights::{load_named, named_tensors};
use striate_nn::{Net, NetConfig};
use striate_train::fit::EpochRecord;
use striate_train::infer::InferSpec;
use striate_train::manifest::HandMade;

/// A net and all that is needed to use it.
pub struct Fitted {
    /// What it is.
    pub config: NetConfig,
    /// Picture to input.
    pub preprocess: Preprocess,
    /// What is made of the input before the net.
    pub features: Option<HandMade>,
    /// The weights.
    pub net: Net,
    /// Its training curve; empty for what has none.
    pub history: Vec<EpochRecord>,
    /// How many pictures it learned from.
    pub learned_from: usize,
}

/// What a rung answered in one round.
pub struct RoundAnswers {
    /// Logits of the scored pictures, `[N, K]`.
    pub logits: Vec<f32>,
    /// Their distances to the nearest of the pictures learned from; none where the rung has no features, or was not asked.
    pub distances: Option<Vec<f64>>,
    /// The training curve; empty for what has none.
    pub history: Vec<EpochRecord>,
}

/// One way to learn to classify.
pub trait Rung {
    /// Its name.
    fn name(&self) -> &'static str;
    /// Learns from `train`; `what` names this learning inside the run.
    fn fit(&self, what: &str, train: &[usize]) -> Result<Fitted, Error>;
    /// Learns from the round's pictures and answers on the others; with distances where `compare`. `what` as for [`Rung::fit`].
    fn answer(&self, what: &str, round: &Round, seed: u64, compare: bool) -> Result<RoundAnswers, Error> {
        let fitted = self.fit(what, &round.train)?;
        let logits = self.logits(&fitted, &round.score)?;
        let distances = match compare {
            true => self
                .reference(&fitted, &round.train, seed)?
                .map(|reference| Ok::<_, Error>(reference.distances(&self.features(&fitted, &round.score)?))),
            false => None,
        };
        Ok(RoundAnswers { logits, distances: distances.transpose()?, history: fitted.history })
    }
    /// What pictures are compared with to tell those unlike `train`; nothing where it cannot compare pictures.
    fn reference(&self, fitted: &Fitted, train: &[usize], seed: u64) -> Result<Option<Reference>, Error> {
        let kept = unlike::kept(&self.learned(train), fitted.net.feature_len(), seed);
        let features = self.features(fitted, &kept)?;
        Ok((!features.is_empty()).then(|| Reference::new(&features, features.len() / kept.len())))
    }
    /// Logits `[N, K]` of pictures under what it learned.
    fn logits(&self, fitted: &Fitted, pictures: &[usize]) -> Result<Vec<f32>, Error>;
    /// Whether learning takes so long that it is judged by few folds, once.
    fn is_dear(&self) -> bool {
        false
    }
    /// Itself where it is a head on fixed features, which other heads can be fitted to.
    fn probe(&self) -> Option<&Probe<'_>> {
        None
    }
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

    /// A net of these classes for such pictures.
    fn config(&self, name: &str, preprocess: &Preprocess) -> Result<NetConfig, Error> {
        let mut config = NetConfig::new(name, self.classes())?;
        config.in_channels = preprocess.channels();
        config.image_size = preprocess.size;
        Ok(config)
    }

    fn infer<'b>(
        &'b self,
        preprocess: &'b Preprocess,
        pictures: &'b [usize],
        cache: Option<&'b UnitCache>,
    ) -> InferSpec<'b> {
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
        Ok(Fitted { config, preprocess, features: None, net, history: Vec::new(), learned_from: train.len() })
    }

    fn logits(&self, fitted: &Fitted, pictures: &[usize]) -> Result<Vec<f32>, Error> {
        let tensors = named_tensors(&fitted.net);
        Ok(tensors["fc.bias"].values.repeat(pictures.len()))
    }
}
