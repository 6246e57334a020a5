//! Autoencoders: pictures to codes and back, under one type.

mod conv;
mod dense;
mod linear;
mod strided;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::assemble::parameters;
use crate::{NetError, Pass, init};
pub use conv::{ConvCoder, SQUARE};
pub use dense::DenseCoder;
pub use linear::LinearCoder;
pub use strided::StridedCoder;

/// Names of the autoencoders there are.
pub const NAMES: [&str; 5] =
    ["pca", "linear_autoencoder", "dense_autoencoder", "strided_autoencoder", "conv_autoencoder"];

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
    /// Numbers of each layer between picture and code (`dense_autoencoder`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hidden: Vec<usize>,
    /// Numbers of each layer between code and picture (`dense_autoencoder`); those of `hidden` backwards where not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decoder_hidden: Option<Vec<usize>>,
    /// Whether the decoder's weights are the encoder's, transposed (`linear_autoencoder`).
    #[serde(default, skip_serializing_if = "is_false")]
    pub tied: bool,
    /// Channels of the first of its three sizes (`conv_autoencoder`); twice and four times as many of the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<usize>,
}

fn is_false(value: &bool) -> bool {
    !value
}

/// An autoencoder. Built by [`CoderConfig::init`].
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant)] // there are few nets, and they are moved seldom
pub enum Coder {
    /// `pca` and `linear_autoencoder`.
    Linear(LinearCoder),
    /// `dense_autoencoder`.
    Dense(DenseCoder),
    /// `strided_autoencoder`.
    Strided(StridedCoder),
    /// `conv_autoencoder`.
    Conv(ConvCoder),
}

impl CoderConfig {
    /// An autoencoder of this name with its usual layers.
    pub fn new(name: &str, in_channels: usize, image_size: [usize; 2], code: usize) -> Self {
        let (hidden, decoder_hidden, tied, width) = (Vec::new(), None, false, None);
        Self { name: name.to_owned(), in_channels, image_size, code, hidden, decoder_hidden, tied, width }
    }

    /// Numbers of a picture.
    pub fn values(&self) -> usize {
        self.in_channels * self.image_size.iter().product::<usize>()
    }

    /// The autoencoder with fresh weights, a function of the seed and of each weight's path only.
    ///
    /// # Errors
    /// As [`CoderConfig::init_zeros`].
    pub fn init(&self, seed: u64, device: &Device) -> Result<Coder, NetError> {
        let last = |path: &str| path.ends_with(".conv2.weight") || path.ends_with(".last.weight");
        Ok(init::shrunk(init::fill(self.init_zeros(device)?, seed), last))
    }

    /// The autoencoder before any weight is there, to be filled from a file.
    ///
    /// # Errors
    /// If there is no such one, or a number is out of its range.
    pub fn init_zeros(&self, device: &Device) -> Result<Coder, NetError> {
        self.check()?;
        let coder = match self.name.as_str() {
            "dense_autoencoder" => Coder::Dense(DenseCoder::new(self, device)),
            "strided_autoencoder" => Coder::Strided(StridedCoder::new(self, device)),
            "conv_autoencoder" => Coder::Conv(ConvCoder::new(self, device)),
            _ => Coder::Linear(LinearCoder::new(self, device)),
        };
        match parameters(&coder) {
            n if n <= MAX_PARAMETERS => Ok(coder),
            n => {
                let why = format!("of {} makes {n} weights, more than the {MAX_PARAMETERS} there may be", self.code);
                Err(self
                    .wrong("code", format!("{why}, of {} values a picture; make one of them smaller", self.values())))
            }
        }
    }

    fn wrong(&self, field: &'static str, why: String) -> NetError {
        NetError::Config { model: self.name.clone(), field, why }
    }

    fn check(&self) -> Result<(), NetError> {
        let wrong = |field, why| Err(self.wrong(field, why));
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
            let (values, code) = (self.values(), self.code);
            return wrong("code", format!("must be from 1 to the {values} values of a picture, got {code}"));
        }
        let layers = self.hidden.iter().chain(self.decoder_hidden.iter().flatten());
        if layers.clone().any(|n| !(1..=1 << 20).contains(n)) || layers.count() > 32 {
            return wrong("hidden", "must be at most 32 layers of 1 to 1048576 numbers".to_owned());
        }
        let given = |name: &'static str, given: bool, of: &str| {
            if given && self.name != of {
                Err(self.wrong(name, format!("is for `{of}` alone; leave it out")))
            } else {
                Ok(())
            }
        };
        given("hidden", !self.hidden.is_empty(), "dense_autoencoder")?;
        given("decoder_hidden", self.decoder_hidden.is_some(), "dense_autoencoder")?;
        given("tied", self.tied, "linear_autoencoder")?;
        given("width", self.width.is_some(), "conv_autoencoder")?;
        if self.name == "strided_autoencoder" && (h % strided::MULTIPLE != 0 || w % strided::MULTIPLE != 0) {
            return wrong(
                "image_size",
                format!("must be multiples of {} on each side, got {h}x{w}", strided::MULTIPLE),
            );
        }
        if self.name == "conv_autoencoder" { self.check_conv() } else { Ok(()) }
    }

    fn check_conv(&self) -> Result<(), NetError> {
        let [h, w] = self.image_size;
        if h % conv::SQUARE != 0 || w % conv::SQUARE != 0 {
            let why = format!("must be multiples of {} on each side, got {h}x{w}", conv::SQUARE);
            return Err(self.wrong("image_size", why));
        }
        let squares = h / conv::SQUARE * (w / conv::SQUARE);
        if !self.code.is_multiple_of(squares) {
            let why = format!("must be a multiple of the {squares} squares of {h}x{w} pixels, got {}", self.code);
            return Err(self.wrong("code", why));
        }
        if self.width.is_some_and(|width| !(1..=512).contains(&width)) {
            return Err(self.wrong("width", "must be from 1 to 512".to_owned()));
        }
        Ok(())
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
            Coder::Dense(coder) => coder.encode(x, pass),
            Coder::Strided(coder) => coder.encode(x, pass),
            Coder::Conv(coder) => coder.encode(x, pass),
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
            Coder::Dense(coder) => coder.decode(codes, pass),
            Coder::Strided(coder) => coder.decode(codes, pass),
            Coder::Conv(coder) => coder.decode(codes, pass),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_become_codes_and_pictures_again() {
        let device = Device::flex();
        let hidden = |config: CoderConfig| CoderConfig { hidden: vec![9, 8], decoder_hidden: Some(vec![11]), ..config };
        let small = |name| CoderConfig::new(name, 3, [4, 5], 7);
        let tied = CoderConfig { tied: true, ..small("linear_autoencoder") };
        let conv = CoderConfig { width: Some(4), ..CoderConfig::new("conv_autoencoder", 3, [32, 16], 10) };
        let strided = CoderConfig::new("strided_autoencoder", 1, [32, 16], 5);
        for config in [
            strided,
            small("pca"),
            small("linear_autoencoder"),
            tied,
            small("dense_autoencoder"),
            hidden(small("dense_autoencoder")),
            conv,
        ] {
            let [h, w] = config.image_size;
            let coder = config.init(3, &device).expect("builds");
            let codes = coder.encode(Tensor::ones([2, config.in_channels, h, w], &device), &Pass::Infer);
            assert_eq!(codes.dims(), [2, config.code], "{config:?}");
            assert_eq!(coder.decode(codes, &Pass::Infer).dims(), [2, config.in_channels, h, w], "{config:?}");
        }
    }

    #[test]
    fn what_cannot_be_built_is_refused() {
        let told = |name: &str, change: fn(&mut CoderConfig)| {
            let mut config = CoderConfig::new(name, 3, [4, 5], 7);
            change(&mut config);
            config.init_zeros(&Device::flex()).expect_err("refused").to_string()
        };
        assert!(told("pcaa", |_| ()).contains("one of pca"));
        assert!(told("pca", |c| c.in_channels = 2).contains("1 or 3"));
        assert!(told("pca", |c| c.image_size = [0, 4]).contains("image_size"));
        assert!(told("pca", |c| c.code = 61).contains("60 values"));
        assert!(told("pca", |c| (c.image_size, c.code) = ([4096; 2], 1000)).contains("smaller"));
        assert!(told("linear_autoencoder", |c| c.hidden = vec![3]).contains("`dense_autoencoder` alone"));
        assert!(told("conv_autoencoder", |c| c.image_size = [32, 20]).contains("multiples of 16"));
        assert!(told("conv_autoencoder", |c| c.image_size = [32, 16]).contains("multiple of the 2 squares"));
    }
}
