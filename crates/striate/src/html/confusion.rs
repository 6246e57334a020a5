//! Which class is taken for which: a matrix while it can be read, else the most confused pairs and a heat map.

use std::collections::HashSet;
use std::fmt::Write;

use maud::{Markup, html};

use crate::html::Section;
use crate::html::mistakes;
use crate::html::number::{count, percent, several, shown};
use crate::html::thumbs::Thumbs;
use crate::page::{Confusion, Page};

/// Classes up to which a matrix of numbers can be read.
const READABLE: usize = 12;
/// Pairs named beside a heat map.
const PAIRS: usize = 20;
/// Cells of a heat map; beyond them only the darkest are drawn.
const CELLS: usize = 6000;

/// Truth, prediction and count of every kind of mistake, the most frequent first.
pub fn pairs(confusion: &Confusion) -> Vec<(usize, usize, usize)> {
    let rows = confusion.counts.iter().enumerate();
    let cells = rows.flat_map(|(t, row)| row.iter().enumerate().map(move |(p, n)| (t, p, *n)));
    let mut pairs: Vec<_> = cells.filter(|(t, p, n)| t != p && *n > 0).collect();
    pairs.sort_by_key(|(t, p, n)| (usize::MAX - n, *t, *p));
    pairs
}

/// The name of class `i`.
pub fn class(confusion: &Confusion, i: usize) -> std::borrow::Cow<'_, str> {
    confusion.classes.get(i).map_or("?".into(), |c| shown(c, 48))
}

/// Draws the section with the mistaken pictures, or nothing where nothing was held out.
pub fn draw(page: &Page, thumbs: &Thumbs) -> Option<Section> {
    let confusion = page.confusion.as_ref()?;
    let total: usize = confusion.counts.iter().flatten().sum();
    let pairs = pairs(confusion);
    let wrong: usize = pairs.iter().map(|p| p.2).sum();
    let linked = mistakes::kinds(confusion, thumbs);
    Some(Section {
        id: "mistakes",
        title: "Where it goes wrong",
        short: "Mistakes",
        body: html! {
            p.lead {
                @match pairs.first() {
                    None => { "Not one of " (several(total, "picture")) " was labelled wrong." }
                    Some((t, p, n)) => {
                        b { (count(wrong)) } " of " (several(total, "picture")) @if wrong == 1 { " was" } @else { " were" } " labelled wrong"
                        @if pairs.len() > 1 && *n > 1 {
                            ", most often " b { bdi { (class(confusion, *t)) } } " taken for " b { bdi { (class(confusion, *p)) } } " (" (count(*n)) ")"
                        } "."
                    }
                }
            }
            @if confusion.classes.len() <= READABLE { (matrix(confusion, &linked)) } @else { (heat(confusion, &pairs, &linked)) }
            (mistakes::draw(confusion, &pairs, thumbs))
        },
        note: html! {
            p { b { "Measured on" } " " (shown(&confusion.measured_on, 160)) "." }
            p { "A row holds the pictures of one class, a column what they were labelled as; the diagonal is right. Shade: share of the row." }
            @if !pairs.is_empty() { p { "Follow a number to see just these pictures." } }
        },
    })
}

fn matrix(confusion: &Confusion, linked: &HashSet<(usize, usize)>) -> Markup {
    let k = confusion.classes.len();
    let longest = (0..k).map(|i| class(confusion, i).chars().count()).max().unwrap_or(0);
    let upright = k > 6 || longest > 9;
    html! {
        div.scroll tabindex="0" role="region" aria-label="Confusion matrix" {
            table.matrix.upright[upright] {
                caption.sr { "Confusion matrix: rows are true classes, columns what was labelled" }
                thead {
                    tr { td {} th.side colspan=(k) scope="colgroup" { "labelled as" } td {} td {} }
                    tr {
                        th.side scope="col" { "is" }
                        @for i in 0..k { th.head scope="col" { span { bdi { (class(confusion, i)) } } } }
                        th.num.total scope="col" { "pictures" }
                        th.num scope="col" { "right" }
                    }
                }
                tbody { @for (t, row) in confusion.counts.iter().enumerate() {
                    @let n: usize = row.iter().sum();
                    tr {
                        th scope="row" { bdi { (class(confusion, t)) } }
                        @for (p, cell) in row.iter().enumerate() {
                            @let share = *cell as f64 / n.max(1) as f64;
                            td.cell.right[t == p].none[*cell == 0] style={ "--tint:" (tint(share)) "%" } {
                                @if linked.contains(&(t, p)) { a href={ "#m-" (t) "-" (p) } { (count(*cell)) } }
                                @else if *cell == 0 { "·" } @else { (count(*cell)) }
                            }
                        }
                        td.num.total { (count(n)) }
                        td.num { @if n > 0 { (percent(row.get(t).copied().unwrap_or(0) as f64 / n as f64)) } @else { "–" } }
                    }
                } }
            }
        }
    }
}

/// Strength of a cell's colour in percent; ink stays legible on the strongest.
fn tint(share: f64) -> f64 {
    if share > 0.0 { (8.0 + 52.0 * share.sqrt()).round() } else { 0.0 }
}

fn heat(confusion: &Confusion, pairs: &[(usize, usize, usize)], linked: &HashSet<(usize, usize)>) -> Markup {
    let k = confusion.classes.len();
    let size = |t: usize| confusion.counts.get(t).map_or(0, |row| row.iter().sum::<usize>()).max(1) as f64;
    html! {
        div.heat-row {
            @if !pairs.is_empty() { div {
                h3 { "Most confused" }
                div.scroll tabindex="0" { table.plain.pairs {
                    thead { tr { th scope="col" { "Is" } th scope="col" { "Labelled as" } th.num scope="col" { "Pictures" } th.num scope="col" { "Of its class" } } }
                    tbody { @for (t, p, n) in pairs.iter().take(PAIRS) { tr {
                        td { bdi { (class(confusion, *t)) } } td { bdi { (class(confusion, *p)) } }
                        td.num { @if linked.contains(&(*t, *p)) { a href={ "#m-" (t) "-" (p) } { (count(*n)) } } @else { (count(*n)) } }
                        td.num { (percent(*n as f64 / size(*t))) }
                    } } }
                } }
                @if pairs.len() > PAIRS { p.muted { "and " (several(pairs.len() - PAIRS, "rarer pair")) "." } }
            } }
            figure.heat {
                figcaption { "All " (count(k)) " classes, in the model's order" }
                svg role="img" viewBox={ "-" (k as f64 * 0.05) " -" (k as f64 * 0.05) " " (k as f64 * 1.06) " " (k as f64 * 1.06) } aria-labelledby="heat-t heat-d" {
                    title id="heat-t" { "Confusion of all classes" }
                    desc id="heat-d" { "A square for each pair of classes, rows the truth, columns the label; the stronger, the larger the share of the row. The list beside it names the largest." }
                    rect.ground width=(k) height=(k) {}
                    text.turn x="0" y="0" style={ "font-size:" (k as f64 * 0.035) "px" } transform={ "translate(" (-(k as f64) * 0.015) " " (k as f64 * 0.3) ") rotate(-90)" } { "is →" }
                    text.turn x="0" y={ (-(k as f64) * 0.015) } style={ "font-size:" (k as f64 * 0.035) "px" } { "labelled as →" }
                    @for (class, d) in shades(confusion) { path class=(class) d=(d) {} }
                }
            }
        }
    }
}

/// Cells by shade, each shade one path: the class of the shade and the squares.
fn shades(confusion: &Confusion) -> Vec<(String, String)> {
    let mut cells: Vec<(f64, usize, usize)> = Vec::new();
    for (t, row) in confusion.counts.iter().enumerate() {
        let n = row.iter().sum::<usize>().max(1) as f64;
        cells.extend(row.iter().enumerate().filter(|(_, c)| **c > 0).map(|(p, c)| (*c as f64 / n, t, p)));
    }
    cells.sort_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    let mut paths = vec![String::new(); 10];
    for (share, t, p) in cells.into_iter().take(CELLS) {
        let shade = ((share.sqrt() * 5.0) as usize).min(4);
        let _ = write!(paths[if t == p { shade } else { 5 + shade }], "M{p} {t}h1v1h-1z");
    }
    let name = |i: usize| format!("{} s{}", if i < 5 { "right" } else { "wrong" }, i % 5);
    paths.into_iter().enumerate().filter(|(_, d)| !d.is_empty()).map(|(i, d)| (name(i), d)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::html::sample;

    #[test]
    fn few_classes_make_a_matrix_and_many_a_list() {
        let thumbs = Thumbs::within(&sample::photos(), usize::MAX);
        let small = draw(&sample::photos(), &thumbs).map(|s| s.body.into_string()).unwrap_or_default();
        assert!(small.contains("confusion matrix") || small.contains("Confusion matrix"));
        let page = sample::many(100);
        let large = draw(&page, &Thumbs::within(&page, 0)).map(|s| s.body.into_string()).unwrap_or_default();
        assert!(large.contains("Most confused") && !large.contains("<table class=\"matrix"));
    }

    #[test]
    fn a_thousand_classes_stay_small() {
        let k = 1000;
        let confusion = Confusion { classes: vec!["c".into(); k], counts: vec![vec![1; k]; k], ..Confusion::default() };
        assert!(heat(&confusion, &pairs(&confusion), &HashSet::new()).into_string().len() < 200_000);
    }

    #[test]
    fn no_mistake_is_said() {
        let mut page = sample::photos();
        page.confusion = Some(Confusion {
            classes: vec!["a".into(), "b".into()],
            counts: vec![vec![3, 0], vec![0, 4]],
            ..Confusion::default()
        });
        let html = draw(&page, &Thumbs::within(&page, 0)).map(|s| s.body.into_string()).unwrap_or_default();
        assert!(html.contains("Not one of 7 pictures"), "{html}");
    }
}
