//! Weights from another program: names as timm's or torchvision's, and beside them the `config.json` that timm writes, which says
//! what net it is and how pictures were prepared. Neither is ever guessed.

use std::path::Path;

use burn::tensor::Device;
use serde::Deserialize;
use striate_data::preprocess::{Colour, Filter, Preprocess, Resize, ValueRange};
use striate_nn::weights::{NamedTensors, load_named};
use striate_nn::{Net, NetConfig, Variant};

use crate::error::Error;

/// What stands beside the weights.
const CONFIG: &str = "config.json";
/// Bytes of it at most.
const MAX_CONFIG_BYTES: u64 = 1 << 20;

/// A net as it was trained elsewhere, and what it wants to see.
pub(crate) struct Foreign {
    pub(crate) net: Net,
    pub(crate) preprocess: Preprocess,
}

/// timm's `config.json`: the input stands under `pretrained_cfg`, or, in older files, beside the architecture.
#[derive(Deserialize)]
struct Config {
    architecture: String,
    pretrained_cfg: Option<Input>,
    #[serde(flatten)]
    beside: Partial,
}

#[derive(Deserialize)]
struct Input {
    input_size: [usize; 3],
    mean: [f32; 3],
    std: [f32; 3],
    crop_pct: f32,
    interpolation: Interpolation,
}

/// What an old file may hold beside the architecture.
#[derive(Deserialize)]
struct Partial {
    input_size: Option<[usize; 3]>,
    mean: Option<[f32; 3]>,
    std: Option<[f32; 3]>,
    crop_pct: Option<f32>,
    interpolation: Option<Interpolation>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Interpolation {
    Bilinear,
    Bicubic,
}

/// Opens the weights at `path`, which hold no manifest of ours.
pub(crate) fn open(path: &Path, weights: &NamedTensors, device: &Device) -> Result<Foreign, Error> {
    let beside = path.with_file_name(CONFIG);
    let (name, variant, input) = config(&beside)?;
    let wrong = |why: String| Error::File { path: beside.clone(), why };
    let preprocess = input.preprocess();
    preprocess.check().map_err(|e| wrong(format!("{e}; correct it")))?;
    let in_file = |source| Error::Weights { path: path.to_path_buf(), source };
    let of = |classes| {
        NetConfig::new(&name, classes).map(|config| NetConfig { image_size: preprocess.size, variant, ..config })
    };
    let last = of(1).and_then(|config| config.init_zeros(device)).map_err(|e| wrong(format!("`architecture`: {e}")))?;
    let last = format!("{}.weight", last.last_layer());
    let Some(classes) = weights.get(&last).and_then(|tensor| tensor.shape.first()) else {
        let why = format!("it has no tensor `{last}`, the last layer of {name}; are these weights of another net?");
        return Err(Error::File { path: path.to_path_buf(), why });
    };
    let net = of(*classes).and_then(|config| config.init_zeros(device)).map_err(in_file)?;
    Ok(Foreign { net: load_named(net, weights).map_err(in_file)?, preprocess })
}

/// The net's name here and its form, and how its pictures are prepared.
fn config(path: &Path) -> Result<(String, Variant, Input), Error> {
    let wrong = |why: String| Error::File { path: path.to_path_buf(), why };
    if !path.is_file() {
        let why = "there is no such file, and the weights do not say of what net they are or how its pictures were prepared; \
                   write it, with the numbers that the net was trained with, as {\"architecture\": \"resnet18\", \
                   \"pretrained_cfg\": {\"input_size\": [3, 224, 224], \"mean\": [0.485, 0.456, 0.406], \
                   \"std\": [0.229, 0.224, 0.225], \"crop_pct\": 0.875, \"interpolation\": \"bilinear\"}}";
        return Err(wrong(why.to_owned()));
    }
    if std::fs::metadata(path).map_err(Error::reading(path))?.len() > MAX_CONFIG_BYTES {
        return Err(wrong("it is larger than 1 MiB, no config.json of timm's".to_owned()));
    }
    let text = std::fs::read_to_string(path).map_err(Error::reading(path))?;
    let Config { architecture, pretrained_cfg, beside } =
        serde_json::from_str(&text).map_err(|e| wrong(format!("not a config.json as timm writes it: {e}")))?;
    let missing = |field: &str| wrong(format!("it has no `pretrained_cfg.{field}`; add what the net was trained with"));
    let input = match pretrained_cfg {
        Some(input) => input,
        None => Input {
            input_size: beside.input_size.ok_or_else(|| missing("input_size"))?,
            mean: beside.mean.ok_or_else(|| missing("mean"))?,
            std: beside.std.ok_or_else(|| missing("std"))?,
            crop_pct: beside.crop_pct.ok_or_else(|| missing("crop_pct"))?,
            interpolation: beside.interpolation.ok_or_else(|| missing("interpolation"))?,
        },
    };
    if input.input_size[0] != 3 {
        return Err(wrong(format!("`input_size` has {} channels; only nets on RGB are read", input.input_size[0])));
    }
    if !(0.01..=1.0).contains(&input.crop_pct) {
        return Err(wrong(format!("`crop_pct` is {}; it must be from 0.01 to 1", input.crop_pct)));
    }
    // timm calls TensorFlow's weights, with its padding, by this prefix.
    match architecture.strip_prefix("tf_") {
        Some(name) => Ok((name.to_owned(), Variant::Published, input)),
        None => Ok((architecture, Variant::Torch, input)),
    }
}

impl Input {
    fn preprocess(&self) -> Preprocess {
        let [_, h, w] = self.input_size;
        Preprocess {
            colour: Colour::Rgb,
            range: ValueRange::Dtype,
            resize: Resize::CropCentre { fraction: self.crop_pct },
            size: [h, w],
            filter: match self.interpolation {
                Interpolation::Bilinear => Filter::Bilinear,
                Interpolation::Bicubic => Filter::Bicubic,
            },
            mean: self.mean.to_vec(),
            std: self.std.to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Tensor;
    use std::fs::write;
    use striate_nn::Pass;
    use striate_nn::weights::named_tensors;

    const INPUT: &str = r#""input_size": [3, 40, 40], "mean": [0.5, 0.4, 0.3], "std": [0.2, 0.2, 0.2], "crop_pct": 0.9, "interpolation": "bicubic""#;

    #[test]
    fn weights_of_another_program_give_the_nets_own_features() {
        let (folder, device) = (tempfile::tempdir().expect("a folder"), Device::flex());
        let config = NetConfig {
            image_size: [40; 2],
            variant: Variant::Torch,
            ..NetConfig::new("resnet18", 7).expect("a model")
        };
        let net = config.init(3, &device).expect("a net");
        let weights = named_tensors(&net);
        let path = folder.path().join("weights.safetensors");
        let beside = folder.path().join(CONFIG);
        let open = |text: &str| {
            write(&beside, text).expect("a file");
            open(&path, &weights, &device)
        };
        for text in [
            format!(r#"{{"architecture": "resnet18", "num_features": 512, "pretrained_cfg": {{{INPUT}}}}}"#),
            format!(r#"{{"architecture": "resnet18", "tag": "a1", {INPUT}}}"#),
        ] {
            let foreign = open(&text).expect("opens");
            assert_eq!(foreign.preprocess.mean, [0.5, 0.4, 0.3]);
            assert_eq!((foreign.preprocess.size, foreign.preprocess.filter), ([40, 40], Filter::Bicubic));
            let x = Tensor::<4>::ones([1, 3, 40, 40], &device);
            let features = |net: &Net| net.features(x.clone(), &Pass::Infer).into_data();
            assert_eq!(features(&foreign.net), features(&net));
        }
        let message = |text: &str| open(text).err().expect("refused").to_string();
        let is = |text: String, part: &str| assert!(message(&text).contains(part), "{}", message(&text));
        is(format!(r#"{{"architecture": "resnet81", {INPUT}}}"#), "did you mean `resnet18`");
        is(format!(r#"{{"architecture": "squeezenet1_1", {INPUT}}}"#), "classifier.1.weight");
        is(format!(r#"{{"architecture": "resnet18", {}}}"#, INPUT.replace("0.9", "1.9")), "`crop_pct` is 1.9");
        is(
            format!(r#"{{"architecture": "resnet18", {}}}"#, INPUT.replace("crop_pct", "crop")),
            "pretrained_cfg.crop_pct",
        );
        is("[]".to_owned(), "timm");
        std::fs::remove_file(&beside).expect("the file");
        let absent = super::open(&path, &weights, &device).err().expect("refused").to_string();
        assert!(absent.contains("config.json") && absent.contains("architecture"), "{absent}");
    }
}
