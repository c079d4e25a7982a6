"""A scored day derived again: features by their query, decisions by both writings of the rule.

Models are asked once, block by block. Their answers go to the query that decides and to the second writing in memory,
which must agree; the result is then held against what is stored, cell by cell. Nothing stored is changed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from include.progress import Progress, no_progress
from include.visits.deciding.decision import DeviceModels, decide, needs_model
from include.visits.deciding.probabilities import stage_probabilities
from include.visits.deciding.stage_scores import insert_decisions
from include.visits.measuring.features import stage_features
from include.visits.tables import VISIT_FEATURES, VISIT_PROBABILITIES, VISIT_SCORES
from include.warehouse.client import Warehouse, quoted
from include.warehouse.day_comparing import NO_DIFFERENCES, SHOWN_ROWS, CellDifference, DayDifferences, compare_days
from include.warehouse.day_swap import day_digest, staging

if TYPE_CHECKING:
    import pandas as pd

KEY = "visit_id"
EQUAL_DECIMALS = 9  # a model asked in blocks of another size may differ in the last bits

_BOTH = """
SELECT f.visit_id AS visit_id, f.duration_seconds AS duration_seconds, f.page_views AS page_views, f.slots AS slots,
    f.device_category AS device_category, f.hit_count AS hit_count, s.reason AS reason, ifNull(s.score, nan) AS score
FROM (SELECT * FROM {features} WHERE counter_id = %(counter_id)s AND date = %(day)s) AS f
GLOBAL INNER JOIN (SELECT visit_id, reason, score FROM {scores}) AS s ON f.visit_id = s.visit_id"""
_STORED_ANSWERS = """
INSERT INTO {stage} (counter_id, date, visit_id, probability)
SELECT counter_id, date, visit_id, score FROM {scores}
WHERE counter_id = %(counter_id)s AND date = %(day)s AND device_category = %(device)s AND score IS NOT NULL"""


@dataclass(frozen=True)
class Recheck:
    """What deriving a scored day again showed.

    Attributes:
        visits: visits decided again.
        features: stored features against the features measured again.
        scores: stored scores against the decisions made again.
        writings: visits about which the query and the rule in memory do not agree.
        scores_table: the decisions made again, there until the block ends.
    """

    visits: int
    features: DayDifferences
    scores: DayDifferences
    writings: DayDifferences
    scores_table: str

    @property
    def holds(self) -> bool:
        """Whether everything stored came out again."""
        return not (self.features.row_count or self.scores.row_count or self.writings.row_count)


@contextmanager
def rechecked_day(
    warehouse: Warehouse,
    models: DeviceModels,
    *,
    counter_id: int,
    day: dt.date,
    silent: Collection[str] = (),
    from_rows: bool = True,
    is_exact: bool = False,
    progress: Progress = no_progress,
) -> Iterator[Recheck]:
    """Derive a scored day again and compare; the caller holds the locks of the day.

    Args:
        warehouse: the warehouse.
        models: the models the day was scored with, by device category.
        counter_id: the counter.
        day: the day.
        silent: device categories whose model cannot be asked any more; its stored answers stand in.
        from_rows: decide from the features measured again; from the stored ones when False.
        is_exact: compare scores to the last bit.
        progress: told between the steps.

    Yields:
        What differs.

    Raises:
        ModelError: a model fails.
        StoreUnavailable: ClickHouse cannot be reached.
    """
    slot = f"{counter_id}d{day:%Y%m%d}check"
    key: dict[str, Any] = {"counter_id": counter_id, "day": day}
    with ExitStack() as stack:
        again, answers, scores = (
            stack.enter_context(staging(warehouse, table, slot))
            for table in (VISIT_FEATURES, VISIT_PROBABILITIES, VISIT_SCORES)
        )
        progress("measuring features again", 0, 0)
        stage_features(warehouse, again, counter_id, day)
        features = again if from_rows else VISIT_FEATURES.name
        asked = {device: model for device, model in models.items() if device not in silent}
        stage_probabilities(
            warehouse, asked, features=features, stage=answers, counter_id=counter_id, day=day, progress=progress
        )
        for device in silent:
            sql = _STORED_ANSWERS.format(stage=quoted(answers), scores=quoted(VISIT_SCORES.name))
            warehouse.execute(sql, {**key, "device": device})
        progress("deciding again", 0, 0)
        insert_decisions(
            warehouse, models, features=features, probabilities=answers, stage=scores, counter_id=counter_id, day=day
        )
        visits, writings = _compare_writings(warehouse, models, features, scores, key)
        rounded = None if is_exact else {"score": EQUAL_DECIMALS}
        yield Recheck(
            visits=visits,
            features=_compare(warehouse, VISIT_FEATURES.name, again, key),
            scores=_compare(warehouse, VISIT_SCORES.name, scores, key, rounded),
            writings=writings,
            scores_table=scores,
        )


def _compare(
    warehouse: Warehouse, stored: str, derived: str, key: dict[str, Any], rounded: dict[str, int] | None = None
) -> DayDifferences:
    """Row by row only where the digests differ: grouping a million rows by key costs ten times a digest."""
    if day_digest(warehouse, stored, **key) == day_digest(warehouse, derived, **key):
        return NO_DIFFERENCES
    return compare_days(warehouse, stored, derived, key=KEY, rounded=rounded, **key)


def _compare_writings(
    warehouse: Warehouse, models: DeviceModels, features: str, scores: str, key: dict[str, Any]
) -> tuple[int, DayDifferences]:
    visits = differ = 0
    cells: list[CellDifference] = []
    for block in warehouse.iter_frames(_BOTH.format(features=quoted(features), scores=quoted(scores)), key):
        visits += len(block)
        found = _differing(block, models)
        differ += len(found)
        cells += found[: SHOWN_ROWS - len(cells)]
    return visits, DayDifferences(differ, tuple(cells))


def _differing(block: pd.DataFrame, models: DeviceModels) -> list[CellDifference]:
    answers = {device: block.loc[needs_model(block, device), "score"].to_numpy() for device in models}
    reasons, by_query = decide(block, answers, models), block["reason"].to_numpy()
    wrong = (reasons != by_query).nonzero()[0].tolist()
    ids = block["visit_id"].to_numpy()
    return [CellDifference(int(ids[row]), "reason", str(by_query[row]), str(reasons[row])) for row in wrong]
