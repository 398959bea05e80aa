//! The decision to answer, from retrieval alone: how well each signal tells questions that the
//! documents answer from those that they don't, and what each threshold would cost.
//!
//! The two errors are named as in NoMIRACL (Thakur et al. 2024, *NoMIRACL: Knowing When You Don't
//! Know for Robust Multilingual Retrieval-Augmented Generation*): *hallucination*, an unanswerable
//! question that would be answered, and *error*, an answerable one that would not.

use docent_core::app::App;
use docent_core::document::document_id;
use serde_json::{Value, json};

use super::beir::{Beir, BeirQuery, file_name};
use super::report::{Asked, SetReport};
use super::signals::signals;
use super::statistics::{area_interval, area_under_curve};
use super::table::lines;
use super::{EvalError, Progress, ProgressSender, turn};
use crate::chat::Chat;
use crate::chat::probe::{ProbeRequest, judged_by_model, probe};

/// Passages of a question's own candidates: ten of one or two chunks.
const OWN: usize = 30;

/// Published with the data set: hallucination and error of chat models that were shown the ten
/// candidates (<https://github.com/project-miracl/nomiracl>, `results/baselines`, Korean test).
const NOMIRACL_KO: [(&str, f64, f64); 2] =
    [("gpt-3.5-turbo", 0.600, 0.076), ("gpt-4", 0.404, 0.128)];

/// A threshold of a signal and its two errors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// A question is answered when its signal is at least this.
    pub threshold: f64,
    pub hallucination: f64,
    pub error: f64,
}

/// How a signal decides.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    pub signal: String,
    /// Area under the ROC curve, with its 95% interval.
    pub area: f64,
    pub interval: (f64, f64),
    /// By falling threshold.
    pub points: Vec<Point>,
}

/// Asks every judged question over its own candidates and over the whole pool. `with_model`: a
/// configured chat model is shown the candidates as well, and says whether they answer.
pub async fn decisions(
    app: &App,
    chat: &Chat,
    beir: &Beir,
    with_model: bool,
    progress: &ProgressSender,
) -> Result<Vec<SetReport>, EvalError> {
    let source = app.config.sources.first();
    let source = source.map_or("", |source| source.name.as_str());
    let mut own = SetReport {
        name: format!("{} own candidates", beir.name),
        ..SetReport::default()
    };
    let mut pool = SetReport {
        name: format!("{} pool", beir.name),
        ..SetReport::default()
    };
    let queries: Vec<&BeirQuery> = beir
        .queries
        .iter()
        .filter(|query| query.answerable.is_some())
        .collect();
    for (done, query) in queries.iter().enumerate() {
        progress.send(Progress::Questions {
            set: beir.name.clone(),
            done,
            of: queries.len(),
        });
        let candidates = query.candidates.iter();
        let candidates = candidates.map(|id| document_id(source, &file_name(id)));
        let mut request = ProbeRequest {
            limit: OWN,
            documents: Some(candidates.collect()),
            trace: true,
        };
        let mut asked = ask(app, chat, query, &request).await?;
        if with_model {
            asked.model_answers = Some(by_model(app, chat, query, &request).await?);
        }
        own.asked.push(asked);
        request.documents = None;
        pool.asked.push(ask(app, chat, query, &request).await?);
    }
    Ok(vec![own, pool])
}

async fn ask(
    app: &App,
    chat: &Chat,
    query: &BeirQuery,
    request: &ProbeRequest,
) -> Result<Asked, EvalError> {
    let groups = [docent_core::document::EVERYONE.to_owned()];
    let found = probe(app, chat, &turn(&query.text, &groups), request).await?;
    let answerable = query.answerable == Some(true);
    Ok(Asked {
        id: query.id.clone(),
        question: query.text.clone(),
        kind: if answerable {
            "answerable"
        } else {
            "unanswerable"
        }
        .to_owned(),
        answerable,
        abstained: Some(found.abstains.is_some()),
        signals: signals(&found),
        retrieve_ms: found.retrieve_ms as f64,
        cost_usd: Some(rust_decimal::Decimal::ZERO),
        ..Asked::default()
    })
}

async fn by_model(
    app: &App,
    chat: &Chat,
    query: &BeirQuery,
    request: &ProbeRequest,
) -> Result<bool, EvalError> {
    let groups = [docent_core::document::EVERYONE.to_owned()];
    Ok(judged_by_model(app, chat, &turn(&query.text, &groups), request).await?)
}

/// The curve of every signal of a set, best first; none where nothing is unanswerable, or all is.
pub fn curves(set: &SetReport) -> Vec<Curve> {
    let mut names: Vec<&String> = set
        .asked
        .iter()
        .flat_map(|asked| asked.signals.keys())
        .collect();
    names.sort_unstable();
    names.dedup();
    let mut curves: Vec<Curve> = names
        .into_iter()
        .filter_map(|name| {
            let of = |answerable: bool| -> Vec<f64> {
                let asked = set
                    .asked
                    .iter()
                    .filter(|asked| asked.answerable == answerable);
                asked
                    .filter_map(|asked| asked.signals.get(name).copied())
                    .collect()
            };
            curve(name, &of(true), &of(false))
        })
        .collect();
    curves.sort_by(|left, right| right.area.total_cmp(&left.area));
    curves
}

/// The curve of a signal from its values for answerable and unanswerable questions.
pub(super) fn curve(name: &str, answerable: &[f64], unanswerable: &[f64]) -> Option<Curve> {
    let area = area_under_curve(answerable, unanswerable)?;
    let mut thresholds: Vec<f64> = answerable.iter().chain(unanswerable).copied().collect();
    thresholds.sort_unstable_by(|left, right| right.total_cmp(left));
    thresholds.dedup();
    let share = |values: &[f64], holds: &dyn Fn(f64) -> bool| {
        values.iter().filter(|value| holds(**value)).count() as f64 / values.len() as f64
    };
    let points = thresholds.into_iter().map(|threshold| Point {
        threshold,
        hallucination: share(unanswerable, &|value| value >= threshold),
        error: share(answerable, &|value| value < threshold),
    });
    Some(Curve {
        signal: name.to_owned(),
        area,
        interval: area_interval(area, answerable.len(), unanswerable.len()),
        points: points.collect(),
    })
}

impl Curve {
    /// The lowest threshold that lets no more than a share of the unanswerable questions through.
    pub fn at_hallucination(&self, most: f64) -> Option<Point> {
        let within = |point: &&Point| point.hallucination <= most;
        self.points.iter().rfind(within).copied()
    }
}

/// Curves and decisions of a set as a person reads them; empty where the set has no signals.
pub fn table(set: &SetReport) -> String {
    let curves = curves(set);
    if curves.is_empty() {
        return String::new();
    }
    let steps = [0.05, 0.1, 0.2, 0.3, 0.404, 0.5, 0.6];
    let mut header = vec!["signal".to_owned(), "AUC".to_owned()];
    header.extend(steps.map(|step| format!("≤{:.1}%", step * 100.0)));
    let mut rows = vec![header];
    for curve in &curves {
        let (low, high) = curve.interval;
        let mut row = vec![
            curve.signal.clone(),
            format!("{:.3} {low:.2}–{high:.2}", curve.area),
        ];
        row.extend(steps.map(|step| match curve.at_hallucination(step) {
            Some(point) => format!("{:.1}", point.error * 100.0),
            None => "–".to_owned(),
        }));
        rows.push(row);
    }
    let mut text = lines(&rows);
    text.push_str(
        "% of answerable questions declined where at most so many unanswerable ones are answered\n",
    );
    let decided = |name: &str, answers: &dyn Fn(&Asked) -> Option<bool>| {
        let (hallucination, error) = errors(set, answers)?;
        Some(format!(
            "{name}: hallucination {:.1}%, error {:.1}%\n",
            hallucination * 100.0,
            error * 100.0
        ))
    };
    text.extend(decided("docent's decision", &|asked| {
        Some(!asked.abstained?)
    }));
    text.extend(decided("the chat model's own", &|asked| {
        asked.model_answers
    }));
    if set.name.starts_with("nomiracl-ko own") {
        for (model, hallucination, error) in NOMIRACL_KO {
            text.push_str(&format!(
                "{model} (published): hallucination {:.1}%, error {:.1}%\n",
                hallucination * 100.0,
                error * 100.0
            ));
        }
    }
    text
}

/// The two errors of a way to decide; `None` where it decided nothing of either kind.
fn errors(set: &SetReport, answers: &dyn Fn(&Asked) -> Option<bool>) -> Option<(f64, f64)> {
    let share = |answerable: bool, wrong: bool| {
        let asked = set
            .asked
            .iter()
            .filter(|asked| asked.answerable == answerable);
        let decided: Vec<bool> = asked.filter_map(answers).collect();
        let wrongly = decided.iter().filter(|answers| **answers == wrong).count();
        (!decided.is_empty()).then(|| wrongly as f64 / decided.len() as f64)
    };
    Some((share(false, true)?, share(true, false)?))
}

/// Curves for a program.
pub fn as_json(set: &SetReport) -> Value {
    let curves = curves(set);
    let curves = curves.iter().map(|curve| {
        let points: Vec<Value> = curve
            .points
            .iter()
            .map(|point| json!([point.threshold, point.hallucination, point.error]))
            .collect();
        json!({
            "signal": curve.signal,
            "auc": curve.area,
            "interval_95": [curve.interval.0, curve.interval.1],
            "threshold_hallucination_error": points,
        })
    });
    let model = errors(set, &|asked| asked.model_answers);
    json!({
        "curves": curves.collect::<Vec<_>>(),
        "model": model.map(|(hallucination, error)| json!({ "hallucination": hallucination, "error": error })),
    })
}

#[cfg(test)]
#[expect(
    clippy::float_cmp,
    reason = "thresholds are compared as they were written"
)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_has_both_errors_at_every_threshold() {
        let curve = curve("x", &[0.9, 0.6, 0.2], &[0.5, 0.1]).unwrap();
        assert!((curve.area - 5.0 / 6.0).abs() < 1e-12);
        let at = |threshold: f64| {
            let point = curve
                .points
                .iter()
                .find(|point| point.threshold == threshold)
                .unwrap();
            (point.hallucination, point.error)
        };
        assert_eq!(at(0.9), (0.0, 2.0 / 3.0));
        assert_eq!(at(0.5), (0.5, 1.0 / 3.0));
        assert_eq!(at(0.1), (1.0, 0.0));
        let half = curve.at_hallucination(0.5).unwrap();
        assert_eq!((half.threshold, half.error), (0.2, 0.0));
        assert_eq!(curve.at_hallucination(0.49).unwrap().threshold, 0.6);
    }
}
