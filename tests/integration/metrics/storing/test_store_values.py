"""Writing a batch by difference, from lines as ClickHouse writes them."""

from __future__ import annotations

import datetime as dt
import io
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from include.errors import MetricsDisagree, StoreError
from include.metrics.catalogue.cards import Card, card_of
from include.metrics.courses import LearningCourse
from include.metrics.names import Metric
from include.metrics.parts.snapshot import Snapshot
from include.metrics.periods.grains import Grain, Period, period_of
from include.metrics.storing.cards import store_cards
from include.metrics.storing.causes import Cause
from include.metrics.storing.values import store_values
from include.metrics.storing.writing import StoredReport, Writing
from include.metrics.values.batches import Batch
from include.metrics.values.computing import ValueRow
from include.services.engines.endpoints import Endpoints
from include.settings.learning import LearningSettings
from tests.metric_runs import MetricRuns, own_runs

UTC = ZoneInfo("UTC")
MONDAY, TUESDAY = dt.date(2025, 3, 3), dt.date(2025, 3, 4)
CLOSED = dt.datetime(2025, 6, 1, tzinfo=dt.UTC)
ANNA, BERT, CARL = (str(uuid.UUID(int=number)) for number in (1, 2, 3))
ENGAGEMENT = card_of(Metric.ENGAGEMENT_SCORE, 1, "UTC", LearningSettings())
RETENTION = card_of(Metric.RETENTION, 2, "UTC", LearningSettings())


def one_day(day: dt.date) -> Period:
    return period_of(day, Grain.DAY, UTC)


def line(person: str, value: object = 1.0, *, day: dt.date = MONDAY, card: Card = ENGAGEMENT, **changes: Any) -> str:
    """One value as it comes from ClickHouse."""
    values = {
        "metric": card.metric, "version": card.version, "start": f"{day} 00:00:00.000", "person": person,
        "value": "\\N" if value is None else value, "numerator": "\\N", "denominator": "\\N", "sample_n": 4,
        "null_reason": "", "by_timeout": "\\N", **changes,
    }  # fmt: skip
    return "\t".join(str(one) for one in values.values()) + "\n"


@dataclass
class Desk:
    """Stores batches of one course."""

    runs: MetricRuns
    cards: tuple[Card, ...] = (ENGAGEMENT,)
    days: tuple[dt.date, ...] = (MONDAY,)
    sampled: list[ValueRow] = field(default_factory=list)

    def store(
        self,
        *lines: str,
        now: dt.datetime = CLOSED,
        cause: Cause = Cause("late_data", (7,)),  # noqa: B008
        causes: Mapping[Period, Cause] | None = None,
        person_ids: tuple[str, ...] = (),
        check: Callable[[list[ValueRow]], object] | None = None,
        run_id: str = "r1",
    ) -> StoredReport:
        periods = tuple(one_day(day) for day in self.days)
        store_cards(self.runs.stores.state, self.cards, now=now)
        batch = Batch(LearningCourse("default", "c1", UTC), periods, self.cards, None, now, Snapshot(1))
        writing = Writing(
            run_id=run_id,
            now=now,
            grace_hours=48,
            causes=causes or dict.fromkeys(periods, cause),
            person_ids=person_ids,
            check=check or self.sampled.extend,
        )
        return store_values(self.runs.stores.state, io.BytesIO("".join(lines).encode()), batch, writing)

    def found(self) -> dict[str, float | None]:
        return {key.person: found.value for key, found in self.runs.values().items()}

    def restated(self) -> list[tuple[Any, ...]]:
        return [
            (one.key.person, one.old_value, one.new_value, one.old_sample_n, one.new_sample_n)
            for one in self.runs.restatements()
        ]


@pytest.fixture(scope="module")
def own(endpoints: Endpoints) -> Iterator[MetricRuns]:
    with own_runs(endpoints) as found:
        yield found


@pytest.fixture
def desk(own: MetricRuns) -> Desk:
    with own.stores.state.begin() as connection:
        for name in ("restatements", "values", "slices", "cards"):
            connection.execute(text(f"DELETE FROM metric_{name}"))
    return Desk(own)


class TestFirstTime:
    def test_should_restate_nothing_when_a_slice_is_new(self, desk: Desk) -> None:
        report = desk.store(line(ANNA, 1.0), line(BERT, None, null_reason="no_active_time"))
        assert report == StoredReport(slices=1, new_slices=1, values=2, changed=2)
        assert desk.found() == {ANNA: 1.0, BERT: None}
        assert desk.restated() == []

    def test_should_keep_every_column_when_stored(self, desk: Desk) -> None:
        desk.store(line(ANNA, 0.5, numerator=1, denominator=2, sample_n=9, by_timeout="{1.5,2,3}"))
        (found,) = desk.runs.values().values()
        assert (found.value, found.numerator, found.denominator, found.sample_n, found.by_timeout) == (
            0.5, 1.0, 2.0, 9, (1.5, 2.0, 3.0),
        )  # fmt: skip

    def test_should_store_the_slice_when_nobody_is_in_it(self, desk: Desk) -> None:
        assert desk.store() == StoredReport(slices=1, new_slices=1)
        assert [count for count, _ in desk.runs.slices().values()] == [0]

    def test_should_count_people_of_each_slice_when_a_batch_has_several(self, desk: Desk) -> None:
        desk.days, desk.cards = (MONDAY, TUESDAY), (ENGAGEMENT, RETENTION)
        desk.store(line(ANNA), line(BERT), line(ANNA, day=TUESDAY), line(BERT, card=RETENTION))
        counts = {(key[1], key[5].day): count for key, (count, _) in desk.runs.slices().items()}
        assert counts == {
            ("engagement_score", 3): 2, ("engagement_score", 4): 1, ("retention", 3): 1, ("retention", 4): 0,
        }  # fmt: skip

    def test_should_keep_the_definition_when_values_are_stored(self, desk: Desk) -> None:
        desk.store(line(ANNA))
        with desk.runs.stores.state.connect() as connection:
            (card,) = connection.execute(text("SELECT card FROM metric_cards")).scalars()
        assert card == ENGAGEMENT.document()

    def test_should_make_other_slices_when_the_definition_is_another(self, desk: Desk) -> None:
        desk.cards = (RETENTION,)
        desk.store(line(ANNA, 1.0, card=RETENTION))
        desk.cards = (replace(RETENTION, parameters={**RETENTION.parameters, "n_days": 3}),)
        report = desk.store(line(ANNA, 0.0, card=RETENTION))
        assert report.new_slices == 1
        assert sorted(found.value or 0.0 for found in desk.runs.values().values()) == [0.0, 1.0]
        assert desk.restated() == []


class TestAgain:
    def test_should_leave_rows_untouched_when_nothing_changed(self, desk: Desk) -> None:
        desk.store(line(ANNA), line(BERT, 2.0))
        rows = desk.runs.stored_rows()
        report = desk.store(line(BERT, 2.0), line(ANNA), run_id="r2")
        assert report == StoredReport(slices=1, values=2)
        assert desk.runs.stored_rows() == rows

    def test_should_touch_changed_rows_only_when_one_changed(self, desk: Desk) -> None:
        desk.store(line(ANNA), line(BERT, 2.0))
        before = desk.runs.stored_rows()
        desk.store(line(ANNA), line(BERT, 3.0))
        after = desk.runs.stored_rows()
        assert (after[0] == before[0], after[1] == before[1]) == (True, False)

    def test_should_restate_to_null_when_a_person_vanishes(self, desk: Desk) -> None:
        desk.store(line(ANNA), line(BERT, 2.0))
        report = desk.store(line(BERT, 2.0))
        assert (report.vanished, report.restated, report.changed) == (1, 1, 1)
        assert desk.restated() == [(ANNA, 1.0, None, 4, 0)]
        assert desk.found() == {BERT: 2.0}

    def test_should_restate_from_null_when_a_person_is_new_in_a_known_slice(self, desk: Desk) -> None:
        desk.store(line(ANNA))
        desk.store(line(ANNA), line(CARL, 5.0, sample_n=2))
        assert desk.restated() == [(CARL, None, 5.0, 0, 2)]

    def test_should_restate_from_null_when_the_known_slice_was_empty(self, desk: Desk) -> None:
        desk.store()
        desk.store(line(ANNA))
        assert desk.restated() == [(ANNA, None, 1.0, 0, 4)]

    @pytest.mark.parametrize(("old", "new"), [(None, 0.0), (0.0, None), (2.0, 2.0 * (1 + 2e-9)), (0.0, 1e-300)])
    def test_should_restate_when_the_value_is_another(self, desk: Desk, old: float | None, new: float | None) -> None:
        desk.store(line(ANNA, old))
        desk.store(line(ANNA, new), run_id="r2")
        (one,) = desk.runs.restatements()
        assert (one.old_value, one.new_value, one.cause, one.load_ids, one.run_id) == (
            old, new, "late_data", (7,), "r2",
        )  # fmt: skip

    def test_should_keep_the_value_to_the_last_bit_when_it_hardly_differs(self, desk: Desk) -> None:
        """Or many small differences would add up to one that no restatement explains."""
        desk.store(line(ANNA, 2.0))
        report = desk.store(line(ANNA, 2.0 * (1 + 1e-10), sample_n=5))
        assert (report.changed, report.restated) == (1, 0)
        (found,) = desk.runs.values().values()
        assert (found.value, found.sample_n) == (2.0, 5)

    def test_should_restate_nothing_when_only_the_reason_is_another(self, desk: Desk) -> None:
        desk.store(line(ANNA, None, null_reason="not_closed"))
        report = desk.store(line(ANNA, None, null_reason="no_catalogue"))
        assert (report.changed, report.restated) == (1, 0)
        assert [found.null_reason for found in desk.runs.values().values()] == ["no_catalogue"]

    def test_should_restate_closed_periods_only_when_a_batch_has_both(self, desk: Desk) -> None:
        desk.days = (MONDAY, TUESDAY)
        desk.store(line(ANNA), line(ANNA, day=TUESDAY))
        closed = dt.datetime(2025, 3, 6, tzinfo=dt.UTC)  # two days after the end of Monday
        desk.store(line(ANNA, 2.0), line(ANNA, 2.0, day=TUESDAY), now=closed)
        assert [one.key.start_at.date() for one in desk.runs.restatements()] == [MONDAY]

    def test_should_name_the_cause_of_each_period_when_they_differ(self, desk: Desk) -> None:
        desk.days = (MONDAY, TUESDAY)
        desk.store(line(ANNA), line(ANNA, day=TUESDAY))
        causes = {one_day(MONDAY): Cause("replay", (8, 9)), one_day(TUESDAY): Cause("deletion")}
        desk.store(line(ANNA, 2.0), line(ANNA, 2.0, day=TUESDAY), causes=causes)
        told = [(one.key.start_at.date(), one.cause, one.load_ids) for one in desk.runs.restatements()]
        assert sorted(told) == [(MONDAY, "replay", (8, 9)), (TUESDAY, "deletion", ())]

    def test_should_leave_other_slices_alone_when_one_is_written(self, desk: Desk) -> None:
        desk.days = (MONDAY, TUESDAY)
        desk.store(line(ANNA), line(ANNA, day=TUESDAY))
        desk.days = (MONDAY,)
        desk.store()
        assert [key.start_at.date() for key in desk.runs.values()] == [TUESDAY]


class TestNextChange:
    def test_should_come_back_when_a_day_of_return_has_not_ended(self, desk: Desk) -> None:
        desk.cards = (RETENTION,)
        desk.store(
            line(ANNA, None, card=RETENTION, null_reason="not_closed"), now=dt.datetime(2025, 3, 4, tzinfo=dt.UTC)
        )
        ((_, change),) = desk.runs.slices().values()
        assert change == dt.datetime(2025, 3, 11, tzinfo=dt.UTC)
        desk.store(line(ANNA, 1.0, card=RETENTION))
        ((_, change),) = desk.runs.slices().values()
        assert change is None


class TestNothingIsWritten:
    def test_should_show_the_check_all_rows_of_the_sample_when_asked(self, desk: Desk) -> None:
        desk.store(line(ANNA), line(BERT, None), line(CARL, by_timeout="{1,2,3}"), person_ids=(BERT, CARL))
        assert {(row.person_id, row.metric, row.value, row.by_timeout) for row in desk.sampled} == {
            (BERT, Metric.ENGAGEMENT_SCORE, None, None), (CARL, Metric.ENGAGEMENT_SCORE, 1.0, (1.0, 2.0, 3.0)),
        }  # fmt: skip

    def test_should_write_nothing_when_the_check_fails(self, desk: Desk) -> None:
        desk.store(line(ANNA))
        rows, slices = desk.runs.stored_rows(), desk.runs.slices()

        def disagree(rows: list[ValueRow]) -> None:
            raise MetricsDisagree(f"{len(rows)} rows")

        desk.days = (MONDAY, TUESDAY)
        with pytest.raises(MetricsDisagree, match="1 rows"):
            desk.store(line(ANNA, 2.0), person_ids=(ANNA,), check=disagree)
        assert (desk.runs.stored_rows(), desk.runs.slices(), desk.restated()) == (rows, slices, [])

    def test_should_refuse_values_of_no_slice_of_the_batch(self, desk: Desk) -> None:
        with pytest.raises(StoreError, match="2 values were computed for 1 slices, but 1 in 1 would be stored"):
            desk.store(line(ANNA), line(ANNA, day=TUESDAY))
        assert desk.runs.slices() == {}

    def test_should_refuse_a_person_who_comes_twice(self, desk: Desk) -> None:
        with pytest.raises(IntegrityError):
            desk.store(line(ANNA), line(ANNA, 2.0))
        assert desk.runs.slices() == {}
