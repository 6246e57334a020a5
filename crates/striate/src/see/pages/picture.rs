//! The page of one picture: what was said of it, why, and what it resembles.

use maud::{Markup, html};

use super::super::portrait::{self, NEAREST, Portrait, file};
use super::super::subject::Answers;
use super::{Atlas, layer_file};
use crate::html::mistakes::last_part;
use crate::html::number::{percent, several, shown};

/// Side of a picture on its page, in pixels.
const SIDE: usize = 224;
/// Side of a small one.
const SMALL: usize = 96;

/// The kinds of evidence: file, title, what it is.
const EVIDENCE: [(&str, &str, &str); 3] = [
    ("cam", "Grad-CAM", "the last layer's maps, weighed by how the logit grows with them (Selvaraju et al. 2017)"),
    ("occlusion", "Occlusion", "by how much the logit falls where a gray square lies (Zeiler and Fergus 2014)"),
    (
        "integrated",
        "Integrated gradients",
        "what each pixel adds on the way from an even gray (Sundararajan et al. 2017)",
    ),
];

/// The page's file.
pub(super) fn page(picture: usize) -> String {
    format!("pictures/{picture}.html")
}

impl Atlas<'_> {
    /// The pictures that have a page, small, on the first page.
    pub(super) fn explained(&self) -> Markup {
        html! { @if !self.explained.is_empty() { section id="explained" {
            h2 { "Pictures explained" }
            div.body { div.pictures { @for portrait in self.explained { (self.thumbnail("", portrait.at)) } } }
            aside.note { p { "For each: " @if self.subject.tells_classes() { "which parts speak for what the net says, " } "what its layers make of it, and which pictures it resembles. "
                @if self.subject.tells_classes() { "The surest mistakes are among them; " } code { "--explain" } " shows more." }
                @if self.report.explained_left_out > 0 { p { (several(self.report.explained_left_out, "picture")) " did not fit into the time; " code { "--budget" } " gives more." } }
            }
        } } }
    }

    /// A picture with its page behind it and what was said of it.
    pub(super) fn thumbnail(&self, up: &str, at: usize) -> Markup {
        let said = &self.said[at];
        let name = self.dataset.name(said.picture);
        html! { figure.pic title=(shown(&name, 120)) {
            a href={ (up) (page(said.picture)) } { img src={ (up) (file(said.picture, "whole")) } width=(SMALL) loading="lazy" alt=(shown(&name, 80)); }
            @if self.subject.tells_classes() { figcaption { b { (self.class(said.class.0)) } " " span.muted { (percent(said.class.1)) } @if said.is_wrong() { " " span.tag.bad { "wrong" } } } }
        } }
    }

    /// What the nearest are found by.
    fn compared(&self) -> &'static str {
        match self.subject.answers {
            Answers::Classes => "what the last layer sees",
            Answers::Code => "their codes",
            Answers::Picture => "the mean changes that the net makes to their channels",
        }
    }

    pub(super) fn picture(&self, portrait: &Portrait) -> Markup {
        let at = portrait.at;
        let said = &self.said[at];
        let name = self.dataset.name(said.picture);
        let up = "../";
        let nearest = portrait::nearest(self.said, at);
        let tells = self.subject.tells_classes();
        let (evidence, left_out): (Vec<_>, Vec<_>) =
            EVIDENCE.iter().partition(|(what, ..)| portrait.evidence.contains(what));
        let body = html! {
            section {
                @if !tells { h2 { "What the net sees" } } @else { h2 { (self.class(said.class.0)) ", " (percent(said.class.1)) @if let Some(truth) = said.truth.filter(|_| said.is_wrong()) { " " span.tag.bad { "labelled " (self.class(truth)) } } } }
                div.body { div.styles {
                    figure.styled { (img(up, &file(said.picture, "whole"), SIDE, "The picture as the net sees it")) figcaption { "as the net sees it" } }
                    @for (what, title, _) in &evidence { figure.styled { (img(up, &file(said.picture, what), SIDE, title)) figcaption { (title) } } }
                } }
                @if tells { aside.note {
                    p { "Orange speaks for " b { (self.class(said.class.0)) } ", blue against it." }
                    @for (_, title, what) in &evidence { p { b { (title) } ": " (what) "." } }
                    @for (_, title, _) in &left_out { p { b { (title) } " did not fit into the time; " code { "--budget" } " gives more." } }
                } }
            }
            section {
                h2 { "What its layers make of it" }
                div.body { @for layer in portrait::layers(self.subject) { div.asked {
                    h3 { a href={ (up) (layer_file(layer)) } { (self.subject.layers[layer].path) } }
                    div.scroll { (strip(up, &file(said.picture, &format!("layer{layer}")), "Maps of the layer")) }
                } } }
                aside.note { p { "The maps with the greatest spread, each from its least value (black) to its greatest (white)." } }
            }
            @if !nearest.is_empty() { section {
                h2 { "What it resembles" }
                div.body {
                    div.scroll { (strip(up, &file(said.picture, portrait::NEAR), "The pictures it resembles most")) }
                    ol.facts { @for other in nearest.iter().take(NEAREST) {
                        @let other = &self.said[*other];
                        li { bdi { (shown(&self.dataset.name(other.picture), 120)) } @if tells { ": " (self.class(other.class.0)) } }
                    } }
                }
                aside.note { p { "The nearest of all pictures looked at, by the cosine of " (self.compared()) "." } }
            } }
        };
        self.page(last_part(&shown(&name, 80)), up, &self.nav(up), &body)
    }
}

fn img(up: &str, file: &str, side: usize, alt: &str) -> Markup {
    html! { img.drawn src={ (up) (file) } style={ "width:" (side) "px" } alt=(alt); }
}

fn strip(up: &str, file: &str, alt: &str) -> Markup {
    html! { img.strip src={ (up) (file) } height="64" loading="lazy" alt=(alt); }
}
