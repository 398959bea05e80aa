-- What needs a person: alerts, what was sent of them, and digests.

CREATE TABLE alert (
    id               uuid PRIMARY KEY,
    rule             text NOT NULL,
    subject          text NOT NULL,
    addressed_to     text NOT NULL,
    recipients       text[] NOT NULL,
    state            text NOT NULL CHECK (state IN ('open', 'acknowledged', 'muted', 'resolved')),
    since            timestamptz NOT NULL,
    fired_at         timestamptz NOT NULL,
    last_seen        timestamptz NOT NULL,
    resolved_at      timestamptz,
    title            text NOT NULL,
    what             text NOT NULL,
    todo             text NOT NULL,
    place            text NOT NULL,
    documents        uuid[] NOT NULL DEFAULT '{}',
    told             text CHECK (told IN ('fired', 'resolved')),
    sent_via         text[] NOT NULL DEFAULT '{}',
    acted_by         text,
    acted_at         timestamptz
);
COMMENT ON TABLE alert IS 'Something that needs a person: one row from when it begins until it is over';
COMMENT ON COLUMN alert.rule IS 'ingest_failed, ingest_late, budget, cost, answers, disliked, stale, provider';
COMMENT ON COLUMN alert.subject IS 'What it is about: a source, a month, a document id, a model. Of one rule and subject one alert is open';
COMMENT ON COLUMN alert.addressed_to IS 'The owner in the metadata; fallback where there is none who can be reached';
COMMENT ON COLUMN alert.recipients IS 'mail:ADDRESS, slack:CHANNEL, webhook; empty: nothing is configured that could send it';
COMMENT ON COLUMN alert.since IS 'When what it is about began, as far as the ledger tells';
COMMENT ON COLUMN alert.place IS 'Where to look: a path of docent''s own pages, or a view';
COMMENT ON COLUMN alert.documents IS 'Documents that it names: a purge takes it away with them';
COMMENT ON COLUMN alert.told IS 'What its recipients have been told; NULL: nothing yet';
COMMENT ON COLUMN alert.sent_via IS 'What it was delivered by so far';
CREATE UNIQUE INDEX alert_open ON alert (rule, subject) WHERE state <> 'resolved';
CREATE INDEX alert_fired ON alert (fired_at DESC);

CREATE TABLE alert_mute (
    rule             text NOT NULL,
    subject          text NOT NULL,
    until            timestamptz NOT NULL,
    muted_by         text NOT NULL,
    muted_at         timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (rule, subject)
);
COMMENT ON TABLE alert_mute IS 'Alerts that nobody is told of for a while, also when they fire anew';

CREATE TABLE notice (
    id               uuid PRIMARY KEY,
    kind             text NOT NULL CHECK (kind IN ('alert', 'digest')),
    made_at          timestamptz NOT NULL,
    recipient        text NOT NULL,
    alerts           uuid[] NOT NULL DEFAULT '{}',
    content          jsonb,
    state            text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'failed')),
    attempts         integer NOT NULL DEFAULT 0,
    next_at          timestamptz NOT NULL,
    error            text,
    sent_at          timestamptz
);
COMMENT ON TABLE notice IS 'Messages to people and programs, and what became of them';
COMMENT ON COLUMN notice.content IS 'What is sent; NULL as soon as it was, or was given up';
COMMENT ON COLUMN notice.state IS 'failed: given up; what it told was sent to the fallback instead';
COMMENT ON COLUMN notice.error IS 'Of the last attempt';
CREATE INDEX notice_due ON notice (next_at) WHERE state = 'waiting';
CREATE INDEX notice_made ON notice (made_at DESC);

CREATE TABLE digest (
    id               uuid PRIMARY KEY,
    owner            text NOT NULL,
    from_at          timestamptz NOT NULL,
    until_at         timestamptz NOT NULL,
    made_at          timestamptz NOT NULL,
    recipients       text[] NOT NULL,
    questions        bigint NOT NULL,
    gaps             bigint NOT NULL,
    UNIQUE (owner, until_at)
);
COMMENT ON TABLE digest IS 'Which digests were made; their text is in no table once it was sent';
COMMENT ON COLUMN digest.owner IS 'Empty: the one for the data team, of everything';
COMMENT ON COLUMN digest.gaps IS 'Groups of questions that the documents did not answer';

CREATE VIEW report_alerts AS
SELECT id, rule, subject, addressed_to, state, since, fired_at, last_seen, resolved_at,
       title, what, told, sent_via, acted_by, acted_at
  FROM alert;
COMMENT ON VIEW report_alerts IS 'Alerts: what happened, who was told, how it ended';
COMMENT ON COLUMN report_alerts.rule IS 'ingest_failed, ingest_late, budget, cost, answers, disliked, stale, provider';
COMMENT ON COLUMN report_alerts.subject IS 'What it is about: a source, a month, a document id, a model';
COMMENT ON COLUMN report_alerts.addressed_to IS 'The owner in the metadata, or fallback';
COMMENT ON COLUMN report_alerts.state IS 'open, acknowledged, muted, resolved';
COMMENT ON COLUMN report_alerts.since IS 'When what it is about began, as far as the ledger tells';
COMMENT ON COLUMN report_alerts.told IS 'fired, resolved, or NULL: nothing yet';
COMMENT ON COLUMN report_alerts.sent_via IS 'mail, slack, webhook: what it was delivered by';
COMMENT ON COLUMN report_alerts.acted_by IS 'Who acknowledged or muted it';

CREATE VIEW report_notices AS
SELECT id, kind, made_at, split_part(recipient, ':', 1) AS channel, recipient,
       cardinality(alerts) AS alerts, state, attempts, error, sent_at
  FROM notice;
COMMENT ON VIEW report_notices IS 'Messages of alerts and digests, and how their delivery went';
COMMENT ON COLUMN report_notices.kind IS 'alert or digest';
COMMENT ON COLUMN report_notices.channel IS 'mail, slack or webhook';
COMMENT ON COLUMN report_notices.alerts IS 'How many alerts it tells of';
COMMENT ON COLUMN report_notices.state IS 'waiting, sent, failed';
