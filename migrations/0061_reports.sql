-- The stable contract: dashboards, alerts, digests and pages read these. Only questions of people count.
-- Days are days of UTC, dollars US dollars. Rows of the same key may come in several parts: sum them.

CREATE OR REPLACE FUNCTION day_begins(date) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
SELECT $1::timestamp AT TIME ZONE 'UTC'
$$;

CREATE VIEW report_use AS
SELECT day, channel, source, asset, language, questions, answered, quoted, abstained, failed, cancelled,
       liked, disliked, checked, unverified, total_ms, calls, input_tokens, output_tokens, cost,
       unknown_price, hours
  FROM use_day
UNION ALL
SELECT o.day, s.channel, s.source, s.asset, s.language, s.questions, s.answered, s.quoted, s.abstained,
       s.failed, s.cancelled, s.liked, s.disliked, s.checked, s.unverified, s.total_ms, s.calls,
       s.input_tokens, s.output_tokens, s.cost, s.unknown_price, s.hours
  FROM open_day o CROSS JOIN LATERAL sum_use(day_begins(o.day), day_begins(o.day + 1)) AS s;
COMMENT ON VIEW report_use IS 'Questions of people: how many, what became of them, what they cost. One row for each day, channel, source, asset and language; also of days whose texts have expired';
COMMENT ON COLUMN report_use.day IS 'Day (UTC) of the question';
COMMENT ON COLUMN report_use.channel IS 'web, widget, api, terminal and so on';
COMMENT ON COLUMN report_use.source IS 'Source of the first document cited, or, where none is, of the nearest one found; empty where nothing was found';
COMMENT ON COLUMN report_use.asset IS 'Data product that the same document describes; empty where it describes none';
COMMENT ON COLUMN report_use.language IS 'Of the question: en, ko; empty where it was not noted';
COMMENT ON COLUMN report_use.questions IS 'answered + abstained + failed + cancelled';
COMMENT ON COLUMN report_use.answered IS 'Questions that got an answer';
COMMENT ON COLUMN report_use.quoted IS 'Those of the answered ones whose answer was quoted, without a model';
COMMENT ON COLUMN report_use.abstained IS 'Questions that the documents did not answer';
COMMENT ON COLUMN report_use.failed IS 'Questions that ended with an error';
COMMENT ON COLUMN report_use.cancelled IS 'Questions whose reader went away before the end';
COMMENT ON COLUMN report_use.liked IS 'Ratings: up';
COMMENT ON COLUMN report_use.disliked IS 'Ratings: down';
COMMENT ON COLUMN report_use.checked IS 'Sentences of answers that were checked against their passages';
COMMENT ON COLUMN report_use.unverified IS 'Those of them that no passage says';
COMMENT ON COLUMN report_use.total_ms IS 'Milliseconds from question to end, added up';
COMMENT ON COLUMN report_use.calls IS 'Model calls for these questions, failed attempts too';
COMMENT ON COLUMN report_use.input_tokens IS 'Tokens that these calls sent';
COMMENT ON COLUMN report_use.output_tokens IS 'Tokens that these calls got';
COMMENT ON COLUMN report_use.cost IS 'Dollars of the calls whose price is known';
COMMENT ON COLUMN report_use.unknown_price IS 'Calls that used tokens of a model without a configured price';
COMMENT ON COLUMN report_use.hours IS 'Questions by hour of the day (UTC): 24 numbers, midnight first';

CREATE VIEW report_latency AS
SELECT day, channel, kind, ms, questions FROM latency_day
UNION ALL
SELECT o.day, s.channel, s.kind, s.ms, s.questions
  FROM open_day o CROSS JOIN LATERAL sum_latency(day_begins(o.day), day_begins(o.day + 1)) AS s;
COMMENT ON VIEW report_latency IS 'How long people waited for answers, as counts by duration: any percentile can be had from it';
COMMENT ON COLUMN report_latency.day IS 'Day (UTC) of the question';
COMMENT ON COLUMN report_latency.channel IS 'web, widget, api, terminal and so on';
COMMENT ON COLUMN report_latency.kind IS 'first_token: until the first word; total: until the end';
COMMENT ON COLUMN report_latency.ms IS 'Milliseconds, cut to two significant digits';
COMMENT ON COLUMN report_latency.questions IS 'Answered questions that took so long';

CREATE VIEW report_people AS
SELECT day, channel, person, questions FROM person_day
UNION ALL
SELECT o.day, s.channel, s.person, s.questions
  FROM open_day o CROSS JOIN LATERAL sum_people(day_begins(o.day), day_begins(o.day + 1)) AS s;
COMMENT ON VIEW report_people IS 'Who asked on which day; count distinct persons of any span of days';
COMMENT ON COLUMN report_people.day IS 'Day (UTC) of the questions';
COMMENT ON COLUMN report_people.channel IS 'web, widget, api, terminal and so on';
COMMENT ON COLUMN report_people.person IS 'Stands for a caller without naming them: the MD5 of interaction.caller. Callers who share a name (anonymous) are one person';
COMMENT ON COLUMN report_people.questions IS 'What this person asked on this day';

CREATE VIEW report_active_people AS
SELECT period, begins, count(*) AS people,
       count(*) FILTER (WHERE before = CASE period WHEN 'day' THEN begins - 1 WHEN 'week' THEN begins - 7
                                       ELSE (begins - interval '1 month')::date END) AS returned
  FROM (SELECT period, begins, person, lag(begins) OVER (PARTITION BY period, person ORDER BY begins) AS before
          FROM (SELECT DISTINCT p.period, date_trunc(p.period, r.day::timestamp)::date AS begins, r.person
                  FROM report_people r CROSS JOIN (VALUES ('day'), ('week'), ('month')) AS p (period)) AS each) AS seen
 GROUP BY 1, 2;
COMMENT ON VIEW report_active_people IS 'How many people asked in each day, week (from Monday) and calendar month';
COMMENT ON COLUMN report_active_people.period IS 'day, week or month';
COMMENT ON COLUMN report_active_people.begins IS 'First day of the period';
COMMENT ON COLUMN report_active_people.people IS 'Persons who asked in it';
COMMENT ON COLUMN report_active_people.returned IS 'Those of them who had asked in the period before it, too';

CREATE VIEW report_conversations AS
SELECT day, channel, questions, conversations FROM conversation_day
UNION ALL
SELECT o.day, s.channel, s.questions, s.conversations
  FROM open_day o CROSS JOIN LATERAL sum_conversations(day_begins(o.day), day_begins(o.day + 1)) AS s;
COMMENT ON VIEW report_conversations IS 'Conversations by their length. One that goes on on another day counts on each day, with that day''s questions';
COMMENT ON COLUMN report_conversations.day IS 'Day (UTC) of the questions';
COMMENT ON COLUMN report_conversations.channel IS 'web, widget, api, terminal and so on';
COMMENT ON COLUMN report_conversations.questions IS 'Questions that the conversation had on this day';
COMMENT ON COLUMN report_conversations.conversations IS 'How many conversations had so many';

CREATE VIEW report_documents AS
SELECT d.day, d.channel, d.source, d.asset, d.document_id, c.path, c.title, c.owner, d.citations, d.liked,
       d.disliked, c.updated_at, c.fresh_at
  FROM document_day d LEFT JOIN cited_document c USING (document_id)
UNION ALL
SELECT o.day, s.channel, s.source, s.asset, s.document_id, n.path, n.title, n.owner, s.citations, s.liked,
       s.disliked, n.updated_at, n.fresh_at
  FROM open_day o
 CROSS JOIN LATERAL sum_documents(day_begins(o.day), day_begins(o.day + 1)) AS s
 CROSS JOIN LATERAL (SELECT path, title, owner, updated_at, fresh_at FROM passage p
                      WHERE p.document_id = s.document_id ORDER BY interaction_id DESC, rank LIMIT 1) AS n;
COMMENT ON VIEW report_documents IS 'Documents that answers cited. One row for each day, channel and document';
COMMENT ON COLUMN report_documents.day IS 'Day (UTC) of the answers';
COMMENT ON COLUMN report_documents.channel IS 'web, widget, api, terminal and so on';
COMMENT ON COLUMN report_documents.source IS 'Source of the document';
COMMENT ON COLUMN report_documents.asset IS 'Data product that the document describes; empty where it describes none';
COMMENT ON COLUMN report_documents.document_id IS 'As in document and passage';
COMMENT ON COLUMN report_documents.path IS 'Relative to the source; NULL where the document was purged';
COMMENT ON COLUMN report_documents.title IS 'NULL where the document was purged';
COMMENT ON COLUMN report_documents.owner IS 'Who owns the document, as it was last cited';
COMMENT ON COLUMN report_documents.citations IS 'Answers that cited it';
COMMENT ON COLUMN report_documents.liked IS 'Ratings of these answers: up';
COMMENT ON COLUMN report_documents.disliked IS 'Ratings of these answers: down';
COMMENT ON COLUMN report_documents.updated_at IS 'When the document was last changed, as it was last cited';
COMMENT ON COLUMN report_documents.fresh_at IS 'The moment that the data it describes are as of, as it was last cited';

CREATE VIEW report_spending AS
SELECT day, purpose, model, outcome, channel, origin, team, calls, estimated, input_tokens, cached_tokens,
       output_tokens, cost, unknown_price, latency_ms
  FROM cost_day
UNION ALL
SELECT o.day, s.purpose, s.model, s.outcome, s.channel, s.origin, s.team, s.calls, s.estimated,
       s.input_tokens, s.cached_tokens, s.output_tokens, s.cost, s.unknown_price, s.latency_ms
  FROM open_day o CROSS JOIN LATERAL sum_cost(day_begins(o.day), day_begins(o.day + 1)) AS s;
COMMENT ON VIEW report_spending IS 'Model calls of every kind, of ingest, of people, of evaluations and of re-asking: what they used and cost';
COMMENT ON COLUMN report_spending.day IS 'Day (UTC) of the call';
COMMENT ON COLUMN report_spending.purpose IS 'As model_call.purpose: embed_passages, clean, embed_question, condense, expand, rerank, answer, judge';
COMMENT ON COLUMN report_spending.model IS 'The model that was called';
COMMENT ON COLUMN report_spending.outcome IS 'ok, rate_limited, unavailable, rejected, bad_response, cancelled';
COMMENT ON COLUMN report_spending.channel IS 'Where the question came in; empty for ingest';
COMMENT ON COLUMN report_spending.origin IS 'person, evaluation, demo, re_ask; empty for ingest';
COMMENT ON COLUMN report_spending.team IS 'The caller''s first group that insights.teams names; empty: none, or ingest';
COMMENT ON COLUMN report_spending.calls IS 'Attempts, failed ones too';
COMMENT ON COLUMN report_spending.estimated IS 'Those of them whose tokens docent counted itself, because the provider did not tell';
COMMENT ON COLUMN report_spending.input_tokens IS 'Tokens sent, cached ones included; NULL where nothing was used';
COMMENT ON COLUMN report_spending.cached_tokens IS 'Those of them that the provider had cached';
COMMENT ON COLUMN report_spending.output_tokens IS 'Tokens got';
COMMENT ON COLUMN report_spending.cost IS 'Dollars of the calls whose price is known; NULL where none is';
COMMENT ON COLUMN report_spending.unknown_price IS 'Calls that used tokens of a model without a configured price';
COMMENT ON COLUMN report_spending.latency_ms IS 'Milliseconds of all calls, added up';

CREATE OR REPLACE VIEW report_cost AS
SELECT purpose, model, day, sum(calls)::bigint AS calls,
       sum(input_tokens)::bigint AS input_tokens, sum(cached_tokens)::bigint AS cached_tokens,
       sum(output_tokens)::bigint AS output_tokens, sum(cost) AS cost,
       sum(unknown_price)::bigint AS calls_with_unknown_price
  FROM report_spending GROUP BY 1, 2, 3;

CREATE VIEW report_interactions AS
SELECT i.id, i.at, i.conversation_id, i.channel, md5(i.caller)::uuid AS person, i.team, i.language, i.source,
       i.asset, i.owner, i.question_key, i.outcome, i.generator, i.fallback_reason, i.retrieve_ms,
       i.first_token_ms, i.total_ms, i.checked, i.unverified
  FROM interaction i WHERE i.origin = 'person';
COMMENT ON VIEW report_interactions IS 'Each question of a person, without any text';
COMMENT ON COLUMN report_interactions.id IS 'Its page is /insights/interactions/ID';
COMMENT ON COLUMN report_interactions.person IS 'As report_people.person';
COMMENT ON COLUMN report_interactions.question_key IS 'The same for questions that differ in case, blanks and end marks only';

CREATE VIEW report_feedback AS
SELECT f.at, f.interaction_id, f.rating, f.comment IS NOT NULL AS has_comment, i.channel, i.source, i.asset,
       i.owner, i.outcome, i.question_key, i.at AS asked_at
  FROM feedback f JOIN interaction i ON i.id = f.interaction_id
 WHERE i.origin = 'person';
COMMENT ON VIEW report_feedback IS 'Each rating that people gave, without their words';
COMMENT ON COLUMN report_feedback.at IS 'When it was given';
COMMENT ON COLUMN report_feedback.rating IS 'up or down';
COMMENT ON COLUMN report_feedback.has_comment IS 'Whether the reader wrote something';
COMMENT ON COLUMN report_feedback.source IS 'As report_use.source';
COMMENT ON COLUMN report_feedback.asset IS 'As report_use.asset';
COMMENT ON COLUMN report_feedback.owner IS 'Who owns the document that source and asset are of';
COMMENT ON COLUMN report_feedback.asked_at IS 'When the question was asked';

CREATE VIEW report_gaps AS
SELECT t.question_key,
       (array_agg(t.id ORDER BY t.at DESC))[1] AS interaction_id,
       count(*) FILTER (WHERE t.abstained) AS abstained,
       count(*) FILTER (WHERE NOT t.abstained) AS disliked,
       count(DISTINCT t.caller) AS people,
       min(t.at) AS first_at, max(t.at) AS last_at,
       (array_agg(t.source ORDER BY t.at DESC))[1] AS source,
       (array_agg(t.asset ORDER BY t.at DESC))[1] AS asset,
       (array_agg(t.owner ORDER BY t.at DESC))[1] AS owner,
       CASE WHEN g.closed_at > max(t.at) THEN 'closed' ELSE 'open' END AS state,
       CASE WHEN g.closed_at > max(t.at) THEN g.closed_at END AS closed_at,
       CASE WHEN g.closed_at > max(t.at) THEN g.closed_run END AS closed_run,
       g.asked_again_at
  FROM (SELECT id, at, question_key, caller, source, asset, owner, true AS abstained
          FROM interaction WHERE origin = 'person' AND outcome = 'abstained'
        UNION ALL
        SELECT i.id, i.at, i.question_key, i.caller, i.source, i.asset, i.owner, false
          FROM feedback f JOIN interaction i ON i.id = f.interaction_id
         WHERE f.rating = 'down' AND i.origin = 'person' AND i.outcome <> 'abstained') AS t
  LEFT JOIN gap g USING (question_key)
 GROUP BY t.question_key, g.closed_at, g.closed_run, g.asked_again_at;
COMMENT ON VIEW report_gaps IS 'Questions that were not answered, or answered badly: what to write next. One row for each question';
COMMENT ON COLUMN report_gaps.question_key IS 'As report_interactions.question_key';
COMMENT ON COLUMN report_gaps.interaction_id IS 'The newest such question; interaction has its text';
COMMENT ON COLUMN report_gaps.abstained IS 'How often the documents did not answer it';
COMMENT ON COLUMN report_gaps.disliked IS 'How often an answer to it was rated down';
COMMENT ON COLUMN report_gaps.people IS 'How many people that reached';
COMMENT ON COLUMN report_gaps.first_at IS 'When it happened first';
COMMENT ON COLUMN report_gaps.last_at IS 'When it happened last';
COMMENT ON COLUMN report_gaps.source IS 'Source of the nearest document';
COMMENT ON COLUMN report_gaps.asset IS 'Data product of the nearest document';
COMMENT ON COLUMN report_gaps.owner IS 'Owner of the nearest document';
COMMENT ON COLUMN report_gaps.state IS 'open; closed: docent asked it again after a run, and had an answer';
COMMENT ON COLUMN report_gaps.closed_at IS 'When it was closed; NULL while it is open';
COMMENT ON COLUMN report_gaps.closed_run IS 'The run after which there was an answer';
COMMENT ON COLUMN report_gaps.asked_again_at IS 'When docent asked it again last';

CREATE VIEW report_sources AS
SELECT s.name AS source, s.kind, s.first_run_at, s.last_run_at,
       (SELECT max(r.finished_at) FROM ingest_run r
         WHERE r.source = s.name AND r.outcome IN ('done', 'done_with_failures')) AS last_good_at,
       (SELECT r.outcome FROM ingest_run r WHERE r.source = s.name ORDER BY r.started_at DESC LIMIT 1) AS last_outcome,
       (SELECT r.id FROM ingest_run r WHERE r.source = s.name ORDER BY r.started_at DESC LIMIT 1) AS last_run,
       (SELECT count(*) FROM document d JOIN collection c ON c.name = d.collection AND c.live
         WHERE d.source = s.name AND d.indexed) AS documents,
       (SELECT count(*) FROM document d JOIN collection c ON c.name = d.collection AND c.live
         WHERE d.source = s.name AND d.outcome = 'failed') AS failed_documents
  FROM source s;
COMMENT ON VIEW report_sources IS 'Every source that was ever ingested: what is in the index of it, and how its last run ended';
COMMENT ON COLUMN report_sources.last_good_at IS 'When a run over it last got to its end; NULL: never';
COMMENT ON COLUMN report_sources.last_outcome IS 'Of the last run: running, done, done_with_failures, failed';
COMMENT ON COLUMN report_sources.documents IS 'Documents in the live collection';
COMMENT ON COLUMN report_sources.failed_documents IS 'Documents whose last attempt failed';

CREATE VIEW report_old_documents AS
SELECT d.source, d.asset, d.document_id, c.path, c.title, c.owner, c.updated_at, c.fresh_at, d.citations, d.last_day
  FROM (SELECT source, asset, document_id, sum(citations)::bigint AS citations, max(day) AS last_day
          FROM (SELECT source, asset, document_id, citations, day FROM document_day
                UNION ALL
                SELECT s.source, s.asset, s.document_id, s.citations, o.day
                  FROM open_day o
                 CROSS JOIN LATERAL sum_documents(day_begins(o.day), day_begins(o.day + 1)) AS s) AS each
         WHERE day > (now() AT TIME ZONE 'UTC')::date - 90
         GROUP BY 1, 2, 3) AS d
 CROSS JOIN LATERAL (SELECT path, title, owner, updated_at, fresh_at FROM passage p
                      WHERE p.document_id = d.document_id ORDER BY interaction_id DESC, rank LIMIT 1) AS c
 WHERE c.updated_at IS NOT NULL OR c.fresh_at IS NOT NULL;
COMMENT ON VIEW report_old_documents IS 'Documents that were cited in the last 90 days and whose age is known: those cited often and old are to be looked at';
COMMENT ON COLUMN report_old_documents.updated_at IS 'When the document was last changed, as it was last found';
COMMENT ON COLUMN report_old_documents.fresh_at IS 'The moment that the data it describes are as of, as it was last found';
COMMENT ON COLUMN report_old_documents.citations IS 'Answers of the last 90 days that cited it';
COMMENT ON COLUMN report_old_documents.last_day IS 'When it was last cited';

CREATE VIEW report_page_views AS
SELECT (at AT TIME ZONE 'UTC')::date AS day, page, count(*) AS views, count(DISTINCT caller) AS people,
       max(ms) AS slowest_ms
  FROM page_view GROUP BY 1, 2;
COMMENT ON VIEW report_page_views IS 'How often the pages of /insights were looked at, and by how many';
COMMENT ON COLUMN report_page_views.page IS 'use, gaps, cost, ingest, interaction, program; with .csv where it was exported';
