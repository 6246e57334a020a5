//! What a net that gives pictures loses where they differ from those wanted.

use burn::tensor::Tensor;
use striate_engine::ops::{Distance, distance};

use crate::recipe::PixelLoss;

/// The mean over all values, as one number on the graph.
///
/// # Shapes
/// - `x`, `wanted`: `[N, C, H, W]`, output: `[1]`
pub fn pixel_loss(loss: PixelLoss, x: Tensor<4>, wanted: Tensor<4>) -> Tensor<1> {
    let count = x.shape().num_elements() as f64;
    distance(x, wanted, None, kind(loss)) / count
}

/// The mean over the values of weight 1, where all others have weight 0.
///
/// # Shapes
/// - `x`, `wanted`, `weight`: `[N, C, H, W]`, output: `[1]`
pub fn pixel_loss_where(loss: PixelLoss, x: Tensor<4>, wanted: Tensor<4>, weight: Tensor<4>) -> Tensor<1> {
    let count = f64::from(weight.clone().sum().into_scalar::<f32>()).max(1.0);
    distance(x, wanted, Some(weight), kind(loss)) / count
}

fn kind(loss: PixelLoss) -> Distance {
    match loss {
        PixelLoss::Mse => Distance::Squared,
        PixelLoss::L1 => Distance::Absolute,
    }
}
