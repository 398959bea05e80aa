-- Who may ask, and what was done by whom.

CREATE TABLE api_key (
    id               uuid PRIMARY KEY,
    name             text NOT NULL,
    prefix           text NOT NULL,
    hash             text NOT NULL UNIQUE,
    groups           text[] NOT NULL CHECK (cardinality(groups) > 0),
    role             text NOT NULL CHECK (role IN ('user', 'admin')),
    created_at       timestamptz NOT NULL DEFAULT now(),
    expires_at       timestamptz,
    revoked_at       timestamptz
);
COMMENT ON TABLE api_key IS 'Keys of programs; a key itself is shown once and stored nowhere';
COMMENT ON COLUMN api_key.name IS 'Whose it is: conversations and limits go by it, so a new key of the same name goes on with them';
COMMENT ON COLUMN api_key.prefix IS 'The first characters of the key, to tell keys apart';
COMMENT ON COLUMN api_key.hash IS 'BLAKE3 of the key, which is random, so that no slow hash is needed';
CREATE UNIQUE INDEX api_key_name ON api_key (name) WHERE revoked_at IS NULL;

CREATE TABLE signing_key (
    one              boolean PRIMARY KEY DEFAULT true CHECK (one),
    key              text NOT NULL
);
COMMENT ON TABLE signing_key IS 'What sessions are signed with, where access.signing_key is not set: one for all processes. In no backup';

CREATE TABLE audit (
    id               uuid PRIMARY KEY,
    at               timestamptz NOT NULL,
    who              text NOT NULL,
    act              text NOT NULL,
    target           text NOT NULL
);
COMMENT ON TABLE audit IS 'Administrative acts: who did what to what, and when. It holds no texts';
COMMENT ON COLUMN audit.who IS 'As interaction.caller has it; schedule and retention are docent itself';
COMMENT ON COLUMN audit.act IS 'key_created, key_revoked, conversation_deleted, document_purged, purge_allowed, run_started, settings_seen, texts_expired';
CREATE INDEX audit_at ON audit (at);
