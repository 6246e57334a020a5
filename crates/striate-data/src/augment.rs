//! Seeded augmentation of a picture in `[0, 1]`: random changes that leave its label true.
//!
//! Each draw depends on its own key (seed, epoch, picture, purpose), so switching one change on or off leaves the
//! draws of the others as they were. All geometry is composed into one affine map and one resampling, so a picture
//! that is rotated, skewed and cropped is blurred once.

use serde::{Deserialize, Serialize};
use striate_kernels::rng::Key;

mod affine;
mod colour;
mod cutout;
mod turn;
mod words;

use affine::Affine;
use colour::ColourChange;
use turn::Turn;

/// What may be changed, and how far. The default changes nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Augment {
    /// Moves by up to this fraction of each side, in whole pixels, so that small pictures stay sharp.
    pub shift: f32,
    /// Takes a part whose share of the area lies in this range, its aspect ratio changed by up to 4/3, and enlarges
    /// it to the whole (the random resized crop of Szegedy et al. 2015 <https://arxiv.org/abs/1409.4842>).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crop: Option<[f32; 2]>,
    /// Exchanges left and right in half of the pictures.
    pub flip_horizontal: bool,
    /// Exchanges top and bottom in half of the pictures.
    pub flip_vertical: bool,
    /// Rotates by up to this many degrees either way.
    pub rotate: f32,
    /// Shears along the rows by up to this many degrees either way.
    pub skew: f32,
    /// Darkens by up to this fraction.
    pub darken: f32,
    /// Lightens by up to this fraction.
    pub lighten: f32,
    /// Multiplies the distance from the mean luma by 1 plus or minus up to this.
    pub contrast: f32,
    /// Multiplies the distance from gray by 1 plus or minus up to this.
    pub saturation: f32,
    /// Rotates hues by up to this many degrees either way.
    pub hue: f32,
    /// Covers a part with sides of this fraction by the mean colour; its centre is anywhere, so it may lie partly
    /// outside (DeVries and Taylor 2017 <https://arxiv.org/abs/1708.04552>).
    pub cutout: f32,
}

/// A value that augmentation cannot take.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error("augment: `{field}` is {got}, must be {want}")]
pub struct AugmentError {
    field: &'static str,
    got: String,
    want: &'static str,
}

impl Augment {
    /// Whether nothing is changed.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Checks values that were read from a file; [`Augment::apply`] relies on it.
    pub fn check(&self) -> Result<(), AugmentError> {
        let fraction = "from 0 to 1";
        let limits = [
            ("shift", self.shift, 1.0, "a fraction of the side, from 0 to 1"),
            ("rotate", self.rotate, 180.0, "degrees from 0 to 180"),
            ("skew", self.skew, 60.0, "degrees from 0 to 60"),
            ("darken", self.darken, 1.0, fraction),
            ("lighten", self.lighten, 1.0, fraction),
            ("contrast", self.contrast, 1.0, fraction),
            ("saturation", self.saturation, 1.0, fraction),
            ("hue", self.hue, 180.0, "degrees from 0 to 180"),
            ("cutout", self.cutout, 1.0, "a fraction of the side, from 0 to 1"),
        ];
        for (field, got, most, want) in limits {
            if !(0.0..=most).contains(&got) {
                return Err(AugmentError { field, got: got.to_string(), want });
            }
        }
        match self.crop {
            Some([low, high]) if !(low > 0.0 && low <= high && high <= 1.0) => {
                let got = format!("[{low}, {high}]");
                Err(AugmentError { field: "crop", got, want: "[low, high], shares of the area above 0 and up to 1" })
            }
            _ => Ok(()),
        }
    }

    /// Changes one picture; `key` is that of seed, epoch and picture.
    ///
    /// # Shapes
    /// - `x`: `shape` = `[C, H, W]`, gray or RGB in `[0, 1]`, and stays so
    ///
    /// # Panics
    /// If `x` is not of that shape, or C is neither 1 nor 3.
    pub fn apply(&self, x: &mut [f32], shape: [usize; 3], key: Key) {
        let [c, h, w] = shape;
        assert!(c == 1 || c == 3, "Augment::apply: C must be 1 or 3, got {c}");
        assert_eq!(x.len(), c * h * w, "Augment::apply: values for {shape:?}");
        if x.is_empty() || self.is_none() {
            return;
        }
        self.geometry([h, w], key).apply(x, [h, w]);
        self.colours(key).apply(x, c);
        if self.cutout > 0.0 {
            cutout::cover(x, [h, w], self.cutout, key.with_name("cutout"));
        }
    }

    /// The map from a changed picture back to the picture: crop, flip, rotate, skew, then shift.
    fn geometry(&self, [h, w]: [usize; 2], key: Key) -> Affine {
        let (h, w) = (h as f64, w as f64);
        let stream = |name| key.with_name(name).stream();
        let spread = |name, most: f32| f64::from(stream(name).range(-most, most));
        let mut map = Affine::IDENTITY;
        if self.shift > 0.0 {
            let mut draw = stream("shift");
            let mut pixels = |side: f64| (f64::from(draw.range(-self.shift, self.shift)) * side).round();
            map = map.then(Affine::shift([pixels(h), pixels(w)]));
        }
        if self.skew > 0.0 {
            map = map.then(Affine::skew(Turn::degrees(spread("skew", self.skew))));
        }
        if self.rotate > 0.0 {
            map = map.then(Affine::rotate(Turn::degrees(spread("rotate", self.rotate))));
        }
        let flips = |on: bool, name| if on && stream(name).uniform() < 0.5 { -1.0 } else { 1.0 };
        let flip = [flips(self.flip_vertical, "flip vertical"), flips(self.flip_horizontal, "flip horizontal")];
        if flip != [1.0, 1.0] {
            map = map.then(Affine::scale(flip));
        }
        if let Some([low, high]) = self.crop {
            let mut draw = stream("crop");
            let area = f64::from(draw.range(low, high));
            let stretch = 1.0 + f64::from(draw.uniform()) / 3.0;
            let aspect = if draw.uniform() < 0.5 { stretch } else { 1.0 / stretch };
            let part = [(area / aspect).sqrt().min(1.0), (area * aspect).sqrt().min(1.0)];
            let mut place = |side: f64, part: f64| side * (1.0 - part) * (f64::from(draw.uniform()) - 0.5);
            let offset = [place(h, part[0]), place(w, part[1])];
            map = map.then(Affine::scale(part)).then(Affine::shift([-offset[0], -offset[1]]));
        }
        map
    }

    fn colours(&self, key: Key) -> ColourChange {
        let draw = |name, low: f32, high: f32| key.with_name(name).stream().range(low, high);
        ColourChange {
            brightness: draw("brightness", 1.0 - self.darken, 1.0 + self.lighten),
            contrast: draw("contrast", 1.0 - self.contrast, 1.0 + self.contrast),
            saturation: draw("saturation", 1.0 - self.saturation, 1.0 + self.saturation),
            hue: Turn::degrees(f64::from(draw("hue", -self.hue, self.hue))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn everything() -> Augment {
        Augment {
            shift: 0.2,
            crop: Some([0.3, 1.0]),
            flip_horizontal: true,
            flip_vertical: true,
            rotate: 30.0,
            skew: 10.0,
            darken: 0.5,
            lighten: 0.5,
            contrast: 0.5,
            saturation: 0.8,
            hue: 30.0,
            cutout: 0.3,
        }
    }

    fn noise(n: usize) -> Vec<f32> {
        let mut stream = Key::new(9).stream();
        (0..n).map(|_| stream.uniform()).collect()
    }

    #[test]
    fn nothing_is_nothing() {
        let (before, mut x) = (noise(3 * 7 * 5), noise(3 * 7 * 5));
        assert!(Augment::default().is_none());
        Augment::default().apply(&mut x, [3, 7, 5], Key::new(1));
        assert_eq!(before, x);
        // Draws that happen to be neutral change nothing either.
        Augment { crop: Some([1.0, 1.0]), ..Augment::default() }.geometry([7, 5], Key::new(1));
    }

    #[test]
    fn one_key_one_result_and_within_bounds() {
        for shape in [[1, 28, 28], [3, 32, 20], [3, 1, 1], [1, 1, 9]] {
            let n = shape.iter().product();
            let mut results = Vec::new();
            for picture in 0..50 {
                let key = Key::new(2).with(3).with(picture);
                let (mut a, mut b) = (noise(n), noise(n));
                everything().apply(&mut a, shape, key);
                everything().apply(&mut b, shape, key);
                assert_eq!(a, b);
                assert!(a.iter().all(|v| (0.0..=1.0).contains(v)), "{shape:?}");
                results.push(a);
            }
            assert_ne!(results[0], results[1]);
        }
    }

    #[test]
    fn one_change_leaves_the_draws_of_the_others() {
        let (mut alone, mut both) = (noise(400), noise(400));
        Augment { flip_horizontal: true, shift: 0.3, ..Augment::default() }.apply(&mut alone, [1, 20, 20], Key::new(4));
        let more = Augment { flip_horizontal: true, shift: 0.3, cutout: 0.2, ..Augment::default() };
        more.apply(&mut both, [1, 20, 20], Key::new(4));
        let changed = alone.iter().zip(&both).filter(|(a, b)| a != b).count();
        assert!((1..=16).contains(&changed), "only the 4x4 cutout differs, got {changed}");
    }

    #[test]
    fn a_shift_moves_whole_pixels_in_every_direction() {
        let (h, w) = (9, 11);
        let before = noise(h * w);
        let mut moves = std::collections::BTreeSet::new();
        for picture in 0..200 {
            let mut x = before.clone();
            Augment { shift: 0.2, ..Augment::default() }.apply(&mut x, [1, h, w], Key::new(1).with(picture));
            // The middle stays within the picture, so it tells the move.
            let at = before.iter().position(|v| *v == x[4 * w + 5]).expect("a pixel of the picture");
            moves.insert((at / w, at % w));
        }
        assert_eq!(moves.len(), 25, "2 pixels up to 2 pixels down, 2 left to 2 right: {moves:?}");
    }

    #[test]
    fn values_are_checked() {
        everything().check().expect("valid");
        let told = |a: Augment| a.check().expect_err("wrong").to_string();
        assert_eq!(
            told(Augment { rotate: 400.0, ..Augment::default() }),
            "augment: `rotate` is 400, must be degrees from 0 to 180"
        );
        assert!(told(Augment { cutout: f32::NAN, ..Augment::default() }).contains("`cutout` is NaN"));
        assert!(told(Augment { crop: Some([0.5, 0.2]), ..Augment::default() }).contains("[0.5, 0.2]"));
    }

    #[test]
    fn unknown_fields_are_refused() {
        let parse = |text: &str| serde_json::from_str::<Augment>(text);
        assert_eq!(parse("{\"shift\": 0.25}").expect("valid"), Augment { shift: 0.25, ..Augment::default() });
        assert!(parse("{\"shfit\": 0.25}").expect_err("unknown").to_string().contains("shfit"));
        let text = serde_json::to_string(&everything()).expect("json");
        assert_eq!(parse(&text).expect("round trip"), everything());
    }
}
