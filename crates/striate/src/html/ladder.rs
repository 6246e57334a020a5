//! The ladder: a dot and a 95 % interval for each rung on one scale, chance marked, the chosen one marked.

use maud::{Markup, html};

use crate::html::Section;
use crate::html::axis::{place, scale};
use crate::html::headline::chance;
use crate::html::number::{count, duration, interval, percent, several, shown};
use crate::page::Page;
use crate::report::Score;
use crate::verdict::describe;

/// What a row of the chart stands for; each has a shape of its own.
#[derive(Clone, Copy, PartialEq)]
enum Mark {
    /// A rung: a ring.
    Rung,
    /// The rung that was saved: a full dot.
    Chosen,
    /// What the choice among rungs is worth: a diamond.
    Choice,
    /// The test split: a square.
    Test,
}

/// A row.
struct Row<'a> {
    name: &'a str,
    about: String,
    score: &'a Score,
    seconds: Option<f64>,
    mark: Mark,
}

/// Draws the ladder, or what one model alone reached.
pub fn draw(page: &Page) -> Section {
    let report = &page.report;
    let ladder = !report.rungs.is_empty();
    let scores = report.rungs.iter().rev().map(|r| &r.score).chain(&report.selected).chain(&report.test);
    let n = scores.map(|s| s.n).next();
    Section {
        id: "ladder",
        title: if ladder { "From guessing upward" } else { "How well it does" },
        short: if ladder { "Ladder" } else { "Figures" },
        body: html! {
            @if ladder {
                p.lead {
                    "Each method stands against the simpler ones. Saved is " b { bdi { (shown(&report.chosen, 48)) } }
                    @if report.chosen == "chance" { ": nothing that was tried does better." }
                    @else { ": the one expected to do best on new pictures, by these figures and by how such methods did elsewhere with as few labels." }
                }
            }
            (chart(page))
        },
        note: html! {
            p { b { "Balanced accuracy" } " is the mean over classes of the share of the class labelled right, so that a large class counts no more than a small one." }
            p { b { "95\u{202f}% interval" } @if ladder { ": Wilson's interval for an effective number of pictures, two thirds of their number or fewer, since training sets of folds overlap. For the test split: " } @else { ": " } "percentile bootstrap over groups of pictures." }
            p { b { "Judged by" } " " (shown(&page.judged_by, 160)) @if let Some(n) = n { ", " (several(n, "picture")) } "."
                @if report.leaks.is_empty() { " No picture is labelled by a model that has seen it or one of its group." } }
            @if ladder && report.selected.is_some() {
                p { b { "The choice" } " is scored too: the rung is chosen without the pictures that score it, for the best of several looks better than it is." }
            }
            @if ladder && report.test.is_none() && report.leaks.is_empty() { p { "The saved model is refitted on all pictures." } }
        },
    }
}

fn chart(page: &Page) -> Markup {
    let report = &page.report;
    let mut rows: Vec<Row> = Vec::new();
    for rung in report.rungs.iter().take(40) {
        let mark = if rung.name == report.chosen { Mark::Chosen } else { Mark::Rung };
        rows.push(Row {
            name: &rung.name,
            about: describe(&rung.name),
            score: &rung.score,
            seconds: Some(rung.seconds),
            mark,
        });
    }
    if let Some(score) = &report.selected {
        let (name, about) = if rows.is_empty() {
            (report.chosen.as_str(), "held-out pictures".to_string())
        } else {
            ("The choice among them", "chosen and scored on different pictures".to_string())
        };
        rows.push(Row { name, about, score, seconds: None, mark: Mark::Choice });
    }
    if let Some(score) = &report.test {
        let about = if report.leaks.is_empty() {
            "pictures never used for training or choosing"
        } else {
            "holds copies of training pictures"
        };
        rows.push(Row { name: "Test split", about: about.to_string(), score, seconds: None, mark: Mark::Test });
    }
    let differ = rows.windows(2).any(|w| w[0].score.n != w[1].score.n);
    let ladder = !report.rungs.is_empty();
    let columns = 4 + usize::from(differ) + usize::from(ladder);
    let chance = chance(page);
    let at = chance.map(|c| format!("--chance:{}%", place(c)));
    html! {
        @if rows.is_empty() { p { "No pictures were held out, so there is no figure to trust." } }
        @else {
            table.dots.ladder role="table" style=[at] {
                caption.sr { "Balanced accuracy of each method with its 95 % interval" }
                thead { tr {
                    th scope="col" { "Method" }
                    th.chart scope="col" { (scale(chance)) }
                    th.num scope="col" { "Balanced accuracy" }
                    th.num scope="col" { "95\u{202f}% interval" }
                    th.num scope="col" { "Accuracy" }
                    @if differ { th.num scope="col" { "Pictures" } }
                    @if ladder { th.num scope="col" { "Time" } }
                } }
                tbody {
                    @for row in &rows { (draw_row(row, differ, ladder)) }
                    @for skipped in report.skipped.iter().take(40) {
                        tr.skipped {
                            th scope="row" { bdi { (shown(&skipped.name, 48)) } }
                            td.why colspan=(columns) { b { "Not run. " } (shown(&skipped.why, 300)) }
                        }
                    }
                }
            }
        }
    }
}

/// `pictures` and `ladder` say whether numbers of pictures and times are columns.
fn draw_row(row: &Row, pictures: bool, ladder: bool) -> Markup {
    let score = row.score;
    let strong = row.mark != Mark::Rung;
    html! {
        tr.strong[strong].apart[row.mark == Mark::Choice] {
            th scope="row" {
                bdi { (shown(row.name, 48)) }
                @if row.mark == Mark::Chosen { " " span.tag { "saved" } }
                @if row.about != row.name { span.about { (row.about) } }
            }
            td.chart {
                svg role="img" width="100%" height="34" aria-label={ (shown(row.name, 48)) ": " (percent(score.balanced_accuracy)) ", 95 % interval " (interval(score.ci95)) } {
                    title { (shown(row.name, 48)) ": " (percent(score.balanced_accuracy)) " (" (interval(score.ci95)) ")" }
                    @if score.balanced_accuracy.is_finite() {
                        line.range.strong[strong] x1={ (place(score.ci95[0])) "%" } x2={ (place(score.ci95[1])) "%" } y1="17" y2="17" {}
                        svg.mark x={ (place(score.balanced_accuracy)) "%" } y="17" { (shape(row.mark)) }
                    }
                }
            }
            td.num.main data-label="balanced accuracy" { (percent(score.balanced_accuracy)) }
            td.num data-label="95 % interval" { (interval(score.ci95)) }
            td.num data-label="accuracy" { (percent(score.accuracy)) }
            @if pictures { td.num data-label="pictures" { (count(score.n)) } }
            @if ladder { td.num data-label="time" { @if let Some(s) = row.seconds { (duration(s)) } } }
        }
    }
}

fn shape(mark: Mark) -> Markup {
    html! {
        @match mark {
            Mark::Rung => circle.dot.ring r="5" {},
            Mark::Chosen => circle.dot.strong r="6" {},
            Mark::Choice => path.dot.strong d="M0-7.5 7.5 0 0 7.5-7.5 0z" {},
            Mark::Test => path.dot.strong d="M-5.5-5.5h11v11h-11z" {},
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::html::sample;

    #[test]
    fn every_rung_stands_there_with_the_chosen_marked_and_the_skipped_explained() {
        let page = sample::photos();
        let html = draw(&page).body.into_string();
        for text in [
            "chance",
            "pixels",
            "conv4",
            "efficientnet_lite0",
            "saved",
            "The choice among them",
            "Not run.",
            "does not fit",
        ] {
            assert!(html.contains(text), "{text} is missing");
        }
    }

    #[test]
    fn one_model_alone_has_a_chart_too() {
        let mut page = sample::photos();
        page.report.rungs.clear();
        page.report.skipped.clear();
        page.report.test = page.report.selected.take();
        let section = draw(&page);
        assert!(section.title == "How well it does" && section.body.into_string().contains("Test split"));
        page.report.test = None;
        assert!(draw(&page).body.into_string().contains("no figure to trust"));
    }
}
