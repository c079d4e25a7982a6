"""What the route of statistics is asked and answers, for the OpenAPI document."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel, ConfigDict, RootModel

from include.api.gate.paging import LARGEST_OFFSET
from include.events.statistics.question import IDENTITIES, MAX_LIMIT, MAX_TOP

LONGEST_TEXT_CHARS = 4096


class Form(StrEnum):
    """Forms of the answer."""

    WIDE = "wide"
    LONG = "long"
    CSV = "csv"


GroupQuery = Annotated[
    str | None,
    Query(
        max_length=LONGEST_TEXT_CHARS,
        description="Attribute whose values become columns; the first text attribute when absent, one column total "
        "when empty.",
        examples=["product_name"],
    ),
]
ValueQuery = Annotated[
    str | None,
    Query(
        max_length=LONGEST_TEXT_CHARS,
        description="Attribute that is aggregated; the first number when absent.",
        examples=["quantity"],
    ),
]
AggQuery = Annotated[
    str | None,
    Query(
        max_length=LONGEST_TEXT_CHARS,
        description="sum (default), count, avg, min, max or uniq; count is the default of events without a number.",
        examples=["sum"],
    ),
]
FromQuery = Annotated[
    str | None,
    Query(
        alias="from",
        max_length=LONGEST_TEXT_CHARS,
        description="First instant of event time, or a day of the app's zone.",
        examples=["2025-07-01T00:00:00Z"],
    ),
]
ToQuery = Annotated[
    str | None,
    Query(
        alias="to",
        max_length=LONGEST_TEXT_CHARS,
        description="First instant after the period, or a day.",
        examples=["2025-07-02T00:00:00Z"],
    ),
]
FilterQuery = Annotated[
    list[str] | None,
    Query(
        alias="filter",
        description="attribute:comparison:value, may be repeated; comparisons are eq, ne, lt, le, gt, ge, in, exists.",
        examples=[["quantity:ge:2"]],
    ),
]
TopQuery = Annotated[int, Query(ge=1, le=MAX_TOP, description="Most columns; the rest is folded into __other__.")]
UserQuery = Annotated[str | None, Query(max_length=LONGEST_TEXT_CHARS, description="Only this person.")]
IdentityQuery = Annotated[
    str,
    Query(
        max_length=LONGEST_TEXT_CHARS,
        description=f"Which identity of the events names the people: {', '.join(IDENTITIES)}.",
        examples=["user_id"],
    ),
]
FormQuery = Annotated[
    Form, Query(alias="format", description="wide: an object per person; long: one per person and column; csv.")
]
LimitQuery = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="People of a page.")]
OffsetQuery = Annotated[int, Query(ge=0, le=LARGEST_OFFSET, description="People before the page.")]


class StatisticsRow(BaseModel):
    """A person with a cell per column; in the long form ``user_code``, ``key`` and ``value``."""

    model_config = ConfigDict(extra="allow")
    user_code: str | None


class StatisticsAnswer(RootModel[list[StatisticsRow]]):
    """Rows of statistics; whole numbers are exact, however large."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [[{"user_code": "user_code_uuid", "resistor": 11, "diode": 235, "transistor": 14}]]
        }
    )


_COUNT = {"schema": {"type": "integer"}}
HEADERS: dict[str, Any] = {
    "X-Total-Count": {**_COUNT, "description": "People of all pages."},
    "X-Has-More": {"schema": {"type": "boolean"}, "description": "There are people after this page."},
    "X-Skipped-Rows": {**_COUNT, "description": "Events left out, for a value does not fit its attribute's type."},
}
