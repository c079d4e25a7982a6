"""E7: a rejected event gets in once its rule has changed or it was corrected, once, as if it had come in then."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text

from include.days import utc_now
from include.events.envelope.shapes import Shape
from include.events.quarantine.choosing import Chosen, choose_by_ids, choose_open
from include.events.quarantine.listing import Question, list_quarantine
from include.events.quarantine.replaying import ReplayReport, replay
from include.state.tables import DEFAULT_PROJECT_NUMBER
from tests.integration.events.intake.test_taking_in import at_once
from tests.taken_batches import Desk, numbered

EARLIER = utc_now() - dt.timedelta(days=3)


@pytest.fixture
def strict(desk: Desk) -> Iterator[Desk]:
    """Every event is too old, until the rule is changed back."""
    desk.inbox.set_max_age(0)
    yield desk
    desk.inbox.set_max_age(90)


def old(*numbers: int, **changes: Any) -> list[dict[str, Any]]:
    return numbered(*numbers, timestamp=f"{EARLIER - dt.timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}", **changes)


def rejected_ids(desk: Desk, events: list[Any], **how: Any) -> list[str]:
    """Send events that are rejected now; their quarantine ids."""
    return [one["quarantine_id"] for one in desk.take(events, **how).verdicts if one["verdict"] == "rejected"]


def replayed(desk: Desk, ids: list[str], **how: Any) -> ReplayReport:
    return replay(desk.inbox.state, choose_by_ids(desk.inbox.state, ids, None), **how)


def row(desk: Desk, quarantine_id: str) -> dict[str, Any]:
    query = text("SELECT * FROM event_quarantine WHERE quarantine_id = :id")
    with desk.inbox.state.connect() as connection:
        return dict(connection.execute(query, {"id": quarantine_id}).mappings().one())


class TestReplay:
    def test_should_stay_with_its_attempts_and_reason_when_nothing_has_changed(self, strict: Desk) -> None:
        (one,) = rejected_ids(strict, old(1))
        assert [replayed(strict, [one]).still_rejected for _ in range(2)] == [1, 1]
        found = row(strict, one)
        assert (found["status"], found["attempt_count"], found["code"], found["pointer"]) == (
            "open", 2, "too_old", "/events/0/timestamp",
        )  # fmt: skip
        assert strict.stored()["lines"] == 0

    def test_should_get_in_with_its_time_and_id_when_the_rule_has_changed(self, strict: Desk) -> None:
        (one,) = rejected_ids(strict, old(7), received_at=EARLIER)
        strict.inbox.set_max_age(90)
        report = replayed(strict, [one])
        assert (report.replayed, report.still_rejected, len(report.receipt_ids)) == (1, 0, 1)
        fields = strict.lines()[0].split(b"\t")
        assert fields[2].decode() == str(uuid.UUID(int=7))
        assert f"{EARLIER:%Y-%m-%d %H:%M:%S.%f}".encode() in fields
        assert (row(strict, one)["status"], row(strict, one)["replay_receipt_number"] is not None) == ("replayed", True)

    def test_should_be_readable_once_loaded(self, strict: Desk) -> None:
        (one,) = rejected_ids(strict, old(7), received_at=EARLIER)
        strict.inbox.set_max_age(90)
        replayed(strict, [one])
        strict.inbox.load()
        assert strict.inbox.ids() == [7]

    def test_should_add_nothing_when_repeated(self, strict: Desk) -> None:
        ids = rejected_ids(strict, old(1, 2, 3))
        strict.inbox.set_max_age(90)
        replayed(strict, ids)
        stored = strict.stored()
        again = replayed(strict, ids)
        assert (again.replayed, again.not_found, again.receipt_ids) == (3, 0, [])
        assert strict.stored() == stored

    def test_should_add_each_event_once_when_replayed_by_many_at_once(self, strict: Desk) -> None:
        ids = rejected_ids(strict, old(*range(40)))
        strict.inbox.set_max_age(90)
        chosen = Chosen(sorted(ids))
        at_once(6, lambda _: replay(strict.inbox.state, chosen))
        assert sorted(strict.line_ids()) == sorted(str(uuid.UUID(int=number)) for number in range(40))
        assert strict.stored()["batches"] == 1

    def test_should_leave_the_quarantine_when_it_came_in_another_way(self, strict: Desk) -> None:
        (one,) = rejected_ids(strict, old(1))
        strict.inbox.set_max_age(90)
        strict.take(old(1))
        report = replayed(strict, [one])
        assert (report.replayed, report.already_stored) == (0, 1)
        assert (row(strict, one)["status"], strict.stored()["lines"]) == ("discarded", 1)

    def test_should_stay_as_a_conflict_when_another_event_took_its_id(self, strict: Desk) -> None:
        (one,) = rejected_ids(strict, old(1))
        strict.inbox.set_max_age(90)
        strict.take(old(1, event_type="other"))
        assert replayed(strict, [one]).still_rejected == 1
        assert (row(strict, one)["code"], row(strict, one)["pointer"]) == ("id_conflict", "/events/0")

    def test_should_keep_one_of_two_rejected_events_with_one_id(self, strict: Desk) -> None:
        ids = rejected_ids(strict, [*old(1), *old(1, event_type="other")])
        strict.inbox.set_max_age(90)
        report = replayed(strict, ids)
        assert (report.replayed, report.still_rejected, strict.stored()["lines"]) == (1, 1, 1)

    def test_should_go_on_over_many_transactions(self, strict: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("include.events.quarantine.replaying.CHUNK", 7)
        rejected_ids(strict, old(*range(30)))
        strict.inbox.set_max_age(90)
        seen: list[tuple[int, int]] = []
        chosen = choose_open(strict.inbox.state, DEFAULT_PROJECT_NUMBER)
        report = replay(strict.inbox.state, chosen, progress=lambda _, done, total: seen.append((done, total)))
        assert (report.replayed, seen) == (30, [(7, 30), (14, 30), (21, 30), (28, 30), (30, 30)])
        assert strict.stored()["lines"] == 30

    def test_should_count_what_is_not_there(self, strict: Desk) -> None:
        (one,) = rejected_ids(strict, old(1))
        report = replayed(strict, [one, one, str(uuid.uuid4()), "no id"])
        assert (report.still_rejected, report.not_found) == (1, 2)

    def test_should_find_nothing_for_who_may_not_see_the_project(self, strict: Desk) -> None:
        (one,) = rejected_ids(strict, old(1))
        assert choose_by_ids(strict.inbox.state, [one], frozenset({99})) == Chosen([], 0, 1)


class TestCorrections:
    def test_should_take_the_corrected_event_under_the_old_id_and_time(self, desk: Desk) -> None:
        event = {**numbered(5)[0], "user_id": None}
        (one,) = rejected_ids(desk, [event], received_at=EARLIER)
        corrected = {**old(5)[0], "id": "another"}
        assert replayed(desk, [one], corrections={one: corrected}).replayed == 1
        fields = desk.lines()[0].split(b"\t")
        assert fields[2].decode() == str(uuid.UUID(int=5))
        assert f"{EARLIER:%Y-%m-%d %H:%M:%S.%f}".encode() in fields

    def test_should_hold_the_corrected_event_against_the_rules_too(self, desk: Desk) -> None:
        (one,) = rejected_ids(desk, [{"id": "x"}])
        assert replayed(desk, [one], corrections={one: {"id": "x", "user_id": 1}}).still_rejected == 1
        assert row(desk, one)["code"] == "missing_field"

    def test_should_take_an_envelope_for_what_was_no_event(self, desk: Desk) -> None:
        (one,) = rejected_ids(desk, [7], shape=None)
        corrected = {"event_name": "tap", "occurred_at": "2026-11-20T00:00:00Z", "subject": {"user_code": "u"}}
        assert replayed(desk, [one]).still_rejected == 1
        assert replayed(desk, [one], corrections={one: corrected}).replayed == 1

    def test_should_still_be_out_of_range_when_a_number_was_beyond_a_double(self, desk: Desk) -> None:
        event = {**numbered(1)[0], "payload": {"n": float("inf")}}
        (one,) = rejected_ids(desk, [event])
        assert replayed(desk, [one]).still_rejected == 1
        assert row(desk, one)["code"] == "out_of_range"


class TestList:
    def test_should_show_the_newest_first_with_what_was_sent(self, desk: Desk) -> None:
        (first,) = rejected_ids(desk, [{"id": "x"}], received_at=EARLIER)
        (second,) = rejected_ids(desk, [3])
        page = list_quarantine(desk.inbox.state, Question())
        assert [(str(one["quarantine_id"]), one["event"]) for one in page.items] == [(second, 3), (first, {"id": "x"})]

    def test_should_filter_and_page(self, desk: Desk) -> None:
        for number in range(5):
            rejected_ids(desk, [number], received_at=EARLIER + dt.timedelta(hours=number), shape=Shape.DEVICE)
        rejected_ids(desk, [{"id": "x"}])
        state = desk.inbox.state
        assert list_quarantine(state, Question(code="not_object", limit=2, offset=4)).total == 5
        assert len(list_quarantine(state, Question(code="not_object", limit=2, offset=4)).items) == 1
        hour = EARLIER + dt.timedelta(hours=1)
        period = Question(from_at=hour, to_at=hour + dt.timedelta(hours=2))
        assert [one["event"] for one in list_quarantine(state, period).items] == [2, 1]
        assert list_quarantine(state, Question(status="replayed")).total == 0
        assert list_quarantine(state, Question(project_numbers=[99])).total == 0
        assert list_quarantine(state, Question(project_numbers=[0])).total == 6
