//! Whether probabilities can be taken at their word: a reliability diagram with its table.

use maud::{Markup, html};

use crate::html::Section;
use crate::html::axis::round;
use crate::html::number::{count, percent, tick};
use crate::page::{Calibration, CalibrationBin, Page};

/// Side of the plot in px, and the margins for its labels.
const SIDE: f64 = 250.0;
const LEFT: f64 = 68.0;
const TOP: f64 = 10.0;

/// Draws the section, or nothing where nothing was held out.
pub fn draw(page: &Page) -> Option<Section> {
    let calibration = page.calibration.as_ref()?;
    let usable = |b: &&CalibrationBin| b.n > 0 && b.confidence.is_finite() && b.accuracy.is_finite();
    let bins: Vec<&CalibrationBin> = calibration.bins.iter().filter(usable).take(40).collect();
    if bins.is_empty() {
        return None;
    }
    Some(Section {
        id: "calibration",
        title: "Can its probabilities be believed?",
        short: "Calibration",
        body: html! {
            p.lead { (verdict(calibration, &bins)) }
            div.beside {
                (diagram(&bins))
                div.scroll tabindex="0" { table.plain {
                    caption.sr { "Reliability by probability" }
                    thead { tr { th.num scope="col" { "It says" } th.num scope="col" { "It is right" } th.num scope="col" { "Pictures" } } }
                    tbody { @for b in &bins { tr { td.num { (percent(b.confidence)) } td.num { (percent(b.accuracy)) } td.num { (count(b.n)) } } } }
                } }
            }
        },
        note: html! {
            p { "Pictures are gathered by the probability of the answer given. On the diagonal, answers given with 80\u{202f}% are right in 80\u{202f}% of cases. Area: number of pictures." }
            p { b { "Expected calibration error" } " " (percent(calibration.ece)) ": mean distance from the diagonal, weighted by pictures (Guo et al. 2017). On few pictures chance alone makes some." }
            @if calibration.brier.is_finite() { p { b { "Brier score" } " " (format!("{:.3}", calibration.brier)) ": mean squared distance of the probabilities from the truth, summed over classes (Brier 1950). 0 is perfect; always giving each of K classes the same probability has 1 − 1/K." } }
            p { "The probabilities of a ladder's model are calibrated by one number, a temperature that was found on held-out pictures other than those it is shown for." }
        },
    })
}

fn verdict(calibration: &Calibration, bins: &[&CalibrationBin]) -> Markup {
    let n: usize = bins.iter().map(|b| b.n).sum();
    let mean = |f: fn(&CalibrationBin) -> f64| bins.iter().map(|b| f(b) * b.n as f64).sum::<f64>() / n as f64;
    let (said, right) = (mean(|b| b.confidence), mean(|b| b.accuracy));
    let word = match said - right {
        gap if calibration.ece < 0.05 && gap.abs() < 0.03 => "Nearly",
        gap if gap > 0.03 => "It is too sure of itself",
        gap if gap < -0.03 => "It is too modest",
        _ => "On the whole, though not at every level",
    };
    html! { b { (word) } ": on average it says " (percent(said)) " and is right in " (percent(right)) " of cases." }
}

fn diagram(bins: &[&CalibrationBin]) -> Markup {
    let (x, y) =
        (|v: f64| round(LEFT + SIDE * v.clamp(0.0, 1.0)), |v: f64| round(TOP + SIDE * (1.0 - v.clamp(0.0, 1.0))));
    let most = bins.iter().map(|b| b.n).max().unwrap_or(1) as f64;
    let radius = |n: usize| round(3.0 + 8.0 * (n as f64 / most).sqrt());
    html! {
        svg.reliability role="img" width="336" height="312" viewBox="0 0 336 312" aria-labelledby="rel-t rel-d" {
            title id="rel-t" { "Reliability diagram" }
            desc id="rel-d" { "Share labelled right against the probability given; the table holds the same numbers." }
            @for t in [0.0, 0.25, 0.5, 0.75, 1.0] {
                line.grid x1=(x(0.0)) x2=(x(1.0)) y1=(y(t)) y2=(y(t)) {}
                line.grid x1=(x(t)) x2=(x(t)) y1=(y(0.0)) y2=(y(1.0)) {}
                @if t != 0.25 && t != 0.75 {
                    text.tick x=(LEFT - 8.0) y=(y(t) + 4.0) text-anchor="end" { (tick(t)) }
                    text.tick x=(x(t)) y=(TOP + SIDE + 18.0) text-anchor="middle" { (tick(t)) }
                }
            }
            line.diagonal x1=(x(0.0)) y1=(y(0.0)) x2=(x(1.0)) y2=(y(1.0)) {}
            @for b in bins { line.range x1=(x(b.confidence)) x2=(x(b.confidence)) y1=(y(b.confidence)) y2=(y(b.accuracy)) {} }
            @for b in bins {
                circle.bubble cx=(x(b.confidence)) cy=(y(b.accuracy)) r=(radius(b.n)) {
                    title { "says " (percent(b.confidence)) ", right " (percent(b.accuracy)) ", " (count(b.n)) " pictures" }
                }
            }
            text.tick x=(LEFT + SIDE / 2.0) y=(TOP + SIDE + 40.0) text-anchor="middle" { "probability it gave" }
            text.tick transform={ "translate(12 " (TOP + SIDE / 2.0) ") rotate(-90)" } text-anchor="middle" { "share that was right" }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::html::sample;

    #[test]
    fn says_in_words_which_way_it_errs() {
        let bin = |confidence, accuracy| CalibrationBin { confidence, accuracy, n: 50 };
        let word =
            |b: CalibrationBin, ece| verdict(&Calibration { bins: vec![], ece, brier: 0.1 }, &[&b]).into_string();
        assert!(word(bin(0.95, 0.80), 0.15).contains("too sure"));
        assert!(word(bin(0.70, 0.90), 0.20).contains("too modest"));
        assert!(word(bin(0.91, 0.90), 0.01).contains("Nearly"));
    }

    #[test]
    fn empty_bins_make_no_section() {
        let mut page = sample::photos();
        page.calibration = Some(Calibration {
            bins: vec![CalibrationBin { confidence: f64::NAN, accuracy: 0.0, n: 3 }],
            ece: f64::NAN,
            brier: f64::NAN,
        });
        assert!(draw(&page).is_none());
    }
}
