//! How an error falls with the number of examples: the power law `error(n) = floor + scale * n^-exponent`.
//!
//! The form that learning curves follow over wide ranges (Cortes et al. 1994, "Learning curves: asymptotic values and rate
//! of convergence"; Viering & Loog 2023, "The shape of learning curves: a review"). Fitted by weighted least squares with
//! bounds: for a given exponent the other two have a closed form, and the exponent is searched.

/// The exponents searched, lowest and highest: beyond, a curve is a straight line in the logarithm of n, or a step.
pub const EXPONENTS: [f64; 2] = [0.1, 2.0];
/// Exponents tried first, in even steps of the logarithm.
const GRID: usize = 40;
/// Halvings of the step around the best of them.
const REFINEMENTS: usize = 12;

/// A measured error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// Examples learned from, above 0.
    pub n: f64,
    /// Share labelled wrong, `[0, 1]`.
    pub error: f64,
    /// Weight in the fit: one over the variance of `error`.
    pub weight: f64,
}

/// `error(n) = floor + scale * n^-exponent`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PowerLaw {
    /// What is left with any number of examples, `>= 0`.
    pub floor: f64,
    /// What one example leaves above it, `>= 0`.
    pub scale: f64,
    /// How fast that falls, within [`EXPONENTS`].
    pub exponent: f64,
    /// The weighted sum of squared residuals.
    pub residual: f64,
}

impl PowerLaw {
    /// Fits `points`, with a floor of 0 or more.
    ///
    /// # Panics
    /// If there is no point, or one is not finite or has an `n` or a weight that is not above 0.
    pub fn fit(points: &[Measured]) -> Self {
        assert!(!points.is_empty(), "PowerLaw: needs a point, got none");
        let sound = |p: &Measured| p.n > 0.0 && p.weight > 0.0 && (p.n + p.weight + p.error).is_finite();
        assert!(points.iter().all(sound), "PowerLaw: n and weight must be above 0 and all finite, got {points:?}");
        let [low, high] = EXPONENTS.map(libm::log);
        let at = |log_exponent: f64| {
            let exponent = libm::exp(log_exponent.clamp(low, high));
            let [floor, scale] = bounded(&Sums::of(points, exponent));
            let law = Self { floor, scale, exponent, residual: 0.0 };
            let gap = |p: &Measured| p.error - law.error(p.n);
            Self { residual: points.iter().map(|p| p.weight * gap(p) * gap(p)).sum(), ..law }
        };
        let mut step = (high - low) / (GRID - 1) as f64;
        let better = |a: (f64, Self), b: (f64, Self)| if b.1.residual < a.1.residual { b } else { a };
        let tried = (0..GRID).map(|i| low + i as f64 * step).map(|c| (c, at(c)));
        let mut best = tried.reduce(better).expect("the grid is not empty");
        for _ in 0..REFINEMENTS {
            step *= 0.5;
            let centre = best.0;
            best = [centre - step, centre + step].into_iter().map(|c| (c, at(c))).fold(best, better);
        }
        best.1
    }

    /// The error after `n` examples.
    pub fn error(&self, n: f64) -> f64 {
        self.floor + self.scale * libm::pow(n, -self.exponent)
    }

    /// Whether the exponent is at an end of [`EXPONENTS`], so that the points do not say what it is.
    pub fn at_bound(&self) -> bool {
        let [low, high] = EXPONENTS;
        self.scale == 0.0 || self.exponent < 1.02 * low || self.exponent > high / 1.02
    }
}

/// Weighted sums over the points, `x = n^-exponent`.
struct Sums {
    w: f64,
    x: f64,
    y: f64,
    xx: f64,
    xy: f64,
}

impl Sums {
    fn of(points: &[Measured], exponent: f64) -> Self {
        points.iter().fold(Self { w: 0.0, x: 0.0, y: 0.0, xx: 0.0, xy: 0.0 }, |sums, p| {
            let (w, x, y) = (p.weight, libm::pow(p.n, -exponent), p.error);
            Self {
                w: sums.w + w,
                x: sums.x + w * x,
                y: sums.y + w * y,
                xx: sums.xx + w * x * x,
                xy: sums.xy + w * x * y,
            }
        })
    }
}

/// The least squares of `floor + scale * x` under both being 0 or more.
fn bounded(sums: &Sums) -> [f64; 2] {
    let determinant = sums.w * sums.xx - sums.x * sums.x;
    if determinant <= 1e-12 * sums.w * sums.xx {
        return [0.0, (sums.xy / sums.xx).max(0.0)]; // one n alone
    }
    let scale = (sums.w * sums.xy - sums.x * sums.y) / determinant;
    let floor = (sums.y - scale * sums.x) / sums.w;
    if scale < 0.0 {
        [(sums.y / sums.w).max(0.0), 0.0]
    } else if floor < 0.0 {
        [0.0, (sums.xy / sums.xx).max(0.0)]
    } else {
        [floor, scale]
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::numbers;
    use super::*;

    fn points(law: impl Fn(f64) -> f64) -> Vec<Measured> {
        [1.0, 2.0, 5.0, 10.0, 20.0, 50.0].map(|n| Measured { n, error: law(n), weight: 1e4 }).to_vec()
    }

    #[test]
    fn a_law_is_found_again() {
        for (floor, scale, exponent) in [(0.05, 0.6, 0.7), (0.0, 0.5, 0.3), (0.2, 0.3, 1.4)] {
            let law = PowerLaw::fit(&points(|n| floor + scale * n.powf(-exponent)));
            assert!((law.floor - floor).abs() < 1e-3 && (law.exponent - exponent).abs() < 5e-3, "{law:?}");
            assert!((law.error(1000.0) - floor - scale * 1000f64.powf(-exponent)).abs() < 1e-3, "{law:?}");
            assert!(!law.at_bound());
        }
    }

    #[test]
    fn fits_are_those_of_scipy() {
        let fixture: serde_json::Value = serde_json::from_str(include_str!("../../fixtures/power_law.json"))
            .expect("fixtures/power_law.json is JSON");
        for row in fixture.as_array().expect("rows") {
            let [n, error, weight] = ["n", "error", "weight"].map(|name| numbers(&row[name]));
            let point = |i: usize| Measured { n: n[i], error: error[i], weight: weight[i] };
            let law = PowerLaw::fit(&(0..n.len()).map(point).collect::<Vec<_>>());
            let number = |name: &str| row[name].as_f64().expect("a number");
            assert!(law.residual <= number("residual") + 1e-6, "{law:?} {row}");
            assert!((law.error(200.0) - number("far")).abs() < 2e-4, "{law:?} {row}");
        }
    }

    #[test]
    fn bounds_hold_and_are_told() {
        let rising = PowerLaw::fit(&points(|n| 0.2 + 0.001 * n));
        assert!(rising.scale == 0.0 && rising.at_bound() && rising.floor > 0.2, "{rising:?}");
        let straight = PowerLaw::fit(&points(|n| 0.9 - 0.05 * n.ln()));
        assert!(straight.at_bound() && straight.floor >= 0.0, "{straight:?}");
        let step = PowerLaw::fit(&points(|n| if n < 2.0 { 0.5 } else { 0.1 }));
        assert!(step.at_bound(), "{step:?}");
        let lone = PowerLaw::fit(&[Measured { n: 3.0, error: 0.25, weight: 1.0 }]);
        assert!((lone.error(3.0) - 0.25).abs() < 1e-12, "{lone:?}");
    }

    #[test]
    fn a_heavy_point_is_met() {
        let mut points = points(|n| 0.1 + 0.4 / n);
        points[5].error = 0.2;
        points[5].weight = 1e9;
        assert!((PowerLaw::fit(&points).error(50.0) - 0.2).abs() < 1e-3);
    }
}
