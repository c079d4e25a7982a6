"""What has to be calculated when days change, and how it is cut into transactions."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from include.metrics.courses import LearningCourse
from include.metrics.names import Metric
from include.metrics.parts.touching import TouchedDay
from include.metrics.periods.grains import Grain, Period, period_between, period_of
from include.metrics.recalculating.bundles import iter_bundles
from include.metrics.recalculating.needs import CardKey, Needs
from include.metrics.recalculating.orders import Order
from include.metrics.recalculating.planning import ALL_CARDS, Known, plan
from include.metrics.recalculating.stored_periods import COMPLETION_V2, RETENTION_V2, StoredSlice
from include.metrics.storing.causes import Cause
from include.settings.learning import LearningSettings

UTC = ZoneInfo("UTC")
DAY = dt.date(2025, 3, 12)
ENGAGEMENT: CardKey = (Metric.ENGAGEMENT_SCORE, 1)
LATE = Cause("late_data", (5,))


def on(offset: int) -> dt.date:
    return DAY + dt.timedelta(days=offset)


def touched(day: dt.date = DAY, **changes: Any) -> TouchedDay:
    values: dict[str, Any] = {
        "kind": "events", "cause": "late_data", "load_ids": (5,), "may_complete": False, "touch_number": 1,
    }  # fmt: skip
    return TouchedDay("default", "c1", day, **{**values, **changes})


def stored(card: CardKey, offset: int, grain: Grain = Grain.DAY) -> StoredSlice:
    return StoredSlice(card, period_of(on(offset), grain, UTC))


def planned(
    *rows: TouchedDay,
    stored: tuple[StoredSlice, ...] = (),
    due: tuple[StoredSlice, ...] = (),
    order: Order | None = None,
    unchanged: tuple[dt.date, ...] = (),
    zone: ZoneInfo = UTC,
    **settings: Any,
) -> dict[tuple[Period, CardKey], Cause]:
    course = LearningCourse("default", "c1", zone)
    known = Known(course, rows, stored, due, LearningSettings(**settings))
    needs = plan(known, order or Order(), unchanged_days=unchanged)
    return {
        (period, card): cause
        for group in needs.groups()
        for period, cause in group.causes.items()
        for card in group.cards
    }


class TestTouchedDay:
    def test_should_want_its_day_week_and_month_with_all_cards_when_events_came(self) -> None:
        found = planned(touched())
        assert {(period.grain, period.first_day, card) for period, card in found} == {
            *((Grain.DAY, DAY, card) for card in ALL_CARDS if card != (Metric.RETENTION, 1)),
            *((Grain.WEEK, dt.date(2025, 3, 10), card) for card in ALL_CARDS),
            *((Grain.MONTH, dt.date(2025, 3, 1), card) for card in ALL_CARDS),
        }
        assert set(found.values()) == {LATE}

    @pytest.mark.parametrize(("kind", "offsets"), [("exact", {-7}), ("unbounded", {-7, -8, -40})])
    def test_should_want_cohorts_of_n_days_ago_when_events_came(self, kind: str, offsets: set[int]) -> None:
        known = tuple(stored(RETENTION_V2, offset) for offset in (-40, -8, -7, -6, 1, 7))
        found = planned(touched(), stored=known, retention_kind=kind)
        others = {period.first_day for period, card in found if card == RETENTION_V2 and period.grain is Grain.DAY}
        assert others == {DAY} | {on(offset) for offset in offsets}

    def test_should_want_the_cohort_of_the_setting_when_n_is_another(self) -> None:
        known = tuple(stored(RETENTION_V2, offset) for offset in (-7, -3))
        found = planned(touched(), stored=known, retention_days=3)
        assert (period_of(on(-3), Grain.DAY, UTC), RETENTION_V2) in found
        assert (period_of(on(-7), Grain.DAY, UTC), RETENTION_V2) not in found

    def test_should_want_later_completions_only_when_a_task_may_have_succeeded(self) -> None:
        known = tuple(stored(COMPLETION_V2, offset) for offset in (-1, 1, 90))
        later = {(period_of(on(offset), Grain.DAY, UTC), COMPLETION_V2) for offset in (1, 90)}
        before = (period_of(on(-1), Grain.DAY, UTC), COMPLETION_V2)
        assert later <= planned(touched(may_complete=True), stored=known).keys()
        assert before not in planned(touched(may_complete=True), stored=known)
        assert not later & planned(touched(), stored=known).keys()

    def test_should_want_stored_free_periods_when_they_hold_a_part_of_the_day(self) -> None:
        noon = dt.datetime.combine(DAY, dt.time(12), dt.UTC)
        inside = StoredSlice(ENGAGEMENT, period_between(noon, noon + dt.timedelta(minutes=1), UTC))
        until = StoredSlice(ENGAGEMENT, period_between(noon - dt.timedelta(days=1), noon.replace(hour=0), UTC))
        found = planned(touched(), stored=(inside, until))
        assert found[inside.period, ENGAGEMENT] == LATE
        assert (until.period, ENGAGEMENT) not in found
        assert (inside.period, RETENTION_V2) not in found

    def test_should_want_cohorts_only_when_first_days_moved(self) -> None:
        known = (stored(RETENTION_V2, 0), stored(RETENTION_V2, 0, Grain.WEEK), stored(RETENTION_V2, -7))
        found = planned(touched(kind="cohort"), stored=(*known, stored(COMPLETION_V2, 0)))
        assert found.keys() == {(one.period, RETENTION_V2) for one in known[:2]}

    def test_should_want_completions_only_when_the_catalogue_changed(self) -> None:
        known = (stored(COMPLETION_V2, -1), stored(COMPLETION_V2, 0), stored(RETENTION_V2, 0))
        found = planned(touched(kind="catalogue", cause="definition_change", load_ids=()), stored=known)
        assert found == {(known[1].period, COMPLETION_V2): Cause("definition_change")}


class TestCauses:
    def test_should_tell_the_stronger_cause_and_all_loads_when_days_share_a_week(self) -> None:
        found = planned(touched(cause="replay", load_ids=(9,)), touched(on(1)))
        assert found[period_of(DAY, Grain.WEEK, UTC), ENGAGEMENT] == Cause("late_data", (5, 9))
        assert found[period_of(DAY, Grain.DAY, UTC), ENGAGEMENT] == Cause("replay", (9,))

    def test_should_name_the_end_of_a_day_when_only_time_has_passed(self) -> None:
        due = stored(RETENTION_V2, -7)
        assert planned(due=(due,)) == {(due.period, RETENTION_V2): Cause("day_closed")}

    def test_should_prefer_events_over_time_and_orders_when_all_ask(self) -> None:
        due = stored(RETENTION_V2, 0)
        found = planned(touched(), due=(due,), order=Order(days=(DAY,)))
        assert set(found.values()) == {LATE}


class TestOrderedDays:
    def test_should_want_chosen_cards_of_its_periods_when_a_day_came_out_as_it_was(self) -> None:
        order = Order(days=(DAY,), metrics=("engagement",), versions=(1,))
        row = touched(cause="recalculation", load_ids=(), may_complete=True)
        found = planned(row, order=order, unchanged=(DAY,), stored=(stored(COMPLETION_V2, 3),))
        assert {(period.grain, card) for period, card in found} == {
            (grain, ENGAGEMENT) for grain in (Grain.DAY, Grain.WEEK, Grain.MONTH)
        }

    def test_should_want_what_follows_too_when_a_day_came_out_otherwise(self) -> None:
        row = touched(cause="deletion", load_ids=(), may_complete=True)
        later = stored(COMPLETION_V2, 3)
        found = planned(row, order=Order(days=(DAY,), cause="deletion"), stored=(later,))
        assert found[later.period, COMPLETION_V2] == Cause("deletion")

    def test_should_leave_out_a_day_that_the_zone_has_skipped(self) -> None:
        apia = ZoneInfo("Pacific/Apia")
        found = planned(order=Order(days=(dt.date(2011, 12, 30),)), zone=apia)
        assert found == {}

    def test_should_want_one_period_when_bounds_are_given(self) -> None:
        start_at = dt.datetime(2025, 3, 10, tzinfo=dt.UTC)
        found = planned(order=Order(bounds=(start_at, start_at + dt.timedelta(days=7))))
        assert {period.grain for period, _ in found} == {Grain.WEEK}
        assert len(found) == len(ALL_CARDS)


class TestGroups:
    def test_should_calculate_equal_wants_together_when_causes_differ(self) -> None:
        needs = Needs()
        needs.add(period_of(on(1), Grain.DAY, UTC), [ENGAGEMENT], LATE)
        needs.add(period_of(DAY, Grain.DAY, UTC), [ENGAGEMENT], Cause("recalculation"))
        needs.add(period_of(DAY, Grain.WEEK, UTC), [ENGAGEMENT], LATE)
        first, second = needs.groups()
        assert [period.first_day for period in first.causes] == [DAY, on(1)]
        assert (second.grain, len(needs)) == (Grain.WEEK, 3)

    def test_should_part_one_period_when_its_cards_have_different_causes(self) -> None:
        needs, week = Needs(), period_of(DAY, Grain.WEEK, UTC)
        needs.add(week, [ENGAGEMENT], Cause("recalculation"))
        needs.add(week, [RETENTION_V2], LATE)
        assert {group.cards: group.causes[week] for group in needs.groups()} == {
            (ENGAGEMENT,): Cause("recalculation"), (RETENTION_V2,): LATE,
        }  # fmt: skip


class TestBundles:
    PERIODS = tuple(period_of(on(offset), Grain.DAY, UTC) for offset in range(4))

    def test_should_keep_periods_whole_when_work_is_cut(self) -> None:
        people = {on(0): 10, on(1): 10, on(2): 30}
        bundles = list(iter_bundles(self.PERIODS, 2, people, most_values=40))
        # Forty values, then sixty, which is too much and still one period; a day without people adds nothing to it.
        assert [[period.first_day for period in bundle] for bundle in bundles] == [[on(0), on(1)], [on(2)], [on(3)]]

    def test_should_give_nothing_when_nothing_is_asked(self) -> None:
        assert list(iter_bundles([], 2, {})) == []

    def test_should_take_all_periods_once_in_order_when_each_is_too_large(self) -> None:
        bundles = list(iter_bundles(self.PERIODS, 5, {on(offset): 100 for offset in range(4)}, most_values=1))
        assert bundles == [[period] for period in self.PERIODS]
