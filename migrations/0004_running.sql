-- Runs as a whole, and who may write what at a time.

CREATE TABLE lease (
    name             text PRIMARY KEY,
    run_id           uuid NOT NULL,
    holder           text NOT NULL,
    process          text NOT NULL,
    taken_at         timestamptz NOT NULL,
    heartbeat_at     timestamptz NOT NULL,
    expires_at       timestamptz NOT NULL
);
COMMENT ON TABLE lease IS 'Who is ingesting what: PREFIX/SOURCE for a source, PREFIX for the collections. Of this moment, and in no backup';
COMMENT ON COLUMN lease.holder IS 'In words for a person';
COMMENT ON COLUMN lease.process IS 'Which process of which machine: on the same machine a dead one is known at once';
COMMENT ON COLUMN lease.expires_at IS 'Moved on by each heartbeat; whoever stops without a word loses it then';
CREATE INDEX lease_run ON lease (run_id);

CREATE TABLE ingest_request (
    id               uuid PRIMARY KEY,
    key              text UNIQUE,
    origin           text NOT NULL CHECK (origin IN ('command', 'api', 'schedule')),
    sources          text[] NOT NULL,
    requested_at     timestamptz NOT NULL DEFAULT now(),
    started_at       timestamptz,
    finished_at      timestamptz,
    outcome          text NOT NULL DEFAULT 'running'
                     CHECK (outcome IN ('running', 'done', 'done_with_failures', 'failed', 'interrupted')),
    progress         jsonb NOT NULL DEFAULT '{"sources": []}',
    report           jsonb,
    error            text
);
COMMENT ON TABLE ingest_request IS 'A run as a whole, whoever asked for it; its rows in ingest_run have the same id';
COMMENT ON COLUMN ingest_request.key IS 'The caller''s own: a repeated request is the same run';
COMMENT ON COLUMN ingest_request.started_at IS 'NULL while it waits for another run to end';
COMMENT ON COLUMN ingest_request.outcome IS 'running without a lease of its id: its process was killed';
COMMENT ON COLUMN ingest_request.report IS 'What docent ingest --json prints';
CREATE INDEX ingest_request_at ON ingest_request (requested_at DESC);

ALTER TABLE ingest_run ADD COLUMN held_back bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN ingest_run.held_back IS 'Documents that are gone from the source and were not removed, because that looks like a fault';

CREATE VIEW report_ingest AS
SELECT r.id, r.source, q.origin, r.started_at, r.finished_at,
       extract(epoch FROM r.finished_at - r.started_at)::double precision AS seconds,
       r.outcome, r.indexed, r.unchanged, r.removed, r.held_back, r.skipped, r.failed,
       r.chunks_embedded, r.chunks_reused, r.tokens, r.cost, r.problems
  FROM ingest_run r LEFT JOIN ingest_request q ON q.id = r.id;
COMMENT ON VIEW report_ingest IS 'What each run did with each source, how long it took, what it cost and what first went wrong';
COMMENT ON COLUMN report_ingest.origin IS 'Who asked for it: command, api or schedule';
