"""Every field a client may request: name, type, and how it is made."""

from __future__ import annotations

from collections.abc import Sequence

from include.metrika_sandbox.columns.hit_fields import build_hit_fields
from include.metrika_sandbox.columns.visit_fields import build_visit_fields

VISITS, HITS = "visits", "hits"
PREFIXES = {VISITS: "ym:s:", HITS: "ym:pv:"}

VISIT_FIELDS = {PREFIXES[VISITS] + name: spec for name, spec in build_visit_fields().items()}
HIT_FIELDS = {PREFIXES[HITS] + name: spec for name, spec in build_hit_fields().items()}


def field_type(source: str, name: str) -> str | None:
    """Documented type of a field; None when the source has no such field."""
    spec = VISIT_FIELDS.get(name) if source == VISITS else HIT_FIELDS.get(name)
    return None if spec is None else spec.type_name


def unknown_fields(source: str, names: Sequence[str]) -> list[str]:
    """The names that the source does not have, in order."""
    return [name for name in names if field_type(source, name) is None]
