from __future__ import annotations

from typing import Any

import pytest

from include.events.envelope.sender import Sender
from tests.sent_events import (
    SENDER,
    USER_ID,
    accepted,
    activity,
    device,
    envelope,
    learning,
    rejected,
)

STUDENT = Sender("account:1", "server", only_user_id=USER_ID)


class TestRights:
    TEACHER = Sender("account:2", "server", only_courses=frozenset(("c-1",)))

    @pytest.mark.parametrize("event", [learning(user_id=USER_ID.upper()), envelope()])
    def test_should_accept_events_of_the_student_when_the_user_is_the_own(self, event: Any) -> None:
        accepted(event, sender=STUDENT)

    @pytest.mark.parametrize(
        ("event", "pointer"),
        [
            (envelope(subject={"user_id": "other"}), "/events/0/subject"),
            (envelope(subject={"user_code": USER_ID}), "/events/0/subject"),
            (device(user_code=USER_ID), "/events/0/user_code"),
            (activity(customer_id=None), "/events/0/customer_id"),
        ],
    )
    def test_should_reject_events_of_others_when_a_student_sends_them(self, event: Any, pointer: str) -> None:
        verdict = rejected(event, sender=STUDENT)
        assert (verdict.code, verdict.pointer) == ("subject_forbidden", pointer)

    @pytest.mark.parametrize("event", [learning(course_id="c-1"), envelope(scope={"type": "course", "id": "c-1"})])
    def test_should_accept_events_of_the_teacher_when_the_course_is_an_own_one(self, event: Any) -> None:
        accepted(event, sender=self.TEACHER)

    @pytest.mark.parametrize(
        ("event", "pointer"),
        [
            (learning(course_id="c-2"), "/events/0/course_id"),
            (learning(course_id=...), "/events/0/course_id"),
            (envelope(scope={"type": "page", "id": "c-1"}), "/events/0/scope/id"),
            (envelope(), "/events/0/scope/id"),
            (device(), "/events/0"),
        ],
    )
    def test_should_reject_events_of_other_courses_when_a_teacher_sends_them(self, event: Any, pointer: str) -> None:
        verdict = rejected(event, sender=self.TEACHER)
        assert (verdict.code, verdict.pointer) == ("subject_forbidden", pointer)

    @pytest.mark.parametrize("sender", [SENDER, STUDENT, TEACHER, Sender("kafka", "kafka", may_backfill=True)])
    def test_should_know_the_sender_again_when_read_back(self, sender: Sender) -> None:
        assert Sender.from_record(sender.to_record()) == sender
