//! What a net that gives pictures loses where they differ from those wanted.

mod ms_ssim;

use burn::tensor::Tensor;
use striate_engine::ops::{Distance, distance};

use crate::recipe::PixelLoss;

/// Share of MS-SSIM in the mixed loss, the rest is L1. Zhao, Gallo, Frosio, Kautz 2017 <https://arxiv.org/abs/1511.08861>.
const MIXED: f64 = 0.84;

/// How values stand to those in `[0, 1]`: `unit = mean + std * value`.
#[derive(Clone, Copy, Debug)]
pub struct Units {
    /// Of the first channel, as all have.
    pub mean: f32,
    /// Of the first channel, as all have.
    pub std: f32,
}

impl Units {
    /// Values in `[0, 1]` themselves.
    pub const SAME: Self = Self { mean: 0.0, std: 1.0 };
}

/// The mean over all values, as one number on the graph.
///
/// # Shapes
/// - `x`, `wanted`: `[N, C, H, W]`, output: `[1]`
pub fn pixel_loss(loss: PixelLoss, x: Tensor<4>, wanted: Tensor<4>, units: Units) -> Tensor<1> {
    let count = x.shape().num_elements() as f64;
    let mean = |kind, x, wanted| distance(x, wanted, None, kind) / count;
    let similarity = |x: Tensor<4>, wanted: Tensor<4>| {
        let unit = |t: Tensor<4>| t * units.std + units.mean;
        let wanted = if x.is_autodiff() { Tensor::from_inner(wanted) } else { wanted };
        ms_ssim::loss(unit(x), unit(wanted))
    };
    match loss {
        PixelLoss::Mse => mean(Distance::Squared, x, wanted),
        PixelLoss::L1 => mean(Distance::Absolute, x, wanted),
        PixelLoss::MsSsim => similarity(x, wanted),
        PixelLoss::Mixed => {
            let l1 = mean(Distance::Absolute, x.clone(), wanted.clone()) * f64::from(units.std);
            similarity(x, wanted) * MIXED + l1 * (1.0 - MIXED)
        }
    }
}

/// The mean over the values of weight 1, where all others have weight 0; of squares, unless the loss is of absolute values.
///
/// # Shapes
/// - `x`, `wanted`, `weight`: `[N, C, H, W]`, output: `[1]`
pub fn pixel_loss_where(loss: PixelLoss, x: Tensor<4>, wanted: Tensor<4>, weight: Tensor<4>) -> Tensor<1> {
    let count = f64::from(weight.clone().sum().into_scalar::<f32>()).max(1.0);
    let kind = if loss == PixelLoss::L1 { Distance::Absolute } else { Distance::Squared };
    distance(x, wanted, Some(weight), kind) / count
}
