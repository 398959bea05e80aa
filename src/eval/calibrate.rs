//! Calibration of the decision to answer: which weights of the signals, and which threshold, tell
//! answerable from unanswerable questions best. Logistic regression, fitted the same way every
//! time, and judged on questions that it was not fitted on.

use serde_json::{Value, json};

use super::decision::{Curve, Point, curve};
use super::report::{Asked, Report};
use super::table::lines;

/// Strength of the pull of the standardized weights to zero: the sets are small.
const RIDGE: f64 = 1.0;
/// Newton's steps: it converges in fewer than ten.
const STEPS: usize = 30;
/// Parts of the questions, each judged by a fit on the others.
const FOLDS: usize = 10;
/// The share of answerable questions that may be declined at the suggested threshold.
const DECLINED: f64 = 0.05;

/// `confidence = 1 / (1 + exp(-(bias + Σ weight × signal)))`.
#[derive(Debug, Clone, PartialEq)]
pub struct Fit {
    pub signals: Vec<String>,
    pub weights: Vec<f64>,
    pub bias: f64,
}

/// A fit with what it is worth.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    pub fit: Fit,
    pub answerable: usize,
    pub unanswerable: usize,
    /// Of confidences by fits on other questions.
    pub curve: Curve,
    /// Where at most [`DECLINED`] of the answerable questions are declined.
    pub suggested: Option<Point>,
}

/// Calibrates on all questions that have signals; `None` where one of the two kinds is missing.
pub fn calibrate(report: &Report) -> Option<Calibration> {
    let asked: Vec<&Asked> = report
        .sets
        .iter()
        .flat_map(|set| &set.asked)
        .filter(|asked| !asked.signals.is_empty())
        .collect();
    let mut signals: Vec<String> = asked
        .iter()
        .flat_map(|asked| asked.signals.keys().cloned())
        .collect();
    signals.sort_unstable();
    signals.dedup();
    let samples: Vec<Sample> = asked
        .iter()
        .map(|asked| Sample {
            values: signals
                .iter()
                .map(|name| asked.signals.get(name).copied().unwrap_or_default())
                .collect(),
            answerable: asked.answerable,
        })
        .collect();
    let count = |answerable: bool| {
        let of_kind = samples
            .iter()
            .filter(|sample| sample.answerable == answerable);
        of_kind.count()
    };
    let (answerable, unanswerable) = (count(true), count(false));
    if answerable == 0 || unanswerable == 0 {
        return None;
    }
    let curve = judged_by_others(&samples, &signals)?;
    let suggested = curve
        .points
        .iter()
        .find(|point| point.error <= DECLINED)
        .copied();
    Some(Calibration {
        fit: fit(&samples.iter().collect::<Vec<_>>(), &signals),
        answerable,
        unanswerable,
        curve,
        suggested,
    })
}

struct Sample {
    values: Vec<f64>,
    answerable: bool,
}

/// The curve of confidences, each by a fit on the other folds.
fn judged_by_others(samples: &[Sample], signals: &[String]) -> Option<Curve> {
    let mut folds = vec![0; samples.len()];
    let mut next = [0, 0];
    for (place, sample) in samples.iter().enumerate() {
        let kind = &mut next[usize::from(sample.answerable)];
        folds[place] = *kind % FOLDS;
        *kind += 1;
    }
    let (mut answerable, mut unanswerable) = (Vec::new(), Vec::new());
    for fold in 0..FOLDS {
        let in_fold = |own: bool| {
            let places = folds.iter().zip(samples);
            let chosen = places.filter(move |(of, _)| (**of == fold) == own);
            chosen.map(|(_, sample)| sample).collect::<Vec<_>>()
        };
        let others = fit(&in_fold(false), signals);
        for sample in in_fold(true) {
            let confidence = others.confidence(&sample.values);
            if sample.answerable {
                answerable.push(confidence);
            } else {
                unanswerable.push(confidence);
            }
        }
    }
    curve("confidence", &answerable, &unanswerable)
}

impl Fit {
    /// How sure it is that the documents answer, from 0 to 1.
    pub fn confidence(&self, values: &[f64]) -> f64 {
        let terms = self.weights.iter().zip(values);
        let sum: f64 = terms.map(|(weight, value)| weight * value).sum();
        1.0 / (1.0 + (-(self.bias + sum)).exp())
    }
}

/// Fits by Newton's method. Both kinds weigh the same together, however many there are of each.
fn fit(samples: &[&Sample], signals: &[String]) -> Fit {
    let n = samples.len().max(1) as f64;
    let of_kind = |answerable: bool| {
        let of_kind = samples
            .iter()
            .filter(|sample| sample.answerable == answerable);
        of_kind.count().max(1) as f64
    };
    let weight_of = [n / (2.0 * of_kind(false)), n / (2.0 * of_kind(true))];
    let width = signals.len();
    let mut means = vec![0.0; width];
    let mut spreads = vec![0.0; width];
    for column in 0..width {
        let values = || samples.iter().map(|sample| sample.values[column]);
        means[column] = values().sum::<f64>() / n;
        let square = values().map(|value| (value - means[column]).powi(2));
        let spread = (square.sum::<f64>() / n).sqrt();
        spreads[column] = if spread > 1e-9 { spread } else { 1.0 };
    }
    let rows: Vec<Vec<f64>> = samples
        .iter()
        .map(|sample| {
            let values = sample.values.iter().enumerate();
            let scaled = values.map(|(column, value)| (value - means[column]) / spreads[column]);
            std::iter::once(1.0).chain(scaled).collect()
        })
        .collect();
    let mut weights = vec![0.0; width + 1];
    for _ in 0..STEPS {
        let mut slope = vec![0.0; width + 1];
        let mut bend = vec![vec![0.0; width + 1]; width + 1];
        for (row, sample) in rows.iter().zip(samples) {
            let sum: f64 = row.iter().zip(&weights).map(|(x, weight)| x * weight).sum();
            let chance = 1.0 / (1.0 + (-sum).exp());
            let counts = weight_of[usize::from(sample.answerable)];
            let miss = f64::from(u8::from(sample.answerable)) - chance;
            for (i, x) in row.iter().enumerate() {
                slope[i] += counts * miss * x;
                for (j, y) in row.iter().enumerate() {
                    bend[i][j] += counts * chance * (1.0 - chance) * x * y;
                }
            }
        }
        for i in 0..=width {
            // The bias is not pulled; a little keeps the matrix regular.
            let ridge = if i == 0 { 1e-9 } else { RIDGE };
            slope[i] -= ridge * weights[i];
            bend[i][i] += ridge;
        }
        let step = solve(bend, slope);
        for (weight, change) in weights.iter_mut().zip(&step) {
            *weight += change;
        }
        if step.iter().all(|change| change.abs() < 1e-10) {
            break;
        }
    }
    let raw: Vec<f64> = (0..width)
        .map(|column| weights[column + 1] / spreads[column])
        .collect();
    let shift: f64 = raw
        .iter()
        .zip(&means)
        .map(|(weight, mean)| weight * mean)
        .sum();
    Fit {
        signals: signals.to_vec(),
        weights: raw,
        bias: weights[0] - shift,
    }
}

/// Solves a small symmetric system by elimination with pivots.
fn solve(mut matrix: Vec<Vec<f64>>, mut right: Vec<f64>) -> Vec<f64> {
    let n = right.len();
    for column in 0..n {
        let pivot = (column..n)
            .max_by(|a, b| {
                matrix[*a][column]
                    .abs()
                    .total_cmp(&matrix[*b][column].abs())
            })
            .unwrap_or(column);
        matrix.swap(column, pivot);
        right.swap(column, pivot);
        if matrix[column][column].abs() < 1e-12 {
            continue;
        }
        for row in column + 1..n {
            let factor = matrix[row][column] / matrix[column][column];
            for k in column..n {
                matrix[row][k] -= factor * matrix[column][k];
            }
            right[row] -= factor * right[column];
        }
    }
    let mut solution = vec![0.0; n];
    for row in (0..n).rev() {
        let known: f64 = (row + 1..n).map(|k| matrix[row][k] * solution[k]).sum();
        if matrix[row][row].abs() >= 1e-12 {
            solution[row] = (right[row] - known) / matrix[row][row];
        }
    }
    solution
}

impl Calibration {
    /// For a program.
    pub fn json(&self) -> Value {
        let weights = self
            .fit
            .signals
            .iter()
            .cloned()
            .zip(self.fit.weights.iter().map(|w| json!(w)));
        json!({
            "bias": self.fit.bias,
            "weights": weights.collect::<serde_json::Map<_, _>>(),
            "answerable": self.answerable,
            "unanswerable": self.unanswerable,
            "auc": self.curve.area,
            "interval_95": [self.curve.interval.0, self.curve.interval.1],
            "suggested": self.suggested.map(|point| json!({
                "threshold": point.threshold,
                "hallucination": point.hallucination,
                "error": point.error,
            })),
        })
    }
}

/// The calibration as a person reads it.
pub fn table(calibration: &Calibration) -> String {
    let fit = &calibration.fit;
    let mut rows = vec![vec!["calibrated".to_owned(), "weight".to_owned()]];
    rows.push(vec!["bias".to_owned(), format!("{:.4}", fit.bias)]);
    for (name, weight) in fit.signals.iter().zip(&fit.weights) {
        rows.push(vec![name.clone(), format!("{weight:.4}")]);
    }
    let mut text = lines(&rows);
    let (low, high) = calibration.curve.interval;
    text.push_str(&format!(
        "confidence = 1 / (1 + exp(-(bias + Σ weight × signal))), fitted on {} answerable and {} \
         unanswerable questions\nAUC {:.3} ({low:.2}–{high:.2}) on questions that it was not fitted on\n",
        calibration.answerable, calibration.unanswerable, calibration.curve.area
    ));
    if let Some(point) = calibration.suggested {
        text.push_str(&format!(
            "at confidence ≥ {:.3}: {:.1}% of answerable questions declined, {:.1}% of \
             unanswerable ones answered\n",
            point.threshold,
            point.error * 100.0,
            point.hallucination * 100.0
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::eval::report::SetReport;

    #[test]
    fn elimination_solves_what_needs_pivots() {
        let solution = solve(vec![vec![0.0, 2.0], vec![3.0, 1.0]], vec![4.0, 5.0]);
        assert!((solution[0] - 1.0).abs() < 1e-12 && (solution[1] - 2.0).abs() < 1e-12);
    }

    #[test]
    fn the_signal_that_tells_gets_the_weight_and_noise_gets_little() {
        let asked = (0..60).map(|i| {
            let answerable = i % 3 != 0;
            let told = if answerable { 0.7 } else { 0.3 } + f64::from(i % 7) * 0.05;
            let noise = f64::from(i * 37 % 11) / 11.0;
            Asked {
                answerable,
                signals: BTreeMap::from([("noise".to_owned(), noise), ("told".to_owned(), told)]),
                ..Asked::default()
            }
        });
        let report = Report {
            sets: vec![SetReport {
                asked: asked.collect(),
                ..SetReport::default()
            }],
        };
        let calibration = calibrate(&report).unwrap();
        let [noise, told] = calibration.fit.weights[..] else {
            panic!("two signals")
        };
        assert!(
            told > 5.0 && noise.abs() < told / 5.0,
            "{:?}",
            calibration.fit
        );
        assert!(calibration.curve.area > 0.95, "{}", calibration.curve.area);
        assert!(calibration.suggested.unwrap().hallucination < 0.2);
    }

    #[test]
    fn without_unanswerable_questions_there_is_nothing_to_calibrate() {
        assert_eq!(calibrate(&Report::default()), None);
    }
}
