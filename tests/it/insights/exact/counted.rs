//! The same figures, counted in the rows by plain SQL.

use chrono::{Datelike, Months, NaiveDate};
use docent_core::ledger::insights::Filter;

use super::{Figures, sorted};
use crate::support::World;

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

pub(super) async fn counted(world: &World, filter: &Filter) -> Figures {
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

pub(super) async fn counted_of_rows(world: &World, filter: &Filter) -> Figures {
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
