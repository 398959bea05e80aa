-- What remains of questions whose texts have expired.

CREATE TABLE interaction_day (
    day              date NOT NULL,
    channel          text NOT NULL,
    origin           text NOT NULL,
    outcome          text NOT NULL,
    generator        text NOT NULL,
    questions        bigint NOT NULL,
    total_ms         bigint NOT NULL,
    checked          bigint NOT NULL,
    unverified       bigint NOT NULL,
    PRIMARY KEY (day, channel, origin, outcome, generator)
);
COMMENT ON TABLE interaction_day IS 'Questions that [retention] has deleted, counted by day (UTC)';
COMMENT ON COLUMN interaction_day.generator IS 'Empty where there was no answer';

CREATE VIEW report_questions AS
SELECT day, channel, origin, outcome, generator,
       sum(questions)::bigint AS questions, sum(total_ms)::bigint AS total_ms,
       sum(checked)::bigint AS checked, sum(unverified)::bigint AS unverified
  FROM (SELECT day, channel, origin, outcome, generator, questions, total_ms, checked, unverified
          FROM interaction_day
        UNION ALL
        SELECT (at AT TIME ZONE 'UTC')::date, channel, origin, outcome, coalesce(generator, ''),
               1, total_ms, coalesce(checked, 0), coalesce(unverified, 0)
          FROM interaction) AS each
 GROUP BY 1, 2, 3, 4, 5;
COMMENT ON VIEW report_questions IS 'Questions of each day (UTC), also of days whose texts have expired';
