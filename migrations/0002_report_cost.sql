-- Views named report_* are a stable contract: dashboards read them.

CREATE VIEW report_cost AS
SELECT purpose,
       model,
       (at AT TIME ZONE 'UTC')::date AS day,
       count(*) AS calls,
       sum(input_tokens)::bigint AS input_tokens,
       sum(cached_tokens)::bigint AS cached_tokens,
       sum(output_tokens)::bigint AS output_tokens,
       sum(cost) AS cost,
       count(*) FILTER (WHERE cost IS NULL AND input_tokens IS NOT NULL) AS calls_with_unknown_price
  FROM model_call
 GROUP BY 1, 2, 3;
COMMENT ON VIEW report_cost IS 'What models cost, per purpose, model and day (UTC)';
COMMENT ON COLUMN report_cost.cost IS 'US dollars of the calls whose price is known; NULL where none is';
COMMENT ON COLUMN report_cost.calls_with_unknown_price IS 'Calls that used tokens of a model without a configured price';
