"""Each switch of offline conversions, and what the sandbox checks and links (M24, M26)."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests

from include.metrika_sandbox.traffic.source import VisitHeads
from tests.integration.metrika_sandbox.caller import Caller

Start = Callable[..., Caller]
ZONE = dt.timezone(dt.timedelta(hours=3))  # Moscow, counter 101
QUANTITIES = ("source_quantity", "line_quantity", "linked_quantity", "goal_not_found_quantity")


def heads(caller: Caller, days_ago: int = 3) -> VisitHeads:
    """The visits of a past day."""
    day = (dt.datetime.now(ZONE) - dt.timedelta(days=days_ago)).date()
    return next(iter(caller.sandbox.traffic.iter_heads(101, day)))


def single_visit(caller: Caller, days_ago: int = 3) -> tuple[str, int]:
    """Client and start of a visit that is the client's only one of its day and the days before."""
    found = heads(caller, days_ago)
    earlier = [heads(caller, days).client_ids for days in range(days_ago + 1, 24)]
    clients, counts = np.unique(found.client_ids, return_counts=True)
    alone = set(clients[counts == 1].tolist()) - set(np.concatenate(earlier).tolist())
    place = next(place for place, client in enumerate(found.client_ids.tolist()) if client in alone)
    return str(found.client_ids[place]), int(found.start_epochs[place])


def uploaded(caller: Caller, *rows: tuple[str, str, int], kind: str = "ClientId") -> dict[str, Any]:
    return caller.finished_upload(caller.upload(list(rows), kind=kind)["id"])


class TestM24Status:
    def test_should_move_on_in_the_documented_order(self, call: Start) -> None:
        caller = call(status_seconds=1.2)
        client, start = single_visit(caller)
        upload = caller.upload([(client, "4plus", start + 60)])
        seen = [upload["status"]]
        for _ in range(60):
            status = caller.get(f"/offline_conversions/uploading/{upload['id']}").json()["uploading"]["status"]
            if status != seen[-1]:
                seen.append(status)
            if status == "PROCESSED":
                break
            caller.pause()
        words = ["PREPARED", "UPLOADED", "EXPORTED", "MATCHED", "PROCESSED"]
        assert seen == sorted(seen, key=words.index)
        assert (seen[0], seen[-1]) == ("PREPARED", "PROCESSED")

    def test_should_fail_only_so_many_uploads_as_counted(self, call: Start) -> None:
        caller = call("linkage_failure=1")
        row = (single_visit(caller)[0], "4plus", single_visit(caller)[1] + 60)
        assert [uploaded(caller, row)["status"] for _ in range(2)] == ["LINKAGE_FAILURE", "PROCESSED"]

    def test_should_show_any_word_when_told_so(self, call: Start) -> None:
        caller = call("upload_status=IN_QUEUE")
        assert caller.upload([("1", "4plus", int(time.time()) - 60)])["status"] == "IN_QUEUE"

    @pytest.mark.parametrize(("fault", "has_newer"), [("", True), ("no_newer_quantities", False)])
    def test_should_show_the_newer_quantities_unless_told_otherwise(
        self, call: Start, fault: str, has_newer: bool
    ) -> None:
        shown = call(fault).upload([("1", "4plus", int(time.time()) - 60)])
        newer = {"type", "linked_quantity", "goal_not_found_quantity", "user_not_found_quantity"}
        assert newer.issubset(shown) is has_newer
        assert {"id", "create_time", "source_quantity", "line_quantity", "comment", "client_id_type"} <= set(shown)

    def test_should_store_the_file_although_its_answer_is_lost(self, call: Start) -> None:
        caller = call("lost_upload_reply")
        rows = [("1", "4plus", int(time.time()) - 60)]
        with pytest.raises(requests.ConnectionError):
            caller.send(rows, comment="lost1")
        listed = caller.get("/offline_conversions/uploadings").json()["uploadings"]
        assert [one["comment"] for one in listed] == ["lost1"]
        assert caller.send(rows, comment="second").status_code == 200

    def test_should_remember_uploads_and_goals_when_started_again(self, call: Start, tmp_path: Path) -> None:
        first = call(state_dir=tmp_path)
        number = first.upload([("1", "4plus", int(time.time()) - 60)], comment="kept")["id"]
        goal = {"name": "Lead", "type": "action", "conditions": [{"type": "exact", "url": "lead"}]}
        first.session.post(f"{first.root}/goals", json={"goal": goal}, timeout=10).raise_for_status()
        again = call(state_dir=tmp_path)
        assert again.get(f"/offline_conversions/uploading/{number}").json()["uploading"]["comment"] == "kept"
        assert "Lead" in [one["name"] for one in again.get("/goals").json()["goals"]]


class TestM24Linkage:
    @pytest.mark.parametrize(("fault", "linked"), [("", 1), ("no_link_at_start", 0)])
    def test_should_link_a_conversion_at_the_visits_start_unless_told_otherwise(
        self, call: Start, fault: str, linked: int
    ) -> None:
        caller = call(fault)
        client, start = single_visit(caller)
        assert uploaded(caller, (client, "4plus", start))["linked_quantity"] == linked

    def test_should_not_link_a_conversion_before_the_visit(self, call: Start) -> None:
        caller = call()
        client, start = single_visit(caller)
        assert uploaded(caller, (client, "4plus", start - 1))["linked_quantity"] == 0

    @pytest.mark.parametrize(("days_ago", "linked"), [(19, 1), (22, 0)])
    def test_should_link_visits_of_the_last_21_days_only(self, call: Start, days_ago: int, linked: int) -> None:
        caller = call()
        client, start = single_visit(caller, days_ago)
        assert uploaded(caller, (client, "4plus", start + 60))["linked_quantity"] == linked

    @pytest.mark.parametrize(
        ("kind", "made"), [("UserId", "user_ids"), ("Yclid", "click_ids"), ("PurchaseId", "purchase_ids")]
    )
    def test_should_link_every_kind_of_identifier(self, call: Start, kind: str, made: str) -> None:
        caller = call(visits_per_day=1000)
        found = heads(caller)
        texts = getattr(found, made)()
        place = next(place for place, text in enumerate(texts) if text)
        row = (texts[place].split()[0], "4plus", int(found.start_epochs[place]) + 60)
        seen = uploaded(caller, row, ("nobody", "4plus", row[2]), kind=kind)
        assert (seen["linked_quantity"], seen["user_not_found_quantity"]) == (1, 1)

    def test_should_count_a_target_that_is_no_goal(self, call: Start) -> None:
        caller = call()
        client, start = single_visit(caller)
        seen = uploaded(caller, (client, "4plus", start + 60), (client, "unknown", start + 60))
        assert [seen[name] for name in QUANTITIES] == [2, 2, 1, 1]

    def test_should_have_no_goals_at_all_when_told_so(self, call: Start) -> None:
        caller = call("no_goals")
        client, start = single_visit(caller)
        assert caller.get("/goals").json()["goals"] == []
        assert uploaded(caller, (client, "4plus", start + 60))["goal_not_found_quantity"] == 1


class TestM24Validation:
    def test_should_skip_bad_rows_by_default(self, call: Start) -> None:
        caller = call()
        client, start = single_visit(caller)
        future = int(time.time()) + 3600
        seen = uploaded(caller, (client, "4plus", start + 60), (client, "4plus", future), ("", "4plus", start))
        assert [seen[name] for name in QUANTITIES] == [3, 1, 1, 0]

    def test_should_refuse_the_file_for_a_bad_row_when_told_so(self, call: Start) -> None:
        answer = call("refuse_bad_rows").send([("1", "4plus", int(time.time()) + 3600)])
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["error_type"] == "invalid_uploading"

    @pytest.mark.parametrize(
        ("text", "error_type"),
        [
            ("ClientId,Target,DateTime\n", "invalid_uploading"),
            ("Client,Target,DateTime\n1,4plus,1\n", "invalid_uploading"),
            ("ClientId,DateTime\n1,1\n", "invalid_uploading"),
            (b"ClientId,Target,DateTime\n\xff,4plus,1\n", "invalid_uploading"),
        ],
    )
    def test_should_refuse_a_file_it_cannot_read(self, call: Start, text: str | bytes, error_type: str) -> None:
        caller = call()
        url = f"{caller.root}/offline_conversions/upload"
        answer = caller.session.post(url, files={"file": ("c.csv", text)}, timeout=10)
        assert (answer.status_code, answer.json()["errors"][0]["error_type"]) == (400, error_type)

    def test_should_ask_for_the_multipart_field(self, call: Start) -> None:
        caller = call()
        url = f"{caller.root}/offline_conversions/upload"
        answer = caller.session.post(
            url, files={"data": ("c.csv", "ClientId,Target,DateTime\n1,4plus,1\n")}, timeout=10
        )
        assert answer.json()["errors"][0]["error_type"] == "missing_parameter"

    def test_should_read_a_body_that_comes_in_chunks(self, call: Start) -> None:
        caller = call()
        row = ("1", "4plus", str(int(time.time()) - 60))
        text = f"ClientId,Target,DateTime\n{','.join(row)}\n"
        whole = requests.Request("POST", caller.root, files={"file": ("c.csv", text)}).prepare()
        assert isinstance(whole.body, bytes)
        pieces = (whole.body[start : start + 7] for start in range(0, len(whole.body), 7))
        url = f"{caller.root}/offline_conversions/upload"
        headers = {"Content-Type": whole.headers["Content-Type"]}
        answer = caller.session.post(url, data=pieces, headers=headers, timeout=10)
        assert answer.json()["uploading"]["line_quantity"] == 1

    def test_should_make_a_goal_that_conversions_can_name(self, call: Start) -> None:
        caller = call()
        goal = {"name": "Lead", "type": "action", "conditions": [{"type": "exact", "url": "lead"}]}
        made = caller.session.post(f"{caller.root}/goals", json={"goal": goal}, timeout=10).json()["goal"]
        client, start = single_visit(caller)
        assert made["conditions"] == goal["conditions"]
        assert uploaded(caller, (client, "lead", start + 60))["linked_quantity"] == 1

    @pytest.mark.parametrize("body", ["{", "{}", '{"goal": {"name": "x", "type": "action"}}'])
    def test_should_refuse_a_goal_it_cannot_read(self, call: Start, body: str) -> None:
        caller = call()
        answer = caller.session.post(f"{caller.root}/goals", data=body, timeout=10)
        assert (answer.status_code, answer.json()["errors"][0]["error_type"]) == (400, "invalid_json")

    def test_should_take_and_return_the_old_kind_of_identifier(self, call: Start) -> None:
        caller = call()
        url = f"{caller.root}/offline_conversions/upload"
        files = {"file": ("c.csv", "UserId,Target,DateTime\nuser7,4plus,1\n")}
        given = {"client_id_type": "USER_ID", "comment": "old"}
        answer = caller.session.post(url, params=given, files=files, timeout=10)
        assert answer.json()["uploading"]["client_id_type"] == "USER_ID"

    def test_should_page_the_list_newest_first(self, call: Start) -> None:
        caller = call()
        for name in ("one", "two", "three"):
            caller.upload([("1", "4plus", int(time.time()) - 60)], comment=name)
        listed = caller.get("/offline_conversions/uploadings", limit=2, offset=1).json()["uploadings"]
        assert [one["comment"] for one in listed] == ["two", "one"]
