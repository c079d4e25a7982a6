"""What the sandbox promises about its visitors: the same every time, believable, any size (M24, M26)."""

from __future__ import annotations

import datetime as dt
import gzip
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from include.metrika_sandbox.behaviour.config import CounterConfig, SandboxConfig
from include.metrika_sandbox.behaviour.faults import Faults, parse_faults
from include.metrika_sandbox.columns.dialect import Dialect
from include.metrika_sandbox.logs.log_requests import LogRequest, prepare
from include.metrika_sandbox.traffic.late import LateEdits
from include.metrika_sandbox.traffic.seeded import SeededTraffic
from include.metrika_sandbox.traffic.source import NO_EDITS, Edits
from include.metrika_sandbox.visitors.blocks import BLOCK_VISITS

DAY = dt.date(2025, 11, 4)
NEXT_DAY = DAY + dt.timedelta(days=1)
COUNTERS = (CounterConfig(101), CounterConfig(202, "America/New_York"))
PLAIN = Dialect()
Row = tuple[str, ...]


def traffic(visits: int = 2000, faults: str = "", **more: Any) -> SeededTraffic:
    chosen = parse_faults(faults)
    return SeededTraffic(SandboxConfig(counters=COUNTERS, visits_per_day=visits, **more), lambda: chosen)


def rows(
    made: SeededTraffic, source: str, *fields: str, day: dt.date = DAY, counter_id: int = 101, edits: Edits = NO_EDITS
) -> list[Row]:
    prefix = "ym:s:" if source == "visits" else "ym:pv:"
    found: list[Row] = []
    for block in made.iter_blocks(source, counter_id, day, day, edits):
        found += zip(*(block.column(prefix + name, PLAIN) for name in fields), strict=True)
    return found


def numbers(made: SeededTraffic, source: str, field: str, **more: Any) -> Any:
    return np.array([int(value or 0) for (value,) in rows(made, source, field, **more)], dtype=np.uint64)


def written(folder: Path, made: SeededTraffic, **cut: Any) -> list[list[bytes]]:
    """Lines of each part of a prepared log of visits."""
    fields = ("ym:s:visitID", "ym:s:dateTime", "ym:s:watchIDs")
    request = LogRequest(1, 101, "x", "visits", DAY, DAY, fields, "LASTSIGN", Faults(), {}, 0.0, folder)
    prepare(request, made, cut.get("rows_per_part", 50_000), cut.get("parts"))
    return [gzip.decompress(part.path.read_bytes()).splitlines()[1:] for part in request.parts or ()]


class TestDeterminism:
    @pytest.mark.parametrize("source", ["visits", "hits"])
    def test_should_make_the_same_rows_when_made_again(self, source: str) -> None:
        fields = ("visitID", "dateTime", "clientID", "deviceCategory", "goalsID")
        assert rows(traffic(), source, *fields) == rows(traffic(), source, *fields)

    def test_should_not_depend_on_the_days_asked_for_before(self) -> None:
        made = traffic()
        rows(made, "visits", "visitID", day=NEXT_DAY)
        assert rows(made, "visits", "visitID", "dateTime") == rows(traffic(), "visits", "visitID", "dateTime")

    def test_should_make_other_visits_on_another_day(self) -> None:
        made = traffic()
        assert not set(rows(made, "visits", "visitID")) & set(rows(made, "visits", "visitID", day=NEXT_DAY))

    def test_should_make_other_visits_for_another_counter(self) -> None:
        made = traffic()
        assert not set(rows(made, "visits", "visitID")) & set(rows(made, "visits", "visitID", counter_id=202))

    def test_should_make_other_visits_from_another_seed(self) -> None:
        assert not set(rows(traffic(), "visits", "visitID")) & set(rows(traffic(seed=7), "visits", "visitID"))

    def test_should_make_the_same_hits_whether_asked_by_day_or_by_range(self) -> None:
        made = traffic(500)
        blocks = made.iter_blocks("hits", 101, DAY, NEXT_DAY, NO_EDITS)
        together = sorted(name for block in blocks for name in block.column("ym:pv:watchID", PLAIN))
        apart = [name for day in (DAY, NEXT_DAY) for (name,) in rows(made, "hits", "watchID", day=day)]
        assert together == sorted(apart)


class TestParts:
    @pytest.mark.parametrize("cut", [{"parts": 1}, {"parts": 7}, {"rows_per_part": 333}])
    def test_should_hold_the_same_rows_however_many_parts(self, tmp_path: Path, cut: dict[str, int]) -> None:
        whole = [line for part in written(tmp_path / "whole", traffic(), parts=3) for line in part]
        assert [line for part in written(tmp_path / "cut", traffic(), **cut) for line in part] == whole

    def test_should_have_so_many_parts_as_asked_for(self, tmp_path: Path) -> None:
        assert len(written(tmp_path, traffic(), parts=7)) == 7

    def test_should_cut_by_rows_when_no_number_is_given(self, tmp_path: Path) -> None:
        assert [len(part) for part in written(tmp_path, traffic(), rows_per_part=900)] == [900, 900, 200]


class TestBelievableVisits:
    def test_should_have_heavy_tails_in_lengths(self) -> None:
        lengths = numbers(traffic(20_000), "visits", "visitDuration")
        middle, far = np.median(lengths), np.percentile(lengths, 99)
        assert far > 20 * max(1, middle)
        assert lengths.mean() > 2 * middle

    def test_should_have_heavy_tails_in_pauses(self) -> None:
        found = rows(traffic(20_000), "hits", "visitID", "dateTime")
        times: dict[str, list[float]] = {}
        for visit_id, time in found:
            times.setdefault(visit_id, []).append(dt.datetime.fromisoformat(time).timestamp())
        pauses = np.concatenate([np.diff(sorted(one)) for one in times.values()])
        assert np.percentile(pauses, 99) > 10 * max(1.0, float(np.median(pauses)))
        assert pauses.max() < 1800  # a longer one would be another visit

    def test_should_know_every_kind_of_device_and_the_empty_one(self) -> None:
        devices = Counter(value for (value,) in rows(traffic(20_000), "visits", "deviceCategory"))
        assert set(devices) == {"", "1", "2", "3", "4"}
        assert devices["1"] > devices["3"] > devices["4"] > 0

    def test_should_have_visits_without_hits(self) -> None:
        assert ("[]",) in rows(traffic(), "visits", "watchIDs")

    def test_should_have_returning_clients(self) -> None:
        clients = Counter(value for (value,) in rows(traffic(), "visits", "clientID"))
        assert clients.most_common(1)[0][1] > 3

    def test_should_have_events_that_are_not_page_views(self) -> None:
        kinds = Counter(value for (value,) in rows(traffic(), "hits", "isPageView"))
        assert 0 < kinds["0"] < kinds["1"]

    def test_should_name_the_hits_of_a_visit_in_both_sources(self) -> None:
        made = traffic(500, "no_midnight_visits")
        named = {name for (text,) in rows(made, "visits", "watchIDs") for name in text.strip("[]").split(",") if name}
        assert named == {name for (name,) in rows(made, "hits", "watchID")}


class TestIds:
    def test_should_be_unique_over_days_and_sources(self) -> None:
        made = traffic()
        found = [rows(made, "visits", "visitID", day=day) for day in (DAY, NEXT_DAY)]
        found += [rows(made, "hits", "watchID", day=day) for day in (DAY, NEXT_DAY)]
        every = [name for one in found for name in one]
        assert len(set(every)) == len(every)

    def test_should_have_19_and_20_digits(self) -> None:
        found = numbers(traffic(), "visits", "visitID")
        assert found.min() >= 10**18
        assert 0.1 < (found >= 2**63).mean() < 0.3

    def test_should_fit_a_float_when_long_ones_are_off(self) -> None:
        made = traffic(faults="no_long_ids")
        for source, field in (("visits", "visitID"), ("visits", "clientID"), ("hits", "watchID")):
            assert numbers(made, source, field).max() < 2**53

    def test_should_stay_unique_when_long_ones_are_off(self) -> None:
        found = rows(traffic(faults="no_long_ids"), "hits", "watchID")
        assert len(set(found)) == len(found)

    def test_should_come_back_in_another_year_when_switched_on(self) -> None:
        made, other_year = traffic(faults="reused_visit_ids"), DAY.replace(year=2024)
        assert set(rows(made, "visits", "visitID")) == set(rows(made, "visits", "visitID", day=other_year))

    def test_should_not_come_back_in_another_year_by_default(self) -> None:
        made, other_year = traffic(), DAY.replace(year=2024)
        assert not set(rows(made, "visits", "visitID")) & set(rows(made, "visits", "visitID", day=other_year))


class TestLabels:
    def test_should_know_every_visit_once(self) -> None:
        made = traffic()
        labels = {str(one.visit_id): one.label for one in made.iter_labels(101, DAY)}
        assert set(labels) == {name for (name,) in rows(made, "visits", "visitID")}

    def test_should_mark_busy_visitors(self) -> None:
        made = traffic(20_000)
        labels = {str(one.visit_id): one.label for one in made.iter_labels(101, DAY)}
        pages: dict[int, list[int]] = {0: [], 1: []}
        for visit_id, views in rows(made, "visits", "visitID", "pageViews"):
            pages[labels[visit_id]].append(int(views))
        assert 0.05 < len(pages[1]) / 20_000 < 0.12
        assert np.median(pages[1]) > 3 * np.median(pages[0])

    def test_should_not_be_told_by_one_measure_alone(self) -> None:
        """Readers stay long and robots click much: both without the label."""
        made = traffic(20_000)
        labels = {str(one.visit_id): one.label for one in made.iter_labels(101, DAY)}
        plain = [
            (int(seconds), int(views))
            for visit_id, seconds, views in rows(made, "visits", "visitID", "visitDuration", "pageViews")
            if not labels[visit_id]
        ]
        assert any(seconds >= 600 and views <= 4 for seconds, views in plain)
        assert any(seconds <= 120 and views >= 15 for seconds, views in plain)


class TestMidnight:
    def test_should_let_visits_run_into_the_next_day(self) -> None:
        made = traffic(5000)
        visits = {name for (name,) in rows(made, "visits", "visitID")}
        tails = [name for (name,) in rows(made, "hits", "visitID", day=NEXT_DAY) if name in visits]
        assert tails

    def test_should_end_every_visit_before_midnight_when_switched_off(self) -> None:
        made = traffic(5000, "no_midnight_visits")
        visits = {name for (name,) in rows(made, "visits", "visitID")}
        assert not [name for (name,) in rows(made, "hits", "visitID", day=NEXT_DAY) if name in visits]

    def test_should_follow_the_days_of_the_counters_own_zone(self) -> None:
        found = rows(traffic(), "visits", "date", "dateTimeUTC", counter_id=202)
        assert {date for date, _ in found} == {"2025-11-04"}
        assert max(time for _, time in found) > "2025-11-05 03:00:00"  # UTC+3, eight hours before New York


class TestLateVisits:
    def test_should_change_so_many_visits_as_asked_for(self) -> None:
        made = traffic()
        late = LateEdits(made)
        assert late.add(101, DAY, 9) == 9
        fields = ("visitID", "visitDuration", "pageViews", "watchIDs")
        changed = set(rows(made, "visits", *fields, edits=late.snapshot(101, DAY, DAY)))
        assert len(changed - set(rows(made, "visits", *fields))) == 9

    def test_should_keep_start_and_id_of_a_changed_visit(self) -> None:
        made = traffic()
        late = LateEdits(made)
        late.add(101, DAY, 9)
        edited = rows(made, "visits", "visitID", "dateTime", edits=late.snapshot(101, DAY, DAY))
        assert set(edited) == set(rows(made, "visits", "visitID", "dateTime"))

    def test_should_bring_two_hits_with_each_change(self) -> None:
        made = traffic(faults="no_midnight_visits")
        late = LateEdits(made)
        late.add(101, DAY, 9)
        edits = late.snapshot(101, DAY, NEXT_DAY)
        before = sum(len(rows(made, "hits", "watchID", day=day)) for day in (DAY, NEXT_DAY))
        after = sum(len(rows(made, "hits", "watchID", day=day, edits=edits)) for day in (DAY, NEXT_DAY))
        assert after == before + 18

    def test_should_change_a_day_between_two_exports_when_switched_on(self) -> None:
        late = LateEdits(traffic())
        for _ in range(3):
            late.note_export(101, DAY, DAY, edits_per_export=4)
        assert len(late.snapshot(101, DAY, DAY)[DAY]) == 8  # not before the first one

    def test_should_choose_the_same_visits_in_every_process(self) -> None:
        assert traffic().edit(101, DAY, 20, 3).tolist() == traffic().edit(101, DAY, 20, 3).tolist()


class TestHitIdsOfVisits:
    def test_should_name_no_more_than_500_hits(self) -> None:
        lists = [text.strip("[]").split(",") for (text,) in rows(traffic(faults="long_visits"), "visits", "watchIDs")]
        assert max(map(len, lists)) == 500

    def test_should_have_more_than_500_hits_only_when_switched_on(self) -> None:
        def longest(faults: str) -> int:
            return max(Counter(rows(traffic(faults=faults), "hits", "visitID")).values())

        assert longest("") <= 500 < longest("long_visits")

    def test_should_be_filled_from_the_day_metrika_began_to(self) -> None:
        before, since = dt.date(2025, 10, 9), dt.date(2025, 10, 10)
        assert set(rows(traffic(200), "hits", "visitID", day=before)) == {("0",)}
        assert ("0",) not in rows(traffic(200), "hits", "visitID", day=since)


class TestAnySize:
    def _peak_bytes(self, visits: int) -> int:
        made = traffic(visits)

        def walk() -> Iterator[int]:
            for block in made.iter_blocks("visits", 101, DAY, DAY, NO_EDITS):
                yield len(block.column("ym:s:watchIDs", PLAIN))

        tracemalloc.start()
        try:
            assert sum(walk()) == visits
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    def test_should_need_no_more_memory_when_the_day_is_larger(self) -> None:
        small, large = self._peak_bytes(2 * BLOCK_VISITS), self._peak_bytes(10 * BLOCK_VISITS)
        assert large < 1.3 * small

    def test_should_make_a_block_of_a_huge_day_alone(self) -> None:
        blocks = traffic(10_000_000).iter_blocks("visits", 101, DAY, DAY, NO_EDITS)
        assert next(blocks).row_count == BLOCK_VISITS

    def test_should_estimate_the_rows_of_a_huge_day_without_making_it(self) -> None:
        made = traffic(10_000_000)
        assert made.row_estimate("visits", 101, DAY, DAY) == 10_000_000
        assert made.row_estimate("hits", 101, DAY, DAY) > 30_000_000

    def test_should_have_an_empty_day_when_told_so(self) -> None:
        assert rows(traffic(empty_dates=frozenset({DAY})), "visits", "visitID") == []
