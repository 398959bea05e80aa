-- How much of an answer was found in what it cites.

ALTER TABLE interaction ADD COLUMN checked integer;
ALTER TABLE interaction ADD COLUMN unverified integer;
COMMENT ON COLUMN interaction.checked IS 'Sentences of the answer that were checked against the passages; NULL: an answer of a version that did not check, or none';
COMMENT ON COLUMN interaction.unverified IS 'Those of them that no passage says';
