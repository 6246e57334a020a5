//! The net that is looked at, its convolutions and what they see.

use std::path::Path;

use burn::module::ParamId;
use burn::tensor::{Device, Tensor, TensorData};
use striate_data::preprocess::{Preprocess, ValueRange};
use striate_engine::device::chosen;
use striate_nn::watch::{ConvLayer, Field, Seen, Watch};
use striate_nn::weights::{load_named, named_tensors};
use striate_nn::{Frozen, Net, Pass, pretrained};
use striate_train::explain::Sight;

use crate::error::Error;
use crate::foreign::{self, Foreign};
use crate::input;
use crate::model_file::{self, Weights};

/// A net, ready to be looked at.
pub(crate) struct Subject {
    /// What it is called.
    pub name: String,
    /// Names of its classes; empty where nobody says.
    pub classes: Vec<String>,
    /// Picture to input.
    pub preprocess: Preprocess,
    /// In the order in which a picture meets them.
    pub layers: Vec<Layer>,
    net: Frozen,
    outputs: usize,
    device: Device,
}

/// A convolution.
pub(crate) struct Layer {
    /// Where it stands in the net: `layer1.0.conv1`.
    pub path: String,
    /// Of its weights.
    pub id: ParamId,
    /// Its weights, `[C_out, C_in / groups, K, K]`.
    pub weights: Vec<f32>,
    /// C_out, C_in / groups, K, K.
    pub weight_shape: [usize; 4],
    /// C, H, W of what it gives.
    pub shape: [usize; 3],
    /// What each unit of a channel sees.
    pub fields: Vec<Field>,
}

/// What a batch of pictures made of a net.
pub(crate) struct Run {
    /// Of each layer, `[N, C, H, W]`.
    pub outputs: Vec<Vec<f32>>,
    /// What the last layer sees, `[N, D]`.
    pub features: Vec<f32>,
    /// `[N, K]`.
    pub logits: Vec<f32>,
}

impl Layer {
    /// Multiply-adds of one picture in it.
    pub fn macs(&self) -> f64 {
        let [_, h, w] = self.shape;
        self.weights.len() as f64 * (h * w) as f64
    }
}

impl Subject {
    /// A model file, a run folder, foreign weights with their `config.json`, or the name of a net that comes with its weights.
    pub fn open(model: &str) -> Result<Self, Error> {
        let device = chosen();
        if let Some(weights) = pretrained::find(model) {
            let net = weights.init(&device)?;
            let preprocess = input::of_pretrained(&weights.input, ValueRange::Dtype);
            return Self::new(model.into(), net, Vec::new(), preprocess, device);
        }
        let path = Path::new(model);
        if !path.exists() {
            let what = format!("there is no model {model}");
            return Err(Error::request(
                what,
                "give a model file, the folder of a run, efficientnet_lite0 or squeezenet1_1",
            ));
        }
        let file = model_file::model_path(path);
        let not_this = |why: &str| Error::NotAModel {
            path: file.clone(),
            why: why.into(),
            advice: "give a net that tells classes: one of `striate train`, efficientnet_lite0 or squeezenet1_1",
        };
        match model_file::weights(path)? {
            Weights::Own(manifest, mut tensors) => {
                let _reference = crate::audit::unlike::Reference::take_from(&mut tensors);
                let in_file = |source| Error::Weights { path: file.clone(), source };
                let net = manifest.net.init_zeros(&device).map_err(in_file)?;
                let net = load_named(net, &tensors).map_err(in_file)?;
                Self::new(manifest.net.name.clone(), net, manifest.classes.clone(), manifest.preprocess.clone(), device)
            }
            Weights::Foreign(tensors) => {
                let Foreign { net, preprocess } = foreign::open(&file, &tensors, &device)?;
                Self::new(file.display().to_string(), net, Vec::new(), preprocess, device)
            }
            Weights::Coder(..) => Err(not_this("this is an autoencoder, whose report shows what its numbers mean")),
            Weights::Restorer(..) => Err(not_this("this net restores pictures, and tells no classes")),
        }
    }

    fn new(
        name: String,
        net: Net,
        classes: Vec<String>,
        preprocess: Preprocess,
        device: Device,
    ) -> Result<Self, Error> {
        let convs = net.conv_layers();
        if convs.is_empty() {
            let what = format!("{name} has no convolutions, and there is nothing to see");
            return Err(Error::request(what, "give a convolutional net, such as efficientnet_lite0"));
        }
        let tensors = named_tensors(&net);
        let seen = net.fields(preprocess.channels(), preprocess.size, &device);
        let layer = |fields: striate_nn::watch::Fields| {
            let ConvLayer { path, id, shape } = convs.iter().find(|conv| conv.id == fields.id)?.clone();
            let weights = tensors.get(&format!("{path}.weight"))?.values.clone();
            Some(Layer { path, id, weights, weight_shape: shape, shape: fields.shape, fields: fields.fields })
        };
        let layers = seen.into_iter().filter_map(layer).collect();
        let outputs = tensors.get(&format!("{}.weight", net.last_layer())).map_or(0, |weight| weight.shape[0]);
        Ok(Self { name, classes, preprocess, layers, net: Frozen::new(net), outputs, device })
    }

    /// Runs prepared pictures, each `[C, H, W]`, through the net.
    pub fn run(&self, prepared: &[&[f32]]) -> Run {
        let [h, w] = self.preprocess.size;
        let shape = [prepared.len(), self.preprocess.channels(), h, w];
        let x = Tensor::<4>::from_data(TensorData::new(prepared.concat(), shape), &self.device); // [N, C, H, W]
        let watch = Watch::all(self.net.plan());
        let (features, logits) = self.net.net().features_and_logits(x, &Pass::Watch(&watch));
        let values = |Seen { output, .. }: Seen| numbers(output);
        // What comes after the features (a head that is a convolution) sees no part of the picture of its own.
        let outputs = watch.take().into_iter().take(self.layers.len()).map(values).collect();
        Run { outputs, features: numbers(features), logits: numbers(logits) }
    }

    /// The net, to be asked for gradients.
    pub fn sight(&self) -> Sight<'_> {
        Sight { net: &self.net, preprocess: &self.preprocess, device: &self.device }
    }

    /// Of all weights and the way to the input: an atlas of another net begins anew.
    pub fn fingerprint(&self) -> blake3::Hash {
        let mut hash = blake3::Hasher::new();
        for (path, tensor) in named_tensors(self.net.net()) {
            hash.update(path.as_bytes());
            tensor.values.iter().for_each(|value| _ = hash.update(&value.to_le_bytes()));
        }
        hash.update(format!("{:?}", self.preprocess).as_bytes());
        hash.finalize()
    }

    /// How many classes it tells.
    pub fn class_count(&self) -> usize {
        self.outputs
    }

    /// The class that a row of logits names: its name, or its number.
    pub fn class_name(&self, class: usize) -> String {
        self.classes.get(class).cloned().unwrap_or_else(|| format!("class {class}"))
    }
}

fn numbers<const D: usize>(x: Tensor<D>) -> Vec<f32> {
    x.into_data().try_into_vec::<f32>().expect("a net computes in f32")
}
