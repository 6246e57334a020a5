//! The filters of the first layer: as pictures, by kind, and how each answers to gratings of all angles.

use serde::Serialize;
use striate_vision::filter_kind::{FilterKind, FilterKinds};

use super::subject::Filters;

/// The filters of a first layer, sorted for the eye.
pub(crate) struct FirstLayer {
    /// Oriented ones by angle, then blobs, then the others; coloured ones after gray ones.
    pub filters: Vec<Filter>,
    /// What was found.
    pub summary: FilterSummary,
}

/// One filter.
pub(crate) struct Filter {
    /// Which channel it makes.
    pub channel: usize,
    /// What it looks for; none where it is all zeros, or has one tap.
    pub kind: Option<FilterKind>,
}

/// How many filters look for what; one can be oriented and colour-opponent.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct FilterSummary {
    /// Taps of a side.
    pub side: usize,
    /// All of them.
    pub filters: usize,
    /// Edges or bars of one orientation.
    pub oriented: usize,
    /// Round blobs.
    pub blobs: usize,
    /// Channels of the input against each other.
    pub colour_opponent: usize,
    /// None of these.
    pub none: usize,
    /// Shares of a pattern that must be explained: by a Gabor function to be oriented, by a blob.
    pub bars: [f64; 2],
}

impl FirstLayer {
    /// Tells the filters apart.
    pub fn new(of: &Filters) -> Self {
        let Filters { ref weights, count, channels, side } = *of;
        let kinds = (side >= 2).then(|| FilterKinds::new(side));
        let filter = |channel: usize| {
            let weights = &weights[channel * channels * side * side..][..channels * side * side];
            Filter { channel, kind: kinds.as_ref().and_then(|kinds| kinds.tell(weights)) }
        };
        let mut filters: Vec<Filter> = (0..count).map(filter).collect();
        let of = |is: fn(&FilterKind) -> bool| filters.iter().filter_map(|f| f.kind.as_ref()).filter(|k| is(k)).count();
        let told = of(|kind| kind.is_oriented || kind.is_blob || kind.is_opponent);
        let summary = FilterSummary {
            side,
            filters: count,
            oriented: of(|kind| kind.is_oriented),
            blobs: of(|kind| kind.is_blob),
            colour_opponent: of(|kind| kind.is_opponent),
            none: count - told,
            bars: kinds.as_ref().map_or([1.0; 2], FilterKinds::bars),
        };
        let place = |filter: &Filter| match &filter.kind {
            Some(kind) if kind.is_oriented => (0, kind.is_opponent, kind.angle),
            Some(kind) if kind.is_blob => (1, kind.is_opponent, kind.wavelength),
            Some(kind) => (2, kind.is_opponent, kind.wavelength),
            None => (3, false, 0.0),
        };
        filters.sort_by(|a, b| {
            let (a, b) = (place(a), place(b));
            (a.0, a.1).cmp(&(b.0, b.1)).then(a.2.total_cmp(&b.2))
        });
        Self { filters, summary }
    }
}

/// A filter as a picture, `[3, K, K]` in `[0, 1]`: 0 is the middle gray, its greatest weight black or white; three channels are colours, of
/// others the mean is shown.
pub(crate) fn drawn(of: &Filters, channel: usize) -> Vec<f32> {
    let Filters { ref weights, channels, side, .. } = *of;
    let taps = side * side;
    let weights = &weights[channel * channels * taps..][..channels * taps];
    let colours: Vec<f32> = match channels {
        3 => weights.to_vec(),
        _ => {
            let mean = |i: usize| (0..channels).map(|c| weights[c * taps + i]).sum::<f32>() / channels as f32;
            (0..3 * taps).map(|i| mean(i % taps)).collect()
        }
    };
    let most = colours.iter().fold(1e-12_f32, |most, v| most.max(v.abs()));
    colours.iter().map(|v| 0.5 + 0.5 * v / most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::see::subject::Subject;

    #[test]
    fn a_trained_first_layer_looks_for_more_than_a_random_one() {
        let trained = FirstLayer::new(&Subject::open("squeezenet1_1").expect("embedded").filters);
        let net = striate_nn::NetConfig::new("squeezenet1_1", 1000).expect("a name");
        let device = burn::tensor::Device::flex();
        let tensors = striate_nn::weights::named_tensors(&net.init(4, &device).expect("builds"));
        let Subject { layers, mut filters, .. } = Subject::open("squeezenet1_1").expect("embedded");
        filters.weights = tensors[&format!("{}.weight", layers[0].path)].values.clone();
        let random = FirstLayer::new(&filters);
        let share = |first: &FirstLayer| first.summary.oriented + first.summary.blobs;
        assert!(share(&trained) > 2 * share(&random), "{:?} {:?}", trained.summary, random.summary);
        assert_eq!(trained.summary.filters, trained.filters.len());
    }
}
