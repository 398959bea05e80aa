-- Documents that were taken out for good.

CREATE TABLE purged (
    document_id      uuid PRIMARY KEY,
    source           text NOT NULL,
    path             text NOT NULL,
    purged_at        timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE purged IS 'Runs leave these documents out, and nothing of them is recorded with a question, until docent purge --allow';
CREATE INDEX purged_source ON purged (source);
