//! What a restorer makes of damaged pictures: damaged, restored and clean side by side.

use maud::html;

use crate::html::Section;
use crate::html::mistakes::last_part;
use crate::html::number::shown;
use crate::html::thumbs::{Place, Thumbs};
use crate::page::{Page, RestoreSheet, Thumb};

/// The pictures that the section draws, with row and column.
pub fn drawn(sheet: &RestoreSheet) -> impl Iterator<Item = (usize, usize, &Thumb)> {
    sheet.restored.iter().enumerate().flat_map(|(row, picture)| {
        let damaged = picture.damaged.iter().map(move |(thumb, _)| (row, 0, thumb));
        damaged.chain([(row, 1, &picture.restored), (row, 2, &picture.original)])
    })
}

/// Draws the section, or nothing where no restorer was trained.
pub fn draw(page: &Page, thumbs: &Thumbs) -> Option<Section> {
    let (sheet, report) = (page.restore.as_ref()?, page.report.restore.as_ref()?);
    let decibels = |psnr: f64| format!("{psnr:.2}\u{202f}dB");
    Some(Section {
        id: "restored",
        title: "What it makes of damaged pictures",
        short: "Restored",
        body: html! {
            @if sheet.restored.is_empty() { p.muted { "No clean picture was held out to be shown." } }
            @else {
                div.scroll tabindex="0" role="region" aria-label="Pictures damaged, restored and clean" { table.sheet.large {
                    thead { tr { th scope="col" { "damaged" } th scope="col" { "restored" } th scope="col" { "as it was" } } }
                    tbody { @for (row, picture) in sheet.restored.iter().enumerate() { tr {
                        @let name = shown(last_part(&picture.file), 48);
                        td { @if let Some((thumb, psnr)) = &picture.damaged {
                            (thumbs.draw((Place::Restored, row, 0), Some(thumb), &format!("{name}, damaged"))) (decibels(*psnr))
                        } }
                        td { (thumbs.draw((Place::Restored, row, 1), Some(&picture.restored), &format!("{name}, restored"))) (decibels(picture.psnr)) }
                        td { (thumbs.draw((Place::Restored, row, 2), Some(&picture.original), &name)) (name) }
                    } } }
                } }
            }
            (thumbs.left_out(Place::Restored))
        },
        note: html! {
            p { "Middles of pictures that the net has not seen, damaged by the program itself, so that what was lost is known." }
            p { b { "PSNR" } ": 10 log" sub { "10" } "(1 / mean squared error) over all values of the whole picture in [0, 1]; what comes back is cut off but not rounded, noise neither. The headline is the mean over pictures." }
            @if let (Some(before), Some(after)) = (report.psnr_of_damaged, report.psnr) {
                p { "On the whole from " (decibels(before)) " to " b { (decibels(after)) } "." }
            }
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::html::{sample, sample_code};

    #[test]
    fn three_pictures_a_row() {
        let page = sample_code::restorer();
        let all = Thumbs::within(&page, usize::MAX);
        let html = draw(&page, &all).map(|s| s.body.into_string()).unwrap_or_default();
        assert_eq!((html.matches("<img").count(), html.matches("20.10").count()), (12, 4), "{html}");
        assert!(draw(&sample::photos(), &all).is_none());
    }
}
