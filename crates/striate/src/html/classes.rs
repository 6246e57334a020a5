//! Figures by class: recall and precision as two dots on one scale, with their numbers.

use maud::{Markup, html};

use crate::html::Section;
use crate::html::axis::{place, scale};
use crate::html::number::{count, percent, several, shown};
use crate::page::Page;
use crate::report::ClassScore;

/// Classes shown at once, and at all.
const AT_ONCE: usize = 24;
const MOST: usize = 200;

/// Draws the section, or nothing where nothing was held out.
pub fn draw(page: &Page) -> Option<Section> {
    if page.per_class.is_empty() {
        return None;
    }
    let sorted = page.per_class.len() > 12;
    let mut classes: Vec<&ClassScore> = page.per_class.iter().collect();
    if sorted {
        let key = |c: &ClassScore| c.f1.or(c.recall).unwrap_or(2.0);
        classes.sort_by(|a, b| key(a).total_cmp(&key(b)));
    }
    let (open, folded) = classes.split_at(classes.len().min(AT_ONCE));
    let folded = &folded[..folded.len().min(MOST - AT_ONCE)];
    let weakest = classes
        .iter()
        .filter(|c| c.recall.is_some())
        .min_by(|a, b| a.recall.unwrap_or(2.0).total_cmp(&b.recall.unwrap_or(2.0)));
    Some(Section {
        id: "classes",
        title: "Class by class",
        short: "Classes",
        body: html! {
            @if let Some(ClassScore { class, recall: Some(recall), .. }) = weakest { p.lead {
                @if *recall < 1.0 { "The hardest to find is " b { bdi { (shown(class, 48)) } } ": " (percent(*recall)) " of its pictures are labelled right." }
                @else { "Every class is found every time." }
            } }
            (table(open))
            @if !folded.is_empty() { details { summary { "The other " (count(folded.len())) " classes" } (table(folded)) } }
            @if classes.len() > MOST { p.muted { "and " (several(classes.len() - MOST, "more class")) "es, with better figures." } }
        },
        note: html! {
            p { b { "● Recall" } ": of the pictures of this class, the share labelled so." }
            p { b { "○ Precision" } ": of the pictures labelled so, the share that is of this class." }
            p { b { "F1" } ": their harmonic mean. A dash: no picture to measure it on." }
            @if sorted { p { "Sorted by F1, the worst first." } }
        },
    })
}

fn table(classes: &[&ClassScore]) -> Markup {
    let cell = |v: Option<f64>| v.map_or("–".into(), percent);
    html! {
        table.dots.classes role="table" {
            caption.sr { "Recall, precision and F1 of each class" }
            thead { tr {
                th scope="col" { "Class" }
                th.chart scope="col" { (scale(None)) }
                th.num scope="col" { "Recall" }
                th.num scope="col" { "Precision" }
                th.num scope="col" { "F1" }
                th.num scope="col" { "Pictures" }
            } }
            tbody { @for c in classes { tr {
                th scope="row" { bdi { (shown(&c.class, 48)) } }
                td.chart { (dots(c)) }
                td.num.main data-label="recall" { (cell(c.recall)) }
                td.num data-label="precision" { (cell(c.precision)) }
                td.num data-label="F1" { (cell(c.f1)) }
                td.num data-label="pictures" { (count(c.n)) }
            } } }
        }
    }
}

fn dots(c: &ClassScore) -> Markup {
    let at = |v: Option<f64>| v.filter(|v| v.is_finite()).map(|v| format!("{}%", place(v)));
    let (recall, precision) = (at(c.recall), at(c.precision));
    let said = |v: Option<f64>| v.map_or("unknown".into(), percent);
    html! {
        svg role="img" width="100%" height="26" aria-label={ "recall " (said(c.recall)) ", precision " (said(c.precision)) } {
            @if let (Some(r), Some(p)) = (&recall, &precision) { line.range x1=(r) x2=(p) y1="13" y2="13" {} }
            @if let Some(p) = &precision { circle.dot.ring cx=(p) cy="13" r="4.5" {} }
            @if let Some(r) = &recall { circle.dot.strong cx=(r) cy="13" r="4.5" {} }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::html::sample;

    #[test]
    fn unknown_figures_are_dashes_and_many_classes_fold() {
        let mut page = sample::photos();
        page.per_class[0] = ClassScore { class: "empty".into(), precision: None, recall: None, f1: None, n: 0 };
        let html = draw(&page).map(|s| s.body.into_string()).unwrap_or_default();
        assert!(html.contains("–") && html.contains("recall unknown"));
        let html = draw(&sample::many(100)).map(|s| s.body.into_string()).unwrap_or_default();
        assert!(html.contains("The other 76 classes"));
        page.per_class.clear();
        assert!(draw(&page).is_none());
    }
}
