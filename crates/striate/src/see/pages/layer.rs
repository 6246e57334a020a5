//! The page of a layer: its channels, with what excites them most.

use maud::{Markup, html};
use striate_train::explain::maximise::Style;

use super::super::LayerSummary;
use super::super::activity::Channel;
use super::super::drawing::{Drawing, What};
use super::{Atlas, CLASSES, layer_file};
use crate::html::number::{count, percent, shown};

/// Side of a channel's drawing on its page, in pixels.
const DRAWN_SIDE: usize = 112;

impl Atlas<'_> {
    pub(super) fn layer(&self, number: usize, layer: &LayerSummary) -> Markup {
        let beside = |i: Option<usize>, word: &str| {
            html! {
                @if let Some((i, layer)) = i.and_then(|i| Some((i, self.report.layers.get(i)?))) {
                    @if !layer.shown.is_empty() { a href={ "../" (layer_file(i)) } rel=(word) { (word) ": " (layer.layer) } }
                }
            }
        };
        let nav =
            html! { (self.nav("../")) (beside(number.checked_sub(1), "prev")) (beside(Some(number + 1), "next")) };
        let [c, h, w] = layer.shape;
        let body = html! {
            section {
                h2 { (count(layer.shown.len())) " of " (count(c)) " channels" }
                div.body { @for &channel in &layer.shown {
                    (self.channel_figure(number, channel, layer))
                } }
                aside.note {
                    p { "Each gives a map of " (h) "×" (w) "; a unit in its middle sees " (layer.field[0]) "×" (layer.field[1]) " pixels." }
                    p { "Large: drawn by gradient ascent to excite the whole channel, by the rules of Olah et al. 2017 (" a href="../drawn.html" { "what these do" } "); where it is missing, it did not fit into " code { "--budget" } "." }
                    p { "Patches lie from the most exciting on, each from another picture, cut to what the unit sees and scaled to fit." }
                    @if self.knows_classes() { p { b { "Serves" } ": the classes whose pictures excite it most, in deviations above the mean of all pictures." } }
                }
            }
        };
        self.page(&layer.layer, "../", &nav, &body)
    }

    fn channel_figure(&self, number: usize, channel: usize, layer: &LayerSummary) -> Markup {
        let seen = self.channel(number, channel);
        let twin = layer.duplicates.iter().find(|pair| pair[0] == channel);
        let drawing = Drawing { what: What::Channel(number, channel), style: Style::Distill, pictures: 1 };
        let files = seen.top.iter().map(|spot| self.dataset.name(spot.picture));
        html! { figure.channel id={ "c" (channel) } {
            figcaption {
                b { "channel " (channel) } " "
                @if seen.is_dead() { span.tag.bad { "dead" } }
                @if let Some([_, twin]) = twin { span.tag { "as channel " (twin) } }
                span.muted { " above 0 in " (percent(seen.positive())) " of places" }
                @if !seen.is_dead() && self.knows_classes() { span.muted { " · serves " (self.served(seen)) } }
            }
            div.channel-row {
                (self.drawing("../", drawing, DRAWN_SIDE))
                @if !seen.is_dead() { (self.strip("../", number, channel)) }
            }
            details { summary { "the pictures" } ol.facts { @for (file, spot) in files.zip(&seen.top) {
                li { bdi { (shown(&file, 120)) } " (" (format!("{:.3}", spot.value)) ")" }
            } } }
        } }
    }

    fn knows_classes(&self) -> bool {
        self.subject.tells_classes() || !self.dataset.classes.is_empty()
    }

    fn served(&self, channel: &Channel) -> Markup {
        let labelled = !self.dataset.classes.is_empty();
        let name = |class: usize| match labelled {
            true => self.dataset.classes.get(class).cloned().unwrap_or_default(),
            false => self.subject.class_name(class),
        };
        let classes = channel.classes(CLASSES);
        html! {
            @if classes.is_empty() { "no class with two pictures" }
            @for (i, (class, above)) in classes.into_iter().enumerate() {
                @if i > 0 { ", " } bdi { (shown(&name(class), 40)) } " (" (format!("{above:+.1}")) ")"
            }
        }
    }
}
