"""Tables of scored visits: what was measured of each visit, and what was decided about it."""

from __future__ import annotations

from include.warehouse.schema import Column, Table

_KEY = (
    Column("counter_id", "UInt32", "counter the visit belongs to"),
    Column("date", "Date", "day the visit started on, in the counter's zone"),
    Column("visit_id", "UInt64", "Metrika's visit id, unique within one year"),
    Column("client_id", "UInt64", "first-party cookie id"),
)
_AS_DELIVERED = (
    Column("started_at", "DateTime('UTC')", "start of the visit"),
    Column("duration_seconds", "UInt32", "visitDuration as delivered"),
    Column("page_views", "Int32", "depth as delivered"),
)

VISIT_FEATURES = Table(
    name="visit_features",
    columns=(
        *_KEY,
        *_AS_DELIVERED,
        Column("is_bounce", "UInt8", "1 when Metrika calls the visit a bounce"),
        Column("device_category", "String", "1 desktop, 2 phone, 3 tablet, 4 TV, or empty"),
        Column("hit_count", "UInt32", "matched hits, distinct watch ids"),
        Column("visit_id_hit_count", "UInt32", "hits that name this visit in their own visit id"),
        Column("slots", "UInt32", "distinct 15-second slots since the first hit"),
        Column("slot_range", "UInt32", "slot of the last hit, counted from 0"),
        Column("slot_density", "Float64", "slots per minute of visitDuration plus one"),
        Column("median_pause_seconds", "Float64", "median gap between neighbouring hits"),
        Column("mean_pause_seconds", "Float64", "mean gap between neighbouring hits"),
        Column("std_pause_seconds", "Float64", "population standard deviation of the gaps"),
        Column("join_disagrees", "UInt8", "1 when watch ids and visit ids name different hits"),
    ),
    order_by=("counter_id", "date", "visit_id"),
    meaning="one row per visit of a scored day",
)

VISIT_SCORES = Table(
    name="visit_scores",
    columns=(
        *_KEY,
        *_AS_DELIVERED,
        Column("device_category", "String", "1 desktop, 2 phone, 3 tablet, 4 TV, or empty"),
        Column("is_level4", "UInt8", "1 when the visit is of level 4 or higher"),
        Column("decided_by", "String", "what made it level 4+: rule, model, or none"),
        Column("reason", "String", "rule, model, no_hits, below_threshold, device_not_modelled or no_model"),
        Column("score", "Nullable(Float64)", "probability from the model, NULL when none was asked"),
        Column("threshold", "Nullable(Float64)", "the score had to be above it, NULL when no model was asked"),
        Column("model_name", "String", "model asked, or empty"),
        Column("model_version", "String", "its version, or empty"),
    ),
    order_by=("counter_id", "date", "visit_id"),
    meaning="one row per visit of a scored day",
)

# Lives only as a run's staging table: probabilities on their way from Python back into the decision.
VISIT_PROBABILITIES = Table(
    name="visit_probabilities",
    columns=(
        Column("counter_id", "UInt32", "counter the visit belongs to"),
        Column("date", "Date", "day the visit started on, in the counter's zone"),
        Column("visit_id", "UInt64", "Metrika's visit id"),
        Column("probability", "Float64", "second column of predict_proba"),
    ),
    order_by=("counter_id", "date", "visit_id"),
    shard_by="visit_id",
    meaning="one row per visit a model was asked about",
)

TABLES = (VISIT_FEATURES, VISIT_SCORES)
