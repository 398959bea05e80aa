//! A report as text: lines for a terminal or a mail, or Markdown. Both have the same sections.

use docent_core::ledger::Totals;
use rust_decimal::Decimal;

use super::{Cost, Gap, Report};

/// Documents that are suggested.
const SUGGESTED: usize = 3;

struct Section {
    title: &'static str,
    lines: Vec<String>,
}

/// For a terminal or a mail.
pub fn text(report: &Report) -> String {
    let mut text = heading(report);
    for section in sections(report) {
        text.push_str(&format!("\n\n{}\n", section.title));
        let lines: Vec<String> = section
            .lines
            .iter()
            .map(|line| format!("  {line}"))
            .collect();
        text.push_str(&lines.join("\n"));
    }
    text
}

/// For a wiki or a pull request.
pub fn markdown(report: &Report) -> String {
    let mut text = format!("# {}\n", heading(report));
    for section in sections(report) {
        text.push_str(&format!("\n## {}\n\n", section.title));
        for line in section.lines {
            // What people wrote must not become formatting, a link or a picture.
            text.push_str(&format!("- {}\n", escaped(&line)));
        }
    }
    text
}

fn escaped(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    for c in line.chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '!' | '#' | '|' => {
                text.push('\\');
                text.push(c);
            }
            '<' => text.push_str("&lt;"),
            '&' => text.push_str("&amp;"),
            _ => text.push(c),
        }
    }
    text
}

/// `docent, 2026-11-19 to 2026-11-25`, with the owner where it is about theirs.
pub(super) fn heading(report: &Report) -> String {
    let last = report.until.pred_opt().unwrap_or(report.until);
    let of = report
        .owner
        .as_ref()
        .map_or_else(String::new, |owner| format!(": documents of {owner}"));
    format!("docent, {} to {last}{of}", report.from)
}

fn sections(report: &Report) -> Vec<Section> {
    let mut sections = vec![Section {
        title: "Use",
        lines: of_use(report),
    }];
    let mut add = |title: &'static str, lines: Vec<String>| {
        if !lines.is_empty() {
            sections.push(Section { title, lines });
        }
    };
    add("Better or worse", report.changes.clone());
    let asked = report.asked.iter().map(|one| {
        format!(
            "{} ({}, {})",
            one.question,
            count(one.times, "time"),
            people(one.people)
        )
    });
    add("What people asked", asked.collect());
    add("What the documents lack", of_gaps(report));
    let suggested = report.gaps.largest.iter().take(SUGGESTED);
    add(
        "Documents to write",
        suggested.filter_map(suggestion).collect(),
    );
    let cited = report.documents.iter().map(|one| {
        let title = one.title.as_deref().unwrap_or("(purged)");
        let path = one.path.as_deref().unwrap_or_default();
        format!(
            "{title} ({}/{path}): {}, {} up, {} down",
            one.source,
            count(one.citations, "answer"),
            one.liked,
            one.disliked
        )
    });
    add("Documents that answers cite", cited.collect());
    add(
        "Cost",
        report.cost.as_ref().map(of_cost).unwrap_or_default(),
    );
    let ingest = report.ingest.iter().map(|one| {
        let failed = if one.failed_runs > 0 {
            format!(" ({} failed)", one.failed_runs)
        } else {
            String::new()
        };
        let documents = if one.failed_documents > 0 {
            format!(", {} documents fail", one.failed_documents)
        } else {
            String::new()
        };
        format!(
            "{}: {}{failed}, {} documents indexed, {} removed{documents}; the last one {}, {}",
            one.source,
            count(one.runs, "run"),
            one.indexed,
            one.removed,
            one.last_run_at.format("%Y-%m-%d %H:%M UTC"),
            one.last_outcome.replace('_', " ")
        )
    });
    add("Ingest", ingest.collect());
    let alerts = report.alerts.iter();
    let alerts = alerts.map(|alert| {
        format!(
            "{} ({}, for {})",
            alert.title, alert.state, alert.addressed_to
        )
    });
    add("Alerts", alerts.collect());
    sections
}

fn of_use(report: &Report) -> Vec<String> {
    let Totals {
        questions,
        answered,
        abstained,
        failed,
        cancelled,
        quoted,
        liked,
        disliked,
        ..
    } = report.totals;
    let before = &report.before;
    let mut lines = vec![format!(
        "{} by {} in {} (before: {})",
        count(questions, "question"),
        people(report.totals.people),
        count(report.totals.conversations, "conversation"),
        before.questions
    )];
    if questions == 0 {
        return lines;
    }
    let share = |part: i64| format!("{:.0}%", part as f64 * 100.0 / questions as f64);
    lines.push(format!(
        "answered {answered} ({}{}), no answer in the documents {abstained} ({}), failed {failed}, stopped by their reader {cancelled}",
        share(answered),
        if quoted > 0 { format!("; {quoted} of them quoted without a model") } else { String::new() },
        share(abstained)
    ));
    if liked + disliked > 0 {
        lines.push(format!("rated up {liked}, down {disliked}"));
    }
    if let (Some(median), Some(p95)) = (report.totals.median_ms, report.totals.p95_ms) {
        lines.push(format!(
            "half of the answers took {median} ms, 95% of them {p95} ms"
        ));
    }
    let channels: Vec<String> = report
        .channels
        .iter()
        .map(|(channel, questions)| format!("{channel} {questions}"))
        .collect();
    lines.push(format!("by channel: {}", channels.join(", ")));
    lines
}

fn of_gaps(report: &Report) -> Vec<String> {
    let gaps = &report.gaps;
    if gaps.open + gaps.closed == 0 {
        return Vec::new();
    }
    let mut lines = vec![format!(
        "{}, {} of them new; {} closed",
        count(gaps.open as i64, "open gap"),
        gaps.new,
        gaps.closed
    )];
    lines.extend(gaps.largest.iter().map(|gap| {
        let what = if gap.question.is_empty() {
            format!("question {}", gap.interaction_id)
        } else {
            gap.question.clone()
        };
        let near = gap.asset.as_ref().or(gap.source.as_ref());
        let near = near.filter(|near| !near.is_empty());
        let near = near.map_or_else(String::new, |near| format!("; nearest: {near}"));
        let owner = gap.owner.as_ref().filter(|owner| !owner.is_empty());
        let owner = owner.map_or_else(String::new, |owner| format!(" of {owner}"));
        format!(
            "{what} ({}, {} without an answer, {} rated down{near}{owner})",
            people(gap.people),
            gap.abstained,
            gap.disliked
        )
    }));
    lines
}

fn suggestion(gap: &Gap) -> Option<String> {
    if gap.question.is_empty() {
        return None;
    }
    let owner = gap.owner.as_ref().filter(|owner| !owner.is_empty());
    let who = owner.map_or_else(String::new, |owner| format!(", by {owner}"));
    let asset = gap.asset.as_ref().filter(|asset| !asset.is_empty());
    let about = asset.map_or_else(String::new, |asset| format!(" about {asset}"));
    Some(format!(
        "one{about} that answers “{}”{who}: it would have helped {}",
        gap.question,
        people(gap.people)
    ))
}

fn of_cost(cost: &Cost) -> Vec<String> {
    if cost.parts.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![format!(
        "{} (before: {})",
        dollars(cost.usd),
        dollars(cost.before_usd)
    )];
    if cost.unknown_price > 0 {
        lines.push(format!(
            "not in it: {} of models without a price (see [prices])",
            count(cost.unknown_price, "call")
        ));
    }
    lines.extend(cost.parts.iter().map(|part| {
        let price = part
            .cost
            .map_or_else(|| "price unknown".to_owned(), dollars);
        format!(
            "{} by {}: {price}, {}, {} tokens in, {} out",
            part.purpose,
            part.model,
            count(part.calls, "call"),
            part.input_tokens,
            part.output_tokens
        )
    }));
    lines
}

fn dollars(cost: Decimal) -> String {
    if cost >= Decimal::ONE || cost.is_zero() {
        return format!("${:.2}", cost.round_dp(2));
    }
    format!("${}", cost.round_dp(4).normalize())
}

fn people(number: i64) -> String {
    match number {
        1 => "1 person".to_owned(),
        number => format!("{number} people"),
    }
}

fn count(number: i64, one: &str) -> String {
    match number {
        1 => format!("1 {one}"),
        number => format!("{number} {one}s"),
    }
}
