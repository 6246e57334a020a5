//! What a net is fed: the preprocessing contract of a recipe, or of pretrained weights, for given data.

use crate::prepare::Prepared;
use striate_data::preprocess::{Colour, Filter, Preprocess, Resize, ValueRange};
use striate_nn::pretrained::InputSpec;
use striate_train::recipe::{InputColour, InputPart};

/// Mean and standard deviation that trained nets are fed with: unit values moved to about `[-2, 2]`, the same for all data.
const MEAN: f32 = 0.5;
const STD: f32 = 0.25;

/// Raw pixels at the pictures' own size, a side of at most `largest`, for nets that look at each pixel alone.
pub fn pixels(prepared: &Prepared, largest: usize) -> Preprocess {
    let input = InputPart { resize: Resize::Stretch, ..InputPart::default() };
    of_recipe(&input, prepared, largest)
}

/// The contract of pretrained weights, on pictures of this value range.
pub fn of_pretrained(spec: &InputSpec, range: ValueRange) -> Preprocess {
    let resize = Resize::CropCentre { fraction: spec.crop_fraction };
    let filter = match spec.filter {
        striate_nn::pretrained::Filter::Bilinear => Filter::Bilinear,
        striate_nn::pretrained::Filter::Bicubic => Filter::Bicubic,
    };
    Preprocess {
        colour: if spec.bgr { Colour::Bgr } else { Colour::Rgb },
        range,
        resize,
        size: [spec.size; 2],
        filter,
        mean: spec.mean.to_vec(),
        std: spec.std.to_vec(),
    }
}

/// The colours that a recipe's input keeps of this data.
pub fn colour(input: &InputPart, prepared: &Prepared) -> Colour {
    let gray = match input.colour {
        InputColour::Auto => prepared.scan.gray,
        InputColour::Gray => true,
        InputColour::Rgb => false,
    };
    if gray { Colour::Gray } else { Colour::Rgb }
}

/// The contract of a recipe's input on this data. The side is the recipe's, or the median short side of the pictures,
/// at most `largest`.
pub fn of_recipe(input: &InputPart, prepared: &Prepared, largest: usize) -> Preprocess {
    let [h, w] = prepared.scan.median_size;
    let side = input.image_size.unwrap_or_else(|| h.min(w).clamp(1, largest));
    let colour = colour(input, prepared);
    let channels = if colour == Colour::Gray { 1 } else { 3 };
    Preprocess {
        colour,
        range: prepared.scan.range,
        resize: input.resize,
        size: [side, side],
        filter: input.filter,
        mean: vec![MEAN; channels],
        std: vec![STD; channels],
    }
}
