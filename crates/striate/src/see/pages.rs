//! The atlas as pages: one to begin with, one for the filters of the first layer, one for each layer, one for what was drawn, one for
//! each picture explained, and one for the classes that are confused.

mod confused;
mod drawn;
mod layer;
mod picture;

use std::f64::consts::PI;
use std::path::Path;

use maud::{DOCTYPE, Markup, html};
use striate_data::dataset::Dataset;
use striate_vision::filter_kind::{ANGLES, FilterKind};

use super::activity::{Activity, Channel};
use super::confused::Pair;
use super::drawing::Gallery;
use super::first::{Filter, FirstLayer, drawn};
use super::patch::to_webp;
use super::portrait::{Portrait, Said};
use super::rows;
use super::subject::Subject;
use super::{LayerSummary, SeeReport, write};
use crate::error::Error;
use crate::html::number::{count, percent, several, shown};
use crate::thumb::to_rgb;

/// Side of a filter on its page, in pixels.
const FILTER: u32 = 64;
/// Classes named beside a channel.
const CLASSES: usize = 3;

/// All that the pages show.
pub(crate) struct Atlas<'a> {
    pub subject: &'a Subject,
    pub dataset: &'a Dataset,
    pub first: &'a FirstLayer,
    pub activity: &'a Activity,
    pub gallery: &'a Gallery,
    pub said: &'a [Said],
    pub explained: &'a [Portrait],
    pub pairs: &'a [Pair],
    pub report: &'a SeeReport,
}

/// Writes the pictures of the filters, and answers how many files that were.
pub(super) fn write_filters(subject: &Subject, first: &FirstLayer, out: &Path) -> Result<usize, Error> {
    let side = subject.filters.side;
    for filter in &first.filters {
        let small = to_rgb(&drawn(&subject.filters, filter.channel), [side; 2]);
        let factor = (FILTER / side as u32).max(1);
        let (width, height) = (small.width() * factor, small.height() * factor);
        let large = image::imageops::resize(&small, width, height, image::imageops::FilterType::Nearest);
        write(out, &filter_file(filter.channel), &to_webp(&large, false))?;
    }
    Ok(first.filters.len())
}

impl Atlas<'_> {
    /// Writes the pages; the pictures that they show are there.
    pub fn write(&self, out: &Path) -> Result<(), Error> {
        let put = |name: &str, content: &[u8]| write(out, name, content);
        put("style.css", concat!(include_str!("../html/style.css"), include_str!("style.css")).as_bytes())?;
        for (number, layer) in self.report.layers.iter().enumerate() {
            if !layer.shown.is_empty() {
                put(&layer_file(number), self.layer(number, layer).into_string().as_bytes())?;
            }
        }
        for portrait in self.explained {
            let picture = self.said[portrait.at].picture;
            put(&picture::page(picture), self.picture(portrait).into_string().as_bytes())?;
        }
        put("drawn.html", self.drawn().into_string().as_bytes())?;
        put("confused.html", self.confused().into_string().as_bytes())?;
        put("filters.html", self.filters().into_string().as_bytes())?;
        put("index.html", self.index().into_string().as_bytes())
    }

    /// Links to the pages that stand beside the layers.
    fn nav(&self, up: &str) -> Markup {
        html! {
            a href={ (up) "index.html" } { "Layers" }
            a href={ (up) "filters.html" } { "First-layer filters" }
            @if !self.gallery.drawings.is_empty() { a href={ (up) "drawn.html" } { "Drawn by the net" } }
            @if !self.explained.is_empty() { a href={ (up) "index.html#explained" } { "Pictures explained" } }
            @if !self.pairs.is_empty() { a href={ (up) "confused.html" } { "Confused classes" } }
        }
    }

    /// The name of a class, as the net or its labels have it.
    fn class(&self, class: usize) -> String {
        shown(&self.subject.class_name(class), 40).into_owned()
    }

    fn channel(&self, layer: usize, channel: usize) -> &Channel {
        &self.activity.layers[layer].channels[channel]
    }

    fn page(&self, title: &str, up: &str, nav: &Markup, body: &Markup) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    link rel="icon" href="data:,";
                    link rel="stylesheet" href={ (up) "style.css" };
                    title { (title) " · " (shown(&self.subject.name, 80)) " · Striate atlas" }
                }
                body.atlas {
                    header { p.brand { "Striate atlas of " bdi { (shown(&self.subject.name, 80)) } } h1 { (title) } }
                    nav aria-label="Pages" { (nav) }
                    main { (body) }
                }
            }
        }
    }

    fn index(&self) -> Markup {
        let report = self.report;
        let pictures = several(report.pictures, "picture");
        let nav = self.nav("");
        let body = html! {
            section {
                h2 { "What each layer answers to" }
                div.body {
                    p.lead { (pictures) @if report.pictures_left_out > 0 { ", a sample of " (count(report.pictures + report.pictures_left_out)) "," } " went through the net once. For each layer, in the order in which a picture meets them, the parts of pictures \
                        that excite one of its channels most, cut to what a unit sees." }
                    div.scroll { table.plain.layers {
                        thead { tr { th { "layer" } th.num { "channels" } th.num { "map" } th.num { "unit sees" } th.num { "above 0" } th.num { "dead" } th.num { "twins" } } }
                        tbody { @for (i, layer) in report.layers.iter().enumerate() { (self.row(i, layer)) } }
                    } }
                }
                aside.note {
                    p { b { "Unit sees" } ": rows and columns of the input that a unit in the middle of the map depends on; at most the whole picture." }
                    p { b { "Above 0" } ": share of all units, over pictures and channels. Layers without a rectifier have about half." }
                    p { b { "Dead" } " channels give one value everywhere. " b { "Twins" } " answer as an earlier channel does (correlation of their greatest values over pictures above 0.99)." }
                    @if report.channels_left_out > 0 {
                        p { (several(report.channels_left_out, "channel")) " have no patches here; " code { "--channels" } " shows more." }
                    }
                    @if report.channels_out_of_time > 0 {
                        p { (several(report.channels_out_of_time, "channel")) " of these, and their drawings, did not fit into the time; " code { "--budget" } " gives more." }
                    }
                    @if report.pictures_left_out > 0 {
                        p { (several(report.pictures_left_out, "picture")) " did not fit into the time; " code { "--budget" } " gives more." }
                    }
                }
            }
            section {
                h2 { "Filters of the first layer" }
                div.body { (self.summary()) p { a href="filters.html" { "All of them, with how they turn" } } }
                aside.note { (how_told(self.report)) }
            }
            (self.explained())
        };
        self.page("What it answers to", "", &nav, &body)
    }

    fn row(&self, number: usize, layer: &LayerSummary) -> Markup {
        let [c, h, w] = layer.shape;
        let lively = layer.shown.iter().find(|&&i| !self.channel(number, i).is_dead());
        html! { tr {
            th scope="row" { @if layer.shown.is_empty() { (layer.layer) } @else { a href=(layer_file(number)) { (layer.layer) } } }
            td.num { (c) } td.num { (h) "×" (w) } td.num { (layer.field[0]) "×" (layer.field[1]) }
            td.num { (percent(layer.positive)) } td.num { (layer.dead.len()) } td.num { (layer.duplicates.len()) }
        }
        @if let Some(&channel) = lively { tr.glance { td colspan="7" { (self.strip("", number, channel)) } } } }
    }

    fn strip(&self, up: &str, layer: usize, channel: usize) -> Markup {
        let n = self.channel(layer, channel).top.len();
        let width = (n * 66).saturating_sub(2);
        html! { img.strip src={ (up) (rows::file(layer, channel)) } width=(width) height="64" loading="lazy"
        alt={ "The " (n) " parts of pictures that excite channel " (channel) " most" }; }
    }

    fn summary(&self) -> Markup {
        let f = &self.report.filters;
        html! { p.lead { "Of " (several(f.filters, "filter")) " of " (f.side) "×" (f.side) ": " b { (f.oriented) } " oriented, " b { (f.blobs) } " blobs, "
        b { (f.colour_opponent) } " colour-opponent, " b { (f.none) } " none of these." } }
    }

    fn filters(&self) -> Markup {
        let body = html! { section {
            h2 { (several(self.first.filters.len(), "filter")) " of " (self.subject.layers[0].path) }
            div.body { (self.summary()) div.filters { @for filter in &self.first.filters { (filter_figure(filter)) } } }
            aside.note { (how_told(self.report)) }
        } };
        self.page("Filters of the first layer", "", &self.nav(""), &body)
    }
}

fn how_told(report: &SeeReport) -> Markup {
    let [gabor, blob] = report.filters.bars;
    html! {
        p { "A filter is parted into one colour and one pattern. It is " b { "oriented" } " when a Gabor function explains at least "
            (percent(gabor)) " of the pattern and it answers to some angles much more than to others, a " b { "blob" } " when a round Gaussian, or a difference of two, explains at least " (percent(blob))
            ". One of 100 patterns of random numbers gets that far, or none." }
        p { b { "Colour-opponent" } ": channels of the input pull against each other, and more than half of the colour is no brightness." }
        p { "The curve: how it answers to gratings of the wavelength that it likes best, over the angle of their bars." }
    }
}

fn filter_figure(Filter { channel, kind }: &Filter) -> Markup {
    html! { figure.filter {
        img.tiny src=(filter_file(*channel)) alt={ "Filter " (channel) } width="64" height="64";
        @if let Some(kind) = kind { (tuning(kind)) }
        figcaption { b { (channel) } " " @match kind {
            None => span.muted { "no shape" },
            Some(kind) => {
                @if kind.is_oriented { span.tag { (format!("{:.0}°", kind.angle)) } " " }
                @if kind.is_blob { span.tag { "blob" } " " }
                @if kind.is_opponent { span.tag.bad { "opponent" } " " }
            }
        } }
    } }
}

/// Answers around the half turn, as a closed curve about the middle.
fn tuning(kind: &FilterKind) -> Markup {
    let point = |i: usize| {
        let (angle, r) = (i as f64 * PI / ANGLES as f64, 29.0 * f64::from(kind.tuning[i % ANGLES]));
        format!("{:.1},{:.1}", 32.0 + r * libm::cos(angle), 32.0 - r * libm::sin(angle))
    };
    let points: Vec<String> = (0..2 * ANGLES).map(point).collect();
    html! { svg.tuning viewBox="0 0 64 64" width="64" height="64" role="img" aria-label={ "answers most at " (format!("{:.0}", kind.angle)) " degrees" } {
        circle cx="32" cy="32" r="29" {}
        polygon points=(points.join(" ")) {}
    } }
}

fn filter_file(channel: usize) -> String {
    format!("filters/{channel}.webp")
}

fn layer_file(layer: usize) -> String {
    format!("layers/{layer}.html")
}
