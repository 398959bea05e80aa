//! Thresholds that an evaluation must hold: `--fail-under METRIC=VALUE`.

use std::str::FromStr;

use super::report::Report;

/// The least that a rate may be.
#[derive(Debug, Clone, PartialEq)]
pub struct Threshold {
    /// As `--json` names it, below a kind (`single.recall_at_5`) or a set (`demo:recall_at_5`) where
    /// it is for that alone.
    pub metric: String,
    pub least: f64,
}

/// What was held against a threshold.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    pub set: String,
    pub metric: String,
    pub value: f64,
    pub least: f64,
}

impl Judgement {
    pub fn holds(&self) -> bool {
        self.value >= self.least
    }
}

impl FromStr for Threshold {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("`{text}` is not of the form METRIC=VALUE, as recall_at_5=0.9");
        let (metric, least) = text.rsplit_once('=').ok_or_else(wrong)?;
        let least: f64 = least.trim().parse().map_err(|_| wrong())?;
        if metric.trim().is_empty() || !least.is_finite() {
            return Err(wrong());
        }
        Ok(Self {
            metric: metric.trim().to_owned(),
            least,
        })
    }
}

/// Holds an evaluation against thresholds. A threshold of something that no set has is an error
/// that names what there is: a gate that measures nothing must not pass.
pub fn judge(report: &Report, thresholds: &[Threshold]) -> Result<Vec<Judgement>, String> {
    let mut judgements = Vec::new();
    for threshold in thresholds {
        let (of_set, metric) = match threshold.metric.split_once(':') {
            Some((set, metric)) => (Some(set), metric),
            None => (None, threshold.metric.as_str()),
        };
        let metric = match metric {
            "citations.valid" => "citations_valid",
            "citations.supported" => "citations_supported",
            other => other.strip_prefix("overall.").unwrap_or(other),
        };
        let before = judgements.len();
        for set in &report.sets {
            if of_set.is_some_and(|name| name != set.name) {
                continue;
            }
            if let Some(rate) = set.rates().get(metric) {
                judgements.push(Judgement {
                    set: set.name.clone(),
                    metric: metric.to_owned(),
                    value: rate.value,
                    least: threshold.least,
                });
            }
        }
        if judgements.len() == before {
            let mut known: Vec<String> = report
                .sets
                .iter()
                .flat_map(|set| set.rates().into_keys())
                .collect();
            known.sort_unstable();
            known.dedup();
            return Err(format!(
                "--fail-under: nothing here measures `{}`; there is {}",
                threshold.metric,
                known.join(", ")
            ));
        }
    }
    Ok(judgements)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::eval::report::{Asked, SetReport};

    fn report() -> Report {
        let asked = [("a", "single", 1.0), ("b", "multi", 0.5)].map(|(id, kind, score)| Asked {
            id: id.to_owned(),
            kind: kind.to_owned(),
            answerable: true,
            scores: BTreeMap::from([("recall_at_5".to_owned(), score)]),
            ..Asked::default()
        });
        Report {
            sets: vec![SetReport {
                name: "demo".to_owned(),
                asked: asked.to_vec(),
            }],
        }
    }

    fn holds(threshold: &str) -> Result<bool, String> {
        let judged = judge(&report(), &[threshold.parse()?])?;
        Ok(judged.iter().all(Judgement::holds))
    }

    #[test]
    fn a_threshold_is_held_or_not_overall_by_kind_and_by_set() {
        assert_eq!(holds("recall_at_5=0.75"), Ok(true));
        assert_eq!(holds("recall_at_5=0.76"), Ok(false));
        assert_eq!(holds("demo:single.recall_at_5=1"), Ok(true));
        assert_eq!(holds("multi.recall_at_5=0.6"), Ok(false));
    }

    #[test]
    fn a_threshold_that_nothing_measures_is_an_error() {
        for unknown in ["recall_at_7=0.1", "other:recall_at_5=0.1"] {
            let error = holds(unknown).unwrap_err();
            assert!(error.contains("multi.recall_at_5"), "{error}");
        }
        assert!(holds("recall_at_5").unwrap_err().contains("METRIC=VALUE"));
        assert!(
            holds("recall_at_5=high")
                .unwrap_err()
                .contains("METRIC=VALUE")
        );
    }
}
