//! The measurements of [`super::scale`] as one SVG file: a row for each axis, time on the left and memory on the right.

use maud::{Markup, html};

use super::scale::{Axis, ScaleRow};
use crate::html::axis::{round, ticks};
use crate::html::number::plain;

/// Size of a panel's plot, and the space around it, in px.
const WIDTH: f64 = 330.0;
const HEIGHT: f64 = 130.0;
const LEFT: f64 = 60.0;
const TOP: f64 = 44.0;
/// Distance from panel to panel.
const ACROSS: f64 = WIDTH + LEFT + 20.0;
const DOWN: f64 = HEIGHT + TOP + 30.0;

/// Room that the label of a point takes, in px.
const LABEL: f64 = 30.0;
/// Of the curves.
const BLUE: &str = "#1f6feb";

/// Draws the rows.
pub fn svg(rows: &[ScaleRow]) -> String {
    let axes: Vec<Axis> = Axis::ALL.into_iter().filter(|axis| rows.iter().any(|row| row.axis == *axis)).collect();
    let (width, height) = (2.0 * ACROSS, axes.len() as f64 * DOWN);
    let drawing = html! {
        svg xmlns="http://www.w3.org/2000/svg" width=(width) height=(height) viewBox={ "0 0 " (width) " " (height) } role="img"
            font-family="system-ui, sans-serif" font-size="12" fill="#333" {
            title { "Time and memory of training as batch, pictures, net and data grow" }
            rect width="100%" height="100%" fill="#fff" {}
            @for (i, axis) in axes.iter().enumerate() {
                text font-weight="600" x="8" y=(i as f64 * DOWN + 18.0) { (axis.about()) }
                (panel(rows, *axis, "seconds", [0.0, i as f64 * DOWN], |row| Some(row.seconds)))
                (panel(rows, *axis, "peak MiB", [ACROSS, i as f64 * DOWN], |row| row.peak_mib.map(|mib| mib as f64)))
            }
        }
    };
    drawing.into_string() + "\n"
}

/// One curve; both axes begin at zero, so that what grows in proportion is a straight line.
fn panel(rows: &[ScaleRow], axis: Axis, unit: &str, at: [f64; 2], value: fn(&ScaleRow) -> Option<f64>) -> Markup {
    let points: Vec<(f64, f64)> =
        rows.iter().filter(|row| row.axis == axis).filter_map(|row| Some((row.value as f64, value(row)?))).collect();
    let high = points.iter().map(|p| p.1).fold(0.0, f64::max);
    let ticks = ticks(0.0, if high > 0.0 { high } else { 1.0 }, 4);
    let top = ticks[ticks.len() - 1];
    let last = points.last().map_or(1.0, |p| p.0);
    let x = |v: f64| round(LEFT + WIDTH * v / last);
    let y = |v: f64| round(TOP + HEIGHT * (1.0 - v / top));
    let path: String = points.iter().enumerate().map(|(i, (a, b))| step(i, x(*a), y(*b))).collect();
    html! {
        g transform={ "translate(" (at[0]) " " (at[1]) ")" } {
            text x=(LEFT) y=(TOP - 10.0) { (unit) }
            @for t in &ticks {
                line stroke="#ddd" x1=(LEFT) x2=(LEFT + WIDTH) y1=(y(*t)) y2=(y(*t)) {}
                text x=(LEFT - 8.0) y=(y(*t) + 4.0) text-anchor="end" { (plain(*t)) }
            }
            path fill="none" stroke=(BLUE) stroke-width="2" d=(path) {}
            @for value in labelled(&points.iter().map(|p| p.0).collect::<Vec<_>>(), x) {
                text x=(x(value)) y=(TOP + HEIGHT + 18.0) text-anchor="middle" { (value) }
            }
            @for (a, b) in &points {
                circle fill=(BLUE) cx=(x(*a)) cy=(y(*b)) r="3" {}
            }
        }
    }
}

/// The values whose labels do not stand in each other's way, the largest first.
fn labelled(rising: &[f64], x: impl Fn(f64) -> f64) -> Vec<f64> {
    let mut kept: Vec<f64> = Vec::new();
    for value in rising.iter().rev() {
        if kept.last().is_none_or(|next| x(*next) - x(*value) >= LABEL) {
            kept.push(*value);
        }
    }
    kept
}

fn step(i: usize, x: f64, y: f64) -> String {
    format!("{}{x} {y}", if i == 0 { "M" } else { "L" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_axis_has_two_panels_and_one_point_or_no_memory_is_enough() {
        let row = |axis, value, peak_mib| ScaleRow { axis, value, pictures: 8, seconds: value as f64 / 64.0, peak_mib };
        let rows = [row(Axis::Batch, 8, Some(90)), row(Axis::Batch, 16, Some(120)), row(Axis::Side, 32, None)];
        let svg = svg(&rows);
        assert!(svg.starts_with("<svg xmlns=") && svg.ends_with("</svg>\n"), "{svg}");
        assert_eq!((svg.matches("<g ").count(), svg.matches("<circle").count()), (4, 5), "{svg}");
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
}
