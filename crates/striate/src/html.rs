//! `report.html`: a [`Page`] drawn as one file that opens by double-click, asks no network for anything and stays under 3 MB.

mod audit;
mod augment;
pub(crate) mod axis;
mod calibration;
mod classes;
mod code;
mod confusion;
mod curves;
mod data;
mod headline;
mod labels;
mod ladder;
mod leaks;
pub(crate) mod mistakes;
pub(crate) mod number;
mod provenance;
mod restored;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod sample_code;
mod thumbs;
mod twins;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::page::Page;
use thumbs::Thumbs;

/// The page is never larger, whatever it is to show.
pub const MAX_BYTES: usize = 3_000_000;

/// A part of the page: what it shows, and beside it how to read it.
struct Section {
    id: &'static str,
    title: &'static str,
    short: &'static str,
    body: Markup,
    note: Markup,
}

/// What hides the links from a report to the atlas of its run, until there is one (`striate see`).
pub(crate) const WITHOUT_ATLAS: &str = " class=\"without-atlas\"";

/// Draws `page` as one HTML file of at most [`MAX_BYTES`]. Pictures that would not fit are left out, the least important
/// first, and the page says how many. Text is escaped; names and lists are cut to what a page can hold.
pub fn render(page: &Page) -> String {
    let bare = draw(page, &Thumbs::within(page, 0));
    let mut budget = MAX_BYTES.saturating_sub(bare.len());
    while budget > 0 {
        let html = draw(page, &Thumbs::within(page, budget));
        if html.len() <= MAX_BYTES {
            return html;
        }
        // Long names around the pictures cost more than was reckoned.
        budget = budget.saturating_sub(2 * (html.len() - MAX_BYTES));
    }
    bare
}

/// Whether the page is of a classifier, and not of a net that gives pictures.
fn tells_classes(page: &Page) -> bool {
    page.code.is_none() && page.restore.is_none()
}

fn draw(page: &Page, thumbs: &Thumbs) -> String {
    let sections = [
        tells_classes(page).then(|| ladder::draw(page)),
        code::draw(page, thumbs),
        restored::draw(page, thumbs),
        labels::draw(page),
        confusion::draw(page, thumbs),
        classes::draw(page),
        tells_classes(page).then(|| audit::draw(page, thumbs)),
        calibration::draw(page),
        curves::draw(page),
        Some(data::draw(page, thumbs)),
        augment::draw(page, thumbs),
        provenance::warnings(page),
        Some(provenance::draw(page)),
    ];
    let sections: Vec<Section> = sections.into_iter().flatten().collect();
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                link rel="icon" href="data:,";
                title { (number::shown(&page.title, 120)) " · Striate report" }
                style { (PreEscaped(include_str!("html/style.css"))) }
            }
            body.without-atlas {
                header {
                    p.brand { "Striate report" }
                    h1 { bdi { (number::shown(&page.title, 120)) } }
                    p.to-atlas { a href="atlas/index.html" { "What its layers have learned" } }
                }
                main {
                    (leaks::draw(page))
                    (headline::draw(page))
                    nav aria-label="Sections" { @for s in &sections {
                        a href={ "#" (s.id) } { (s.short) @if s.id == "warnings" { " (" (page.warnings.len()) ")" } }
                    } }
                    @for s in &sections {
                        section id=(s.id) aria-labelledby={ "h-" (s.id) } {
                            h2 id={ "h-" (s.id) } { (s.title) }
                            div.body { (s.body) }
                            aside.note aria-label={ "How to read: " (s.title) } { (s.note) }
                        }
                    }
                }
            }
        }
    }
    .into_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::{ClassGlance, Confusion, Thumb};
    use crate::report::{ClassScore, Leak};

    /// Pages that a report must carry, from the usual to the absurd.
    fn pages() -> Vec<(&'static str, Page)> {
        let mut leaky = sample::photos();
        sample::leak(&mut leaky, 120);
        vec![
            ("photos", sample::photos()),
            ("two-classes", sample::flawless()),
            ("hundred-classes", sample::many(100)),
            ("one-model", sample::one_model()),
            ("leaks", leaky),
            ("code", sample_code::code()),
            ("restorer", sample_code::restorer()),
            ("hostile", sample::hostile()),
            ("nothing", sample::nothing()),
        ]
    }

    #[test] // STRIATE_PAGES=folder keeps the pages, to be looked at in a browser
    fn every_page_is_self_contained_small_and_free_of_nan() {
        for (name, page) in pages() {
            let html = render(&page);
            if let Some(folder) = std::env::var_os("STRIATE_PAGES") {
                std::fs::write(std::path::Path::new(&folder).join(format!("{name}.html")), &html)
                    .expect("STRIATE_PAGES is a folder");
            }
            assert!(html.len() <= MAX_BYTES, "{name}: {} bytes", html.len());
            for foreign in
                ["src=\"http", "href=\"http", "url(", "@import", "<script", "<link rel=\"stylesheet", "src=\"//"]
            {
                assert!(!html.contains(foreign), "{name} holds {foreign}");
            }
            let words: String =
                html.split("base64,").map(|part| part.split_once('"').map_or(part, |(_, rest)| rest)).collect();
            for number in ["NaN", ">inf", "\"inf", "-inf"] {
                assert!(!words.contains(number), "{name} holds {number}");
            }
            let targets =
                html.match_indices("href=\"#").map(|(i, m)| html[i + m.len()..].split('"').next().unwrap_or_default());
            for target in targets {
                assert_eq!(html.matches(&format!("id=\"{target}\"")).count(), 1, "{name}: #{target}");
            }
            assert_eq!(html.matches("<h1").count(), 1);
        }
    }

    #[test]
    fn what_users_name_is_escaped() {
        let html = render(&sample::hostile());
        assert!(html.contains("&lt;script&gt;") && html.contains("&quot;") && html.contains("Ωmega"));
        assert!(!html.contains("<script>") && !html.contains("onerror=\""));
    }

    #[test]
    fn whatever_comes_the_page_stays_under_its_size() {
        let mut page = sample::many(300);
        let name = |i: usize| format!("{i}{}", "\"<&😀".repeat(200));
        let thumb = || Thumb { bytes: vec![7; 20_000], mime: "image/jpeg", width: 96, height: 96 };
        for (i, class) in page.data.classes.iter_mut().enumerate() {
            *class = ClassGlance { class: name(i), counts: [i, 1, 2], examples: vec![(name(i), thumb()); 8] };
        }
        page.per_class =
            (0..1500).map(|i| ClassScore { class: name(i), precision: None, recall: None, f1: None, n: i }).collect();
        let confusion = page.confusion.get_or_insert_with(Confusion::default);
        confusion.classes = (0..1500).map(name).collect();
        confusion.counts = vec![vec![3; 1500]; 1500];
        confusion.mistakes.iter_mut().enumerate().for_each(|(i, m)| (m.file, m.thumb) = (name(i), Some(thumb())));
        page.report.leaks = (0..5000).map(|i| Leak { a: name(i), b: name(i), why: name(i) }).collect();
        page.data.skipped = (0..2000).map(|i| (name(i), name(i))).collect();
        page.warnings = (0..500).map(name).collect();
        page.provenance = (0..500).map(|i| (name(i), name(i))).collect();
        (page.command, page.title, page.report.verdict) = (name(0).repeat(50), name(1), vec![name(2); 100]);
        let html = render(&page);
        assert!(html.len() <= MAX_BYTES, "{} bytes", html.len());
        assert!(html.contains("left out here so that this page stays under 3 MB"));
    }
}
