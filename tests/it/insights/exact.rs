//! What pages show, of every kind of filter, is what plain SQL counts in the rows: while days are open,
//! when days and months are summed, when something late changes them, after a purge, and, of figures that
//! remain, when retention has deleted rows.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, Utc};
use docent_core::app::App;
use docent_core::ledger::insights::Filter;
use docent_core::ledger::{Channel, Expiry, KnownDocument};

use super::figures::{rate_and_take_back, sum_all, wednesday_after, world_of_a_year};
use crate::support::World;

/// Lines by what they are about.
type Figures = BTreeMap<&'static str, Vec<String>>;

fn line<const N: usize>(fields: [&dyn std::fmt::Display; N]) -> String {
    fields.map(ToString::to_string).join(" ")
}

fn opt<T: ToString>(value: Option<&T>) -> String {
    value.map_or_else(|| "-".to_owned(), ToString::to_string)
}

/// What pages are made of.
async fn shown(app: &App, filter: &Filter) -> Figures {
    let ledger = &app.ledger;
    let mut all = Figures::new();
    let used = ledger.use_figures(filter).await.unwrap();
    let days = used.days.iter().map(|one| {
        line([
            &one.day,
            &one.channel,
            &one.questions,
            &one.answered,
            &one.quoted,
            &one.abstained,
            &one.failed,
            &one.cancelled,
            &one.liked,
            &one.disliked,
            &one.checked,
            &one.unverified,
        ])
    });
    all.insert("days", days.collect());
    let languages = used.languages.iter();
    let languages = languages.map(|one| line([&one.language, &one.questions, &one.answered]));
    all.insert("languages", languages.collect());
    let assets = used.assets.iter().map(|one| {
        line([
            &one.source,
            &one.asset,
            &one.questions,
            &one.answered,
            &one.abstained,
            &one.liked,
            &one.disliked,
        ])
    });
    all.insert("assets", assets.collect());
    let spread = ledger.spread(filter).await.unwrap();
    let hours = spread.hours.iter();
    all.insert(
        "hours",
        hours
            .map(|one| line([&one.weekday, &one.hour, &one.questions]))
            .collect(),
    );
    let waits = spread.waits.iter();
    all.insert(
        "waits",
        waits
            .map(|one| line([&one.kind, &one.ms, &one.questions]))
            .collect(),
    );
    let talks = spread.conversations.iter();
    all.insert(
        "conversations",
        talks
            .map(|one| line([&one.questions, &one.conversations]))
            .collect(),
    );
    let people = ledger.days_of_people(filter).await.unwrap();
    let people = people.iter().map(|days| {
        let days: Vec<String> = days.iter().map(ToString::to_string).collect();
        days.join(",")
    });
    all.insert("people", people.collect());
    let documents = ledger.documents_cited(filter).await.unwrap();
    let documents = documents.iter().map(|one| {
        line([
            &one.document_id,
            &one.source,
            &one.asset,
            &one.citations,
            &one.liked,
            &one.disliked,
        ])
    });
    all.insert("documents", documents.collect());
    let (by_asset, by_day) = ledger.question_costs(filter).await.unwrap();
    let by_asset = by_asset.iter().map(|one| {
        line([
            &one.source,
            &one.asset,
            &one.questions,
            &one.answered,
            &one.tokens,
            &one.cost.normalize(),
            &one.unknown_price,
        ])
    });
    all.insert("costs of questions", by_asset.collect());
    let by_day = by_day.iter().map(|one| {
        line([
            &one.day,
            &opt(one.cost.map(|cost| cost.normalize()).as_ref()),
            &one.calls,
            &one.unknown_price,
        ])
    });
    all.insert("costs of questions by day", by_day.collect());
    sorted(all)
}

/// What pages show of wordings, and what calls cost: rows that retention deletes count no more in the
/// first, and have lost their question in the second.
async fn shown_of_rows(app: &App, filter: &Filter) -> Figures {
    let ledger = &app.ledger;
    let mut all = Figures::new();
    let wordings = ledger.wordings(filter, 300).await.unwrap();
    let wordings = wordings
        .iter()
        .map(|one| line([&one.question_key, &one.questions, &one.abstained]));
    all.insert("wordings", wordings.collect());
    let gaps = ledger.gaps(filter, 200).await.unwrap();
    let gaps = gaps.iter().map(|one| {
        line([
            &one.question_key,
            &one.abstained,
            &one.disliked,
            &one.people.len(),
            &one.last_at.timestamp_micros(),
            &one.interaction_id,
        ])
    });
    all.insert("gaps", gaps.collect());
    if !filter.is_narrow() {
        let costs = ledger.cost_figures(filter).await.unwrap();
        let cost =
            |cost: Option<rust_decimal::Decimal>| opt(cost.map(|one| one.normalize()).as_ref());
        let days = costs.days.iter();
        let days = days.map(|one| {
            line([
                &one.day,
                &one.purpose,
                &cost(one.cost),
                &one.calls,
                &one.unknown_price,
            ])
        });
        all.insert("costs by day", days.collect());
        let models = costs.models.iter().map(|one| {
            line([
                &one.model,
                &one.purpose,
                &one.calls,
                &one.failed,
                &one.estimated,
                &one.input_tokens,
                &one.cached_tokens,
                &one.output_tokens,
                &cost(one.cost),
                &one.unknown_price,
            ])
        });
        all.insert("costs by model", models.collect());
        for (name, shares) in [
            ("costs by channel", &costs.channels),
            ("costs by team", &costs.teams),
        ] {
            let shares = shares.iter();
            let shares = shares.map(|one| {
                line([
                    &one.name,
                    &one.calls,
                    &one.tokens,
                    &cost(one.cost),
                    &one.unknown_price,
                ])
            });
            all.insert(name, shares.collect());
        }
    }
    sorted(all)
}

fn sorted(mut all: Figures) -> Figures {
    for lines in all.values_mut() {
        lines.sort_unstable();
    }
    all
}

/// Questions of people of a filter, with the day each was asked on.
fn asked(filter: &Filter, from: NaiveDate) -> String {
    let mut sql = format!(
        "(SELECT i.*, (i.at AT TIME ZONE 'UTC')::date AS day FROM interaction i
           WHERE i.origin = 'person' AND (i.at AT TIME ZONE 'UTC')::date BETWEEN '{from}' AND '{}'",
        filter.until
    );
    for (column, value) in [
        ("channel", &filter.channel),
        ("source", &filter.source),
        ("asset", &filter.asset),
    ] {
        if !value.is_empty() {
            sql.push_str(&format!(" AND i.{column} = '{value}'"));
        }
    }
    sql + ")"
}

const COUNTS: &str = "count(*), count(*) FILTER (WHERE outcome = 'answered'),
    count(*) FILTER (WHERE outcome = 'answered' AND generator = 'extractive'),
    count(*) FILTER (WHERE outcome = 'abstained'), count(*) FILTER (WHERE outcome = 'failed'),
    count(*) FILTER (WHERE outcome = 'cancelled'), count(*) FILTER (WHERE rating = 'up'),
    count(*) FILTER (WHERE rating = 'down'), sum(coalesce(checked, 0)), sum(coalesce(unverified, 0))";

async fn counted(world: &World, filter: &Filter) -> Figures {
    let asked_here = asked(filter, filter.from);
    let month = filter.from.with_day(1).unwrap() - Months::new(1);
    let since = asked(filter, month);
    let rated = format!(
        "{asked_here} a LEFT JOIN (SELECT interaction_id, rating FROM feedback) f ON f.interaction_id = a.id"
    );
    let spent = format!(
        "{asked_here} a LEFT JOIN LATERAL (
             SELECT count(*) AS calls, sum(input_tokens) AS input, sum(output_tokens) AS output, sum(cost) AS cost,
                    count(*) FILTER (WHERE cost IS NULL AND input_tokens IS NOT NULL) AS unknown
               FROM model_call c WHERE c.interaction_id = a.id) AS c ON true"
    );
    let queries = [
        ("days", format!("SELECT day, channel, {COUNTS} FROM {rated} GROUP BY 1, 2")),
        ("languages", format!("SELECT language, count(*), count(*) FILTER (WHERE outcome = 'answered') FROM {asked_here} a GROUP BY 1")),
        ("assets", format!(
            "SELECT source, asset, count(*), count(*) FILTER (WHERE outcome = 'answered'),
                    count(*) FILTER (WHERE outcome = 'abstained'), count(*) FILTER (WHERE rating = 'up'),
                    count(*) FILTER (WHERE rating = 'down') FROM {rated} GROUP BY 1, 2"
        )),
        ("hours", format!(
            "SELECT extract(isodow FROM at AT TIME ZONE 'UTC')::int, extract(hour FROM at AT TIME ZONE 'UTC')::int, count(*)
               FROM {asked_here} a GROUP BY 1, 2"
        )),
        ("waits", format!(
            "SELECT kind, two_digits(ms), count(*) FROM {asked_here} a
              CROSS JOIN LATERAL (VALUES ('total', total_ms), ('first_token', first_token_ms)) AS k (kind, ms)
              WHERE outcome = 'answered' AND ms IS NOT NULL GROUP BY 1, 2"
        )),
        ("conversations", format!(
            "SELECT n, count(*) FROM (SELECT count(*) AS n FROM {asked_here} a GROUP BY conversation_id, day) AS e GROUP BY 1"
        )),
        ("people", format!("SELECT string_agg(DISTINCT day::text, ',' ORDER BY day::text) FROM {since} a GROUP BY caller")),
        ("documents", format!(
            "SELECT document_id, source, asset, citations, liked, disliked FROM (
                 SELECT p.document_id, p.source, p.asset, count(*) AS citations,
                        count(*) FILTER (WHERE f.rating = 'up') AS liked, count(*) FILTER (WHERE f.rating = 'down') AS disliked
                   FROM {} a JOIN passage p ON p.interaction_id = a.id LEFT JOIN feedback f ON f.interaction_id = a.id
                  WHERE p.cited_as IS NOT NULL {} GROUP BY 1, 2, 3) AS each
              ORDER BY citations DESC, source, document_id LIMIT 100",
            // A document counts where it belongs, whatever the question was about.
            asked(&Filter { source: String::new(), asset: String::new(), ..filter.clone() }, filter.from),
            [("source", &filter.source), ("asset", &filter.asset)]
                .iter().filter(|(_, value)| !value.is_empty())
                .map(|(column, value)| format!(" AND p.{column} = '{value}'")).collect::<String>(),
        )),
        ("costs of questions", format!(
            "SELECT source, asset, count(*), count(*) FILTER (WHERE outcome = 'answered'),
                    sum(coalesce(input, 0) + coalesce(output, 0)), trim_scale(sum(coalesce(cost, 0))), sum(unknown)
               FROM {spent} GROUP BY 1, 2"
        )),
        ("costs of questions by day", format!(
            "SELECT day, trim_scale(sum(coalesce(cost, 0))), sum(calls), sum(unknown) FROM {spent} GROUP BY 1"
        )),
    ];
    read(world, &queries).await
}

async fn counted_of_rows(world: &World, filter: &Filter) -> Figures {
    let asked_here = asked(filter, filter.from);
    let mut queries = vec![
        ("wordings", format!(
            "SELECT question_key, count(*), count(*) FILTER (WHERE outcome = 'abstained') FROM {asked_here} a
              GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 300"
        )),
        ("gaps", format!(
            "SELECT question_key, count(*) FILTER (WHERE outcome = 'abstained'), count(*) FILTER (WHERE outcome <> 'abstained'),
                    count(DISTINCT caller), (extract(epoch FROM max(at)) * 1000000)::bigint,
                    (array_agg(id ORDER BY at DESC, id DESC))[1]
               FROM {asked_here} a
              WHERE outcome = 'abstained' OR EXISTS (SELECT FROM feedback f WHERE f.interaction_id = a.id AND f.rating = 'down')
              GROUP BY 1 ORDER BY 4 DESC, max(at) DESC, 1 LIMIT 200"
        )),
    ];
    if !filter.is_narrow() {
        let spent = format!(
            "(SELECT c.*, (c.at AT TIME ZONE 'UTC')::date AS day, coalesce(i.channel, '') AS place, i.origin, i.team,
                     cost IS NULL AND input_tokens IS NOT NULL AS unknown
                FROM (SELECT id, at, purpose, model, outcome, usage_source, input_tokens, cached_tokens,
                             output_tokens, cost, interaction_id FROM model_call) c
                LEFT JOIN (SELECT id AS i_id, channel, origin, team FROM interaction) i ON i.i_id = c.interaction_id
               WHERE (c.at AT TIME ZONE 'UTC')::date BETWEEN '{}' AND '{}' AND ('{c}' = '' OR i.channel = '{c}'))",
            filter.from, filter.until, c = filter.channel
        );
        let cost = "coalesce(trim_scale(sum(cost))::text, '-')";
        let shares = format!(
            "count(*), sum(coalesce(input_tokens, 0) + coalesce(output_tokens, 0)), {cost}, count(*) FILTER (WHERE unknown)"
        );
        queries.extend([
            ("costs by day", format!(
                "SELECT day, purpose, {cost}, count(*), count(*) FILTER (WHERE unknown) FROM {spent} s GROUP BY 1, 2"
            )),
            ("costs by model", format!(
                "SELECT model, purpose, count(*), count(*) FILTER (WHERE outcome <> 'ok'),
                        count(*) FILTER (WHERE usage_source = 'estimated'), sum(coalesce(input_tokens, 0)),
                        sum(coalesce(cached_tokens, 0)), sum(coalesce(output_tokens, 0)), {cost},
                        count(*) FILTER (WHERE unknown) FROM {spent} s GROUP BY 1, 2"
            )),
            ("costs by channel", format!(
                "SELECT CASE WHEN place = '' THEN 'ingest' ELSE place END, {shares} FROM {spent} s GROUP BY 1"
            )),
            ("costs by team", format!(
                "SELECT coalesce(team, ''), {shares} FROM {spent} s WHERE origin = 'person' GROUP BY 1"
            )),
        ]);
    }
    read(world, &queries).await
}

/// The lines of queries, fields separated by blanks.
async fn read(world: &World, queries: &[(&'static str, String)]) -> Figures {
    let mut all = Figures::new();
    for (name, query) in queries {
        let columns = "array_to_string(ARRAY(SELECT value FROM json_each_text(row_to_json(q)) WITH ORDINALITY AS f (key, value, n) ORDER BY n), ' ')";
        let rows = world
            .database
            .rows(&format!("SELECT {columns} FROM ({query}) AS q"))
            .await;
        let lines = rows
            .into_iter()
            .map(|mut row| row.remove(0).unwrap_or_default());
        all.insert(name, lines.collect());
    }
    sorted(all)
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
