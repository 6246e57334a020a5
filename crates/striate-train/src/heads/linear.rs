//! Linear classifiers of features with an L2 penalty, by L-BFGS; the loss decides which: cross entropy or squared hinge.

pub(super) mod cholesky;
pub(super) mod dense;
mod features;
mod lbfgs;
mod loss;
mod problem;

use rayon::prelude::*;
use striate_data::split::stratified_folds;

use super::logistic::Examples;
use dense::LANES;
use features::Features;
use lbfgs::{Stop, minimise};
pub use loss::Loss;
use problem::{Preconditioner, Problem, Sums};

/// How near the fit comes to the least objective, about.
const FIT: Stop = Stop { gap: 1e-9, steps: 1000 };
/// The same where strengths are only compared.
const COMPARE: Stop = Stop { gap: 1e-4, steps: 200 };
/// Keeps coordinates finite where every picture is certain.
const LEAST_CURVATURE: f64 = 1e-4;
/// How far the answer for a class without examples lies under the mean of the others.
const ABSENT: f64 = -30.0;

/// What to minimise. Fields as in [`super::logistic::LogisticConfig`].
pub struct LinearConfig<'a> {
    pub loss: Loss,
    pub classes: usize,
    pub strengths: &'a [f64],
    pub folds: usize,
    pub balanced: bool,
    pub seed: u64,
}

/// The minimum. Fields as in [`super::logistic::Logistic`].
pub struct Linear {
    pub weight: Vec<f32>,
    pub bias: Vec<f32>,
    pub strength: f64,
    pub tried: Vec<(f64, f64)>,
    pub objective: f64,
}

impl LinearConfig<'_> {
    /// Fits.
    ///
    /// # Panics
    /// As [`super::logistic::LogisticConfig::fit`].
    pub fn fit(&self, examples: &Examples) -> Linear {
        let n = examples.labels.len();
        assert!(n > 0 && !self.strengths.is_empty(), "Linear: needs an example and a strength, got {n} examples");
        assert_eq!(examples.groups.len(), n, "Linear: one group for each label");
        let d = examples.features.len() / n;
        assert!(d > 0 && d * n == examples.features.len(), "Linear: features must be [N, D]");
        assert!(examples.features.iter().all(|x| x.is_finite()), "Linear: features must be finite");
        let counts = self.counts(examples.labels);
        let present: Vec<usize> = (0..self.classes).filter(|&class| counts[class] > 0).collect();
        let weights: Vec<f64> = present
            .iter()
            .map(|&class| if self.balanced { n as f64 / (present.len() * counts[class]) as f64 } else { 1.0 })
            .collect();
        let mut position = vec![0; self.classes];
        present.iter().enumerate().for_each(|(at, &class)| position[class] = at as u32);
        let labels: Vec<u32> = examples.labels.iter().map(|&label| position[label as usize]).collect();

        let features = Features::new(examples.features, d);
        let moments = features.moments();
        let rows: Vec<u32> = (0..n as u32).collect();
        let mut problem = Problem {
            loss: self.loss,
            features: &features,
            labels: &labels,
            rows: &rows,
            weights: &weights,
            strength: 1.0,
        };
        let trials = self.compare(&problem, &moments, examples.groups);
        let best = trials.iter().fold(None, |best: Option<&Trial>, trial| match best {
            Some(best) if best.loss <= trial.loss => Some(best),
            _ => Some(trial),
        });
        problem.strength = best.map_or(self.strengths[self.strengths.len() / 2], |best| best.strength);
        let curvature = best.map_or(self.loss.first_curvature(present.len()), |best| best.curvature);
        let coordinates = preconditioner(&problem, &moments, curvature);
        let (theta, objective) = solve(&problem, &coordinates, problem.zeros(), FIT);

        let (mut weight, mut bias) = (vec![0.0; self.classes * d], vec![ABSENT as f32; self.classes]);
        let panel_len = (features.stride() + 1) * LANES;
        for (panel, classes) in theta.chunks_exact(panel_len).zip(present.chunks(LANES)) {
            let (columns, biases) = panel.split_at(panel_len - LANES);
            let standardised = features.unfold(columns);
            for (lane, &class) in classes.iter().enumerate() {
                let of_class = standardised.iter().skip(lane).step_by(LANES).copied();
                let (folded, folded_bias) = features.fold(of_class, biases[lane]);
                weight[class * d..(class + 1) * d].copy_from_slice(&folded);
                bias[class] = folded_bias;
            }
        }
        let tried = trials.iter().map(|trial| (trial.strength, trial.loss)).collect();
        Linear { weight, bias, strength: problem.strength, tried, objective }
    }

    fn counts(&self, labels: &[u32]) -> Vec<usize> {
        let mut counts = vec![0; self.classes];
        for &label in labels {
            assert!((label as usize) < self.classes, "Linear: labels must be below {}, got {label}", self.classes);
            counts[label as usize] += 1;
        }
        counts
    }

    /// The strengths on the inner folds.
    fn compare(&self, problem: &Problem, moments: &[f64], groups: &[u32]) -> Vec<Trial> {
        let mut trials: Vec<Trial> = Vec::new();
        if self.strengths.len() < 2 {
            return trials;
        }
        let folds = stratified_folds(problem.labels, groups, self.folds, self.seed);
        let rows_of = |fold: usize, inside: bool| -> Vec<u32> {
            problem.rows.iter().copied().filter(|&row| (usize::from(folds[row as usize]) == fold) == inside).collect()
        };
        let mut states: Vec<Fold> = (0..self.folds)
            .map(|fold| Fold { train: rows_of(fold, false), held: rows_of(fold, true), theta: problem.zeros() })
            .filter(|fold| !fold.train.is_empty() && !fold.held.is_empty())
            .collect();
        if states.is_empty() {
            return trials;
        }
        for &strength in self.strengths {
            let curvature =
                trials.last().map_or(self.loss.first_curvature(problem.weights.len()), |trial| trial.curvature);
            let coordinates = preconditioner(&Problem { strength, ..*problem }, moments, curvature);
            let scores: Vec<Sums> = states
                .par_iter_mut()
                .map(|fold| {
                    let train = Problem { rows: &fold.train, strength, ..*problem };
                    let start = std::mem::take(&mut fold.theta);
                    fold.theta = solve(&train, &coordinates, start, COMPARE).0;
                    Problem { rows: &fold.held, ..*problem }.score(&fold.theta)
                })
                .collect();
            let sums = scores.into_iter().fold(Sums::default(), Sums::add);
            let trial = Trial {
                strength,
                loss: sums.loss / sums.weight,
                curvature: (sums.curvature / sums.weight).max(LEAST_CURVATURE),
            };
            let worse = trials.last().is_some_and(|last| trial.loss > last.loss);
            trials.push(trial);
            if worse {
                break;
            }
        }
        trials
    }
}

/// One strength, held out.
struct Trial {
    strength: f64,
    loss: f64,      // mean
    curvature: f64, // mean
}

/// One inner fold, with the last solution to start from.
struct Fold {
    train: Vec<u32>,
    held: Vec<u32>,
    theta: Vec<f64>,
}

fn preconditioner(problem: &Problem, moments: &[f64], curvature: f64) -> Preconditioner {
    let share = 1.0 / (problem.strength * problem.total());
    Preconditioner::new(moments, problem.features.stride(), curvature, share)
}

/// Minimises from `start`.
fn solve(problem: &Problem, coordinates: &Preconditioner, start: Vec<f64>, stop: Stop) -> (Vec<f64>, f64) {
    let mut moved = coordinates.enter(&start);
    let mut theta = start;
    let (objective, _steps) = minimise(&mut moved, stop, |moved, gradient| {
        theta.copy_from_slice(moved);
        coordinates.leave(&mut theta);
        let value = problem.evaluate(&theta, gradient);
        coordinates.pull(gradient);
        value
    });
    coordinates.leave(&mut moved);
    (moved, objective)
}
