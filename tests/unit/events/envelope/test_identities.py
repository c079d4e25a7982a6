from __future__ import annotations

import uuid
from typing import Any

import pytest

from include.events.envelope.identities import NAMESPACES, NOBODY, person_of
from tests.sent_events import USER_ID, accepted, activity, device, envelope, fields_of, learning, rejected

GOLDEN = "ac5940a4-c19b-5245-be7f-61e24730c3e4"


def _person(event: Any) -> str:
    return fields_of(accepted(event))["person_id"]


class TestPersonOf:
    def test_should_give_the_golden_person(self) -> None:
        assert str(person_of("default", "user_id", "1000")) == GOLDEN

    @pytest.mark.parametrize("user_id", [1000, "1000", " 1000\t"])
    def test_should_take_an_integer_as_its_decimal_text(self, user_id: Any) -> None:
        assert _person(learning(user_id=user_id)) == GOLDEN

    @pytest.mark.parametrize("strongest", range(len(NAMESPACES)))
    def test_should_take_the_strongest_identity_when_there_are_several(self, strongest: int) -> None:
        subject = {name: f"id of {name}" for name in reversed(NAMESPACES[strongest:])}
        namespace = NAMESPACES[strongest]
        assert _person(envelope(subject=subject)) == str(person_of("default", namespace, f"id of {namespace}"))

    def test_should_store_every_identity_when_there_are_several(self) -> None:
        fields = fields_of(accepted(envelope(subject={name: f"id of {name}" for name in NAMESPACES})))
        assert {name: fields[name] for name in NAMESPACES} == {name: f"id of {name}" for name in NAMESPACES}

    def test_should_tell_people_apart_when_only_case_differs(self) -> None:
        assert _person(device(user_code="Ann")) != _person(device(user_code="ann"))

    def test_should_know_nobody_when_an_activity_has_no_customer(self) -> None:
        fields = fields_of(accepted(activity(customer_id=None)))
        assert fields["person_id"] == str(NOBODY)
        assert {fields[name] for name in NAMESPACES} == {""}

    @pytest.mark.parametrize(
        ("spelled", "kept"),
        [(USER_ID.upper(), USER_ID), ("ANN", "ANN"), ("{" + USER_ID.upper() + "}", "{" + USER_ID.upper() + "}")],
    )
    def test_should_lower_only_uuids_when_the_event_is_of_learning(self, spelled: str, kept: str) -> None:
        fields = fields_of(accepted(learning(user_id=spelled, course_id=spelled, module_id=spelled)))
        assert (fields["user_id"], fields["scope_id"], fields["module_id"]) == (kept, kept, kept)


class TestExternalId:
    @pytest.mark.parametrize("value", [1.0, 1.5, True, False, None, {}, [], ["a"]])
    def test_should_reject_the_event_when_the_id_is_no_text_or_integer(self, value: Any) -> None:
        verdict = rejected(device(user_code=value))
        assert (verdict.code, verdict.pointer) == ("bad_type", "/events/0/user_code")

    @pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 12345678901234567890])
    def test_should_reject_the_event_when_the_id_is_beyond_64_bits(self, value: int) -> None:
        verdict = rejected(device(user_code=value))
        assert (verdict.code, verdict.pointer) == ("out_of_range", "/events/0/user_code")

    @pytest.mark.parametrize("value", [2**63 - 1, -(2**63)])
    def test_should_accept_the_event_when_the_id_just_fits_64_bits(self, value: int) -> None:
        assert fields_of(accepted(device(user_code=value)))["user_code"] == str(value)

    @pytest.mark.parametrize("value", ["", "  ", "a" * 129, "a\nb", "a\x7fb", "a\x85b", "a\x1fb"])
    def test_should_reject_the_event_when_the_id_cannot_be_used(self, value: str) -> None:
        verdict = rejected(device(user_code=value))
        assert (verdict.code, verdict.pointer) == ("bad_string", "/events/0/user_code")

    @pytest.mark.parametrize("value", ["a", "a" * 128, f"  {'a' * 128}  ", "😀" * 128, "a\u200fb", "a\u00a0b", "null"])
    def test_should_accept_the_event_when_the_id_can_be_used(self, value: str) -> None:
        assert fields_of(accepted(device(user_code=value)))["user_code"] == value.strip()


class TestEventId:
    @pytest.mark.parametrize("text", [USER_ID, USER_ID.upper(), f" {USER_ID} "])
    def test_should_keep_a_uuid_when_the_id_is_one(self, text: str) -> None:
        assert accepted(learning(id=text)).event_id == uuid.UUID(USER_ID)

    @pytest.mark.parametrize("text", ["e-1", USER_ID.replace("-", ""), "{" + USER_ID + "}", "urn:uuid:" + USER_ID])
    def test_should_make_a_uuid_of_project_and_text_when_the_id_is_another_text(self, text: str) -> None:
        assert accepted(learning(id=text)).event_id == uuid.uuid5(uuid.NAMESPACE_URL, f"event|default|{text}")

    @pytest.mark.parametrize(
        ("value", "code"),
        [(5, "bad_type"), (True, "bad_type"), ({}, "bad_type"), ("", "bad_string"), ("a" * 129, "bad_string")],
    )
    def test_should_reject_the_event_when_the_id_cannot_be_used(self, value: Any, code: str) -> None:
        verdict = rejected(learning(id=value))
        assert (verdict.code, verdict.pointer, verdict.event_id) == (code, "/events/0/id", None)

    @pytest.mark.parametrize("absent", [..., None])
    def test_should_derive_the_same_id_when_the_same_is_sent_without_one(self, absent: Any) -> None:
        first, second = (accepted(envelope(event_id=absent, props={"quantity": number})) for number in (2, 2.0))
        assert first.event_id == second.event_id
        assert first.warnings == ("derived_id",)

    @pytest.mark.parametrize(
        "change",
        [
            {"source": "web"},
            {"subject": {"user_code": USER_ID}},
            {"event_name": "purchase 2"},
            {"occurred_at": "2026-03-03T11:59:00.000Z"},
            {"props": {"quantity": 3}},
        ],
    )
    def test_should_derive_another_id_when_anything_said_differs(self, change: dict[str, Any]) -> None:
        assert accepted(envelope(event_id=...)).event_id != accepted(envelope(event_id=..., **change)).event_id

    def test_should_make_a_new_id_each_time_when_there_is_neither_id_nor_time(self) -> None:
        first, second = (accepted(device(event_id=..., occurred_at=...)) for _ in range(2))
        assert first.event_id != second.event_id
        assert first.warnings == ("no_id", "no_time")
