-- Wordings summed by day as well, so that a page reads rows of questions only of days that are not over; and with
-- all channels together, which is what most pages ask for.

CREATE TABLE question_day (
    day              date NOT NULL,
    channel          text NOT NULL,
    whole            boolean NOT NULL,
    source           text NOT NULL,
    asset            text NOT NULL,
    question_key     uuid NOT NULL,
    questions        bigint NOT NULL,
    abstained        bigint NOT NULL,
    PRIMARY KEY (day, whole, source, asset, channel, question_key)
);
COMMENT ON TABLE question_day IS 'Wordings that people asked on a closed day, of rows that are still there';
COMMENT ON COLUMN question_day.whole IS 'Of all channels together; channel is empty then';

-- Its columns change their order, and all of it can be made anew.
DROP TABLE question_month;
CREATE TABLE question_month (
    month            date NOT NULL,
    channel          text NOT NULL,
    whole            boolean NOT NULL,
    source           text NOT NULL,
    asset            text NOT NULL,
    question_key     uuid NOT NULL,
    questions        bigint NOT NULL,
    abstained        bigint NOT NULL,
    PRIMARY KEY (month, whole, source, asset, channel, question_key)
);
COMMENT ON TABLE question_month IS 'question_day of the days of a month; counts only while the month is closed';
COMMENT ON COLUMN question_month.whole IS 'As question_day.whole';

-- Another name, for `docent restore` runs all migrations over the functions that are there, and a function's
-- columns stay as they are.
DROP FUNCTION sum_questions(timestamptz, timestamptz);
CREATE OR REPLACE FUNCTION sum_wordings(timestamptz, timestamptz) RETURNS TABLE (
    day date, channel text, whole boolean, source text, asset text, question_key uuid, questions bigint,
    abstained bigint) LANGUAGE sql STABLE AS $$
SELECT d.day, coalesce(d.channel, ''), d.channel IS NULL, d.source, d.asset, d.question_key, count(*),
       count(*) FILTER (WHERE d.outcome = 'abstained')
  FROM (SELECT (i.at AT TIME ZONE 'UTC')::date AS day, i.channel, coalesce(i.source, '') AS source,
               coalesce(i.asset, '') AS asset, i.question_key, i.outcome
          FROM interaction i
         WHERE i.origin = 'person' AND i.at >= $1 AND i.at < $2) AS d
 GROUP BY d.day, d.source, d.asset, d.question_key, GROUPING SETS ((d.channel), ())
$$;

CREATE VIEW day_questions AS
SELECT day, channel, whole, source, asset, question_key, questions, abstained FROM question_day
UNION ALL
SELECT o.day, s.channel, s.whole, s.source, s.asset, s.question_key, s.questions, s.abstained
  FROM open_day o CROSS JOIN LATERAL sum_wordings(day_begins(o.day), day_begins(o.day + 1)) AS s;
COMMENT ON VIEW day_questions IS 'Wordings that people asked on a day; inside the program';

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
        DELETE FROM question_day WHERE day = ANY(opened);
        DELETE FROM cost_day WHERE day = ANY(opened) AND NOT expired;
    END IF;
END $$;

INSERT INTO question_day
SELECT s.* FROM sum_wordings('-infinity', 'infinity') AS s WHERE s.day NOT IN (SELECT day FROM open_day);
INSERT INTO question_month
SELECT month_of(day), channel, whole, source, asset, question_key, sum(questions), sum(abstained)
  FROM question_day WHERE month_of(day) NOT IN (SELECT month FROM open_month) GROUP BY 1, 2, 3, 4, 5, 6;
