//! Whatever can be looked at: a net that tells classes, the encoder of an autoencoder, a net that restores pictures.

use burn::tensor::Tensor;

use crate::coders::Coder;
use crate::restorers::Restorer;
use crate::weights::{NamedTensors, Parameter, named_tensors, parameters};
use crate::{Frozen, Net, Pass};

/// A net with convolutions, whatever it was made for.
#[derive(Debug)]
#[allow(clippy::large_enum_variant)] // there are few nets, and they are moved seldom
pub enum Viewed {
    /// Pictures to logits.
    Net(Net),
    /// Pictures to codes; the way back is not run.
    Encoder(Coder),
    /// Pictures to better ones.
    Restorer {
        /// The net.
        net: Restorer,
        /// What its plane beside the picture holds everywhere, where it has one.
        map: Option<f32>,
    },
}

impl Viewed {
    /// What it makes of pictures that others can be compared with, and the numbers that it answers with: the last layer's input and logits,
    /// the code twice, or the means of a restored picture's change and nothing.
    ///
    /// # Shapes
    /// - `x`: `[N, C, H, W]`, outputs: `[N, D]` and, but for a restorer, `[N, K]`
    ///
    /// # Panics
    /// If `x` does not have the channels or size that it was built for.
    pub fn features_and_answers(&self, x: Tensor<4>, pass: &Pass) -> (Tensor<2>, Option<Tensor<2>>) {
        match self {
            Self::Net(net) => {
                let (features, logits) = net.features_and_logits(x, pass);
                (features, Some(logits))
            }
            Self::Encoder(coder) => {
                let code = coder.encode(x, pass);
                (code.clone(), Some(code))
            }
            Self::Restorer { net, map } => (restored(net, *map, x, pass), None),
        }
    }

    /// Runs all of its convolutions. # Shapes: as [`Viewed::features_and_answers`]
    pub fn features(&self, x: Tensor<4>, pass: &Pass) -> Tensor<2> {
        match self {
            Self::Net(net) => net.features(x, pass),
            Self::Encoder(coder) => coder.encode(x, pass),
            Self::Restorer { net, map } => restored(net, *map, x, pass),
        }
    }

    /// Its weights by their paths.
    pub fn named_tensors(&self) -> NamedTensors {
        match self {
            Self::Net(net) => named_tensors(net),
            Self::Encoder(coder) => named_tensors(coder),
            Self::Restorer { net, .. } => named_tensors(net),
        }
    }

    pub(crate) fn parameters(&self) -> Vec<Parameter> {
        match self {
            Self::Net(net) => parameters(net),
            Self::Encoder(coder) => parameters(coder),
            Self::Restorer { net, .. } => parameters(net),
        }
    }
}

impl From<Net> for Viewed {
    fn from(net: Net) -> Self {
        Self::Net(net)
    }
}

impl Frozen<Viewed> {
    /// The numbers that it answers with.
    ///
    /// # Panics
    /// Of a restorer, which has none.
    pub fn answers(&self, x: Tensor<4>, pass: &Pass) -> Tensor<2> {
        match self.net() {
            Viewed::Net(net) => net.forward(x, pass),
            other => other.features_and_answers(x, pass).1.expect("Frozen::answers: a net that answers with numbers"),
        }
    }
}

fn restored(net: &Restorer, map: Option<f32>, x: Tensor<4>, pass: &Pass) -> Tensor<2> {
    let [n, _, h, w] = x.dims();
    let plane = map.map(|map| Tensor::<4>::full([n, 1, h, w], map, &x.device()));
    striate_engine::ops::global_avg_pool2d(net.change(x, plane, pass))
}
