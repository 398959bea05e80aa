//! What pages show, of every kind of filter, is what plain SQL counts in the rows: while days are open,
//! when days and months are summed, when something late changes them, after a purge, and, of figures that
//! remain, when retention has deleted rows.

mod counted;
mod shown;

use std::collections::BTreeMap;

use chrono::{DateTime, Days, NaiveDate, Utc};
use docent_core::app::App;
use docent_core::ledger::insights::Filter;
use docent_core::ledger::{Channel, Expiry, KnownDocument};

use self::counted::{counted, counted_of_rows};
use self::shown::{shown, shown_of_rows};
use super::figures::{rate_and_take_back, sum_all, wednesday_after, world_of_a_year};
use crate::support::World;

/// Lines by what they are about.
type Figures = BTreeMap<&'static str, Vec<String>>;

fn sorted(mut all: Figures) -> Figures {
    for lines in all.values_mut() {
        lines.sort_unstable();
    }
    all
}

/// Every kind of filter over a year, a quarter, four weeks, and days that begin and end within months.
fn filters(first: NaiveDate, last: NaiveDate) -> Vec<Filter> {
    let spans = [
        (first, last),
        (last - Days::new(90), last),
        (last - Days::new(27), last),
        (first + Days::new(17), first + Days::new(133)),
    ];
    let kinds = [
        ("", "", ""),
        ("slack", "", ""),
        ("", "dbt", ""),
        ("web", "dbt", ""),
        ("", "dbt", "fct_orders"),
        ("", "", "net_revenue"),
    ];
    let mut all = Vec::new();
    for (from, until) in spans {
        for (channel, source, asset) in kinds {
            let [channel, source, asset] = [channel, source, asset].map(str::to_owned);
            all.push(Filter {
                from,
                until,
                channel,
                source,
                asset,
            });
        }
    }
    all
}

fn assert_same(shown: &Figures, counted: &Figures, filter: &Filter, when: &str) {
    for (name, lines) in counted {
        assert!(
            shown[name] == *lines,
            "{name} of {filter:?}, {when}:\n{:#?}",
            {
                let only = |one: &[String], other: &[String]| -> Vec<String> {
                    one.iter()
                        .filter(|line| !other.contains(line))
                        .take(5)
                        .cloned()
                        .collect()
                };
                (
                    ("shown", only(&shown[name], lines)),
                    ("counted", only(lines, &shown[name])),
                )
            }
        );
    }
}

async fn assert_exact(world: &World, app: &App, filters: &[Filter], when: &str) {
    let mut lines = 0;
    for filter in filters {
        let of_all = counted(world, filter).await;
        lines += of_all.values().map(Vec::len).sum::<usize>();
        assert_same(&shown(app, filter).await, &of_all, filter, when);
        let of_rows = counted_of_rows(world, filter).await;
        assert_same(&shown_of_rows(app, filter).await, &of_rows, filter, when);
    }
    assert!(lines > 5_000, "{lines} lines are compared");
}

/// Open and closed months before today's.
async fn months(world: &World) -> Vec<String> {
    let rows = world.database.rows("SELECT month::text FROM open_month WHERE month_after(month) <= ((now() - interval '2 hours') AT TIME ZONE 'UTC')::date ORDER BY 1").await;
    rows.into_iter()
        .map(|mut row| row.remove(0).unwrap())
        .collect()
}

#[tokio::test]
async fn pages_of_every_filter_show_what_plain_sql_counts_whatever_happens() {
    let (world, app, truth) = world_of_a_year().await;
    let all = filters(truth.first, truth.last);
    assert_eq!(months(&world).await.len(), 12, "the year's months are open");
    assert_exact(&world, &app, &all[12..], "while all days are open").await;
    sum_all(&app).await;
    assert!(months(&world).await.is_empty(), "all months are summed");
    assert_exact(&world, &app, &all, "when months are summed").await;

    // A rating of an old answer, a conversation taken back.
    let middle = wednesday_after(truth.first + Days::new(100));
    let of_middle = world
        .database
        .rows(&format!(
            "SELECT i.id::text, conversation_id::text, caller, at::text FROM interaction i
          WHERE (at AT TIME ZONE 'UTC')::date = '{middle}' AND outcome = 'answered' AND NOT EXISTS (
                SELECT FROM feedback WHERE interaction_id = i.id) ORDER BY at"
        ))
        .await;
    assert!(of_middle.len() > 2, "{of_middle:?}");
    rate_and_take_back(&app, &of_middle).await;
    // What waited in a spool comes with the moment it was asked at: months later, into another month.
    let late = truth.first + Days::new(40);
    world.database.rows(&format!(
        "INSERT INTO interaction (id, at, conversation_id, channel, caller, origin, question, standalone_question, answer,
                outcome, retrieve_ms, total_ms, language, team, source, asset, owner)
         SELECT gen_random_uuid(), '{late} 10:00:00+00', conversation_id, channel, 'user:late', origin, question,
                standalone_question, answer, 'abstained', 1, 777, language, team, 'dbt', 'fct_orders', owner
           FROM interaction WHERE id = '{}' RETURNING id::text", of_middle[1][0].as_deref().unwrap()
    )).await;
    assert_eq!(months(&world).await.len(), 2, "both months are open again");
    // Calls of a question that was taken back keep where it came in; the rows have that no more.
    let narrow: Vec<Filter> = all.iter().filter(|one| one.is_narrow()).cloned().collect();
    assert_exact(&world, &app, &narrow, "after late changes").await;
    sum_all(&app).await;
    assert!(months(&world).await.is_empty());
    assert_exact(&world, &app, &narrow, "summed again").await;

    // A purge takes citations away.
    let cited = world.database.rows(
        "SELECT document_id::text, source, path FROM passage WHERE cited_as IS NOT NULL AND source = 'dbt' ORDER BY 1 LIMIT 1",
    ).await;
    let [id, source, path] = [0, 1, 2].map(|at| cited[0][at].clone().unwrap());
    let document = KnownDocument {
        document_id: id.parse().unwrap(),
        source,
        path,
    };
    app.ledger.mark_purged(&document).await.unwrap();
    app.ledger.sweep_purged().await.unwrap();
    assert_exact(&world, &app, &narrow, "after a purge").await;
    sum_all(&app).await;
    assert_exact(&world, &app, &narrow, "after a purge, summed").await;
    app.close().await;
}

#[tokio::test]
async fn what_retention_deletes_stays_in_the_figures_of_every_filter() {
    let (world, app, truth) = world_of_a_year().await;
    sum_all(&app).await;
    // Of one asset, times and people are counted from rows.
    let all: Vec<Filter> = filters(truth.first, truth.last)
        .into_iter()
        .filter(|one| one.asset.is_empty())
        .collect();
    let mut before = Vec::new();
    for filter in &all {
        before.push(shown(&app, filter).await);
    }
    // By the hour, as it goes: a day comes apart.
    let day = truth.first + Days::new(60);
    let at = |hour| -> DateTime<Utc> { day.and_hms_opt(hour, 30, 0).unwrap().and_utc() };
    for before in [at(9), at(10), at(14)] {
        for channel in [Channel::Web, Channel::Slack] {
            app.ledger.expire(Expiry { channel, before }).await.unwrap();
        }
    }
    // A conversation that is deleted in parts counts in parts.
    let without = |mut figures: Figures| {
        figures.remove("conversations");
        figures
    };
    for round in ["at once", "summed"] {
        for (filter, before) in all.iter().zip(&before) {
            let (now, before) = (without(shown(&app, filter).await), without(before.clone()));
            assert_same(&now, &before, filter, round);
        }
        sum_all(&app).await;
    }
    let parts = world.database.rows(
        "SELECT day::text FROM spread_day WHERE expired GROUP BY day, channel, whole, source, kind HAVING count(*) > 1",
    ).await;
    assert!(parts.is_empty(), "parts of a day were put together");
    app.close().await;
}
