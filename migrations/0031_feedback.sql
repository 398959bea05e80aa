-- What readers think of answers.

CREATE TABLE feedback (
    interaction_id   uuid NOT NULL REFERENCES interaction (id) ON DELETE CASCADE,
    caller           text NOT NULL,
    at               timestamptz NOT NULL DEFAULT now(),
    rating           text NOT NULL CHECK (rating IN ('up', 'down')),
    comment          text,
    PRIMARY KEY (interaction_id, caller)
);
COMMENT ON TABLE feedback IS 'The last rating that a reader gave an answer';
COMMENT ON COLUMN feedback.comment IS 'In the reader''s words; NULL: none was written';
CREATE INDEX feedback_at ON feedback (at);
