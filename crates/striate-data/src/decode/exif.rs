//! EXIF orientation: the eight ways a camera can be held.

use image::metadata::Orientation;

use super::{Decoded, Note};
use crate::picture::{Picture, Pixels};

/// Orientation 1..=8 of an EXIF block (with or without its "Exif" prefix); 1, upright, where it has none.
pub(super) fn orientation(exif: &[u8]) -> u8 {
    let exif = exif.strip_prefix(b"Exif\0\0").unwrap_or(exif);
    Orientation::from_exif_chunk(exif).map_or(1, Orientation::to_exif)
}

/// Turns a picture upright and notes it; an orientation outside 2..=8 changes nothing.
pub(super) fn upright(decoded: Decoded, orientation: u8) -> Decoded {
    if !(2..=8).contains(&orientation) {
        return decoded;
    }
    let Decoded { picture: Picture { height, width, channels, pixels }, mut notes } = decoded;
    let turn = Turn { height, width, channels, orientation };
    let pixels = match pixels {
        Pixels::U8(v) => Pixels::U8(turn.apply(&v)),
        Pixels::U16(v) => Pixels::U16(turn.apply(&v)),
        Pixels::F32(v) => Pixels::F32(turn.apply(&v)),
    };
    notes.push(Note::Oriented(orientation));
    let (height, width) = if orientation >= 5 { (width, height) } else { (height, width) };
    Decoded { picture: Picture::new(height, width, channels, pixels), notes }
}

struct Turn {
    height: usize,
    width: usize,
    channels: usize,
    orientation: u8,
}

impl Turn {
    fn apply<T: Copy>(&self, stored: &[T]) -> Vec<T> {
        let Self { height: h, width: w, channels: c, orientation } = *self;
        let (h_out, w_out) = if orientation >= 5 { (w, h) } else { (h, w) };
        let mut out = Vec::with_capacity(stored.len());
        for y in 0..h_out {
            for x in 0..w_out {
                // Stored row and column of the upright pixel (y, x).
                let (row, column) = match orientation {
                    2 => (y, w - 1 - x),
                    3 => (h - 1 - y, w - 1 - x),
                    4 => (h - 1 - y, x),
                    5 => (x, y),
                    6 => (h - 1 - x, y),
                    7 => (h - 1 - x, w - 1 - y),
                    8 => (x, w - 1 - y),
                    _ => (y, x),
                };
                let at = (row * w + column) * c;
                out.extend_from_slice(&stored[at..at + c]);
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_eight() {
        // Stored:  1 2 3
        //          4 5 6
        let expected: [(u8, &[u8]); 8] = [
            (1, &[1, 2, 3, 4, 5, 6]),
            (2, &[3, 2, 1, 6, 5, 4]),
            (3, &[6, 5, 4, 3, 2, 1]),
            (4, &[4, 5, 6, 1, 2, 3]),
            (5, &[1, 4, 2, 5, 3, 6]), // transposed
            (6, &[4, 1, 5, 2, 6, 3]), // turned clockwise
            (7, &[6, 3, 5, 2, 4, 1]),
            (8, &[3, 6, 2, 5, 1, 4]), // turned counterclockwise
        ];
        for (orientation, want) in expected {
            let picture = Picture::new(2, 3, 1, Pixels::U8(vec![1, 2, 3, 4, 5, 6]));
            let got = upright(Decoded { picture, notes: vec![] }, orientation);
            assert_eq!(got.picture.pixels, Pixels::U8(want.to_vec()), "orientation {orientation}");
            assert_eq!(got.picture.height, if orientation >= 5 { 3 } else { 2 });
            assert_eq!(got.notes.is_empty(), orientation == 1);
        }
    }

    #[test]
    fn a_broken_block_is_upright() {
        assert_eq!(orientation(b""), 1);
        assert_eq!(orientation(b"Exif\0\0MM\0*\0\0"), 1);
        assert_eq!(orientation(b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"), 6);
    }
}
