//! Which classes are taken for which, and which channels tell them apart.

use super::activity::Activity;
use super::portrait::Said;
use super::subject::Subject;

/// Pairs of classes that are looked at, the most frequent mistakes first.
const PAIRS: usize = 24;
/// Channels named for each.
const CHANNELS: usize = 5;

/// One class taken for another.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pair {
    /// What they are.
    pub truth: usize,
    /// What they are said to be.
    pub predicted: usize,
    /// The pictures, as places in what was said; the surest mistake first.
    pub pictures: Vec<usize>,
    /// The channels whose greatest values differ most between the two classes.
    pub channels: Vec<Telling>,
}

/// A channel that tells two classes apart.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Telling {
    /// Number of the layer.
    pub layer: usize,
    /// Number of the channel.
    pub channel: usize,
    /// By how much the true class excites it more on average than the other, in deviations over all pictures.
    pub apart: f64,
    /// Of the pair's pictures, how many excite it as the wrong class does, and of how many that is known.
    pub misled: [usize; 2],
}

/// The pairs of classes that are confused, by their number of pictures.
pub(crate) fn pairs(subject: &Subject, activity: &Activity, said: &[Said]) -> Vec<Pair> {
    let mut found: Vec<Pair> = Vec::new();
    for (place, one) in said.iter().enumerate().filter(|(_, one)| one.is_wrong()) {
        let (truth, predicted) = (one.truth.unwrap_or_default(), one.class.0);
        match found.iter_mut().find(|pair| (pair.truth, pair.predicted) == (truth, predicted)) {
            Some(pair) => pair.pictures.push(place),
            None => found.push(Pair { truth, predicted, pictures: vec![place], channels: Vec::new() }),
        }
    }
    found.sort_by_key(|pair| (usize::MAX - pair.pictures.len(), pair.truth, pair.predicted));
    found.truncate(PAIRS);
    for pair in &mut found {
        pair.pictures.sort_by(|&a, &b| said[b].class.1.total_cmp(&said[a].class.1).then(a.cmp(&b)));
        pair.channels = telling(subject, activity, said, pair);
    }
    found
}

fn telling(subject: &Subject, activity: &Activity, said: &[Said], pair: &Pair) -> Vec<Telling> {
    let of_class = |class: usize| move |(_, one): &(usize, &Said)| one.truth == Some(class) && !one.is_wrong();
    let places =
        |class: usize| -> Vec<usize> { said.iter().enumerate().filter(of_class(class)).map(|(i, _)| i).collect() };
    let (right, wrong) = (places(pair.truth), places(pair.predicted));
    let mut all = Vec::new();
    for (layer, channels) in activity.layers.iter().enumerate().take(subject.layers.len()) {
        for (channel, seen) in channels.channels.iter().enumerate() {
            let mean = |places: &[usize]| {
                let values: Vec<f64> = places.iter().filter_map(|&at| seen.greatest_of(at)).collect();
                (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
            };
            let deviation = seen.deviation();
            let (Some(own), Some(other)) = (mean(&right), mean(&wrong)) else { continue };
            if deviation == 0.0 {
                continue;
            }
            let known: Vec<f64> = pair.pictures.iter().filter_map(|&at| seen.greatest_of(at)).collect();
            let misled = known.iter().filter(|&&v| (v - other).abs() < (v - own).abs()).count();
            let apart = (own - other) / deviation;
            all.push(Telling { layer, channel, apart, misled: [misled, known.len()] });
        }
    }
    all.sort_by(|a, b| b.apart.abs().total_cmp(&a.apart.abs()).then((a.layer, a.channel).cmp(&(b.layer, b.channel))));
    all.truncate(CHANNELS);
    all
}
