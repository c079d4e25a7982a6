"""Bodies and queries of the visit and conversion routes, checked before anything is done."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictBool, field_validator

from include.visits.scoring.export import DEFAULT_PAGE, MAX_PAGE

LARGEST_COUNTER = 2**32 - 1  # counter ids are UInt32 in the warehouse
LONGEST_TOKEN_CHARS, LONGEST_TEXT_CHARS = 4096, 255
EXACT_PRICE = 1e13  # above it a JSON number no longer tells kopecks apart

CounterField = Annotated[int, Field(strict=True, gt=0, le=LARGEST_COUNTER, description="Counter id.")]
TokenField = Annotated[
    str,
    Field(
        strict=True,
        min_length=1,
        max_length=LONGEST_TOKEN_CHARS,
        description="OAuth token of Metrika, for this job only; never shown again.",
        json_schema_extra={"writeOnly": True},
    ),
]
TextField = Annotated[str, Field(strict=True, min_length=1, max_length=LONGEST_TEXT_CHARS)]
LimitQuery = Annotated[int, Field(ge=1, le=MAX_PAGE)]
DEFAULT_LIMIT = DEFAULT_PAGE
LARGEST_OFFSET = 2**31


class Body(BaseModel):
    """A body that knows its fields."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class JobBody(Body):
    """What every job may bring."""

    counter: CounterField | None = None
    token: TokenField | None = Field(default=None, repr=False)
    connection_id: TextField | None = Field(
        default=None, description="Airflow connection whose token is used instead of metrika_default."
    )


class TaskBody(JobBody):
    """A day to load and score."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"date": "2025-07-01", "counter": 123456, "reload": True}]}
    )
    date: TextField = Field(description="Day in the counter's zone, YYYY-MM-DD.")
    reload: StrictBool = Field(default=True, description="Load the day from Metrika first; false scores stored data.")


class BulkBody(JobBody):
    """A finished task whose level 4+ visits are sent."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"task_id": "api__visits__20250702T010203Z__9f3c2a10", "target": "4plus", "counter": 123456}]
        }
    )
    task_id: TextField = Field(description="A visits task that is done.")
    target: TextField | None = Field(default=None, description="Goal identifier; CONVERSION_TARGET when absent.")
    include_old: StrictBool = Field(default=False, description="Also send visits older than 21 days.")
    dag_id: TextField | None = Field(default=None, description="DAG of the task, when several have such a run.")


class SingleBody(JobBody):
    """One conversion."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "client_id": "175085690441127503",
                    "target": "purchase",
                    "date_time": "2025-06-28T12:00:00",
                    "price": 1500.50,
                    "currency": "RUB",
                    "counter": 123456,
                }
            ]
        }
    )
    target: TextField = Field(description="Goal identifier.")
    date_time: TextField = Field(description="Local to the counter, or with an offset.")
    client_id: TextField | None = None
    user_id: TextField | None = None
    yclid: TextField | None = None
    purchase_id: TextField | None = None
    price: float | str | None = Field(default=None, description="From 0, at most two decimals.")
    currency: TextField | None = Field(default=None, description="ISO 4217.")
    resend: StrictBool = Field(default=False, description="Send again what differs only in price or currency.")

    @field_validator("price", mode="before")
    @classmethod
    def _is_exact(cls, value: Any) -> Any:
        if isinstance(value, bool):
            raise ValueError("A price is a number.")
        if isinstance(value, int | float) and abs(value) >= EXACT_PRICE:
            raise ValueError("A price this large must be given as text to stay exact.")
        return value


class TaskCreated(BaseModel):
    """A task was taken."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"task_id": "api__visits__20250702T010203Z__9f3c2a10"}]})
    task_id: str


class TaskStatus(BaseModel):
    """A task as it is now."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "task_id": "api__visits__20250702T010203Z__9f3c2a10",
                    "kind": "visits",
                    "status": "running",
                    "progress": 40,
                    "message": "load_days is running, 4 of 10 steps done",
                    "started_at": "2025-07-02T01:02:04.000Z",
                    "finished_at": None,
                    "error": None,
                }
            ]
        }
    )
    task_id: str
    kind: str
    status: Annotated[str, Field(pattern="^(pending|running|done|failed)$")]
    progress: Annotated[int, Field(ge=0, le=100)]
    message: str
    started_at: str | None
    finished_at: str | None
    error: str | None


class Pagination(BaseModel):
    """Where a page stands."""

    total: int
    limit: int
    offset: int
    has_more: bool


class TaskResult(BaseModel):
    """A page of what a task made."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "data": [
                        {
                            "visitId": "7011459361225703426",
                            "clientId": "175085690441127503",
                            "dateTime": "2025-07-01 12:34:56",
                            "visitDuration": 123,
                        }
                    ],
                    "pagination": {"total": 31, "limit": 10, "offset": 20, "has_more": True},
                }
            ]
        }
    )
    data: list[dict[str, Any]]
    pagination: Pagination


class UploadTaken(BaseModel):
    """A conversion upload was taken, or had been before."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={"examples": [{"upload_id": "5f1c5f0e-8f2b-5a61-9f51-3d2b9d6f7a10", "status": "pending"}]},
    )
    upload_id: str
    status: str


class UploadView(BaseModel):
    """An upload as it is now."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "upload_id": "5f1c5f0e-8f2b-5a61-9f51-3d2b9d6f7a10",
                    "status": "processed",
                    "errors": None,
                    "processed": 31,
                    "total": 31,
                    "stage": "done",
                    "metrika_upload_ids": ["812"],
                    "held": 0,
                    "already_sent": 0,
                    "goal_not_found": 0,
                    "user_not_found": 0,
                }
            ]
        }
    )
    upload_id: str
    status: Annotated[str, Field(pattern="^(pending|processed|failed)$")]
    errors: list[str] | None
    processed: int | None
    total: int | None
    stage: str
    metrika_upload_ids: list[str]
    held: int
    already_sent: int
    goal_not_found: int
    user_not_found: int
