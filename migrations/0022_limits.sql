-- What callers and channels have used of their limits, counted for all processes together.

CREATE TABLE usage_count (
    subject          text NOT NULL,
    day              date NOT NULL,
    minute           timestamptz NOT NULL,
    minute_questions bigint NOT NULL,
    questions        bigint NOT NULL,
    tokens           bigint NOT NULL DEFAULT 0,
    cost             numeric NOT NULL DEFAULT 0,
    PRIMARY KEY (subject, day)
);
COMMENT ON TABLE usage_count IS 'Questions, tokens and dollars of a day (UTC), for each caller and channel that has a limit. Kept for two days, in no backup';
COMMENT ON COLUMN usage_count.subject IS 'channel/web, caller/key:etl; for callers who share a name, the address they come from';
COMMENT ON COLUMN usage_count.minute IS 'The last minute that a question came in, which minute_questions counts';

CREATE TABLE admission (
    interaction_id   uuid PRIMARY KEY,
    at               timestamptz NOT NULL,
    subjects         text[] NOT NULL
);
COMMENT ON TABLE admission IS 'On whose account the calls of a question are counted. Kept for two days, in no backup';
CREATE INDEX admission_at ON admission (at);
