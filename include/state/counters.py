"""Counters seen so far and their time zones."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, select
from sqlalchemy.dialects.postgresql import insert

from include.days import utc_now, zone_of
from include.errors import DayNotReady
from include.state.engine import reachable
from include.state.tables import counters


@dataclass(frozen=True)
class Counter:
    """A counter as last seen at Metrika.

    Attributes:
        counter_id: its id.
        name: its name.
        time_zone: IANA zone name; decides what a day is.
    """

    counter_id: int
    name: str
    time_zone: str

    @property
    def zone(self) -> ZoneInfo:
        """The zone itself."""
        return zone_of(self.time_zone)


def write_counter(connection: Connection, counter: Counter) -> None:
    """Remember a counter; the caller commits.

    Args:
        connection: open transaction.
        counter: what Metrika says of it.
    """
    statement = insert(counters).values(**vars(counter), checked_at=utc_now())
    updates = {name: statement.excluded[name] for name in ("name", "time_zone", "checked_at")}
    connection.execute(statement.on_conflict_do_update(index_elements=["counter_id"], set_=updates))


def known_zone(engine: Engine, counter_id: int) -> ZoneInfo | None:
    """The zone a counter was last seen in.

    Args:
        engine: the state engine.
        counter_id: the counter.

    Returns:
        The zone, or None when the counter was never seen.
    """
    query = select(counters.c.time_zone).where(counters.c.counter_id == counter_id)
    with reachable(engine), engine.connect() as connection:
        name: str | None = connection.execute(query).scalar()
    return zone_of(name) if name else None


def read_counter(connection: Connection, counter_id: int) -> Counter:
    """Read a counter.

    Args:
        connection: open connection.
        counter_id: the counter.

    Returns:
        The counter.

    Raises:
        DayNotReady: nothing of this counter has been loaded yet.
    """
    row = connection.execute(select(counters).where(counters.c.counter_id == counter_id)).mappings().first()
    if row is None:
        raise DayNotReady(
            f"Counter {counter_id} has never been loaded; run 'python -m include load --counter {counter_id} "
            "--date YYYY-MM-DD' first.",
            code="counter_unknown",
            pointer="/counter",
        )
    return Counter(row["counter_id"], row["name"], row["time_zone"])
