//! How weights and the learning rate move, as a recipe says it.

use serde::{Deserialize, Serialize};

/// How weights move.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptimizerPart {
    /// The rule.
    pub name: Rule,
    /// Peak learning rate.
    pub lr: f64,
    /// Momentum of SGD.
    #[serde(default = "nine_tenths")]
    pub momentum: f64,
    /// Nesterov's form of momentum.
    #[serde(default)]
    pub nesterov: bool,
    /// Adam's decay rates of the first and second moment.
    #[serde(default = "adam_betas")]
    pub betas: [f64; 2],
    /// Added to Adam's denominator.
    #[serde(default = "adam_eps")]
    pub eps: f64,
    /// Pulls weights to zero; spares biases and norms. Decoupled from the gradient under `adamw`.
    #[serde(default)]
    pub weight_decay: f64,
    /// Largest L2 norm of the whole gradient; 0 does not clip.
    #[serde(default)]
    pub clip_norm: f64,
}

impl Default for OptimizerPart {
    /// Adam at the rate of its paper.
    fn default() -> Self {
        Self {
            name: Rule::Adam,
            lr: 1e-3,
            momentum: nine_tenths(),
            nesterov: false,
            betas: adam_betas(),
            eps: adam_eps(),
            weight_decay: 0.0,
            clip_norm: 0.0,
        }
    }
}

impl OptimizerPart {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

fn nine_tenths() -> f64 {
    0.9
}
fn adam_betas() -> [f64; 2] {
    [0.9, 0.999]
}
fn adam_eps() -> f64 {
    1e-8
}

/// The rule by which weights follow the gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rule {
    /// Stochastic gradient descent with momentum (Sutskever et al. 2013).
    Sgd,
    /// Kingma and Ba 2015 <https://arxiv.org/abs/1412.6980>.
    Adam,
    /// Loshchilov and Hutter 2019 <https://arxiv.org/abs/1711.05101>.
    AdamW,
}

/// How the learning rate moves over the epochs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Schedule {
    /// The peak throughout.
    #[default]
    Constant,
    /// Multiplied by `gamma` at each of `epochs`.
    Step {
        /// Where it drops.
        epochs: Vec<usize>,
        /// What it is multiplied by.
        gamma: f64,
    },
    /// A half cosine from the peak to 0 after a linear warm-up (Loshchilov and Hutter 2017).
    Cosine {
        /// Epochs of warm-up.
        #[serde(default)]
        warmup_epochs: f64,
    },
    /// Up for `rise` of the steps, then down to nothing, both as half cosines (Smith and Topin 2018).
    OneCycle {
        /// Share of the steps that go up, `(0, 1)`.
        rise: f64,
        /// The first rate is the peak divided by this.
        divide: f64,
    },
}
