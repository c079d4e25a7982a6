"""Asking the models: blocks of numbers out of ClickHouse, one probability per visit back in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from include.failpoints import failpoint
from include.progress import Progress, no_progress
from include.registry.estimators import LoadedModel
from include.visits.deciding.asking import count_workers, iter_answers
from include.visits.deciding.decision import DeviceModels
from include.visits.measuring.rule import rule_parameters
from include.visits.models.device_models import columns_of
from include.warehouse.client import Warehouse, quoted

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

# ClickHouse answers in blocks of some 8,000 rows, too few to fill the threads of an estimator; 131,072 rows of 9
# features are 9 MB, and a few blocks are in memory.
BLOCK_ROWS = 131_072

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
    blocks = (
        (model, visit_ids, matrix)
        for device, model in models.items()
        for visit_ids, matrix in iter_asked(warehouse, model, device, features=features, counter_id=counter_id, day=day)
    )

    def ask(block: tuple[LoadedModel, NDArray[np.uint64], NDArray[np.float64]]) -> tuple[str, int]:
        """Ask about one block and store what the model said."""
        model, visit_ids, matrix = block
        _insert(warehouse, stage, counter_id, day, visit_ids, model.probabilities(matrix))
        return model.name, len(visit_ids)

    asked = 0
    for name, count in iter_answers(blocks, ask, workers=count_workers(models.values())):
        failpoint("score.block_asked")
        asked += count
        progress(f"asking {name}", asked, 0)
    return asked


def iter_asked(
    warehouse: Warehouse, model: LoadedModel, device: str, *, features: str, counter_id: int, day: dt.date
) -> Iterator[tuple[NDArray[np.uint64], NDArray[np.float64]]]:
    """Read the visits a model has to decide, as its input.

    Args:
        warehouse: the warehouse.
        model: the model, for its columns.
        device: its device category.
        features: table or staging table with the day's features.
        counter_id: the counter.
        day: the day.

    Yields:
        Visit ids of shape (n,), and the model's input of shape (n, features), float64, in its order.
    """
    columns = columns_of(model.features, model.label)
    listed = ", ".join(quoted(name) for name in dict.fromkeys(("visit_id", *columns)))
    parameters = {"counter_id": counter_id, "day": day, "device": device, **rule_parameters()}
    frames: list[pd.DataFrame] = []
    for frame in warehouse.iter_frames(f"SELECT {listed} FROM {quoted(features)}{_ASKED}", parameters):
        frames.append(frame)
        if sum(map(len, frames)) >= BLOCK_ROWS:
            yield _joined(frames, columns)
            frames = []
    if frames:
        yield _joined(frames, columns)


def _joined(frames: Sequence[pd.DataFrame], columns: Sequence[str]) -> tuple[NDArray[np.uint64], NDArray[np.float64]]:
    import numpy as np

    ids = np.concatenate([frame["visit_id"].to_numpy() for frame in frames])
    return ids, np.concatenate([matrix_of(frame, columns) for frame in frames])


def matrix_of(frame: pd.DataFrame, columns: Sequence[str]) -> NDArray[np.float64]:
    """Turn rows into a model's input.

    Args:
        frame: n rows with at least these columns.
        columns: columns in the order the model wants; a column may repeat.

    Returns:
        Shape (n, columns), float64.
    """
    import numpy as np

    matrix = np.empty((len(frame), len(columns)), dtype=np.float64)
    for position, column in enumerate(columns):
        matrix[:, position] = frame[column].to_numpy()
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
