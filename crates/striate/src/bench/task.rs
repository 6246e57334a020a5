//! One unit of timed work, and what it computed in two numbers.

use burn::tensor::Tensor;

/// Work that is built once and done many times.
pub(super) trait Task {
    /// Does it once; gives what it computed.
    fn run(&mut self) -> Vec<Output>;
}

/// A tensor that a task computed.
pub(super) enum Output {
    /// A loss, `[1]`.
    Loss(Tensor<1>),
    /// Logits, `[N, K]`.
    Logits(Tensor<2>),
    /// Maps or filters, `[N, C, H, W]`.
    Maps(Tensor<4>),
}

/// What two programs compare.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// Sum of the absolute values, added up in f64.
    pub abs_sum: f64,
    /// The first element, row-major.
    pub first: f64,
}

impl Output {
    pub(super) fn summary(self) -> Summary {
        let values = match self {
            Output::Loss(t) => t.into_data(),
            Output::Logits(t) => t.into_data(),
            Output::Maps(t) => t.into_data(),
        };
        let values = values.try_into_vec::<f32>().expect("nets compute in f32");
        Summary {
            abs_sum: values.iter().map(|v| f64::from(v.abs())).sum(),
            first: values.first().map_or(0.0, |v| f64::from(*v)),
        }
    }
}
