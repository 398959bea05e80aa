-- What ingest runs may spend: each reserves what it plans to, and is settled with what it did cost.

CREATE TABLE budget_month (
    month            date PRIMARY KEY,
    committed        numeric NOT NULL
);
COMMENT ON TABLE budget_month IS 'The one row that reservations of a month meet at, so that two runs cannot both take the last money';
COMMENT ON COLUMN budget_month.month IS 'Its first day (UTC)';
COMMENT ON COLUMN budget_month.committed IS 'US dollars: the cost of settled reservations, and the estimate of the others';

CREATE TABLE budget_reservation (
    run_id           uuid PRIMARY KEY,
    month            date NOT NULL REFERENCES budget_month (month),
    estimate         numeric NOT NULL,
    place            text NOT NULL,
    process          uuid NOT NULL,
    made_at          timestamptz NOT NULL DEFAULT now(),
    alive_at         timestamptz NOT NULL DEFAULT now(),
    settled_at       timestamptz,
    cost             numeric
);
COMMENT ON TABLE budget_reservation IS 'What a run planned to spend, and what it spent';
COMMENT ON COLUMN budget_reservation.place IS 'Machine and data folder of the process that reserved it';
COMMENT ON COLUMN budget_reservation.alive_at IS 'Moved on while the run goes on; one that stays behind belongs to a run that died';
COMMENT ON COLUMN budget_reservation.cost IS 'US dollars, as model_call has it; NULL while the run goes on';
CREATE INDEX budget_reservation_open ON budget_reservation (alive_at) WHERE settled_at IS NULL;
