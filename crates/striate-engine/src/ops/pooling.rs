//! Pooling over windows and over whole maps.

use burn::tensor::{
    Tensor, module,
    ops::{AvgPoolOptions, MaxPoolOptions},
};

/// A pooling window; the same for rows and columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolSpec {
    /// Side of the window, in pixels.
    pub kernel_size: usize,
    /// Step from window to window, in pixels; smaller than the side, the windows overlap.
    pub stride: usize,
    /// Pixels added on each side: never the largest, never counted in a mean.
    pub padding: usize,
    /// Whether a last window that hangs over the edge counts.
    pub ceil_mode: bool,
}

impl PoolSpec {
    /// Windows of `side` that touch and do not overlap, without padding.
    pub fn tiles(side: usize) -> Self {
        Self { kernel_size: side, stride: side, padding: 0, ceil_mode: false }
    }
}

/// The largest value of each window.
///
/// # Shapes
/// - `x`: `[N, C, H, W]`, output: `[N, C, H_out, W_out]`
pub fn max_pool2d(x: Tensor<4>, spec: PoolSpec) -> Tensor<4> {
    let options = MaxPoolOptions::new([spec.kernel_size; 2])
        .with_stride([spec.stride; 2])
        .with_padding([spec.padding; 2])
        .with_ceil_mode(spec.ceil_mode);
    module::max_pool2d(x, options)
}

/// The mean of each window.
///
/// # Shapes
/// - `x`: `[N, C, H, W]`, output: `[N, C, H_out, W_out]`
pub fn avg_pool2d(x: Tensor<4>, spec: PoolSpec) -> Tensor<4> {
    let options = AvgPoolOptions::new([spec.kernel_size; 2])
        .with_stride([spec.stride; 2])
        .with_padding([spec.padding; 2])
        .with_count_include_pad(false)
        .with_ceil_mode(spec.ceil_mode);
    module::avg_pool2d(x, options)
}

/// The mean of each whole map.
///
/// # Shapes
/// - `x`: `[N, C, H, W]`, output: `[N, C]`
pub fn global_avg_pool2d(x: Tensor<4>) -> Tensor<2> {
    let [n, c, h, w] = x.dims();
    x.reshape([n, c, h * w]).mean_dim(2).reshape([n, c]) // [N, C]
}
