//! Nets that give a better picture of a damaged one, of any size, under one type.

mod dncnn;
mod ffdnet;
mod unet;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::{NetError, Pass, init};
pub use dncnn::DnCnn;
pub use ffdnet::FfdNet;
pub use unet::UNet;

/// Names of the restorers there are.
pub const NAMES: [&str; 3] = ["ffdnet", "dncnn", "unet"];

/// Says which restorer to build. Stands in model files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RestorerConfig {
    /// One of [`NAMES`].
    pub name: String,
    /// Channels of a picture: 1 or 3.
    pub in_channels: usize,
    /// Planes beside the picture that say where or how much it is damaged: 0 or 1.
    pub maps: usize,
    /// Channels of its first layer.
    pub width: usize,
    /// Residual blocks of `ffdnet`, layers of `dncnn`, blocks of each level of `unet`.
    pub depth: usize,
}

/// A restorer. Built by [`RestorerConfig::init`].
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant)] // there are few nets, and they are moved seldom
pub enum Restorer {
    /// `ffdnet`.
    FfdNet(FfdNet),
    /// `dncnn`.
    DnCnn(DnCnn),
    /// `unet`.
    UNet(UNet),
}

impl RestorerConfig {
    /// The restorer of this name with its usual width and depth.
    ///
    /// # Errors
    /// If there is no such one.
    pub fn new(name: &str, in_channels: usize, maps: usize) -> Result<Self, NetError> {
        let (width, depth) = match name {
            "ffdnet" => (64, 7),
            "dncnn" => (64, 17),
            "unet" => (48, 2),
            _ => (0, 0),
        };
        let config = Self { name: name.to_owned(), in_channels, maps, width, depth };
        config.check()?;
        Ok(config)
    }

    /// The restorer with fresh weights, a function of the seed and of each weight's path only. It begins near the picture it is
    /// given: what is added to it is a tenth of what fresh weights would make.
    ///
    /// # Errors
    /// As [`RestorerConfig::init_zeros`].
    pub fn init(&self, seed: u64, device: &Device) -> Result<Restorer, NetError> {
        let last = |path: &str| path == "tail.weight" || path.ends_with(".conv2.weight");
        Ok(init::shrunk(init::fill(self.init_zeros(device)?, seed), last))
    }

    /// The restorer before any weight is drawn, to be filled from a file.
    ///
    /// # Errors
    /// If there is no such one, or a number is out of its range.
    pub fn init_zeros(&self, device: &Device) -> Result<Restorer, NetError> {
        self.check()?;
        Ok(match self.name.as_str() {
            "ffdnet" => Restorer::FfdNet(FfdNet::new(self, device)),
            "dncnn" => Restorer::DnCnn(DnCnn::new(self, device)),
            _ => Restorer::UNet(UNet::new(self, device)),
        })
    }

    fn check(&self) -> Result<(), NetError> {
        let wrong = |field, why| Err(NetError::Config { model: self.name.clone(), field, why });
        if !NAMES.contains(&self.name.as_str()) {
            return wrong("name", format!("must be one of {}", NAMES.join(", ")));
        }
        if !matches!(self.in_channels, 1 | 3) {
            return wrong("in_channels", format!("must be 1 or 3, got {}", self.in_channels));
        }
        if self.maps > 1 {
            return wrong("maps", format!("must be 0 or 1, got {}", self.maps));
        }
        if !(1..=512).contains(&self.width) {
            return wrong("width", format!("must be from 1 to 512, got {}", self.width));
        }
        if !(1..=64).contains(&self.depth) {
            return wrong("depth", format!("must be from 1 to 64, got {}", self.depth));
        }
        Ok(())
    }
}

impl Restorer {
    /// The picture restored.
    ///
    /// # Shapes
    /// - `x`, output: `[N, C, H, W]`, `maps`: `[N, M, H, W]`; H and W are multiples of [`Restorer::multiple`]
    ///
    /// # Panics
    /// If `x` or `maps` do not have the channels or sizes that it was built for.
    pub fn forward(&self, x: Tensor<4>, maps: Option<Tensor<4>>, pass: &Pass) -> Tensor<4> {
        striate_engine::ops::add(self.change(x.clone(), maps, pass), x)
    }

    /// What is added to the picture. # Shapes and panics: as [`Restorer::forward`]
    pub(crate) fn change(&self, x: Tensor<4>, maps: Option<Tensor<4>>, pass: &Pass) -> Tensor<4> {
        let all = match maps {
            Some(maps) => Tensor::cat(vec![x, maps], 1), // [N, C + M, H, W]
            None => x,
        };
        match self {
            Restorer::FfdNet(net) => net.forward(all, pass),
            Restorer::DnCnn(net) => net.forward(all, pass),
            Restorer::UNet(net) => net.forward(all, pass),
        }
    }

    /// What both sides of a picture must be multiples of.
    pub fn multiple(&self) -> usize {
        match self {
            Restorer::FfdNet(_) => 2,
            Restorer::DnCnn(_) => 1,
            Restorer::UNet(_) => 8,
        }
    }

    /// Pixels around a pixel, along each side, that its restored value depends on.
    pub fn reach(&self) -> usize {
        match self {
            Restorer::FfdNet(net) => net.reach(),
            Restorer::DnCnn(net) => net.reach(),
            Restorer::UNet(net) => net.reach(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::named_tensors;

    #[test]
    fn a_picture_of_the_same_size_comes_back() {
        let device = Device::flex();
        for name in NAMES {
            for maps in 0..2 {
                let config =
                    RestorerConfig { width: 8, depth: 3, ..RestorerConfig::new(name, 3, maps).expect("a name") };
                let net = config.init(1, &device).expect("builds");
                let x = Tensor::ones([2, 3, 16, 24], &device) * 0.5;
                let map = (maps > 0).then(|| Tensor::ones([2, 1, 16, 24], &device));
                let y = net.forward(x.clone(), map, &Pass::Infer);
                assert_eq!(y.dims(), [2, 3, 16, 24], "{name}");
                let change = (y - x).abs().mean().into_scalar::<f32>();
                assert!(change > 0.0 && change < 0.5, "{name} begins by changing values by {change}");
            }
        }
    }

    #[test]
    fn a_pixel_beyond_the_reach_changes_nothing() {
        let device = Device::flex();
        for name in NAMES {
            let config = RestorerConfig { width: 4, depth: 1, ..RestorerConfig::new(name, 1, 0).expect("a name") };
            let config = if name == "dncnn" { RestorerConfig { depth: 4, ..config } } else { config };
            let net = config.init(1, &device).expect("builds");
            let side = 128;
            let run = |at: Option<usize>| {
                let mut values = vec![0.5_f32; side * side];
                at.into_iter().for_each(|at| values[64 * side + at] = 1.0);
                let x = burn::tensor::TensorData::new(values, [1, 1, side, side]);
                let y = net.forward(Tensor::from_data(x, &device), None, &Pass::Infer);
                y.into_data().try_into_vec::<f32>().expect("f32")[64 * side + 64]
            };
            let same = run(None);
            for far in [64 + net.reach() + 1, 64 - net.reach() - 1] {
                assert_eq!(run(Some(far)), same, "{name}: {far}");
            }
            assert_ne!(run(Some(66)), same, "{name}");
        }
    }

    #[test]
    fn default_sizes_are_the_published_order() {
        let count = |name: &str| {
            let net = RestorerConfig::new(name, 1, 1).expect("a name").init_zeros(&Device::flex()).expect("builds");
            named_tensors(&net).values().map(|t| t.values.len()).sum::<usize>()
        };
        assert_eq!(count("ffdnet"), 523_972); // FFDNet of 15 layers: 0.49 million
        assert!((550_000..580_000).contains(&count("dncnn")), "{}", count("dncnn")); // 0.56 million
    }

    #[test]
    fn what_cannot_be_built_is_refused() {
        assert!(RestorerConfig::new("fdnet", 1, 1).expect_err("no name").to_string().contains("one of ffdnet"));
        assert!(RestorerConfig::new("unet", 2, 1).expect_err("channels").to_string().contains("1 or 3"));
        let config = RestorerConfig { width: 0, ..RestorerConfig::new("unet", 1, 1).expect("a name") };
        assert!(config.init_zeros(&Device::flex()).expect_err("no width").to_string().contains("1 to 512"));
    }
}
