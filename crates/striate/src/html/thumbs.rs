//! The pictures of the page within a budget of bytes: the least important are left out, and counted.

use std::collections::{HashMap, HashSet};

use base64::{Engine, engine::general_purpose::STANDARD};
use maud::{Markup, html};

use crate::html::{audit, augment, code, data, mistakes, number::several, restored, twins};
use crate::page::{Page, Thumb};

/// Where on the page a picture stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// Near-duplicates.
    Twins,
    /// Mistaken pictures.
    Mistakes,
    /// Examples of a class.
    Examples,
    /// What augmentation does.
    Augment,
    /// What codes keep: components, then pictures as they were and as they came back.
    Code,
    /// Held-out pictures: clean, damaged, restored.
    Restored,
    /// What the audit found: likely wrong labels, then outliers.
    Audit,
}

/// A picture's address: its place, and row and column there.
pub type Slot = (Place, usize, usize);

/// Markup around a picture, its alternative text included, in bytes at the very most.
const MARKUP_BYTES: usize = 900;

/// Which pictures are drawn.
pub struct Thumbs {
    kept: HashSet<Slot>,
    left_out: HashMap<Place, usize>,
}

impl Thumbs {
    /// As many pictures as `budget_bytes` of HTML hold, the most important first.
    pub fn within(page: &Page, budget_bytes: usize) -> Self {
        let mut thumbs = Self { kept: HashSet::new(), left_out: HashMap::new() };
        let mut left = budget_bytes;
        for (slot, thumb) in by_importance(page) {
            let cost = thumb.bytes.len().div_ceil(3) * 4 + MARKUP_BYTES;
            if cost <= left {
                left -= cost;
                thumbs.kept.insert(slot);
            } else {
                *thumbs.left_out.entry(slot.0).or_default() += 1;
            }
        }
        thumbs
    }

    /// Whether the picture at `slot` is drawn.
    pub fn has(&self, slot: Slot) -> bool {
        self.kept.contains(&slot)
    }

    /// The picture at `slot`, or an empty frame of the same size that says so.
    pub fn draw(&self, slot: Slot, thumb: Option<&Thumb>, alt: &str) -> Markup {
        match thumb {
            Some(t) if self.has(slot) => html! {
                img.tiny[t.width.max(t.height) <= 48] src={ "data:" (t.mime) ";base64," (STANDARD.encode(&t.bytes)) }
                    width=(t.width) height=(t.height) alt=(alt);
            },
            _ => html! { span.gone role="img" aria-label={ (alt) " (picture not kept)" } { "not kept" } },
        }
    }

    /// A line that says how many pictures of `place` the budget left out; nothing when none.
    pub fn left_out(&self, place: Place) -> Markup {
        let n = self.left_out.get(&place).copied().unwrap_or(0);
        html! {
            @if n > 0 {
                p.muted { (several(n, "picture")) " left out here so that this page stays under 3 MB." }
            }
        }
    }
}

/// Every picture the sections would draw, the most important first: copies across splits, the surest mistakes,
/// one example a class, what augmentation does, then the rest of each in turn.
fn by_importance(page: &Page) -> Vec<(Slot, &Thumb)> {
    let mut ranked: Vec<(usize, Slot, &Thumb)> = Vec::new();
    for (row, pair) in twins::drawn(&page.data).enumerate() {
        let rank = if pair.leak && row < 12 { 0 } else { 40 + row };
        let both = [(0, &pair.a.1), (1, &pair.b.1)];
        ranked.extend(both.into_iter().filter_map(|(i, t)| Some((rank, (Place::Twins, row, i), t.as_ref()?))));
    }
    let mistakes = page.confusion.iter().flat_map(mistakes::drawn);
    for (i, mistake) in mistakes.enumerate() {
        let rank = if i < 24 { 10 } else { 30 + i };
        ranked.extend(mistake.thumb.as_ref().map(|t| (rank, (Place::Mistakes, 0, i), t)));
    }
    for (row, class) in data::drawn(&page.data).enumerate() {
        for (i, (_, thumb)) in class.examples.iter().take(data::EXAMPLES).enumerate() {
            ranked.push((if i == 0 { 20 } else { 60 + 10 * i }, (Place::Examples, row, i), thumb));
        }
    }
    for (row, i, thumb) in page.augment.iter().flat_map(augment::drawn) {
        ranked.push((if row < 2 { 25 } else { 50 + row }, (Place::Augment, row, i), thumb));
    }
    for (row, i, thumb) in page.code.iter().flat_map(code::drawn) {
        ranked.push((5 + row.min(1), (Place::Code, row, i), thumb));
    }
    for (row, i, thumb) in page.restore.iter().flat_map(restored::drawn) {
        ranked.push((5 + row, (Place::Restored, row, i), thumb));
    }
    for ((row, i), thumb) in audit::drawn(page) {
        ranked.push((if row == 0 { 15 + i } else { 45 + i }, (Place::Audit, row, i), thumb));
    }
    ranked.sort_by_key(|(rank, ..)| *rank);
    ranked.into_iter().map(|(_, slot, thumb)| (slot, thumb)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::html::sample;

    #[test]
    fn a_small_budget_keeps_the_important_and_counts_the_rest() {
        let page = sample::photos();
        let all = Thumbs::within(&page, usize::MAX);
        assert!(all.left_out.is_empty());
        let cost = |n: usize| n * (sample::picture(0, 0).bytes.len().div_ceil(3) * 4 + MARKUP_BYTES);
        let few = Thumbs::within(&page, cost(10));
        assert_eq!(few.kept.len(), 10);
        assert_eq!(few.left_out.values().sum::<usize>(), all.kept.len() - 10);
        assert!(few.kept.iter().all(|(place, ..)| *place == Place::Mistakes), "the surest mistakes go first");
        assert!(few.left_out(Place::Augment).into_string().contains("left out"));
        assert_eq!(all.left_out(Place::Augment).into_string(), "");
    }
}
