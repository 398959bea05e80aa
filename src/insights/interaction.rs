//! The page of one question.

use docent_core::ledger::LedgerError;
use docent_core::ledger::insights::{InteractionPage, PageCall, PageFeedback, PagePassage};
use uuid::Uuid;

use super::chart::{self, Span};
use super::desk::Desk;
use super::format;
use super::view::{Cell, Paragraph, Row, Section, Table, Tile, View};

/// `None`: there is no such question.
pub(super) async fn view(desk: &Desk<'_>, id: Uuid) -> Result<Option<View>, LedgerError> {
    let ledger = desk.ledger();
    let Some(asked) = ledger.interaction_page(id).await? else {
        return Ok(None);
    };
    let (passages, calls, feedback) = tokio::try_join!(
        ledger.passages_of(id),
        ledger.calls_of(id),
        ledger.feedback_of(id)
    )?;
    let sections = vec![
        texts(desk, &asked),
        timings(desk, &asked, &calls),
        retrieved(desk, &passages),
        called(desk, &calls),
        rated(desk, &feedback),
    ];
    Ok(Some(View {
        tiles: tiles(desk, &asked, &calls),
        sections,
    }))
}

fn tiles(desk: &Desk<'_>, asked: &InteractionPage, calls: &[PageCall]) -> Vec<Tile> {
    let cost = calls.iter().filter_map(|call| call.cost).sum();
    let unknown = calls
        .iter()
        .filter(|call| call.cost.is_none() && call.input_tokens.is_some())
        .count() as i64;
    let generator = asked.generator.as_deref().unwrap_or_default();
    let who = asked.team.as_ref().map_or(asked.caller.clone(), |team| {
        format!("{} ({team})", asked.caller)
    });
    let checked = match (asked.checked, asked.unverified) {
        (Some(checked), Some(unverified)) => desk.fill(
            "{} of {} sentences are in no passage",
            &[&unverified.to_string(), &checked.to_string()],
        ),
        _ => String::new(),
    };
    vec![
        desk.tile(
            "Asked",
            format::moment(asked.at),
            desk.fill("by {}, {}", &[&who, &asked.channel]),
        ),
        desk.tile(
            "Outcome",
            desk.say(&asked.outcome),
            asked
                .fallback_reason
                .clone()
                .unwrap_or_else(|| desk.say(generator)),
        ),
        desk.tile(
            "Took",
            format::duration(asked.total_ms),
            asked.first_token_ms.map_or(String::new(), |ms| {
                desk.fill("first word after {}", &[&format::duration(ms)])
            }),
        ),
        desk.tile(
            "Cost",
            format::cost(Some(cost), unknown),
            desk.fill("{} calls", &[&calls.len().to_string()]),
        ),
        desk.tile(
            "Checked",
            asked
                .checked
                .map_or("–".to_owned(), |checked| checked.to_string()),
            checked,
        ),
    ]
}

fn texts(desk: &Desk<'_>, asked: &InteractionPage) -> Section {
    let mut text = Vec::new();
    let mut add = |label: &str, words: &str| {
        if let Some(shown) = desk.reading.shown(words) {
            text.push(Paragraph {
                label: desk.say(label),
                text: shown.into_owned(),
            });
        }
    };
    add("Question", &asked.question);
    if asked.standalone_question != asked.question {
        add("As it was searched", &asked.standalone_question);
    }
    if !asked.answer.is_empty() {
        add("Answer", &asked.answer);
    }
    Section {
        id: "texts",
        title: desk.say("Question and answer"),
        warning: if desk.reading.any() {
            String::new()
        } else {
            desk.say("Texts are kept out of these pages (insights.texts).")
        },
        text,
        ..Section::default()
    }
}

/// Each step from the moment that the question came.
fn timings(desk: &Desk<'_>, asked: &InteractionPage, calls: &[PageCall]) -> Section {
    let total = asked.total_ms as f64;
    let mut spans = vec![Span {
        name: desk.say("retrieval"),
        from: 0.0,
        until: asked.retrieve_ms as f64,
        series: 0,
    }];
    if let Some(first) = asked.first_token_ms {
        spans.push(Span {
            name: desk.say("until the first word"),
            from: asked.retrieve_ms as f64,
            until: first as f64,
            series: 1,
        });
        spans.push(Span {
            name: desk.say("writing"),
            from: first as f64,
            until: total,
            series: 2,
        });
    }
    let began = asked.at.timestamp_millis() as f64 - total;
    for call in calls {
        // A call is noted when it has ended.
        let until = (call.at.timestamp_millis() as f64 - began).max(0.0);
        let from = (until - call.latency_ms as f64).max(0.0);
        spans.push(Span {
            name: format!("{} · {}", desk.say(&call.purpose), call.model),
            from,
            until,
            series: 3,
        });
    }
    let title = desk.say("Where the time went");
    Section {
        id: "timings",
        chart: chart::waterfall(&title, &spans, total, |ms| format::duration(ms as i64)),
        title,
        table: Some(Table {
            columns: vec![
                desk.column("Step", "step"),
                desk.number("From", "from_ms"),
                desk.number("Until", "until_ms"),
            ],
            rows: spans
                .iter()
                .map(|span| {
                    Row::from(vec![
                        Cell::text(&span.name),
                        Cell::figure(format::duration(span.from as i64), span.from as i64),
                        Cell::figure(format::duration(span.until as i64), span.until as i64),
                    ])
                })
                .collect(),
            empty: String::new(),
        }),
        ..Section::default()
    }
}

fn retrieved(desk: &Desk<'_>, passages: &[PagePassage]) -> Section {
    let score = |value: Option<f32>| {
        value.map_or(Cell::figure("–", ""), |value| {
            Cell::figure(format!("{value:.3}"), value)
        })
    };
    Section {
        id: "passages",
        title: desk.say("What was retrieved"),
        note: desk.say("Cosine and coverage (the share of the question's rare words) are of the passage alone; the score is what both arms of the search came to."),
        table: Some(Table {
            columns: vec![
                desk.number("Rank", "rank"),
                desk.column("Document", "path"),
                desk.column("Source", "source"),
                desk.column("Owner", "owner"),
                desk.number("Score", "score"),
                desk.number("Cosine", "cosine"),
                desk.number("Coverage", "coverage"),
                desk.column("Cited as", "cited_as"),
                desk.column("Quote", "quote"),
            ],
            rows: passages
                .iter()
                .map(|one| {
                    let quote = one.quote.as_deref().and_then(|quote| desk.reading.shown(quote)).unwrap_or_default();
                    Row::from(vec![
                        Cell::count(one.rank.into()),
                        Cell::figure(&one.title, &one.path).more(&one.path),
                        Cell::text(&one.source),
                        Cell::text(one.owner.clone().unwrap_or_default()),
                        score(Some(one.score)),
                        score(one.cosine),
                        score(one.coverage),
                        Cell::text(one.cited_as.map_or(String::new(), |number| format!("[{number}]"))),
                        Cell::text(quote),
                    ])
                })
                .collect(),
            empty: desk.say("Nothing was found."),
        }),
        ..Section::default()
    }
}

fn called(desk: &Desk<'_>, calls: &[PageCall]) -> Section {
    let tokens = |tokens: Option<i64>| tokens.map_or(Cell::figure("–", ""), Cell::count);
    Section {
        id: "calls",
        title: desk.say("Model calls"),
        table: Some(Table {
            columns: vec![
                desk.column("Purpose", "purpose"),
                desk.column("Model", "model"),
                desk.column("Outcome", "outcome"),
                desk.number("Tokens in", "input_tokens"),
                desk.number("of them cached", "cached_tokens"),
                desk.number("Tokens out", "output_tokens"),
                desk.column("Counted by", "usage_source"),
                desk.number("Took", "latency_ms"),
                desk.number("Cost", "cost_usd"),
            ],
            rows: calls
                .iter()
                .map(|one| {
                    let unknown = i64::from(one.cost.is_none() && one.input_tokens.is_some());
                    let counted = match one.usage_source.as_deref() {
                        Some("reported") => desk.say("the provider"),
                        Some("estimated") => desk.say("docent (estimated)"),
                        _ => "–".to_owned(),
                    };
                    Row::from(vec![
                        Cell::figure(desk.say(&one.purpose), &one.purpose),
                        Cell::text(&one.model),
                        Cell::figure(desk.say(&one.outcome), &one.outcome),
                        tokens(one.input_tokens),
                        tokens(one.cached_tokens),
                        tokens(one.output_tokens),
                        Cell::figure(counted, one.usage_source.clone().unwrap_or_default()),
                        Cell::figure(format::duration(one.latency_ms), one.latency_ms),
                        Cell::figure(
                            format::cost(one.cost, unknown),
                            one.cost.map_or(String::new(), |cost| cost.to_string()),
                        ),
                    ])
                })
                .collect(),
            empty: desk.say("No model was called."),
        }),
        ..Section::default()
    }
}

fn rated(desk: &Desk<'_>, feedback: &[PageFeedback]) -> Section {
    Section {
        id: "feedback",
        title: desk.say("Feedback"),
        table: Some(Table {
            columns: vec![
                desk.column("When", "at"),
                desk.column("Rating", "rating"),
                desk.column("Comment", "comment"),
            ],
            rows: feedback
                .iter()
                .map(|one| {
                    let comment = one
                        .comment
                        .as_deref()
                        .and_then(|comment| desk.reading.shown(comment))
                        .unwrap_or_default();
                    Row::from(vec![
                        Cell::figure(format::moment(one.at), one.at.to_rfc3339()),
                        Cell::figure(desk.say(&one.rating), &one.rating),
                        Cell::text(comment),
                    ])
                })
                .collect(),
            empty: desk.say("Nobody has rated this answer."),
        }),
        ..Section::default()
    }
}
