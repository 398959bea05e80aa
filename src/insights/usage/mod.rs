//! The page of use.

mod kinds;
mod people;
mod subjects;
mod times;

use std::collections::BTreeMap;

use chrono::NaiveDate;
use docent_core::ledger::LedgerError;
use docent_core::ledger::insights::{DayUse, Wait};
pub(super) use subjects::grouped;

use super::chart::Series;
use super::desk::Desk;
use super::filter::Step;
use super::format;
use super::view::{Section, Tile, View};

/// Wordings that are grouped; the most asked ones.
const WORDINGS: i64 = 1000;

pub(super) async fn view(desk: &Desk<'_>) -> Result<View, LedgerError> {
    let (ledger, filter) = (desk.ledger(), desk.filter);
    let step = Step::of(filter);
    let (figures, spread, days_of_people, documents, wordings) = tokio::try_join!(
        ledger.use_figures(filter),
        ledger.spread(filter),
        ledger.days_of_people(filter),
        ledger.documents_cited(filter),
        ledger.wordings(filter, WORDINGS),
    )?;
    let (days, waits) = (figures.days, spread.waits);
    let spans = step.all(filter);
    let mut view = View {
        tiles: tiles(
            desk,
            &days,
            people::in_range(filter, &days_of_people),
            &waits,
        ),
        sections: vec![
            by_channel(desk, step, &spans, &days),
            outcomes(desk, step, &spans, &days),
            people::section(
                desk,
                "people",
                step.word(),
                &people::active(filter, step, &days_of_people),
            ),
        ],
    };
    if step != Step::Month {
        view.sections.push(people::section(
            desk,
            "months",
            "Month from",
            &people::active(filter, Step::Month, &days_of_people),
        ));
    }
    let questions: i64 = days.iter().map(|day| day.questions).sum();
    view.sections
        .push(subjects::top_questions(desk, wordings, questions).await);
    view.sections.push(subjects::assets(desk, &figures.assets));
    view.sections.push(subjects::documents(desk, &documents));
    view.sections.push(times::by_hour(desk, &spread.hours));
    view.sections.push(times::waiting(desk, &waits));
    view.sections
        .push(kinds::conversations(desk, &spread.conversations));
    view.sections
        .push(kinds::languages(desk, &figures.languages, questions));
    Ok(view)
}

fn tiles(desk: &Desk<'_>, days: &[DayUse], people: (i64, i64), waits: &[Wait]) -> Vec<Tile> {
    let sum = |of: fn(&DayUse) -> i64| days.iter().map(of).sum::<i64>();
    let questions = sum(|day| day.questions);
    let (answered, abstained) = (sum(|day| day.answered), sum(|day| day.abstained));
    let (liked, disliked) = (sum(|day| day.liked), sum(|day| day.disliked));
    let quoted = format::share(sum(|day| day.quoted), answered);
    let unverified = format::share(sum(|day| day.unverified), sum(|day| day.checked));
    let first =
        times::percentile(waits, "first_token", 50).map_or("–".to_owned(), format::duration);
    let total = times::percentile(waits, "total", 95).map_or("–".to_owned(), format::duration);
    vec![
        desk.tile("Questions", format::count(questions), String::new()),
        desk.tile(
            "People",
            format::count(people.0),
            desk.fill("{} on more than one day", &[&format::count(people.1)]),
        ),
        desk.tile(
            "Answered",
            format::share(answered, questions),
            desk.fill("{} of them quoted, without a model", &[&quoted]),
        ),
        desk.tile(
            "Abstained",
            format::share(abstained, questions),
            desk.fill(
                "{} failed",
                &[&format::share(sum(|day| day.failed), questions)],
            ),
        ),
        desk.tile(
            "Satisfied",
            format::share(liked, liked + disliked),
            desk.fill(
                "{} of answers were rated",
                &[&format::share(liked + disliked, questions)],
            ),
        ),
        desk.tile(
            "First word after",
            first,
            desk.fill("95 of 100 answers are complete after {}", &[&total]),
        ),
        desk.tile(
            "Sentences no passage says",
            unverified,
            desk.say("marked in the answers"),
        ),
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
            let values = in_spans(
                step,
                spans,
                days,
                |day| day.day,
                |day| {
                    if day.channel == *channel {
                        day.questions as f64
                    } else {
                        0.0
                    }
                },
            );
            Series {
                name: (*channel).to_owned(),
                column: (*channel).to_owned(),
                values,
            }
        })
        .collect();
    desk.over_time(
        "questions",
        "Questions",
        "",
        step,
        spans,
        &series,
        |value| format::count(value as i64),
    )
}

fn outcomes(desk: &Desk<'_>, step: Step, spans: &[NaiveDate], days: &[DayUse]) -> Section {
    let of = |name: &str, column: &str, value: fn(&DayUse) -> i64| Series {
        name: desk.say(name),
        column: column.to_owned(),
        values: in_spans(step, spans, days, |day| day.day, |day| value(day) as f64),
    };
    let series = [
        of("answered by the model", "answered_by_model", |day| {
            day.answered - day.quoted
        }),
        of("quoted", "quoted", |day| day.quoted),
        of("abstained", "abstained", |day| day.abstained),
        of("failed", "failed", |day| day.failed),
        of("stopped by the reader", "cancelled", |day| day.cancelled),
    ];
    desk.over_time(
        "outcomes",
        "What became of them",
        "",
        step,
        spans,
        &series,
        |value| format::count(value as i64),
    )
}
