//! What codes keep of pictures: the variance along each component, the components, and pictures before and after.

use maud::{Markup, html};

use crate::html::Section;
use crate::html::axis::{round, thinned};
use crate::html::mistakes::last_part;
use crate::html::number::{count, interval, percent, several, shown};
use crate::html::thumbs::{Place, Thumbs};
use crate::page::{CodeSheet, Page, Thumb};
use crate::report::ProbeReport;

/// Points of the curve; more are not seen at this size.
const POINTS: usize = 300;
/// Height of the drawing in px, and the space over and under the plot.
const HEIGHT: f64 = 168.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 22.0;

/// The pictures that the page draws, with row and column: the mean and the components, then pairs.
pub fn drawn(sheet: &CodeSheet) -> impl Iterator<Item = (usize, usize, &Thumb)> {
    let components = sheet.mean.iter().chain(&sheet.components).enumerate().map(|(i, thumb)| (0, i, thumb));
    let pairs = sheet.restored.iter().enumerate();
    let pairs = pairs.flat_map(|(i, pair)| [(1 + i, 0, &pair.original), (1 + i, 1, &pair.restored)]);
    let first = 1 + sheet.restored.len();
    let between = sheet.between.iter().enumerate();
    let between = between.flat_map(move |(row, way)| way.iter().enumerate().map(move |(i, t)| (first + row, i, t)));
    components.chain(pairs).chain(between)
}

/// Draws the section, or nothing where no code was learned.
pub fn draw(page: &Page, thumbs: &Thumbs) -> Option<Section> {
    let (sheet, report) = (page.code.as_ref()?, page.report.code.as_ref()?);
    let solved = !report.explained_variance_ratio.is_empty();
    let unit = if solved { "component" } else { "number" };
    let picture = |row, i, thumb, alt: &str| thumbs.draw((Place::Code, row, i), Some(thumb), alt);
    Some(Section {
        id: "code",
        title: "What the code keeps",
        short: "Code",
        body: html! {
            @if solved {
                h3 { "Variance by component" }
                (scree(&report.explained_variance_ratio))
                h3 { "The mean picture, and the components" }
            } @else {
                h3 { "The mean picture, and what the code's most moving numbers change" }
            }
            div.pictures {
                @for (i, thumb) in sheet.mean.iter().chain(&sheet.components).enumerate() {
                    @let name = if i == 0 { "mean".to_string() } else { format!("{unit} {i}") };
                    @if thumbs.has((Place::Code, 0, i)) { span title=(name) { (picture(0, i, thumb, &name)) } }
                }
            }
            @if report.length > sheet.components.len() {
                p.muted { "and " (several(report.length - sheet.components.len(), &format!("more {unit}"))) "." }
            }
            @if !sheet.restored.is_empty() {
                h3 { "Held-out pictures, as they were and as they came back" }
                div.scroll tabindex="0" role="region" aria-label="Pictures before and after" { table.sheet {
                    thead { tr { th scope="col" { "as it was" } th scope="col" { "as it came back" } th.num scope="col" { "PSNR" } } }
                    tbody { @for (i, pair) in sheet.restored.iter().enumerate() { tr {
                        @let name = shown(last_part(&pair.file), 48);
                        td { (picture(1 + i, 0, &pair.original, &name)) }
                        td { (picture(1 + i, 1, &pair.restored, &format!("{name}, restored"))) }
                        td.num { (format!("{:.1}", pair.psnr)) "\u{202f}dB" }
                    } } }
                } }
            }
            @if !sheet.between.is_empty() {
                h3 { "From the code of one held-out picture to that of another" }
                @for (row, way) in sheet.between.iter().enumerate() { div.pictures {
                    @for (i, thumb) in way.iter().enumerate() {
                        @let name = format!("{} of {} steps", i, way.len() - 1);
                        (picture(1 + sheet.restored.len() + row, i, thumb, &name))
                    }
                } }
            }
            @if let Some(probe) = &report.probe { (probed(probe)) }
            (thumbs.left_out(Place::Code))
        },
        note: html! {
            p { "A code of " b { (count(report.length)) } " numbers stands for a picture of " (count(report.values)) "." }
            @if solved {
                p { "Each " b { "component" } " is a direction in which the training pictures differ most, once the ones before it are taken away. Gray means no change; drawn to its own largest value." }
            } @else {
                p { "Each " b { "number" } " of the code is raised by twice its deviation, all others at their mean: what that adds to the picture, around gray, drawn to its own largest value." }
            }
            p { b { "PSNR" } ": 10 log" sub { "10" } "(1 / mean squared error) over all values in [0, 1], cut off but not rounded; the mean over pictures. The pairs run from the worst to the best." }
        },
    })
}

/// What codes tell of the classes beside other vectors.
fn probed(probe: &ProbeReport) -> Markup {
    html! {
        h3 { "What the code tells of the classes" }
        div.scroll tabindex="0" role="region" aria-label="Vectors and what they tell of the classes" { table {
            thead { tr { th scope="col" { "vectors" } th.num scope="col" { "numbers" } th.num scope="col" { "balanced accuracy" } th.num scope="col" { "95\u{202f}% interval" } th.num scope="col" { "behind the best" } } }
            tbody { @for kind in &probe.kinds { tr {
                td { (shown(&kind.with, 60)) }
                td.num { (count(kind.length)) }
                td.num { (percent(kind.balanced_accuracy)) }
                td.num { (interval(kind.ci95)) }
                td.num { @if let Some(behind) = kind.behind_best { (interval(behind)) } }
            } } }
        } }
        p.muted { "Logistic regression, all by the same folds (" (shown(&probe.judged_by, 120)) "). The code was learned without labels, from most of these pictures." }
    }
}

/// Scree plot: each component's share as bars, and all up to it as a line.
fn scree(ratios: &[f32]) -> Markup {
    let together: Vec<f64> = ratios
        .iter()
        .scan(0.0, |sum, &v| {
            *sum += f64::from(v);
            Some(*sum)
        })
        .collect();
    let (n, all) = (ratios.len().max(1) as f64, together.last().copied().unwrap_or(0.0));
    let y = |share: f64| round(TOP + (HEIGHT - TOP - BOTTOM) * (1.0 - share.clamp(0.0, 1.0)));
    let x = |i: usize| round((i as f64 + 0.5) / n * 100.0);
    let kept = thinned(ratios.len(), POINTS);
    let step = |(at, &i): (usize, &usize)| format!("{}{} {}", if at == 0 { "M" } else { "L" }, x(i), y(together[i]));
    let path: String = kept.iter().enumerate().map(step).collect();
    html! {
        figure.panel {
            figcaption { "Share of the variance: each component (bars), and all up to it (line)" }
            div.plot {
                svg.left width="46" height=(HEIGHT) aria-hidden="true" {
                    @for t in [0.0, 0.5, 1.0] { text.tick x="40" y=(y(t) + 4.0) text-anchor="end" { (percent(t)) } }
                }
                svg role="img" width="100%" height=(HEIGHT) {
                    title { "Scree plot" }
                    desc { "The first component has " (percent(ratios.first().map_or(0.0, |v| f64::from(*v)))) " of the variance, all " (ratios.len()) " have " (percent(all)) "." }
                    @for t in [0.0, 0.5, 1.0] { line.grid x1="0" x2="100%" y1=(y(t)) y2=(y(t)) {} }
                    text.tick x="0" y=(HEIGHT - 4.0) { "component 1" }
                    text.tick x="100%" y=(HEIGHT - 4.0) text-anchor="end" { (count(ratios.len())) }
                    svg viewBox={ "0 0 100 " (HEIGHT) } preserveAspectRatio="none" width="100%" height=(HEIGHT) {
                        @for &i in &kept {
                            @let top = y(f64::from(ratios[i]));
                            rect.scree x=(round(x(i) - 40.0 / kept.len() as f64)) width=(round(80.0 / kept.len() as f64)) y=(top) height=(round(y(0.0) - top)) {}
                        }
                        path.line.held-out d=(path) {}
                    }
                }
                svg.right width="92" height=(HEIGHT) aria-hidden="true" {
                    text.label.held-out x="9" y=(y(all) + 4.0) { "all " tspan.value { (percent(all)) } }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::html::{sample, sample_code};

    #[test]
    fn components_variance_and_pairs_stand_there() {
        let page = sample_code::code();
        let all = Thumbs::within(&page, usize::MAX);
        let html = draw(&page, &all).map(|s| s.body.into_string()).unwrap_or_default();
        assert!(
            html.contains("component 3") && html.contains("restored") && html.contains("all 3 have 80.0"),
            "{html}"
        );
        assert!(draw(&sample::photos(), &all).is_none());
    }
}
