"""The assets that carry a day from one DAG to the next."""

from __future__ import annotations

from airflow.sdk import Asset

VISITS_LOADED = Asset("counterflow_visits_loaded")
VISITS_SCORED = Asset("counterflow_visits_scored")
