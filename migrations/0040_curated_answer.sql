-- Answers that people gave, found like documents.

CREATE TABLE curated_answer (
    id               uuid PRIMARY KEY,
    question         text NOT NULL,
    answer           text NOT NULL,
    author           text NOT NULL,
    owner            text,
    at               timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,
    expires_at       timestamptz,
    groups           text[] NOT NULL CHECK (cardinality(groups) > 0),
    evidence         uuid[] NOT NULL DEFAULT '{}',
    evidence_hashes  text[] NOT NULL DEFAULT '{}',
    interaction_id   uuid,
    deleted_at       timestamptz,
    CHECK (cardinality(evidence) = cardinality(evidence_hashes))
);
COMMENT ON TABLE curated_answer IS 'Answers that people gave to questions; a run brings them to the index as documents of the source curated-answers';
COMMENT ON COLUMN curated_answer.author IS 'Who wrote it last, as interaction.caller has it';
COMMENT ON COLUMN curated_answer.updated_at IS 'When its text or its evidence was last looked at by its author';
COMMENT ON COLUMN curated_answer.groups IS 'Who may read it at the most: what all of its evidence allowed when it was written. A run narrows that to what the evidence allows by then';
COMMENT ON COLUMN curated_answer.evidence IS 'Ids of the documents that it rests on';
COMMENT ON COLUMN curated_answer.evidence_hashes IS 'What these said then (document.content_hash), in the same order; another one now: the answer may be out of date';
COMMENT ON COLUMN curated_answer.interaction_id IS 'The answer that it was written for. No foreign key: that one is deleted after a while';
COMMENT ON COLUMN curated_answer.deleted_at IS 'A tombstone: its texts are gone';
CREATE INDEX curated_answer_evidence ON curated_answer USING gin (evidence);

COMMENT ON COLUMN audit.act IS 'key_created, key_revoked, conversation_deleted, document_purged, purge_allowed, run_started, settings_seen, texts_expired, answer_created, answer_changed, answer_deleted';
