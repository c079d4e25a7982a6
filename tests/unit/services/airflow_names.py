"""Which settings the installed Airflow knows, read from its own list without importing it."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path

import yaml


@cache
def airflow_setting_names() -> frozenset[str]:
    spec = importlib.util.find_spec("airflow")
    assert spec is not None
    assert spec.origin is not None
    listed = yaml.safe_load((Path(spec.origin).parent / "config_templates" / "config.yml").read_text())
    return frozenset(
        f"AIRFLOW__{section.upper()}__{key.upper()}" for section, body in listed.items() for key in body["options"]
    )
