-- The ledger's first tables. Ids are made by docent (UUIDv7), texts hold no NUL character.

CREATE TABLE source (
    name             text PRIMARY KEY,
    kind             text NOT NULL,
    location         text NOT NULL,
    first_run_at     timestamptz NOT NULL,
    last_run_at      timestamptz NOT NULL
);
COMMENT ON TABLE source IS 'Where documents come from, as the configuration or the command line named it';
COMMENT ON COLUMN source.location IS 'The folder of a folder source';

CREATE TABLE collection (
    name             text PRIMARY KEY,
    embedding        text NOT NULL,
    layout           text NOT NULL,
    dimensions       integer NOT NULL,
    generation       uuid NOT NULL,
    average_length   double precision NOT NULL,
    live             boolean NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE collection IS 'A collection of the index: one embedding space and one layout';
COMMENT ON COLUMN collection.embedding IS 'Fingerprint of the embedding space: model, dimensions, passage prefix, normalisation';
COMMENT ON COLUMN collection.layout IS 'Fingerprint of chunker and lexical version';
COMMENT ON COLUMN collection.generation IS 'Kept in the index as well; when they differ, the next run compares everything';
COMMENT ON COLUMN collection.average_length IS 'The average chunk length, in terms, that the BM25 weights in the index were computed with';

CREATE TABLE ingest_run (
    id               uuid NOT NULL,
    source           text NOT NULL,
    collection       text NOT NULL,
    started_at       timestamptz NOT NULL,
    finished_at      timestamptz,
    outcome          text NOT NULL DEFAULT 'running'
                     CHECK (outcome IN ('running', 'done', 'done_with_failures', 'failed')),
    indexed          bigint NOT NULL DEFAULT 0,
    unchanged        bigint NOT NULL DEFAULT 0,
    removed          bigint NOT NULL DEFAULT 0,
    skipped          bigint NOT NULL DEFAULT 0,
    failed           bigint NOT NULL DEFAULT 0,
    chunks_embedded  bigint NOT NULL DEFAULT 0,
    chunks_reused    bigint NOT NULL DEFAULT 0,
    tokens           bigint NOT NULL DEFAULT 0,
    cost             numeric,
    problems         jsonb NOT NULL DEFAULT '[]',
    PRIMARY KEY (id, source)
);
COMMENT ON TABLE ingest_run IS 'What a run did with one source; a run over three sources has three rows';
COMMENT ON COLUMN ingest_run.outcome IS 'running without a finished_at long after started_at: the process was killed';
COMMENT ON COLUMN ingest_run.cost IS 'US dollars; NULL where the model has no configured price';
COMMENT ON COLUMN ingest_run.problems IS 'The first documents that were skipped or failed: [{path, outcome, reason}]';
CREATE INDEX ingest_run_started ON ingest_run (started_at DESC);

CREATE TABLE document (
    collection       text NOT NULL,
    source           text NOT NULL,
    document_id      uuid NOT NULL,
    path             text NOT NULL,
    raw_hash         text NOT NULL,
    content_hash     text NOT NULL,
    metadata_hash    text NOT NULL,
    title            text NOT NULL,
    chunks           integer NOT NULL,
    lexical_length   bigint NOT NULL,
    indexed          boolean NOT NULL,
    outcome          text NOT NULL
                     CHECK (outcome IN ('indexed', 'unchanged', 'removed', 'skipped', 'failed')),
    reason           text,
    run_id           uuid NOT NULL,
    updated_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (collection, source, document_id)
);
COMMENT ON TABLE document IS 'What each collection holds of each document, and how the last run that touched it ended';
COMMENT ON COLUMN document.raw_hash IS 'Of the bytes as they were read: equal means that nothing needs to be looked at';
COMMENT ON COLUMN document.content_hash IS 'Of the cleaned text: changed means chunking and embedding';
COMMENT ON COLUMN document.metadata_hash IS 'Changed alone means payload and sparse vectors, without a model call';
COMMENT ON COLUMN document.lexical_length IS 'Terms of all its chunks together';
COMMENT ON COLUMN document.indexed IS 'Whether the collection holds its points; a failed document may still be there in its earlier text';
CREATE INDEX document_by_id ON document (collection, document_id);

CREATE TABLE term (
    collection       text NOT NULL,
    term             text NOT NULL,
    groups           text[] NOT NULL,
    frequency        bigint NOT NULL,
    PRIMARY KEY (collection, term, groups)
);
COMMENT ON TABLE term IS 'The words of the index, for typo tolerance; a term is only suggested to someone in its groups';
COMMENT ON COLUMN term.groups IS 'Sorted; who may read the chunks that are counted here';
COMMENT ON COLUMN term.frequency IS 'How many chunks that these groups may read hold the term';

CREATE TABLE model_call (
    id               uuid PRIMARY KEY,
    at               timestamptz NOT NULL,
    purpose          text NOT NULL,
    model            text NOT NULL,
    input_tokens     bigint,
    cached_tokens    bigint,
    output_tokens    bigint,
    usage_source     text CHECK (usage_source IN ('reported', 'estimated')),
    cost             numeric,
    latency_ms       bigint NOT NULL,
    outcome          text NOT NULL,
    run_id           uuid,
    interaction_id   uuid
);
COMMENT ON TABLE model_call IS 'The cost book: every attempt to call a model, whatever it was for';
COMMENT ON COLUMN model_call.purpose IS 'embed_passages, embed_question, condense, answer';
COMMENT ON COLUMN model_call.input_tokens IS 'Cached ones included; NULL where nothing was used or nothing is known';
COMMENT ON COLUMN model_call.cost IS 'US dollars; NULL where the model has no configured price';
COMMENT ON COLUMN model_call.outcome IS 'ok, rate_limited, unavailable, rejected, bad_response, cancelled';
COMMENT ON COLUMN model_call.interaction_id IS 'No foreign key: a call is booked before its interaction, and stays when a conversation is deleted';
CREATE INDEX model_call_at ON model_call (at);
CREATE INDEX model_call_run ON model_call (run_id) WHERE run_id IS NOT NULL;
CREATE INDEX model_call_interaction ON model_call (interaction_id) WHERE interaction_id IS NOT NULL;

CREATE TABLE conversation (
    id               uuid PRIMARY KEY,
    title            text NOT NULL,
    channel          text NOT NULL,
    caller           text NOT NULL,
    started_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,
    deleted_at       timestamptz
);
COMMENT ON TABLE conversation IS 'Questions that belong together';
COMMENT ON COLUMN conversation.title IS 'The first question, cut to 80 characters';
COMMENT ON COLUMN conversation.deleted_at IS 'A tombstone: its texts are gone, and records of it that arrive late are refused';
CREATE INDEX conversation_by_caller ON conversation (caller, updated_at DESC) WHERE deleted_at IS NULL;

CREATE TABLE interaction (
    id                   uuid PRIMARY KEY,
    at                   timestamptz NOT NULL,
    conversation_id      uuid NOT NULL REFERENCES conversation (id) ON DELETE CASCADE,
    message_id           text,
    channel              text NOT NULL,
    caller               text NOT NULL,
    origin               text NOT NULL,
    question             text NOT NULL,
    question_embedding   real[],
    standalone_question  text NOT NULL,
    answer               text NOT NULL,
    outcome              text NOT NULL,
    generator            text,
    fallback_reason      text,
    retrieve_ms          bigint NOT NULL,
    first_token_ms       bigint,
    total_ms             bigint NOT NULL
);
COMMENT ON TABLE interaction IS 'One question and what became of it';
COMMENT ON COLUMN interaction.message_id IS 'The client''s own id of the message: a repeated one is the same turn';
COMMENT ON COLUMN interaction.origin IS 'person, evaluation or demo; only person counts as use';
COMMENT ON COLUMN interaction.standalone_question IS 'The question as it was searched, understandable without the conversation';
COMMENT ON COLUMN interaction.outcome IS 'answered, abstained, failed, cancelled';
COMMENT ON COLUMN interaction.generator IS 'model or extractive; NULL where there is no answer';
CREATE INDEX interaction_by_conversation ON interaction (conversation_id, at);
CREATE INDEX interaction_by_message ON interaction (conversation_id, message_id) WHERE message_id IS NOT NULL;
CREATE INDEX interaction_at ON interaction (at);

CREATE TABLE passage (
    interaction_id   uuid NOT NULL REFERENCES interaction (id) ON DELETE CASCADE,
    rank             integer NOT NULL,
    point_id         uuid NOT NULL,
    document_id      uuid NOT NULL,
    source           text NOT NULL,
    path             text NOT NULL,
    title            text NOT NULL,
    score            real NOT NULL,
    cosine           real,
    coverage         real,
    cited_as         integer,
    quote            text,
    PRIMARY KEY (interaction_id, rank)
);
COMMENT ON TABLE passage IS 'What was retrieved for a question, best first';
COMMENT ON COLUMN passage.coverage IS 'Share of the question''s terms that stand in the passage, weighted by rarity';
COMMENT ON COLUMN passage.cited_as IS 'Number of the citation in the answer; NULL where it was not cited';
CREATE INDEX passage_by_document ON passage (document_id);
