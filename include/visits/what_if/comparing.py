"""Stored and tried decisions of a day side by side: counts by one query, the changed visits in blocks."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from include.visits.devices import DEVICE_NAMES, OTHER_DEVICE
from include.visits.what_if.value import CENTS, ValueRule
from include.warehouse.client import Warehouse, quoted

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

KEPT, ADDED, REMOVED, NEITHER = "kept", "added", "removed", "neither"
CAN_BE_SENT, NOT_SENT = "can_be_sent", "not_sent"
SENT, SENT_BEFORE = "sent", "sent_before"

StatusOf = Callable[..., "NDArray[np.object_]"]
"""Called with ``counter_id``, ``visit_ids``, ``client_ids``, ``event_epochs``; answers per visit what the ledger of
conversions says: ``sent``, ``sent_before`` (sent, then withdrawn), why it cannot be sent, or ``can_be_sent``."""


@dataclass(frozen=True)
class DayPair:
    """The two sides of a day.

    Attributes:
        counter_id: the counter.
        day: the day.
        trial: staging table with the tried decisions.
        value: how a visit is valued.
    """

    counter_id: int
    day: dt.date
    trial: str
    value: ValueRule

    @property
    def sql(self) -> str:
        """The query of one row per visit."""
        return pairs_sql().format(trial=quoted(self.trial), value=self.value.expression)

    @property
    def parameters(self) -> dict[str, Any]:
        """Values of the query."""
        return {"counter_id": self.counter_id, "day": self.day}


@dataclass(frozen=True)
class Comparison:
    """What changes on a day; ``before = kept + removed`` and ``after = kept + added``.

    Attributes:
        kept: level 4+ on both sides.
        added: level 4+ in the trial only.
        removed: level 4+ as stored only.
        value: by ``kept``, ``added``, ``removed``, ``before`` and ``after``; empty when visits have no value.
        groups: ``device``, ``change``, ``old_reason``, ``new_reason``, ``visits``, ``value`` of each group.
    """

    kept: int
    added: int
    removed: int
    value: Mapping[str, float]
    groups: tuple[Mapping[str, Any], ...]

    @property
    def before(self) -> int:
        """Level 4+ visits as stored."""
        return self.kept + self.removed

    @property
    def after(self) -> int:
        """Level 4+ visits of the trial."""
        return self.kept + self.added


@cache
def pairs_sql() -> str:
    """The query that puts stored and tried decisions side by side.

    Returns:
        A SELECT; ``{trial}`` stands for a quoted table name, ``{value}`` for an expression.
    """
    return (Path(__file__).parent / "pairs.sql").read_text(encoding="utf-8")


def compare_day(warehouse: Warehouse, pair: DayPair) -> Comparison:
    """Count what changes on a day.

    Args:
        warehouse: the warehouse.
        pair: the two sides.

    Returns:
        The counts.

    Raises:
        StoreUnavailable: ClickHouse cannot be reached.
    """
    rows = warehouse.execute(
        "SELECT device, change, old_reason, new_reason, count(), sum(cents) "
        f"FROM ({pair.sql}) GROUP BY device, change, old_reason, new_reason ORDER BY ALL",
        pair.parameters,
    )
    counts: Counter[str] = Counter()
    cents: Counter[str] = Counter()
    for _, change, _, _, visits, hundredths in rows:
        counts[change] += visits
        cents[change] += hundredths
    sums = {change: cents[change] for change in (KEPT, ADDED, REMOVED)}
    sums |= {"before": sums[KEPT] + sums[REMOVED], "after": sums[KEPT] + sums[ADDED]}
    return Comparison(
        kept=counts[KEPT],
        added=counts[ADDED],
        removed=counts[REMOVED],
        value={name: hundredths / CENTS for name, hundredths in sums.items()} if pair.value.is_known else {},
        groups=tuple(_group(row, pair.value) for row in rows if row[1] != NEITHER),
    )


def _group(row: tuple[Any, ...], value: ValueRule) -> dict[str, Any]:
    device, change, old_reason, new_reason, visits, cents = row
    group = {"device": device_name(device), "change": change, "old_reason": old_reason, "new_reason": new_reason}
    return {**group, "visits": visits, **({"value": cents / CENTS} if value.is_known else {})}


def device_name(category: str) -> str:
    """Word for a device category.

    Args:
        category: as Metrika delivers it; any text.

    Returns:
        desktop, mobile, tablet, tv or unknown.

    >>> device_name("1"), device_name("=9")
    ('desktop', 'unknown')
    """
    return DEVICE_NAMES.get(category, OTHER_DEVICE)


def iter_changes(warehouse: Warehouse, pair: DayPair, status_of: StatusOf) -> Iterator[pd.DataFrame]:
    """Read the visits that become or stop being level 4+, in the order of their starts.

    Args:
        warehouse: the warehouse.
        pair: the two sides.
        status_of: asks the ledger of conversions.

    Yields:
        Frames with the columns of ``pairs.sql`` and ``conversion``: for an added visit whether it can still be
        sent, for a removed one whether it has been sent.

    Raises:
        StoreUnavailable: a store cannot be reached.
    """
    import numpy as np

    changed = f"SELECT * FROM ({pair.sql}) WHERE change IN ('{ADDED}', '{REMOVED}') ORDER BY epoch, visit_id"
    for block in warehouse.iter_frames(changed, pair.parameters):
        status = status_of(
            counter_id=pair.counter_id,
            visit_ids=block["visit_id"].to_numpy(np.uint64),
            client_ids=block["client"].to_numpy(np.uint64),
            event_epochs=block["epoch"].to_numpy(np.int64),
        )
        is_sent = (status == SENT) | (status == SENT_BEFORE)
        is_removed = block["change"].to_numpy() == REMOVED
        yield block.assign(conversion=np.where(is_removed & ~is_sent, NOT_SENT, status))
