-- Sums of months, and sums by source, for pages about a year or about one source of it.
--
-- A month is open (`open_month`) as a day is: while any of its days is, and until `roll` has summed it. Its
-- sums are made of the sums of closed days (`question_month` and `gap_month`: of rows), are read only while it is closed, and
-- are made anew when it is summed again; so nobody who opens a day needs to touch them.

-- When the question was asked: so that the dislikes of some days are found among those of years.
ALTER TABLE feedback ADD COLUMN asked_at timestamptz;
COMMENT ON COLUMN feedback.asked_at IS 'interaction.at of the question';
UPDATE feedback f SET asked_at = i.at FROM interaction i WHERE i.id = f.interaction_id;
CREATE OR REPLACE FUNCTION note_when_asked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.asked_at := (SELECT at FROM interaction WHERE id = NEW.interaction_id);
    RETURN NEW;
END $$;
CREATE TRIGGER feedback_asked BEFORE INSERT ON feedback FOR EACH ROW EXECUTE FUNCTION note_when_asked();
CREATE INDEX feedback_down_asked ON feedback (asked_at) INCLUDE (interaction_id) WHERE rating = 'down';

CREATE TABLE open_month (
    month            date PRIMARY KEY
);
COMMENT ON TABLE open_month IS 'Months (UTC, by their first day) that are not summed, or not any more';

CREATE TABLE use_month (
    month            date NOT NULL,
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
    PRIMARY KEY (month, channel, source, asset, language)
);
COMMENT ON TABLE use_month IS 'use_day of the days of a month; counts only while the month is closed';

CREATE TABLE question_month (
    month            date NOT NULL,
    channel          text NOT NULL,
    source           text NOT NULL,
    asset            text NOT NULL,
    question_key     uuid NOT NULL,
    questions        bigint NOT NULL,
    abstained        bigint NOT NULL,
    PRIMARY KEY (month, source, asset, channel, question_key)
);
COMMENT ON TABLE question_month IS 'Wordings that people asked in a month, of rows that are still there; counts only while the month is closed';

CREATE TABLE gap_month (
    month            date NOT NULL,
    channel          text NOT NULL,
    source           text NOT NULL,
    asset            text NOT NULL,
    question_key     uuid NOT NULL,
    person           bigint NOT NULL,
    abstained        integer NOT NULL,
    disliked         integer NOT NULL,
    last_at          timestamptz NOT NULL,
    PRIMARY KEY (month, source, asset, channel, question_key, person)
);
COMMENT ON TABLE gap_month IS 'Who had which question without a good answer in a month, of rows that are still there; counts only while the month is closed';
COMMENT ON COLUMN gap_month.person IS 'Stands for a caller: a hash of the name';

CREATE TABLE document_month (
    month            date NOT NULL,
    channel          text NOT NULL,
    source           text NOT NULL,
    asset            text NOT NULL,
    document_id      uuid NOT NULL,
    citations        bigint NOT NULL,
    liked            bigint NOT NULL,
    disliked         bigint NOT NULL,
    PRIMARY KEY (month, channel, source, asset, document_id)
);
COMMENT ON TABLE document_month IS 'document_day of the days of a month; counts only while the month is closed';

CREATE TABLE cost_month (
    month            date NOT NULL,
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
    PRIMARY KEY (month, purpose, model, outcome, channel, origin, team)
);
COMMENT ON TABLE cost_month IS 'cost_day of the days of a month; counts only while the month is closed';

CREATE TABLE spread_month (
    month            date NOT NULL,
    channel          text NOT NULL,
    whole            boolean NOT NULL,
    source           text NOT NULL,
    kind             text NOT NULL,
    value            bigint[] NOT NULL,
    times            bigint[] NOT NULL,
    PRIMARY KEY (month, whole, source, channel, kind)
);
COMMENT ON TABLE spread_month IS 'spread_day of the days of a month; counts only while the month is closed';

CREATE TABLE source_day (
    day              date NOT NULL,
    channel          text NOT NULL,
    source           text NOT NULL,
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
    calls            bigint NOT NULL,
    cost             numeric NOT NULL,
    unknown_price    bigint NOT NULL,
    PRIMARY KEY (day, channel, source)
);
COMMENT ON TABLE source_day IS 'use_day of a closed day, with assets and languages together';

-- Takes the place of hour_day, latency_day and conversation_day, which knew no source. A row of each
-- distribution: values, and how often each came. A conversation about two sources counts with each of them,
-- so the distribution of all sources is a row of its own.
CREATE TABLE spread_day (
    day              date NOT NULL,
    channel          text NOT NULL,
    whole            boolean NOT NULL,
    source           text NOT NULL,
    kind             text NOT NULL,
    value            bigint[] NOT NULL,
    times            bigint[] NOT NULL,
    expired          boolean NOT NULL DEFAULT false
);
CREATE INDEX spread_day_source ON spread_day (whole, source, day);
CREATE INDEX spread_day_day ON spread_day (day);
COMMENT ON TABLE spread_day IS 'How questions of people spread over hours, waits and lengths of conversations, by day';
COMMENT ON COLUMN spread_day.whole IS 'Of all sources together; source is empty then';
COMMENT ON COLUMN spread_day.kind IS 'hour (a weekday from 1, Monday, times 100, and the hour of UTC); first_token and total (milliseconds, two digits); conversation (questions of one)';
COMMENT ON COLUMN spread_day.expired IS 'Of questions that retention has deleted';

-- A bit a day. What a day that is open again had set does not count (`person_days`).
CREATE TABLE person_month (
    month            date NOT NULL,
    channel          text NOT NULL,
    whole            boolean NOT NULL,
    source           text NOT NULL,
    person           uuid NOT NULL,
    days             integer NOT NULL,
    expired          boolean NOT NULL DEFAULT false,
    PRIMARY KEY (month, whole, source, channel, person, expired)
) WITH (fillfactor = 70);
COMMENT ON TABLE person_month IS 'On which days of a month a person asked';
COMMENT ON COLUMN person_month.whole IS 'About whatever source; source is empty then';
COMMENT ON COLUMN person_month.person IS 'As report_people.person';
COMMENT ON COLUMN person_month.days IS 'The lowest bit is the first day of the month';

CREATE OR REPLACE FUNCTION sum_spread(timestamptz, timestamptz) RETURNS TABLE (
    day date, channel text, whole boolean, source text, kind text, value bigint[], times bigint[])
    LANGUAGE sql STABLE AS $$
WITH asked AS (
    SELECT (i.at AT TIME ZONE 'UTC')::date AS day, i.channel, coalesce(i.source, '') AS source,
           i.conversation_id,
           (extract(isodow FROM i.at AT TIME ZONE 'UTC') * 100 + extract(hour FROM i.at AT TIME ZONE 'UTC'))::bigint AS hour,
           CASE WHEN i.outcome = 'answered' THEN two_digits(i.first_token_ms) END AS first_token,
           CASE WHEN i.outcome = 'answered' THEN two_digits(i.total_ms) END AS total
      FROM interaction i
     WHERE i.origin = 'person' AND i.at >= $1 AND i.at < $2)
SELECT c.day, c.channel, c.source IS NULL, coalesce(c.source, ''), c.kind, array_agg(c.value ORDER BY c.value),
       array_agg(c.times ORDER BY c.value)
  FROM (SELECT day, channel, source, 'hour' AS kind, hour AS value, count(*) AS times
          FROM asked GROUP BY GROUPING SETS ((day, channel, hour), (day, channel, source, hour))
        UNION ALL
        SELECT day, channel, source, 'first_token', first_token, count(*)
          FROM asked WHERE first_token IS NOT NULL
         GROUP BY GROUPING SETS ((day, channel, first_token), (day, channel, source, first_token))
        UNION ALL
        SELECT day, channel, source, 'total', total, count(*)
          FROM asked WHERE total IS NOT NULL
         GROUP BY GROUPING SETS ((day, channel, total), (day, channel, source, total))
        UNION ALL
        SELECT day, channel, source, 'conversation', questions, count(*)
          FROM (SELECT day, channel, source, count(*) AS questions FROM asked
                 GROUP BY GROUPING SETS ((day, channel, conversation_id),
                                         (day, channel, source, conversation_id))) AS each
         GROUP BY 1, 2, 3, 5) AS c
 GROUP BY 1, 2, 3, 4, 5
$$;

CREATE OR REPLACE FUNCTION sum_person_days(timestamptz, timestamptz) RETURNS TABLE (
    month date, channel text, whole boolean, source text, person uuid, days integer) LANGUAGE sql STABLE AS $$
SELECT date_trunc('month', d.day::timestamp)::date, d.channel, s.whole, s.source, md5(d.caller)::uuid,
       bit_or(1 << (extract(day FROM d.day)::integer - 1))
  FROM (SELECT DISTINCT (i.at AT TIME ZONE 'UTC')::date AS day, i.channel, i.caller, coalesce(i.source, '') AS source
          FROM interaction i
         WHERE i.origin = 'person' AND i.at >= $1 AND i.at < $2) AS d
 CROSS JOIN LATERAL (VALUES (true, ''), (false, d.source)) AS s (whole, source)
 GROUP BY 1, 2, 3, 4, 5
$$;

CREATE OR REPLACE FUNCTION sum_questions(timestamptz, timestamptz) RETURNS TABLE (
    channel text, source text, asset text, question_key uuid, questions bigint, abstained bigint)
    LANGUAGE sql STABLE AS $$
SELECT i.channel, coalesce(i.source, ''), coalesce(i.asset, ''), i.question_key, count(*),
       count(*) FILTER (WHERE i.outcome = 'abstained')
  FROM interaction i
 WHERE i.origin = 'person' AND i.at >= $1 AND i.at < $2
 GROUP BY 1, 2, 3, 4
$$;

-- Questions without an answer, and answers that were rated down, each once.
CREATE OR REPLACE FUNCTION troubles(timestamptz, timestamptz) RETURNS TABLE (
    channel text, source text, asset text, question_key uuid, person bigint, abstained integer,
    disliked integer, at timestamptz) LANGUAGE sql STABLE AS $$
SELECT i.channel, coalesce(i.source, ''), coalesce(i.asset, ''), i.question_key,
       hashtextextended(i.caller, 0), 1, 0, i.at
  FROM interaction i
 WHERE i.origin = 'person' AND i.outcome = 'abstained' AND i.at >= $1 AND i.at < $2
UNION ALL
SELECT i.channel, coalesce(i.source, ''), coalesce(i.asset, ''), i.question_key,
       hashtextextended(i.caller, 0), 0, 1, i.at
  FROM feedback f JOIN interaction i ON i.id = f.interaction_id
 WHERE f.rating = 'down' AND f.asked_at >= $1 AND f.asked_at < $2
   AND i.origin = 'person' AND i.outcome <> 'abstained'
$$;

CREATE OR REPLACE FUNCTION month_of(date) RETURNS date LANGUAGE sql IMMUTABLE AS $$
SELECT ($1 - (extract(day FROM $1)::integer - 1))
$$;
CREATE OR REPLACE FUNCTION month_after(date) RETURNS date LANGUAGE sql IMMUTABLE AS $$
SELECT month_of(month_of($1) + 31)
$$;

-- Closed months of a span of days, and the days of the span that are in none of them. Every figure of the
-- span is what these months have, and what these days have.
CREATE OR REPLACE FUNCTION whole_months(date, date) RETURNS SETOF date LANGUAGE sql STABLE ROWS 12 AS $$
SELECT m::date FROM generate_series(month_of($1)::timestamp, $2::timestamp, '1 month') AS m
 WHERE m::date >= $1 AND month_after(m::date) <= $2 + 1
   AND NOT EXISTS (SELECT FROM open_month o WHERE o.month = m::date)
$$;
CREATE OR REPLACE FUNCTION other_days(date, date) RETURNS SETOF date LANGUAGE sql STABLE ROWS 60 AS $$
SELECT d::date FROM generate_series($1::timestamp, $2::timestamp, '1 day') AS d
 WHERE month_of(d::date) NOT IN (SELECT whole_months($1, $2))
$$;

-- The same days, as spans whose end is the day behind them.
CREATE OR REPLACE FUNCTION other_spans(date, date) RETURNS TABLE (begins date, ends date) LANGUAGE sql STABLE ROWS 2 AS $$
SELECT min(d.day), max(d.day) + 1
  FROM (SELECT day, day - (row_number() OVER (ORDER BY day))::integer AS run FROM other_days($1, $2) AS day) AS d
 GROUP BY d.run
$$;

-- Each person's days, month by month: what closed days have set, and the rows of open ones.
CREATE VIEW person_days AS
SELECT p.month, p.channel, p.whole, p.source, p.person,
       CASE WHEN p.expired THEN p.days ELSE p.days & ~coalesce(o.days, 0) END AS days
  FROM person_month p
  LEFT JOIN (SELECT month_of(day) AS month, bit_or(1 << (extract(day FROM day)::integer - 1)) AS days
               FROM open_day GROUP BY 1) AS o USING (month)
UNION ALL
SELECT s.month, s.channel, s.whole, s.source, s.person, s.days
  FROM open_day o CROSS JOIN LATERAL sum_person_days(day_begins(o.day), day_begins(o.day + 1)) AS s;
COMMENT ON VIEW person_days IS 'On which days of a month a person asked, a bit a day; inside the program';

CREATE VIEW day_spread AS
SELECT day, channel, whole, source, kind, value, times FROM spread_day
UNION ALL
SELECT o.day, s.channel, s.whole, s.source, s.kind, s.value, s.times
  FROM open_day o CROSS JOIN LATERAL sum_spread(day_begins(o.day), day_begins(o.day + 1)) AS s;
COMMENT ON VIEW day_spread IS 'Distributions of a day: values and how often each came; inside the program';

-- The same columns as before.
CREATE OR REPLACE VIEW report_hours AS
SELECT s.day, s.channel, (v.value % 100)::integer AS hour, v.times AS questions
  FROM day_spread s CROSS JOIN LATERAL unnest(s.value, s.times) AS v (value, times)
 WHERE s.whole AND s.kind = 'hour';
CREATE OR REPLACE VIEW report_latency AS
SELECT s.day, s.channel, s.kind, v.value AS ms, v.times AS questions
  FROM day_spread s CROSS JOIN LATERAL unnest(s.value, s.times) AS v (value, times)
 WHERE s.whole AND s.kind IN ('first_token', 'total');
CREATE OR REPLACE VIEW report_conversations AS
SELECT s.day, s.channel, v.value::integer AS questions, v.times AS conversations
  FROM day_spread s CROSS JOIN LATERAL unnest(s.value, s.times) AS v (value, times)
 WHERE s.whole AND s.kind = 'conversation';

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
        INSERT INTO open_month (month) SELECT DISTINCT month_of(d) FROM unnest(opened) AS d ORDER BY 1
        ON CONFLICT DO NOTHING;
        DELETE FROM use_day WHERE day = ANY(opened) AND NOT expired;
        DELETE FROM source_day WHERE day = ANY(opened);
        DELETE FROM spread_day WHERE day = ANY(opened) AND NOT expired;
        DELETE FROM person_day WHERE day = ANY(opened) AND NOT expired;
        DELETE FROM document_day WHERE day = ANY(opened) AND NOT expired;
        DELETE FROM cost_day WHERE day = ANY(opened) AND NOT expired;
    END IF;
END $$;

-- What expired keeps its sums, as far as they know; every other day is summed again by and by.
INSERT INTO spread_day (day, channel, whole, source, kind, value, times, expired)
SELECT day, channel, true, '', 'hour',
       array_agg((extract(isodow FROM day) * 100 + hour)::bigint ORDER BY hour), array_agg(questions ORDER BY hour), true
  FROM hour_day WHERE expired GROUP BY 1, 2
UNION ALL
SELECT day, channel, true, '', kind, array_agg(ms ORDER BY ms), array_agg(questions ORDER BY ms), true
  FROM latency_day WHERE expired GROUP BY 1, 2, kind
UNION ALL
SELECT day, channel, true, '', 'conversation', array_agg(questions::bigint ORDER BY questions),
       array_agg(conversations ORDER BY questions), true
  FROM conversation_day WHERE expired GROUP BY 1, 2;
INSERT INTO person_month (month, channel, whole, source, person, days, expired)
SELECT month_of(day), channel, true, '', person, bit_or(1 << (extract(day FROM day)::integer - 1)), true
  FROM person_day WHERE expired GROUP BY 1, 2, person;
DROP TABLE hour_day, latency_day, conversation_day;
DROP FUNCTION sum_hours(timestamptz, timestamptz), sum_latency(timestamptz, timestamptz),
    sum_conversations(timestamptz, timestamptz);

INSERT INTO open_day (day)
SELECT day FROM use_day UNION SELECT day FROM cost_day UNION SELECT day FROM person_day
ON CONFLICT DO NOTHING;
INSERT INTO open_month (month) SELECT DISTINCT month_of(day) FROM open_day;
DELETE FROM use_day WHERE NOT expired;
DELETE FROM person_day WHERE NOT expired;
DELETE FROM document_day WHERE NOT expired;
DELETE FROM cost_day WHERE NOT expired;
