"""Two periods of a course or of one person, against values written out by hand."""

from __future__ import annotations

import pytest

from include.errors import InputError
from include.metrics.names import Metric
from include.metrics.reading.comparing import Compared, Comparison, compare_course, compare_user
from include.metrics.reading.pairing import Paired
from tests.metric_events import Learned, learned, person_id
from tests.metric_reader import WEEK, Reader, instant
from tests.metric_runs import CLOSED, MetricRuns

NEXT_WEEK = (instant("2025-03-10"), instant("2025-03-17"))
TEN_DAYS = (instant("2025-03-10"), instant("2025-03-20"))


def page_views(user: str, *days: int) -> list[Learned]:
    """One page view at 10 o'clock of each day of March."""
    return [learned(f"2025-03-{day:02} 10:00:00", user=user) for day in days]


@pytest.fixture(scope="module")
def weeks(own: MetricRuns) -> Reader:
    """Three people in both weeks (one rises, one falls, one stays), one in the first and two in the second only."""
    own.stores.clear()
    own.stores.put(
        [
            *page_views("rises", 3, 10, 11, 12),
            *page_views("falls", 3, 4, 10),
            *page_views("stays", 5, 6, 15, 16),
            *page_views("leaves", 3, 4, 5, 6),
            *page_views("comes", 10),
            *page_views("comes too", 11, 12, 13, 19),
        ]
    )
    own.run()
    return Reader(own)


def course_of(weeks: Reader, second: object = NEXT_WEEK, **asked: object) -> Comparison:
    """The first week beside another period."""
    return compare_course(
        weeks.stores,
        weeks.course(),
        weeks.question(WEEK, **asked),
        weeks.question(second, **asked),  # type: ignore[arg-type]
        now=CLOSED,
    )


def only(comparison: Comparison) -> Compared:
    """Its only row."""
    (row,) = comparison.rows
    return row


class TestCompareCourse:
    def test_should_show_both_figures_and_what_became_of_people_when_weeks_differ(self, weeks: Reader) -> None:
        row = only(course_of(weeks, metrics=["activity_index"], version=2))
        assert row.first_value == pytest.approx((1 + 2 + 2 + 4) / 4 / 7)
        assert row.second_value == pytest.approx((3 + 1 + 2 + 1 + 3) / 5 / 7)
        assert row.difference == pytest.approx((2 - 2.25) / 7)
        assert row.relative_difference == pytest.approx((2 - 2.25) / 2.25)
        assert row.paired == Paired(3, 1, 1, 1, pytest.approx((2 - 1 + 0) / 3 / 7))

    @pytest.mark.parametrize("is_stored", [True, False], ids=["stored", "derived"])
    def test_should_say_both_lengths_when_they_differ(self, weeks: Reader, *, is_stored: bool) -> None:
        second = TEN_DAYS if not is_stored else NEXT_WEEK
        document = course_of(weeks, second, metrics=["activity_index"], version=2).document()
        (item,) = document["items"]
        assert (document["first_days"], document["first_seconds"]) == (7, 604_800.0)
        assert (item["second_days"], item["second_seconds"]) == ((7, 604_800.0) if is_stored else (10, 864_000.0))
        assert item["second"]["is_stored"] is is_stored
        assert item["unit"] == item["first"]["unit"]
        assert item["n_both"] == 3

    def test_should_have_no_difference_when_one_period_has_no_value(self, weeks: Reader) -> None:
        empty = (instant("2024-03-04"), instant("2024-03-11"))
        row = only(course_of(weeks, empty, metrics=["activity_index"], version=2))
        assert (row.difference, row.relative_difference) == (None, None)
        assert row.paired == Paired(0, 0, 0, 0, None)

    def test_should_have_no_relative_difference_when_the_first_value_is_zero(self, weeks: Reader) -> None:
        row = only(course_of(weeks, metrics=["completion_rate"], version=1))
        assert (row.first_value, row.difference, row.relative_difference) == (0.0, 0.0, None)

    def test_should_show_one_side_when_the_other_cannot_be_had(self, weeks: Reader) -> None:
        cut = (instant("2025-03-10 10:00:00"), instant("2025-03-11"))
        row = only(course_of(weeks, cut, metrics=["activity_index"], version=2))
        assert row.first is not None
        assert row.second is None
        assert row.document()["second"] is None

    def test_should_list_metrics_in_order_when_all_are_asked_for(self, weeks: Reader) -> None:
        rows = course_of(weeks).rows
        assert [(row.metric, row.version) for row in rows] == [(metric, v) for metric in Metric for v in (1, 2)]

    def test_should_refuse_when_a_grain_is_asked_for(self, weeks: Reader) -> None:
        with pytest.raises(InputError) as caught:
            course_of(weeks, grain="day")
        assert caught.value.code == "conflicting_input"


class TestCompareUser:
    def test_should_show_both_values_when_somebody_rises(self, weeks: Reader) -> None:
        both = [weeks.question(bounds, metrics=["activity_index"], version=2) for bounds in (WEEK, NEXT_WEEK)]
        comparison = compare_user(weeks.stores, weeks.course(), person_id("rises"), *both, now=CLOSED)
        row = only(comparison)
        assert (row.first_value, row.second_value) == (1 / 7, 3 / 7)
        assert row.relative_difference == pytest.approx(2.0)
        assert row.paired is None
        assert row.document("rises")["first"]["user_id"] == "rises"

    def test_should_say_why_when_somebody_came_later(self, weeks: Reader) -> None:
        both = [weeks.question(bounds, metrics=["activity_index"], version=2) for bounds in (WEEK, NEXT_WEEK)]
        row = only(compare_user(weeks.stores, weeks.course(), person_id("comes"), *both, now=CLOSED))
        document = row.document("comes")
        assert document["first"]["null_reason"] == "no_events"
        assert document["difference"] is None
