"""The page of intake: a credential, figures that are true, nothing of what senders wrote has a meaning in it."""

from __future__ import annotations

import datetime as dt
import re
from html.parser import HTMLParser
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine

from include.days import utc_now
from include.events.loading.load_events import load_events
from include.settings import Settings
from include.warehouse.client import Warehouse
from tests.api_client import VIEWER, Api

PATH = "/ui/events"
HOSTILE = "<script>alert(1)</script>'\"><img src=x onerror=alert(1)>&amp;"


class Cells(HTMLParser):
    """Tags of a page, and the texts of its table rows."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.rows: list[list[str]] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data


def page_of(api: Api) -> tuple[str, Cells]:
    answer = api.get(PATH, token=VIEWER, headers={"Accept": "text/html"})
    assert answer.status_code == 200, answer.text
    cells = Cells()
    cells.feed(answer.text)
    return answer.text, cells


def event(code: str, **changes: Any) -> dict[str, Any]:
    now = (utc_now() - dt.timedelta(minutes=1)).isoformat()
    return {
        "event_name": "tap",
        "occurred_at": now,
        "event_id": str(uuid4()),
        "subject": {"user_code": code},
        **changes,
    }


def row_of(cells: Cells, name: str, place: int = 0) -> list[str]:
    found = [row for row in cells.rows if row and row[0].startswith(name)]
    return found[place]


class TestIntakePage:
    def test_should_need_a_credential(self, api: Api) -> None:
        assert api.get(PATH, token=None).status_code == 401

    def test_should_count_what_each_project_sent_and_what_waits(
        self, api: Api, warehouse: Warehouse, state: Engine
    ) -> None:
        name = f"shop {uuid4().hex[:8]}"
        project = api.post("/app/create", json={"app_name": name}).json()["app_code"]
        first = event("u1")
        batch = [first, first, event("u2"), event("u3", occurred_at="yesterday")]
        api.post("/api/v1/events", params={"project": project}, json={"events": batch})
        assert row_of(page_of(api)[1], name)[1:6] == ["4", "2", "1", "1", "2"]
        load_events(warehouse, state, Settings.from_env(api.environ).intake, run_id="test")
        assert row_of(page_of(api)[1], name)[1:7] == ["4", "2", "1", "1", "0", "–"]

    def test_should_say_what_to_do_about_rejected_events(self, api: Api) -> None:
        name = f"shop {uuid4().hex[:8]}"
        project = api.post("/app/create", json={"app_name": name}).json()["app_code"]
        batch = [event("u1", event_name=HOSTILE, occurred_at=HOSTILE) for _ in range(3)]
        api.post("/api/v1/events", params={"project": project}, json={"events": batch})
        row = row_of(page_of(api)[1], name, 1)
        assert row[1:3] == ["bad_time", "3"]
        assert row[5].startswith("Write times as")

    def test_should_give_no_meaning_to_what_senders_wrote(self, api: Api) -> None:
        project = api.post("/app/create", json={"app_name": HOSTILE[:60] + uuid4().hex}).json()["app_code"]
        batch = [event("u1", event_name=HOSTILE, occurred_at=HOSTILE)]
        api.post("/api/v1/events", params={"project": project}, json={"events": batch})
        text, cells = page_of(api)
        assert not cells.tags & {"script", "img", "iframe", "link", "object"}
        assert "&lt;script&gt;alert(1)" in text
        assert re.search(r"(?:src|href)=['\"]?(?:https?:)?//", text) is None

    def test_should_allow_no_script_at_all(self, api: Api) -> None:
        headers = api.get(PATH, token=VIEWER).headers
        assert headers["content-type"] == "text/html; charset=utf-8"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "script-src" not in headers["content-security-policy"]

    @pytest.mark.parametrize("accept", ["text/html", "*/*"])
    def test_should_draw_bars_when_something_came(self, api: Api, accept: str) -> None:
        api.post("/api/v1/events", json={"events": [event("u1", event_id=str(uuid4()))]})
        assert "<svg class='bars'" in api.get(PATH, headers={"Accept": accept}).text
