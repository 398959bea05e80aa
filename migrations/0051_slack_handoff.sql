-- Questions that were handed to the owner of what they are about.

CREATE TABLE slack_handoff (
    id               uuid PRIMARY KEY,
    interaction_id   uuid NOT NULL UNIQUE,
    team             text NOT NULL,
    asked_by         text NOT NULL,
    channel          text NOT NULL,
    thread           text NOT NULL,
    owner_channel    text NOT NULL,
    owner_ts         text NOT NULL,
    reply_ts         text,
    reply_by         text,
    at               timestamptz NOT NULL DEFAULT now(),
    confirmed_at     timestamptz
);
COMMENT ON TABLE slack_handoff IS 'Where a question was asked, where its owner was asked, and which reply they stand by. It holds no texts; in no backup';
COMMENT ON COLUMN slack_handoff.owner_ts IS 'docent''s message to the owner; the reply is in its thread';
CREATE UNIQUE INDEX slack_handoff_thread ON slack_handoff (team, owner_channel, owner_ts);
