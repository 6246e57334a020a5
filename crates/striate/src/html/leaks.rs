//! The banner over everything when copies of training pictures stand in the test pictures.

use maud::{Markup, html};

use crate::html::number::{several, shown};
use crate::page::Page;

/// Pairs named at once; the rest of them opens by a click, up to [`MOST`].
const AT_ONCE: usize = 8;
/// Pairs named at all.
const MOST: usize = 100;

/// Draws the banner, or nothing.
pub fn draw(page: &Page) -> Markup {
    let leaks = &page.report.leaks;
    let row = |leak: &crate::report::Leak| {
        html! { tr {
            td { bdi { (shown(&leak.a, 80)) } }
            td { bdi { (shown(&leak.b, 80)) } }
            td.muted { (shown(&leak.why, 120)) }
        } }
    };
    let head = html! { thead { tr { th scope="col" { "Picture" } th scope="col" { "Its copy in another split" } th scope="col" { "Found by" } } } };
    html! {
        @if !leaks.is_empty() {
            div.banner role="note" aria-labelledby="leaks" {
                h2 id="leaks" { "Copies across the splits: " (several(leaks.len(), "pair")) }
                @if page.report.test.is_some() {
                    p { "The test figure counts them, as was asked for. It is too good: a model scores well on pictures that it has already seen." }
                } @else {
                    p { "No test figure is given: a model scores well on pictures that it has already seen, so it would be too good." }
                }
                p { "Take one of each pair away and train again. " a href="#duplicates" { "See them side by side" } "." }
                div.scroll tabindex="0" { table.plain { (head) tbody { @for leak in leaks.iter().take(AT_ONCE) { (row(leak)) } } } }
                @if leaks.len() > AT_ONCE {
                    details {
                        summary { "The other " (several(leaks.len() - AT_ONCE, "pair")) }
                        div.scroll tabindex="0" { table.plain { (head) tbody { @for leak in leaks.iter().take(MOST).skip(AT_ONCE) { (row(leak)) } } } }
                        @if leaks.len() > MOST { p.muted { "and " (several(leaks.len() - MOST, "more pair")) "." } }
                    }
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
    fn names_the_pairs_and_says_what_the_figure_is_worth() {
        let mut page = sample::photos();
        assert_eq!(draw(&page).into_string(), "");
        sample::leak(&mut page, 120);
        let banner = draw(&page).into_string();
        assert!(
            banner.contains("No test figure")
                && banner.contains("train/coast/0001.jpg")
                && banner.contains("20 more pairs")
        );
        page.report.test = page.report.selected.clone();
        assert!(draw(&page).into_string().contains("too good"));
    }
}
