-- What a chat model tidied (clean = "model"): never paid twice.

CREATE TABLE cleaned (
    key              text PRIMARY KEY,
    document_id      uuid NOT NULL,
    result           text,
    reason           text,
    run_id           uuid NOT NULL,
    cleaned_at       timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE cleaned IS 'Parts of documents as a chat model tidied them, by what they were made of';
COMMENT ON COLUMN cleaned.key IS 'Hash of the part, its title, the prompt and the model';
COMMENT ON COLUMN cleaned.document_id IS 'The document that it was first made for';
COMMENT ON COLUMN cleaned.result IS 'NULL: it did not pass the check, and the part stays as it is';
COMMENT ON COLUMN cleaned.reason IS 'Why it did not pass';
CREATE INDEX cleaned_document ON cleaned (document_id);

ALTER TABLE ingest_run
    ADD COLUMN cleaned bigint NOT NULL DEFAULT 0,
    ADD COLUMN clean_refused bigint NOT NULL DEFAULT 0,
    ADD COLUMN clean_failed bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN ingest_run.cost IS 'US dollars, of embedding and cleaning; NULL where a model has no configured price';
COMMENT ON COLUMN ingest_run.cleaned IS 'Documents that a model tidied';
COMMENT ON COLUMN ingest_run.clean_refused IS 'Documents with a part whose tidied text did not pass the check: that part is the original';
COMMENT ON COLUMN ingest_run.clean_failed IS 'Documents that the model could not be asked about: the original, until the next run';
COMMENT ON COLUMN model_call.purpose IS 'embed_passages, embed_question, condense, expand, rerank, answer, judge, clean';
