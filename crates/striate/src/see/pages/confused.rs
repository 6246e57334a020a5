//! The page of confused classes: the pictures, and the channels that tell the classes apart or fail to.

use maud::{Markup, html};

use super::super::confused::{Pair, Telling};
use super::{Atlas, layer_file};
use crate::html::number::{percent, several, shown};

/// Pictures shown of a pair.
const PICTURES: usize = 12;

impl Atlas<'_> {
    pub(super) fn confused(&self) -> Markup {
        let body = html! {
            @if self.pairs.is_empty() { p.lead { "No picture is labelled with another class of the net than the one that it gives." } }
            @for (i, pair) in self.pairs.iter().enumerate() { (self.pair(pair, i == 0)) }
        };
        self.page("Confused classes", "", &self.nav(""), &body)
    }

    /// How to read it is said beside the first alone.
    fn pair(&self, pair: &Pair, is_first: bool) -> Markup {
        let [truth, predicted] = [pair.truth, pair.predicted].map(|class| self.class(class));
        html! { section id={ "p-" (pair.truth) "-" (pair.predicted) } {
            h2 { bdi { (truth) } " taken for " bdi { (predicted) } ": " (several(pair.pictures.len(), "picture")) }
            div.body {
                div.pictures { @for &at in pair.pictures.iter().take(PICTURES) {
                    @if self.explained.iter().any(|portrait| portrait.at == at) { (self.thumbnail("", at)) } @else { (self.named(at)) }
                } }
                @if !pair.channels.is_empty() { div.scroll { table.plain {
                    thead { tr { th { "channel" } th.num { "apart" } th { "answers more to" } th.num { "misled" } } }
                    tbody { @for telling in &pair.channels { (self.telling(telling, &truth, &predicted)) } }
                } } }
            }
            @if is_first { aside.note {
                p { "The channels whose greatest values differ most between pictures of the two classes that were told right; " b { "apart" } " in deviations over all pictures." }
                p { b { "Misled" } ": how many of these mistaken pictures excite the channel as the wrong class does. Where all are, the net saw the wrong thing; where few are, later layers did not listen. It is known of the first 512 pictures." }
            } }
        } }
    }

    fn named(&self, at: usize) -> Markup {
        let said = &self.said[at];
        html! { p.muted { bdi { (shown(&self.dataset.name(said.picture), 80)) } " (" (percent(said.class.1)) ")" } }
    }

    fn telling(&self, telling: &Telling, truth: &str, predicted: &str) -> Markup {
        let Telling { layer, channel, apart, misled: [misled, known] } = telling;
        let (path, shown_there) =
            (&self.subject.layers[*layer].path, self.report.layers[*layer].shown.contains(channel));
        html! { tr {
            th scope="row" {
                @if shown_there { a href={ (layer_file(*layer)) "#c" (channel) } { (path) " " (channel) } } @else { (path) " " (channel) }
            }
            td.num { (format!("{:.1}", apart.abs())) }
            td { bdi { @if *apart > 0.0 { (truth) } @else { (predicted) } } }
            td.num { (misled) " of " (known) }
        } }
    }
}
