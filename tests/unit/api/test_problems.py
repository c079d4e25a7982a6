from __future__ import annotations

import json
from typing import Any

import pytest

from include.api.gate.problems import Invalid, Refusal, invalid, problem
from include.api.gate.refusals import refusal_of
from include.errors import (
    ConfigError,
    InputError,
    ModelError,
    QuotaExceeded,
    SourceRejected,
    SourceUnavailable,
    StoreUnavailable,
)


def body_of(refusal: Refusal) -> dict[str, Any]:
    answer = problem(refusal, instance="/counterflow/x", request_id="r1")
    return dict(json.loads(bytes(answer.body)))


class TestProblem:
    def test_should_have_the_keys_of_the_standard_and_of_the_seed(self) -> None:
        assert body_of(Refusal(404, "task_unknown", "Task not found")) == {
            "type": "urn:counterflow:task_unknown", "title": "Unknown task", "status": 404, "detail": "Task not found",
            "instance": "/counterflow/x", "code": "task_unknown", "request_id": "r1",
        }  # fmt: skip

    def test_should_list_faults_twice_when_values_are_wrong(self) -> None:
        body = body_of(invalid("/a/b", "Wrong.", "bad"))
        assert body["detail"] == [{"loc": ["body", "a", "b"], "msg": "Wrong.", "type": "bad"}]
        assert body["errors"] == [{"pointer": "/a/b", "code": "bad", "message": "Wrong."}]

    def test_should_not_escape_a_pointer_twice(self) -> None:
        body = body_of(invalid("/aliases/a~1b~0c", "Wrong.", "bad"))
        assert (body["detail"][0]["loc"], body["errors"][0]["pointer"]) == (
            ["body", "aliases", "a/b~c"], "/aliases/a~1b~0c",
        )  # fmt: skip

    def test_should_escape_pointers_when_names_hold_slashes(self) -> None:
        fault = {"loc": ["body", "a/b~c", 0], "msg": "Wrong.", "type": "bad"}
        assert body_of(Invalid([fault]))["errors"][0]["pointer"] == "/a~1b~0c/0"

    def test_should_round_the_wait_up_when_it_is_a_fraction(self) -> None:
        assert Refusal(503, "unavailable", "Later.", retry_after_seconds=0.2).headers == {"Retry-After": "1"}

    def test_should_carry_the_request_id_as_error_when_it_is_a_defect(self) -> None:
        assert body_of(Refusal(500, "internal", "Internal server error"))["error"] == "r1"


class TestRefusalOf:
    @pytest.mark.parametrize(
        ("error", "status", "code"),
        [
            (InputError("Wrong.", code="bad_date", pointer="/date"), 422, "validation"),
            (InputError("Sent.", code="already_sent"), 409, "already_sent"),
            (StoreUnavailable("host 10.0.0.1 is gone"), 503, "unavailable"),
            (SourceUnavailable("Metrika is silent."), 503, "unavailable"),
            (QuotaExceeded("Used up.", wait_seconds=30), 503, "quota"),
            (SourceRejected("No such counter.", status=404), 422, "validation"),
            (ConfigError("X is missing."), 503, "not_configured"),
            (ModelError("detail"), 500, "internal"),
            (ValueError("detail"), 500, "internal"),
        ],
    )
    def test_should_map_errors_to_answers(self, error: Exception, status: int, code: str) -> None:
        refusal = refusal_of(error)
        assert (refusal.status, refusal.code) == (status, code)

    @pytest.mark.parametrize("error", [StoreUnavailable("10.0.0.1"), ModelError("10.0.0.1"), ConfigError("10.0.0.1")])
    def test_should_hide_details_when_they_are_nobodys_business(self, error: Exception) -> None:
        assert "10.0.0.1" not in json.dumps(body_of(refusal_of(error)))
