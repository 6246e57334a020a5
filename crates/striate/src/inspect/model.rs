//! What a model file says: layers with shapes and parameters, preprocessing, provenance, metrics.

use std::path::Path;

use burn::module::Module;
use striate_data::preprocess::{Colour, Preprocess, Resize, ValueRange};
use striate_nn::weights::{Parameter, is_running, parameters};
use striate_train::coder_manifest::CoderManifest;
pub use striate_train::manifest::Provenance;
use striate_train::manifest::{HandMade, Manifest};
use striate_train::restorer_manifest::RestorerManifest;

use crate::coder::CoderModel;
use crate::error::Error;
use crate::inspect::Inspection;
use crate::model_file::{Weights, model_path, weights};
use crate::predictor::Predictor;
use crate::restorer::RestorerModel;

/// A model file.
#[derive(Clone, Debug, serde::Serialize)]
pub struct ModelInfo {
    /// The file.
    pub file: String,
    /// Its size.
    pub bytes: u64,
    /// What it says of itself.
    pub manifest: Manifest,
    /// How a picture becomes the net's input, in words.
    pub preparation: String,
    /// Learned parameters.
    pub parameters: usize,
    /// Multiply-adds for one picture.
    pub multiply_adds: u64,
    /// In the order of the net.
    pub layers: Vec<Layer>,
}

/// The file of a restorer.
#[derive(Clone, Debug, serde::Serialize)]
pub struct RestorerInfo {
    /// The file.
    pub file: String,
    /// Its size.
    pub bytes: u64,
    /// What it says of itself.
    pub manifest: RestorerManifest,
    /// Learned parameters.
    pub parameters: usize,
    /// In the order of the net.
    pub layers: Vec<Layer>,
}

/// The file of an autoencoder.
#[derive(Clone, Debug, serde::Serialize)]
pub struct CoderInfo {
    /// The file.
    pub file: String,
    /// Its size.
    pub bytes: u64,
    /// What it says of itself.
    pub manifest: CoderManifest,
    /// How a picture becomes what is encoded, in words.
    pub preparation: String,
    /// Learned parameters.
    pub parameters: usize,
    /// Encoder, then decoder.
    pub layers: Vec<Layer>,
}

/// One layer that has parameters.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Layer {
    /// Its path.
    pub name: String,
    /// Its learned tensors and running statistics with their shapes.
    pub tensors: Vec<(String, Vec<usize>)>,
    /// Learned parameters.
    pub parameters: usize,
}

pub(super) fn inspect(path: &Path) -> Result<Inspection, Error> {
    let file = model_path(path);
    let bytes = std::fs::metadata(&file).map_err(Error::reading(&file))?.len();
    match weights(&file)? {
        Weights::Coder(manifest, tensors) => {
            let model = CoderModel::new(&file, *manifest, &tensors)?;
            let layers = layers(model.coder());
            return Ok(Inspection::Coder(CoderInfo {
                file: file.display().to_string(),
                bytes,
                preparation: pixels(&model.manifest.preprocess),
                parameters: layers.iter().map(|layer| layer.parameters).sum(),
                layers,
                manifest: model.manifest,
            }));
        }
        Weights::Restorer(manifest, tensors) => {
            let model = RestorerModel::new(&file, *manifest, &tensors)?;
            let layers = layers(model.net());
            return Ok(Inspection::Restorer(RestorerInfo {
                file: file.display().to_string(),
                bytes,
                parameters: layers.iter().map(|layer| layer.parameters).sum(),
                layers,
                manifest: model.manifest,
            }));
        }
        Weights::Own(..) | Weights::Foreign(_) => {}
    }
    let predictor = Predictor::open(&file)?;
    Ok(Inspection::Model(ModelInfo {
        file: file.display().to_string(),
        bytes,
        preparation: preparation(&predictor.manifest),
        parameters: predictor.net().parameter_count(),
        multiply_adds: predictor.manifest.net.forward_macs()?,
        layers: layers(predictor.net()),
        manifest: predictor.manifest,
    }))
}

/// `rgb, 0.875 of the largest centred part of the right shape, resized to 224x224 (bicubic); ...`.
fn preparation(manifest: &Manifest) -> String {
    let pixels = pixels(&manifest.preprocess);
    match manifest.features {
        None => pixels,
        Some(HandMade::EdgesHog) => {
            format!("{pixels}; then edge histograms and HOG, {} features", HandMade::EdgesHog.columns())
        }
    }
}

fn pixels(preprocess: &Preprocess) -> String {
    let colour = match preprocess.colour {
        Colour::Gray => "gray",
        Colour::Rgb => "rgb",
        Colour::Bgr => "bgr",
    };
    let part = match preprocess.resize {
        Resize::Stretch => "the whole picture stretched".to_string(),
        Resize::CropCentre { fraction: 1.0 } => "the largest centred part of the right shape".to_string(),
        Resize::CropCentre { fraction } => {
            format!("{fraction} of the largest centred part of the right shape")
        }
        Resize::Pad { fill } => format!("the whole picture on a ground of {fill}"),
    };
    let range = match preprocess.range {
        ValueRange::Dtype => "values by their type".to_string(),
        ValueRange::Fixed { low, high } => format!("values from {low} to {high}"),
    };
    let [h, w] = preprocess.size;
    let filter = format!("{:?}", preprocess.filter).to_lowercase();
    let numbers = |values: &[f32]| values.iter().map(|v| format!("{v:.3}")).collect::<Vec<_>>().join(" ");
    let (mean, std) = (numbers(&preprocess.mean), numbers(&preprocess.std));
    format!("{colour}, {part}, resized to {w}x{h} ({filter}); {range} to 0..1, minus {mean}, divided by {std}")
}

fn layers(net: &impl Module) -> Vec<Layer> {
    let mut layers: Vec<Layer> = Vec::new();
    for Parameter { path, shape, .. } in parameters(net) {
        let (layer, tensor) = path.rsplit_once('.').unwrap_or(("", &path));
        if layers.last().is_none_or(|last| last.name != layer) {
            layers.push(Layer { name: layer.to_string(), tensors: Vec::new(), parameters: 0 });
        }
        if let Some(last) = layers.last_mut() {
            last.parameters += if is_running(&path) { 0 } else { shape.iter().product() };
            last.tensors.push((tensor.to_string(), shape));
        }
    }
    layers
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;
    use striate_nn::NetConfig;

    #[test]
    fn layers_come_in_the_net_s_order_and_sum_up() {
        let net = NetConfig::new("lenet5", 10).and_then(|config| config.init_zeros(&Device::flex())).expect("builds");
        let layers = layers(&net);
        assert_eq!(layers.iter().map(|layer| layer.parameters).sum::<usize>(), net.parameter_count());
        assert_eq!(layers[0].tensors[0].0, "weight");
        assert_eq!(layers[0].tensors[0].1.len(), 4, "a convolution first: {:?}", layers[0]);
    }
}
