//! What gradient ascent drew: classes and layers of all depths in every style, and several answers to one question.

use maud::{Markup, html};
use striate_train::explain::maximise::Style;

use super::super::drawing::{Drawing, STEPS, VARIETY, What};
use super::{Atlas, layer_file};
use crate::html::number::{percent, several};

/// Side of a drawing on this page, in pixels.
const SIDE: usize = 176;

impl Atlas<'_> {
    /// The drawing as a figure's picture, if it was drawn; `side` pixels wide, or so many for each of several.
    pub(super) fn drawing(&self, up: &str, drawing: Drawing, side: usize) -> Markup {
        let [h, w] = self.subject.preprocess.size;
        html! { @if self.gallery.has(drawing) {
            img.drawn src={ (up) (drawing.file()) } style={ "width:" (side * drawing.pictures) "px;aspect-ratio:" (w * drawing.pictures) "/" (h) } loading="lazy"
            alt={ "Drawn to excite " (self.name(drawing.what)) ", " (drawing.style_name()) };
        } }
    }

    fn name(&self, what: What) -> String {
        match what {
            What::Class(class) => self.class(class),
            other => other.name(self.subject),
        }
    }

    pub(super) fn drawn(&self) -> Markup {
        let of = |what: What| move |drawing: &&Drawing| drawing.what == what && drawing.pictures == 1;
        let classes: Vec<What> = self.whats(|what| matches!(what, What::Class(_)));
        let parts: Vec<What> = self.whats(|what| matches!(what, What::Unit(..) | What::Between(..)));
        let first =
            |layer: &usize| self.report.layers[*layer].shown.first().map(|&channel| What::Channel(*layer, channel));
        let depths: Vec<What> = self
            .gallery
            .depths
            .iter()
            .filter_map(first)
            .filter(|what| self.gallery.drawings.iter().any(|drawing| of(*what)(&drawing)))
            .collect();
        let tells = self.subject.tells_classes();
        let body = html! {
            @if !depths.is_empty() { section {
                h2 { "The same question, three ways to ask" }
                div.body {
                    @for what in &depths { div.asked {
                        h3 { (self.link(*what)) }
                        div.styles { @for drawing in self.gallery.drawings.iter().filter(of(*what)) { (self.styled(drawing)) } }
                    } }
                }
                aside.note {
                    p { "Each picture began as gray with faint noise and went " (STEPS) " steps up the gradient of the channel's mean over its map, taken before its activation." }
                    p { b { "plain" } ": every pixel as the gradient wants it. The net is excited beyond anything a picture does to it, by what nobody would call one." }
                    p { b { "yosinski" } ": each step pixels lose up to 0.3 % of their contrast; every eighth, until two thirds of the way, the picture is blurred and the faintest fiftieth goes back to gray (Yosinski et al. 2015)." }
                    p { b { "distill" } ": waves and decorrelated colours move in place of pixels, and the picture is shifted, turned and zoomed before each look (Olah, Mordvintsev, Schubert 2017)." }
                    p { "From the first layers to the last: edges, then textures, patterns, parts." }
                }
            } }
            @if depths.iter().any(|what| self.gallery.has(varied(*what))) { section {
                h2 { "More than one answer" }
                div.body { @for what in &depths { @if self.gallery.has(varied(*what)) { div.asked {
                    h3 { (self.link(*what)) }
                    div.scroll { (self.drawing("", varied(*what), SIDE)) }
                } } } }
                aside.note { p { (VARIETY) " pictures drawn together, each to excite the channel and to differ from the others in texture (cosine of their Gram matrices in the layer)." } }
            } }
            @if !parts.is_empty() { section {
                h2 { "A unit, and a direction" }
                div.body { div.styles { @for what in &parts { figure.styled {
                    (self.drawing("", Drawing { what: *what, style: Style::Distill, pictures: 1 }, SIDE))
                    figcaption { (self.name(*what)) }
                } } } }
                aside.note {
                    p { "A unit looks at one place alone; around it lies what the waves leave that make it up." }
                    p { "Layers are not made of channels alone: any direction of their space can be asked for. Half way between two channels one sees how they combine." }
                }
            } }
            @if !classes.is_empty() { section {
                h2 { @if tells { "Classes" } @else { "Numbers of the code" } }
                div.body { @for what in &classes { div.asked {
                    h3 { (self.name(*what)) }
                    div.styles { @for drawing in self.gallery.drawings.iter().filter(of(*what)) { (self.styled(drawing)) } }
                } } }
                aside.note {
                    @if !tells { p { "Drawn to raise a number of the code: what it stands for, as far as the encoder goes." } }
                    @else { p { "Drawn to raise the logit of the class. Below: the probability that the net gives the picture as it lies in its file" @if self.report.classes.iter().any(|c| c.elsewhere.is_some()) { ", and where the class stands in the order of another net, which has never seen it" } "." } }
                    p { b { "distill" } " turns, zooms and shifts farther here, mirrors, and changes light and adds noise: a thing stays itself under all of that." }
                    @if tells { p { "What both call by the same name is more than one net's blind spot." } }
                }
            } }
            @if self.report.drawings_left_out > 0 {
                p.muted { (several(self.report.drawings_left_out, "drawing")) " did not fit into the time; " code { "--budget" } " gives more." }
            }
        };
        self.page("Drawn by the net", "", &self.nav(""), &body)
    }

    /// What was drawn, of a kind, each once.
    fn whats(&self, wanted: impl Fn(What) -> bool) -> Vec<What> {
        let mut found = Vec::new();
        for drawing in self.gallery.drawings.iter().filter(|drawing| wanted(drawing.what)) {
            if !found.contains(&drawing.what) {
                found.push(drawing.what);
            }
        }
        found
    }

    fn link(&self, what: What) -> Markup {
        match what {
            What::Channel(layer, channel) => {
                html! { a href={ (layer_file(layer)) "#c" (channel) } { (self.name(what)) } }
            }
            _ => html! { (self.name(what)) },
        }
    }

    fn styled(&self, drawing: &Drawing) -> Markup {
        let said = self
            .report
            .classes
            .iter()
            .find(|said| drawing.what == What::Class(said.class) && said.style == drawing.style_name());
        html! { figure.styled {
            (self.drawing("", *drawing, SIDE))
            figcaption {
                (drawing.style_name())
                @if let Some(said) = said {
                    span.muted { " · " (percent(said.probability)) }
                    @if let Some((net, place)) = &said.elsewhere { br; span.muted { (net) ": no. " (place) } }
                }
            }
        } }
    }
}

fn varied(what: What) -> Drawing {
    Drawing { what, style: Style::Distill, pictures: VARIETY }
}
