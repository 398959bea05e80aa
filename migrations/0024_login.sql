-- People who have signed in at the identity provider.

CREATE TABLE login (
    hash             text PRIMARY KEY,
    name             text NOT NULL,
    issuer           text NOT NULL,
    groups           text[] NOT NULL CHECK (cardinality(groups) > 0),
    signed_in_at     timestamptz NOT NULL DEFAULT now(),
    expires_at       timestamptz NOT NULL
);
COMMENT ON TABLE login IS 'Browsers that are signed in, until they sign out or a time is over. In no backup';
COMMENT ON COLUMN login.hash IS 'BLAKE3 of the cookie, which is random and stored nowhere';
COMMENT ON COLUMN login.name IS 'As interaction.caller has it';
COMMENT ON COLUMN login.groups IS 'As the identity provider named them at the sign-in';
CREATE INDEX login_expires ON login (expires_at);
