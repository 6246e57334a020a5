//! Losses of one picture by its logits.

use super::dense::dot;

/// What a linear classifier minimises over pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Of the softmax, in nats: logistic regression. The bias is free.
    CrossEntropy,
    /// `max(0, 1 - y m)^2` of each class against the rest, y = 1 for the picture's class and -1 for the others: a support vector
    /// machine. The bias is penalised, as liblinear does (Fan et al. 2008).
    SquaredHinge,
}

impl Loss {
    /// Whether the penalty counts the bias.
    pub fn penalises_bias(self) -> bool {
        self == Loss::SquaredHinge
    }

    /// Mean over classes of the second derivatives where all logits are equal and small.
    pub fn first_curvature(self, classes: usize) -> f64 {
        let classes = classes.max(2) as f64; // one class has no curvature
        match self {
            Loss::CrossEntropy => (1.0 - 1.0 / classes) / classes,
            Loss::SquaredHinge => 2.0,
        }
    }

    /// Turns logits into the derivatives by them; gives the loss and the mean of the second derivatives.
    pub fn differentiate(self, logits: &mut [f64], class: usize) -> (f64, f64) {
        match self {
            Loss::CrossEntropy => {
                let loss = softmax_cross_entropy(logits, class);
                let curvature = (1.0 - dot(logits, logits)) / logits.len() as f64;
                logits[class] -= 1.0;
                (loss, curvature)
            }
            Loss::SquaredHinge => {
                let (mut loss, mut active) = (0.0, 0_usize);
                for (k, logit) in logits.iter_mut().enumerate() {
                    let y = if k == class { 1.0 } else { -1.0 };
                    let slack = (1.0 - y * *logit).max(0.0);
                    loss += slack * slack;
                    active += usize::from(slack > 0.0);
                    *logit = -2.0 * y * slack;
                }
                (loss, 2.0 * active as f64 / logits.len() as f64)
            }
        }
    }
}

/// Turns logits into probabilities and gives `-ln` of that of `class`. `libm` has the same bits on every machine.
fn softmax_cross_entropy(logits: &mut [f64], class: usize) -> f64 {
    let highest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let logit = logits[class] - highest;
    logits.iter_mut().for_each(|x| *x = libm::exp(*x - highest));
    let sum: f64 = logits.iter().sum();
    logits.iter_mut().for_each(|x| *x /= sum);
    libm::log(sum) - logit
}
