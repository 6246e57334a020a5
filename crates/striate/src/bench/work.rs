//! The works that speed is compared on: what each name stands for.
//!
//! W1 to W3 are training steps, W4 inference, W5 single convolutions, W6 steps of drawing by gradient ascent; shapes, batches and optimisers are fixed, so that
//! figures of different programs and days can be held against each other.

use std::fmt;
use std::str::FromStr;

use striate_nn::{NetConfig, NetError};
use striate_train::recipe::Rule;

use super::layer::Layer;
use super::task::Task;
use super::{ascent, inference, training};
use crate::error::Error;

/// Nets of W4: short name and name in the registry.
const NETS: [(&str, &str); 3] = [("mbv2", "mobilenet_v2"), ("rn18", "resnet18"), ("lite0", "efficientnet_lite0")];
/// Side of the pictures of W4, in pixels.
const SIDE: usize = 224;

/// Layers of W5.
const LAYERS: [(&str, Layer); 5] = [
    ("a", Layer { channels: [64, 64], ..SQUARE }),
    ("b", Layer { channels: [256, 256], side: 14, ..SQUARE }),
    ("c", Layer { channels: [256, 64], kernel_size: 1, padding: 0, ..SQUARE }),
    ("d", Layer { channels: [144, 144], groups: 144, ..SQUARE }),
    ("e", Layer { channels: [64, 128], side: 64, kernel_size: 5, stride: 2, padding: 2, ..SQUARE }),
];
const SQUARE: Layer = Layer { batch: 8, channels: [0; 2], side: 56, kernel_size: 3, stride: 1, padding: 1, groups: 1 };

/// A work by its name, such as `W2`, `W4.rn18.b1` or `W5.a.fwdbwd`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    LeNet,
    ResNet,
    Autoencoder,
    Inference { net: usize, batch: usize },
    Layer { layer: usize, backward: bool },
    Ascent,
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Kind::LeNet => f.write_str("W1"),
            Kind::ResNet => f.write_str("W2"),
            Kind::Autoencoder => f.write_str("W3"),
            Kind::Ascent => f.write_str("W6"),
            Kind::Inference { net, batch } => write!(f, "W4.{}.b{batch}", NETS[net].0),
            Kind::Layer { layer, backward } => {
                write!(f, "W5.{}.{}", LAYERS[layer].0, if backward { "fwdbwd" } else { "fwd" })
            }
        }
    }
}

impl FromStr for Work {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        Self::all().into_iter().find(|work| work.to_string() == name).ok_or_else(|| {
            let names: Vec<String> = Self::all().iter().map(Work::to_string).collect();
            Error::request(format!("there is no work {name:?}"), format!("there are {}", names.join(", ")))
        })
    }
}

impl Work {
    /// Every work, in order.
    pub fn all() -> Vec<Self> {
        let nets = (0..NETS.len()).flat_map(|net| [1, 8].map(|batch| Kind::Inference { net, batch }));
        let layers = (0..LAYERS.len()).flat_map(|layer| [false, true].map(|backward| Kind::Layer { layer, backward }));
        let first = [Kind::LeNet, Kind::ResNet, Kind::Autoencoder];
        first.into_iter().chain(nets).chain(layers).chain([Kind::Ascent]).map(Self).collect()
    }

    /// The works of this name, or whose names begin with it and a point: `W5`, `W5.a`.
    pub fn named(name: &str) -> Result<Vec<Self>, Error> {
        let inside = format!("{name}.");
        let named = |work: &Self| work.to_string() == name || work.to_string().starts_with(&inside);
        let works: Vec<Self> = Self::all().into_iter().filter(named).collect();
        if works.is_empty() { name.parse().map(|work| vec![work]) } else { Ok(works) }
    }

    /// What it is, in a few words.
    pub fn about(self) -> String {
        match self.0 {
            Kind::LeNet => format!("LeNet-5 training, {} of 1x28x28", self.pictures()),
            Kind::ResNet => format!("ResNet-18 training, {} of 3x32x32", self.pictures()),
            Kind::Autoencoder => format!("autoencoder training, {} of 3x128x128", self.pictures()),
            Kind::Inference { net, batch } => format!("{} inference, {batch} of 3x{SIDE}x{SIDE}", NETS[net].1),
            Kind::Layer { layer, backward } => {
                format!("{}, {}", LAYERS[layer].1, if backward { "both gradients" } else { "forward" })
            }
            Kind::Ascent => format!("a step of drawing a channel, 3x{SIDE}x{SIDE}"),
        }
    }

    /// Builds it from formula weights.
    pub(super) fn task(self) -> Result<Box<dyn Task>, NetError> {
        match self.0 {
            Kind::LeNet => training::classifier("lenet5", [64, 1, 28, 28], Rule::Adam),
            Kind::ResNet => training::classifier("resnet18", [64, 3, 32, 32], Rule::Sgd),
            Kind::Autoencoder => Ok(training::autoencoder(self.pictures())),
            Kind::Inference { net, batch } => inference::inference(NETS[net].1, batch, SIDE),
            Kind::Layer { layer, backward: false } => Ok(LAYERS[layer].1.forward()),
            Kind::Layer { layer, backward: true } => Ok(LAYERS[layer].1.forward_backward()),
            Kind::Ascent => ascent::ascent(SIDE),
        }
    }

    /// Runs whose results are compared: training shows its third loss only after two steps, a drawing what its first step did to it in the second.
    pub(super) fn checked_runs(self) -> usize {
        match self.0 {
            Kind::LeNet | Kind::ResNet | Kind::Autoencoder => 3,
            Kind::Ascent => 2,
            _ => 1,
        }
    }

    /// Pictures of one run.
    pub(super) fn pictures(self) -> usize {
        match self.0 {
            Kind::LeNet | Kind::ResNet => 64,
            Kind::Autoencoder => 16,
            Kind::Inference { batch, .. } => batch,
            Kind::Layer { layer, .. } => LAYERS[layer].1.batch,
            Kind::Ascent => 1,
        }
    }

    /// Bytes that one run must move between memory and processor at least; `None` where it depends on the method.
    pub(super) fn bytes(self) -> Option<u64> {
        match self.0 {
            // Each gradient reads two of the three tensors and writes the third.
            Kind::Layer { layer, backward } => Some(LAYERS[layer].1.bytes() * if backward { 3 } else { 1 }),
            _ => None,
        }
    }

    /// Floating-point operations of one run by the direct method, two a multiply-add; each gradient counts as a forward.
    pub(super) fn operations(self) -> Result<u64, NetError> {
        let trained = |name: &str, side: usize| {
            let config = NetConfig { image_size: [side; 2], ..NetConfig::new(name, 10)? };
            Ok::<_, NetError>(3 * config.forward_macs()? * self.pictures() as u64)
        };
        let macs = match self.0 {
            Kind::LeNet => trained("lenet5", 28)?,
            Kind::ResNet => trained("resnet18", 32)?,
            Kind::Autoencoder => 3 * training::autoencoder_macs() * self.pictures() as u64,
            Kind::Inference { net, batch } => inference::config(NETS[net].1)?.forward_macs()? * batch as u64,
            Kind::Layer { layer, backward } => LAYERS[layer].1.macs() * if backward { 3 } else { 1 },
            Kind::Ascent => ascent::macs(SIDE)?,
        };
        Ok(2 * macs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back_and_a_wrong_one_is_answered_with_all() {
        assert_eq!(Work::all().len(), 20);
        for work in Work::all() {
            assert_eq!(work.to_string().parse::<Work>().expect("its own name"), work);
        }
        let error = "W5.z.fwd".parse::<Work>().expect_err("no such work").to_string();
        let named = |name| Work::named(name).map(|works| works.len()).map_err(|e| e.to_string());
        assert_eq!((named("W5"), named("W5.a"), named("W4.mbv2.b1"), named("W2")), (Ok(10), Ok(2), Ok(1), Ok(1)));
        assert!(named("W").is_err() && named("").is_err());
        assert!(error.contains("W5.z.fwd") && error.contains("W5.e.fwdbwd"), "{error}");
    }

    #[test]
    fn operations_are_those_of_the_direct_method() {
        let operations = |name: &str| name.parse::<Work>().and_then(|work| Ok(work.operations()?)).expect("counts");
        assert_eq!(operations("W5.a.fwd"), 2 * 8 * 64 * 64 * 9 * 56 * 56);
        assert_eq!(operations("W5.d.fwdbwd"), 3 * 2 * 8 * 144 * 9 * 56 * 56);
        assert_eq!(operations("W1"), 3 * 2 * 64 * (784 * 32 * 25 + 196 * 64 * 32 * 25 + 3136 * 128 + 1280));
    }
}
