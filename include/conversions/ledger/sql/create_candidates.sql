-- Level 4+ visits of the day as scored now; held_reason is empty for a visit that may be sent.
CREATE TEMPORARY TABLE candidates (
    visit_id numeric(20, 0) NOT NULL,
    identifier text NOT NULL,
    event_epoch bigint NOT NULL,
    held_reason text NOT NULL,
    event_at timestamptz GENERATED ALWAYS AS (to_timestamp(event_epoch)) STORED
) ON COMMIT DROP
