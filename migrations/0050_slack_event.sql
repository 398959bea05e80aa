-- What Slack has told, each thing once: events are delivered several times, and to any replica.

CREATE TABLE slack_event (
    event_id         text PRIMARY KEY,
    kind             text NOT NULL CHECK (kind IN ('question', 'home', 'action')),
    team             text NOT NULL,
    channel          text,
    ts               text,
    thread           text,
    asker            text,
    conversation_id  uuid,
    interaction_id   uuid,
    payload          jsonb,
    messages         text[] NOT NULL DEFAULT '{}',
    state            text NOT NULL DEFAULT 'received'
                     CHECK (state IN ('received', 'claimed', 'done', 'failed')),
    received_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    not_before       timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempts         integer NOT NULL DEFAULT 0,
    claim            uuid,
    claimed_by       text,
    claimed_at       timestamptz,
    stop_requested   boolean NOT NULL DEFAULT false,
    finished_at      timestamptz
);
COMMENT ON TABLE slack_event IS 'Events of Slack, from their acknowledgement to their end. In no backup';
COMMENT ON COLUMN slack_event.event_id IS 'Slack''s own, or one that docent makes of an interaction';
COMMENT ON COLUMN slack_event.thread IS 'The first message of the thread; of a message outside of threads, itself';
COMMENT ON COLUMN slack_event.payload IS 'What is to be done, with texts. NULL once it is done';
COMMENT ON COLUMN slack_event.messages IS 'What was begun in Slack for it: left behind when a process dies, taken away by the next one';
COMMENT ON COLUMN slack_event.claimed_by IS 'The process that works on it; one that has died, or has not said for a minute that it lives, loses it';
-- A mention comes as app_mention and as message, with two event ids.
CREATE UNIQUE INDEX slack_event_question ON slack_event (team, channel, ts) WHERE kind = 'question';
CREATE INDEX slack_event_open ON slack_event (received_at) WHERE state IN ('received', 'claimed');
CREATE INDEX slack_event_conversation ON slack_event (conversation_id) WHERE state IN ('received', 'claimed');
CREATE INDEX slack_event_thread ON slack_event (team, channel, thread);
CREATE INDEX slack_event_interaction ON slack_event (interaction_id);
CREATE INDEX slack_event_finished ON slack_event (finished_at);
