"""The passport as JSON: ids as texts, times with their offset, everything else as stored."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from include.conversions.rules.file import csv_line
from include.provenance.passport.cases import Evidence, Hit, LedgerRow, Mismatch
from include.provenance.passport.outcomes import SINGLE, outcome_of
from include.provenance.passport.reading import NEXT_HITS
from include.visits.devices import DEVICE_NAMES, OTHER_DEVICE
from include.visits.measuring.rule import MIN_DURATION_SECONDS, MIN_PAGE_VIEWS, MIN_SLOTS
from include.visits.tables import VISIT_FEATURES

RULE_NAME = "180-5-5"
RULE_PARTS = (
    ("duration_seconds", MIN_DURATION_SECONDS),
    ("page_views", MIN_PAGE_VIEWS),
    ("slots", MIN_SLOTS),
)
# What a visit is, not what was measured of it.
VISIT_COLUMNS = ("counter_id", "date", "visit_id", "client_id", "started_at", "device_category")
FEATURE_NAMES = tuple(column.name for column in VISIT_FEATURES.columns if column.name not in VISIT_COLUMNS)
Block = dict[str, Any]


def passport_of(evidence: Evidence, mismatches: Sequence[Mismatch] | None = None) -> Block:
    """Write a passport.

    Args:
        evidence: everything stored about the case.
        mismatches: what differs when derived again; None when that was not asked.

    Returns:
        JSON-able values. ``verified`` is true only when everything was derived again and nothing differs.
    """
    return {
        "row": _row(evidence),
        "visit": _visit(evidence),
        "hits": None if evidence.visit is None else [_hit(hit, evidence.zone) for hit in evidence.hits],
        "features": _features(evidence),
        "model": _model(evidence),
        "rule": _rule(evidence),
        "decision": _decision(evidence),
        "batch": _batch(evidence),
        "metrika": _metrika(evidence),
        "runs": _runs(evidence),
        "times": _times(evidence),
        "verified": mismatches is not None and not mismatches,
        "mismatches": [
            {"field": one.field, "stored": jsonable(one.stored), "derived": jsonable(one.derived)}
            for one in mismatches or ()
        ],
    }


def jsonable(value: Any) -> Any:
    """Write a stored value so that JSON keeps it whole.

    Args:
        value: a value of a store.

    Returns:
        Times as RFC 3339 in UTC, days as text, integers beyond 2^53 as text, the rest unchanged.

    >>> jsonable(2**63 + 1), jsonable(5)
    ('9223372036854775809', 5)
    """
    if isinstance(value, dt.datetime):
        return instant(value)
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, int) and abs(value) > 2**53:
        return str(value)
    if isinstance(value, list | tuple):
        return [jsonable(one) for one in value]
    return value if value is None or isinstance(value, bool | int | float) else str(value)


def instant(at: dt.datetime | None) -> str | None:
    """Write a time stamp.

    Args:
        at: aware instant.

    Returns:
        RFC 3339 in UTC with milliseconds, or None.
    """
    return None if at is None else f"{at.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


def _local(at: dt.datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).isoformat(timespec="seconds")


def _row(evidence: Evidence) -> Block | None:
    row = evidence.row
    if row is None:
        return None
    return {
        "counter": row.counter_id,
        "target": row.target,
        "identifier": row.identifier,
        "identifier_kind": row.identifier_kind,
        "date_time": _local(row.event_at, evidence.zone),
        "epoch": row.sent_epoch_seconds,
        "price": None if row.price is None else float(row.price),
        "currency": row.currency or None,
        "csv": _csv(evidence, row),
        "stage": row.stage,
        "held_reason": row.held_reason or None,
        "is_withdrawn": row.is_withdrawn,
    }


def _csv(evidence: Evidence, row: LedgerRow) -> str | None:
    """The line as it stands in its file; a file with money has two more columns in every line."""
    if row.upload_id is None:
        return None
    with_money = row.price is not None or bool(row.currency)
    return csv_line(row.as_line(), row.target, with_money=with_money)


def _visit(evidence: Evidence) -> Block | None:
    visit = evidence.visit
    if visit is None:
        return None
    device = visit["device_category"]
    return {
        "counter": evidence.case.counter_id,
        "date": evidence.case.day.isoformat(),
        "visit_id": str(visit["visit_id"]),
        "client_id": str(visit["client_id"]),
        "start": _local(visit["started_at"], evidence.zone),
        "duration": visit["duration_seconds"],
        "page_views": visit["page_views"],
        "device": DEVICE_NAMES.get(device, OTHER_DEVICE),
        "device_category": device,
        "listed_hits": len(visit["watch_ids"]),
    }


def _hit(hit: Hit, zone: ZoneInfo) -> Block:
    return {"watch_id": str(hit.watch_id), "time": _local(hit.hit_at, zone)}


def _features(evidence: Evidence) -> Block | None:
    row = evidence.features
    return None if row is None else {name: row[name] for name in FEATURE_NAMES}


def _rule(evidence: Evidence) -> Block | None:
    row = evidence.features
    if row is None:
        return None
    parts = [
        {"name": name, "value": row[name], "at_least": border, "holds": row[name] >= border}
        for name, border in RULE_PARTS
    ]
    return {RULE_NAME: all(part["holds"] for part in parts), "parts": parts}


def _model(evidence: Evidence) -> Block | None:
    score = evidence.score
    if score is None or not score["model_name"]:
        return None
    version, used = evidence.model, day_models(evidence).get(score["model_name"], {})
    return {
        "name": score["model_name"],
        "version": score["model_version"],
        "sha256": used.get("sha256") or (version.sha256 if version else None),
        "threshold": score["threshold"],
        "probability": score["score"],
        "features": list(version.features) if version else None,
        "registered_threshold": version.threshold if version else None,
        "registered_sha256": version.sha256 if version else None,
        "stage": version.stage if version else None,
    }


def day_models(evidence: Evidence) -> dict[str, Any]:
    """Models the day was scored with, as its sealed record says, or its manifest where no seal covers it.

    Args:
        evidence: everything stored about the case.

    Returns:
        ``version``, ``sha256`` and ``threshold`` by model name.
    """
    scores = evidence.sealed.get("scores") or evidence.stages.get("scores")
    return dict(scores.details.get("models", {})) if scores else {}


def _decision(evidence: Evidence) -> Block:
    score, outcome = evidence.score, outcome_of(evidence)
    is_single = evidence.row is not None and evidence.row.is_single
    return {
        "level4": None if score is None else bool(score["is_level4"]),
        "reason": score["reason"] if score else (SINGLE if is_single else "not_scored"),
        "outcome": outcome.state,
        "sent": outcome.is_sent,
        "why": outcome.why,
    }


def _batch(evidence: Evidence) -> Block | None:
    upload, row = evidence.upload, evidence.row
    if upload is None or row is None:
        return None
    return {
        "upload_id": upload.upload_id,
        "file_sha256": upload.file_sha256,
        "line": row.line_number,
        "rows": upload.row_count,
        "comment": upload.comment,
        "attempt": upload.attempt,
        "stage": upload.stage,
        "metrika_upload_id": None if upload.metrika_upload_id is None else str(upload.metrika_upload_id),
    }


def _metrika(evidence: Evidence) -> Block | None:
    upload = evidence.upload
    if upload is None:
        return None
    return {
        "status": upload.metrika_status or None,
        "source": upload.source_quantity,
        "line": upload.line_quantity,
        "linked": upload.linked_quantity,
        "goal_not_found": upload.goal_not_found_quantity,
        "user_not_found": upload.user_not_found_quantity,
        "error": upload.error,
        "checked_at": instant(upload.checked_at),
    }


def _runs(evidence: Evidence) -> Block:
    stages, upload = evidence.stages, evidence.upload
    return {
        "load": stages["visits"].run_id if "visits" in stages else None,
        "score": stages["scores"].run_id if "scores" in stages else None,
        "upload": upload.run_id if upload else None,
        "task": (upload.task_id or None) if upload else None,
    }


def _times(evidence: Evidence) -> Block:
    ended = {name: instant(record.finished_at) for name, record in evidence.stages.items()}
    upload, row, model = evidence.upload, evidence.row, evidence.model
    return {
        "visits_loaded_at": ended.get("visits"),
        "hits_loaded_at": ended.get("hits"),
        "next_hits_loaded_at": ended.get(NEXT_HITS),
        "model_registered_at": instant(model.registered_at) if model else None,
        "model_promoted_at": instant(evidence.promoted_at or model.promoted_at) if model else None,
        "scored_at": ended.get("scores"),
        "decided_at": instant(row.decided_at) if row else None,
        "prepared_at": instant(upload.prepared_at) if upload else None,
        "sent_at": instant(upload.sent_at) if upload else None,
        "checked_at": instant(upload.checked_at) if upload else None,
        "finished_at": instant(upload.finished_at) if upload else None,
    }
