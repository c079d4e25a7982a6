"""A question about one event, complete: what is grouped, what is aggregated, of whom and when."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from include.events.schemas.attributes import Attribute

USER_CODE = "user_code"
# Which identity of the events names the people of the answer; the first one unless told otherwise.
IDENTITIES = (USER_CODE, "user_id", "customer_id", "client_id", "device_id", "anonymous_id")
OTHER_COLUMN, NULL_COLUMN, TOTAL_COLUMN, ESCAPE = "__other__", "__null__", "total", "~"
RESERVED_COLUMNS = (USER_CODE, OTHER_COLUMN, NULL_COLUMN, TOTAL_COLUMN)
MAX_TOP, DEFAULT_TOP = 200, 50  # columns
MAX_LIMIT, DEFAULT_LIMIT = 1000, 100  # people of a page


class Aggregate(StrEnum):
    """What is computed of the values of a cell."""

    SUM = "sum"
    COUNT = "count"
    AVG = "avg"
    MIN = "min"
    MAX = "max"
    UNIQ = "uniq"

    @property
    def empty(self) -> int | None:
        """What a cell without events holds: 0 where there is a number for nothing, else None."""
        return 0 if self in (Aggregate.SUM, Aggregate.COUNT, Aggregate.UNIQ) else None


class Comparison(StrEnum):
    """How a filter compares."""

    EQ = "eq"
    NE = "ne"
    LT = "lt"
    LE = "le"
    GT = "gt"
    GE = "ge"
    IN = "in"
    EXISTS = "exists"


@dataclass(frozen=True)
class Condition:
    """One filter.

    Attributes:
        attribute: what is compared; None for the person.
        comparison: how.
        value: what it is compared with, of the attribute's type (a datetime as milliseconds since 1970 UTC); a tuple
            of such values for ``in``, True or False for ``exists``.
    """

    attribute: Attribute | None
    comparison: Comparison
    value: Any


@dataclass(frozen=True)
class Question:
    """What is asked of one event of one project.

    Attributes:
        project: app code, or ``default``.
        event_name: the event in its one spelling.
        group: attribute whose values become columns; None for the one column ``total``.
        value: attribute that is aggregated; None to count events.
        aggregate: what is computed of it.
        identity: which identity of the events names the people.
        start_at: first instant of event time, aware; None without a bound.
        end_at: first instant after the period; None without a bound.
        conditions: all of them must hold.
        user: only this person; None for all.
        top_count: most columns before the rest is folded into one.
        limit: people of a page.
        offset: people before it.
    """

    project: str
    event_name: str
    group: Attribute | None = None
    value: Attribute | None = None
    aggregate: Aggregate = Aggregate.COUNT
    identity: str = USER_CODE
    start_at: dt.datetime | None = None
    end_at: dt.datetime | None = None
    conditions: tuple[Condition, ...] = ()
    user: str | None = None
    top_count: int = DEFAULT_TOP
    limit: int = DEFAULT_LIMIT
    offset: int = 0


def column_name(value: str | None) -> str:
    """Name the column of a value of the grouping attribute; no two values share one.

    Args:
        value: the value as text, or None where the attribute is absent.

    Returns:
        The value itself, but with one ``~`` in front where it would be taken for another column.

    >>> column_name("diode"), column_name("total"), column_name("~x"), column_name(None)
    ('diode', '~total', '~~x', '__null__')
    """
    if value is None:
        return NULL_COLUMN
    return ESCAPE + value if value in RESERVED_COLUMNS or value.startswith(ESCAPE) else value
