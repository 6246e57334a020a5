//! Hand-made features of gray pictures of 64 x 64: histograms of edge orientation, HOG, or both in one row.

use burn::tensor::{Tensor, TensorData};
use rayon::prelude::*;
use striate_data::preprocess::{Colour, Filter, Preprocess, Resize, ValueRange};
use striate_train::manifest::HandMade;
use striate_vision::array::Array;
use striate_vision::cells::Grid;
use striate_vision::edges::{EdgeOptions, edge_histograms};
use striate_vision::hog::{HogOptions, hog};

const SIDE: usize = HandMade::SIDE;

/// The pictures that these features look at, of values in this range.
pub(crate) fn preprocess(range: ValueRange) -> Preprocess {
    Preprocess {
        colour: Colour::Gray,
        range,
        resize: Resize::Stretch,
        size: [SIDE; 2],
        filter: Filter::Bilinear,
        mean: vec![0.0],
        std: vec![1.0],
    }
}

/// Histograms of edge orientation, 8 in each of 4 x 4 cells.
///
/// # Panics
/// If the picture is not 64 x 64.
pub(crate) fn edges(picture: &[f32]) -> Vec<f32> {
    let options = EdgeOptions { orientations: 8, grid: Grid { rows: 4, columns: 4 } };
    edge_histograms(&array(picture), &options).expect("64 x 64 pixels have room for 4 x 4 cells").into_values()
}

/// Dalal and Triggs 2005, as scikit-image has it.
///
/// # Panics
/// If the picture is not 64 x 64.
pub(crate) fn gradients(picture: &[f32]) -> Vec<f32> {
    hog(&array(picture), &HogOptions::default()).expect("64 x 64 pixels have room for a block").into_values()
}

/// Of a batch of prepared pictures.
///
/// # Shapes
/// - `x`: `[N, 1, 64, 64]`, output: `[N, 1, 1, D]`
pub(crate) fn features(kind: HandMade, x: Tensor<4>) -> Tensor<4> {
    let (n, device) = (x.dims()[0], x.device());
    let pictures = x.into_data().try_into_vec_as::<f32>().expect("pictures are f32");
    let rows = pictures.par_chunks_exact(SIDE * SIDE).map(|picture| match kind {
        HandMade::EdgesHog => [edges(picture), gradients(picture)].concat(),
    });
    let rows = rows.collect::<Vec<Vec<f32>>>().concat();
    Tensor::from_data(TensorData::new(rows, [n, 1, 1, kind.columns()]), &device)
}

fn array(picture: &[f32]) -> Array {
    Array::new(vec![SIDE; 2], picture.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn both_stand_in_one_row_of_the_length_that_manifests_name() {
        let picture: Vec<f32> = (0..SIDE * SIDE).map(|i| (i * i % 251) as f32 / 250.0).collect();
        let x = Tensor::<4>::from_data(TensorData::new(picture.repeat(2), [2, 1, SIDE, SIDE]), &Device::flex());
        let y = features(HandMade::EdgesHog, x);
        assert_eq!(y.dims(), [2, 1, 1, HandMade::EdgesHog.columns()]);
        let rows = y.into_data().try_into_vec_as::<f32>().expect("f32");
        let both = [edges(&picture), gradients(&picture)].concat();
        assert!(rows[..both.len()] == both[..] && rows[both.len()..] == both[..]);
        assert!(both[..128].iter().any(|v| *v > 0.0) && both[128..].iter().any(|v| *v > 0.0));
    }
}
