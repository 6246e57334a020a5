//! From a configuration to a net: what it says is checked before a weight takes memory.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor};

use crate::{NeighboursConfig, Net, NetConfig, NetError, Pooled, Variant, init, macs, registry};

/// Most parameters of a net, 1 GiB of f32: ten times those of the largest here, resnet50, and less than a slip takes.
const MAX_PARAMETERS: usize = 1 << 28;

impl NetConfig {
    /// The model of this name with its usual picture size, channels and dropout.
    pub fn new(name: &str, num_classes: usize) -> Result<Self, NetError> {
        let entry = registry::find(name)?;
        Ok(Self {
            name: name.to_owned(),
            num_classes,
            in_channels: entry.in_channels,
            image_size: [entry.image_size; 2],
            width: None,
            dropout: entry.dropout,
            stem: None,
            variant: Variant::default(),
            neighbours: None,
            pooled: Pooled::Last,
            normalize: false,
        })
    }

    /// The net with fresh weights, a function of the seed and of each weight's path only.
    pub fn init(&self, seed: u64, device: &Device) -> Result<Net, NetError> {
        Ok(init::fill(self.init_zeros(device)?, seed))
    }

    /// The net before any weight is drawn, to be filled from a file.
    pub fn init_zeros(&self, device: &Device) -> Result<Net, NetError> {
        let entry = registry::find(&self.name)?;
        self.check(entry)?;
        let net = (entry.build)(self, device);
        match parameters(&net) {
            n if n <= MAX_PARAMETERS => Ok(net),
            n => Err(NetError::Config {
                model: self.name.clone(),
                field: "image_size",
                why: format!(
                    "{:?} and {} classes make {n} parameters, more than the {MAX_PARAMETERS} that a net may have; make it smaller",
                    self.image_size, self.num_classes
                ),
            }),
        }
    }

    /// Multiply-adds of convolutions and linear layers for one picture; training costs about three times as much.
    pub fn forward_macs(&self) -> Result<u64, NetError> {
        macs::forward_macs(self)
    }

    fn check(&self, entry: &registry::Entry) -> Result<(), NetError> {
        let wrong = |field, why| Err(NetError::Config { model: self.name.clone(), field, why });
        if self.num_classes == 0 || self.num_classes > 1_000_000 {
            return wrong("num_classes", format!("must be from 1 to 1000000, got {}", self.num_classes));
        }
        if !matches!(self.in_channels, 1 | 3) {
            return wrong("in_channels", format!("must be 1 or 3, got {}", self.in_channels));
        }
        let [h, w] = self.image_size;
        if h.min(w) < entry.min_side || h.max(w) > 4096 {
            return wrong("image_size", format!("must be from {} to 4096 on each side, got {h}x{w}", entry.min_side));
        }
        if self.width.is_some() && !entry.has_width {
            return wrong("width", "cannot be chosen; leave it out".to_owned());
        }
        if matches!(self.width, Some(width) if width == 0 || width > 4096) {
            return wrong("width", "must be from 1 to 4096".to_owned());
        }
        if self.pooled == Pooled::Stages && !entry.has_stages {
            return wrong("pooled", "cannot be stages; leave it out".to_owned());
        }
        if self.normalize && !entry.has_stages {
            return wrong("normalize", "cannot come before its last layer; leave it out".to_owned());
        }
        if let Some(NeighboursConfig { examples, k, temperature }) = &self.neighbours {
            if !entry.has_neighbours {
                return wrong("neighbours", "cannot be its last layer; leave them out".to_owned());
            }
            if !(1..=*examples).contains(k) || *examples > 10_000_000 || !(1e-3..=1e3).contains(temperature) {
                let got = format!("got {k} of {examples} at {temperature}");
                return wrong(
                    "neighbours",
                    format!("must be 1 to 10000000, at a temperature from 0.001 to 1000; {got}"),
                );
            }
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return wrong("dropout", format!("must be in [0, 1), got {}", self.dropout));
        }
        Ok(())
    }
}

/// All numbers of a net, those that take no memory yet too.
pub(crate) fn parameters(net: &impl Module) -> usize {
    struct Count(usize);
    impl ModuleVisitor for Count {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.0 = self.0.saturating_add(param.lazy_shape().num_elements());
        }
    }
    let mut count = Count(0);
    net.visit(&mut count);
    count.0
}
