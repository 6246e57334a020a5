//! CPU tensors as the kernels see them: plain slices, pictures channels-last.
//!
//! A tensor stays `[N, C, H, W]` to everyone; ours lie in memory as `[N, H, W, C]`, which its strides say.

use std::borrow::Cow;

use burn::tensor::{Bytes, DType, Shape};
use burn_flex::{FlexTensor, Layout};
use striate_kernels::shuffle::channels_last;

/// Channels of a picture that comes from outside, at most.
const FEW: usize = 4;

/// The numbers in row-major order.
pub(crate) fn rows(tensor: &FlexTensor) -> Cow<'_, [f32]> {
    match tensor.as_slice::<f32>() {
        Some(slice) => Cow::Borrowed(slice),
        None => Cow::Owned(tensor.to_contiguous().storage::<f32>().to_vec()),
    }
}

/// `[N, C, H, W]` of a picture tensor.
pub(crate) fn dims(tensor: &FlexTensor) -> [usize; 4] {
    std::array::from_fn(|i| tensor.layout().shape()[i])
}

/// The numbers of a picture tensor in the order N, H, W, C.
pub(crate) fn pixels(tensor: &FlexTensor) -> Cow<'_, [f32]> {
    let [n, c, h, w] = dims(tensor);
    let layout = tensor.layout();
    // An axis of one pixel may have any stride.
    let wanted = [h * w * c, 1, w * c, c];
    let lies =
        layout.strides().iter().zip(wanted).zip([n, c, h, w]).all(|((&s, want), side)| side == 1 || s == want as isize);
    if lies {
        let start = layout.start_offset();
        return Cow::Borrowed(&tensor.storage::<f32>()[start..start + n * c * h * w]);
    }
    match tensor.as_slice::<f32>() {
        Some(planes) if c <= FEW => Cow::Owned(channels_last(planes, [n, c, h, w])),
        _ => Cow::Owned(rows(&tensor.permute(&[0, 2, 3, 1])).into_owned()),
    }
}

/// A picture tensor `[N, C, H, W]` from numbers in the order N, H, W, C.
pub(crate) fn from_pixels(values: Vec<f32>, [n, c, h, w]: [usize; 4]) -> FlexTensor {
    let strides = [h * w * c, 1, w * c, c].map(|stride| stride as isize).to_vec();
    FlexTensor::new(Bytes::from_elems(values), Layout::new(Shape::from([n, c, h, w]), strides, 0), DType::F32)
}

/// A tensor from numbers in row-major order.
pub(crate) fn from_rows<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> FlexTensor {
    FlexTensor::new(Bytes::from_elems(values), Layout::contiguous(Shape::from(shape)), DType::F32)
}

/// The numbers of a picture tensor in the order N, H, W, C, if there is one.
pub(crate) fn optional_pixels(input: &FlexTensor) -> Option<Cow<'_, [f32]>> {
    (input.layout().num_elements() > 0).then(|| pixels(input))
}

/// The one-dimensional tensor `input`, if there is one.
pub(crate) fn optional(input: &FlexTensor) -> Option<Cow<'_, [f32]>> {
    (input.layout().num_elements() > 0).then(|| rows(input))
}
