"""What earlier loads of a counter took: rows, bytes, parts, seconds, disk.

Later stages are known by their names in the manifest only, and everything else a day takes on disk by
its partition, so that this domain needs to know nothing of the others.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, Integer, RowMapping, cast, func, select

from include.metrika.loading.load_job import SOURCES
from include.metrika.loading.tables import quarantine_table
from include.state.engine import reachable
from include.state.tables import day_stages, log_parts, log_requests
from include.warehouse.client import Warehouse, quoted
from include.warehouse.day_swap import STAGE_MARK

SCORES, UPLOAD = "scores", "upload"  # stages of other domains, by the names the manifest has
HISTORY_DAYS = 400  # newest days of the manifest that are looked at
RAW_TABLES = frozenset({*SOURCES, *(quarantine_table(source).name for source in SOURCES)})


@dataclass(frozen=True)
class Stage:
    """A record of the manifest, as far as planning needs it.

    Attributes:
        day: local day.
        run_id: the run that wrote it.
        seconds: how long the stage took.
        finished_at: aware UTC.
        counts: counts of the stage.
        details: parameters of the stage.
    """

    day: dt.date
    run_id: str
    seconds: float
    finished_at: dt.datetime
    counts: Mapping[str, Any]
    details: Mapping[str, Any]


@dataclass(frozen=True)
class PastOrder:
    """A log that was downloaded.

    Attributes:
        run_id: the run that ordered it.
        source: visits or hits.
        day_count: days it spans.
        fields: comma list as sent.
        received: rows in it.
        size_bytes: bytes of its rows, not compressed, as Metrika counts them.
        part_count: parts it came in.
    """

    run_id: str
    source: str
    day_count: int
    fields: str
    received: int
    size_bytes: int
    part_count: int


@dataclass(frozen=True)
class DayDisk:
    """Compressed bytes of one counter-day in ClickHouse.

    Attributes:
        raw_bytes: of visits, hits and rows that could not be read.
        derived_bytes: of everything computed from them.
    """

    raw_bytes: int = 0
    derived_bytes: int = 0


@dataclass(frozen=True)
class History:
    """What is known of a counter.

    Attributes:
        counter_id: the counter.
        stages: records by stage and day.
        orders: logs downloaded by the runs whose days are still stored.
        disk: bytes by day.
    """

    counter_id: int
    stages: Mapping[str, Mapping[dt.date, Stage]] = field(default_factory=dict)
    orders: tuple[PastOrder, ...] = ()
    disk: Mapping[dt.date, DayDisk] = field(default_factory=dict)

    def of(self, stage: str) -> Mapping[dt.date, Stage]:
        """Records of one stage.

        Args:
            stage: its name.

        Returns:
            Records by day.
        """
        return self.stages.get(stage, {})

    def rows(self, source: str) -> dict[dt.date, float]:
        """Rows stored per day; of hits also those of a day that came with the one before.

        Args:
            source: visits or hits.

        Returns:
            Rows by day.
        """
        return {day: float(one.counts["stored"]) for day, one in self.of(source).items()}

    def loads(self) -> list[Stage]:
        """One record of each load of visits; those of an older version without phases are left out.

        Returns:
            Records; a run may have loaded several ranges, told apart by their time.
        """
        visits = self.of(SOURCES[0]).values()
        return list({(one.run_id, one.seconds): one for one in visits if one.details.get("seconds")}.values())

    def received(self, load: Stage) -> float:
        """Rows that a load downloaded; those of its run in equal shares.

        Args:
            load: one of :meth:`loads`.

        Returns:
            Rows.
        """
        rows = sum(order.received for order in self.orders if order.run_id == load.run_id)
        return rows / sum(one.run_id == load.run_id for one in self.loads())


def read_history(warehouse: Warehouse, state: Engine, counter_id: int) -> History:
    """Read what is known of a counter.

    Args:
        warehouse: ClickHouse.
        state: PostgreSQL.
        counter_id: the counter.

    Returns:
        Its history; empty for a counter never loaded.

    Raises:
        StoreUnavailable: a store cannot be reached.
    """
    stages = _read_stages(state, counter_id)
    runs = {one.run_id for one in stages.get(SOURCES[0], {}).values()}
    orders = tuple(order for order in _read_orders(state, counter_id) if order.run_id in runs)
    return History(counter_id, stages, orders, read_disk(warehouse, counter_id))


def _read_stages(state: Engine, counter_id: int) -> dict[str, dict[dt.date, Stage]]:
    c = day_stages.c
    query = select(day_stages).where(c.counter_id == counter_id).order_by(c.day.desc()).limit(HISTORY_DAYS * 4)
    found: dict[str, dict[dt.date, Stage]] = {}
    with reachable(state), state.connect() as connection:
        for row in connection.execute(query).mappings():
            found.setdefault(row["stage"], {})[row["day"]] = Stage(
                row["day"], row["run_id"], row["duration_seconds"], row["finished_at"], row["counts"], row["details"]
            )
    return found


def _read_orders(state: Engine, counter_id: int) -> list[PastOrder]:
    o, p = log_requests.c, log_parts.c
    received = func.coalesce(func.sum(cast(p.counts["received"].astext, Integer)), 0)
    query = (
        select(
            o.run_id, o.source, o.first_date, o.last_date, o.fields, received.label("received"),
            func.coalesce(func.sum(p.size_bytes), 0).label("size_bytes"), func.count(p.part_number).label("parts"),
        )
        .select_from(log_requests.outerjoin(log_parts, o.order_id == p.order_id))
        .where(o.counter_id == counter_id)
        .group_by(o.order_id)
        .order_by(o.ordered_at.desc())
        .limit(HISTORY_DAYS * 4)
    )  # fmt: skip
    with reachable(state), state.connect() as connection:
        return [_order(row) for row in connection.execute(query).mappings()]


def _order(row: RowMapping) -> PastOrder:
    days = (row["last_date"] - row["first_date"]).days + 1
    return PastOrder(
        row["run_id"], row["source"], days, row["fields"], int(row["received"]), int(row["size_bytes"]), row["parts"]
    )


def read_disk(warehouse: Warehouse, counter_id: int) -> dict[dt.date, DayDisk]:
    """Compressed bytes of each day of a counter, over all tables that keep days apart.

    Args:
        warehouse: ClickHouse.
        counter_id: the counter.

    Returns:
        Bytes by day.

    Raises:
        StoreUnavailable: ClickHouse cannot be reached.
    """
    # A partition of counter and day is named <counter>-<yyyymmdd>; of replicas one per shard is counted.
    rows = warehouse.execute(
        "SELECT parseDateTimeBestEffort(splitByChar('-', partition_id)[2])::Date AS day, "
        "replaceRegexpOne(table, '_local$', '') AS name, sum(bytes_on_disk) "
        f"FROM {_parts(warehouse)} WHERE database = %(database)s AND active AND position(table, %(mark)s) = 0 "
        "AND match(partition_id, '^[0-9]+-[0-9]{8}$') AND startsWith(partition_id, %(start)s) GROUP BY day, name",
        {"database": warehouse.database, "mark": STAGE_MARK, "start": f"{counter_id}-"},
    )
    sums: dict[dt.date, list[int]] = {}
    for day, name, size in rows:
        sums.setdefault(day, [0, 0])[0 if name in RAW_TABLES else 1] += int(size)
    return {day: DayDisk(raw, derived) for day, (raw, derived) in sums.items()}


def _parts(warehouse: Warehouse) -> str:
    return f"cluster({quoted(warehouse.cluster)}, system.parts)" if warehouse.cluster else "system.parts"


def free_disk_bytes(warehouse: Warehouse) -> int:
    """Room on the disks of ClickHouse: of the fullest node, since each shard takes its share.

    Args:
        warehouse: ClickHouse.

    Returns:
        Free bytes.

    Raises:
        StoreUnavailable: ClickHouse cannot be reached.
    """
    source = f"cluster({quoted(warehouse.cluster)}, system.disks)" if warehouse.cluster else "system.disks"
    return int(warehouse.scalar(f"SELECT min(free_space) FROM {source}"))


def days_between(stages: Mapping[dt.date, Stage], days: Sequence[dt.date], since: dt.datetime) -> tuple[dt.date, ...]:
    """Days of a stage that were finished after an instant.

    Args:
        stages: records by day.
        days: days that count.
        since: aware instant.

    Returns:
        The days in order.
    """
    return tuple(day for day in sorted(days) if day in stages and stages[day].finished_at >= since)
