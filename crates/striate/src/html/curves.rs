//! Training and held-out curves: for each training a panel of losses and one of held-out accuracy, all on the same scales.

use maud::{Markup, html};

use crate::html::Section;
use crate::html::axis::{round, thinned, ticks};
use crate::html::number::{percent, plain, several, shown, tick};
use crate::page::{Curve, CurvePoint, Page};

/// Trainings drawn.
const MOST: usize = 10;
/// Points of a line; more are not seen at this size.
const POINTS: usize = 300;
/// Panel height in px, and the space over and under the plot.
const HEIGHT: f64 = 168.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 22.0;

/// A line of a panel.
struct Line {
    name: &'static str,
    points: Vec<(f64, f64)>, // epoch, value: finite
    held_out: bool,
}

/// The vertical scale that panels share.
struct Scale {
    ticks: Vec<f64>,
    log: bool,
    share: bool,
}

/// Draws the curves, or nothing where no net was trained.
pub fn draw(page: &Page) -> Option<Section> {
    let curves: Vec<&Curve> = page.curves.iter().filter(|c| !c.points.is_empty()).collect();
    if curves.is_empty() {
        return None;
    }
    let curves: Vec<(&Curve, [Vec<Line>; 2])> =
        curves.iter().take(MOST).map(|c| (*c, [losses(c), accuracies(c)])).collect();
    let of = |panel: usize| curves.iter().flat_map(move |(_, p)| &p[panel]).flat_map(|l| l.points.iter().map(|p| p.1));
    let (loss, accuracy) = (loss_scale(of(0).collect()), accuracy_scale(of(1).collect()));
    let more = page.curves.len().saturating_sub(MOST);
    Some(Section {
        id: "curves",
        title: "How training went",
        short: "Training",
        body: html! {
            @for (curve, [losses, accuracies]) in &curves {
                h3 { bdi { (shown(&curve.name, 80)) } }
                div.panels {
                    (panel(&format!("Loss{}", if loss.log { ", log scale" } else { "" }), losses, &loss))
                    @if !accuracies.is_empty() { (panel("Balanced accuracy on held-out pictures", accuracies, &accuracy)) }
                }
            }
            @if more > 0 { p.muted { "and " (several(more, "more training")) "." } }
        },
        note: html! {
            p { "Dashed: " b { "training" } " pictures. Solid: pictures " b { "held out" } ". Where the solid loss rises while the dashed one falls, the net learns its pictures by heart." }
        },
    })
}

fn finite(points: &[CurvePoint], value: impl Fn(&CurvePoint) -> Option<f64>) -> Vec<(f64, f64)> {
    let all: Vec<_> = points
        .iter()
        .filter_map(|p| Some((p.epoch, value(p)?)))
        .filter(|(e, v)| e.is_finite() && v.is_finite())
        .collect();
    thinned(all.len(), POINTS).into_iter().map(|i| all[i]).collect()
}

fn losses(curve: &Curve) -> Vec<Line> {
    let train = Line { name: "training", points: finite(&curve.points, |p| Some(p.train_loss)), held_out: false };
    let valid = Line { name: "held out", points: finite(&curve.points, |p| p.valid_loss), held_out: true };
    [train, valid].into_iter().filter(|l| !l.points.is_empty()).collect()
}

fn accuracies(curve: &Curve) -> Vec<Line> {
    let valid = Line { name: "held out", points: finite(&curve.points, |p| p.valid_accuracy), held_out: true };
    [valid].into_iter().filter(|l| !l.points.is_empty()).collect()
}

/// From zero; logarithmic where the losses span more than a factor of 40.
fn loss_scale(values: Vec<f64>) -> Scale {
    let high = values.iter().copied().fold(0.0, f64::max);
    let low = values.iter().copied().filter(|v| *v > 0.0).fold(f64::INFINITY, f64::min);
    if high > 40.0 * low && values.iter().all(|v| *v > 0.0) {
        let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
        return Scale { ticks: (first..=last).map(|d| 10f64.powi(d)).collect(), log: true, share: false };
    }
    Scale { ticks: ticks(0.0, if high > 0.0 { high } else { 1.0 }, 4), log: false, share: false }
}

/// From the lowest value to 100 %.
fn accuracy_scale(values: Vec<f64>) -> Scale {
    let low = values.iter().copied().fold(1.0, f64::min).clamp(0.0, 0.999);
    Scale { ticks: ticks(low, 1.0, 4), log: false, share: true }
}

impl Scale {
    /// Distance from the top in px.
    fn y(&self, value: f64) -> f64 {
        let unit = |v: f64| if self.log { v.max(1e-12).log10() } else { v };
        let (low, high) = (unit(self.ticks[0]), unit(self.ticks[self.ticks.len() - 1]));
        let share = ((unit(value) - low) / (high - low)).clamp(0.0, 1.0);
        round(TOP + (HEIGHT - TOP - BOTTOM) * (1.0 - share))
    }

    fn text(&self, value: f64) -> String {
        if self.share { percent(value) } else { plain(value) }
    }
}

fn panel(title: &str, lines: &[Line], scale: &Scale) -> Markup {
    let epochs = lines.iter().flat_map(|l| &l.points).map(|p| p.0);
    let (first, last) = (epochs.clone().fold(f64::INFINITY, f64::min), epochs.fold(f64::NEG_INFINITY, f64::max));
    let x = |epoch: f64| if last > first { round((epoch - first) / (last - first) * 100.0) } else { 100.0 };
    let marks = ticks(first, last, 5).into_iter().filter(|t| *t >= first && *t <= last && t.fract() == 0.0);
    html! {
        figure.panel {
            figcaption { (title) }
            div.plot {
                svg.left width="46" height=(HEIGHT) aria-hidden="true" {
                    @for t in &scale.ticks { text.tick x="40" y=(scale.y(*t) + 4.0) text-anchor="end" { @if scale.share { (tick(*t)) } @else { (plain(*t)) } } }
                }
                svg role="img" width="100%" height=(HEIGHT) {
                    title { (title) }
                    desc { @for l in lines { (l.name) ": " @if let (Some(a), Some(b)) = (l.points.first(), l.points.last()) {
                        (scale.text(a.1)) " at epoch " (plain(a.0)) ", " (scale.text(b.1)) " at epoch " (plain(b.0)) ". " } } }
                    @for t in &scale.ticks { line.grid x1="0" x2="100%" y1=(scale.y(*t)) y2=(scale.y(*t)) {} }
                    @for t in marks {
                        text.tick x={ (x(t)) "%" } y=(HEIGHT - 4.0) text-anchor=(match x(t) { p if p < 4.0 => "start", p if p > 96.0 => "end", _ => "middle" }) {
                            @if t == last.floor() { "epoch " } (plain(t))
                        }
                    }
                    svg viewBox={ "0 0 100 " (HEIGHT) } preserveAspectRatio="none" width="100%" height=(HEIGHT) {
                        @for l in lines { path.line.held-out[l.held_out] d=(path(l, x, scale)) {} }
                    }
                    @for l in lines { @if let Some(end) = l.points.last() {
                        circle.end.held-out[l.held_out] cx={ (x(end.0)) "%" } cy=(scale.y(end.1)) r="3.5" {}
                    } }
                }
                svg.right width="92" height=(HEIGHT) aria-hidden="true" {
                    @for (y, l, value) in labels(lines, scale) {
                        text.label.held-out[l.held_out] x="9" y=(y + 4.0) { (l.name) " " tspan.value { (scale.text(value)) } }
                    }
                }
            }
        }
    }
}

fn path(line: &Line, x: impl Fn(f64) -> f64, scale: &Scale) -> String {
    let step = |(i, (epoch, value)): (usize, &(f64, f64))| {
        format!("{}{} {}", if i == 0 { "M" } else { "L" }, x(*epoch), scale.y(*value))
    };
    line.points.iter().enumerate().map(step).collect()
}

/// The lines' last values beside their ends, moved apart where they would overlap.
fn labels<'a>(lines: &'a [Line], scale: &Scale) -> Vec<(f64, &'a Line, f64)> {
    let ends = lines.iter().filter_map(|l| l.points.last().map(|p| (scale.y(p.1), l, p.1)));
    let mut labels: Vec<_> = ends.collect();
    labels.sort_by(|a, b| a.0.total_cmp(&b.0));
    for i in 1..labels.len() {
        labels[i].0 = labels[i].0.max(labels[i - 1].0 + 16.0);
    }
    labels
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::html::sample;

    #[test]
    fn odd_values_are_left_out_and_one_point_is_enough() {
        let mut page = sample::photos();
        let point =
            |epoch, loss| CurvePoint { epoch, train_loss: loss, valid_loss: Some(f64::NAN), valid_accuracy: None };
        page.curves = vec![Curve { name: "odd".into(), points: vec![point(1.0, f64::INFINITY), point(2.0, 0.5)] }];
        let html = draw(&page).map(|s| s.body.into_string()).unwrap_or_default();
        assert!(html.contains("training") && !html.contains("NaN") && !html.contains("inf"), "{html}");
        page.curves = vec![Curve { name: "none".into(), points: vec![] }];
        assert!(draw(&page).is_none());
    }

    #[test]
    fn losses_that_span_decades_stand_on_a_log_scale() {
        assert!(loss_scale(vec![2.3, 0.01]).log);
        let linear = loss_scale(vec![2.3, 0.4]);
        assert!(!linear.log && linear.y(0.0) > linear.y(2.0));
        assert_eq!(loss_scale(vec![0.0, 0.0]).ticks.len(), 5);
    }
}
