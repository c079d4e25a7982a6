"""The page of learning metrics: a credential, true figures, nothing of what others wrote has a meaning in it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest

from include.days import utc_now
from include.metrics.parts.taking import take_loads
from tests.api.metrics.conftest import OWN, School, said
from tests.metric_events import learned

PATH = "/ui/metrics"
HOSTILE = "<script>alert(1)</script>'\"><img src=x onerror=alert(1)>&amp;"


class Cells(HTMLParser):
    """Tags and links of a page, and the texts of its table rows."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.rows: list[list[str]] = []
        self.is_open = False  # inside a table

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.add(tag)
        if tag == "a":
            self.links.append(dict(attrs)["href"])
        self.is_open = self.is_open or tag == "table"
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self.is_open = self.is_open and tag != "table"

    def handle_data(self, data: str) -> None:
        if self.is_open and self.rows and self.rows[-1]:
            self.rows[-1][-1] += data

    def row(self, name: str) -> list[str]:
        return next(row for row in self.rows if row and row[0] == name)


def page_of(school: School, **params: Any) -> tuple[str, Cells]:
    answer = school.api.get(PATH, token=school.tokens["viewer"], params=params, headers={"Accept": "text/html"})
    assert answer.status_code == 200, answer.text
    cells = Cells()
    cells.feed(answer.text)
    return answer.text, cells


class TestMetricsPage:
    @pytest.mark.parametrize(
        ("caller", "status"), [("teacher", 403), ("admin", 403), ("student", 403), ("key", 403), ("viewer", 200)]
    )
    def test_should_be_for_users_of_airflow(self, school: School, caller: str, status: int) -> None:
        answer = school.api.get(PATH, token=school.tokens[caller], headers={"Accept": "text/html, */*"})
        assert answer.status_code == status
        assert school.api.get(PATH, token=None).status_code == 401

    def test_should_show_the_week_with_the_last_events(self, school: School) -> None:
        text, cells = page_of(school, course_id=OWN)
        assert "c1: 2025-03-03 to 2025-03-09" in text
        assert cells.row("Engagement")[2:5] == ["13.7", "–", "–"]
        assert cells.row("Time on task")[2] == "1320"
        assert cells.row("2025-03-03")[1:6] == ["1", "100%", "100%", "100%", "0%"]
        assert cells.row(OWN)[3] == "1"

    def test_should_compare_with_the_week_before(self, school: School) -> None:
        course = f"course {uuid4()}"
        school.learn(
            learned("2025-03-04 10:00:00", course=course),
            learned("2025-03-12 10:00:00", course=course),
            learned("2025-03-12 10:00:01", "video_play", course=course),
        )
        school.recalculate()
        row = page_of(school, course_id=course)[1].row("Engagement")
        assert row[2:5] == ["2.5", "1", "+1.5"]
        earlier = page_of(school, course_id=course, week="2025-03-05")[1].row("Engagement")
        assert earlier[2:5] == ["1", "–", "–"]

    def test_should_show_version_2_and_the_time_outs_when_asked(self, school: School) -> None:
        _, cells = page_of(school, course_id=OWN, version="2")
        assert cells.row("Focus ratio")[1:3] == ["share of active time", "0.8411"]
        assert [cells.row(f"{minutes} min")[1] for minutes in (5, 10, 30)] == ["360"] * 3

    def test_should_link_to_weeks_versions_and_courses_that_answer(self, school: School) -> None:
        _, cells = page_of(school, course_id=OWN)
        assert len(cells.links) > 4
        for link in cells.links[:8]:
            assert urlsplit(link).path == urlsplit(link).netloc == ""
            page_of(school, **{name: few[0] for name, few in parse_qs(urlsplit(link).query).items()})

    def test_should_say_what_was_restated_and_what_waits(self, school: School) -> None:
        course = f"course {uuid4()}"
        school.learn(learned("2025-03-04 10:00:00", course=course))
        school.recalculate()
        school.learn(learned("2025-03-05 10:00:00", course=course))
        school.recalculate("late")
        text, cells = page_of(school, course_id=course)
        assert "late data" in text
        assert cells.row(course)[8] == "nothing"
        school.learn(learned("2025-03-06 10:00:00", course=course))
        take_loads(school.stores.warehouse, school.stores.state, school.stores.table, now=utc_now())
        assert page_of(school, course_id=course)[1].row(course)[8] == "1 day"

    def test_should_give_no_meaning_to_what_others_wrote(self, school: School) -> None:
        course = HOSTILE + uuid4().hex
        school.learn(learned("2025-03-04 10:00:00", course=course))
        school.recalculate()
        text, cells = page_of(school, course_id=course)
        assert not cells.tags & {"script", "img", "iframe", "link", "object", "form"}
        assert "&lt;script&gt;alert(1)" in text
        assert re.search(r"(?:src|href)=['\"]?(?:https?:)?//", text) is None

    def test_should_allow_no_script_at_all(self, school: School) -> None:
        headers = school.api.get(PATH, headers={"Accept": "*/*"}).headers
        assert headers["content-type"] == "text/html; charset=utf-8"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "script-src" not in headers["content-security-policy"]

    @pytest.mark.parametrize(
        ("params", "refusal"),
        [
            ({"course_id": "nothing"}, (404, "course_unknown")),
            ({"project": "nothing"}, (404, "course_unknown")),
            ({"course_id": OWN, "week": "soon"}, (422, "bad_date")),
            ({"course_id": OWN, "version": "3"}, (422, "version_unknown")),
            ({"course_id": OWN, "version": "all"}, (422, "version_unknown")),
        ],
    )
    def test_should_refuse_what_is_not_there(
        self, school: School, params: dict[str, str], refusal: tuple[int, str]
    ) -> None:
        assert said(school.api.get(PATH, params=params)) == refusal

    @pytest.mark.parametrize("week", ["1970-01-01", "2100-12-31", "9999-12-31", "0001-01-01"])
    def test_should_have_an_answer_at_the_ends_of_time(self, school: School, week: str) -> None:
        page_of(school, course_id=OWN, week=week)
