//! Two evaluations of the same questions: which were won and lost, and whether the difference is
//! more than chance.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use super::report::{Asked, Report};
use super::statistics::{Difference, paired_bootstrap};
use super::table::lines;
use super::{EvalError, read_text};

/// The same draws in every comparison, so that it can be repeated.
const SEED: u64 = 20_261_125;
/// Questions named for each measure.
const NAMED: usize = 12;

/// A saved evaluation: the scores of each question, by set.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Saved(BTreeMap<String, BTreeMap<String, Asked>>);

/// A measure in both evaluations, over the questions that both have.
#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    pub set: String,
    pub measure: String,
    pub n: usize,
    pub before: f64,
    pub after: f64,
    pub difference: Difference,
    /// Ids of the questions that got better, and worse.
    pub won: Vec<String>,
    pub lost: Vec<String>,
}

impl Saved {
    /// Reads what `--save` (or `--json`) wrote.
    pub fn read(path: &Path) -> Result<Self, EvalError> {
        let wrong = |reason: String| EvalError::Unreadable {
            file: path.display().to_string(),
            reason,
        };
        let value: Value =
            serde_json::from_str(&read_text(path)?).map_err(|error| wrong(error.to_string()))?;
        let sets = match value.get("sets").and_then(Value::as_array) {
            Some(sets) => sets.clone(),
            None => vec![value],
        };
        let mut saved = Self::default();
        for set in sets {
            let asked = set.get("per_question").cloned().unwrap_or_default();
            let asked: Vec<Asked> = serde_json::from_value(asked)
                .map_err(|error| wrong(format!("it is no evaluation that was saved: {error}")))?;
            let name = set.get("set").and_then(Value::as_str).unwrap_or_default();
            let by_id = asked.into_iter().map(|asked| (asked.id.clone(), asked));
            saved.0.insert(name.to_owned(), by_id.collect());
        }
        Ok(saved)
    }
}

/// Compares each measure of each set that both have.
pub fn compare(before: &Saved, after: &Report) -> Vec<Compared> {
    let mut compared = Vec::new();
    for set in &after.sets {
        let Some(earlier) = before.0.get(&set.name) else {
            continue;
        };
        let mut measures: Vec<String> = set.measures().into_iter().map(str::to_owned).collect();
        measures.push("abstained_rightly".to_owned());
        for measure in measures {
            let pairs: Vec<(&str, f64, f64)> = set
                .asked
                .iter()
                .filter_map(|now| {
                    let then = value(earlier.get(&now.id)?, &measure)?;
                    Some((now.id.as_str(), then, value(now, &measure)?))
                })
                .collect();
            if !pairs.is_empty() {
                compared.push(of_pairs(&set.name, measure, &pairs));
            }
        }
    }
    compared
}

fn value(asked: &Asked, measure: &str) -> Option<f64> {
    if measure == "abstained_rightly" {
        let abstained = asked.abstained?;
        return Some(f64::from(u8::from(abstained != asked.answerable)));
    }
    asked.scores.get(measure).copied()
}

fn of_pairs(set: &str, measure: String, pairs: &[(&str, f64, f64)]) -> Compared {
    let n = pairs.len() as f64;
    let differences: Vec<f64> = pairs.iter().map(|(_, then, now)| now - then).collect();
    let ids = |better: bool| {
        pairs
            .iter()
            .filter(|(_, then, now)| if better { now > then } else { now < then })
            .map(|(id, ..)| (*id).to_owned())
            .collect()
    };
    Compared {
        set: set.to_owned(),
        measure,
        n: pairs.len(),
        before: pairs.iter().map(|(_, then, _)| then).sum::<f64>() / n,
        after: pairs.iter().map(|(_, _, now)| now).sum::<f64>() / n,
        difference: paired_bootstrap(&differences, SEED),
        won: ids(true),
        lost: ids(false),
    }
}

/// The comparison as a person reads it.
pub fn table(compared: &[Compared]) -> String {
    if compared.is_empty() {
        return "the two evaluations have no set in common\n".to_owned();
    }
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut names = Vec::new();
    let headings = [
        "n",
        "before",
        "after",
        "difference",
        "95%",
        "p",
        "won",
        "lost",
    ];
    let mut set = "";
    for one in compared {
        if one.set != set {
            set = &one.set;
            let mut header = vec![format!("{set}: compared")];
            header.extend(headings.map(str::to_owned));
            rows.push(header);
        }
        let difference = one.difference;
        rows.push(vec![
            one.measure.clone(),
            one.n.to_string(),
            format!("{:.4}", one.before),
            format!("{:.4}", one.after),
            format!("{:+.4}", difference.mean),
            format!("{:+.3} to {:+.3}", difference.low, difference.high),
            format!("{:.3}", difference.p),
            one.won.len().to_string(),
            one.lost.len().to_string(),
        ]);
        for (sign, ids) in [("won", &one.won), ("lost", &one.lost)] {
            if !ids.is_empty() {
                names.push(format!("  {} {sign}: {}", one.measure, named(ids)));
            }
        }
    }
    let mut text = lines(&rows);
    for line in names {
        text.push_str(&line);
        text.push('\n');
    }
    text
}

fn named(ids: &[String]) -> String {
    let more = ids.len().saturating_sub(NAMED);
    let mut text = ids[..ids.len() - more].join(", ");
    if more > 0 {
        text.push_str(&format!(" and {more} more"));
    }
    text
}

/// The comparison for a program.
pub fn as_json(compared: &[Compared]) -> Value {
    let one = |one: &Compared| {
        json!({
            "set": one.set, "measure": one.measure, "n": one.n,
            "before": one.before, "after": one.after,
            "difference": one.difference.mean,
            "interval_95": [one.difference.low, one.difference.high],
            "p": one.difference.p, "won": one.won, "lost": one.lost,
        })
    };
    compared.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::report::SetReport;

    fn report(scores: &[(&str, f64)]) -> Report {
        let asked = scores.iter().map(|(id, score)| Asked {
            id: (*id).to_owned(),
            answerable: true,
            scores: BTreeMap::from([("recall_at_5".to_owned(), *score)]),
            ..Asked::default()
        });
        Report {
            sets: vec![SetReport {
                name: "set".to_owned(),
                asked: asked.collect(),
            }],
        }
    }

    #[test]
    fn what_was_saved_is_compared_question_by_question() {
        let before = report(&[("a", 0.0), ("b", 1.0), ("c", 1.0), ("gone", 1.0)]);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("before.json");
        std::fs::write(&file, before.json().to_string()).unwrap();
        let saved = Saved::read(&file).unwrap();
        let after = report(&[("a", 1.0), ("b", 1.0), ("c", 0.5), ("new", 0.0)]);
        let compared = compare(&saved, &after);
        let [one] = compared.as_slice() else {
            panic!("one measure, not {compared:?}")
        };
        assert_eq!(
            (one.n, &one.won[..], &one.lost[..]),
            (3, &["a".to_owned()][..], &["c".to_owned()][..])
        );
        assert!((one.difference.mean - 0.5 / 3.0).abs() < 1e-12 && one.difference.p > 0.2);
    }

    #[test]
    fn a_file_that_is_no_evaluation_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("other.json");
        std::fs::write(&file, "{}").unwrap();
        let error = Saved::read(&file).unwrap_err().to_string();
        assert!(
            error.contains("other.json") && error.contains("no evaluation"),
            "{error}"
        );
    }
}
