-- Grain: one value as it was computed: metric, version, period and person. Columns in the order of the stream.
CREATE TEMPORARY TABLE incoming_values (
    metric text NOT NULL,
    version smallint NOT NULL,
    period_start_at timestamptz NOT NULL,
    person_id uuid NOT NULL,
    value double precision,
    numerator double precision,
    denominator double precision,
    sample_n integer NOT NULL,
    null_reason text NOT NULL,
    by_timeout double precision[]
) ON COMMIT DROP
