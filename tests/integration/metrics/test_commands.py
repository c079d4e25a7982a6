"""The commands of learning metrics as people type them."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import insert
from typer.testing import CliRunner, Result

from include.__main__ import app
from include.days import utc_now
from include.services.engines.endpoints import Endpoints
from include.state.tables import DEFAULT_PROJECT_NUMBER, identities, persons
from tests.loading import own_stores
from tests.metric_events import LearningStores, golden_events, learned, own_learning, person_id

WEEK = ("--course", "c1", "--from", "2025-03-03", "--to", "2025-03-09")
NEXT_WEEK = ("--with-from", "2025-03-10", "--with-to", "2025-03-16")
USERS = ("u1", "u2")


@pytest.fixture(scope="module")
def empty(endpoints: Endpoints) -> Iterator[dict[str, str]]:
    """The environment of an installation that nobody has used yet."""
    with own_stores(endpoints) as found:
        yield found


@pytest.fixture(scope="module")
def own(endpoints: Endpoints) -> Iterator[LearningStores]:
    with own_learning(endpoints) as found:
        with found.state.begin() as connection:
            for user in USERS:
                person = {"project_number": DEFAULT_PROJECT_NUMBER, "person_id": person_id(user)}
                connection.execute(insert(persons).values(**person, first_seen_at=utc_now()))
                connection.execute(insert(identities).values(**person, namespace="user_id", external_id=user))
        yield found


@pytest.fixture(scope="module")
def course(own: LearningStores) -> LearningStores:
    """The golden case of u1 and a page view of u2, calculated; then an event too late, calculated too."""
    own.clear()
    own.set_zone("UTC")
    own.require()
    own.put([*golden_events(), learned("2025-03-04 12:00:00", user="u2")])
    told(own, "recalculate")
    own.put([learned("2025-03-06 08:00:00", "task_success", props={"task_id": "t3"})])
    told(own, "recalculate")
    return own


def run(stores: LearningStores, *words: str) -> Result:
    return CliRunner().invoke(app, ["metrics", *words], env=stores.environ)


def told(stores: LearningStores, *words: str) -> dict[str, Any]:
    """The line printed with --json."""
    result = run(stores, *words, "--json")
    assert result.exit_code == 0, result.output
    assert len(result.stdout.splitlines()) == 1
    return dict(json.loads(result.stdout))


def printed(stores: LearningStores, *words: str) -> str:
    result = run(stores, *words)
    assert result.exit_code == 0, result.output
    return result.stdout


def csv_rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


class TestNewInstallation:
    """Before the first event every command answers, and none invents numbers."""

    @pytest.mark.parametrize(
        ("words", "found"),
        [
            (("courses",), {"items": [], "total": 0}),
            (("restatements",), {"items": [], "total": 0}),
            (("recalculate",), {"loads": 0, "courses": [], "values": 0}),
            (("recalculate", "--from", "2025-03-03"), {"loads": 0, "courses": [], "values": 0}),
        ],
        ids=["courses", "restatements", "recalculate", "recalculate a day"],
    )
    def test_should_find_nothing(self, empty: dict[str, str], words: tuple[str, ...], found: dict[str, Any]) -> None:
        result = CliRunner().invoke(app, ["metrics", *words, "--json"], env=empty)
        assert result.exit_code == 0, result.output
        assert json.loads(result.stdout).items() >= found.items()

    def test_should_know_no_course(self, empty: dict[str, str]) -> None:
        result = CliRunner().invoke(app, ["metrics", "show", "--course", "c1", "--from", "2025-03-03"], env=empty)
        assert (result.exit_code, "no course 'c1'" in result.stderr) == (2, True)


class TestRecalculate:
    @pytest.fixture
    def fresh(self, endpoints: Endpoints) -> Iterator[LearningStores]:
        with own_learning(endpoints) as found:
            found.set_zone("Europe/Moscow")
            found.put(golden_events())
            yield found

    def test_should_say_what_was_done_and_nothing_the_second_time(self, fresh: LearningStores) -> None:
        first, second = told(fresh, "recalculate"), told(fresh, "recalculate")
        assert (first["loads"], first["courses"], first["events"]) == (1, ["default/c1"], 11)
        assert first["values"] == first["changed"] > 0
        assert (second["loads"], second["events"], second["changed"], second["restated"]) == (0, 0, 0, 0)

    def test_should_calculate_a_free_period_from_local_midnight_when_a_day_is_its_bound(
        self, fresh: LearningStores
    ) -> None:
        told(fresh, "recalculate", "--course", "c1", "--start", "2025-03-03", "--end", "2025-03-03T13:05:00+03:00")
        (found,) = fresh.state.connect().exec_driver_sql(
            "SELECT DISTINCT period_start_at, period_end_at FROM metric_slices WHERE grain = 'custom'"
        )
        assert [at.isoformat() for at in found] == ["2025-03-02T21:00:00+00:00", "2025-03-03T10:05:00+00:00"]

    def test_should_calculate_chosen_metrics_of_days_only(self, fresh: LearningStores) -> None:
        told(fresh, "recalculate")
        words = ("--from", "2025-03-03", "--to", "2025-03-05", "--metric", "focus_ratio", "--version", "2")
        found = told(fresh, "recalculate", *words)
        assert (found["days"], found["slices"], found["changed"]) == (3, 5, 0)  # three days, a week, a month

    def test_should_report_progress_on_standard_error(self, fresh: LearningStores) -> None:
        result = run(fresh, "recalculate", "--json")
        assert "c1" in result.stderr

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (("--from", "2025-03-05", "--to", "2025-03-03"), "reversed"),
            (("--from", "2024-01-01", "--to", "2025-03-03"), "366 days"),
            (("--from", "2025-03-05", "--start", "2025-03-03"), "either --from"),
            (("--start", "2025-03-03"), "both --start and --end"),
            (("--start", "2025-03-03", "--end", "2025-03-04"), "name one --course"),
            (("--start", "2025-03-03T00:00:00Z", "--end", "yesterday"), "no time"),
            (("--from", "2025-03-03", "--metric", "attention"), "no metric"),
            (("--from", "2025-03-03", "--version", "3"), "no version"),
            (("--from", "2025-03-03", "--cause", "boredom"), "no cause"),
            (("--metric", "retention"), "belong to named days"),
            (("--from", "2025-03-03", "--course", "nobody"), "nobody"),
        ],
        ids=lambda value: value if isinstance(value, str) else " ".join(value),
    )
    def test_should_refuse_in_one_sentence_with_status_2(
        self, course: LearningStores, words: tuple[str, ...], message: str
    ) -> None:
        result = run(course, "recalculate", *words)
        assert (result.exit_code, result.stdout) == (2, "")
        assert message in result.stderr
        assert "Traceback" not in result.output


class TestShow:
    def test_should_show_the_course(self, course: LearningStores) -> None:
        found = told(course, "show", *WEEK, "--metric", "engagement_score", "--version", "1")
        (item,) = found["items"]
        assert (item["n_users"], item["average_value"], found["total"]) == (2, pytest.approx((13.7 + 2.5 + 1) / 2), 1)

    def test_should_show_one_person_in_both_versions(self, course: LearningStores) -> None:
        found = told(course, "show", *WEEK, "--user", "u1", "--version", "all", "--metric", "completion")
        assert [(one["version"], one["value"]) for one in found["items"]] == [(1, 2 / 3), (2, 0.5)]

    def test_should_show_each_day_when_a_grain_is_named(self, course: LearningStores) -> None:
        found = told(course, "show", *WEEK, "--grain", "day", "--metric", "engagement_score")
        assert {one["period_start"][:10] for one in found["items"]} >= {"2025-03-03", "2025-03-04", "2025-03-05"}

    def test_should_print_a_table_with_days_and_states(self, course: LearningStores) -> None:
        text = printed(course, "show", *WEEK)
        for words in ("retention v1", "2025-03-03 to 2025-03-09", "closed", "days of UTC"):
            assert words in text

    def test_should_say_why_there_is_no_value(self, course: LearningStores) -> None:
        text = printed(course, "show", "--course", "c1", "--user", "u2", *WEEK[2:], "--version", "2")
        assert "no active time" in text

    def test_should_show_a_free_period_once_it_was_calculated(self, course: LearningStores) -> None:
        words = ("--course", "c1", "--start", "2025-03-03T10:00:00Z", "--end", "2025-03-03T10:05:00Z")
        assert "metrics recalculate" in printed(course, "show", *words)
        told(course, "recalculate", *words, "--metric", "focus_ratio")
        assert "2025-03-03 10:00:00 to 2025-03-03 10:05:00" in printed(course, "show", *words)

    def test_should_print_csv_with_sensitivity_in_columns(self, course: LearningStores) -> None:
        words = ("--user", "u1", "--metric", "time_on_task", "--version", "2", "--csv")
        (row,) = csv_rows(printed(course, "show", *WEEK, *words))
        assert (row["value"], row["sensitivity_1800"], row["sample_n"]) == ("360.0", "360.0", "12")

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (("--course", "nobody", "--from", "2025-03-03"), "no course 'nobody'"),
            (("--course", "c1"), "Name a period"),
            (("--course", "c1", "--from", "2025-03-03", "--grain", "year"), "no grain"),
            (("--course", "c1", "--from", "2025-03-03", "--user", "nobody"), "a user 'nobody'"),
            (("--course", "c1", "--from", "3.3.2025"), "not a day"),
            (("--course", "c1", "--from", "2025-03-05", "--to", "2025-03-03"), "reversed"),
        ],
        ids=["course", "no period", "grain", "user", "day", "reversed"],
    )
    def test_should_refuse_in_one_sentence_with_status_2(
        self, course: LearningStores, words: tuple[str, ...], message: str
    ) -> None:
        result = run(course, "show", *words)
        assert (result.exit_code, result.stdout) == (2, "")
        assert message in result.stderr


class TestCompare:
    def test_should_show_both_weeks_and_the_difference(self, course: LearningStores) -> None:
        found = told(course, "compare", *WEEK, *NEXT_WEEK, "--metric", "engagement_score")
        (item,) = found["items"]
        assert (item["first_value"], item["second_value"], item["difference"]) == (pytest.approx(8.6), None, None)

    def test_should_compare_one_person_with_days_of_the_same_week(self, course: LearningStores) -> None:
        days = ("--from", "2025-03-03", "--to", "2025-03-03", "--with-from", "2025-03-04", "--with-to", "2025-03-04")
        words = ("--user", "u1", "--metric", "engagement_score", "--csv")
        (row,) = csv_rows(printed(course, "compare", "--course", "c1", *days, *words))
        assert float(row["second_value"]) - float(row["first_value"]) == pytest.approx(float(row["difference"]))
        assert float(row["second_value"]) == pytest.approx(3.5)

    def test_should_print_a_table(self, course: LearningStores) -> None:
        text = printed(course, "compare", *WEEK, *NEXT_WEEK)
        assert "2025-03-10 to 2025-03-16" in text
        assert "activity_index v1" in text


class TestRestatements:
    def test_should_list_what_the_late_event_changed(self, course: LearningStores) -> None:
        found = told(course, "restatements", "--course", "c1", "--metric", "completion_rate", "--limit", "1000")
        assert found["total"] == len(found["items"]) > 0
        assert {(one["cause"], one["metric_name"]) for one in found["items"]} == {("late_data", "completion_rate")}
        assert {tuple(one["user_ids"]) for one in found["items"]} == {("u1",)}

    def test_should_print_old_and_new(self, course: LearningStores) -> None:
        text = printed(course, "restatements", "--metric", "completion_rate")
        assert re.search(r"completion_rate v2 .* u1 .*0\.25 .*0\.5 .*late data", text)

    def test_should_find_none_before_they_were_written(self, course: LearningStores) -> None:
        assert told(course, "restatements", "--to", "2025-12-31") == {"items": [], "total": 0}
        assert "none" in printed(course, "restatements", "--to", "2025-12-31")


class TestRetention:
    WORDS = ("--course", "c1", "--from", "2025-03-03", "--to", "2025-03-09", "--days", "3")

    def test_should_follow_the_cohort(self, course: LearningStores) -> None:
        (row,) = csv_rows(printed(course, "retention", *self.WORDS, "--csv"))
        assert [row[name] for name in ("cohort_size", "day_0", "day_1", "day_3")] == ["2", "1.0", "0.5", "0.5"]

    def test_should_give_every_kind_as_json(self, course: LearningStores) -> None:
        found = told(course, "retention", *self.WORDS, "--kind", "unbounded")
        assert [item["unbounded_share"] for item in found["items"]] == [1.0, 0.5, 0.5, 0.5]

    def test_should_print_a_table_of_twelve_weeks_when_no_day_is_named(self, course: LearningStores) -> None:
        text = printed(course, "retention", "--course", "c1", "--kind", "rolling", "--days", "2")
        assert "Retention of c1, rolling, by week" in text
        assert len(re.findall(r"\d{4}-\d\d-\d\d", text)) == 13

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (("--kind", "sticky"), "no kind"),
            (("--grain", "year"), "no grain"),
            (("--days", "366"), "366"),
            (("--window", "0"), "window_days"),
            (("--from", "2025-03-09", "--to", "2025-03-03"), "no period"),
        ],
        ids=lambda value: value if isinstance(value, str) else " ".join(value),
    )
    def test_should_refuse_in_one_sentence_with_status_2(
        self, course: LearningStores, words: tuple[str, ...], message: str
    ) -> None:
        result = run(course, "retention", "--course", "c1", *words)
        assert (result.exit_code, result.stdout) == (2, "")
        assert message in result.stderr


class TestCourses:
    def test_should_say_what_is_calculated(self, course: LearningStores) -> None:
        (item,) = told(course, "courses")["items"]
        assert (item["course_id"], item["first_day"], item["last_day"]) == ("c1", "2025-03-03", "2025-03-06")
        assert (item["person_count"], item["pending_day_count"]) == (2, 0)
        assert item["slice_count"] > 0

    def test_should_print_a_table(self, course: LearningStores) -> None:
        assert "2025-03-03 to 2025-03-06" in printed(course, "courses")

    def test_should_say_so_when_there_is_none(self, course: LearningStores) -> None:
        assert "none yet" in printed(course, "courses", "--project", "nobody")


class TestCard:
    def test_should_print_both_versions(self, course: LearningStores) -> None:
        text = printed(course, "card", "retention")
        assert ("retention, version 1" in text, "retention, version 2" in text) == (True, True)

    def test_should_follow_the_settings_and_the_zone_of_a_course(
        self, course: LearningStores, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("METRICS_RETENTION_DAYS", "30")
        (found,) = told(course, "card", "retention", "--version", "2", "--course", "c1")["cards"]
        assert (found["parameters"]["n_days"], found["parameters"]["time_zone"]) == (30, "UTC")
        assert len(found["digest"]) == 64

    def test_should_refuse_a_metric_that_is_none(self, course: LearningStores) -> None:
        result = run(course, "card", "attention")
        assert (result.exit_code, "is no metric" in result.stderr) == (2, True)
