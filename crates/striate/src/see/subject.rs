//! The net that is looked at, its convolutions and what they see.

use std::path::Path;

use burn::module::ParamId;
use burn::tensor::{Device, Tensor, TensorData};
use striate_data::preprocess::{Preprocess, ValueRange};
use striate_engine::device::chosen;
use striate_nn::watch::{ConvLayer, Field, Seen, Watch};
use striate_nn::weights::{load_named, named_tensors};
use striate_nn::{Frozen, Net, Pass, Viewed, pretrained};
use striate_train::explain::Sight;

use crate::error::Error;
use crate::foreign::{self, Foreign};
use crate::input;
use crate::model_file::{self, Weights};

/// Side of the pictures that a restorer, which takes any, is looked at with, in pixels.
const RESTORED: usize = 128;

/// A net, ready to be looked at.
pub(crate) struct Subject {
    /// What it is called.
    pub name: String,
    /// What its answers are.
    pub answers: Answers,
    /// Names of its classes; empty where nobody says.
    pub classes: Vec<String>,
    /// Picture to input.
    pub preprocess: Preprocess,
    /// In the order in which a picture meets them.
    pub layers: Vec<Layer>,
    /// The first of them as patterns of pixels.
    pub filters: Filters,
    net: Frozen<Viewed>,
    outputs: usize,
    device: Device,
}

/// What a net answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answers {
    /// A number for each class.
    Classes,
    /// The numbers of a code.
    Code,
    /// A picture.
    Picture,
}

/// Filters of a first layer, which pixels go into.
pub(crate) struct Filters {
    /// `[count, channels, side, side]`.
    pub weights: Vec<f32>,
    /// How many.
    pub count: usize,
    /// Channels of the picture.
    pub channels: usize,
    /// Pixels of a side.
    pub side: usize,
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
    /// `[N, K]`; empty where the net tells no classes.
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
            let outputs = classes(&net);
            return Self::new(model.into(), net.into(), (Answers::Classes, outputs, Vec::new()), preprocess, device);
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
        let in_file = |source| Error::Weights { path: file.clone(), source };
        match model_file::weights(path)? {
            Weights::Own(manifest, mut tensors) => {
                let _reference = crate::audit::unlike::Reference::take_from(&mut tensors);
                let net = manifest.net.init_zeros(&device).map_err(in_file)?;
                let net = load_named(net, &tensors).map_err(in_file)?;
                let told = (Answers::Classes, classes(&net), manifest.classes.clone());
                Self::new(manifest.net.name.clone(), net.into(), told, manifest.preprocess.clone(), device)
            }
            Weights::Foreign(tensors) => {
                let Foreign { net, preprocess } = foreign::open(&file, &tensors, &device)?;
                let told = (Answers::Classes, classes(&net), Vec::new());
                Self::new(file.display().to_string(), net.into(), told, preprocess, device)
            }
            Weights::Coder(manifest, tensors) => {
                let coder = manifest.coder.init_zeros(&device).map_err(in_file)?;
                let coder = load_named(coder, &tensors).map_err(in_file)?;
                let told = (Answers::Code, manifest.coder.code, Vec::new());
                Self::new(manifest.coder.name, Viewed::Encoder(coder), told, manifest.preprocess, device)
            }
            Weights::Restorer(manifest, tensors) => {
                let net = manifest.restorer.init_zeros(&device).map_err(in_file)?;
                let net = load_named(net, &tensors).map_err(in_file)?;
                let of_channels =
                    if manifest.restorer.in_channels == 1 { Preprocess::gray() } else { Preprocess::rgb() };
                let (channels, size) = (manifest.restorer.in_channels, [RESTORED; 2]);
                let preprocess =
                    Preprocess { size, mean: vec![0.0; channels], std: vec![1.0; channels], ..of_channels };
                let net = Viewed::Restorer { net, map: manifest.damage.usual_map() };
                Self::new(manifest.restorer.name, net, (Answers::Picture, 0, Vec::new()), preprocess, device)
            }
        }
    }

    fn new(
        name: String,
        net: Viewed,
        (answers, outputs, classes): (Answers, usize, Vec<String>),
        preprocess: Preprocess,
        device: Device,
    ) -> Result<Self, Error> {
        let convs = net.conv_layers();
        let tensors = net.named_tensors();
        let seen =
            if convs.is_empty() { Vec::new() } else { net.fields(preprocess.channels(), preprocess.size, &device) };
        let layer = |fields: striate_nn::watch::Fields| {
            let ConvLayer { path, id, shape } = convs.iter().find(|conv| conv.id == fields.id)?.clone();
            let weights = tensors.get(&format!("{path}.weight"))?.values.clone();
            Some(Layer { path, id, weights, weight_shape: shape, shape: fields.shape, fields: fields.fields })
        };
        let layers: Vec<Layer> = seen.into_iter().filter_map(layer).collect();
        let Some(first) = layers.first() else {
            let what = format!("{name} has no convolutions, and there is nothing to see");
            return Err(Error::request(what, "give a convolutional net, such as efficientnet_lite0"));
        };
        let beside = usize::from(matches!(net, Viewed::Restorer { map: Some(_), .. }));
        let filters = Filters::of(first, preprocess.channels(), beside);
        Ok(Self { name, answers, classes, preprocess, layers, filters, net: Frozen::new(net), outputs, device })
    }

    /// Runs prepared pictures, each `[C, H, W]`, through the net.
    pub fn run(&self, prepared: &[&[f32]]) -> Run {
        let [h, w] = self.preprocess.size;
        let shape = [prepared.len(), self.preprocess.channels(), h, w];
        let x = Tensor::<4>::from_data(TensorData::new(prepared.concat(), shape), &self.device); // [N, C, H, W]
        let watch = Watch::all(self.net.plan());
        let (features, answers) = self.net.net().features_and_answers(x, &Pass::Watch(&watch));
        let values = |Seen { output, .. }: Seen| numbers(output);
        // What comes after the features (a head that is a convolution) sees no part of the picture of its own.
        let outputs = watch.take().into_iter().take(self.layers.len()).map(values).collect();
        let logits = answers.filter(|_| self.tells_classes()).map(numbers).unwrap_or_default();
        Run { outputs, features: numbers(features), logits }
    }

    /// The net, to be asked for gradients.
    pub fn sight(&self) -> Sight<'_> {
        Sight { net: &self.net, preprocess: &self.preprocess, device: &self.device }
    }

    /// Of all weights and the way to the input: an atlas of another net begins anew.
    pub fn fingerprint(&self) -> blake3::Hash {
        let mut hash = blake3::Hasher::new();
        for (path, tensor) in self.net.net().named_tensors() {
            hash.update(path.as_bytes());
            tensor.values.iter().for_each(|value| _ = hash.update(&value.to_le_bytes()));
        }
        hash.update(format!("{:?}", self.preprocess).as_bytes());
        hash.finalize()
    }

    /// Whether it says what a picture shows.
    pub fn tells_classes(&self) -> bool {
        self.answers == Answers::Classes
    }

    /// How many classes it tells, or numbers a code has.
    pub fn class_count(&self) -> usize {
        self.outputs
    }

    /// The class that a row of logits names: its name, or its number; or a number of a code.
    pub fn class_name(&self, class: usize) -> String {
        let word = if self.tells_classes() { "class" } else { "number" };
        self.classes.get(class).cloned().unwrap_or_else(|| format!("{word} {class}"))
    }
}

impl Filters {
    /// Of a layer that sees a picture of so many channels and planes beside it, or the squares of these as channels
    /// ([`striate_engine::ops::pixel_unshuffle`]); planes beside are left out.
    fn of(layer: &Layer, channels: usize, beside: usize) -> Self {
        let [count, c_in, kernel, _] = layer.weight_shape;
        let planes = channels + beside;
        let factor = (1..=c_in).find(|factor| factor * factor * planes == c_in);
        let (factor, channels) = factor.map_or((1, c_in), |factor| (factor, channels));
        let side = kernel * factor;
        let mut weights = Vec::with_capacity(count * channels * side * side);
        for filter in layer.weights.chunks_exact(c_in * kernel * kernel) {
            for at in 0..channels * side * side {
                let (channel, y, x) = (at / (side * side), at / side % side, at % side);
                let square = (channel * factor + y % factor) * factor + x % factor;
                weights.push(filter[(square * kernel + y / factor) * kernel + x / factor]);
            }
        }
        Self { weights, count, channels, side }
    }
}

/// The classes that a net tells.
fn classes(net: &Net) -> usize {
    named_tensors(net).get(&format!("{}.weight", net.last_layer())).map_or(0, |weight| weight.shape[0])
}

fn numbers<const D: usize>(x: Tensor<D>) -> Vec<f32> {
    x.into_data().try_into_vec::<f32>().expect("a net computes in f32")
}
