//! Beyond the labels that there are: a power law fitted to a label-efficiency curve, with an interval, or why not.
//!
//! The fit is repeated on every resample of the curve (draws and groups of pictures taken anew), and the forecasts' middle
//! 95 % are their interval. The point of one label a class is left out: a mean of one picture is no mean. From how many
//! labels on the law holds is not known either, so every second resample leaves out the next point, too.

use crate::label_curve::{Curves, percentiles};
use crate::report::{Extrapolation, LabelForecast};
use striate_train::metrics::power_law::{Measured, PowerLaw};

/// Fewest points that a law of three numbers is fitted to.
const POINTS: usize = 4;
/// Labels are forecast for these times those that there are.
const TIMES: [f64; 3] = [1.0, 2.0, 5.0];
/// Farthest forecast, by the labels of the last point.
const REACH: f64 = 10.0;
/// How far a point may be off because the law is an approximation, the coarser the fewer the labels: always this, and this
/// over the root of the labels.
const OFF: [f64; 2] = [0.01, 0.03];
/// Mean square of the residuals, in standard deviations, from which the law does not describe the curve.
const MISFIT: f64 = 4.0;
/// An interval wider than this says too little.
const WIDEST: f64 = 0.25;

/// Extrapolates the curve of one learner from `now` labels a class on.
pub fn extrapolate(curves: &Curves, learner: usize, rung: &str, now: usize) -> Extrapolation {
    let values = &curves.values[learner];
    let used = 1..values.len().max(1);
    let points: Vec<Measured> = used.clone().map(|size| measured(curves.sizes[size] as f64, &values[size])).collect();
    let mut answer =
        Extrapolation { rung: rung.into(), floor: 0.0, scale: 0.0, exponent: 0.0, forecasts: vec![], distrust: None };
    if points.len() < POINTS {
        let last = values.len().checked_sub(1).map_or(0, |last| curves.sizes[last]);
        answer.distrust = Some(format!("the curve ends at {last} labels of each class, too few to follow it farther"));
        return answer;
    }
    let law = PowerLaw::fit(&points);
    (answer.floor, answer.scale, answer.exponent) = (law.floor, law.scale, law.exponent);
    let resampled = &curves.resampled[learner];
    let laws: Vec<PowerLaw> = (0..resampled[1].len())
        .map(|resample| {
            let moved = points.iter().zip(used.clone()).skip(resample % 2);
            let moved = moved.map(|(p, size)| Measured { error: 1.0 - resampled[size][resample], ..*p });
            PowerLaw::fit(&moved.collect::<Vec<_>>())
        })
        .collect();
    let last = curves.sizes[values.len() - 1] as f64;
    let forecasts = TIMES.iter().filter(|&&times| times * now as f64 <= REACH * last).map(|&times| {
        let (from, to) = (now as f64, times * now as f64);
        let mean = 1.0 - law.error(to);
        let [low, high] = percentiles(laws.iter().map(|law| 1.0 - law.error(to)).collect());
        let gain_ci95 = percentiles(laws.iter().map(|law| law.error(from) - law.error(to)).collect());
        LabelForecast { times, labels: to as usize, mean, ci95: [low.min(mean), high.max(mean)], gain_ci95 }
    });
    let forecasts: Vec<LabelForecast> = forecasts.collect();
    let rise = resampled[values.len() - 1].iter().zip(&resampled[1]).map(|(last, first)| last - first);
    let [least_rise, _] = percentiles(rise.collect());
    let too_wide = |forecast: &LabelForecast| forecast.ci95[1] - forecast.ci95[0] > WIDEST;
    answer.distrust = if least_rise <= 0.0 {
        Some("the curve rises by no more than chance explains".into())
    } else if law.at_bound() {
        Some("the curve rises too evenly, or at once, to say where it ends".into())
    } else if law.residual > MISFIT * (points.len() - 3) as f64 {
        Some("the curve is not of the form that is extrapolated".into())
    } else if forecasts.len() < 2 {
        Some(format!("the curve ends at {last} labels of each class, far from the {now} that there are"))
    } else if forecasts.iter().take(2).any(too_wide) {
        Some("what is known of the curve leaves too much open".into())
    } else {
        None
    };
    if answer.distrust.is_none() {
        answer.forecasts = forecasts;
    }
    answer
}

/// The mean over draws as a point of the fit.
fn measured(n: f64, values: &[f64]) -> Measured {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (count - 1.0).max(1.0) / count;
    let off = OFF[0] + OFF[1] / n.sqrt();
    Measured { n, error: 1.0 - mean, weight: 1.0 / (variance + off * off) }
}

#[cfg(test)]
mod known_truth;

#[cfg(test)]
mod tests {
    use super::*;
    use striate_kernels::rng::Key;

    /// A curve that follows `error` with some noise over draws and resamples.
    fn curve(sizes: &[usize], error: impl Fn(f64) -> f64) -> Curves {
        let mut stream = Key::new(1).stream();
        let mut noisy = |n: usize, times: usize| -> Vec<f64> {
            (0..times).map(|_| 1.0 - error(n as f64) + 0.01 * (f64::from(stream.uniform()) - 0.5)).collect()
        };
        let values = sizes.iter().map(|&n| noisy(n, 20)).collect();
        let resampled = sizes.iter().map(|&n| noisy(n, 100)).collect();
        Curves { sizes: sizes.to_vec(), values: vec![values], resampled: vec![resampled] }
    }

    #[test]
    fn a_power_law_is_followed() {
        let law = |n: f64| 0.05 + 0.5 / n.sqrt();
        let answer = extrapolate(&curve(&[1, 2, 5, 10, 20, 40], law), 0, "test", 50);
        assert_eq!(answer.distrust, None);
        assert_eq!(answer.forecasts.iter().map(|f| f.labels).collect::<Vec<_>>(), [50, 100, 250]);
        for forecast in &answer.forecasts {
            let truth = 1.0 - law(forecast.labels as f64);
            assert!(forecast.ci95[0] < truth && truth < forecast.ci95[1], "{truth} {forecast:?}");
            assert!((forecast.mean - truth).abs() < 0.01, "{truth} {forecast:?}");
        }
        let far = extrapolate(&curve(&[1, 2, 5, 10, 20, 40], law), 0, "test", 150);
        assert_eq!(far.forecasts.len(), 2, "five times 150 is too far from 40");
    }

    #[test]
    fn what_cannot_be_followed_is_told_and_has_no_figure() {
        let sizes = [1, 2, 5, 10, 20, 40];
        let distrust = |curve: Curves, now| {
            let answer = extrapolate(&curve, 0, "test", now);
            assert!(answer.forecasts.is_empty(), "{answer:?}");
            answer.distrust.unwrap_or_default()
        };
        assert!(distrust(curve(&[1, 2, 4], |n| 0.5 / n), 5).contains("too few"));
        assert!(distrust(curve(&sizes, |_| 0.5), 50).contains("chance"));
        assert!(distrust(curve(&sizes, |n| 0.9 - 0.05 * n.ln()), 50).contains("too evenly"));
        assert!(distrust(curve(&sizes, |n| 0.4 / n.sqrt() + if n == 10.0 { 0.2 } else { 0.0 }), 50).contains("form"));
        assert!(distrust(curve(&sizes, |n| 0.5 / n.sqrt()), 500).contains("far from"));
    }
}
