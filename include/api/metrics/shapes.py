"""Answers of the routes that read metrics, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, RootModel

_DIGEST = "9f3c2a10b7de4d5c8e6f0a1b2c3d4e5f9f3c2a10b7de4d5c8e6f0a1b2c3d4e5f"
_WEEK = {"period_start": "2025-03-03T00:00:00.000Z", "period_end": "2025-03-10T00:00:00.000Z"}
_VALUE: dict[str, Any] = {
    "metric_name": "retention",
    "user_id": "u1",
    "course_id": "algebra",
    "module_id": None,
    "value": 1.0,
    **_WEEK,
    "calculated_at": "2025-03-10T01:02:03.000Z",
    "version": 1,
    "unit": "0/1",
    "grain": "week",
    "timezone": "UTC",
    "sample_n": 3,
    "null_reason": None,
    "numerator": 1.0,
    "denominator": 1.0,
    "sensitivity": None,
    "state": "closed",
    "card_digest": _DIGEST,
    "is_stored": True,
}
_FIGURE: dict[str, Any] = {
    "metric_name": "retention",
    "course_id": "algebra",
    **_WEEK,
    "average_value": 0.62,
    "version": 1,
    "unit": "share",
    "n_users": 50,
    "n_null": 0,
    "median": 1.0,
    "min": 0.0,
    "max": 1.0,
    "pooled_value": 0.62,
    "n_values": 50,
    "quantiles": {"0.1": 0.0, "0.25": 0.0, "0.75": 1.0, "0.9": 1.0},
    "distribution": {"values": [0, 1], "counts": [19, 31]},
    "sample_n": 150,
    "sensitivity": None,
    "grain": "week",
    "timezone": "UTC",
    "calculated_at": "2025-03-10T01:02:03.000Z",
    "state": "closed",
    "card_digest": _DIGEST,
    "is_stored": True,
}
_NULL_REASON = (
    "Why there is no value: no_events, not_closed, not_in_cohort, no_catalogue, no_task_start, no_active_time."
)
_STATE = "open, provisional (changes without a restatement) or closed."
_SENSITIVITY = "Time on task by time-out in seconds; null for other metrics."


class ValueView(BaseModel):
    """One metric of one learner, course and period."""

    model_config = ConfigDict(json_schema_extra={"examples": [_VALUE]})
    metric_name: str
    user_id: str
    course_id: str
    module_id: str | None
    value: float | None = Field(description="Not rounded; null where nothing is known.")
    period_start: str
    period_end: str = Field(description="First instant after the period.")
    calculated_at: str
    version: int
    unit: str
    grain: str = Field(description="day, week, month or custom.")
    timezone: str
    sample_n: int = Field(description="What the value is made of; the card says what is counted.")
    null_reason: str | None = Field(description=_NULL_REASON)
    numerator: float | None
    denominator: float | None
    sensitivity: dict[str, float] | None = Field(description=_SENSITIVITY)
    state: str = Field(description=_STATE)
    card_digest: str = Field(description="Names the exact definition.")
    is_stored: bool = Field(description="False: put together from the parts of each day for this answer.")


class FigureView(BaseModel):
    """One metric of one course and period, over its learners."""

    model_config = ConfigDict(json_schema_extra={"examples": [_FIGURE]})
    metric_name: str
    course_id: str
    period_start: str
    period_end: str
    average_value: float | None = Field(description="Plain mean of the learners with a value.")
    version: int
    unit: str
    n_users: int = Field(description="Learners with an event in the period.")
    n_null: int = Field(description="Of those with an entry, without a value.")
    median: float | None
    min: float | None
    max: float | None
    pooled_value: float | None = Field(description="Ratios: sum of numerators over sum of denominators.")
    n_values: int
    quantiles: dict[str, float] | None
    distribution: dict[str, list[float]] | None
    sample_n: int
    sensitivity: dict[str, float] | None = Field(description=_SENSITIVITY)
    grain: str
    timezone: str
    calculated_at: str
    state: str = Field(description=_STATE)
    card_digest: str
    is_stored: bool


_COMPARED: dict[str, Any] = {
    "metric_name": "retention",
    "version": 1,
    "first_value": 0.5,
    "second_value": 0.62,
    "difference": 0.12,
    "relative_difference": 0.24,
    "first_start": "2025-02-24T00:00:00.000Z",
    "first_end": "2025-03-03T00:00:00.000Z",
    "first_seconds": 604800.0,
    "first_days": 7,
    "second_start": "2025-03-03T00:00:00.000Z",
    "second_end": "2025-03-10T00:00:00.000Z",
    "second_seconds": 604800.0,
    "second_days": 7,
}


class _ComparedView(BaseModel):
    """Two periods beside each other: the first is the one named by compare_start and compare_end."""

    metric_name: str
    version: int
    unit: str | None
    first_value: float | None
    second_value: float | None
    difference: float | None = Field(description="Second minus first; null without both.")
    relative_difference: float | None = Field(description="As a share of the first value.")
    first_start: str
    first_end: str
    first_seconds: float
    first_days: int
    second_start: str
    second_end: str
    second_seconds: float
    second_days: int


class ComparedValueView(_ComparedView):
    """One metric of one learner in two periods."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{**_COMPARED, "unit": "0/1", "first": None, "second": _VALUE}]}
    )
    first: ValueView | None
    second: ValueView | None


class ComparedFigureView(_ComparedView):
    """One metric of one course in two periods, and what became of the learners in both."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **_COMPARED,
                    **{"unit": "share", "first": None, "second": _FIGURE},
                    **{"n_both": 40, "n_rose": 9, "n_fell": 4, "n_stayed": 27, "mean_difference": 0.125},
                }
            ]
        }
    )
    first: FigureView | None
    second: FigureView | None
    n_both: int = Field(description="Learners with a value in both periods.")
    n_rose: int
    n_fell: int
    n_stayed: int
    mean_difference: float | None


class ValuesAnswer(RootModel[list[ValueView] | list[ComparedValueView]]):
    """By course, metric, version and period; comparisons when another period is named."""

    model_config = ConfigDict(json_schema_extra={"examples": [[_VALUE]]})


class FiguresAnswer(RootModel[list[FigureView] | list[ComparedFigureView]]):
    """By metric, version and period; comparisons when another period is named."""

    model_config = ConfigDict(json_schema_extra={"examples": [[_FIGURE]]})


_COUNT = {"schema": {"type": "integer"}}
HEADERS: dict[str, Any] = {
    "X-Total-Count": {**_COUNT, "description": "Entries of all pages."},
    "X-Has-More": {"schema": {"type": "boolean"}, "description": "There are entries after this page."},
}
