-- Who wants to be told when a question without an answer has one.

CREATE TABLE gap_asker (
    question_key     uuid NOT NULL,
    team             text NOT NULL,
    asker            text NOT NULL,
    user_team        text,
    interaction_id   uuid NOT NULL REFERENCES interaction (id) ON DELETE CASCADE,
    wanted           boolean NOT NULL DEFAULT true,
    wanted_at        timestamptz NOT NULL DEFAULT now(),
    pressed          text NOT NULL,
    channel          text,
    ts               text,
    told_at          timestamptz,
    PRIMARY KEY (question_key, team, asker)
);
COMMENT ON TABLE gap_asker IS 'People in Slack who want to be told when a question has an answer. It holds no texts, and goes with the question';
COMMENT ON COLUMN gap_asker.question_key IS 'As interaction.question_key and gap.question_key';
COMMENT ON COLUMN gap_asker.asker IS 'Slack''s id of the person, of the workspace in team; user_team is their own one';
COMMENT ON COLUMN gap_asker.interaction_id IS 'The answer below which they chose it';
COMMENT ON COLUMN gap_asker.wanted IS 'false: they took it back';
COMMENT ON COLUMN gap_asker.pressed IS 'The event of their last press: pressing once counts once, however often it is delivered';
COMMENT ON COLUMN gap_asker.channel IS 'The direct messages with them, and in ts the one that confirms the wish; NULL: not known';
COMMENT ON COLUMN gap_asker.told_at IS 'When they were told; NULL: not yet';
CREATE INDEX gap_asker_interaction ON gap_asker (interaction_id);
CREATE INDEX gap_asker_waiting ON gap_asker (wanted_at) WHERE wanted AND told_at IS NULL;
