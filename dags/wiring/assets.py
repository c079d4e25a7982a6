"""The assets that carry a day, or a load of events, from one DAG to the next."""

from __future__ import annotations

from airflow.sdk import Asset

VISITS_LOADED = Asset("counterflow_visits_loaded")
VISITS_SCORED = Asset("counterflow_visits_scored")
EVENTS_LANDED = Asset("counterflow_events_landed")
