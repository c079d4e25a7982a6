-- Grain: one slice of the batch: metric, version and period, also when nobody is in it.
CREATE TEMPORARY TABLE asked_slices ON COMMIT DROP AS
SELECT *
FROM unnest(
    CAST(:metric AS text[]), CAST(:version AS smallint[]), CAST(:card_digest AS text[]),
    CAST(:period_start_at AS timestamptz[]), CAST(:period_end_at AS timestamptz[]), CAST(:is_closed AS boolean[]),
    CAST(:cause AS text[]), CAST(:load_ids AS text[]), CAST(:next_change_at AS timestamptz[])
) AS asked (
    metric, version, card_digest, period_start_at, period_end_at, is_closed, cause, load_ids, next_change_at
)
