-- Where pages read rows and not sums (the days at both ends of a range, and today), they read indexes that hold
-- all they need. Postgres may only do so where it has vacuumed, and on its own it waits for a fifth of the table.
ALTER TABLE interaction SET (autovacuum_vacuum_insert_scale_factor = 0.005, autovacuum_vacuum_insert_threshold = 1000);
ALTER TABLE model_call SET (autovacuum_vacuum_insert_scale_factor = 0.005, autovacuum_vacuum_insert_threshold = 5000);

-- As before, but each call's question is looked up by its id: knowing the table's size and not how long the span is,
-- Postgres would read all questions of all years for the calls of today.
CREATE OR REPLACE FUNCTION sum_cost(timestamptz, timestamptz) RETURNS TABLE (
    day date, purpose text, model text, outcome text, channel text, origin text, team text, calls bigint,
    estimated bigint, input_tokens bigint, cached_tokens bigint, output_tokens bigint, cost numeric,
    unknown_price bigint, latency_ms bigint) LANGUAGE sql STABLE AS $$
SELECT (c.at AT TIME ZONE 'UTC')::date, c.purpose, c.model, c.outcome,
       coalesce(i.channel, c.channel, ''), coalesce(i.origin, c.origin, ''), coalesce(i.team, c.team, ''),
       count(*), count(*) FILTER (WHERE c.usage_source = 'estimated'),
       sum(c.input_tokens)::bigint, sum(c.cached_tokens)::bigint, sum(c.output_tokens)::bigint,
       sum(c.cost), count(*) FILTER (WHERE c.cost IS NULL AND c.input_tokens IS NOT NULL),
       sum(c.latency_ms)::bigint
  FROM model_call c
  LEFT JOIN LATERAL (
       SELECT q.channel, q.origin, q.team FROM interaction q WHERE q.id = c.interaction_id LIMIT 1) AS i ON true
 WHERE c.at >= $1 AND c.at < $2
 GROUP BY 1, 2, 3, 4, 5, 6, 7
$$;
