//! A year of use that a ledger could have behind it, written with COPY: for the bench, which measures the
//! pages over all of it, and, a hundredth of it, for tests.
//!
//! Believable: several teams, office hours, weekends, a summer and a Christmas, growth, questions that some
//! ask often and most seldom, conversations, ratings, nightly runs. Events are planted in it
//! ([`Truth::events`]); outside of them nothing is out of the ordinary. The same seed is the same year.

mod dice;
mod people;
mod questions;
mod rows;
mod runs;

use std::path::Path;

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Timelike, Utc};
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use dice::Dice;
use people::People;
use questions::Questions;
use rows::Rows;

/// How large the whole year is.
pub const INTERACTIONS: usize = 1_000_000;
pub const CALLS: usize = 5_000_000;
pub const QUESTIONS: usize = 2_000;
const DAYS: u64 = 365;
/// About how many model calls a question takes.
const CALLS_OF_A_QUESTION: f64 = 3.5;

/// What was put into the ledger, and what should be found in it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Truth {
    /// The first and the last day (UTC).
    pub first: NaiveDate,
    pub last: NaiveDate,
    pub interactions: usize,
    pub calls: usize,
    pub conversations: usize,
    pub events: Vec<Event>,
}

/// Something out of the ordinary.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    pub kind: EventKind,
    pub from: DateTime<Utc>,
    pub until: DateTime<Utc>,
    /// The model, asset or source that it is about.
    pub about: String,
    /// Who is to be told, where somebody owns it.
    pub owner: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// The chat model's provider is down for hours: calls fail, answers are quoted or fail.
    Outage,
    /// A table was renamed and its documents were not: its questions find nothing, answers are disliked.
    Rename,
    /// A run embeds everything anew.
    CostSpike,
    /// The runs over a source fail, night after night.
    DeadSource,
}

impl Truth {
    /// The event of a kind.
    ///
    /// # Panics
    /// When none was planted.
    pub fn event(&self, kind: EventKind) -> &Event {
        let event = self.events.iter().find(|event| event.kind == kind);
        event.expect("each kind is planted once")
    }

    /// Writes the truth down, as JSON.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) {
        let text = serde_json::to_string_pretty(self).expect("it serializes");
        std::fs::write(path, text).expect("the file can be written");
    }
}

/// What the events change, in one place: every row asks it.
pub(crate) struct Plan {
    events: Vec<Event>,
}

impl Plan {
    fn new(first: NaiveDate) -> Self {
        let at = |day: u64, hour: u32| {
            let time = NaiveTime::from_hms_opt(hour, 0, 0).expect("a time of day");
            (first + Days::new(day)).and_time(time).and_utc()
        };
        let weekday = |mut day: u64| {
            use chrono::Datelike;
            while (first + Days::new(day)).weekday().number_from_monday() > 4 {
                day += 1;
            }
            day
        };
        let event = |kind, from, until, about: &str, owner: Option<&str>| Event {
            kind,
            from,
            until,
            about: about.to_owned(),
            owner: owner.map(str::to_owned),
        };
        let outage = weekday(118);
        let renamed = &questions::ASSETS[2];
        Self {
            events: vec![
                event(
                    EventKind::Outage,
                    at(outage, 8),
                    at(outage, 15),
                    rows::CHAT_MODEL,
                    None,
                ),
                event(
                    EventKind::Rename,
                    at(190, 0),
                    at(197, 0),
                    renamed.name,
                    Some(renamed.owner),
                ),
                event(
                    EventKind::CostSpike,
                    at(weekday(251), 2),
                    at(weekday(251), 4),
                    "wiki",
                    Some(runs::owner("wiki")),
                ),
                event(
                    EventKind::DeadSource,
                    at(300, 2),
                    at(309, 2),
                    "contracts",
                    Some(runs::owner("contracts")),
                ),
            ],
        }
    }

    pub(crate) fn is_on(&self, kind: EventKind, at: DateTime<Utc>) -> bool {
        let event = self.events.iter().find(|event| event.kind == kind);
        event.is_some_and(|event| event.from <= at && at < event.until)
    }

    pub(crate) fn about(&self, kind: EventKind) -> &str {
        let event = self.events.iter().find(|event| event.kind == kind);
        event.map_or("", |event| event.about.as_str())
    }
}

/// Fills a ledger whose tables are there and empty with a year that ends on the day before `today`;
/// `share` of it: 1.0 is a million questions.
///
/// # Panics
/// When Postgres refuses a row.
pub async fn fill(options: &PgConnectOptions, today: NaiveDate, share: f64) -> Truth {
    let first = today - Days::new(DAYS);
    let mut dice = Dice::new(20_260_101);
    let plan = Plan::new(first);
    let people = People::new(&mut dice);
    let questions = Questions::new(&mut dice);
    let mut connection = PgConnection::connect_with(options)
        .await
        .expect("Postgres answers");
    let total = (INTERACTIONS as f64 * share) as usize;
    let per_day = spread(first, total);
    let calls = (CALLS as f64 * share) as usize;
    let last = today - Days::new(1);
    let mut rows = Rows::new(&plan, &people, &questions, last);
    rows.documents(first);
    let mut asked = 0;
    for (offset, wanted) in per_day.into_iter().enumerate() {
        let day = first + Days::new(offset as u64);
        rows.day(&mut dice, day, wanted);
        asked += wanted;
        // What questions do not call, ingest does: both together are as many as they should be.
        let of_questions = asked as f64 * CALLS_OF_A_QUESTION;
        let of_ingest =
            (calls as f64 - total as f64 * CALLS_OF_A_QUESTION) * (offset + 1) as f64 / DAYS as f64;
        let due = (of_questions + of_ingest).round() as usize;
        let calls_of_ingest = due.saturating_sub(rows.calls);
        runs::night(&mut rows, &mut dice, day, calls_of_ingest);
        rows.write(&mut connection).await;
    }
    let truth = Truth {
        first,
        last,
        interactions: rows.interactions,
        calls: rows.calls,
        conversations: rows.conversations,
        events: plan.events.clone(),
    };
    runs::sources(&mut rows, &truth);
    rows.write(&mut connection).await;
    sqlx::raw_sql(AssertSqlSafe("VACUUM ANALYZE".to_owned()))
        .execute(&mut connection)
        .await
        .expect("it is vacuumed");
    truth
}

/// Questions of each day: growth, weekends, a summer, Christmas.
fn spread(first: NaiveDate, total: usize) -> Vec<usize> {
    use chrono::Datelike;
    let weight = |offset: u64| {
        let day = first + Days::new(offset);
        let growth = 0.7 + 0.6 * offset as f64 / DAYS as f64;
        let week = if day.weekday().number_from_monday() > 5 {
            0.12
        } else {
            1.0
        };
        let season = match (day.month(), day.day()) {
            (7 | 8, _) => 0.78,
            (12, 23..) | (1, 1..=2) => 0.35,
            (3 | 6 | 9 | 12, _) => 1.1,
            _ => 1.0,
        };
        growth * week * season
    };
    let weights: Vec<f64> = (0..DAYS).map(weight).collect();
    let sum: f64 = weights.iter().sum();
    let mut so_far = 0.0;
    let mut given = 0;
    weights
        .into_iter()
        .map(|weight| {
            so_far += weight;
            let until = (so_far / sum * total as f64).round() as usize;
            let today = until - given;
            given = until;
            today
        })
        .collect()
}

/// A moment of a working day; people of several time zones, most of them in Europe.
pub(crate) fn moment(dice: &mut Dice, day: NaiveDate) -> DateTime<Utc> {
    const HOURS: [u32; 24] = [
        2, 2, 2, 2, 3, 5, 14, 40, 78, 92, 95, 70, 60, 85, 90, 82, 60, 34, 20, 12, 8, 5, 3, 2,
    ];
    let hour = dice.weighted(&HOURS) as u32;
    let time = NaiveTime::from_hms_milli_opt(
        hour,
        dice.below(60) as u32,
        dice.below(60) as u32,
        dice.below(1000) as u32,
    );
    let at = day.and_time(time.unwrap_or_default()).and_utc();
    debug_assert_eq!(at.hour(), hour);
    at
}
