//! Axes: ticks at round numbers, and the 0 to 100 % scale that the dot charts share.

use maud::{Markup, html};

use crate::html::number::tick;

/// Round numbers that cover `low..=high`, about `wanted` of them, rising.
pub fn ticks(low: f64, high: f64, wanted: usize) -> Vec<f64> {
    if !(low.is_finite() && high.is_finite()) || high <= low {
        return vec![low, low + 1.0].into_iter().filter(|t| t.is_finite()).collect();
    }
    let rough = (high - low) / wanted.max(1) as f64;
    let decade = 10f64.powf(rough.log10().floor());
    let step =
        [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|m| m * decade).find(|s| *s >= rough * 0.999).unwrap_or(decade);
    let (first, last) = ((low / step + 1e-9).floor() as i64, (high / step - 1e-9).ceil() as i64);
    (first..=last).map(|i| i as f64 * step).collect()
}

/// Where a share in `[0, 1]` stands on the shared scale, in percent of the chart's width.
pub fn place(share: f64) -> f64 {
    let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
    round(3.0 + 94.0 * share)
}

/// The head of a dot chart: 0, 50 and 100 %, and where guessing stands.
pub fn scale(chance: Option<f64>) -> Markup {
    html! {
        svg role="img" width="100%" height="34" aria-label="Scale from 0 to 100 %" {
            text.tick x="3%" y="30" text-anchor="middle" { "0" }
            text.tick x="50%" y="30" text-anchor="middle" { "50" }
            text.tick x="97%" y="30" text-anchor="middle" { "100\u{202f}%" }
            @if let Some(c) = chance {
                text.tick.chance x={ (place(c)) "%" } y="13" text-anchor=(if c < 0.15 { "start" } else { "middle" }) { "chance " (tick(c)) }
            }
        }
    }
}

/// Two digits after the point are finer than a pixel.
pub fn round(v: f64) -> f64 {
    (v * 100.0).round() / 100.0
}

/// At most `limit` of `n` indices, evenly spread, first and last among them.
pub fn thinned(n: usize, limit: usize) -> Vec<usize> {
    if n <= limit {
        return (0..n).collect();
    }
    (0..limit).map(|i| i * (n - 1) / (limit - 1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_cover() {
        assert_eq!(ticks(0.0, 2.31, 4), vec![0.0, 1.0, 2.0, 3.0]);
        assert_eq!(ticks(0.0, 10.0, 5), vec![0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        assert!(ticks(1.0, 1.0, 4).len() == 2 && ticks(f64::NAN, 1.0, 4).is_empty());
    }

    #[test]
    fn places_stay_inside() {
        assert_eq!((place(0.0), place(1.0), place(7.0), place(f64::NAN)), (3.0, 97.0, 97.0, 3.0));
    }

    #[test]
    fn thinning_keeps_both_ends() {
        let kept = thinned(1000, 300);
        assert_eq!((kept.len(), kept[0], kept[299]), (300, 0, 999));
    }
}
