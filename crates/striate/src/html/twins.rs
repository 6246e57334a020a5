//! Near-duplicates side by side, those across given splits first.

use maud::{Markup, html};

use crate::html::number::{count, several, shown};
use crate::html::thumbs::{Place, Thumbs};
use crate::page::{DataGlance, Thumb, Twins};

/// Pairs drawn.
const MOST: usize = 36;

/// The pairs that the page draws.
pub fn drawn(data: &DataGlance) -> impl Iterator<Item = &Twins> {
    let leaks = data.twins.iter().filter(|t| t.leak);
    leaks.chain(data.twins.iter().filter(|t| !t.leak)).take(MOST)
}

/// Draws them, or nothing.
pub fn draw(data: &DataGlance, thumbs: &Thumbs) -> Markup {
    let here = drawn(data).count();
    let all = data.twins_total.max(data.twins.len());
    html! {
        @if here > 0 {
            h3 id="duplicates" { "Near-duplicates: " (several(all, "pair")) }
            @if here < all { p.muted { "The first " (count(here)) " are shown." } }
            (thumbs.left_out(Place::Twins))
            div.twins { @for (row, pair) in drawn(data).enumerate() {
                figure.pair {
                    div.both { (side(row, 0, &pair.a, thumbs)) (side(row, 1, &pair.b, thumbs)) }
                    figcaption { @if pair.leak { span.tag.bad { "across splits" } " " } (shown(&pair.why, 120)) }
                }
            } }
        }
    }
}

fn side(row: usize, column: usize, (name, thumb): &(String, Option<Thumb>), thumbs: &Thumbs) -> Markup {
    html! {
        span.side title=(shown(name, 64)) {
            (thumbs.draw((Place::Twins, row, column), thumb.as_ref(), &shown(name, 64)))
            span.file { bdi { (shown(name, 44)) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::html::sample;

    #[test]
    fn leaks_come_first_and_all_are_counted() {
        let mut page = sample::photos();
        page.data.twins[1].leak = true;
        page.data.twins_total = 500;
        assert!(drawn(&page.data).next().is_some_and(|t| t.leak));
        let html = draw(&page.data, &Thumbs::within(&page, usize::MAX)).into_string();
        assert!(html.contains("500 pairs") && html.contains("across splits"));
    }
}
