//! A year of use that a ledger could have behind it, written with COPY: for the bench, which measures the
//! pages over all of it, and, a hundredth of it, for tests.
//!
//! Believable: several teams, office hours, weekends, a summer and a Christmas, growth, questions that some
//! ask often and most seldom, conversations, ratings, nightly runs. Events are planted in it
//! ([`Truth::events`]); outside of them nothing is out of the ordinary. The same seed is the same year; another
//! one has other people, other popular questions, and events at other places and of other sizes.

mod asked;
mod calls;
mod dice;
mod people;
mod plan;
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
use plan::Plan;
pub use plan::{Event, EventKind};
use questions::Questions;
use rows::Rows;

/// How large the whole year is.
pub const INTERACTIONS: usize = 1_000_000;
pub const CALLS: usize = 5_000_000;
pub const QUESTIONS: usize = 2_000;
/// The year that tests and the bench have unless they ask for another.
pub const SEED: u64 = 20_260_101;
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

impl Truth {
    /// Writes the truth down, as JSON.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) {
        let text = serde_json::to_string_pretty(self).expect("it serializes");
        std::fs::write(path, text).expect("the file can be written");
    }
}

/// Fills a ledger whose tables are there and empty with a year that ends on the day before `today`;
/// `share` of it: 1.0 is a million questions. `seed` draws everything.
///
/// # Panics
/// When Postgres refuses a row.
pub async fn fill(options: &PgConnectOptions, today: NaiveDate, share: f64, seed: u64) -> Truth {
    let first = today - Days::new(DAYS);
    let mut dice = Dice::new(seed);
    let people = People::new(&mut dice);
    let questions = Questions::new(&mut dice);
    let a_week = INTERACTIONS as f64 * share * 7.0 / DAYS as f64;
    let plan = Plan::drawn(seed, first, &questions.asked_about(a_week));
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
    // Dollars of a day, about: what a spike is a multiple of.
    let usual = total as f64 / DAYS as f64 * calls::DOLLARS
        + (calls as f64 - total as f64 * CALLS_OF_A_QUESTION) / DAYS as f64 * runs::DOLLARS;
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
        runs::night(&mut rows, &mut dice, day, calls_of_ingest, usual);
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
