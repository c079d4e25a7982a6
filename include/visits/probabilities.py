"""Asking the models: blocks of numbers out of ClickHouse, one probability per visit back in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from include.failpoints import failpoint
from include.progress import Progress, no_progress
from include.registry.estimators import LoadedModel
from include.visits.decision import DeviceModels
from include.visits.device_models import columns_of
from include.visits.rule import rule_parameters
from include.warehouse.client import Warehouse, quoted

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

BLOCK_ROWS = 131_072  # 9 features of 8 bytes: 9 MB in flight, calls long enough to hide their start

# The same condition as decision.sql's way to a model.
_ASKED = """
WHERE counter_id = %(counter_id)s AND date = %(day)s AND device_category = %(device)s AND hit_count > 0
    AND NOT (duration_seconds >= %(rule_duration_seconds)s AND page_views >= %(rule_page_views)s
        AND slots >= %(rule_slots)s)"""


def stage_probabilities(
    warehouse: Warehouse,
    models: DeviceModels,
    *,
    features: str,
    stage: str,
    counter_id: int,
    day: dt.date,
    progress: Progress = no_progress,
) -> int:
    """Ask the models about every visit that only they can decide.

    Args:
        warehouse: the warehouse.
        models: loaded model by device category.
        features: table or staging table with the day's features.
        stage: empty staging table of ``visit_probabilities``.
        counter_id: the counter.
        day: the day.
        progress: told after each block.

    Returns:
        Number of visits asked about.

    Raises:
        ModelError: a model fails; nothing of the day is decided then.
        StoreUnavailable: ClickHouse cannot be reached.
    """
    asked = 0
    for device, model in models.items():
        for block in iter_asked(warehouse, model, device, features=features, counter_id=counter_id, day=day):
            answers = model.probabilities(matrix_of(block, columns_of(model.features, model.label)))
            _insert(warehouse, stage, counter_id, day, block["visit_id"].to_numpy(), answers)
            failpoint("score.block_asked")
            asked += len(block)
            progress(f"asking {model.name}", asked, 0)
    return asked


def iter_asked(
    warehouse: Warehouse, model: LoadedModel, device: str, *, features: str, counter_id: int, day: dt.date
) -> Iterator[pd.DataFrame]:
    """Read the visits a model has to decide.

    Args:
        warehouse: the warehouse.
        model: the model, for its columns.
        device: its device category.
        features: table or staging table with the day's features.
        counter_id: the counter.
        day: the day.

    Yields:
        Frames with ``visit_id`` and each column the model wants, once.
    """
    wanted = dict.fromkeys(("visit_id", *columns_of(model.features, model.label)))
    columns = ", ".join(quoted(name) for name in wanted)
    parameters = {"counter_id": counter_id, "day": day, "device": device, **rule_parameters()}
    yield from warehouse.iter_frames(
        f"SELECT {columns} FROM {quoted(features)}{_ASKED}", parameters, block_rows=BLOCK_ROWS
    )


def matrix_of(block: pd.DataFrame, columns: Sequence[str]) -> NDArray[np.float64]:
    """Turn a block into a model's input.

    Args:
        block: n rows with at least these columns.
        columns: columns in the order the model wants; a column may repeat.

    Returns:
        Shape (n, columns), float64.
    """
    import numpy as np

    matrix = np.empty((len(block), len(columns)), dtype=np.float64)
    for position, column in enumerate(columns):
        matrix[:, position] = block[column].to_numpy()
    return matrix


def _insert(
    warehouse: Warehouse,
    stage: str,
    counter_id: int,
    day: dt.date,
    visit_ids: NDArray[np.uint64],
    answers: NDArray[np.float64],
) -> None:
    import numpy as np

    columns: list[Any] = [
        np.full(len(answers), counter_id, dtype=np.uint32),
        np.full(len(answers), np.datetime64(day), dtype="datetime64[D]"),
        visit_ids,
        answers,
    ]
    warehouse.insert_columns(stage, ("counter_id", "date", "visit_id", "probability"), columns)
