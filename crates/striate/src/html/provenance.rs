//! The end of the page: warnings, where the numbers come from, and the command that makes them again.

use maud::html;

use crate::html::Section;
use crate::html::number::{count, duration, shown};
use crate::page::Page;

/// Warnings drawn.
const WARNINGS: usize = 60;

/// Draws the warnings, or nothing.
pub fn warnings(page: &Page) -> Option<Section> {
    if page.warnings.is_empty() {
        return None;
    }
    Some(Section {
        id: "warnings",
        title: "Warnings",
        short: "Warnings",
        body: html! {
            ul.facts { @for w in page.warnings.iter().take(WARNINGS) { li { (shown(w, 500)) } } }
            @if page.warnings.len() > WARNINGS { p.muted { "and " (count(page.warnings.len() - WARNINGS)) " more." } }
        },
        note: html! { p { "As they were printed." } },
    })
}

/// Draws files, provenance and command.
pub fn draw(page: &Page) -> Section {
    let report = &page.report;
    let files = [("Model", &report.model), ("Run", &report.run)];
    Section {
        id: "provenance",
        title: "Where this comes from",
        short: "Provenance",
        body: html! {
            h3 { "To run it again" }
            pre.command tabindex="0" { code { (shown(&page.command, 4000)) } }
            h3 { "Provenance" }
            dl.facts {
                @for (key, value) in &files { @if !value.is_empty() { div { dt { (key) } dd { bdi { (shown(value, 300)) } } } } }
                @if report.seconds > 0.0 { div { dt { "Time taken" } dd { (duration(report.seconds)) } } }
                @for (key, value) in page.provenance.iter().take(60) { div { dt { (shown(key, 60)) } dd { bdi { (shown(value, 400)) } } } }
            }
        },
        note: html! { p { "The same command on the same pictures gives the same model, bit for bit; only the times differ." } },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::html::sample;

    #[test]
    fn command_and_warnings_are_whole() {
        let mut page = sample::photos();
        assert!(draw(&page).body.into_string().contains("striate train"));
        page.warnings = vec!["w".into(); 80];
        assert!(warnings(&page).is_some_and(|s| s.body.into_string().contains("and 20 more")));
        page.warnings.clear();
        assert!(warnings(&page).is_none());
    }
}
