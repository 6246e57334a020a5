//! The top of the page: what was learned, the headline figure with its interval, and the verdict in sentences.

use maud::{Markup, html};

use crate::html::axis::place;
use crate::html::number::{interval, percent, several, shown, tick};
use crate::page::Page;
use crate::report::Score;

/// The figure that stands in large type, and what it was measured on.
pub struct Headline<'a> {
    pub score: &'a Score,
    pub measured: String,
}

/// The most honest figure there is: the test split, else what the choice is worth, else the chosen rung.
/// None where copies across the splits took the test figure away: no other one may stand in its place.
pub fn headline(page: &Page) -> Option<Headline<'_>> {
    let report = &page.report;
    let copies = if report.leaks.is_empty() { "" } else { ", copies of training pictures included" };
    let judged = shown(&page.judged_by, 120);
    let choice = || Some((report.selected.as_ref()?, format!("{judged}; chosen without the pictures that score it")));
    let rung = || Some((&report.rungs.iter().find(|r| r.name == report.chosen)?.score, judged.to_string()));
    if report.test.is_none() && !report.leaks.is_empty() {
        return None;
    }
    let test = report.test.as_ref().map(|score| (score, format!("on the test split{copies}")));
    test.or_else(choice).or_else(rung).map(|(score, measured)| Headline { score, measured })
}

/// Balanced accuracy of guessing: one over the number of classes.
pub fn chance(page: &Page) -> Option<f64> {
    let classes = page.confusion.as_ref().map_or(page.data.classes.len(), |c| c.classes.len());
    let guessing = page.report.rungs.iter().find(|r| r.name == "chance").map(|r| r.score.balanced_accuracy);
    guessing.or((classes > 0).then(|| 1.0 / classes as f64))
}

/// Draws it.
pub fn draw(page: &Page) -> Markup {
    let head = headline(page);
    html! {
        div.hero {
                @if let Some(code) = &page.report.code {
                    (of_pictures(code.psnr, &several(code.n, if code.of_crops { "crop" } else { "picture" }), &page.judged_by))
                } @else if let Some(restore) = &page.report.restore {
                    (of_pictures(restore.psnr, &several(restore.n, "picture"), &page.judged_by))
                } @else if let Some(Headline { score, measured }) = &head {
                    div.figure {
                        p.big { (percent(score.balanced_accuracy)) }
                        p.what { "balanced accuracy, 95\u{202f}% interval " b { (interval(score.ci95)) } }
                        (strip(score, chance(page)))
                        p.muted { (several(score.n, "picture")) ", " (measured) }
                    }
                } @else {
                    div.figure {
                        p.big.none { "no figure" }
                        p.muted { @if page.report.leaks.is_empty() { "Nothing was held out that could be scored." } @else { "The test pictures cannot be scored honestly: see above." } }
                    }
                }
                div.verdict {
                    @for (i, sentence) in page.report.verdict.iter().take(12).enumerate() {
                        p.first[i == 0] { (shown(sentence, 600)) }
                    }
                }
        }
    }
}

/// What comes back of pictures that the net has not seen.
fn of_pictures(psnr: Option<f64>, measured: &str, judged_by: &str) -> Markup {
    html! {
        div.figure {
            @if let Some(psnr) = psnr {
                p.big { (format!("{psnr:.1}")) "\u{202f}dB" }
                p.what { "peak signal-to-noise ratio of what comes back" }
                p.muted { (measured) ", " (shown(judged_by, 120)) }
            } @else {
                p.big.none { "no figure" }
                p.muted { "Nothing was held out that could be scored honestly." }
            }
        }
    }
}

/// The interval on a scale from 0 to 100 %, chance marked.
fn strip(score: &Score, chance: Option<f64>) -> Markup {
    let [low, high] = score.ci95.map(|v| format!("{}%", place(v)));
    let at = format!("{}%", place(score.balanced_accuracy));
    html! {
        svg.strip role="img" aria-labelledby="strip-t strip-d" width="100%" height="40" {
            title id="strip-t" { "Balanced accuracy with its 95 % interval" }
            desc id="strip-d" {
                (percent(score.balanced_accuracy)) ", interval " (interval(score.ci95))
                @if let Some(c) = chance { "; guessing reaches " (percent(c)) }
            }
            line.axis x1="3%" x2="97%" y1="12" y2="12" {}
            @if let Some(c) = chance {
                line.chance x1={ (place(c)) "%" } x2={ (place(c)) "%" } y1="3" y2="21" {}
                text.tick x={ (place(c)) "%" } y="36" text-anchor=(if c < 0.12 { "start" } else { "middle" }) { "chance " (tick(c)) }
                @if c > 0.25 { text.tick x="3%" y="36" text-anchor="middle" { "0" } }
            }
            text.tick x="97%" y="36" text-anchor="end" { "100\u{202f}%" }
            @if score.balanced_accuracy.is_finite() {
                line.range.strong x1=(low) x2=(high) y1="12" y2="12" {}
                circle.dot.strong cx=(at) cy="12" r="6" {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::html::sample;

    #[test]
    fn the_test_split_beats_the_choice_beats_the_rung() {
        let mut page = sample::photos();
        assert!(headline(&page).is_some_and(|h| h.measured.contains("chosen without")));
        page.report.selected = None;
        assert!(headline(&page).is_some_and(|h| h.measured == page.judged_by));
        page.report.test = Some(page.report.rungs[0].score.clone());
        assert!(headline(&page).is_some_and(|h| h.measured == "on the test split"));
        page.report.test = None;
        page.report.rungs.clear();
        assert!(headline(&page).is_none());
        assert!(draw(&page).into_string().contains("no figure"));
        let mut leaky = sample::photos();
        sample::leak(&mut leaky, 1);
        assert!(headline(&leaky).is_none());
    }

    #[test]
    fn chance_is_known_without_its_rung() {
        let mut page = sample::photos();
        page.report.rungs.clear();
        assert_eq!(chance(&page), Some(0.2));
    }
}
