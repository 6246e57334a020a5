//! Pictures to vectors: raw pixels, hand-made features, or what the last layer of a net sees.
//!
//! A vector depends on its picture alone, and on what makes it: [`Encoder::id`] names that, for caches.

use std::path::Path;

use burn::tensor::{Device, Tensor, TensorData};
use striate_data::preprocess::{Colour, Filter, Preprocess, Resize, ValueRange};
use striate_nn::{Frozen, pretrained};
use striate_train::fit::FitError;
use striate_vision::array::Array;
use striate_vision::cells::Grid;
use striate_vision::edges::{EdgeOptions, edge_histograms};
use striate_vision::hog::{HogOptions, hog};

use crate::error::Error;
use crate::predictor::Predictor;
use crate::{input, model_file};

/// What makes vectors without a model file.
pub const NAMES: [&str; 5] = ["pixels", "edges", "hog", "efficientnet_lite0", "squeezenet1_1"];

/// Side of the pictures that hand-made features look at, and of raw pixels.
const HAND_SIDE: usize = 64;
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
    /// Histograms of edge orientations, 8 in each of 4 x 4 cells.
    Edges,
    /// Dalal and Triggs 2005, as scikit-image has it.
    Hog,
    Net(Box<Frozen>, Device),
}

impl Encoder {
    /// By one of [`NAMES`], or a model file or run folder.
    pub fn open(with: &str) -> Result<Self, Error> {
        let gray = Preprocess {
            colour: Colour::Gray,
            range: ValueRange::Dtype,
            resize: Resize::Stretch,
            size: [HAND_SIDE; 2],
            filter: Filter::Bilinear,
            mean: vec![0.0],
            std: vec![1.0],
        };
        let of = |kind, preprocess| Self { id: format!("{with} 1"), preprocess, kind };
        match with {
            "pixels" => {
                let colours = Preprocess { colour: Colour::Rgb, mean: vec![0.0; 3], std: vec![1.0; 3], ..gray };
                Ok(of(Kind::Pixels, Preprocess { size: [PIXEL_SIDE; 2], ..colours }))
            }
            "edges" => Ok(of(Kind::Edges, gray)),
            "hog" => Ok(of(Kind::Hog, gray)),
            name => match pretrained::find(name) {
                Some(weights) => {
                    let device = Device::flex();
                    let net = Frozen::new(weights.init(&device)?);
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
        let Predictor { manifest, net, device, .. } = Predictor::open(path)?;
        let file = model_file::model_path(path);
        let bytes = std::fs::read(&file).map_err(Error::reading(&file))?;
        let id = format!("model {}", blake3::hash(&bytes).to_hex());
        Ok(Self { id, preprocess: manifest.preprocess, kind: Kind::Net(Box::new(net), device) })
    }

    /// Pictures that are encoded at a time.
    pub fn batch(&self) -> usize {
        BATCH
    }

    /// The vectors of pictures that went through the preprocessing, one after another.
    pub fn encode(&self, prepared: &[Vec<f32>]) -> Result<Vec<f32>, Error> {
        let [h, w] = self.preprocess.size;
        let each = |f: &dyn Fn(&Array) -> Result<Array, striate_vision::error::Error>| {
            let rows = prepared.iter().map(|unit| Ok(f(&Array::new(vec![h, w], unit.clone()))?.into_values()));
            Ok::<_, Error>(rows.collect::<Result<Vec<_>, Error>>()?.concat())
        };
        let rows = match &self.kind {
            Kind::Pixels => prepared.concat(),
            Kind::Edges => {
                let options = EdgeOptions { orientations: 8, grid: Grid { rows: 4, columns: 4 } };
                each(&|picture| edge_histograms(picture, &options))?
            }
            Kind::Hog => each(&|picture| hog(picture, &HogOptions::default()))?,
            Kind::Net(net, device) => {
                let shape = [prepared.len(), self.preprocess.channels(), h, w];
                let x = Tensor::<4>::from_data(TensorData::new(prepared.concat(), shape), device); // [N, C, H, W]
                net.features(x).into_data().try_into_vec::<f32>().expect("a net computes in f32") // [N, D]
            }
        };
        if rows.iter().all(|v| v.is_finite()) { Ok(rows) } else { Err(FitError::NoNumber.into()) }
    }
}
