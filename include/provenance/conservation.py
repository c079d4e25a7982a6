"""Nothing lost, nothing twice: the balances of a counter-day, from what Metrika sent to what it linked.

Left of each balance stands what came in, right what became of it; every row has exactly one state, so the residual is
0, or the balance says which part does not add up.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, select, text

from include.metrika.loading.tables import quarantine_table
from include.state.engine import reachable
from include.state.manifest import StageRecord, read_stages
from include.state.tables import day_stages
from include.visits.deciding.decision import DEVICE_NOT_MODELLED, NO_HITS, NO_MODEL
from include.visits.devices import DEVICE_NAMES, OTHER_DEVICE
from include.visits.tables import VISIT_SCORES
from include.warehouse.client import Warehouse
from include.warehouse.day_swap import day_count

SKIPPED = (NO_HITS, DEVICE_NOT_MODELLED, NO_MODEL)  # visits nobody could decide, with the reason
ADVICE = "Run python -m include verify-day for that day; it names what differs."

# Grain: one row. Every conversion of a day under one goal has exactly one of these states. Metrika says how many rows
# of a file it linked, not which, so the states of a processed file are counted per file.
_LEDGER = text("""
WITH mine AS (
    SELECT stage, upload_id, is_withdrawn, held_reason FROM conversions
    WHERE counter_id = :counter_id AND target = :target AND day = :day AND visit_id <> 0
),
files AS (
    SELECT u.stage, u.row_count, u.linked_quantity, u.finished_at, count(*) AS owned
    FROM mine JOIN conversion_uploads AS u USING (upload_id)
    WHERE mine.stage = 'placed'
    GROUP BY u.upload_id
)
SELECT
    (SELECT count(*) FROM mine WHERE stage = 'placed' AND NOT is_withdrawn) AS placed,
    (SELECT count(*) FROM mine WHERE stage = 'placed' AND is_withdrawn) AS withdrawn,
    (SELECT count(*) FROM mine WHERE stage <> 'placed' AND NOT is_withdrawn) AS held,
    (SELECT coalesce(sum(linked_quantity), 0) FROM files WHERE stage = 'done') AS linked,
    (SELECT coalesce(sum(greatest(row_count - linked_quantity, 0)), 0) FROM files WHERE stage = 'done') AS not_linked,
    (SELECT coalesce(sum(row_count), 0) FROM files WHERE stage = 'done' AND linked_quantity IS NULL) AS not_told,
    (SELECT coalesce(sum(owned), 0) FROM files WHERE stage = 'failed_linkage') AS none_linked,
    (SELECT coalesce(sum(row_count), 0) FROM files WHERE stage = 'prepared') AS prepared,
    (SELECT coalesce(sum(row_count), 0) FROM files
        WHERE stage IN ('uploaded', 'processing', 'unknown') AND finished_at IS NULL) AS pending,
    (SELECT coalesce(sum(row_count), 0) FROM files WHERE stage = 'unknown' AND finished_at IS NOT NULL) AS given_up,
    (SELECT coalesce(sum(owned), 0) FROM files WHERE stage IN ('refused', 'goal_not_found')) AS refused
""")


@dataclass(frozen=True)
class Balance:
    """One balance of a day.

    Attributes:
        name: what is balanced.
        came: rows that came in, by kind.
        became: what became of them, by state.
        advice: what to do when it does not add up.
    """

    name: str
    came: Mapping[str, int]
    became: Mapping[str, int]
    advice: str

    @property
    def residual(self) -> int:
        """Rows without a state (positive), or states without a row (negative)."""
        return sum(self.came.values()) - sum(self.became.values())

    def as_row(self) -> dict[str, Any]:
        """The balance for a table or JSON."""
        return {
            "balance": self.name,
            "came": dict(self.came),
            "became": dict(self.became),
            "residual": self.residual,
            "advice": self.advice if self.residual else "",
        }


def balance_day(
    warehouse: Warehouse, connection: Connection, records: Mapping[str, StageRecord], *, scores_current: bool
) -> list[Balance]:
    """Balance one counter-day from what is stored now.

    Args:
        warehouse: the warehouse.
        connection: connection to the state, in one snapshot.
        records: sealed record by stage.
        scores_current: the upload was made from the scores as they are, so that both must agree.

    Returns:
        The balances of the stages that have run.
    """
    balances = [_received(warehouse, records[source]) for source in ("visits", "hits") if source in records]
    if "scores" in records:
        balances.append(_decided(warehouse, records["scores"]))
    if "upload" in records:
        ledger = _ledger_of(connection, records["upload"])
        if scores_current:
            balances.append(_sent(warehouse, records["upload"], ledger))
        balances.append(_followed(ledger))
    return balances


def _received(warehouse: Warehouse, record: StageRecord) -> Balance:
    source, counter_id, day = record.stage, record.counter_id, record.day
    duplicates = int(record.counts.get("duplicates", 0))
    noted = int(record.counts.get("stored", 0)) + int(record.counts.get("quarantined", 0))
    return Balance(
        f"{source} received",
        {"received": int(record.counts.get("received", noted))},
        {
            "stored": day_count(warehouse, source, counter_id, day),
            "duplicate": duplicates,
            "quarantined": day_count(warehouse, quarantine_table(source).name, counter_id, day),
        },
        f"Load the day again: python -m include load --date {day} --counter {counter_id}.",
    )


def _decided(warehouse: Warehouse, record: StageRecord) -> Balance:
    counter_id, day = record.counter_id, record.day
    rows = warehouse.execute(
        f"SELECT device_category, reason, count() FROM {VISIT_SCORES.name} "
        "WHERE counter_id = %(counter_id)s AND date = %(day)s GROUP BY device_category, reason ORDER BY 1, 2",
        {"counter_id": counter_id, "day": day},
    )
    became: dict[str, int] = {}
    for category, reason, count in rows:
        device = DEVICE_NAMES.get(category, OTHER_DEVICE)
        name = f"skipped {reason} {device}" if reason in SKIPPED else f"scored {reason} {device}"
        became[name] = became.get(name, 0) + int(count)
    return Balance(
        "visits scored or skipped",
        {"visits": day_count(warehouse, "visits", counter_id, day)},
        became,
        f"Score the day again: python -m include score --date {day} --counter {counter_id}.",
    )


def _ledger_of(connection: Connection, record: StageRecord) -> RowMapping:
    values = {"counter_id": record.counter_id, "target": record.details["target"], "day": record.day}
    return connection.execute(_LEDGER, values).mappings().one()


def _sent(warehouse: Warehouse, record: StageRecord, ledger: RowMapping) -> Balance:
    level4 = warehouse.scalar(
        f"SELECT sum(is_level4) FROM {VISIT_SCORES.name} WHERE counter_id = %(counter_id)s AND date = %(day)s",
        {"counter_id": record.counter_id, "day": record.day},
    )
    earlier = int(record.counts.get("already_sent", 0))
    sent = int(ledger["placed"]) - earlier
    return Balance(
        "level 4+ visits sent or held",
        {"level4": int(level4)},
        {"sent": sent, "already_sent": earlier, "held": int(ledger["held"])},
        f"Upload the day again: python -m include conversions upload --date {record.day} "
        f"--counter {record.counter_id}; nothing is sent twice.",
    )


def _followed(ledger: RowMapping) -> Balance:
    return Balance(
        "conversions in files",
        {"standing": int(ledger["placed"]), "withdrawn_since": int(ledger["withdrawn"])},
        {
            "linked": int(ledger["linked"]),
            "not_linked": int(ledger["not_linked"]) + int(ledger["none_linked"]),
            "processed_without_a_number": int(ledger["not_told"]),
            "to_be_sent": int(ledger["prepared"]),
            "pending": int(ledger["pending"]),
            "given_up": int(ledger["given_up"]),
            "refused": int(ledger["refused"]),
        },
        ADVICE,
    )


def balance_recent(state: Engine, *, since: dt.datetime) -> list[Balance]:
    """Balance every day some stage of which ended lately, from manifest and ledger alone.

    Args:
        state: the state engine.
        since: aware instant; stages that ended before are passed over.

    Returns:
        Balances, named with counter and day.

    Raises:
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    c = day_stages.c
    query = select(c.counter_id, c.day).where(c.finished_at >= since).distinct().order_by(c.counter_id, c.day)
    balances = []
    with reachable(state), state.connect() as connection:
        for counter_id, day in connection.execute(query).all():
            records = {record.stage: record for record in read_stages(connection, counter_id, [day])}
            for one in _noted(connection, records):
                balances.append(replace(one, name=f"{one.name}, counter {counter_id}, day {day}"))
    return balances


def _noted(connection: Connection, records: Mapping[str, StageRecord]) -> Iterator[Balance]:
    """What the records say of each other."""
    for source in ("visits", "hits"):
        counts = records[source].counts if source in records else {}
        if "received" in counts:
            became = {name: int(counts[name]) for name in ("stored", "duplicates", "quarantined")}
            yield Balance(f"{source} received", {"received": int(counts["received"])}, became, ADVICE)
    scores, upload = records.get("scores"), records.get("upload")
    if scores is not None and scores.counts.get("reasons"):
        yield Balance("visits scored or skipped", {"visits": scores.counts["visits"]}, scores.counts["reasons"], ADVICE)
    if upload is not None:
        became = {name: int(upload.counts[name]) for name in ("sent", "already_sent", "held")}
        came = {"level4": int(upload.counts["level4"])}
        yield Balance("level 4+ visits sent or held", came, became, ADVICE)
        yield _followed(_ledger_of(connection, upload))
