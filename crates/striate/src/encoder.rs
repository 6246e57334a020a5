//! Pictures to vectors: raw pixels, hand-made features, or what the last layer of a net sees.
//!
//! A vector depends on its picture alone, and on what makes it: [`Encoder::id`] names that, for caches.

use std::path::Path;

use burn::tensor::{Device, Tensor, TensorData};
use rayon::prelude::*;
use striate_data::preprocess::{Colour, Preprocess, ValueRange};
use striate_engine::device::chosen;
use striate_nn::{Frozen, pretrained};
use striate_train::fit::FitError;

use crate::coder::CoderModel;
use crate::error::Error;
use crate::foreign::Foreign;
use crate::model_file::Weights;
use crate::predictor::Predictor;
use crate::{foreign, hand_made, input, model_file};

/// What makes vectors without a model file.
pub const NAMES: [&str; 6] =
    ["pixels", "edges", "hog", "efficientnet_lite0", "efficientnet_lite0_stages", "squeezenet1_1"];
/// What ends the name of a net whose features are pooled after every stage.
const STAGES: &str = "_stages";

/// Side of raw pixels.
const PIXEL_SIDE: usize = 32;
/// Pictures at a time.
const BATCH: usize = 16;

/// A way from a picture to a vector.
pub struct Encoder {
    /// What makes the vectors, whole: two encoders of one id make the same.
    pub id: String,
    /// Picture to input.
    pub preprocess: Preprocess,
    kind: Kind,
}

enum Kind {
    Pixels,
    /// One of the hand-made features.
    HandMade(fn(&[f32]) -> Vec<f32>),
    Net(Box<Frozen>, Device),
    Model(Box<Predictor>),
    Coder(Box<CoderModel>),
}

impl Encoder {
    /// By one of [`NAMES`], or a model file or run folder.
    pub fn open(with: &str) -> Result<Self, Error> {
        let gray = hand_made::preprocess(ValueRange::Dtype);
        let of = |kind, preprocess| Self { id: format!("{with} 1"), preprocess, kind };
        match with {
            "pixels" => {
                let colours = Preprocess { colour: Colour::Rgb, mean: vec![0.0; 3], std: vec![1.0; 3], ..gray };
                Ok(of(Kind::Pixels, Preprocess { size: [PIXEL_SIDE; 2], ..colours }))
            }
            "edges" => Ok(of(Kind::HandMade(hand_made::edges), gray)),
            "hog" => Ok(of(Kind::HandMade(hand_made::gradients), gray)),
            name => match NAMES.contains(&name).then(|| pretrained::find(name.trim_end_matches(STAGES))).flatten() {
                Some(weights) => {
                    let device = chosen();
                    let stages = name.ends_with(STAGES);
                    let net =
                        Frozen::new(if stages { weights.init_stages(&device)? } else { weights.init(&device)? });
                    let preprocess = input::of_pretrained(&weights.input, ValueRange::Dtype);
                    Ok(of(Kind::Net(Box::new(net), device), preprocess))
                }
                None => Self::of_model(with),
            },
        }
    }

    fn of_model(with: &str) -> Result<Self, Error> {
        let path = Path::new(with);
        if !path.exists() {
            let what = format!("there is nothing called {with} to make vectors with");
            let advice = format!("give a model file, the folder of a run, or one of {}, pca", NAMES.join(", "));
            return Err(Error::request(what, advice));
        }
        let weights = model_file::weights(path)?;
        let file = model_file::model_path(path);
        let bytes = std::fs::read(&file).map_err(Error::reading(&file))?;
        let digest = blake3::hash(&bytes).to_hex();
        match weights {
            Weights::Own(manifest, tensors) => {
                let model = Predictor::new(path, *manifest, tensors)?;
                let (id, preprocess) = (format!("model {digest}"), model.manifest.preprocess.clone());
                Ok(Self { id, preprocess, kind: Kind::Model(Box::new(model)) })
            }
            Weights::Coder(manifest, tensors) => {
                let model = CoderModel::new(path, *manifest, &tensors)?;
                let (id, preprocess) = (format!("model {digest}"), model.manifest.preprocess.clone());
                Ok(Self { id, preprocess, kind: Kind::Coder(Box::new(model)) })
            }
            Weights::Restorer(..) => {
                let why = "this is a net that restores pictures, which makes no vectors".into();
                let advice = "give a classifier, an autoencoder, or one of the names that `embed --help` lists";
                Err(Error::NotAModel { path: file, why, advice })
            }
            Weights::Foreign(tensors) => {
                let device = chosen();
                let Foreign { net, preprocess } = foreign::open(&file, &tensors, &device)?;
                let id = format!("weights {digest} {preprocess:?}");
                Ok(Self { id, preprocess, kind: Kind::Net(Box::new(Frozen::new(net)), device) })
            }
        }
    }

    /// Pictures that are encoded at a time.
    pub fn batch(&self) -> usize {
        BATCH
    }

    /// The vectors of pictures that went through the preprocessing, one after another.
    pub fn encode(&self, prepared: &[Vec<f32>]) -> Result<Vec<f32>, Error> {
        let batch = |device: &Device| {
            let [h, w] = self.preprocess.size;
            let shape = [prepared.len(), self.preprocess.channels(), h, w];
            Tensor::<4>::from_data(TensorData::new(prepared.concat(), shape), device) // [N, C, H, W]
        };
        let values = |x: Tensor<2>| x.into_data().try_into_vec::<f32>().expect("a net computes in f32"); // [N, D]
        let rows = match &self.kind {
            Kind::Pixels => prepared.concat(),
            Kind::HandMade(make) => prepared.par_iter().map(|picture| make(picture)).collect::<Vec<_>>().concat(),
            Kind::Net(net, device) => values(net.features(batch(device))),
            Kind::Model(model) => values(model.features(batch(&model.device))),
            Kind::Coder(model) => model.encode(&prepared.concat())?,
        };
        if rows.iter().all(|v| v.is_finite()) { Ok(rows) } else { Err(FitError::NoNumber.into()) }
    }
}
