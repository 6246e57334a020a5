//! Softmax cross entropy.

use std::sync::{Arc, Mutex};

use burn::tensor::{Tensor, activation};
use burn_flex::FlexTensor;

use crate::custom::{INPUTS, Keeps, Kept, Op, absent, apply, on_cpu};
use crate::layout::{from_rows, rows};

/// `-sum(target * log_softmax(logits))`, over all pictures and classes, as one number.
///
/// `target` says how much each class of each picture counts: one-hot rows divided by N give the mean loss; class weights
/// and label smoothing are other rows (`striate_nn::losses::CrossEntropy` makes them).
///
/// # Shapes
/// - `logits`, `target`: `[N, K]`, output: `[1]`
///
/// # Panics
/// If the shapes differ.
pub fn softmax_cross_entropy(logits: Tensor<2>, target: Tensor<2>) -> Tensor<1> {
    assert_eq!(logits.dims(), target.dims(), "softmax_cross_entropy: logits and target differ in shape");
    let device = logits.device();
    if on_cpu(&device) {
        return apply(CrossEntropy::default(), (logits, target, absent::<1>(&device), absent::<1>(&device)));
    }
    (activation::log_softmax(logits, 1) * target).sum().neg()
}

/// Its gradient is computed with it, and kept until it is asked for.
#[derive(Debug, Default)]
struct CrossEntropy {
    gradient: Arc<Mutex<Vec<f32>>>,
}

impl Op for CrossEntropy {
    fn name(&self, _: &[FlexTensor; INPUTS]) -> String {
        "cross entropy".to_owned()
    }

    fn keeps(&self) -> Keeps {
        Keeps { inputs: [true, false, false, false], output: false }
    }

    fn forward(&self, [logits, target, ..]: [FlexTensor; INPUTS]) -> FlexTensor {
        let k = logits.layout().shape()[1];
        let mut gradient = vec![0.0; logits.layout().num_elements()];
        let (logits, target) = (rows(&logits), rows(&target));
        let loss = striate_kernels::cross_entropy::softmax_cross_entropy(&logits, &target, k, &mut gradient);
        *self.gradient.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = gradient;
        from_rows(vec![loss as f32], [1])
    }

    fn backward(&self, kept: Kept) -> [Option<FlexTensor>; INPUTS] {
        assert!(!kept.wanted[1], "softmax_cross_entropy: the target is a constant");
        let scale = rows(&kept.gradient)[0];
        let mut gradient = std::mem::take(&mut *self.gradient.lock().unwrap_or_else(|poisoned| poisoned.into_inner()));
        gradient.iter_mut().for_each(|g| *g *= scale);
        let shape = kept.inputs[0].layout().shape();
        [Some(from_rows(gradient, [shape[0], shape[1]])), None, None, None]
    }
}
