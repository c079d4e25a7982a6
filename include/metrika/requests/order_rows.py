"""Own log requests as the state keeps them: one row from before the create until after the clean."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Engine, RowMapping, and_, or_, select, update

from include.days import utc_now
from include.errors import SourceDataError
from include.metrika.client.logs_api import PROCESSED, LogOrder, LogRequest
from include.state.engine import reachable
from include.state.tables import log_requests

ORDERED, CREATED, READY, LOADED, RELEASED, CLOSED = (
    "ordered", "created", "processed", "loaded", "released", "failed",
)  # fmt: skip


@dataclass(frozen=True)
class OwnRequest:
    """A log request of ours.

    Attributes:
        order_id: our id, known before Metrika gives its own.
        order: what was asked for.
        floor_request_id: highest id Metrika listed just before the create; ours is above it.
        request_id: Metrika's id; None until its answer is stored.
        status: ours: ordered, created, processed, loaded, released, failed.
        run_id: run that works on it.
        ordered_at: aware UTC.
        released_at: aware UTC; None while it may occupy something at Metrika.
        request: the request as last seen; None when only the row is known.
    """

    order_id: str
    order: LogOrder
    floor_request_id: int
    request_id: int | None
    status: str
    run_id: str
    ordered_at: dt.datetime
    released_at: dt.datetime | None = None
    request: LogRequest | None = None

    @property
    def is_ready(self) -> bool:
        """Whether its parts can be downloaded."""
        return self.request is not None and self.request.status == PROCESSED

    @property
    def prepared(self) -> LogRequest:
        """The request with its parts; only of a ready one."""
        if self.request is None or not self.is_ready:
            raise SourceDataError(f"{self} has no parts yet; wait for it first.", request_id=self.request_id)
        return self.request

    def __str__(self) -> str:
        """The request in words, for messages and logs."""
        return f"Log request {self.request_id or 'without a number'} ({self.order})"


def _read(row: RowMapping) -> OwnRequest:
    order = LogOrder(
        row["counter_id"], row["source"], row["first_date"], row["last_date"], tuple(row["fields"].split(","))
    )
    return OwnRequest(
        row["order_id"], order, row["floor_request_id"], row["request_id"], row["status"], row["run_id"],
        row["ordered_at"], row["released_at"],
    )  # fmt: skip


def insert_order(engine: Engine, order: LogOrder, floor_request_id: int, run_id: str) -> OwnRequest:
    """Write the row that has to exist before the create.

    Args:
        engine: the state engine.
        order: what will be asked for.
        floor_request_id: highest id Metrika lists now.
        run_id: the run.

    Returns:
        The row.
    """
    own = OwnRequest(str(uuid.uuid4()), order, floor_request_id, None, ORDERED, run_id, utc_now())
    values: dict[str, Any] = {
        "order_id": own.order_id, "counter_id": order.counter_id, "source": order.source,
        "first_date": order.first_date, "last_date": order.last_date, "fields": ",".join(order.fields),
        "floor_request_id": floor_request_id, "status": ORDERED, "run_id": run_id, "ordered_at": own.ordered_at,
    }  # fmt: skip
    with reachable(engine), engine.begin() as connection:
        connection.execute(log_requests.insert().values(values))
    return own


def save(engine: Engine, own: OwnRequest, **values: Any) -> OwnRequest:
    """Change a row.

    Args:
        engine: the state engine.
        own: the request.
        values: columns to set.

    Returns:
        The request with these values.
    """
    statement = update(log_requests).where(log_requests.c.order_id == own.order_id).values(**values)
    with reachable(engine), engine.begin() as connection:
        connection.execute(statement)
    known: Mapping[str, Any] = {name: value for name, value in values.items() if name != "metrika_status"}
    return replace(own, **known)


def save_seen(engine: Engine, own: OwnRequest, request: LogRequest, **values: Any) -> OwnRequest:
    """Store what Metrika says of a request.

    Args:
        engine: the state engine.
        own: the request.
        request: Metrika's answer.
        values: further columns to set.

    Returns:
        The request with the answer in it.
    """
    seen = {"request_id": request.request_id, "metrika_status": request.status} | values
    return replace(save(engine, own, **seen), request=request)


def close(engine: Engine, own: OwnRequest, status: str, metrika_status: str) -> OwnRequest:
    """End a row: nothing of it is left at Metrika.

    Args:
        engine: the state engine.
        own: the request.
        status: RELEASED or CLOSED.
        metrika_status: last word of the API.

    Returns:
        The ended request.
    """
    return save(engine, own, status=status, metrika_status=metrika_status, released_at=utc_now())


def read_own(engine: Engine, order_id: str) -> OwnRequest | None:
    """Read one row.

    Args:
        engine: the state engine.
        order_id: our id.

    Returns:
        The request, or None.
    """
    return next(iter(_select(engine, log_requests.c.order_id == order_id)), None)


def open_requests(engine: Engine, order: LogOrder) -> list[OwnRequest]:
    """Own requests for exactly this order that may still exist at Metrika.

    Args:
        engine: the state engine.
        order: what is wanted.

    Returns:
        The newest first.
    """
    columns = log_requests.c
    return _select(
        engine,
        and_(
            columns.counter_id == order.counter_id,
            columns.source == order.source,
            columns.first_date == order.first_date,
            columns.last_date == order.last_date,
            columns.fields == ",".join(order.fields),
            columns.released_at.is_(None),
        ),
    )


def stale_requests(engine: Engine, counter_id: int, older_than: dt.timedelta) -> list[OwnRequest]:
    """Own requests of a counter that nobody works on any more.

    Args:
        engine: the state engine.
        counter_id: the counter.
        older_than: requests ordered longer ago than this belong to dead runs.

    Returns:
        Those, and the ones whose rows are stored already.
    """
    columns = log_requests.c
    is_old = columns.ordered_at <= utc_now() - older_than
    return _select(
        engine,
        and_(columns.counter_id == counter_id, columns.released_at.is_(None), or_(is_old, columns.status == LOADED)),
    )


def run_requests(engine: Engine, run_id: str) -> list[OwnRequest]:
    """Own requests of a run that may still occupy something at Metrika.

    Args:
        engine: the state engine.
        run_id: the run.

    Returns:
        The requests, newest first.
    """
    return _select(engine, and_(log_requests.c.run_id == run_id, log_requests.c.released_at.is_(None)))


def stored_ids(engine: Engine, counter_id: int) -> frozenset[int]:
    """Every id at Metrika that some row of ours names.

    Args:
        engine: the state engine.
        counter_id: the counter.

    Returns:
        The ids, of finished requests too.
    """
    columns = log_requests.c
    query = select(columns.request_id).where(columns.counter_id == counter_id, columns.request_id.is_not(None))
    with reachable(engine), engine.connect() as connection:
        return frozenset(connection.execute(query).scalars())


def _select(engine: Engine, condition: Any) -> list[OwnRequest]:
    query = select(log_requests).where(condition).order_by(log_requests.c.ordered_at.desc())
    with reachable(engine), engine.connect() as connection:
        return [_read(row) for row in connection.execute(query).mappings()]
