//! Calibration of the decision to answer: the weights of the evidence fitted to questions whose truth
//! is known ([`super::calibrate`]), and judged on questions that they were not fitted on.

use docent_core::config::EvidenceWeights;
use serde_json::{Map, Value, json};

use super::calibrate::{Example, fit};
use super::decision::{Curve, Point, curve};
use super::report::Report;
use super::signals::evidence;

/// Parts of the questions, each judged by a fit on the others.
const FOLDS: usize = 10;
/// The share of answerable questions that may be declined.
const DECLINED: f64 = 0.05;

/// Weights with what they are worth.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    /// Fitted on all questions.
    pub weights: EvidenceWeights,
    pub answerable: usize,
    pub unanswerable: usize,
    /// Of probabilities by fits on other questions.
    pub curve: Curve,
}

/// Calibrates on all questions that have signals; `None` where the answerable or the unanswerable
/// ones are missing.
pub fn calibrate(report: &Report) -> Option<Calibration> {
    let examples: Vec<Example> = report
        .sets
        .iter()
        .flat_map(|set| &set.asked)
        .filter_map(|asked| {
            Some(Example {
                evidence: evidence(&asked.signals)?,
                answerable: asked.answerable,
            })
        })
        .collect();
    let answerable = examples.iter().filter(|example| example.answerable).count();
    Some(Calibration {
        weights: fit(&examples, DECLINED)?,
        answerable,
        unanswerable: examples.len() - answerable,
        curve: judged_by_others(&examples)?,
    })
}

/// The curve of probabilities, each by a fit on the other folds.
fn judged_by_others(examples: &[Example]) -> Option<Curve> {
    let mut next = [0, 0];
    let folds: Vec<usize> = examples
        .iter()
        .map(|example| {
            let kind = &mut next[usize::from(example.answerable)];
            *kind += 1;
            *kind % FOLDS
        })
        .collect();
    let (mut answerable, mut unanswerable) = (Vec::new(), Vec::new());
    for fold in 0..FOLDS {
        let part = |own: bool| -> Vec<Example> {
            let placed = folds.iter().zip(examples);
            let chosen = placed.filter(|(of, _)| (**of == fold) == own);
            chosen.map(|(_, example)| *example).collect()
        };
        let own = part(true);
        if own.is_empty() {
            continue;
        }
        let weights = fit(&part(false), DECLINED)?;
        for example in own {
            let probability = f64::from(example.evidence.probability(&weights));
            if example.answerable {
                answerable.push(probability);
            } else {
                unanswerable.push(probability);
            }
        }
    }
    curve("probability", &answerable, &unanswerable)
}

impl Calibration {
    /// The two errors, on questions that were not fitted on, of answering from a probability of one
    /// half on.
    pub fn at_half(&self) -> Option<Point> {
        let answered = |point: &&Point| point.threshold >= 0.5;
        self.curve.points.iter().rfind(answered).copied()
    }

    /// The weights as `docent.toml` takes them.
    pub fn settings(&self) -> String {
        let lines = self
            .weights
            .named()
            .map(|(name, weight)| format!("{name} = {weight:.3}\n"));
        format!("[retrieval.evidence]\n{}", lines.concat())
    }

    /// For a program.
    pub fn json(&self) -> Value {
        let weights: Map<String, Value> = self
            .weights
            .named()
            .into_iter()
            .map(|(name, weight)| (name.to_owned(), json!(weight)))
            .collect();
        json!({
            "weights": weights,
            "answerable": self.answerable,
            "unanswerable": self.unanswerable,
            "auc": self.curve.area,
            "interval_95": [self.curve.interval.0, self.curve.interval.1],
            "at_half": self.at_half().map(|point| json!({
                "hallucination": point.hallucination,
                "error": point.error,
            })),
        })
    }
}

/// The calibration as a person reads it.
pub fn table(calibration: &Calibration) -> String {
    let (low, high) = calibration.curve.interval;
    let mut text = format!(
        "calibrated on {} answerable and {} unanswerable questions, for docent.toml:\n\n{}\n",
        calibration.answerable,
        calibration.unanswerable,
        calibration.settings()
    );
    text.push_str(&format!(
        "on questions that it was not fitted on (ten-fold): AUC {:.3} ({low:.2}–{high:.2})",
        calibration.curve.area
    ));
    if let Some(point) = calibration.at_half() {
        text.push_str(&format!(
            ", {:.1}% of the answerable ones declined, {:.1}% of the unanswerable ones answered",
            point.error * 100.0,
            point.hallucination * 100.0
        ));
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::eval::report::{Asked, SetReport};

    #[test]
    fn a_signal_that_tells_is_judged_well_on_questions_it_was_not_fitted_on() {
        let asked = (0..60).map(|i| {
            let answerable = i % 3 != 0;
            let told = if answerable { 0.7 } else { 0.3 } + f64::from(i % 7) * 0.05;
            let noise = f64::from(i * 37 % 11) / 11.0;
            let signals = [
                ("strength", told),
                ("support", 0.2),
                ("coverage", noise),
                ("cosine", 0.5),
                ("agreement", 0.0),
                ("missing_names", 0.0),
                ("unknown", 0.0),
                ("moment", 0.0),
            ];
            Asked {
                answerable,
                signals: BTreeMap::from(signals.map(|(name, value)| (name.to_owned(), value))),
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
        assert_eq!((calibration.answerable, calibration.unanswerable), (40, 20));
        assert!(calibration.curve.area > 0.95, "{}", calibration.curve.area);
        let at_half = calibration.at_half().unwrap();
        assert!(
            at_half.hallucination < 0.2 && at_half.error < 0.2,
            "{at_half:?}"
        );
        assert!(table(&calibration).contains("[retrieval.evidence]\nbias = "));
    }

    #[test]
    fn without_unanswerable_questions_there_is_nothing_to_calibrate() {
        assert_eq!(calibrate(&Report::default()), None);
    }
}
