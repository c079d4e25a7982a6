"""I1, I11: killed anywhere while days are noted and made anew, the next run leaves the rows of an undisturbed one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from include.metrics.parts.building import FAILPOINTS
from include.metrics.parts.taking import TAKING_FAILPOINTS
from include.services.engines.endpoints import Endpoints
from include.warehouse.day_swap import STAGE_MARK
from tests.metric_events import LearningStores, learned, own_learning, random_events
from tests.user_day_runs import catch_up, catch_up_and_die, cohort_days, forget_all

KILLS = [*TAKING_FAILPOINTS, *FAILPOINTS, "user_days.day_swapped:3", "user_days.chunk_swapped:2"]
BEFORE, LATE = random_events(1, users=3, days=3), random_events(2, users=3, days=4)
OTHERS = random_events(3, users=2, days=3, course="other")
COLUMNS = "* EXCEPT load_id"


@pytest.fixture(scope="module")
def stores_of_module(endpoints: Endpoints) -> Iterator[LearningStores]:
    with own_learning(endpoints) as found:
        yield found


def prepare(stores: LearningStores) -> None:
    """Two courses with days, and a load of late events for one of them: of days it has, and of earlier ones."""
    stores.clear()
    stores.put(BEFORE)
    stores.put(OTHERS)
    catch_up(stores)
    forget_all(stores)
    stores.put([*LATE, learned("2025-02-20 10:00:00"), learned("2025-02-22 10:00:00")])


@pytest.fixture(scope="module")
def undisturbed(stores_of_module: LearningStores) -> tuple[list[Any], list[str]]:
    """User-days and cohort days when nothing goes wrong."""
    prepare(stores_of_module)
    catch_up(stores_of_module)
    return stores_of_module.user_days(COLUMNS), cohort_days(stores_of_module)


class TestI1KilledRebuild:
    @pytest.mark.parametrize("point", KILLS)
    def test_should_hold_the_rows_of_an_undisturbed_run_when_killed_and_run_again(
        self, stores_of_module: LearningStores, undisturbed: tuple[list[Any], list[str]], point: str
    ) -> None:
        prepare(stores_of_module)
        assert catch_up_and_die(stores_of_module.environ, point)
        catch_up(stores_of_module)
        rows, cohorts = undisturbed
        assert stores_of_module.user_days(COLUMNS) == rows
        assert set(cohorts) <= set(cohort_days(stores_of_module))
        left = "SELECT count() FROM system.tables WHERE database = currentDatabase() AND position(name, %(mark)s) > 0"
        assert stores_of_module.rows(left, mark=STAGE_MARK) == [(0,)]
