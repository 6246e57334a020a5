//! The mistaken pictures themselves, grouped by what was taken for what; a confusion cell's link shows its group alone.

use std::collections::HashSet;

use maud::{Markup, html};

use crate::html::confusion::class;
use crate::html::number::{count, rough, several, shown};
use crate::html::thumbs::{Place, Thumbs};
use crate::page::{Confusion, Mistake};

/// Pictures drawn, the surest.
const MOST: usize = 96;

/// The mistakes that the page draws.
pub fn drawn(confusion: &Confusion) -> impl Iterator<Item = &Mistake> {
    confusion.mistakes.iter().take(MOST)
}

/// Those of them whose picture fits, or that never had one, with their place in the order.
pub fn fitting<'a>(confusion: &'a Confusion, thumbs: &'a Thumbs) -> impl Iterator<Item = (usize, &'a Mistake)> {
    drawn(confusion).enumerate().filter(|(i, m)| m.thumb.is_none() || thumbs.has((Place::Mistakes, 0, *i)))
}

/// What was taken for what, of all that [`fitting`] shows: (truth, prediction), each with an anchor to link to.
pub fn kinds(confusion: &Confusion, thumbs: &Thumbs) -> HashSet<(usize, usize)> {
    fitting(confusion, thumbs).map(|(_, m)| (m.truth, m.predicted)).collect()
}

/// Draws the groups in the order of `pairs` (truth, prediction, count).
pub fn draw(confusion: &Confusion, pairs: &[(usize, usize, usize)], thumbs: &Thumbs) -> Markup {
    let wrong: usize = pairs.iter().map(|p| p.2).sum();
    let shown_here = fitting(confusion, thumbs).count();
    let kinds = kinds(confusion, thumbs);
    let group = |t: usize, p: usize| fitting(confusion, thumbs).filter(move |(_, m)| (m.truth, m.predicted) == (t, p));
    html! {
        @if shown_here > 0 {
            h3 id="pictures" { "The pictures, the surest mistakes first" }
            p.muted {
                @if shown_here < wrong { (count(shown_here)) " of " (several(wrong, "mistake")) ". " }
                "Under each: the probability it gave its wrong answer."
            }
            div.groups {
                p.all { a href="#pictures" { "Show all mistakes again" } }
                @for (t, p, n) in pairs.iter().filter(|(t, p, _)| kinds.contains(&(*t, *p))) {
                    div.group.one[group(*t, *p).count() == 1] id={ "m-" (t) "-" (p) } {
                        h4 { bdi { (class(confusion, *t)) } span.muted { " taken for " } bdi { (class(confusion, *p)) } span.muted { " · " (count(*n)) }
                            a.to-atlas href={ "atlas/confused.html#p-" (t) "-" (p) } { "what tells them apart" } }
                        div.pictures { @for (i, m) in group(*t, *p) { (picture(confusion, i, m, thumbs)) } }
                    }
                }
            }
        }
        (thumbs.left_out(Place::Mistakes))
    }
}

fn picture(confusion: &Confusion, i: usize, m: &Mistake, thumbs: &Thumbs) -> Markup {
    let file = shown(&m.file, 64);
    let (truth, said, probability) = (class(confusion, m.truth), class(confusion, m.predicted), rough(m.probability));
    html! {
        figure.pic title=(file) {
            (thumbs.draw((Place::Mistakes, 0, i), m.thumb.as_ref(), &format!("{file}: is {truth}, labelled {said}")))
            figcaption { b { (probability) } span.file { bdi { (shown(last_part(&m.file), 22)) } } }
        }
    }
}

/// The file's name without its folders.
pub fn last_part(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::html::{confusion, sample};

    #[test]
    fn every_mistake_has_its_picture_in_the_group_its_cell_links_to() {
        let page = sample::photos();
        let confusion = page.confusion.clone().unwrap_or_default();
        let html = draw(&confusion, &confusion::pairs(&confusion), &Thumbs::within(&page, usize::MAX)).into_string();
        assert_eq!(html.matches("<img").count(), confusion.mistakes.len());
        let first = &confusion.mistakes[0];
        assert!(html.contains(&format!("id=\"m-{}-{}\"", first.truth, first.predicted)));
    }

    #[test]
    fn folders_are_cut_off() {
        assert_eq!((last_part("a/b/c.jpg"), last_part("a\\c.jpg"), last_part("c.jpg")), ("c.jpg", "c.jpg", "c.jpg"));
    }
}
