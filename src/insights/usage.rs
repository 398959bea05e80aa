//! The page of use.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use docent_core::ledger::LedgerError;
use docent_core::ledger::insights::{Active, DayUse, Hours, Wait, Wording};

use super::chart::{self, Series};
use super::filter::Step;
use super::format;
use super::meaning::{Item, groups};
use super::serve::Desk;
use super::view::{Cell, Row, Section, Table, Tile, View};

/// Wordings that are grouped; the most asked ones.
const WORDINGS: i64 = 1000;
/// Groups that are shown.
const GROUPS: usize = 40;

pub(super) async fn view(desk: &Desk<'_>) -> Result<View, LedgerError> {
    let (ledger, filter) = (desk.ledger(), desk.filter);
    let step = Step::of(filter);
    let period = match step {
        Step::Day => "day",
        Step::Week => "week",
        Step::Month => "month",
    };
    let (days, languages, assets, hours, people) = tokio::try_join!(
        ledger.use_by_day(filter),
        ledger.use_by_language(filter),
        ledger.use_by_asset(filter),
        ledger.use_by_hour(filter),
        ledger.people(filter),
    )?;
    let (active, months, conversations, waits, documents, wordings) = tokio::try_join!(
        ledger.active_people(filter, period),
        ledger.active_people(filter, "month"),
        ledger.conversations_by_length(filter),
        ledger.waits(filter),
        ledger.documents_cited(filter),
        ledger.wordings(filter, WORDINGS),
    )?;
    let spans = step.all(filter);
    let mut view = View {
        tiles: tiles(desk, &days, people, &waits),
        sections: vec![
            by_channel(desk, step, &spans, &days),
            outcomes(desk, step, &spans, &days),
            active_people(desk, "people", step.word(), &active),
        ],
    };
    if step != Step::Month {
        view.sections.push(active_people(desk, "months", "Month from", &months));
    }
    let questions: i64 = days.iter().map(|day| day.questions).sum();
    view.sections.push(top_questions(desk, wordings, questions).await);
    let longest = assets.first().map_or(0, |first| first.questions) as f64;
    view.sections.push(Section {
        id: "assets",
        title: desk.say("What is asked about"),
        note: desk.say("The data product and source of the first document that an answer cited, or of the nearest one where it cited none."),
        table: Some(Table {
            columns: vec![
                desk.column("Data product", "asset"),
                desk.column("Source", "source"),
                desk.number("Questions", "questions"),
                desk.number("Answered", "answered"),
                desk.number("Abstained", "abstained"),
                desk.number("Liked", "liked"),
                desk.number("Disliked", "disliked"),
            ],
            rows: assets
                .iter()
                .map(|one| {
                    let asset = if one.asset.is_empty() { desk.say("(none)") } else { one.asset.clone() };
                    Row::from(vec![
                        Cell::figure(asset, &one.asset).link(desk.narrowed(&one.source, &one.asset)),
                        Cell::text(&one.source),
                        Cell::count(one.questions).bar(one.questions as f64, longest),
                        Cell::share(one.answered, one.questions),
                        Cell::share(one.abstained, one.questions),
                        Cell::count(one.liked),
                        Cell::count(one.disliked),
                    ])
                })
                .collect(),
            empty: desk.nothing(),
        }),
        ..Section::default()
    });
    let longest = documents.first().map_or(0, |first| first.citations) as f64;
    view.sections.push(Section {
        id: "documents",
        title: desk.say("Documents cited"),
        note: desk.say("How many answers cited each document, and what readers thought of these answers."),
        table: Some(Table {
            columns: vec![
                desk.column("Document", "document"),
                desk.column("Source", "source"),
                desk.column("Data product", "asset"),
                desk.column("Owner", "owner"),
                desk.number("Answers", "answers"),
                desk.number("Liked", "liked"),
                desk.number("Disliked", "disliked"),
            ],
            rows: documents
                .iter()
                .map(|one| {
                    let gone = desk.say("(a document that is gone)");
                    let title = one.title.clone().unwrap_or(gone);
                    let path = one.path.clone().unwrap_or_default();
                    Row::from(vec![
                        Cell::figure(title, &path).more(path),
                        Cell::text(&one.source),
                        Cell::text(&one.asset),
                        Cell::text(one.owner.clone().unwrap_or_default()),
                        Cell::count(one.citations).bar(one.citations as f64, longest),
                        Cell::count(one.liked),
                        Cell::count(one.disliked),
                    ])
                })
                .collect(),
            empty: desk.nothing(),
        }),
        ..Section::default()
    });
    view.sections.push(by_hour(desk, &hours));
    view.sections.push(waiting(desk, &waits));
    let all: i64 = conversations.iter().map(|one| one.conversations).sum();
    view.sections.push(Section {
        id: "conversations",
        title: desk.say("Conversations by length"),
        note: desk.say("Questions of a conversation on one day; one that goes on the next day counts on both."),
        table: Some(Table {
            columns: vec![
                desk.number("Questions", "questions"),
                desk.number("Conversations", "conversations"),
                desk.number("Share", "share"),
            ],
            rows: conversations
                .iter()
                .map(|one| {
                    Row::from(vec![
                        Cell::count(one.questions.into()),
                        Cell::count(one.conversations).bar(one.conversations as f64, all as f64),
                        Cell::share(one.conversations, all),
                    ])
                })
                .collect(),
            empty: desk.nothing(),
        }),
        ..Section::default()
    });
    view.sections.push(Section {
        id: "languages",
        title: desk.say("Languages"),
        table: Some(Table {
            columns: vec![
                desk.column("Language", "language"),
                desk.number("Questions", "questions"),
                desk.number("Share", "share"),
                desk.number("Answered", "answered"),
            ],
            rows: languages
                .iter()
                .map(|one| {
                    let name = match one.language.as_str() {
                        "en" => desk.say("English"),
                        "ko" => desk.say("Korean"),
                        _ => desk.say("not noted"),
                    };
                    Row::from(vec![
                        Cell::figure(name, &one.language),
                        Cell::count(one.questions).bar(one.questions as f64, questions as f64),
                        Cell::share(one.questions, questions),
                        Cell::share(one.answered, one.questions),
                    ])
                })
                .collect(),
            empty: desk.nothing(),
        }),
        ..Section::default()
    });
    Ok(view)
}

fn tiles(desk: &Desk<'_>, days: &[DayUse], people: (i64, i64), waits: &[Wait]) -> Vec<Tile> {
    let sum = |of: fn(&DayUse) -> i64| days.iter().map(of).sum::<i64>();
    let questions = sum(|day| day.questions);
    let (answered, abstained) = (sum(|day| day.answered), sum(|day| day.abstained));
    let (liked, disliked) = (sum(|day| day.liked), sum(|day| day.disliked));
    let quoted = format::share(sum(|day| day.quoted), answered);
    let unverified = format::share(sum(|day| day.unverified), sum(|day| day.checked));
    let first = percentile(waits, "first_token", 50).map_or("–".to_owned(), format::duration);
    let total = percentile(waits, "total", 95).map_or("–".to_owned(), format::duration);
    vec![
        desk.tile("Questions", format::count(questions), String::new()),
        desk.tile("People", format::count(people.0), desk.fill("{} on more than one day", &[&format::count(people.1)])),
        desk.tile("Answered", format::share(answered, questions), desk.fill("{} of them quoted, without a model", &[&quoted])),
        desk.tile("Abstained", format::share(abstained, questions), desk.fill("{} failed", &[&format::share(sum(|day| day.failed), questions)])),
        desk.tile("Satisfied", format::share(liked, liked + disliked), desk.fill("{} of answers were rated", &[&format::share(liked + disliked, questions)])),
        desk.tile("First word after", first, desk.fill("95 of 100 answers are complete after {}", &[&total])),
        desk.tile("Sentences no passage says", unverified, desk.say("marked in the answers")),
    ]
}

/// Values of days, added up in spans.
pub(super) fn in_spans<T>(
    step: Step,
    spans: &[NaiveDate],
    rows: &[T],
    day: impl Fn(&T) -> NaiveDate,
    value: impl Fn(&T) -> f64,
) -> Vec<f64> {
    let mut sums: BTreeMap<NaiveDate, f64> = spans.iter().map(|span| (*span, 0.0)).collect();
    for row in rows {
        if let Some(sum) = sums.get_mut(&step.begin(day(row))) {
            *sum += value(row);
        }
    }
    sums.into_values().collect()
}

fn by_channel(desk: &Desk<'_>, step: Step, spans: &[NaiveDate], days: &[DayUse]) -> Section {
    let mut channels: Vec<&str> = days.iter().map(|day| day.channel.as_str()).collect();
    channels.sort_unstable();
    channels.dedup();
    let series: Vec<Series> = channels
        .iter()
        .map(|channel| {
            let values = in_spans(step, spans, days, |day| day.day, |day| {
                if day.channel == *channel { day.questions as f64 } else { 0.0 }
            });
            Series { name: (*channel).to_owned(), values }
        })
        .collect();
    desk.over_time("questions", "Questions", "", step, spans, &series, |value| format::count(value as i64))
}

fn outcomes(desk: &Desk<'_>, step: Step, spans: &[NaiveDate], days: &[DayUse]) -> Section {
    let of = |name: &str, value: fn(&DayUse) -> i64| Series {
        name: desk.say(name),
        values: in_spans(step, spans, days, |day| day.day, |day| value(day) as f64),
    };
    let series = [
        of("answered by the model", |day| day.answered - day.quoted),
        of("quoted", |day| day.quoted),
        of("abstained", |day| day.abstained),
        of("failed", |day| day.failed),
        of("stopped by the reader", |day| day.cancelled),
    ];
    desk.over_time("outcomes", "What became of them", "", step, spans, &series, |value| format::count(value as i64))
}

fn active_people(desk: &Desk<'_>, id: &'static str, word: &str, active: &[Active]) -> Section {
    let bars: Vec<String> = active.iter().map(|one| one.begins.to_string()).collect();
    let series = [
        Series {
            name: desk.say("there in the span before, too"),
            values: active.iter().map(|one| one.returned as f64).collect(),
        },
        Series {
            name: desk.say("not there in the span before"),
            values: active.iter().map(|one| (one.people - one.returned) as f64).collect(),
        },
    ];
    let title = desk.say(match id {
        "months" => "People by month",
        _ => "People",
    });
    Section {
        id,
        chart: chart::stacked(&title, &bars, &series, |value| format::count(value as i64)),
        note: desk.say("Callers who share a name (anonymous ones, visitors of the widget) count as one person."),
        title,
        table: Some(Table {
            columns: vec![
                desk.column(word, "begins"),
                desk.number("People", "people"),
                desk.number("Returning", "returning"),
                desk.number("Share", "share"),
            ],
            rows: active
                .iter()
                .map(|one| {
                    Row::from(vec![
                        Cell::text(one.begins.to_string()),
                        Cell::count(one.people),
                        Cell::count(one.returned),
                        Cell::share(one.returned, one.people),
                    ])
                })
                .collect(),
            empty: desk.nothing(),
        }),
        ..Section::default()
    }
}

async fn top_questions(desk: &Desk<'_>, wordings: Vec<Wording>, questions: i64) -> Section {
    let (wordings, found) = grouped(wordings, |one| (&one.question, one.embedding.as_deref(), one.questions)).await;
    let covered: i64 = wordings.iter().map(|one| one.questions).sum();
    let sum = |members: &[usize], of: fn(&Wording) -> i64| members.iter().map(|at| of(&wordings[*at])).sum::<i64>();
    let longest = found.first().map_or(0, |group| sum(&group.members, |one| one.questions)) as f64;
    let rows = found
        .iter()
        .take(GROUPS)
        .map(|group| {
            let named = &wordings[group.named];
            let asked = sum(&group.members, |one| one.questions);
            Row::from(vec![
                Cell::text(desk.reading.question(&named.question, named.question_key))
                    .link(format!("interactions/{}", named.interaction_id)),
                Cell::count(group.members.len() as i64),
                Cell::count(asked).bar(asked as f64, longest),
                Cell::share(asked, questions),
                Cell::share(sum(&group.members, |one| one.abstained), asked),
            ])
        })
        .collect();
    Section {
        id: "top",
        title: desk.say("What is asked most"),
        note: desk.fill(
            "Questions of one meaning together, named by the most central one. Of all questions, {} are in the wordings that were compared.",
            &[&format::share(covered, questions)],
        ),
        table: Some(Table {
            columns: vec![
                desk.column("Question", "question"),
                desk.number("Wordings", "wordings"),
                desk.number("Questions", "questions"),
                desk.number("Share", "share"),
                desk.number("Abstained", "abstained"),
            ],
            rows,
            empty: desk.nothing(),
        }),
        ..Section::default()
    }
}

/// Groups rows by the meaning of their questions, beside the threads that answer requests.
pub(super) async fn grouped<T: Send + 'static>(
    rows: Vec<T>,
    read: fn(&T) -> (&String, Option<&[f32]>, i64),
) -> (Vec<T>, Vec<super::meaning::Group>) {
    let work = tokio::task::spawn_blocking(move || {
        let items: Vec<Item<'_>> = rows
            .iter()
            .map(|row| {
                let (text, embedding, weight) = read(row);
                Item { text, embedding, weight }
            })
            .collect();
        let found = groups(&items);
        (rows, found)
    });
    work.await.unwrap_or_default()
}

fn by_hour(desk: &Desk<'_>, hours: &[Hours]) -> Section {
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let rows: Vec<(String, Vec<i64>)> = DAYS
        .iter()
        .zip(1..)
        .map(|(name, weekday)| {
            let found = hours.iter().find(|one| one.weekday == weekday);
            (desk.say(name), found.map_or_else(|| vec![0; 24], |one| one.hours.clone()))
        })
        .collect();
    let title = desk.say("Times of day");
    let mut columns = vec![desk.column("Hour (UTC)", "hour")];
    for (at, (name, _)) in rows.iter().enumerate() {
        let mut column = desk.number(name, DAYS[at]);
        column.label.clone_from(name);
        columns.push(column);
    }
    Section {
        id: "hours",
        chart: chart::heat(&title, &rows, format::count),
        title,
        note: desk.say("Questions by weekday and hour, in UTC."),
        table: Some(Table {
            columns,
            rows: (0..24)
                .map(|hour| {
                    let mut cells = vec![Cell::text(format!("{hour:02}"))];
                    cells.extend(rows.iter().map(|(_, row)| Cell::count(row[hour])));
                    Row::from(cells)
                })
                .collect(),
            empty: String::new(),
        }),
        ..Section::default()
    }
}

/// The duration that a share of the answers did not exceed.
pub(super) fn percentile(waits: &[Wait], kind: &str, percent: i64) -> Option<i64> {
    let of = || waits.iter().filter(|wait| wait.kind == kind);
    let all: i64 = of().map(|wait| wait.questions).sum();
    // As `percentile_disc`: the first value that so many are at or below.
    let wanted = (all * percent + 99) / 100;
    let mut so_far = 0;
    of().find(|wait| {
        so_far += wait.questions;
        so_far >= wanted && wait.questions > 0
    })
    .map(|wait| wait.ms)
}

fn waiting(desk: &Desk<'_>, waits: &[Wait]) -> Section {
    let row = |name: &str, kind: &str| {
        let mut cells = vec![Cell::figure(desk.say(name), kind)];
        for percent in [50, 75, 90, 95, 99] {
            cells.push(match percentile(waits, kind, percent) {
                Some(ms) => Cell::figure(format::duration(ms), ms),
                None => Cell::figure("–", ""),
            });
        }
        let all: i64 = waits.iter().filter(|wait| wait.kind == kind).map(|wait| wait.questions).sum();
        cells.push(Cell::count(all));
        Row::from(cells)
    };
    let rows = if waits.is_empty() {
        Vec::new()
    } else {
        vec![row("until the first word", "first_token"), row("until the end", "total")]
    };
    Section {
        id: "waits",
        title: desk.say("How long people wait for an answer"),
        note: desk.say("So many of 100 answers were there after this time, cut to two digits."),
        table: Some(Table {
            columns: vec![
                desk.column("Wait", "wait"),
                desk.number("50 of 100", "p50"),
                desk.number("75 of 100", "p75"),
                desk.number("90 of 100", "p90"),
                desk.number("95 of 100", "p95"),
                desk.number("99 of 100", "p99"),
                desk.number("Answers", "answers"),
            ],
            rows,
            empty: desk.nothing(),
        }),
        ..Section::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_the_first_value_that_enough_answers_reach() {
        let wait = |ms, questions| Wait { kind: "total".to_owned(), ms, questions };
        let waits = [wait(10, 1), wait(20, 2), wait(500, 1)];
        assert_eq!(percentile(&waits, "total", 50), Some(20));
        assert_eq!(percentile(&waits, "total", 25), Some(10));
        assert_eq!(percentile(&waits, "total", 99), Some(500));
        assert_eq!(percentile(&waits, "first_token", 50), None);
    }
}
