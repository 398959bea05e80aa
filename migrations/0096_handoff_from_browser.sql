-- Questions of the chat in the browser are handed to owners as well: they come from no thread of Slack, and who may
-- read the reply is kept from the moment of asking.

ALTER TABLE slack_handoff
    ALTER COLUMN asked_by DROP NOT NULL,
    ALTER COLUMN channel DROP NOT NULL,
    ALTER COLUMN thread DROP NOT NULL,
    ALTER COLUMN owner_channel DROP NOT NULL,
    ALTER COLUMN owner_ts DROP NOT NULL,
    ADD COLUMN caller text,
    ADD COLUMN groups text[];
COMMENT ON COLUMN slack_handoff.asked_by IS 'Slack''s id of who handed it over. NULL: somebody whom Slack does not know';
COMMENT ON COLUMN slack_handoff.thread IS 'NULL: it was not asked in Slack; the reply goes to the person, or to nobody in Slack';
COMMENT ON COLUMN slack_handoff.owner_ts IS 'docent''s message to the owner; the reply is in its thread. NULL: it is being sent';
COMMENT ON COLUMN slack_handoff.caller IS 'Whom limits count, for two days; NULL in Slack';
COMMENT ON COLUMN slack_handoff.groups IS 'Who may read the document whose owner was asked, and so the reply; NULL in Slack';
CREATE INDEX slack_handoff_caller ON slack_handoff (caller, at) WHERE caller IS NOT NULL;
COMMENT ON COLUMN audit.act IS 'key_created, key_revoked, conversation_deleted, document_purged, purge_allowed, run_started, settings_seen, texts_expired, answer_created, answer_changed, answer_deleted, alert_acknowledged, alert_muted, question_handed_over';
