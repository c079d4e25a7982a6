"""What the sandbox refuses and how it says so: parameters, access, quotas, injected failures (M24, M26)."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from include.metrika_sandbox.behaviour.config import CounterConfig
from include.metrika_sandbox.behaviour.faults import parse_faults
from tests.integration.metrika_sandbox.caller import DAY, FIELDS, Caller

Start = Callable[..., Caller]
GOOD = {"date1": DAY, "date2": DAY, "source": "visits", "fields": FIELDS}
OTHER = "other-token"


def error_type(answer: requests.Response) -> str:
    body = answer.json()
    assert body["code"] == answer.status_code
    assert body["message"] == body["errors"][0]["message"]
    return str(body["errors"][0]["error_type"])


class TestM24Parameters:
    @pytest.mark.parametrize("name", sorted(GOOD))
    def test_should_name_the_parameter_when_it_is_missing(self, call: Start, name: str) -> None:
        answer = call().post("/logrequests", **{key: value for key, value in GOOD.items() if key != name})
        assert (answer.status_code, error_type(answer)) == (400, "missing_parameter")
        assert answer.json()["errors"][0]["location"] == name

    @pytest.mark.parametrize(
        "changes",
        [
            {"date1": "2025-11-31"},
            {"date1": "2025-11-05", "date2": "2025-11-04"},
            {"date1": "2023-01-01", "date2": "2024-06-01"},
            {"source": "clicks"},
            {"attribution": "NEWEST"},
            {"fields": ",".join(["ym:s:visitID"] * 300)},
            {"fields": "ym:pv:watchID"},
        ],
    )
    def test_should_refuse_a_parameter_that_is_not_valid(self, call: Start, changes: dict[str, str]) -> None:
        answer = call().post("/logrequests", **(GOOD | changes))
        assert (answer.status_code, error_type(answer)) == (400, "invalid_parameter")

    def test_should_take_time_stamps_for_dates(self, call: Start) -> None:
        stamp = f"{DAY}T00:00:00.000Z"
        made = call().post("/logrequests", **(GOOD | {"date1": stamp, "date2": stamp})).json()["log_request"]
        assert (made["date1"], made["date2"]) == (DAY, DAY)

    @pytest.mark.parametrize(("given", "shown"), [({}, "LASTSIGN"), ({"attribution": "first"}, "FIRST")])
    def test_should_show_the_attribution(self, call: Start, given: dict[str, str], shown: str) -> None:
        assert call().order(**given)["attribution"] == shown

    def test_should_evaluate_the_whole_history_of_a_counter(self, call: Start) -> None:
        caller = call()
        created = caller.get("").json()["counter"]["create_time"].split("T")[0]
        last = (dt.datetime.now(dt.UTC) - dt.timedelta(days=2)).date().isoformat()
        answer = caller.get("/logrequests/evaluate", **(GOOD | {"date1": created, "date2": last}))
        assert answer.json()["log_request_evaluation"]["possible"] is True

    def test_should_tell_the_day_a_counter_was_made_when_it_is_known(self, call: Start) -> None:
        caller = call(counters=(CounterConfig(101, created_date=dt.date(2019, 4, 1)),))
        assert caller.get("").json()["counter"]["create_time"].startswith("2019-04-01T")

    def test_should_not_find_a_request_that_does_not_exist(self, call: Start) -> None:
        answer = call().get("/logrequest/1")
        assert (answer.status_code, error_type(answer)) == (404, "not_found")


class TestM24Access:
    @pytest.fixture
    def both(self, call: Start) -> tuple[Caller, Caller]:
        counters = (CounterConfig(101), CounterConfig(303, logins=("second",)))
        caller = call(counters=counters, more_tokens={OTHER: "second"})
        return caller, Caller(caller.sandbox, token=OTHER)

    def test_should_list_the_requests_of_every_login(self, both: tuple[Caller, Caller]) -> None:
        first, second = both
        made = {first.order()["request_id"], second.order()["request_id"]}
        assert {one["request_id"] for one in first.get("/logrequests").json()["requests"]} == made

    def test_should_deny_a_counter_of_others(self, both: tuple[Caller, Caller]) -> None:
        first, second = both
        first.root = second.root = first.root.replace("/101", "/303")
        answer = first.get("")
        assert (answer.status_code, error_type(answer)) == (403, "access_denied")
        assert second.get("").status_code == 200

    def test_should_not_find_a_counter_that_does_not_exist(self, call: Start) -> None:
        caller = call()
        caller.root = caller.root.replace("/101", "/999")
        assert (caller.get("").status_code, error_type(caller.get(""))) == (404, "not_found")

    def test_should_ask_for_a_token_when_there_is_none(self, call: Start) -> None:
        answer = requests.get(call().root, timeout=10)
        assert (answer.status_code, error_type(answer)) == (401, "unauthorized")

    def test_should_call_a_wrong_token_invalid_when_switched_on(self, call: Start) -> None:
        answer = Caller(call("invalid_token_403").sandbox, token="wrong").get("")
        assert (answer.status_code, error_type(answer)) == (403, "invalid_token")

    @pytest.mark.parametrize(("method", "path"), [("DELETE", "/logrequests"), ("PUT", "/goals")])
    def test_should_not_allow_other_methods(self, call: Start, method: str, path: str) -> None:
        caller = call()
        assert caller.session.request(method, caller.root + path, timeout=10).status_code == 405


class TestM24Quota:
    @contextlib.contextmanager
    def _downloads(self, caller: Caller, number: int, count: int) -> Iterator[None]:
        """Begin downloads that do not end while the block runs."""
        url = f"{caller.root}/logrequest/{number}/part/0/download"
        with contextlib.ExitStack() as stack:
            for _ in range(count):
                answer = requests.get(
                    url,
                    headers={**caller.session.headers, "Accept-Encoding": "identity"},
                    stream=True,
                    timeout=10,
                )
                stack.callback(answer.close)
            yield

    def test_should_count_running_downloads_among_the_parallel_requests(self, call: Start) -> None:
        caller = call(visits_per_day=100_000, parts=1)
        number = caller.ready()["request_id"]
        caller.pause()
        with self._downloads(caller, number, 3):
            answer = caller.get("/goals")
        assert (answer.status_code, error_type(answer)) == (429, "quota_parallel_requests")

    def test_should_count_requests_of_the_day_by_login(self, call: Start) -> None:
        caller = call("daily_quota=4999")
        answers = [caller.get("/goals") for _ in range(2)]
        assert answers[0].status_code == 200
        assert error_type(answers[1]) == "quota_requests_by_uid"

    def test_should_count_requests_of_the_day_by_counter(self, call: Start) -> None:
        caller = call("daily_quota=4999", more_tokens={OTHER: "second"})
        caller.get("/goals")
        assert error_type(Caller(caller.sandbox, token=OTHER).get("/goals")) == "quota_requests_by_counter_id"

    def test_should_allow_more_requests_outside_the_logs_api(self, call: Start) -> None:
        caller = call()
        assert {caller.get("/goals").status_code for _ in range(20)} == {200}

    def test_should_refuse_nothing_when_quotas_are_off(self, call: Start) -> None:
        caller = call("quota_off")
        assert {caller.get("/logrequests").status_code for _ in range(40)} == {200}

    def test_should_use_the_chosen_status_for_its_own_quotas(self, call: Start) -> None:
        caller = call("quota_420=0,daily_quota=5000")
        assert caller.get("/goals").status_code == 420


class TestM26InjectedFailures:
    @pytest.mark.parametrize(
        ("fault", "statuses"),
        [
            ("server_errors=1", {503, 504}),
            ("server_errors_503=1", {503}),
            ("server_errors_504=1", {504}),
            ("quota_429=1", {429}),
        ],
    )
    def test_should_answer_with_the_chosen_error(self, call: Start, fault: str, statuses: set[int]) -> None:
        caller = call(fault)
        assert {caller.get("/goals").status_code for _ in range(4)} == statuses

    def test_should_name_server_errors_as_metrika_does(self, call: Start) -> None:
        assert error_type(call("server_errors_503=1").get("/goals")) == "backend_error"
        assert error_type(call("server_errors_504=1").get("/goals")) == "timeout"

    def test_should_fail_a_share_of_the_requests(self, call: Start) -> None:
        caller = call("server_errors=0.3,quota_off")
        answers = [caller.get("/goals").status_code for _ in range(60)]
        assert 5 < sum(status >= 500 for status in answers) < 35

    def test_should_reset_connections(self, call: Start) -> None:
        caller = call("connection_resets=1")
        with pytest.raises(requests.ConnectionError):
            caller.get("/goals")

    def test_should_be_too_slow_for_an_impatient_client(self, call: Start) -> None:
        caller = call("slow_answers=1,slow_seconds=5")
        with pytest.raises(requests.ReadTimeout):
            caller.session.get(f"{caller.root}/goals", timeout=0.3)

    @pytest.mark.parametrize(("given", "status"), [({"status": 504}, 504), ({"status": 403}, 403)])
    def test_should_fail_the_next_request_that_a_test_names(
        self, call: Start, given: dict[str, Any], status: int
    ) -> None:
        caller = call()
        caller.sandbox.fail_next("/goals", **given)
        assert [caller.get(path).status_code for path in ("", "/goals", "/goals")] == [200, status, 200]

    def test_should_change_every_switch_while_it_runs(self, call: Start) -> None:
        caller = call()
        statuses = []
        for faults in ("server_errors_504=1", ""):
            caller.sandbox.set_faults(parse_faults(faults))
            statuses.append(caller.get("/goals").status_code)
        assert statuses == [504, 200]
