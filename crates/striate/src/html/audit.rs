//! Audit before trust: likely wrong labels as pictures, what else tells the classes apart, odd pictures, and what is checked.

use maud::{Markup, html};

use crate::audit::{LabelAudit, Outlier, Shortcut, Suspect};
use crate::html::Section;
use crate::html::mistakes::last_part;
use crate::html::number::{count, interval, percent, plain, rough, several, shown};
use crate::html::thumbs::{Place, Thumbs};
use crate::page::{Page, Thumb};

/// Suspects shown at once.
const AT_ONCE: usize = 12;
/// Outliers named without a picture.
const NAMED: usize = 100;

/// The pictures that the section draws, with their places.
pub fn drawn(page: &Page) -> Vec<((usize, usize), &Thumb)> {
    let audit = &page.report.audit;
    let thumb = |file: &str| page.audit.iter().find(|(name, _)| name == file).map(|(_, thumb)| thumb);
    let suspects = audit.suspects().enumerate().map(|(i, suspect)| ((0, i), thumb(&suspect.file)));
    let outliers = audit.odd().enumerate().map(|(i, outlier)| ((1, i), thumb(&outlier.file)));
    suspects.chain(outliers).filter_map(|(place, thumb)| Some((place, thumb?))).collect()
}

/// Draws the section.
pub fn draw(page: &Page, thumbs: &Thumbs) -> Section {
    let audit = &page.report.audit;
    let named = || audit.shortcuts.iter().filter(|shortcut| shortcut.named);
    let wrong = audit.labels.as_ref().filter(|labels| labels.doubtful);
    Section {
        id: "audit",
        title: "Before you trust it",
        short: "Audit",
        body: html! {
            p.lead {
                @if let Some(labels) = wrong { "About " b { (several(labels.expected, "label")) } " may be wrong. " }
                @else if audit.labels.is_some() { "Hardly a label is contradicted. " }
                @match named().count() {
                    0 => "Nothing trivial that was checked tells the classes apart.",
                    n => { b { @if n == 1 { "One thing" } @else { (count(n)) " things" } } " besides the subject " @if n == 1 { "tells" } @else { "tell" } " classes apart." }
                }
            }
            @if let Some(labels) = &audit.labels { (suspects(page, labels, thumbs)) }
            @if !audit.shortcuts.is_empty() { (shortcuts(&audit.shortcuts)) }
            (outliers(page, &audit.outliers, thumbs))
            (thumbs.left_out(Place::Audit))
            @if let Some(balance) = &audit.balance {
                h3 { "Balance" }
                p { "The largest class, " bdi { (shown(&balance.largest.0, 48)) } ", has " (several(balance.largest.1, "picture"))
                    "; the smallest, " bdi { (shown(&balance.smallest.0, 48)) } ", has " (count(balance.smallest.1))
                    @if balance.imbalanced { ": classes are weighted so that each counts the same." } @else { "." } }
            }
            @if let Some(unlike) = &audit.unlike {
                h3 { "Pictures of another kind" }
                p { "When the model labels new pictures it flags those that are unlike all " (count(unlike.compared_with))
                    " training pictures kept with it: farther than " (plain(unlike.threshold)) " from the nearest. Of "
                    (count(unlike.n)) " held-out pictures of these classes that would flag " (percent(unlike.false_alarms)) "." }
            }
            @if audit.duplicates.pairs > 0 {
                h3 { "Near-duplicates" }
                p { (several(audit.duplicates.pairs, "pair")) " found"
                    @if page.data.twins.is_empty() { "." } @else { ": " a href="#duplicates" { "see them side by side" } "." } }
            }
            @if !audit.unchecked.is_empty() {
                details {
                    summary { "What could not be checked (" (count(audit.unchecked.len())) ")" }
                    ul.facts { @for gap in audit.unchecked.iter().take(20) { li { b { (shown(&gap.check, 40)) } ": " (shown(&gap.why, 240)) } } }
                }
            }
        },
        note: html! {
            p { "None of this is proof. It says where to look before a figure is believed." }
            @if audit.labels.is_some() { p { b { "Labels" } ": held against the probabilities of models that did not learn from the picture (confident learning)." } }
            @if !audit.shortcuts.is_empty() { p { b { "Shortcuts" } ": a small decision tree on the one property, scored as the models are. A model that uses one fails where it is missing." } }
        },
    }
}

fn suspects(page: &Page, labels: &LabelAudit, thumbs: &Thumbs) -> Markup {
    let all: Vec<(usize, &Suspect)> = page.report.audit.suspects().enumerate().collect();
    let (open, folded) = if labels.doubtful { all.split_at(all.len().min(AT_ONCE)) } else { all.split_at(0) };
    let pictures = |part: &[(usize, &Suspect)]| {
        html! { div.pictures { @for (i, suspect) in part {
            (picture(page, (0, *i), &suspect.file, thumbs, &html! {
                bdi { (shown(&suspect.given, 24)) } " " (rough(suspect.given_probability)) br;
                b { bdi { (shown(&suspect.likely, 24)) } "? " (rough(suspect.likely_probability)) }
            }))
        } } }
    };
    html! {
        h3 { "Likely wrong labels" }
        p.muted { "Under each: its label, and the label it looks like, with their probabilities. Of " (several(labels.checked, "label")) ", " (count(labels.expected)) " are contradicted with confidence"
            @if labels.doubtful { "." } @else { ", no more than a model's own mistakes explain." } }
        @if !open.is_empty() { (pictures(open)) }
        @if !folded.is_empty() { details { summary { @if open.is_empty() { "The first " } @else { "The next " } (count(folded.len())) } (pictures(folded)) } }
    }
}

fn shortcuts(all: &[Shortcut]) -> Markup {
    let table = |rows: &[&Shortcut]| {
        html! { div.scroll tabindex="0" { table.plain {
            thead { tr { th scope="col" { "Property alone" } th scope="col" { "Balanced accuracy" } th scope="col" { "Guessing" } th scope="col" { "What it may mean" } } }
            tbody { @for row in rows { tr {
                td { (shown(&row.cue, 40)) }
                td { (percent(row.balanced_accuracy)) br; span.muted { (interval(row.ci95)) } }
                td { (percent(row.chance)) }
                td { @if row.named { (shown(&row.words, 400)) } @else { span.muted { "not clearly better than guessing" } } }
            } } }
        } } }
    };
    let (named, other): (Vec<&Shortcut>, Vec<&Shortcut>) = all.iter().partition(|shortcut| shortcut.named);
    html! {
        h3 { "What tells classes apart besides the subject" }
        @if !named.is_empty() { (table(&named)) }
        @if !other.is_empty() { details { summary { "Checked, and not clearly better than guessing (" (count(other.len())) ")" } (table(&other)) } }
    }
}

fn outliers(page: &Page, all: &[Outlier], thumbs: &Thumbs) -> Markup {
    let pictured: Vec<(usize, &Outlier)> = page.report.audit.odd().enumerate().collect();
    let rest = all.iter().skip(pictured.len()).take(NAMED);
    html! {
        @if !all.is_empty() {
            details {
                summary { (several(all.len(), "picture")) @if all.len() == 1 { " stands" } @else { " stand" } " out by blur or exposure" }
                div.pictures { @for (i, outlier) in &pictured {
                    (picture(page, (1, *i), &outlier.file, thumbs, &html! { (shown(&outlier.what, 40)) }))
                } }
                @if all.len() > pictured.len() {
                    ul.facts { @for outlier in rest { li { bdi { (shown(&outlier.file, 80)) } ": " (shown(&outlier.what, 40)) } } }
                }
            }
        }
    }
}

fn picture(page: &Page, (row, i): (usize, usize), file: &str, thumbs: &Thumbs, caption: &Markup) -> Markup {
    let thumb = page.audit.iter().find(|(name, _)| name == file).map(|(_, thumb)| thumb);
    html! {
        figure.pic title=(shown(file, 64)) {
            (thumbs.draw((Place::Audit, row, i), thumb, &shown(file, 64)))
            figcaption { (caption) span.file { bdi { (shown(last_part(file), 22)) } } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Audit;
    use crate::html::sample;

    #[test]
    fn suspects_are_shown_with_both_labels_and_shortcuts_are_named() {
        let page = sample::photos();
        let section = draw(&page, &Thumbs::within(&page, usize::MAX)).body.into_string();
        let first = &page.report.audit.labels.as_ref().expect("labels").ranked[0];
        assert!(section.contains(&format!("{}</bdi>? ", first.likely)) && section.contains(last_part(&first.file)));
        assert!(section.contains("picture size") && section.contains("What could not be checked"));
        assert_eq!(section.matches("<img").count(), drawn(&page).len());
    }

    #[test]
    fn clean_data_is_said_to_be_clean() {
        let mut page = sample::photos();
        page.report.audit = Audit::default();
        let section = draw(&page, &Thumbs::within(&page, usize::MAX)).body.into_string();
        assert!(section.contains("Nothing trivial") && !section.contains("<img"), "{section}");
    }
}
