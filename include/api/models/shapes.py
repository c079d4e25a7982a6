"""Bodies and answers of the routes of models."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from include.api.tasks.shapes import Body, Pagination, TextField

_VERSION: dict[str, Any] = {
    "name": "level4_mobile",
    "version": "9f3c2a10b7de",
    "stage": "production",
    "threshold": 0.36,
    "features": ["slots", "duration_seconds"],
    "sha256": "9b" * 32,
    "size_bytes": 51234,
    "registered_at": "2025-07-01T03:10:00Z",
    "promoted_at": "2025-07-01T03:11:00Z",
    "scores": {"rows": 4200, "positives": 610, "pr_auc": 0.74, "roc_auc": 0.91, "brier": 0.08, "ece": 0.02},
}
_PROMOTION: dict[str, Any] = {
    "name": "level4_mobile",
    "version": "9f3c2a10b7de",
    "replaced_version": "",
    "cause": "gate",
    "run_id": "scheduled__2025-06-30",
    "promoted_at": "2025-07-01T03:11:00Z",
}


class PromoteBody(Body):
    """A version that is to decide."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"version": "9f3c2a10b7de"}]})
    version: TextField = Field(description="A registered version of the model in the address.")


class RollbackBody(Body):
    """A way back."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"from_version": "9f3c2a10b7de"}]})
    from_version: TextField | None = Field(
        default=None, description="Go back only while this version decides; a repeated request then changes nothing."
    )


class ModelView(BaseModel):
    """A registered version."""

    model_config = ConfigDict(json_schema_extra={"examples": [_VERSION]})
    name: str
    version: str
    stage: Annotated[str, Field(pattern="^(candidate|production|archived)$")]
    threshold: Annotated[float, Field(ge=0, le=1)]
    features: list[str]
    sha256: str
    size_bytes: int
    registered_at: str
    promoted_at: str | None
    scores: dict[str, float]


class ModelCardView(ModelView):
    """A registered version with its card."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {**_VERSION, "origin": {"origin": "training"}, "card": {"seed": 0}, "plots": {"roc": "5c" * 32}}
            ]
        }
    )
    origin: dict[str, Any]
    card: dict[str, Any] | None
    plots: dict[str, str]


class ModelPage(BaseModel):
    """A page of versions."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"data": [_VERSION], "pagination": {"total": 1, "limit": 100, "offset": 0, "has_more": False}}]
        }
    )
    data: list[ModelView]
    pagination: Pagination


class PromotionView(BaseModel):
    """One line of a model's history."""

    model_config = ConfigDict(json_schema_extra={"examples": [_PROMOTION]})
    name: str
    version: str
    replaced_version: str
    cause: str
    run_id: str
    promoted_at: str


class PromotionPage(BaseModel):
    """A page of history, newest first."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"data": [_PROMOTION], "pagination": {"total": 1, "limit": 100, "offset": 0, "has_more": False}}
            ]
        }
    )
    data: list[PromotionView]
    pagination: Pagination
