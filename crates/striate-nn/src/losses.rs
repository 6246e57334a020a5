//! Losses.

use burn::tensor::{Device, Tensor, TensorData};
use striate_engine::ops;

/// Cross entropy of softmax, as PyTorch's `nn.CrossEntropyLoss` with `reduction="mean"`.
#[derive(Clone, Debug, Default)]
pub struct CrossEntropy {
    /// Share of each target that is spread evenly over all classes, in `[0, 1)`.
    pub label_smoothing: f32,
    /// How much each class counts; `None` is 1 for all.
    pub class_weights: Option<Vec<f32>>,
}

impl CrossEntropy {
    /// The mean loss of a batch, as one number.
    ///
    /// # Shapes
    /// - `logits`: `[N, K]`, `labels`: N numbers below K, output: `[1]`
    ///
    /// # Panics
    /// If the numbers of labels or class weights do not fit `logits`, or a label is not below K.
    pub fn forward(&self, logits: Tensor<2>, labels: &[u32]) -> Tensor<1> {
        let [n, k] = logits.dims();
        assert_eq!(labels.len(), n, "CrossEntropy: {n} rows of logits and {} labels", labels.len());
        let target = self.target(labels, k, &logits.device().inner());
        ops::softmax_cross_entropy(logits, target)
    }

    /// Row i says how much each class of picture i counts in the mean. # Shapes: output `[N, K]`
    fn target(&self, labels: &[u32], k: usize, device: &Device) -> Tensor<2> {
        let ones = vec![1.0; k];
        let weights = self.class_weights.as_ref().unwrap_or(&ones);
        assert_eq!(weights.len(), k, "CrossEntropy: {k} classes and {} class weights", weights.len());
        let total: f32 = labels.iter().map(|&label| weights[label as usize]).sum();
        let mut target = Vec::with_capacity(labels.len() * k);
        for &label in labels {
            let label = label as usize;
            target.extend((0..k).map(|class| {
                let hard = if class == label { (1.0 - self.label_smoothing) * weights[class] } else { 0.0 };
                (hard + self.label_smoothing / k as f32 * weights[class]) / total
            }));
        }
        Tensor::from_data(TensorData::new(target, [labels.len(), k]), device)
    }
}
