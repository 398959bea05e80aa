-- What pages and reports read quickly: sums of days that are over, kept exact.
--
-- A day is open while its rows have not been summed. Whatever writes, rates or deletes a row of a day opens
-- it, and takes its sums away; `roll` (core/src/ledger/insights/rollup.rs) sums it and closes it. So a
-- figure is always sums of closed days plus rows of open ones, and equals a count over the rows.
-- Sums of questions that retention has deleted are kept beside them (`expired`).

ALTER TABLE interaction
    ADD COLUMN language text,
    ADD COLUMN team text,
    ADD COLUMN source text,
    ADD COLUMN asset text,
    ADD COLUMN owner text,
    ADD COLUMN question_key uuid GENERATED ALWAYS AS
        (md5(regexp_replace(lower(btrim(standalone_question)), '[[:space:]?!.]+', ' ', 'g'))::uuid) STORED;
COMMENT ON COLUMN interaction.language IS 'Of the question: en or ko; NULL: asked of a docent that did not tell';
COMMENT ON COLUMN interaction.team IS 'The first of the caller''s groups that insights.teams names';
COMMENT ON COLUMN interaction.source IS 'What the question is about: the source of the first document cited, or, where none is, of the nearest one found';
COMMENT ON COLUMN interaction.asset IS 'The data product that the same document describes';
COMMENT ON COLUMN interaction.owner IS 'Who owns the same document';
COMMENT ON COLUMN interaction.question_key IS 'The same for questions that differ in case, blanks and end marks only';
COMMENT ON COLUMN interaction.origin IS 'person, evaluation, demo or re_ask; only person counts as use';

ALTER TABLE passage
    ADD COLUMN asset text,
    ADD COLUMN owner text,
    ADD COLUMN updated_at timestamptz,
    ADD COLUMN fresh_at timestamptz;
COMMENT ON COLUMN passage.asset IS 'The data product that the document describes';
COMMENT ON COLUMN passage.owner IS 'Who owns the document';
COMMENT ON COLUMN passage.updated_at IS 'When the document was last changed, as its source told';
COMMENT ON COLUMN passage.fresh_at IS 'The moment that the data it describes are as of';

ALTER TABLE model_call
    ADD COLUMN channel text,
    ADD COLUMN origin text,
    ADD COLUMN team text;
COMMENT ON COLUMN model_call.channel IS 'Of the question, noted here when the question is deleted; until then the interaction has it';
COMMENT ON COLUMN model_call.origin IS 'As channel';
COMMENT ON COLUMN model_call.team IS 'As channel';

UPDATE interaction i SET source = p.source
  FROM (SELECT DISTINCT ON (interaction_id) interaction_id, source FROM passage
         ORDER BY interaction_id, cited_as, rank) AS p
 WHERE p.interaction_id = i.id;

CREATE INDEX interaction_use ON interaction (at)
    INCLUDE (channel, source, asset, question_key, caller, outcome, total_ms, first_token_ms)
    WHERE origin = 'person';
CREATE INDEX interaction_question ON interaction (question_key, at DESC) WHERE origin = 'person';
CREATE INDEX interaction_abstained ON interaction (at)
    INCLUDE (channel, source, asset, owner, question_key, caller)
    WHERE origin = 'person' AND outcome = 'abstained';
CREATE INDEX passage_newest ON passage (document_id, interaction_id DESC);
DROP INDEX passage_by_document;
CREATE INDEX feedback_down ON feedback (interaction_id) WHERE rating = 'down';

CREATE TABLE open_day (
    day              date PRIMARY KEY
);
COMMENT ON TABLE open_day IS 'Days (UTC) whose rows are not summed, or not any more';

CREATE TABLE use_day (
    day              date NOT NULL,
    channel          text NOT NULL,
    source           text NOT NULL,
    asset            text NOT NULL,
    language         text NOT NULL,
    questions        bigint NOT NULL,
    answered         bigint NOT NULL,
    quoted           bigint NOT NULL,
    abstained        bigint NOT NULL,
    failed           bigint NOT NULL,
    cancelled        bigint NOT NULL,
    liked            bigint NOT NULL,
    disliked         bigint NOT NULL,
    checked          bigint NOT NULL,
    unverified       bigint NOT NULL,
    total_ms         bigint NOT NULL,
    calls            bigint NOT NULL,
    input_tokens     bigint NOT NULL,
    output_tokens    bigint NOT NULL,
    cost             numeric NOT NULL,
    unknown_price    bigint NOT NULL,
    hours            integer[] NOT NULL,
    expired          boolean NOT NULL DEFAULT false,
    PRIMARY KEY (day, channel, source, asset, language, expired)
);
COMMENT ON TABLE use_day IS 'Questions of people, summed by day; report_use describes the columns';
COMMENT ON COLUMN use_day.expired IS 'Of questions that retention has deleted';

CREATE TABLE latency_day (
    day              date NOT NULL,
    channel          text NOT NULL,
    kind             text NOT NULL,
    ms               bigint NOT NULL,
    questions        bigint NOT NULL,
    expired          boolean NOT NULL DEFAULT false,
    PRIMARY KEY (day, channel, kind, ms, expired)
);
COMMENT ON TABLE latency_day IS 'How long people waited, by day; report_latency describes the columns';

CREATE TABLE person_day (
    day              date NOT NULL,
    channel          text NOT NULL,
    person           uuid NOT NULL,
    questions        bigint NOT NULL,
    expired          boolean NOT NULL DEFAULT false,
    PRIMARY KEY (day, person, channel, expired)
);
COMMENT ON TABLE person_day IS 'Who asked on which day; report_people describes the columns';

CREATE TABLE conversation_day (
    day              date NOT NULL,
    channel          text NOT NULL,
    questions        integer NOT NULL,
    conversations    bigint NOT NULL,
    expired          boolean NOT NULL DEFAULT false,
    PRIMARY KEY (day, channel, questions, expired)
);
COMMENT ON TABLE conversation_day IS 'Conversations by length; report_conversations describes the columns';

CREATE TABLE document_day (
    day              date NOT NULL,
    channel          text NOT NULL,
    source           text NOT NULL,
    asset            text NOT NULL,
    document_id      uuid NOT NULL,
    citations        bigint NOT NULL,
    liked            bigint NOT NULL,
    disliked         bigint NOT NULL,
    expired          boolean NOT NULL DEFAULT false,
    PRIMARY KEY (day, channel, source, asset, document_id, expired)
);
COMMENT ON TABLE document_day IS 'Documents that answers cited, by day; report_documents describes the columns';

CREATE TABLE cited_document (
    document_id      uuid PRIMARY KEY,
    path             text NOT NULL,
    title            text NOT NULL,
    owner            text,
    updated_at       timestamptz,
    fresh_at         timestamptz,
    seen_at          timestamptz NOT NULL
);
COMMENT ON TABLE cited_document IS 'What a cited document was called when it was last summed';

CREATE TABLE cost_day (
    day              date NOT NULL,
    purpose          text NOT NULL,
    model            text NOT NULL,
    outcome          text NOT NULL,
    channel          text NOT NULL,
    origin           text NOT NULL,
    team             text NOT NULL,
    calls            bigint NOT NULL,
    estimated        bigint NOT NULL,
    input_tokens     bigint,
    cached_tokens    bigint,
    output_tokens    bigint,
    cost             numeric,
    unknown_price    bigint NOT NULL,
    latency_ms       bigint NOT NULL,
    expired          boolean NOT NULL DEFAULT false,
    PRIMARY KEY (day, purpose, model, outcome, channel, origin, team, expired)
);
COMMENT ON TABLE cost_day IS 'Model calls, summed by day; report_spending describes the columns';

-- Sums of the rows of a span of time. Views and `roll` both call these, so that they cannot differ.

CREATE OR REPLACE FUNCTION sum_use(timestamptz, timestamptz) RETURNS TABLE (
    day date, channel text, source text, asset text, language text, questions bigint, answered bigint,
    quoted bigint, abstained bigint, failed bigint, cancelled bigint, liked bigint, disliked bigint,
    checked bigint, unverified bigint, total_ms bigint, calls bigint, input_tokens bigint,
    output_tokens bigint, cost numeric, unknown_price bigint, hours integer[]) LANGUAGE sql STABLE AS $$
SELECT (i.at AT TIME ZONE 'UTC')::date, i.channel, coalesce(i.source, ''), coalesce(i.asset, ''),
       coalesce(i.language, ''), count(*),
       count(*) FILTER (WHERE i.outcome = 'answered'),
       count(*) FILTER (WHERE i.outcome = 'answered' AND i.generator = 'extractive'),
       count(*) FILTER (WHERE i.outcome = 'abstained'),
       count(*) FILTER (WHERE i.outcome = 'failed'),
       count(*) FILTER (WHERE i.outcome = 'cancelled'),
       sum(f.liked)::bigint, sum(f.disliked)::bigint,
       coalesce(sum(i.checked), 0)::bigint, coalesce(sum(i.unverified), 0)::bigint,
       sum(i.total_ms)::bigint, sum(c.calls)::bigint, sum(c.input_tokens)::bigint,
       sum(c.output_tokens)::bigint, sum(c.cost), sum(c.unknown_price)::bigint,
       ARRAY[count(*) FILTER (WHERE h = 0), count(*) FILTER (WHERE h = 1), count(*) FILTER (WHERE h = 2),
             count(*) FILTER (WHERE h = 3), count(*) FILTER (WHERE h = 4), count(*) FILTER (WHERE h = 5),
             count(*) FILTER (WHERE h = 6), count(*) FILTER (WHERE h = 7), count(*) FILTER (WHERE h = 8),
             count(*) FILTER (WHERE h = 9), count(*) FILTER (WHERE h = 10), count(*) FILTER (WHERE h = 11),
             count(*) FILTER (WHERE h = 12), count(*) FILTER (WHERE h = 13), count(*) FILTER (WHERE h = 14),
             count(*) FILTER (WHERE h = 15), count(*) FILTER (WHERE h = 16), count(*) FILTER (WHERE h = 17),
             count(*) FILTER (WHERE h = 18), count(*) FILTER (WHERE h = 19), count(*) FILTER (WHERE h = 20),
             count(*) FILTER (WHERE h = 21), count(*) FILTER (WHERE h = 22), count(*) FILTER (WHERE h = 23)
            ]::integer[]
  FROM interaction i
 CROSS JOIN LATERAL (SELECT extract(hour FROM i.at AT TIME ZONE 'UTC')::integer AS h) AS hour
 CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE rating = 'up') AS liked,
                            count(*) FILTER (WHERE rating = 'down') AS disliked
                       FROM feedback WHERE feedback.interaction_id = i.id) AS f
 CROSS JOIN LATERAL (SELECT count(*) AS calls, coalesce(sum(m.input_tokens), 0) AS input_tokens,
                            coalesce(sum(m.output_tokens), 0) AS output_tokens,
                            coalesce(sum(m.cost), 0) AS cost,
                            count(*) FILTER (WHERE m.cost IS NULL AND m.input_tokens IS NOT NULL) AS unknown_price
                       FROM model_call m WHERE m.interaction_id = i.id) AS c
 WHERE i.origin = 'person' AND i.at >= $1 AND i.at < $2
 GROUP BY 1, 2, 3, 4, 5
$$;

-- Two significant digits: a percentile of these is the percentile of the milliseconds, cut the same way.
CREATE OR REPLACE FUNCTION two_digits(bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
SELECT CASE WHEN $1 < 100 THEN greatest($1, 0) WHEN $1 < 1000 THEN $1 / 10 * 10
            WHEN $1 < 10000 THEN $1 / 100 * 100 WHEN $1 < 100000 THEN $1 / 1000 * 1000
            ELSE $1 / 10000 * 10000 END
$$;

CREATE OR REPLACE FUNCTION sum_latency(timestamptz, timestamptz) RETURNS TABLE (
    day date, channel text, kind text, ms bigint, questions bigint) LANGUAGE sql STABLE AS $$
SELECT (i.at AT TIME ZONE 'UTC')::date, i.channel, k.kind, two_digits(k.ms), count(*)
  FROM interaction i
 CROSS JOIN LATERAL (VALUES ('total', i.total_ms), ('first_token', i.first_token_ms)) AS k (kind, ms)
 WHERE i.origin = 'person' AND i.outcome = 'answered' AND k.ms IS NOT NULL AND i.at >= $1 AND i.at < $2
 GROUP BY 1, 2, 3, 4
$$;

CREATE OR REPLACE FUNCTION sum_people(timestamptz, timestamptz) RETURNS TABLE (
    day date, channel text, person uuid, questions bigint) LANGUAGE sql STABLE AS $$
SELECT (i.at AT TIME ZONE 'UTC')::date, i.channel, md5(i.caller)::uuid, count(*)
  FROM interaction i
 WHERE i.origin = 'person' AND i.at >= $1 AND i.at < $2
 GROUP BY 1, 2, 3
$$;

CREATE OR REPLACE FUNCTION sum_conversations(timestamptz, timestamptz) RETURNS TABLE (
    day date, channel text, questions integer, conversations bigint) LANGUAGE sql STABLE AS $$
SELECT c.day, c.channel, c.questions, count(*)
  FROM (SELECT (i.at AT TIME ZONE 'UTC')::date AS day, i.channel, count(*)::integer AS questions
          FROM interaction i
         WHERE i.origin = 'person' AND i.at >= $1 AND i.at < $2
         GROUP BY i.conversation_id, 1, 2) AS c
 GROUP BY 1, 2, 3
$$;

CREATE OR REPLACE FUNCTION sum_documents(timestamptz, timestamptz) RETURNS TABLE (
    day date, channel text, source text, asset text, document_id uuid, citations bigint, liked bigint,
    disliked bigint) LANGUAGE sql STABLE AS $$
SELECT c.day, c.channel, c.source, c.asset, c.document_id, count(*), sum(f.liked)::bigint,
       sum(f.disliked)::bigint
  FROM (SELECT DISTINCT i.id, (i.at AT TIME ZONE 'UTC')::date AS day, i.channel, p.source,
               coalesce(p.asset, '') AS asset, p.document_id
          FROM interaction i JOIN passage p ON p.interaction_id = i.id
         WHERE i.origin = 'person' AND p.cited_as IS NOT NULL AND i.at >= $1 AND i.at < $2) AS c
 CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE rating = 'up') AS liked,
                            count(*) FILTER (WHERE rating = 'down') AS disliked
                       FROM feedback WHERE feedback.interaction_id = c.id) AS f
 GROUP BY 1, 2, 3, 4, 5
$$;

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
  FROM model_call c LEFT JOIN interaction i ON i.id = c.interaction_id
 WHERE c.at >= $1 AND c.at < $2
 GROUP BY 1, 2, 3, 4, 5, 6, 7
$$;

-- Opens days: what was summed of them counts no longer. The lock is taken shared by all who write and
-- alone by `roll` ("docsums" in ASCII): a row that is being written while its day is summed opens the day again.
CREATE OR REPLACE FUNCTION open_days(date[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE opened date[];
BEGIN
    -- A backup brings rows and their sums.
    IF current_setting('docent.restoring', true) = 'on' THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock_shared(28269970600586611);
    WITH new AS (
        INSERT INTO open_day (day) SELECT DISTINCT d FROM unnest($1) AS d WHERE d IS NOT NULL ORDER BY d
        ON CONFLICT DO NOTHING RETURNING open_day.day)
    SELECT array_agg(new.day) INTO opened FROM new;
    IF opened IS NOT NULL THEN
        DELETE FROM use_day WHERE day = ANY(opened) AND NOT expired;
        DELETE FROM latency_day WHERE day = ANY(opened) AND NOT expired;
        DELETE FROM person_day WHERE day = ANY(opened) AND NOT expired;
        DELETE FROM conversation_day WHERE day = ANY(opened) AND NOT expired;
        DELETE FROM document_day WHERE day = ANY(opened) AND NOT expired;
        DELETE FROM cost_day WHERE day = ANY(opened) AND NOT expired;
    END IF;
END $$;

-- A question is written after its calls, and may be of the next day: the hour before is opened as well,
-- and for a call the hour after it.
CREATE OR REPLACE FUNCTION open_days_of_interactions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM open_days((SELECT array_agg(DISTINCT d) FROM (
        SELECT (at AT TIME ZONE 'UTC')::date AS d FROM changed
        UNION SELECT ((at - interval '1 hour') AT TIME ZONE 'UTC')::date FROM changed) AS days));
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION open_days_of_calls() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM open_days((SELECT array_agg(DISTINCT d) FROM (
        SELECT (at AT TIME ZONE 'UTC')::date AS d FROM changed
        UNION SELECT ((at + interval '1 hour') AT TIME ZONE 'UTC')::date FROM changed) AS days));
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION open_days_of_feedback() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM open_days((SELECT array_agg(DISTINCT (i.at AT TIME ZONE 'UTC')::date)
        FROM changed JOIN interaction i ON i.id = changed.interaction_id));
    RETURN NULL;
END $$;

-- Passages are written with their interaction, and go with it; what a purge takes of them opens its days itself.
CREATE TRIGGER interaction_written AFTER INSERT ON interaction REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION open_days_of_interactions();
CREATE TRIGGER interaction_deleted AFTER DELETE ON interaction REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION open_days_of_interactions();
CREATE TRIGGER call_written AFTER INSERT ON model_call REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION open_days_of_calls();
CREATE TRIGGER call_deleted AFTER DELETE ON model_call REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION open_days_of_calls();
CREATE TRIGGER feedback_written AFTER INSERT ON feedback REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION open_days_of_feedback();
CREATE TRIGGER feedback_changed AFTER UPDATE ON feedback REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION open_days_of_feedback();
CREATE TRIGGER feedback_deleted AFTER DELETE ON feedback REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION open_days_of_feedback();

INSERT INTO open_day (day)
SELECT (at AT TIME ZONE 'UTC')::date FROM interaction
UNION SELECT (at AT TIME ZONE 'UTC')::date FROM model_call;

CREATE TABLE gap (
    question_key     uuid PRIMARY KEY,
    asked_again_at   timestamptz NOT NULL,
    asked_again_run  uuid NOT NULL,
    times            integer NOT NULL,
    closed_at        timestamptz,
    closed_run       uuid,
    told_at          timestamptz
);
COMMENT ON TABLE gap IS 'Questions without a good answer that docent has asked again, by interaction.question_key';
COMMENT ON COLUMN gap.asked_again_run IS 'The run after which it was asked last';
COMMENT ON COLUMN gap.closed_at IS 'When it was answered; trouble with the same question after this opens it again';
COMMENT ON COLUMN gap.closed_run IS 'The run after which it was answered';
COMMENT ON COLUMN gap.told_at IS 'When those who asked were told; NULL: not yet, or nobody wanted to be';

CREATE TABLE page_view (
    id               uuid PRIMARY KEY,
    at               timestamptz NOT NULL,
    page             text NOT NULL,
    caller           text NOT NULL,
    ms               bigint NOT NULL
);
COMMENT ON TABLE page_view IS 'Who looked at which page of /insights';
COMMENT ON COLUMN page_view.page IS 'use, gaps, cost, ingest, interaction, program; with .csv where it was exported';
COMMENT ON COLUMN page_view.ms IS 'How long making the page took';
CREATE INDEX page_view_at ON page_view (at);
