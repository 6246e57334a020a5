//! Heads as the rungs fit them: vectors of the training pictures to the last layer of a net.

use std::ops::Range;

use burn::tensor::Device;
use striate_nn::weights::{NamedTensor, NamedTensors, load_named, named_tensors};
use striate_nn::{NeighboursConfig, Net, NetConfig};
use striate_train::heads::centroid::nearest_centroid;
use striate_train::heads::discriminant::discriminant;
use striate_train::heads::knn::{Knn, KnnConfig};
use striate_train::heads::logistic::{Examples, Logistic, LogisticConfig};
use striate_train::heads::normalize::Normalization;
use striate_train::heads::svm::{Svm, SvmConfig};
use striate_vision::array::Array;
use striate_vision::pca::{Pca, RandomisedOptions};

use super::{Bench, Fitted};
use crate::error::Error;

/// Principal components to choose among.
const COMPONENTS: [usize; 4] = [8, 16, 32, 64];
/// Rows or columns up to which components are exact; beyond, decomposing takes longer than a random projection.
const EXACT: usize = 512;

/// A kind of last layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Head {
    /// The nearest class mean.
    Centroid,
    /// A linear discriminant with shrunk covariance.
    Discriminant,
    /// Logistic regression.
    Logistic,
    /// Logistic regression on principal components.
    Pca,
    /// Nearest neighbours.
    Knn,
    /// A linear support vector machine.
    Svm,
}

/// A last layer, and what makes its input of the features.
pub(crate) struct FittedHead {
    /// How features are normalized first; none where the layer sees them as they are.
    pub normalization: Option<Normalization>,
    /// The layer.
    pub last: Last,
}

/// A last layer.
pub(crate) enum Last {
    /// Weight `[K, D]` and bias `[K]`.
    Linear(Vec<f32>, Vec<f32>),
    /// Examples that vote.
    Neighbours(Knn),
}

impl FittedHead {
    /// Vectors as the last layer sees them.
    pub fn normalized(&self, vectors: Vec<f32>) -> Vec<f32> {
        match &self.normalization {
            Some(normalization) => normalization.apply(&vectors),
            None => vectors,
        }
    }
}

impl Last {
    /// Logits `[N, K]` of rows `[N, D]`.
    pub fn logits(&self, rows: &[f32]) -> Vec<f32> {
        match self {
            Last::Neighbours(knn) => knn.logits(rows),
            Last::Linear(weight, bias) => {
                let d = weight.len() / bias.len();
                let logit = |row: &[f32], k: usize| {
                    let sum: f64 = row.iter().zip(&weight[k * d..]).map(|(&x, &w)| f64::from(x) * f64::from(w)).sum();
                    (sum + f64::from(bias[k])) as f32
                };
                rows.chunks_exact(d).flat_map(|row| (0..bias.len()).map(move |k| logit(row, k))).collect()
            }
        }
    }
}

/// What all heads are told.
#[derive(Clone)]
pub(crate) struct HeadSpec {
    /// Columns that are standard deviations, where features are to be normalized; none where not.
    pub normalize: Option<Range<usize>>,
    /// Classes K.
    pub classes: usize,
    /// Whether each class counts the same.
    pub balanced: bool,
    /// Decides inner folds and first directions.
    pub seed: u64,
}

impl HeadSpec {
    /// For the data of a bench.
    pub fn of(bench: &Bench) -> Self {
        let (classes, balanced) = (bench.classes(), bench.prepared.is_imbalanced());
        Self { normalize: None, classes, balanced, seed: bench.seed }
    }
}

impl Head {
    /// Fits; what it chooses, it chooses within `examples`.
    pub fn fit(self, spec: &HeadSpec, examples: &Examples) -> Result<FittedHead, Error> {
        let d = examples.features.len() / examples.labels.len();
        let normalization =
            spec.normalize.as_ref().map(|deviations| Normalization::fit(examples.features, d, deviations.clone()));
        let rows = normalization.as_ref().map(|normalization| normalization.apply(examples.features));
        let examples = Examples { features: rows.as_deref().unwrap_or(examples.features), ..*examples };
        Ok(FittedHead { last: self.fit_last(spec, &examples)?, normalization })
    }

    fn fit_last(self, spec: &HeadSpec, examples: &Examples) -> Result<Last, Error> {
        let HeadSpec { classes, balanced, .. } = *spec;
        Ok(match self {
            Head::Centroid => {
                let centroid = nearest_centroid(examples.features, examples.labels, classes);
                Last::Linear(centroid.weight, centroid.bias)
            }
            Head::Discriminant => {
                let fitted = discriminant(examples.features, examples.labels, classes);
                Last::Linear(fitted.weight, fitted.bias)
            }
            Head::Logistic => {
                let Logistic { weight, bias, .. } = logistic(spec, examples).fit(examples);
                Last::Linear(weight, bias)
            }
            Head::Pca => {
                let (weight, bias) = on_components(spec, examples)?;
                Last::Linear(weight, bias)
            }
            Head::Svm => {
                let svm = SvmConfig { balanced, seed: spec.seed, ..SvmConfig::new(classes) };
                let Svm { weight, bias, .. } = svm.fit(examples);
                Last::Linear(weight, bias)
            }
            Head::Knn => Last::Neighbours(KnnConfig { balanced, ..KnnConfig::new(classes) }.fit(examples)),
        })
    }
}

/// Fewest labels per class with which a strength is chosen on inner folds; below, folds of so few would choose by chance.
const CHOOSE_FROM: usize = 5;
/// The strength with fewer: the middle of those tried with more.
const STRENGTH: f64 = 1e-2;

fn logistic(spec: &HeadSpec, examples: &Examples) -> LogisticConfig {
    let HeadSpec { classes, balanced, seed, .. } = *spec;
    let config = LogisticConfig { balanced, seed, ..LogisticConfig::new(classes) };
    let few = examples.labels.len() < CHOOSE_FROM * classes;
    if few { LogisticConfig { strengths: vec![STRENGTH], ..config } } else { config }
}

/// Logistic regression on principal components, brought to one scale, as weights for what the components are made of: both are
/// linear. The number of components is that of the least loss on the inner folds of the regression.
fn on_components(spec: &HeadSpec, examples: &Examples) -> Result<(Vec<f32>, Vec<f32>), Error> {
    let n = examples.labels.len();
    let d = examples.features.len() / n;
    let most = d.min(n.saturating_sub(1));
    if most == 0 {
        let Logistic { weight, bias, .. } = logistic(spec, examples).fit(examples);
        return Ok((weight, bias)); // one picture has no components
    }
    let k = COMPONENTS[COMPONENTS.len() - 1].min(most);
    let rows = Array::new(vec![n, d], examples.features.to_vec());
    let pca = match n.min(d) {
        0..=EXACT => Pca::fit(&rows, k)?,
        _ => Pca::fit_randomised(&rows, k, &RandomisedOptions { seed: spec.seed, ..RandomisedOptions::default() })?,
    };
    let scores = pca.transform(&rows)?.into_values(); // [N, k]
    let mut best: Option<(f64, usize, Logistic)> = None;
    for count in COMPONENTS.iter().map(|&count| count.min(k)) {
        if best.as_ref().is_some_and(|(_, last, _)| *last == count) {
            break;
        }
        let first: Vec<f32> = scores.chunks_exact(k).flat_map(|row| row[..count].iter().copied()).collect();
        let fit = logistic(spec, examples).fit(&Examples { features: &first, ..*examples });
        let loss = fit.tried.iter().map(|&(_, loss)| loss).fold(f64::INFINITY, f64::min);
        if best.as_ref().is_none_or(|(least, ..)| loss < *least) {
            best = Some((loss, count, fit));
        }
    }
    let (_, count, Logistic { weight, bias, .. }) = best.expect("there is a count of components");
    Ok(composed(&pca, count, &weight, &bias))
}

/// Weight `[K, D]` and bias `[K]` for rows, from those for their first `count` components.
fn composed(pca: &Pca, count: usize, weight: &[f32], bias: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let d = pca.mean().len();
    let (mut out, mut out_bias) = (Vec::with_capacity(bias.len() * d), Vec::with_capacity(bias.len()));
    for (of_class, &bias) in weight.chunks_exact(count).zip(bias) {
        let mut row = vec![0.0_f64; d];
        for (&w, component) in of_class.iter().zip(pca.components().chunks_exact(d)) {
            row.iter_mut().zip(component).for_each(|(sum, &c)| *sum += f64::from(w) * f64::from(c));
        }
        let at_mean: f64 = row.iter().zip(pca.mean()).map(|(w, &mean)| w * f64::from(mean)).sum();
        out.extend(row.iter().map(|&w| w as f32));
        out_bias.push((f64::from(bias) - at_mean) as f32);
    }
    (out, out_bias)
}

/// The head of what was fitted.
pub(super) fn head_of(fitted: &Fitted) -> FittedHead {
    let mut tensors = named_tensors(&fitted.net);
    let path = fitted.net.last_layer();
    let mut take = |name: String| tensors.remove(&name).map(|tensor| tensor.values);
    let mut part = |name: &str| take(format!("{path}.{name}")).expect("a last layer has its weights");
    let last = match fitted.config.neighbours {
        Some(NeighboursConfig { k, temperature, .. }) => {
            let (features, votes) = (part("features"), part("votes"));
            Last::Neighbours(Knn {
                features,
                votes,
                classes: fitted.config.num_classes,
                k,
                temperature,
                tried: Vec::new(),
            })
        }
        None => Last::Linear(part("weight"), part("bias")),
    };
    let normalization = take("normalize.mean".into())
        .zip(take("normalize.scale".into()))
        .map(|(mean, scale)| Normalization { mean, scale });
    FittedHead { normalization, last }
}

/// The net of `config` with all of `tensors` but its last layer, which is `head`; and its configuration.
pub(super) fn with_head(
    config: &NetConfig,
    mut tensors: NamedTensors,
    head: FittedHead,
    device: &Device,
) -> Result<(NetConfig, Net), Error> {
    let mut config = config.clone();
    let parts = match head.last {
        Last::Linear(weight, bias) => [("weight", weight), ("bias", bias)],
        Last::Neighbours(knn) => {
            let examples = knn.votes.len() / knn.classes;
            config.neighbours = Some(NeighboursConfig { examples, k: knn.k, temperature: knn.temperature });
            [("features", knn.features), ("votes", knn.votes)]
        }
    };
    if let Some(Normalization { mean, scale }) = head.normalization {
        config.normalize = true;
        for (name, values) in [("normalize.mean", mean), ("normalize.scale", scale)] {
            tensors.insert(name.into(), NamedTensor { shape: vec![values.len()], values });
        }
    }
    let net = config.init_zeros(device)?;
    let path = net.last_layer();
    let own = named_tensors(&net);
    tensors.retain(|name, _| !name.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')));
    for (name, values) in parts {
        let name = format!("{path}.{name}");
        let shape = own[&name].shape.clone();
        tensors.insert(name, NamedTensor { shape, values });
    }
    Ok((config, load_named(net, &tensors)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_for_pixels_answer_as_those_for_components() {
        let rows: Vec<f32> = (0..40 * 9).map(|i| ((i * i * 7 + i) % 31) as f32 + (i % 9) as f32).collect();
        let array = Array::new(vec![40, 9], rows.clone());
        let pca = Pca::fit(&array, 4).expect("fits");
        let (weight, bias): (Vec<f32>, Vec<f32>) = ((0..6).map(|i| i as f32 - 2.5).collect(), vec![0.5, -1.0]);
        let (of_rows, of_rows_bias) = composed(&pca, 3, &weight, &bias);
        let scores = pca.transform(&array).expect("fits").into_values();
        for (row, scores) in rows.chunks_exact(9).zip(scores.chunks_exact(4)) {
            for k in 0..2 {
                let dot = |w: &[f32], x: &[f32]| w.iter().zip(x).map(|(w, x)| w * x).sum::<f32>();
                let by_components = dot(&weight[k * 3..][..3], scores) + bias[k];
                let by_pixels = dot(&of_rows[k * 9..][..9], row) + of_rows_bias[k];
                assert!((by_components - by_pixels).abs() < 1e-3, "{by_components} {by_pixels}");
            }
        }
    }
}
