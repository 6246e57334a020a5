//! Every model by name.

use burn::tensor::Device;

use crate::blocks::Shortcut;
use crate::models::{
    Airbench94, Conv4, EfficientNetLite, LeNet5, LinearNet, MobileNetV2, ResNet, ResNetDepth, SqueezeNet,
};
use crate::{Net, NetConfig, NetError};

/// A model that can be asked for.
pub struct Entry {
    /// What it is asked for by.
    pub name: &'static str,
    /// What it is, in one line.
    pub summary: &'static str,
    /// Usual height and width of the input, in pixels.
    pub image_size: usize,
    /// Smallest height or width it can take, in pixels.
    pub min_side: usize,
    /// Usual channels of the input.
    pub in_channels: usize,
    /// Usual probability of dropout before the last layer.
    pub dropout: f64,
    /// Whether the number of channels can be chosen.
    pub has_width: bool,
    /// Whether nearest neighbours can be its last layer.
    pub has_neighbours: bool,
    /// Whether its features can be pooled after every stage, and normalized.
    pub has_stages: bool,
    /// Whether weights from ImageNet come with the program.
    pub pretrained: bool,
    pub(crate) build: fn(&NetConfig, &Device) -> Net,
}

const PLAIN: Entry = Entry {
    name: "",
    summary: "",
    image_size: 32,
    min_side: 1,
    in_channels: 3,
    dropout: 0.0,
    has_width: false,
    has_neighbours: false,
    has_stages: false,
    pretrained: false,
    build: |config, device| Net::Linear(LinearNet::new(config, device)),
};

fn resnet(depth: ResNetDepth, config: &NetConfig, device: &Device) -> Net {
    Net::ResNet(ResNet::new(depth, config, device))
}

/// An entry of the small residual nets.
macro_rules! small {
    ($name:literal, $summary:literal, $blocks:literal, $shortcut:ident) => {
        Entry {
            name: $name,
            summary: $summary,
            build: |config, device| resnet(ResNetDepth::Small($blocks, Shortcut::$shortcut), config, device),
            ..PLAIN
        }
    };
}

/// An entry of the residual nets for photographs.
macro_rules! large {
    ($name:literal, $summary:literal, $kind:ident $counts:expr) => {
        Entry {
            name: $name,
            summary: $summary,
            image_size: 224,
            build: |config, device| resnet(ResNetDepth::$kind($counts), config, device),
            ..PLAIN
        }
    };
}

static ENTRIES: [Entry; 17] = [
    Entry { name: "linear", summary: "one linear layer on the pixels (logistic regression)", ..PLAIN },
    Entry {
        name: "conv4",
        summary: "four 3x3 convolutions with batch norm and pooling; for small data",
        has_width: true,
        build: |config, device| Net::Conv4(Conv4::new(config, device)),
        ..PLAIN
    },
    Entry {
        name: "lenet5",
        summary: "two 5x5 convolutions, two linear layers; for digits and the like",
        image_size: 28,
        min_side: 4,
        in_channels: 1,
        build: |config, device| Net::LeNet5(LeNet5::new(config, device)),
        ..PLAIN
    },
    Entry {
        name: "airbench94",
        summary: "a whitening layer and six 3x3 convolutions; trains fast on small pictures",
        min_side: 9,
        build: |config, device| Net::Airbench94(Airbench94::new(config, device)),
        ..PLAIN
    },
    small!("resnet20", "20-layer residual net for small pictures", 3, Zeros),
    small!("resnet32", "32-layer residual net for small pictures", 5, Zeros),
    small!("resnet44", "44-layer residual net for small pictures", 7, Zeros),
    small!("resnet56", "56-layer residual net for small pictures", 9, Zeros),
    small!("resnet110", "110-layer residual net for small pictures", 18, Zeros),
    small!("plain20", "resnet20 without its shortcuts, to compare", 3, None),
    small!("plain56", "resnet56 without its shortcuts, to compare", 9, None),
    large!("resnet18", "18-layer residual net", Basic[2, 2, 2, 2]),
    large!("resnet34", "34-layer residual net", Basic[3, 4, 6, 3]),
    large!("resnet50", "50-layer residual net of bottlenecks", Bottleneck[3, 4, 6, 3]),
    Entry {
        name: "mobilenet_v2",
        summary: "inverted residuals and depthwise convolutions; fast at inference",
        image_size: 224,
        dropout: 0.2,
        build: |config, device| Net::MobileNetV2(MobileNetV2::new(config, device)),
        ..PLAIN
    },
    Entry {
        name: "squeezenet1_1",
        summary: "fire blocks; 1.2 million parameters, with ImageNet weights",
        image_size: 227,
        min_side: 24,
        dropout: 0.5,
        pretrained: true,
        build: |config, device| Net::SqueezeNet(SqueezeNet::new(config, device)),
        ..PLAIN
    },
    Entry {
        name: "efficientnet_lite0",
        summary: "scaled inverted residuals without swish; 4.7 million parameters, with ImageNet weights",
        image_size: 224,
        dropout: 0.2,
        has_neighbours: true,
        has_stages: true,
        pretrained: true,
        build: |config, device| Net::EfficientNetLite(EfficientNetLite::new(config, device)),
        ..PLAIN
    },
];

/// All models, from simple to large.
pub fn entries() -> &'static [Entry] {
    &ENTRIES
}

/// The model of this name, or an error that suggests the nearest.
pub fn find(name: &str) -> Result<&'static Entry, NetError> {
    if let Some(entry) = ENTRIES.iter().find(|entry| entry.name == name) {
        return Ok(entry);
    }
    let near = |entry: &Entry| (strsim::jaro_winkler(&name.to_lowercase(), entry.name), entry.name);
    let best = ENTRIES.iter().map(near).max_by(|a, b| a.0.total_cmp(&b.0));
    let did_you_mean = best.filter(|(likeness, _)| *likeness > 0.8).map(|(_, name)| name.to_owned());
    Err(NetError::Unknown { name: name.to_owned(), did_you_mean })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_name_is_answered_with_the_nearest() {
        let message = |name| find(name).map(|_| ()).expect_err("no such model").to_string();
        assert!(message("resnet81").contains("did you mean `resnet18`"), "{}", message("resnet81"));
        assert!(message("LeNet").contains("did you mean `lenet5`"), "{}", message("LeNet"));
        assert!(!message("yolo").contains("did you mean"), "{}", message("yolo"));
    }
}
