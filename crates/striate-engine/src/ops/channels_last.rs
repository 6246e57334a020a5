//! The layout in which pictures lie inside a net.

use burn::tensor::Tensor;

/// The same tensor, laid out in memory as our kernels leave it: channels last.
///
/// # Shapes
/// - `x`, output: `[N, C, H, W]`
pub fn channels_last(x: Tensor<4>) -> Tensor<4> {
    let device = x.device();
    let pixels = x.permute([0, 2, 3, 1]).into_data(); // [N, H, W, C], in this order in memory
    Tensor::<4>::from_data(pixels, &device).permute([0, 3, 1, 2]) // [N, C, H, W]
}
