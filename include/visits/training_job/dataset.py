"""The training set: labelled visits of some days, with features from what was known before the outcome."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from include.errors import InputError, StoreError
from include.progress import Progress, no_progress
from include.visits.devices import DEVICE_MODELS, DEVICE_NAMES
from include.visits.labels.tables import TABLES
from include.visits.measuring.features import SPILL_BYTES, features_parameters, features_sql
from include.visits.models.device_models import columns_of
from include.visits.training_job.sources import IN_RANGE, TrainingData, range_parameters
from include.warehouse.client import Warehouse, quoted
from include.warehouse.day_swap import staging
from include.warehouse.schema import Column, Table, ensure_tables, stored_columns

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from include.visits.training.samples import Samples

Number = TypeVar("Number", bound="np.generic")
FEATURES = (
    "slots", "slot_range", "slot_density", "median_pause", "mean_pause", "std_pause", "duration", "pageViews", "bounce",
)  # fmt: skip

_DEVICES: dict[str, str] = {category: DEVICE_NAMES[category] for category in DEVICE_MODELS}
_HIDDEN_HITS = Table(
    name="hidden_hits",
    columns=(
        Column("counter_id", "UInt32", "counter of the visit"),
        Column("date", "Date", "day of the visit"),
        Column("visit_id", "UInt64", "the labelled visit"),
        Column("watch_id", "UInt64", "its hit"),
        Column("hit_at", "DateTime('UTC')", "when"),
        Column("is_page_view", "UInt8", "1 when the hit is a page view"),
        Column("is_hidden", "UInt8", "1 when it may not be learnt from"),
    ),
    order_by=("counter_id", "date", "visit_id"),
    partition_by=(),
    shard_by="visit_id",
    meaning="one row per hit of a labelled visit",
)


@dataclass(frozen=True)
class TrainingSet:
    """Labelled visits ready to learn from.

    Attributes:
        samples: by device name, desktop and mobile; in the order of counters, then time.
        hit_counts: by device name, shape (n,), hits of each visit; a model brought in may ask for them.
        labelled: visits with a usable label.
        without_hits: of them left out because no hit was left before the outcome.
        other_devices: of them left out because no model stands for their device.
        days: counter-days with labels, in order.
        unused: visits with a label that was not known at ``as_of``, or whose outcome was still awaited.
    """

    samples: dict[str, Samples]
    hit_counts: dict[str, NDArray[np.float64]]
    labelled: int
    without_hits: int
    other_devices: int
    days: tuple[tuple[int, dt.date], ...]
    unused: int = 0


@dataclass
class _Parts:
    frames: dict[str, list[pd.DataFrame]] = field(default_factory=lambda: {name: [] for name in _DEVICES.values()})
    labelled: int = 0
    without_hits: int = 0
    other_devices: int = 0


def build_training_set(
    warehouse: Warehouse, data: TrainingData, *, run_id: str, progress: Progress = no_progress
) -> TrainingSet:
    """Read labelled visits and compute their features where they lie.

    Args:
        warehouse: the warehouse, with ``visits``, ``hits`` and labels.
        data: which visits.
        run_id: names the staging table.
        progress: told after each day.

    Returns:
        The training set; the same stored rows give the same set in the same order.

    Raises:
        InputError: pages are to be left out but addresses are not stored, or the expression is none.
        StoreUnavailable: ClickHouse cannot be reached.
    """
    import numpy as np

    ensure_tables(warehouse, TABLES)
    condition = _url_condition(warehouse, data.exclude_url)
    days = _labelled_days(warehouse, data)
    parts = _Parts()
    with staging(warehouse, _HIDDEN_HITS, run_id) as hidden:
        for number, (counter_id, day) in enumerate(days):
            progress("reading labelled visits", number, len(days))
            for frame in _day_frames(warehouse, data, hidden, condition, counter_id=counter_id, day=day):
                _sort_out(parts, frame)
    samples = {name: _samples(frames) for name, frames in parts.frames.items()}
    return TrainingSet(
        samples,
        {name: _joined(frames, "hit_count", np.float64) for name, frames in parts.frames.items()},
        labelled=parts.labelled,
        without_hits=parts.without_hits,
        other_devices=parts.other_devices,
        days=tuple(days),
        unused=_visits_with_labels(warehouse, data) - parts.labelled,
    )


def _labelled_days(warehouse: Warehouse, data: TrainingData) -> list[tuple[int, dt.date]]:
    rows = warehouse.execute(
        f"SELECT DISTINCT counter_id, date FROM visit_labels WHERE {IN_RANGE} AND source IN %(sources)s "
        "ORDER BY counter_id, date",
        {**range_parameters(data), "sources": tuple(data.sources)},
    )
    return [(int(counter_id), day) for counter_id, day in rows]


def _visits_with_labels(warehouse: Warehouse, data: TrainingData) -> int:
    return int(
        warehouse.scalar(
            "SELECT uniqExact(counter_id, date, visit_id) FROM visit_labels "
            f"WHERE {IN_RANGE} AND source IN %(sources)s",
            {**range_parameters(data), "sources": tuple(data.sources)},
        )
    )


def _url_condition(warehouse: Warehouse, pattern: str) -> str:
    """SQL that says of a hit whether its page is to be left out."""
    if not pattern:
        return "toUInt8(0)"
    if "url" not in stored_columns(warehouse, "hits"):
        raise InputError(
            "Hits are stored without ym:pv:URL, so no page can be left out; add it to METRIKA_HIT_FIELDS and load the "
            "days again.",
            code="urls_not_loaded",
            pointer="METRIKA_HIT_FIELDS",
        )
    try:
        warehouse.scalar("SELECT match('', %(exclude_url)s)", {"exclude_url": pattern})
    except StoreError as error:
        if error.retryable:
            raise
        raise InputError(
            f"{pattern!r} is no regular expression that ClickHouse understands; write one of RE2, for example "
            "'/checkout|/thanks'.",
            code="bad_expression",
            pointer="--exclude-url",
        ) from None
    return "match(url, %(exclude_url)s)"


def _day_frames(
    warehouse: Warehouse, data: TrainingData, hidden: str, url_condition: str, *, counter_id: int, day: dt.date
) -> Iterator[pd.DataFrame]:
    parameters = {
        **features_parameters(counter_id, day),
        "sources": tuple(data.sources),
        "ranked_sources": list(data.sources),
        "as_of": int(data.as_of.timestamp()),
        "exclude_url": data.exclude_url,
    }
    labels = _sql("chosen_labels")
    names = ", ".join(quoted(column.name) for column in _HIDDEN_HITS.columns)
    # without pages to leave out, only visits that a deed ends can have hidden hits
    suspected = labels if data.exclude_url else f"SELECT visit_id, chosen FROM ({labels}) WHERE isNotNull(chosen.2)"
    marks = _sql("hidden_hits").format(labels=suspected, url_condition=url_condition)
    warehouse.execute(f"INSERT INTO {quoted(hidden)} ({names})\n{marks}", parameters)
    columns = ", ".join(f"f.{quoted(name)} AS {quoted(name)}" for name in _columns())
    query = _sql("training_rows").format(
        columns=columns,
        labels=labels,
        features=features_sql(
            _sql("seen_visits").format(labels=labels, hidden=quoted(hidden)),
            _sql("seen_hits").format(hidden=quoted(hidden)),
        ),
    )
    limit = f"\nSETTINGS max_bytes_before_external_group_by = {SPILL_BYTES}"
    return warehouse.iter_frames(query + limit, parameters)


def _sort_out(parts: _Parts, frame: pd.DataFrame) -> None:
    """Keep what a model can learn from, by device; count the rest."""
    parts.labelled += len(frame)
    devices = frame["device_category"]
    is_modelled = devices.isin(list(_DEVICES))
    has_hits = frame["hit_count"] > 0
    parts.other_devices += int((~is_modelled).sum())
    parts.without_hits += int((is_modelled & ~has_hits).sum())
    for category, name in _DEVICES.items():
        chosen = frame[has_hits & (devices == category)]
        if len(chosen):
            parts.frames[name].append(chosen)


def _samples(frames: Sequence[pd.DataFrame]) -> Samples:
    import numpy as np
    import pandas as pd

    from include.visits.training.samples import Samples

    columns = {name: _joined(frames, column, np.float64) for name, column in zip(FEATURES, _columns(), strict=True)}
    return Samples(
        pd.DataFrame(columns),
        labels=_joined(frames, "label", np.int8),
        groups=_joined(frames, "client_id", np.uint64),
        at_seconds=_joined(frames, "at_seconds", np.int64),
    )


def _joined(frames: Sequence[pd.DataFrame], column: str, kind: type[Number]) -> NDArray[Number]:
    """One column of all frames."""
    import numpy as np

    return np.concatenate([np.empty(0, kind), *(frame[column].to_numpy().astype(kind) for frame in frames)])


@cache
def _columns() -> tuple[str, ...]:
    return columns_of(FEATURES, "training")


@cache
def _sql(name: str) -> str:
    return (Path(__file__).parent / f"{name}.sql").read_text(encoding="utf-8")
