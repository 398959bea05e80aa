//! The table that a person reads: every rate with its count and its 95% interval.

use rust_decimal::Decimal;

use super::report::{Asked, Rate, Report, SetReport};
use super::statistics::percentile;
use super::{decision, judge};

/// The columns of a question set: measure and heading.
const QUESTIONS: [(&str, &str); 6] = [
    ("recall_at_1", "file R@1"),
    ("recall_at_5", "file R@5"),
    ("recall_at_10", "file R@10"),
    ("span_recall_at_5", "span R@5"),
    ("mrr_at_10", "MRR@10"),
    ("ndcg_at_10", "nDCG@10"),
];
const LEGEND: &str = "R@k: share of what answers a question that is among the first k passages; each figure with its \
95% interval\n";
/// The columns of answers, where any were given.
const ANSWERS: [(&str, &str); 4] = [
    ("key_facts", "key facts"),
    ("evidence_in_answer", "evidence"),
    ("citations_valid", "cited validly"),
    ("citations_supported", "supported"),
];
/// The columns of a BEIR corpus.
const BEIR: [(&str, &str); 4] = [
    ("ndcg_at_10", "nDCG@10"),
    ("recall_at_10", "R@10"),
    ("recall_at_100", "R@100"),
    ("mrr_at_10", "MRR@10"),
];

/// The figures of an evaluation, set after set.
pub fn report(report: &Report) -> String {
    let mut text = String::new();
    for set in &report.sets {
        if set.measures().is_empty() {
            text.push_str(&format!("{}: {} questions\n", set.name, set.asked.len()));
        } else {
            text.push_str(&set_table(set));
        }
        text.push_str(&decision::table(set));
        for line in set_lines(set) {
            text.push_str(&format!("  {line}\n"));
        }
        text.push('\n');
    }
    text.push_str(LEGEND);
    text
}

/// The figures of a set: one row for each kind, and one for all where there are several.
fn set_table(set: &SetReport) -> String {
    let is_beir = set.measures().contains(&"recall_at_100");
    let columns: &[(&str, &str)] = if is_beir { &BEIR } else { &QUESTIONS };
    let digits = if is_beir { 4 } else { 2 };
    let mut rows = vec![header(set, columns)];
    let kinds = set.kinds();
    for kind in &kinds {
        rows.push(row(set, Some(kind), columns, digits));
    }
    if kinds.len() > 1 {
        rows.push(row(set, None, columns, digits));
    }
    let mut text = lines(&rows);
    if set.asked.iter().any(|asked| asked.answer.is_some()) {
        let mut rows = vec![header(set, &ANSWERS)];
        rows[0][0] = "answers given".to_owned();
        rows.extend(kinds.iter().map(|kind| row(set, Some(kind), &ANSWERS, 2)));
        rows.push(row(set, None, &ANSWERS, 2));
        text.push('\n');
        text.push_str(&lines(&rows));
    }
    text
}

fn header(set: &SetReport, columns: &[(&str, &str)]) -> Vec<String> {
    let mut cells = vec![set.name.clone(), "n".to_owned()];
    cells.extend(columns.iter().map(|(_, heading)| (*heading).to_owned()));
    cells
}

fn row(
    set: &SetReport,
    kind: Option<&str>,
    columns: &[(&str, &str)],
    digits: usize,
) -> Vec<String> {
    let asked = set
        .asked
        .iter()
        .filter(|asked| kind.is_none_or(|kind| asked.kind == kind));
    let n = asked.count();
    let mut cells = vec![kind.unwrap_or("all").to_owned(), n.to_string()];
    for (measure, _) in columns {
        let rate = set.rate(measure, kind);
        cells.push(rate.map_or_else(|| "–".to_owned(), |rate| cell(rate, digits, n)));
    }
    cells
}

/// `0.94 0.72–0.99`, with its own count where that is not the row's.
fn cell(rate: Rate, digits: usize, row_n: usize) -> String {
    let (low, high) = rate.interval;
    let count = if rate.n == row_n {
        String::new()
    } else {
        format!(" of {}", rate.n)
    };
    format!("{:.digits$} {low:.2}–{high:.2}{count}", rate.value)
}

/// What does not stand in the table, a line each.
fn set_lines(set: &SetReport) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rate = |what: &str, rate: Option<Rate>| {
        if let Some(rate) = rate {
            lines.push(format!("{what}: {}", in_words(rate)));
        }
    };
    rate("unanswerable questions declined", set.abstention_recall());
    rate("answerable questions declined", set.declined_in_error());
    rate(
        "declined questions that were unanswerable",
        set.abstention_precision(),
    );
    let mut timed = Vec::new();
    let times = |of: fn(&Asked) -> Option<f64>| {
        let values: Vec<f64> = set.asked.iter().filter_map(of).collect();
        Some((percentile(&values, 0.5)?, percentile(&values, 0.95)?))
    };
    let mut time = |what: &str, of: fn(&Asked) -> Option<f64>| {
        if let Some((half, most)) = times(of) {
            timed.push(format!(
                "{what} {half:.0} ms ({most:.0} ms at the 95th percentile)"
            ));
        }
    };
    time("retrieval", |asked| Some(asked.retrieve_ms));
    time("first token", |asked| asked.first_token_ms);
    time("whole answer", |asked| asked.total_ms);
    let agreements = [
        (
            "correct",
            "judged_correct",
            "key_facts",
            "all key facts present",
        ),
        (
            "supported",
            "judged_supported",
            "citations_supported",
            "all citations supported",
        ),
    ];
    for (said, judged, measure, check) in agreements {
        if let Some(rate) = set.rate(judged, None) {
            lines.push(format!("the judge says {said}: {}", in_words(rate)));
        }
        if let Some(agreement) = judge::agreement(set, judged, measure) {
            let kappa = agreement
                .kappa
                .map_or_else(String::new, |kappa| format!(", kappa {kappa:.2}"));
            lines.push(format!(
                "  agrees with \"{check}\" on {:.0}% of {}{kappa}",
                agreement.share * 100.0,
                agreement.n
            ));
        }
    }
    lines.push(format!("at the median: {}", timed.join(", ")));
    if set.asked.iter().any(|asked| asked.answer.is_some()) {
        lines.push(spent(set));
    }
    let failed: Vec<&Asked> = set
        .asked
        .iter()
        .filter(|asked| asked.failed.is_some())
        .collect();
    if let Some(first) = failed.first() {
        let reason = first.failed.as_deref().unwrap_or_default();
        lines.push(format!(
            "{} answers failed; {}: {reason}",
            failed.len(),
            first.id
        ));
    }
    lines
}

/// Tokens and cost of a question, on average.
fn spent(set: &SetReport) -> String {
    let n = set.asked.len().max(1);
    let sum = |of: fn(&Asked) -> u64| set.asked.iter().map(of).sum::<u64>() as f64 / n as f64;
    let cost = match set.cost() {
        Some(cost) => format!("${}", (cost / Decimal::from(n)).round_dp(6).normalize()),
        None => "cost unknown (see [prices])".to_owned(),
    };
    format!(
        "a question: {:.0} tokens in, {:.0} out, {cost}",
        sum(|asked| asked.input_tokens),
        sum(|asked| asked.output_tokens)
    )
}

/// A rate in a sentence: `0.83 (5 of 6, 0.44–0.97)`.
fn in_words(rate: Rate) -> String {
    let (low, high) = rate.interval;
    format!(
        "{:.2} ({:.0} of {}, {low:.2}–{high:.2})",
        rate.value,
        rate.value * rate.n as f64,
        rate.n
    )
}

/// Cells in columns: the first is aligned left, the others right.
pub fn lines(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| width(cell)).max().unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let fill = " ".repeat(widths[column] - width(cell));
            if column == 0 {
                line.push_str(cell);
                line.push_str(&fill);
            } else {
                line.push_str("  ");
                line.push_str(&fill);
                line.push_str(cell);
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn width(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn asked(kind: &str, scores: &[(&str, f64)], answerable: bool, abstained: bool) -> Asked {
        Asked {
            id: kind.to_owned(),
            kind: kind.to_owned(),
            answerable,
            abstained: Some(abstained),
            scores: scores
                .iter()
                .map(|(name, value)| ((*name).to_owned(), *value))
                .collect::<BTreeMap<_, _>>(),
            retrieve_ms: 12.0,
            cost_usd: Some(Decimal::ZERO),
            ..Asked::default()
        }
    }

    #[test]
    fn the_table_has_every_rate_with_its_count_and_interval() {
        let found = |value: f64| {
            [
                ("recall_at_1", value),
                ("recall_at_5", 1.0),
                ("recall_at_10", 1.0),
                ("span_recall_at_5", value),
                ("mrr_at_10", value),
                ("ndcg_at_10", value),
            ]
        };
        let mut answered = asked("single", &found(1.0), true, false);
        answered.scores.insert("key_facts".to_owned(), 0.5);
        answered.scores.insert("citations_valid".to_owned(), 1.0);
        answered.answer = Some("It is so [1].".to_owned());
        answered.first_token_ms = Some(30.0);
        answered.total_ms = Some(40.0);
        answered.input_tokens = 1000;
        let questions = SetReport {
            name: "demo".to_owned(),
            asked: vec![
                answered,
                asked("single", &found(0.0), true, true),
                asked("unanswerable", &[], false, true),
            ],
        };
        let beir = SetReport {
            name: "scifact".to_owned(),
            asked: vec![Asked {
                abstained: None,
                ..asked(
                    "beir",
                    &[
                        ("ndcg_at_10", 0.678_94),
                        ("recall_at_10", 0.5),
                        ("recall_at_100", 1.0),
                        ("mrr_at_10", 0.5),
                    ],
                    true,
                    false,
                )
            }],
        };
        let text = report(&Report {
            sets: vec![questions, beir],
        });
        insta::assert_snapshot!(text);
    }
}
