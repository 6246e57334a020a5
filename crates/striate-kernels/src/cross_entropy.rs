//! Softmax cross entropy and its gradient, in f64 with exponentials that are the same on every machine.

/// `-sum(target * log_softmax(logits))` over rows of `k`; `dlogits` becomes its gradient.
///
/// # Panics
/// If the lengths differ.
pub fn softmax_cross_entropy(logits: &[f32], target: &[f32], k: usize, dlogits: &mut [f32]) -> f64 {
    assert!(logits.len() == target.len() && dlogits.len() == logits.len(), "softmax_cross_entropy: lengths differ");
    let rows = logits.chunks_exact(k).zip(target.chunks_exact(k)).zip(dlogits.chunks_exact_mut(k));
    let mut loss = 0.0;
    for ((logits, target), dlogits) in rows {
        let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let above = |logit: f32| f64::from(logit) - f64::from(top);
        let sum: f64 = logits.iter().map(|&logit| libm::exp(above(logit))).sum();
        let (log_sum, weight) = (libm::log(sum), target.iter().map(|&t| f64::from(t)).sum::<f64>());
        for ((&logit, &target), dlogit) in logits.iter().zip(target).zip(dlogits) {
            let target = f64::from(target);
            loss -= target * (above(logit) - log_sum);
            *dlogit = (weight * libm::exp(above(logit)) / sum - target) as f32;
        }
    }
    loss
}
