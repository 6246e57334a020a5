//! Small gray copies of pictures, for comparing pictures of any size, kind and exposure with each other.

use crate::picture::{LUMA, Picture, Pixels};

/// What is averaged, in units of the stored type's range; the weights are those of JPEG (Rec. 601).
#[derive(Clone, Copy, Debug)]
pub(crate) enum Channel {
    /// Brightness.
    Luma,
    /// Blue against the rest, around 0.
    Cb,
    /// Red against the rest, around 0.
    Cr,
}

/// A picture averaged down (or spread out) to `side * side` values, row-major.
///
/// Every output value is the exact mean of the source area that it covers, so sizes need not divide each other.
pub(crate) fn thumbnail(picture: &Picture, side: usize, channel: Channel) -> Vec<f32> {
    let weights = match (picture.channels, channel) {
        (3, Channel::Luma) => LUMA,
        (3, Channel::Cb) => [-0.168_736, -0.331_264, 0.5],
        (3, Channel::Cr) => [0.5, -0.418_688, -0.081_312],
        (_, Channel::Luma) => [1.0, 0.0, 0.0],
        (_, Channel::Cb | Channel::Cr) => [0.0; 3],
    };
    match &picture.pixels {
        Pixels::U8(v) => area_mean(picture, side, weights.map(|w| w / 255.0), |i| f32::from(v[i])),
        Pixels::U16(v) => area_mean(picture, side, weights.map(|w| w / 65535.0), |i| f32::from(v[i])),
        Pixels::F32(v) => area_mean(picture, side, weights, |i| v[i]),
    }
}

/// Whether a thumbnail shows nothing: all its values are equal but for noise below what the stored type can show.
pub(crate) fn is_flat(picture: &Picture, thumbnail: &[f32]) -> bool {
    let (low, high) = thumbnail.iter().fold((f32::MAX, f32::MIN), |(low, high), &v| (low.min(v), high.max(v)));
    let step = match picture.pixels {
        Pixels::U8(_) => 1.5 / 255.0,
        Pixels::U16(_) => 4.0 / 65535.0,
        Pixels::F32(_) => 1e-5 * low.abs().max(high.abs()),
    };
    high - low <= step
}

/// The outputs that each source row or column overlaps, with the share of the output that it covers.
fn overlaps(from: usize, to: usize) -> Vec<Vec<(usize, f32)>> {
    // In units of 1 / (from * to): source i covers [i * to, (i + 1) * to), output o covers [o * from, (o + 1) * from).
    let one = |i: usize| {
        let (start, end) = (i * to, (i + 1) * to);
        let share = |o: usize| (end.min((o + 1) * from) - start.max(o * from)) as f64 / from as f64;
        (start / from..end.div_ceil(from)).map(|o| (o, share(o) as f32)).collect()
    };
    (0..from).map(one).collect()
}

fn area_mean(picture: &Picture, side: usize, weights: [f32; 3], stored: impl Fn(usize) -> f32) -> Vec<f32> {
    let (h, w, c) = (picture.height, picture.width, picture.channels);
    let (rows, columns) = (overlaps(h, side), overlaps(w, side));
    let value = |i: usize| {
        if c == 1 { weights[0] * stored(i) } else { (0..3).map(|k| weights[k] * stored(i + k)).sum() }
    };
    let mut out = vec![0.0; side * side];
    let mut line = vec![0.0; side];
    for (y, row) in rows.iter().enumerate() {
        line.fill(0.0);
        for (x, column) in columns.iter().enumerate() {
            let value: f32 = value((y * w + x) * c);
            column.iter().for_each(|&(o, share)| line[o] += share * value);
        }
        for &(o, share) in row {
            out[o * side..(o + 1) * side].iter_mut().zip(&line).for_each(|(out, v)| *out += share * v);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_means_of_what_they_cover() {
        let gray = |h: usize, w: usize, v: Vec<f32>| Picture::new(h, w, 1, Pixels::F32(v));
        assert_eq!(thumbnail(&gray(1, 1, vec![3.0]), 2, Channel::Luma), [3.0; 4]);
        assert_eq!(thumbnail(&gray(2, 2, vec![0.0, 1.0, 2.0, 3.0]), 1, Channel::Luma), [1.5]);
        let three = thumbnail(&gray(1, 3, vec![0.0, 3.0, 6.0]), 2, Channel::Luma); // 3 columns onto 2
        assert!(three.iter().zip([1.0, 5.0, 1.0, 5.0]).all(|(a, b)| (a - b).abs() < 1e-5), "{three:?}");
        let rgb = Picture::new(1, 1, 3, Pixels::U8(vec![255, 0, 0]));
        let of = |channel| thumbnail(&rgb, 1, channel)[0];
        assert!((of(Channel::Luma) - 0.299).abs() < 1e-6 && (of(Channel::Cr) - 0.5).abs() < 1e-6);
    }

    #[test]
    fn one_colour_is_flat() {
        let of = |values: Vec<u8>| {
            let picture = Picture::new(2, 2, 1, Pixels::U8(values));
            is_flat(&picture, &thumbnail(&picture, 2, Channel::Luma))
        };
        assert!(of(vec![7, 8, 7, 7]) && !of(vec![7, 9, 7, 7]));
    }
}
