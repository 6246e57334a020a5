//! What augmentation does: a row for each picture, the original first.

use maud::html;

use crate::html::Section;
use crate::html::number::shown;
use crate::html::thumbs::{Place, Thumbs};
use crate::page::{AugmentSheet, Page, Thumb};

/// Rows and columns drawn.
const ROWS: usize = 6;
const COLUMNS: usize = 9;

/// The pictures that the page draws, with row and column.
pub fn drawn(sheet: &AugmentSheet) -> impl Iterator<Item = (usize, usize, &Thumb)> {
    sheet
        .rows
        .iter()
        .take(ROWS)
        .enumerate()
        .flat_map(|(row, cells)| cells.iter().take(COLUMNS).enumerate().map(move |(i, t)| (row, i, t)))
}

/// Draws the section, or nothing where no net was trained with augmentation.
pub fn draw(page: &Page, thumbs: &Thumbs) -> Option<Section> {
    let sheet = page.augment.as_ref().filter(|s| !s.rows.is_empty())?;
    let columns = sheet.rows.iter().map(|r| r.len().min(COLUMNS)).max().unwrap_or(1);
    let alt = |row: usize, i: usize| {
        if i == 0 { format!("picture {} as it is", row + 1) } else { format!("picture {}, variant {}", row + 1, i) }
    };
    Some(Section {
        id: "augmentation",
        title: "What augmentation does",
        short: "Augmentation",
        body: html! {
            p.lead { "Drawn anew for every picture in every epoch: " (shown(&sheet.summary, 400)) "." }
            div.scroll tabindex="0" role="region" aria-label="Augmented pictures" {
                table.sheet {
                    thead { tr { th scope="col" { "as it is" } @if columns > 1 { th scope="colgroup" colspan=(columns - 1) { "as the net sees it" } } } }
                    tbody { @for (row, cells) in sheet.rows.iter().take(ROWS).enumerate() { tr {
                        @for (i, thumb) in cells.iter().take(COLUMNS).enumerate() {
                            td { @if thumbs.has((Place::Augment, row, i)) { (thumbs.draw((Place::Augment, row, i), Some(thumb), &alt(row, i))) } }
                        }
                    } } }
                }
            }
            (thumbs.left_out(Place::Augment))
        },
        note: html! {
            p { "A variant must still show its class. If one does not (a 6 turned into a 9), make the augmentation weaker." }
            p { "Held-out pictures are never augmented." }
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::html::sample;

    #[test]
    fn originals_come_first() {
        let mut page = sample::photos();
        let html = draw(&page, &Thumbs::within(&page, usize::MAX)).map(|s| s.body.into_string()).unwrap_or_default();
        assert!(html.contains("picture 1 as it is") && html.contains("variant 5"));
        page.augment = Some(AugmentSheet::default());
        assert!(draw(&page, &Thumbs::within(&page, 0)).is_none());
    }
}
