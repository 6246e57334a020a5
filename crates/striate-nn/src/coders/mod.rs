//! Autoencoders: pictures to codes and back, under one type.

mod linear;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::{NetError, Pass};
pub use linear::LinearCoder;

/// Names of the autoencoders there are.
pub const NAMES: [&str; 1] = ["pca"];

/// Most numbers in an autoencoder's weights, 1 GiB of f32.
const MAX_PARAMETERS: usize = 1 << 28;

/// Says which autoencoder to build. Stands in model files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoderConfig {
    /// One of [`NAMES`].
    pub name: String,
    /// Channels of a picture: 1 or 3.
    pub in_channels: usize,
    /// Height and width of a picture, in pixels.
    pub image_size: [usize; 2],
    /// Numbers of a code.
    pub code: usize,
}

/// An autoencoder. Built by [`CoderConfig::init_zeros`].
#[derive(Module, Debug)]
pub enum Coder {
    /// `pca`.
    Linear(LinearCoder),
}

impl CoderConfig {
    /// Numbers of a picture.
    pub fn values(&self) -> usize {
        self.in_channels * self.image_size.iter().product::<usize>()
    }

    /// The autoencoder before any weight is there, to be filled from a file.
    ///
    /// # Errors
    /// If there is no such one, or a number is out of its range.
    pub fn init_zeros(&self, device: &Device) -> Result<Coder, NetError> {
        let wrong = |field, why| Err(NetError::Config { model: self.name.clone(), field, why });
        if !NAMES.contains(&self.name.as_str()) {
            return wrong("name", format!("must be one of {}", NAMES.join(", ")));
        }
        if !matches!(self.in_channels, 1 | 3) {
            return wrong("in_channels", format!("must be 1 or 3, got {}", self.in_channels));
        }
        let [h, w] = self.image_size;
        if !(1..=4096).contains(&h) || !(1..=4096).contains(&w) {
            return wrong("image_size", format!("must be from 1 to 4096 on each side, got {h}x{w}"));
        }
        if !(1..=self.values()).contains(&self.code) {
            return wrong(
                "code",
                format!("must be from 1 to the {} values of a picture, got {}", self.values(), self.code),
            );
        }
        if self.code.saturating_mul(2 * self.values()) > MAX_PARAMETERS {
            let why = format!(
                "of {} makes more than {MAX_PARAMETERS} weights of {} values a picture",
                self.code,
                self.values()
            );
            return wrong("code", format!("{why}; make one of them smaller"));
        }
        Ok(Coder::Linear(LinearCoder::new(self, device)))
    }
}

impl Coder {
    /// # Shapes
    /// - `x`: `[N, C, H, W]`, output: `[N, K]`
    ///
    /// # Panics
    /// If `x` does not have the channels or size that it was built for.
    pub fn encode(&self, x: Tensor<4>, pass: &Pass) -> Tensor<2> {
        match self {
            Coder::Linear(coder) => coder.encode(x, pass),
        }
    }

    /// # Shapes
    /// - `codes`: `[N, K]`, output: `[N, C, H, W]`
    ///
    /// # Panics
    /// If a code does not have the length that it was built for.
    pub fn decode(&self, codes: Tensor<2>, pass: &Pass) -> Tensor<4> {
        match self {
            Coder::Linear(coder) => coder.decode(codes, pass),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> CoderConfig {
        CoderConfig { name: "pca".into(), in_channels: 3, image_size: [4, 5], code: 7 }
    }

    #[test]
    fn pictures_become_codes_and_pictures_again() {
        let device = Device::flex();
        let coder = config().init_zeros(&device).expect("builds");
        let codes = coder.encode(Tensor::ones([2, 3, 4, 5], &device), &Pass::Infer);
        assert_eq!(codes.dims(), [2, 7]);
        assert_eq!(coder.decode(codes, &Pass::Infer).dims(), [2, 3, 4, 5]);
    }

    #[test]
    fn what_cannot_be_built_is_refused() {
        let told = |change: fn(&mut CoderConfig)| {
            let mut config = config();
            change(&mut config);
            config.init_zeros(&Device::flex()).expect_err("refused").to_string()
        };
        assert!(told(|c| c.name = "pcaa".into()).contains("one of pca"));
        assert!(told(|c| c.in_channels = 2).contains("1 or 3"));
        assert!(told(|c| c.image_size = [0, 4]).contains("image_size"));
        assert!(told(|c| c.code = 61).contains("60 values"));
        assert!(told(|c| (c.image_size, c.code) = ([4096; 2], 1000)).contains("smaller"));
    }
}
