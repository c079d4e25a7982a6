"""Which labelled visits to learn from, and whose labels."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

from include.errors import InputError
from include.visits.labels.tables import TABLES
from include.warehouse.client import Warehouse
from include.warehouse.schema import ensure_tables

IN_RANGE = "counter_id IN %(counters)s AND date BETWEEN %(first)s AND %(last)s"


@dataclass(frozen=True)
class TrainingData:
    """Which labelled visits to learn from.

    Attributes:
        counter_ids: the counters.
        first, last: days on which the visits started.
        sources: names of label sources; the first that labels a visit decides.
        as_of: labels known later are not used, UTC.
        exclude_url: regular expression of pages whose hits are the label themselves; empty for none.
    """

    counter_ids: Sequence[int]
    first: dt.date
    last: dt.date
    sources: Sequence[str]
    as_of: dt.datetime
    exclude_url: str = ""


def range_parameters(data: TrainingData) -> dict[str, object]:
    """Values for ``IN_RANGE``.

    Args:
        data: which visits.

    Returns:
        Parameters by name.
    """
    return {"counters": tuple(data.counter_ids), "first": data.first, "last": data.last}


def label_sources(warehouse: Warehouse, data: TrainingData) -> tuple[str, ...]:
    """Sources that label visits of some days.

    Args:
        warehouse: the warehouse.
        data: which visits; its sources are not looked at.

    Returns:
        Their names in order.

    Raises:
        StoreUnavailable: ClickHouse cannot be reached.
    """
    ensure_tables(warehouse, TABLES)
    rows = warehouse.execute(
        f"SELECT DISTINCT source FROM visit_labels WHERE {IN_RANGE} ORDER BY source", range_parameters(data)
    )
    return tuple(name for (name,) in rows)


def require_sources(warehouse: Warehouse, data: TrainingData) -> TrainingData:
    """Fill in the only source there is when none is named.

    Args:
        warehouse: the warehouse.
        data: which visits.

    Returns:
        The same with its sources.

    Raises:
        InputError: there are no labels, several sources to choose from, or none of a named source.
    """
    stored = label_sources(warehouse, data)
    if not stored:
        raise InputError(
            f"No visit from {data.first} to {data.last} has a label; import some with 'python -m include visits label' "
            "first.",
            code="no_labels",
            pointer="--from",
        )
    unknown = [name for name in data.sources if name not in stored]
    if unknown or (len(stored) > 1 and not data.sources):
        wrong = f"There are no labels of {', '.join(unknown)}" if unknown else "Several sources label these visits"
        raise InputError(
            f"{wrong} from {data.first} to {data.last}; choose with --source among {', '.join(stored)}.",
            code="bad_source",
            pointer="--source",
        )
    return data if data.sources else replace(data, sources=stored)
