//! Pooling over windows and over whole maps.

use burn::tensor::{
    Tensor, module,
    ops::{AvgPoolOptions, MaxPoolOptions},
};
use burn_flex::FlexTensor;
use striate_kernels::memory::buffer;
use striate_kernels::pool::{self as kernel, PoolShape};

use crate::custom::{INPUTS, Keeps, Kept, Op, apply_to, on_cpu};
use crate::layout::{dims, from_pixels, from_rows, pixels, rows};

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
    let device = x.device();
    if on_cpu(&device) {
        return apply_to(MaxPool(spec), x);
    }
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
    let ([n, c, h, w], device) = (x.dims(), x.device());
    if on_cpu(&device) {
        return apply_to(MapMean { h, w }, x);
    }
    x.reshape([n, c, h * w]).mean_dim(2).reshape([n, c]) // [N, C]
}

/// The mean of the squares of each whole map.
///
/// # Shapes
/// - `x`: `[N, C, H, W]`, output: `[N, C]`
pub fn global_mean_square2d(x: Tensor<4>) -> Tensor<2> {
    let ([n, c, h, w], device) = (x.dims(), x.device());
    if on_cpu(&device) {
        return apply_to(MapMeanSquare, x);
    }
    x.square().reshape([n, c, h * w]).mean_dim(2).reshape([n, c]) // [N, C]
}

#[derive(Debug)]
struct MaxPool(PoolSpec);

impl MaxPool {
    fn shape(&self, x: &FlexTensor) -> PoolShape {
        let PoolSpec { kernel_size: kernel, stride, padding: pad, ceil_mode } = self.0;
        let [n, c, h, w] = dims(x);
        let out = |side: usize| {
            let room =
                (side + 2 * pad).checked_sub(kernel).expect("max_pool2d: the window fits into the padded picture");
            let out = if ceil_mode { room.div_ceil(stride) } else { room / stride } + 1;
            // A last window that begins behind the picture does not count.
            if ceil_mode && (out - 1) * stride >= side + pad { out - 1 } else { out }
        };
        PoolShape { n, h, w, c, kernel, stride, pad, h_out: out(h), w_out: out(w) }
    }
}

impl Op for MaxPool {
    fn name(&self, _: &[FlexTensor; INPUTS]) -> String {
        "max pool".to_owned()
    }

    fn keeps(&self) -> Keeps {
        Keeps { inputs: [true, false, false, false], output: true }
    }

    fn forward(&self, [x, ..]: [FlexTensor; INPUTS]) -> FlexTensor {
        let shape = self.shape(&x);
        let mut y = buffer(shape.n * shape.h_out * shape.w_out * shape.c);
        kernel::max_pool2d(&shape, &pixels(&x), &mut y);
        from_pixels(y, [shape.n, shape.c, shape.h_out, shape.w_out])
    }

    fn backward(&self, kept: Kept) -> [Option<FlexTensor>; INPUTS] {
        let x = &kept.inputs[0];
        let mut dx = buffer(x.layout().num_elements());
        let (y, dy) = (pixels(&kept.output), pixels(&kept.gradient));
        kernel::max_pool2d_backward(&self.shape(x), &pixels(x), &y, &dy, &mut dx);
        [Some(from_pixels(dx, dims(x))), None, None, None]
    }
}

#[derive(Debug)]
struct MapMean {
    h: usize,
    w: usize,
}

impl Op for MapMean {
    fn name(&self, _: &[FlexTensor; INPUTS]) -> String {
        "mean of maps".to_owned()
    }

    fn keeps(&self) -> Keeps {
        Keeps { inputs: [false; INPUTS], output: false }
    }

    fn forward(&self, [x, ..]: [FlexTensor; INPUTS]) -> FlexTensor {
        let [n, c, _, _] = dims(&x);
        let mut y = vec![0.0; n * c];
        kernel::mean_of_maps(&pixels(&x), c, &mut y);
        from_rows(y, [n, c])
    }

    fn backward(&self, kept: Kept) -> [Option<FlexTensor>; INPUTS] {
        let shape = kept.gradient.layout().shape();
        let (n, c) = (shape[0], shape[1]);
        let mut dx = buffer(n * c * self.h * self.w);
        kernel::mean_of_maps_backward(&rows(&kept.gradient), c, &mut dx);
        [Some(from_pixels(dx, [n, c, self.h, self.w])), None, None, None]
    }
}

#[derive(Debug)]
struct MapMeanSquare;

impl Op for MapMeanSquare {
    fn name(&self, _: &[FlexTensor; INPUTS]) -> String {
        "mean square of maps".to_owned()
    }

    fn keeps(&self) -> Keeps {
        Keeps { inputs: [true, false, false, false], output: false }
    }

    fn forward(&self, [x, ..]: [FlexTensor; INPUTS]) -> FlexTensor {
        let [n, c, _, _] = dims(&x);
        let mut y = vec![0.0; n * c];
        kernel::mean_square_of_maps(&pixels(&x), c, &mut y);
        from_rows(y, [n, c])
    }

    fn backward(&self, kept: Kept) -> [Option<FlexTensor>; INPUTS] {
        let x = &kept.inputs[0];
        let [n, c, h, w] = dims(x);
        let mut dx = buffer(n * c * h * w);
        kernel::mean_of_maps_backward(&rows(&kept.gradient), c, &mut dx);
        dx.iter_mut().zip(pixels(x).iter()).for_each(|(dx, x)| *dx *= 2.0 * x);
        [Some(from_pixels(dx, [n, c, h, w])), None, None, None]
    }
}
