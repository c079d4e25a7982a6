"""The passport as the API answers it; ids are texts, times carry their offset."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

EXAMPLE: dict[str, Any] = {
    "row": {
        "counter": 123456,
        "target": "4plus",
        "identifier": "1750856904411275031",
        "identifier_kind": "CLIENT_ID",
        "date_time": "2025-07-01T12:34:56+03:00",
        "epoch": 1751362496,
        "price": None,
        "currency": None,
        "csv": "1750856904411275031,4plus,1751362496",
        "stage": "placed",
        "held_reason": None,
        "is_withdrawn": False,
    },
    "visit": {
        "counter": 123456,
        "date": "2025-07-01",
        "visit_id": "7011459361225703426",
        "client_id": "1750856904411275031",
        "start": "2025-07-01T12:34:56+03:00",
        "duration": 100,
        "page_views": 3,
        "device": "desktop",
        "device_category": "1",
        "listed_hits": 3,
    },
    "hits": [
        {"watch_id": "17891246600000000011", "time": "2025-07-01T12:34:57+03:00"},
        {"watch_id": "17891246600000000012", "time": "2025-07-01T12:35:17+03:00"},
        {"watch_id": "17891246600000000013", "time": "2025-07-01T12:36:32+03:00"},
    ],
    "features": {
        "duration_seconds": 100,
        "page_views": 3,
        "is_bounce": 0,
        "hit_count": 3,
        "visit_id_hit_count": 3,
        "slots": 3,
        "slot_range": 6,
        "slot_density": 1.125,
        "median_pause_seconds": 47.5,
        "mean_pause_seconds": 47.5,
        "std_pause_seconds": 27.5,
        "join_disagrees": 0,
    },
    "model": {
        "name": "level4_desktop",
        "version": "9f3c2a10b7de",
        "sha256": "5f0c8d1e2b3a495867768594a3b2c1d0e0f1a2b3c4d5e6f708192a3b4c5d6e7f",
        "threshold": 0.48,
        "probability": 0.6125,
        "features": ["slots", "slot_density", "mean_pause", "duration"],
        "registered_threshold": 0.48,
        "registered_sha256": "5f0c8d1e2b3a495867768594a3b2c1d0e0f1a2b3c4d5e6f708192a3b4c5d6e7f",
        "stage": "production",
    },
    "rule": {
        "180-5-5": False,
        "parts": [
            {"name": "duration_seconds", "value": 100, "at_least": 180, "holds": False},
            {"name": "page_views", "value": 3, "at_least": 5, "holds": False},
            {"name": "slots", "value": 3, "at_least": 5, "holds": False},
        ],
    },
    "decision": {
        "level4": True,
        "reason": "model",
        "outcome": "done",
        "sent": True,
        "why": "It was sent, and Metrika has processed the file (row 17 of upload "
        "5f1c5f0e-8f2b-5a61-9f51-3d2b9d6f7a10).",
    },
    "batch": {
        "upload_id": "5f1c5f0e-8f2b-5a61-9f51-3d2b9d6f7a10",
        "file_sha256": "0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9",
        "line": 17,
        "rows": 31,
        "comment": "cf4b1d0e6f8a2c3957e0d1c2b3a4958677685940a1",
        "attempt": 1,
        "stage": "done",
        "metrika_upload_id": "812",
    },
    "metrika": {
        "status": "PROCESSED",
        "source": 31,
        "line": 31,
        "linked": 30,
        "goal_not_found": 0,
        "user_not_found": 1,
        "error": None,
        "checked_at": "2025-07-02T03:10:00.000Z",
    },
    "runs": {
        "load": "scheduled__2025-07-02T01:00:00+00:00",
        "score": "asset_triggered__2025-07-02T01:04:10+00:00",
        "upload": "asset_triggered__2025-07-02T01:05:30+00:00",
        "task": None,
    },
    "times": {
        "visits_loaded_at": "2025-07-02T01:03:50.120Z",
        "hits_loaded_at": "2025-07-02T01:04:02.480Z",
        "next_hits_loaded_at": None,
        "model_registered_at": "2025-06-20T08:00:00.000Z",
        "model_promoted_at": "2025-06-20T08:05:00.000Z",
        "scored_at": "2025-07-02T01:05:11.900Z",
        "decided_at": "2025-07-02T01:05:40.000Z",
        "prepared_at": "2025-07-02T01:05:40.010Z",
        "sent_at": "2025-07-02T01:05:41.200Z",
        "checked_at": "2025-07-02T03:10:00.000Z",
        "finished_at": "2025-07-02T03:10:00.000Z",
    },
    "verified": True,
    "mismatches": [],
}


class PassportHit(BaseModel):
    """One hit of the visit."""

    watch_id: str
    time: str


class PassportMismatch(BaseModel):
    """A value that does not follow from what is stored."""

    field: str = Field(description="Its place in the passport, such as features.slots.")
    stored: Any
    derived: Any = Field(description="Null when it cannot be derived any more.")


class PassportDecision(BaseModel):
    """What was decided, and what became of it."""

    level4: bool | None = Field(description="Null when nothing was decided: a single conversion, a day not scored.")
    reason: str
    outcome: str = Field(
        description="Stage of its file, or held, withdrawn, not_level4, not_scored, not_uploaded, blocked."
    )
    sent: bool
    why: str = Field(description="One sentence for people.")


class PassportView(BaseModel):
    """Why a conversion was or was not sent."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})
    row: dict[str, Any] | None = Field(description="The row sent; null when the ledger has none for this visit.")
    visit: dict[str, Any] | None = Field(description="Null for a single conversion.")
    hits: list[PassportHit] | None
    features: dict[str, int | float] | None
    model: dict[str, Any] | None = Field(description="Null when no model was asked.")
    rule: dict[str, Any] | None
    decision: PassportDecision
    batch: dict[str, Any] | None = Field(description="Null when it is in no file.")
    metrika: dict[str, Any] | None
    runs: dict[str, str | None]
    times: dict[str, str | None]
    verified: bool = Field(description="True only when it was derived again and nothing differs.")
    mismatches: list[PassportMismatch]
