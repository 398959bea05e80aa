-- Where pages read rows and not sums (the days at both ends of a range, and today), they read indexes that hold
-- all they need. Postgres may only do so where it has vacuumed, and on its own it waits for a fifth of the table.
ALTER TABLE interaction SET (autovacuum_vacuum_insert_scale_factor = 0.005, autovacuum_vacuum_insert_threshold = 1000);
ALTER TABLE model_call SET (autovacuum_vacuum_insert_scale_factor = 0.005, autovacuum_vacuum_insert_threshold = 5000);
