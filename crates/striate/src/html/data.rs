//! The data at a glance: a bar of counts for each class with examples, what was skipped, remarks, near-duplicates.

use maud::{Markup, html};

use crate::html::axis::round;
use crate::html::mistakes::last_part;
use crate::html::number::{count, several, shown};
use crate::html::thumbs::{Place, Thumbs};
use crate::html::{Section, twins};
use crate::page::{ClassGlance, DataGlance, Page};

/// Examples of a class.
pub const EXAMPLES: usize = 6;
/// Classes shown at once, and at all.
const AT_ONCE: usize = 24;
const MOST: usize = 200;
/// Damaged pictures named at once, and at all.
const DAMAGED_AT_ONCE: usize = 6;
const DAMAGED: usize = 100;
/// Names of the splits.
const SPLITS: [&str; 3] = ["train", "valid", "test"];

/// The classes that the page draws.
pub fn drawn(data: &DataGlance) -> impl Iterator<Item = &ClassGlance> {
    data.classes.iter().take(MOST)
}

/// Draws the section.
pub fn draw(page: &Page, thumbs: &Thumbs) -> Section {
    let data = &page.data;
    let sizes = data.classes.iter().map(|c| c.counts.iter().sum::<usize>());
    let (total, most, least) =
        (sizes.clone().sum::<usize>(), sizes.clone().max().unwrap_or(0), sizes.min().unwrap_or(0));
    let classes: Vec<(usize, &ClassGlance)> = drawn(data).enumerate().collect();
    let (open, folded) = classes.split_at(classes.len().min(AT_ONCE));
    let table = |classes: &[(usize, &ClassGlance)]| table(classes, data.given_splits, most, thumbs);
    Section {
        id: "data",
        title: "The pictures it learned from",
        short: "Data",
        body: html! {
            p.lead {
                b { (several(total, "picture")) }
                @if data.classes.len() != 1 { " in " (count(data.classes.len())) " classes" }
                @if data.classes.len() == 1 {} @else if most == least { ", " (count(most)) " each" } @else { ", " (count(least)) " to " (count(most)) " a class" }
                @if !data.skipped.is_empty() { "; " (several(data.skipped.len(), "damaged file")) " skipped" }
                @if data.twins_total > 0 { "; " (several(data.twins_total, "pair")) " of near-duplicates" }
                "."
            }
            @if !open.is_empty() { (table(open)) }
            @if !folded.is_empty() { details { summary { "The other " (count(folded.len())) " classes" } (table(folded)) } }
            @if data.classes.len() > MOST { p.muted { "and " (count(data.classes.len() - MOST)) " more classes." } }
            (thumbs.left_out(Place::Examples))
            (skipped(data))
            @if !data.notes.is_empty() {
                h3 { "Remarks" }
                ul.facts { @for (note, n) in data.notes.iter().take(30) { li { (shown(note, 200)) " " span.muted { "(" (several(*n, "picture")) ")" } } } }
            }
            (twins::draw(data, thumbs))
        },
        note: html! {
            p { b { "Source" } " " bdi { (shown(&data.source, 160)) } }
            @if data.given_splits { p { "The splits are those of the data." } }
            @if !data.classes.is_empty() && most >= 3 * least.max(1) {
                p { "The largest class has " (round(most as f64 / least.max(1) as f64 * 10.0).round() / 10.0) " times the pictures of the smallest; judge it by balanced accuracy." }
            }
            @if data.twins_total > 0 { p { "Near-duplicates count as one group: they never stand on both sides of a split or fold that Striate makes." } }
        },
    }
}

fn table(classes: &[(usize, &ClassGlance)], splits: bool, most: usize, thumbs: &Thumbs) -> Markup {
    html! {
        table.counts role="table" {
            caption.sr { "Pictures of each class" }
            thead { tr {
                th scope="col" { "Class" }
                th.chart scope="col" { @if splits { @for (i, s) in SPLITS.iter().enumerate() { span.key { span class={ "swatch c" (i) } {} (s) } } } @else { "Pictures" } }
                @if splits { @for s in SPLITS { th.num scope="col" { (s) } } } @else { th.num scope="col" { span.sr { "Count" } } }
                th scope="col" { "Examples" }
            } }
            tbody { @for (row, class) in classes { tr {
                th scope="row" { bdi { (shown(&class.class, 48)) } }
                td.chart { (bar(class, most)) }
                @if splits { @for (n, s) in class.counts.iter().zip(SPLITS) { td.num data-label=(s) { (count(*n)) } } }
                @else { td.num { (count(class.counts.iter().sum())) } }
                td.examples { @for (i, (name, thumb)) in class.examples.iter().take(EXAMPLES).enumerate() {
                    @if thumbs.has((Place::Examples, *row, i)) {
                        span title=(shown(name, 64)) { (thumbs.draw((Place::Examples, *row, i), Some(thumb), &shown(last_part(name), 48))) }
                    }
                } }
            } } }
        }
    }
}

/// Counts by split, end to end, on a scale that all classes share.
fn bar(class: &ClassGlance, most: usize) -> Markup {
    let share = |n: usize| round(n as f64 / most.max(1) as f64 * 100.0);
    let starts = [0, class.counts[0], class.counts[0] + class.counts[1]];
    html! {
        svg.bar role="img" width="100%" height="14" aria-label={ (several(class.counts.iter().sum(), "picture")) } {
            @for (i, n) in class.counts.iter().enumerate() {
                @if *n > 0 { rect class={ "c" (i) } x={ (share(starts[i])) "%" } width={ (share(*n)) "%" } height="14" { title { (SPLITS[i]) ": " (count(*n)) } } }
            }
        }
    }
}

fn skipped(data: &DataGlance) -> Markup {
    let rows = |from: usize, to: usize| {
        html! {
            div.scroll tabindex="0" { table.plain {
                thead { tr { th scope="col" { "File" } th scope="col" { "Why" } } }
                tbody { @for (name, why) in data.skipped.iter().take(to).skip(from) { tr { td { bdi { (shown(name, 80)) } } td { (shown(why, 240)) } } } }
            } }
        }
    };
    let n = data.skipped.len();
    html! {
        @if n > 0 {
            h3 { "Skipped: " (several(n, "damaged file")) }
            (rows(0, DAMAGED_AT_ONCE))
            @if n > DAMAGED_AT_ONCE {
                details { summary { "The other " (count(n - DAMAGED_AT_ONCE)) }
                    (rows(DAMAGED_AT_ONCE, DAMAGED))
                    @if n > DAMAGED { p.muted { "and " (count(n - DAMAGED)) " more." } }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::html::sample;

    #[test]
    fn counts_splits_and_damage_stand_there() {
        let mut page = sample::photos();
        let html = draw(&page, &Thumbs::within(&page, 0)).body.into_string();
        assert!(html.contains("damaged file") && html.contains("ICC") && !html.contains("<img"));
        page.data.given_splits = true;
        page.data.skipped = vec![("a.jpg".into(), "cut off".into()); 300];
        let html = draw(&page, &Thumbs::within(&page, 0)).body.into_string();
        assert!(html.contains("valid") && html.contains("The other 294") && html.contains("and 200 more"));
    }

    #[test]
    fn no_class_at_all_is_no_panic() {
        let mut page = sample::photos();
        page.data = DataGlance::default();
        assert!(draw(&page, &Thumbs::within(&page, 0)).body.into_string().contains("0 pictures"));
    }
}
