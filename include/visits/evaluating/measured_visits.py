"""Labelled visits with their measured features, out of a warehouse that holds raw visits and hits."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from include.visits.measuring.features import stage_features
from include.visits.measuring.rule import passes_rule
from include.visits.models.device_models import columns_of
from include.visits.tables import VISIT_FEATURES
from include.visits.training.samples import Samples
from include.visits.training_job.dataset import FEATURES
from include.warehouse.client import Warehouse, quoted
from include.warehouse.schema import ensure_tables

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray


@dataclass(frozen=True)
class MeasuredVisits:
    """Labelled visits that have hits, ready to be learnt from.

    Attributes:
        samples: n visits, ordered by start and id.
        devices: shape (n,), device category as delivered.
        by_rule: shape (n,), what rule 180-5-5 flags.
        days: days on which the visits started.
        unknown_ids: labelled visits that are not among the visits given.
        without_hits: labelled visits none of whose hits is among the hits given; no model is ever asked about such.
        without_client: visits without a client id; each counts as a client of its own.
    """

    samples: Samples
    devices: NDArray[np.object_]
    by_rule: NDArray[np.bool_]
    days: int
    unknown_ids: tuple[int, ...]
    without_hits: int
    without_client: int


def measure_visits(warehouse: Warehouse, labels: Mapping[int, int], *, counter_id: int, day: dt.date) -> MeasuredVisits:
    """Compute the features of all stored visits and keep the labelled ones.

    Args:
        warehouse: holds ``visits`` and ``hits``; ``visit_features`` is made.
        labels: 0 or 1 by visit id.
        counter_id: counter the rows are stored under.
        day: day the rows are stored under.

    Returns:
        The visits.

    Raises:
        StoreUnavailable: ClickHouse cannot be reached.
    """
    ensure_tables(warehouse, [VISIT_FEATURES])
    stage_features(warehouse, VISIT_FEATURES.name, counter_id, day)
    columns = columns_of(FEATURES, "evaluation")
    listed = ", ".join(quoted(name) for name in columns)
    frame = warehouse.frame(
        f"SELECT visit_id, client_id, toInt64(toUnixTimestamp(started_at)) AS at_seconds, device_category, hit_count, "
        f"{listed} FROM {quoted(VISIT_FEATURES.name)}"
    )
    return _labelled(frame, labels, columns)


def _labelled(frame: pd.DataFrame, labels: Mapping[int, int], columns: tuple[str, ...]) -> MeasuredVisits:
    import numpy as np
    import pandas as pd

    ids = np.fromiter(labels, dtype=np.uint64, count=len(labels))
    given = pd.DataFrame({"visit_id": ids, "label": np.fromiter(labels.values(), np.int8, len(labels))})
    if not len(frame):
        frame = pd.DataFrame({name: np.empty(0) for name in ("client_id", "at_seconds", "hit_count", *columns)})
        frame = frame.assign(visit_id=np.empty(0, np.uint64), device_category="")
    found = given.merge(frame, on="visit_id")
    kept = found[found["hit_count"] > 0].sort_values(["at_seconds", "visit_id"], kind="stable")
    clients = kept["client_id"].to_numpy(dtype=np.uint64)
    features = pd.DataFrame(
        {name: kept[column].to_numpy(np.float64) for name, column in zip(FEATURES, columns, strict=True)}
    )
    samples = Samples(
        features=features,
        labels=kept["label"].to_numpy(np.int8),
        groups=group_clients(clients),
        at_seconds=kept["at_seconds"].to_numpy(np.int64),
    )
    return MeasuredVisits(
        samples=samples,
        devices=kept["device_category"].to_numpy(object),
        by_rule=passes_rule(features["duration"], features["pageViews"], features["slots"]),
        days=len(np.unique(samples.at_seconds // 86_400)),
        unknown_ids=tuple(int(one) for one in ids[~np.isin(ids, frame["visit_id"].to_numpy(np.uint64))]),
        without_hits=int((found["hit_count"] == 0).sum()),
        without_client=int((clients == 0).sum()),
    )


def group_clients(clients: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Number the clients; a visit without a client id is a client of its own.

    Args:
        clients: shape (n,), client ids, 0 for none.

    Returns:
        Shape (n,), equal numbers for visits of one client.

    >>> import numpy as np
    >>> group_clients(np.array([7, 0, 7, 0], dtype=np.uint64)).tolist()
    [1, 2, 1, 3]
    """
    import numpy as np

    numbers = np.unique(clients, return_inverse=True)[1].astype(np.uint64)
    alone = clients == 0
    first = int(numbers.max(initial=0)) + 1
    numbers[alone] = np.arange(first, first + int(alone.sum()), dtype=np.uint64)
    return numbers
