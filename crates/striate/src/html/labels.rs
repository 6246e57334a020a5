//! Label-efficiency curves: balanced accuracy over the labels of each class, on a logarithmic axis, with bands; dashed, how
//! the followed curve would go on.

use maud::{Markup, html};

use crate::html::Section;
use crate::html::axis::{round, ticks};
use crate::html::number::{count, interval, percent, shown, tick};
use crate::page::Page;
use crate::report::{Extrapolation, LabelCurve, LabelPoint, LabelReport};

/// Curves drawn.
const MOST: usize = 8;
/// Height in px, and the space over and under the plot.
const HEIGHT: f64 = 260.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 36.0;
/// Steps of the dashed line.
const STEPS: usize = 24;

/// Where values stand.
struct Frame {
    most: f64,       // labels at the right end
    ticks: Vec<f64>, // of balanced accuracy, rising
}

/// Draws the section, or nothing where no ladder was climbed.
pub fn draw(page: &Page) -> Option<Section> {
    let labels = page.report.labels.as_ref()?;
    let curves = drawn(labels);
    Some(Section {
        id: "labels",
        title: "What more labels would buy",
        short: "Labels",
        body: html! {
            p.lead { (shown(&labels.sentence, 600)) }
            @if !curves.is_empty() {
                (chart(labels, &curves))
                @if let Some(further) = &labels.extrapolation { @if !further.forecasts.is_empty() { (forecasts(further)) } }
                details { summary { "All figures" } (figures(&curves)) (differences(labels)) }
            }
        },
        note: html! {
            p { b { "Each point" } " learns from so many labelled pictures of each class, drawn at random many times, the same for all curves, and is scored on the pictures of the groups not drawn." }
            p { b { "Bands" } ": 95\u{202f}% intervals of the mean over draws, for other draws and other pictures of the kind." }
            p { b { "Dashed" } ": a power law, floor + scale · labels" sup { "−exponent" } ", fitted to the curve. Not measured: it holds for more labels like these, not for other kinds of pictures." }
        },
    })
}

/// Curves that have points, all of whose values are numbers.
fn drawn(labels: &LabelReport) -> Vec<&LabelCurve> {
    let sound = |p: &LabelPoint| p.labels > 0 && (p.mean + p.ci95[0] + p.ci95[1]).is_finite();
    let curves = labels.curves.iter().filter(|curve| !curve.points.is_empty() && curve.points.iter().all(sound));
    curves.take(MOST).collect()
}

impl Frame {
    fn new(labels: &LabelReport, curves: &[&LabelCurve]) -> Self {
        let points = || curves.iter().flat_map(|curve| &curve.points);
        let further = labels.extrapolation.iter().flat_map(|e| &e.forecasts);
        let most = points().map(|p| p.labels).chain(further.map(|f| f.labels)).max().unwrap_or(1).max(2);
        let low = points().map(|p| p.ci95[0]).fold(1.0, f64::min).clamp(0.0, 0.9);
        Self { most: most as f64, ticks: ticks(low, 1.0, 5).into_iter().filter(|t| *t <= 1.0).collect() }
    }

    /// Percent of the width.
    fn x(&self, labels: f64) -> f64 {
        round(100.0 * libm::log(labels.max(1.0)) / libm::log(self.most))
    }

    /// Distance from the top in px.
    fn y(&self, value: f64) -> f64 {
        let (low, high) = (self.ticks[0], self.ticks[self.ticks.len() - 1]);
        round(TOP + (HEIGHT - TOP - BOTTOM) * (1.0 - ((value - low) / (high - low)).clamp(0.0, 1.0)))
    }

    fn path(&self, points: impl Iterator<Item = (f64, f64)>) -> String {
        let step =
            |(i, (x, y)): (usize, (f64, f64))| format!("{}{} {}", if i == 0 { "M" } else { "L" }, self.x(x), self.y(y));
        points.enumerate().map(step).collect()
    }
}

fn chart(labels: &LabelReport, curves: &[&LabelCurve]) -> Markup {
    let frame = Frame::new(labels, curves);
    let further = labels.extrapolation.as_ref();
    let strong = |curve: &LabelCurve| further.is_some_and(|e| e.rung == curve.rung);
    let at = |p: &LabelPoint, value: f64| (p.labels as f64, value);
    let decades = [1, 2, 5].into_iter().flat_map(|step| (0..7).map(move |decade| step * 10_usize.pow(decade)));
    let marks: Vec<f64> = decades.map(|n| n as f64).filter(|n| *n <= frame.most && frame.x(*n) < 86.0).collect();
    html! {
        figure.panel {
            figcaption { "Balanced accuracy, over labels of each class (log scale)" }
            div.plot {
                svg.left width="46" height=(HEIGHT) aria-hidden="true" {
                    @for t in &frame.ticks { text.tick x="40" y=(frame.y(*t) + 4.0) text-anchor="end" { (tick(*t)) } }
                }
                svg role="img" width="100%" height=(HEIGHT) {
                    title { "Balanced accuracy over labels of each class" }
                    desc { @for curve in curves { (shown(&curve.rung, 48)) ": " @for p in &curve.points { (percent(p.mean)) " with " (p.labels) ", " } "." } }
                    @for t in &frame.ticks { line.grid x1="0" x2="100%" y1=(frame.y(*t)) y2=(frame.y(*t)) {} }
                    @for n in &marks {
                        text.tick x={ (frame.x(*n)) "%" } y=(HEIGHT - 20.0) text-anchor=(if *n < 1.5 { "start" } else { "middle" }) { (n) }
                    }
                    text.tick x="100%" y=(HEIGHT - 20.0) text-anchor="end" { (count(frame.most as usize)) }
                    @if labels.now as f64 <= frame.most {
                        line.chance x1={ (frame.x(labels.now as f64)) "%" } x2={ (frame.x(labels.now as f64)) "%" } y1=(TOP) y2=(HEIGHT - BOTTOM) {}
                        text.tick x={ (frame.x(labels.now as f64)) "%" } y=(HEIGHT - 4.0) text-anchor=(if frame.x(labels.now as f64) > 85.0 { "end" } else { "middle" }) { "now " (labels.now) }
                    }
                    svg viewBox={ "0 0 100 " (HEIGHT) } preserveAspectRatio="none" width="100%" height=(HEIGHT) {
                        @for curve in curves {
                            @let high = curve.points.iter().map(|p| at(p, p.ci95[1]));
                            @let low = curve.points.iter().rev().map(|p| at(p, p.ci95[0]));
                            path.band.held-out[strong(curve)] d={ (frame.path(high.chain(low))) "Z" } {}
                        }
                        @for curve in curves { path.gain.held-out[strong(curve)] d=(frame.path(curve.points.iter().map(|p| at(p, p.mean)))) {} }
                        @if let Some(further) = further { @if !further.forecasts.is_empty() { path.gain.held-out.forecast d=(beyond(&frame, further, curves)) {} } }
                    }
                    @for curve in curves { @for p in &curve.points {
                        circle.end.held-out[strong(curve)] cx={ (frame.x(p.labels as f64)) "%" } cy=(frame.y(p.mean)) r="3" {}
                    } }
                    @for f in further.iter().flat_map(|e| &e.forecasts).filter(|f| f.times > 1.0) {
                        @let x = format!("{}%", frame.x(f.labels as f64));
                        line.range.strong x1=(x) x2=(x) y1=(frame.y(f.ci95[0])) y2=(frame.y(f.ci95[1])) {}
                        circle.dot.ring cx=(x) cy=(frame.y(f.mean)) r="3.5" {}
                    }
                }
                svg.right width="92" height=(HEIGHT) aria-hidden="true" {
                    @for (y, curve) in beside(&frame, curves) { text.label.held-out[strong(curve)] x="9" y=(y + 4.0) { (short(&curve.rung)) } }
                }
            }
        }
    }
}

/// The fitted law, from the last point of its curve to the last forecast.
fn beyond(frame: &Frame, further: &Extrapolation, curves: &[&LabelCurve]) -> String {
    let last = curves.iter().find(|curve| curve.rung == further.rung).and_then(|curve| curve.points.last());
    let (from, to) = (libm::log(last.map_or(1.0, |p| p.labels as f64)), libm::log(frame.most));
    let error = |n: f64| further.floor + further.scale * libm::pow(n, -further.exponent);
    let step = |i: usize| libm::exp(from + (to - from) * i as f64 / STEPS as f64);
    frame.path((0..=STEPS).map(step).map(|n| (n, 1.0 - error(n))))
}

/// The curves' names beside their ends, moved apart where they would overlap.
fn beside<'a>(frame: &Frame, curves: &[&'a LabelCurve]) -> Vec<(f64, &'a LabelCurve)> {
    let ends = curves.iter().filter_map(|curve| Some((frame.y(curve.points.last()?.mean), *curve)));
    let mut ends: Vec<_> = ends.collect();
    ends.sort_by(|a, b| a.0.total_cmp(&b.0));
    for i in 1..ends.len() {
        ends[i].0 = ends[i].0.max(ends[i - 1].0 + 16.0);
    }
    ends
}

/// A name that fits beside the plot.
fn short(rung: &str) -> String {
    let (features, head) = rung.strip_suffix("_centroid").map_or((rung, ""), |features| (features, ", mean"));
    let features = if features == "efficientnet_lite0" { "Lite0" } else { features };
    format!("{}{head}", shown(features, 10))
}

fn forecasts(further: &Extrapolation) -> Markup {
    html! {
        h3 { "If the curve goes on like this" }
        div.scroll { table.plain {
            thead { tr { th scope="col" { "Labels" } th.num scope="col" { "Of each class" } th.num scope="col" { "Balanced accuracy" } th.num scope="col" { "95\u{202f}% interval" } th.num scope="col" { "Gain" } } }
            tbody { @for f in &further.forecasts { tr {
                th scope="row" { @if f.times == 1.0 { "now" } @else { (f.times) " times" } }
                td.num { (count(f.labels)) } td.num { (percent(f.mean)) } td.num { (interval(f.ci95)) }
                td.num { @if f.times > 1.0 { (points(f.gain_ci95)) } }
            } } }
        } }
    }
}

/// `+0.3 to +2.1` in points of 100.
fn points([low, high]: [f64; 2]) -> String {
    if !(low + high).is_finite() {
        return "–".into();
    }
    format!("{:+.1} to {:+.1}", 100.0 * low, 100.0 * high).replace('-', "−")
}

fn figures(curves: &[&LabelCurve]) -> Markup {
    let most = curves.iter().map(|curve| &curve.points).max_by_key(|points| points.len());
    html! {
        div.scroll { table.plain {
            thead { tr { th scope="col" { "Labels of each class" } @for curve in curves { th.num scope="col" { (short(&curve.rung)) } } } }
            tbody { @for (i, row) in most.into_iter().flatten().enumerate() { tr {
                th scope="row" { (count(row.labels)) }
                @for curve in curves { td.num { @if let Some(p) = curve.points.get(i) { (percent(p.mean)) span.about { (interval(p.ci95)) } } } }
            } } }
        } }
    }
}

fn differences(labels: &LabelReport) -> Markup {
    html! {
        @for pair in labels.differences.iter().take(MOST).filter(|pair| !pair.points.is_empty()) {
            p.muted { (short(&pair.rung)) " against " (short(&pair.minus)) ", on the same draws, in points of 100: "
                @for (i, p) in pair.points.iter().enumerate() { @if i > 0 { "; " } (points(p.ci95)) " with " (count(p.labels)) } "." }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::html::sample;

    #[test]
    fn curves_forecasts_and_figures_stand_there() {
        let page = sample::photos();
        let html = draw(&page).map(|s| s.body.into_string()).unwrap_or_default();
        for text in ["Lite0, mean", "pixels", "now 39", "2 times", "forecast", "on the same draws", "87.8\u{202f}%"] {
            assert!(html.contains(text), "{text} is missing in {html}");
        }
        let labels = page.report.labels.as_ref().expect("the sample has labels");
        let frame = Frame::new(labels, &drawn(labels));
        assert!(frame.x(1.0) == 0.0 && frame.x(195.0) == 100.0 && frame.y(0.9) < frame.y(0.5));
    }

    #[test]
    fn without_a_forecast_there_is_no_dashed_line_and_without_curves_a_sentence() {
        let mut page = sample::photos();
        let labels = page.report.labels.as_mut().expect("the sample has labels");
        labels.extrapolation.as_mut().expect("and a forecast").forecasts.clear();
        labels.curves[0].points[0].mean = f64::NAN;
        let html = draw(&page).map(|s| s.body.into_string()).unwrap_or_default();
        assert!(!html.contains("forecast") && !html.contains("NaN") && html.contains("Lite0"), "{html}");
        page.report.labels.as_mut().expect("still").curves.clear();
        let html = draw(&page).map(|s| s.body.into_string()).unwrap_or_default();
        assert!(html.contains("With twice the labels") && !html.contains("<svg"), "{html}");
        page.report.labels = None;
        assert!(draw(&page).is_none());
    }
}
