//! Softmax cross entropy.

use burn::tensor::{Tensor, activation};

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
    (activation::log_softmax(logits, 1) * target).sum().neg()
}
