//! What an evaluation came to: every question's scores, and their means by kind.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::decision;
use super::statistics::{mean, percentile, wilson};

/// All sets of an evaluation.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub sets: Vec<SetReport>,
}

/// One question set, or one BEIR corpus.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SetReport {
    pub name: String,
    pub asked: Vec<Asked>,
}

/// One question and how it went.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    pub id: String,
    pub question: String,
    pub kind: String,
    pub answerable: bool,
    /// Whether docent declined to answer; `None`: that was not asked.
    pub abstained: Option<bool>,
    /// The answer, where one was asked for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub answer: Option<String>,
    /// Why there was none, where that failed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub failed: Option<String>,
    /// Between 0 and 1, by measure; a measure that says nothing of the question is missing.
    pub scores: BTreeMap<String, f64>,
    /// What spoke for the question being answerable, where that was looked at.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub signals: BTreeMap<String, f64>,
    /// Whether a chat model that was shown the candidates found them to answer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub model_answers: Option<bool>,
    pub retrieve_ms: f64,
    pub first_token_ms: Option<f64>,
    pub total_ms: Option<f64>,
    pub input_tokens: u64,
    pub output_tokens: u64,
    /// US dollars; `None`: no price is configured for a model that was called.
    #[serde(with = "rust_decimal::serde::float_option")]
    pub cost_usd: Option<Decimal>,
}

/// A mean with what it is worth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    pub value: f64,
    pub n: usize,
    /// 95%.
    pub interval: (f64, f64),
}

impl Rate {
    /// Of values between 0 and 1; `None` of nothing.
    pub fn of(values: &[f64]) -> Option<Self> {
        let value = mean(values);
        (!values.is_empty()).then(|| Self {
            value,
            n: values.len(),
            interval: wilson(value, values.len()),
        })
    }
}

impl SetReport {
    /// Kinds in the order in which they come.
    pub fn kinds(&self) -> Vec<&str> {
        let mut kinds: Vec<&str> = Vec::new();
        for asked in &self.asked {
            if !kinds.contains(&asked.kind.as_str()) {
                kinds.push(&asked.kind);
            }
        }
        kinds
    }

    /// The mean of a measure over a kind, or over all.
    pub fn rate(&self, measure: &str, kind: Option<&str>) -> Option<Rate> {
        let values: Vec<f64> = self
            .asked
            .iter()
            .filter(|asked| kind.is_none_or(|kind| asked.kind == kind))
            .filter_map(|asked| asked.scores.get(measure).copied())
            .collect();
        Rate::of(&values)
    }

    /// The measures that any question has, in alphabetical order.
    pub fn measures(&self) -> Vec<&str> {
        let mut measures: Vec<&str> = self
            .asked
            .iter()
            .flat_map(|asked| asked.scores.keys().map(String::as_str))
            .collect();
        measures.sort_unstable();
        measures.dedup();
        measures
    }

    /// Of the questions that were declined, the share that the documents do not answer.
    pub fn abstention_precision(&self) -> Option<Rate> {
        let declined = self
            .asked
            .iter()
            .filter(|asked| asked.abstained == Some(true));
        Rate::of(&shares(declined, |asked| !asked.answerable))
    }

    /// Of the questions that the documents do not answer, the share that was declined.
    pub fn abstention_recall(&self) -> Option<Rate> {
        let unanswerable = self.asked.iter().filter(|asked| !asked.answerable);
        let decided = unanswerable.filter(|asked| asked.abstained.is_some());
        Rate::of(&shares(decided, |asked| asked.abstained == Some(true)))
    }

    /// Of the questions that the documents do answer, the share that was declined.
    pub fn declined_in_error(&self) -> Option<Rate> {
        let answerable = self.asked.iter().filter(|asked| asked.answerable);
        let decided = answerable.filter(|asked| asked.abstained.is_some());
        Rate::of(&shares(decided, |asked| asked.abstained == Some(true)))
    }

    /// Every rate by the name that `--fail-under` and `--json` know it by.
    pub fn rates(&self) -> BTreeMap<String, Rate> {
        let mut rates = BTreeMap::new();
        for measure in self.measures() {
            if let Some(rate) = self.rate(measure, None) {
                rates.insert(measure.to_owned(), rate);
            }
            for kind in self.kinds() {
                if let Some(rate) = self.rate(measure, Some(kind)) {
                    rates.insert(format!("{kind}.{measure}"), rate);
                }
            }
        }
        if let Some(best) = decision::curves(self).first() {
            rates.insert(
                "auc".to_owned(),
                Rate {
                    value: best.area,
                    n: self.asked.len(),
                    interval: best.interval,
                },
            );
        }
        let named = [
            ("abstention.precision", self.abstention_precision()),
            ("abstention.recall", self.abstention_recall()),
            ("abstention.declined_in_error", self.declined_in_error()),
        ];
        for (name, rate) in named {
            if let Some(rate) = rate {
                rates.insert(name.to_owned(), rate);
            }
        }
        rates
    }

    /// The JSON of one set: figures, then every question's own.
    pub fn json(&self) -> Value {
        let kinds: Map<String, Value> = self
            .kinds()
            .into_iter()
            .map(|kind| (kind.to_owned(), self.json_of(Some(kind))))
            .collect();
        let time = |of: fn(&Asked) -> Option<f64>| {
            let values: Vec<f64> = self.asked.iter().filter_map(of).collect();
            json!({ "p50": percentile(&values, 0.5), "p95": percentile(&values, 0.95) })
        };
        json!({
            "set": self.name,
            "questions": self.asked.len(),
            "overall": self.json_of(None),
            "by_kind": kinds,
            "abstention": {
                "precision": self.abstention_precision().map(rate_value),
                "recall": self.abstention_recall().map(rate_value),
                "declined_in_error": self.declined_in_error().map(rate_value),
                "interval_95": {
                    "precision": self.abstention_precision().map(interval),
                    "recall": self.abstention_recall().map(interval),
                    "declined_in_error": self.declined_in_error().map(interval),
                },
            },
            "citations": {
                "valid": self.rate("citations_valid", None).map(rate_value),
                "supported": self.rate("citations_supported", None).map(rate_value),
            },
            "latency_ms": time(|asked| Some(asked.total_ms.unwrap_or(asked.retrieve_ms))),
            "first_token_ms": time(|asked| asked.first_token_ms),
            "tokens": {
                "input": self.asked.iter().map(|asked| asked.input_tokens).sum::<u64>(),
                "output": self.asked.iter().map(|asked| asked.output_tokens).sum::<u64>(),
            },
            "cost_usd": self.cost().and_then(|cost| serde_json::to_value(Dollars(Some(cost))).ok()),
            "decision": self.has_signals().then(|| decision::as_json(self)),
            "per_question": self.asked,
        })
    }

    /// Whether it was looked at what speaks for its questions being answerable.
    pub fn has_signals(&self) -> bool {
        self.asked.iter().any(|asked| !asked.signals.is_empty())
    }

    fn json_of(&self, kind: Option<&str>) -> Value {
        let n = self
            .asked
            .iter()
            .filter(|asked| kind.is_none_or(|kind| asked.kind == kind))
            .count();
        let mut figures = Map::new();
        figures.insert("n".to_owned(), json!(n));
        let mut intervals = Map::new();
        for measure in self.measures() {
            if let Some(rate) = self.rate(measure, kind) {
                figures.insert(measure.to_owned(), json!(rate.value));
                intervals.insert(measure.to_owned(), interval(rate));
            }
        }
        figures.insert("interval_95".to_owned(), Value::Object(intervals));
        Value::Object(figures)
    }

    /// What all questions cost together; `None` where a price is unknown.
    pub fn cost(&self) -> Option<Decimal> {
        self.asked
            .iter()
            .try_fold(Decimal::ZERO, |sum, asked| Some(sum + asked.cost_usd?))
    }
}

#[derive(Serialize)]
struct Dollars(#[serde(with = "rust_decimal::serde::float_option")] Option<Decimal>);

fn shares<'a>(asked: impl Iterator<Item = &'a Asked>, holds: impl Fn(&Asked) -> bool) -> Vec<f64> {
    asked
        .map(|asked| f64::from(u8::from(holds(asked))))
        .collect()
}

fn rate_value(rate: Rate) -> Value {
    json!(rate.value)
}

fn interval(rate: Rate) -> Value {
    json!([rate.interval.0, rate.interval.1])
}

impl Report {
    /// One set as the object that its figures are; several as `{"sets": [...]}`.
    pub fn json(&self) -> Value {
        match self.sets.as_slice() {
            [one] => one.json(),
            sets => json!({ "sets": sets.iter().map(SetReport::json).collect::<Vec<_>>() }),
        }
    }
}
