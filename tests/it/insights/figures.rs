//! Sums, views and pages say what plain SQL over the rows says: while days are open, when they are summed,
//! when something of them changes, and when retention has deleted the rows.

use chrono::{Days, NaiveDate, Utc, Weekday};
use docent_core::app::App;
use docent_core::ledger::insights::Filter;
use docent_core::ledger::{Channel, Deletion, Expiry, Feedback, Rating, Record};
use docent_scripted::year::{self, Truth};

use crate::support::World;

/// A ledger with a hundredth of the year in it.
pub(super) async fn world_of_a_year() -> (World, App, Truth) {
    let world = World::new().await;
    let app = world.app().await;
    let today = Utc::now().date_naive();
    let truth = year::fill(&world.database.options(), today, 0.01, year::SEED).await;
    (world, app, truth)
}

/// A figure as the views have it, and as the rows have it; `DAYS` stands for the days it is about.
const FIGURES: [(&str, &str, &str); 12] = [
    (
        "questions by day, channel and outcome",
        "SELECT day, channel, sum(questions), sum(answered), sum(abstained), sum(failed), sum(cancelled)
           FROM report_use WHERE day BETWEEN DAYS GROUP BY 1, 2",
        "SELECT (at AT TIME ZONE 'UTC')::date, channel, count(*), count(*) FILTER (WHERE outcome = 'answered'),
                count(*) FILTER (WHERE outcome = 'abstained'), count(*) FILTER (WHERE outcome = 'failed'),
                count(*) FILTER (WHERE outcome = 'cancelled')
           FROM interaction WHERE origin = 'person' AND (at AT TIME ZONE 'UTC')::date BETWEEN DAYS GROUP BY 1, 2",
    ),
    (
        "questions by asset and language",
        "SELECT source, asset, language, sum(questions), sum(quoted), sum(total_ms) FROM report_use
          WHERE day BETWEEN DAYS GROUP BY 1, 2, 3",
        "SELECT source, asset, language, count(*), count(*) FILTER (WHERE generator = 'extractive'), sum(total_ms)
           FROM interaction WHERE origin = 'person' AND (at AT TIME ZONE 'UTC')::date BETWEEN DAYS GROUP BY 1, 2, 3",
    ),
    (
        "ratings",
        "SELECT day, sum(liked), sum(disliked) FROM report_use WHERE day BETWEEN DAYS
          GROUP BY 1 HAVING sum(liked) + sum(disliked) > 0",
        "SELECT (i.at AT TIME ZONE 'UTC')::date, count(*) FILTER (WHERE rating = 'up'), count(*) FILTER (WHERE rating = 'down')
           FROM feedback f JOIN interaction i ON i.id = f.interaction_id
          WHERE i.origin = 'person' AND (i.at AT TIME ZONE 'UTC')::date BETWEEN DAYS GROUP BY 1",
    ),
    (
        "hours",
        "SELECT hour, sum(questions) FROM report_hours WHERE day BETWEEN DAYS GROUP BY 1",
        "SELECT extract(hour FROM at AT TIME ZONE 'UTC')::integer, count(*) FROM interaction
          WHERE origin = 'person' AND (at AT TIME ZONE 'UTC')::date BETWEEN DAYS GROUP BY 1",
    ),
    (
        "what questions cost",
        "SELECT asset, sum(calls), sum(input_tokens), sum(output_tokens), trim_scale(sum(cost)), sum(unknown_price)
           FROM report_use WHERE day BETWEEN DAYS GROUP BY 1",
        "SELECT i.asset, count(c.id), sum(coalesce(c.input_tokens, 0)), sum(coalesce(c.output_tokens, 0)),
                trim_scale(sum(coalesce(c.cost, 0))), count(*) FILTER (WHERE c.cost IS NULL AND c.input_tokens IS NOT NULL)
           FROM interaction i LEFT JOIN model_call c ON c.interaction_id = i.id
          WHERE i.origin = 'person' AND (i.at AT TIME ZONE 'UTC')::date BETWEEN DAYS GROUP BY 1",
    ),
    (
        "people by week",
        "SELECT begins, people FROM report_active_people WHERE period = 'week' AND begins BETWEEN DAYS",
        "SELECT date_trunc('week', at AT TIME ZONE 'UTC')::date, count(DISTINCT caller) FROM interaction
          WHERE origin = 'person' AND date_trunc('week', at AT TIME ZONE 'UTC')::date BETWEEN DAYS GROUP BY 1",
    ),
    (
        "people who return from the month before",
        "SELECT begins, returned FROM report_active_people
          WHERE period = 'month' AND returned > 0 AND begins BETWEEN DAYS",
        "WITH seen AS (SELECT DISTINCT caller, date_trunc('month', at AT TIME ZONE 'UTC')::date AS month
                         FROM interaction WHERE origin = 'person')
         SELECT a.month, count(*) FROM seen a JOIN seen b
             ON b.caller = a.caller AND b.month = (a.month - interval '1 month')::date
          WHERE a.month BETWEEN DAYS GROUP BY 1",
    ),
    (
        "conversations by length",
        "SELECT questions, sum(conversations) FROM report_conversations WHERE day BETWEEN DAYS GROUP BY 1",
        "SELECT n, count(*) FROM (SELECT count(*) AS n FROM interaction
                 WHERE origin = 'person' AND (at AT TIME ZONE 'UTC')::date BETWEEN DAYS
                 GROUP BY conversation_id, (at AT TIME ZONE 'UTC')::date) AS each GROUP BY 1",
    ),
    (
        "the 95th percentile of the first token",
        "SELECT percentile_disc(0.95) WITHIN GROUP (ORDER BY ms) FROM report_latency, generate_series(1, questions)
          WHERE kind = 'first_token' AND day BETWEEN DAYS",
        "SELECT two_digits(percentile_disc(0.95) WITHIN GROUP (ORDER BY first_token_ms)) FROM interaction
          WHERE origin = 'person' AND outcome = 'answered' AND (at AT TIME ZONE 'UTC')::date BETWEEN DAYS",
    ),
    (
        "documents cited",
        "SELECT document_id, path, title, owner, sum(citations), sum(disliked) FROM report_documents
          WHERE day BETWEEN DAYS GROUP BY 1, 2, 3, 4",
        "SELECT p.document_id, p.path, p.title, p.owner, count(*), count(*) FILTER (WHERE f.rating = 'down')
           FROM passage p JOIN interaction i ON i.id = p.interaction_id LEFT JOIN feedback f ON f.interaction_id = i.id
          WHERE p.cited_as IS NOT NULL AND i.origin = 'person' AND (i.at AT TIME ZONE 'UTC')::date BETWEEN DAYS
          GROUP BY 1, 2, 3, 4",
    ),
    (
        "spending",
        "SELECT day, purpose, model, channel, team, sum(calls), sum(input_tokens), trim_scale(sum(cost)), sum(unknown_price)
           FROM report_spending WHERE day BETWEEN DAYS GROUP BY 1, 2, 3, 4, 5",
        "SELECT (c.at AT TIME ZONE 'UTC')::date, c.purpose, c.model, coalesce(i.channel, ''), coalesce(i.team, ''),
                count(*), sum(c.input_tokens), trim_scale(sum(c.cost)),
                count(*) FILTER (WHERE c.cost IS NULL AND c.input_tokens IS NOT NULL)
           FROM model_call c LEFT JOIN interaction i ON i.id = c.interaction_id
          WHERE (c.at AT TIME ZONE 'UTC')::date BETWEEN DAYS GROUP BY 1, 2, 3, 4, 5",
    ),
    (
        "cost by model",
        "SELECT purpose, model, sum(calls), trim_scale(sum(cost)) FROM report_cost WHERE day BETWEEN DAYS GROUP BY 1, 2",
        "SELECT purpose, model, count(*), trim_scale(sum(cost)) FROM model_call
          WHERE (at AT TIME ZONE 'UTC')::date BETWEEN DAYS GROUP BY 1, 2",
    ),
];

/// Rows as text, in one order.
async fn rows(world: &World, query: &str, days: &str) -> Vec<String> {
    let query = query.replace("DAYS", days);
    let rows = world
        .database
        .rows(&format!(
            "SELECT row(q.*)::text FROM ({query}) AS q ORDER BY 1"
        ))
        .await;
    rows.into_iter()
        .map(|mut row| row.remove(0).unwrap_or_default())
        .collect()
}

async fn assert_exact(world: &World, when: &str, days: &str) {
    for (name, views, raw) in FIGURES {
        let (shown, counted) = (rows(world, views, days).await, rows(world, raw, days).await);
        assert!(!counted.is_empty(), "{name}: nothing is compared");
        assert_eq!(shown, counted, "{name}, {when}");
    }
}

pub(super) async fn sum_all(app: &App) {
    while app.ledger.sum_days(50).await.unwrap() > 0 {}
}

/// Of questions (id, conversation, caller) the first is rated down, the last one's conversation taken back.
pub(super) async fn rate_and_take_back(app: &App, rows: &[Vec<Option<String>>]) {
    let field = |row: usize, column: usize| rows[row][column].clone().unwrap();
    let feedback = Feedback {
        interaction_id: field(0, 0).parse().unwrap(),
        rating: Rating::Down,
        comment: None,
    };
    assert!(app.ledger.rate(&field(0, 2), &feedback).await.unwrap());
    app.ledger
        .writer()
        .write(Record::DeleteConversation(Deletion {
            conversation_id: field(rows.len() - 1, 1).parse().unwrap(),
            caller: None,
        }));
    app.ledger.flush().await;
}

/// A day on which many ask, whatever the year begins with.
pub(super) fn wednesday_after(day: NaiveDate) -> NaiveDate {
    day.week(Weekday::Wed).last_day() + Days::new(1)
}

fn days(from: NaiveDate, until: NaiveDate) -> String {
    format!("'{from}' AND '{until}'")
}

#[tokio::test]
async fn figures_equal_plain_sql_over_the_rows_whatever_happens_to_a_day() {
    let (world, app, truth) = world_of_a_year().await;
    assert_eq!((truth.interactions, truth.calls), (10_000, 50_000));
    let all = days(truth.first, truth.last);
    let middle = wednesday_after(truth.first + Days::new(200));
    let some = days(truth.first + Days::new(100), middle);
    assert_exact(&world, "while all days are open", &some).await;
    sum_all(&app).await;
    let open = world
        .database
        .rows("SELECT count(*)::text FROM open_day WHERE day < now() - interval '2 days'")
        .await;
    assert_eq!(open[0][0].as_deref(), Some("0"), "every day is summed");
    assert_exact(&world, "when days are summed", &all).await;
    assert_exact(&world, "of a part of the days", &some).await;

    // A day in the middle changes: a rating, a conversation taken back, a call that comes late.
    let of_middle = world
        .database
        .rows(&format!(
            "SELECT id::text, conversation_id::text, caller FROM interaction
              WHERE (at AT TIME ZONE 'UTC')::date = '{middle}' AND NOT EXISTS (
                    SELECT FROM feedback WHERE interaction_id = interaction.id) ORDER BY at"
        ))
        .await;
    rate_and_take_back(&app, &of_middle).await;
    assert_eq!(
        world
            .database
            .rows(&format!(
                "SELECT day::text FROM open_day WHERE day = '{middle}'"
            ))
            .await
            .len(),
        1,
        "the day is open again"
    );
    // Calls of a question that was taken back keep where it came in; the rows have that no more.
    let of_people = &FIGURES[..10];
    for (name, views, raw) in of_people {
        assert_eq!(
            rows(&world, views, &all).await,
            rows(&world, raw, &all).await,
            "{name}, after a change"
        );
    }
    sum_all(&app).await;
    for (name, views, raw) in of_people {
        assert_eq!(
            rows(&world, views, &all).await,
            rows(&world, raw, &all).await,
            "{name}, summed again"
        );
    }
    app.close().await;
}

#[tokio::test]
async fn what_retention_deletes_stays_in_the_sums() {
    let (world, app, truth) = world_of_a_year().await;
    let all = days(truth.first, truth.last);
    // Some days are summed before their rows go, some are not.
    app.ledger.sum_days(200).await.unwrap();
    let mut before = Vec::new();
    for (_, views, _) in FIGURES {
        before.push(rows(&world, views, &all).await);
    }
    let end = truth.last.and_hms_opt(0, 0, 0).unwrap().and_utc();
    for channel in [Channel::Web, Channel::Widget, Channel::Api] {
        let gone = app
            .ledger
            .expire(Expiry {
                channel,
                before: end,
            })
            .await
            .unwrap();
        assert!(gone > 100, "{channel:?}: {gone}");
    }
    for round in ["at once", "summed"] {
        for ((name, views, _), before) in FIGURES.iter().zip(&before) {
            let now = rows(&world, views, &all).await;
            assert_eq!(&now, before, "{name}, {round}");
        }
        sum_all(&app).await;
    }
    app.close().await;
}

#[tokio::test]
async fn a_page_of_one_source_counts_what_is_about_it() {
    let (world, app, truth) = world_of_a_year().await;
    sum_all(&app).await;
    let filter = Filter {
        from: truth.first,
        until: truth.last,
        channel: "slack".to_owned(),
        source: "dbt".to_owned(),
        asset: String::new(),
    };
    let raw = |select: &str| {
        format!(
            "SELECT ({select})::text FROM interaction WHERE origin = 'person' AND channel = 'slack' AND source = 'dbt'"
        )
    };
    let counted = async |select: &str| -> i64 {
        world.database.rows(&raw(select)).await[0][0]
            .as_deref()
            .unwrap()
            .parse()
            .unwrap()
    };
    let figures = app.ledger.use_figures(&filter).await.unwrap();
    let questions: i64 = figures.days.iter().map(|day| day.questions).sum();
    assert_eq!(questions, counted("count(*)").await);
    let people = app.ledger.days_of_people(&filter).await.unwrap();
    assert_eq!(people.len() as i64, counted("count(DISTINCT caller)").await);
    let days_of_all: i64 = people.iter().map(|days| days.len() as i64).sum();
    assert_eq!(
        days_of_all,
        counted("count(DISTINCT (caller, (at AT TIME ZONE 'UTC')::date))").await
    );
    let spread = app.ledger.spread(&filter).await.unwrap();
    let hours: i64 = spread.hours.iter().map(|one| one.questions).sum();
    assert_eq!(hours, questions);
    let all: i64 = spread
        .waits
        .iter()
        .filter(|wait| wait.kind == "total")
        .map(|wait| wait.questions)
        .sum();
    assert_eq!(
        all,
        counted("count(*) FILTER (WHERE outcome = 'answered')").await
    );
    app.close().await;
}
