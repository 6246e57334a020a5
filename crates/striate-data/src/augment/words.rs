//! Augmentation in words, for reports and the terminal.

use std::fmt;

use super::Augment;

impl fmt::Display for Augment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |share: f32| format!("{} %", (1000.0 * share).round() / 10.0);
        let mut words: Vec<String> = Vec::new();
        let mut up_to = |what: &str, amount: f32, shown: String| {
            if amount > 0.0 {
                words.push(format!("{what} up to {shown}"));
            }
        };
        up_to("shift", self.shift, percent(self.shift));
        up_to("rotate", self.rotate, format!("{}°", self.rotate));
        up_to("skew", self.skew, format!("{}°", self.skew));
        up_to("darken", self.darken, percent(self.darken));
        up_to("lighten", self.lighten, percent(self.lighten));
        up_to("contrast", self.contrast, format!("±{}", percent(self.contrast)));
        up_to("saturation", self.saturation, format!("±{}", percent(self.saturation)));
        up_to("hue", self.hue, format!("±{}°", self.hue));
        if self.cutout > 0.0 {
            words.push(format!("cutout of {} of the side", percent(self.cutout)));
        }
        if let Some([low, high]) = self.crop {
            words.push(format!("crop to {} to {} of the area", percent(low), percent(high)));
        }
        if self.flip_horizontal {
            words.push("flip left and right".into());
        }
        if self.flip_vertical {
            words.push("flip top and bottom".into());
        }
        f.write_str(&if words.is_empty() { "nothing is changed".into() } else { words.join(", ") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_on_is_named_and_nothing_else() {
        let augment = Augment { shift: 0.1, rotate: 15.0, flip_horizontal: true, ..Augment::default() };
        assert_eq!(augment.to_string(), "shift up to 10 %, rotate up to 15°, flip left and right");
        assert_eq!(Augment::default().to_string(), "nothing is changed");
    }
}
