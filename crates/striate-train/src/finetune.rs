//! Fine-tuning: the last block of a pretrained net and what follows it, over activations below that are computed once.
//!
//! The last layer should have been fitted before: from a drawn one, the first steps would spoil what the block had learned
//! (Kumar et al. 2022 <https://arxiv.org/abs/2202.10054>). Norms keep their running statistics, and there is no dropout: few
//! pictures would move both more than they teach.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use striate_kernels::rng::Key;
use striate_nn::losses::CrossEntropy;
use striate_nn::{Net, Pass};

use crate::classify::class_weights;
use crate::fit::{EpochRecord, FitError};
use crate::optim::Optimizer;
use crate::recipe::{ClassWeights, OptimizerPart, Rule, Schedule};
use crate::schedule::Position;

/// What to learn from, and how long.
#[derive(Clone, Copy)]
pub struct FineTuneSpec<'a> {
    /// What the last block sees of each picture, `[N, C, H, W]`.
    pub activations: &'a [f32],
    /// C, H, W.
    pub shape: [usize; 3],
    /// Class of each picture, `[N]`.
    pub labels: &'a [u32],
    /// Number of classes.
    pub classes: usize,
    /// Passes over the pictures.
    pub epochs: usize,
    /// Pictures a step.
    pub batch: usize,
    /// Peak learning rate; it falls to 0 as a half cosine.
    pub lr: f64,
    /// Decides the order.
    pub seed: u64,
    /// Where to compute; without autodiff.
    pub device: &'a Device,
}

/// Trains what lies above the activations. `step` hears of steps done, of how many, and the loss.
///
/// # Panics
/// If the lengths do not fit, or the net cannot be cut (see [`Net::below_last_block`]).
pub fn fine_tune(
    net: Net,
    spec: &FineTuneSpec,
    step: &mut dyn FnMut(u64, u64, f64),
) -> Result<(Net, Vec<EpochRecord>), FitError> {
    let n = spec.labels.len();
    let len: usize = spec.shape.iter().product();
    assert_eq!(spec.activations.len(), n * len, "fine_tune: {n} pictures of {:?}", spec.shape);
    let rule = OptimizerPart {
        name: Rule::AdamW,
        lr: spec.lr,
        momentum: 0.0,
        nesterov: false,
        betas: [0.9, 0.999],
        eps: 1e-8,
        weight_decay: 0.01,
        clip_norm: 5.0,
    };
    let (schedule, mut optimizer) = (Schedule::Cosine { warmup_epochs: 0.0 }, Optimizer::new(&rule));
    let class_weights = class_weights(spec.labels.iter().copied(), spec.classes, ClassWeights::Auto);
    let criterion = CrossEntropy { label_smoothing: 0.0, class_weights };
    let device = spec.device.clone().autodiff();
    let mut net = net.train();
    let steps = n.div_ceil(spec.batch) as u64;
    let (mut done, mut history) = (0, Vec::new());
    for epoch in 0..spec.epochs {
        let mut order: Vec<usize> = (0..n).collect();
        Key::new(spec.seed).with(epoch as u64).with_name("finetune order").stream().shuffle(&mut order);
        let (mut loss_sum, mut lr) = (0.0, spec.lr);
        for batch in order.chunks(spec.batch) {
            let at = Position { step: done, steps_per_epoch: steps, epochs: spec.epochs as u64 };
            lr = schedule.lr(spec.lr, at);
            let rows = batch.iter().flat_map(|&i| spec.activations[i * len..(i + 1) * len].iter().copied());
            let [c, h, w] = spec.shape;
            let x = TensorData::new(rows.collect::<Vec<f32>>(), [batch.len(), c, h, w]);
            let labels: Vec<u32> = batch.iter().map(|&i| spec.labels[i]).collect();
            let logits = net.forward_above(Tensor::<4>::from_data(x, &device), &Pass::Infer); // [N, K]
            let loss = criterion.forward(logits, &labels); // [1]
            let value = f64::from(loss.clone().into_scalar::<f32>());
            let mut grads = loss.backward();
            optimizer.step(&mut net, &mut grads, lr);
            done += 1;
            if !value.is_finite() {
                return Err(FitError::Diverged { loss: value, step: done, lr: spec.lr });
            }
            loss_sum += value * batch.len() as f64;
            step(done, steps * spec.epochs as u64, value);
        }
        let train_loss = loss_sum / n as f64;
        history.push(EpochRecord {
            epoch: epoch + 1,
            step: done,
            lr,
            train_loss,
            valid_loss: None,
            valid_balanced_accuracy: None,
            valid_psnr: None,
        });
    }
    Ok((net.valid(), history))
}

#[cfg(test)]
mod tests {
    use super::*;
    use striate_nn::NetConfig;
    use striate_nn::weights::named_tensors;

    #[test]
    fn the_loss_falls_below_nothing_moves_and_threads_change_no_bit() {
        let device = Device::flex();
        let mut config = NetConfig::new("efficientnet_lite0", 2).expect("a model");
        config.image_size = [64, 64];
        let before = config.init(5, &device).expect("a net");
        let labels: Vec<u32> = (0..12).map(|i| i % 2).collect();
        let value = |at: usize| (at * 37 % 101) as f32 / 101.0 + (at / 768 % 2 * (at % 2)) as f32;
        let activations: Vec<f32> = (0..12 * 768).map(value).collect(); // [12, 192, 2, 2]
        let tune = |threads| {
            let spec = FineTuneSpec {
                activations: &activations,
                shape: [192, 2, 2],
                labels: &labels,
                classes: 2,
                epochs: 6,
                batch: 5,
                lr: 1e-3,
                seed: 3,
                device: &device,
            };
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a thread pool");
            let (net, history) =
                pool.install(|| fine_tune(before.clone(), &spec, &mut |_, _, _| {})).expect("it trains");
            (named_tensors(&net), history)
        };
        let (after, history) = tune(1);
        assert_eq!((after.clone(), history.clone()), tune(3));
        assert!(history[5].train_loss < 0.7 * history[0].train_loss, "{history:?}");
        let before = named_tensors(&before);
        let moved: Vec<&String> = before.keys().filter(|name| before[*name] != after[*name]).collect();
        let above = |name: &String| ["blocks.6", "conv_head", "bn2", "classifier"].iter().any(|p| name.starts_with(p));
        assert!(moved.iter().all(|name| above(name) && !name.contains("running")), "{moved:?}");
        for part in ["blocks.6.0.conv_pw.weight", "blocks.6.0.bn3.bias", "conv_head.weight", "classifier.weight"] {
            assert!(moved.iter().any(|name| *name == part), "{part} stayed: {moved:?}");
        }
    }
}
