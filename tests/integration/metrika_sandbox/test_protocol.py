"""The local Metrika as any client sees it over its socket (M24, M26)."""

from __future__ import annotations

import datetime as dt
import gzip
import time
from collections.abc import Callable

import pytest

from include.metrika_sandbox.behaviour.faults import parse_faults
from tests.integration.metrika_sandbox.caller import DAY, FIELDS, Caller

STORE_BYTES = 10 * 1024**3


def _recent_visits(caller: Caller) -> list[dict[str, str]]:
    day = (dt.datetime.now(dt.UTC) - dt.timedelta(days=3)).date().isoformat()
    request = caller.wait(caller.order(date1=day, date2=day)["request_id"])
    lines = caller.part(request["request_id"], 0).text.splitlines()
    return [dict(zip(FIELDS.split(","), line.split("\t"), strict=True)) for line in lines[1:]]


class TestM24LogsApi:
    def test_should_tell_zone_and_name_when_asked_for_a_counter(self, call: Callable[..., Caller]) -> None:
        counter = call().get("").json()["counter"]
        assert (counter["id"], counter["time_zone_name"]) == (101, "Europe/Moscow")

    @pytest.mark.parametrize("scheme", ["OAuth", "Bearer"])
    def test_should_take_both_spellings_of_the_token(self, call: Callable[..., Caller], scheme: str) -> None:
        assert Caller(call().sandbox, scheme).get("").status_code == 200

    def test_should_refuse_in_the_error_envelope_when_the_token_is_wrong(self, call: Callable[..., Caller]) -> None:
        answer = Caller(call().sandbox, token="wrong").get("")
        body = answer.json()
        assert (answer.status_code, body["code"]) == (401, 401)
        assert body["errors"][0]["error_type"] == "unauthorized"

    def test_should_give_parts_and_sizes_only_when_processed(self, call: Callable[..., Caller]) -> None:
        caller = call(queue_seconds=0.5)
        created = caller.order()
        assert created["status"] == "created"
        assert created["size"] == 0
        assert "parts" not in created
        ready = caller.wait(created["request_id"])
        assert ready["size"] == sum(part["size"] for part in ready["parts"]) > 0

    def test_should_repeat_the_header_and_leave_it_out_of_the_size_in_every_part(
        self, call: Callable[..., Caller]
    ) -> None:
        caller = call()
        ready = caller.wait(caller.order()["request_id"])
        bodies = [caller.part(ready["request_id"], part["part_number"]).content for part in ready["parts"]]
        header = ("\t".join(FIELDS.split(",")) + "\n").encode()
        assert all(body.startswith(header) for body in bodies)
        assert [len(body) - len(header) for body in bodies] == [part["size"] for part in ready["parts"]]
        assert sum(body.count(b"\n") - 1 for body in bodies) == 200

    def test_should_compress_only_when_offered(self, call: Callable[..., Caller]) -> None:
        caller = call()
        number = caller.wait(caller.order()["request_id"])["request_id"]
        plain = caller.part(number, 0, **{"Accept-Encoding": "identity"})
        packed = caller.session.get(
            f"{caller.root}/logrequest/{number}/part/0/download",
            headers={"Accept-Encoding": "gzip"},
            stream=True,
            timeout=10,
        )
        assert "Content-Encoding" not in plain.headers
        assert gzip.decompress(packed.raw.read(decode_content=False)) == plain.content

    def test_should_answer_in_the_known_words_when_a_part_is_not_there(self, call: Callable[..., Caller]) -> None:
        caller = call(queue_seconds=1.0)
        number = caller.order()["request_id"]
        early = caller.part(number, 0).json()["message"]
        caller.wait(number)
        assert early == "Only log of requests in status 'processed' can be downloaded"
        assert caller.part(number, 99).json()["message"] == "Incorrect part number"

    def test_should_evaluate_by_the_documented_formula_also_when_overdrawn(self, call: Callable[..., Caller]) -> None:
        given = {"date1": DAY, "date2": DAY, "source": "visits", "fields": FIELDS}
        found = call().get("/logrequests/evaluate", **given).json()["log_request_evaluation"]
        assert found["max_possible_day_quantity"] == STORE_BYTES // found["expected_size"]
        drawn = call("overdrawn").get("/logrequests/evaluate", **given).json()["log_request_evaluation"]
        assert (drawn["possible"], drawn["max_possible_day_quantity"] < 0) == (False, True)

    def test_should_free_the_store_and_keep_size_when_cleaned(self, call: Callable[..., Caller]) -> None:
        caller = call()
        ready = caller.wait(caller.order()["request_id"])
        assert caller.sandbox.stored_bytes(101) == ready["size"]
        cleaned = caller.post(f"/logrequest/{ready['request_id']}/clean").json()["log_request"]
        assert (cleaned["status"], cleaned["size"]) == ("cleaned_by_user", ready["size"])
        assert caller.sandbox.stored_bytes(101) == 0

    def test_should_name_field_and_source_when_a_field_is_unknown(self, call: Callable[..., Caller]) -> None:
        answer = call().post("/logrequests", date1=DAY, date2=DAY, source="visits", fields="ym:s:visitId")
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["error_type"] == "invalid_parameter"
        assert "ym:s:visitId" in answer.json()["message"]

    def test_should_refuse_today(self, call: Callable[..., Caller]) -> None:
        today = dt.datetime.now(dt.UTC).date().isoformat()
        answer = call().post("/logrequests", date1=today, date2=today, source="visits", fields=FIELDS)
        assert answer.status_code == 400


class TestM24Quotas:
    def test_should_refuse_the_eleventh_request_of_a_second(self, call: Callable[..., Caller]) -> None:
        caller = call()
        answers = [caller.get("/logrequests").status_code for _ in range(14)]
        assert answers.count(429) > 0

    @pytest.mark.parametrize(("fault", "status"), [("quota_420=1", 420), ("quota_403=1", 403), ("quota_429=1", 429)])
    def test_should_answer_quota_in_every_known_status(
        self, call: Callable[..., Caller], fault: str, status: int
    ) -> None:
        answer = call(fault).get("/logrequests")
        assert answer.status_code == status
        assert answer.json()["errors"][0]["error_type"].startswith("quota_")


class TestM24Conversions:
    def test_should_link_rows_of_its_own_visits_and_count_the_others(self, call: Callable[..., Caller]) -> None:
        caller = call(status_seconds=0.05)
        visits = _recent_visits(caller)[:5]
        zone = dt.timezone(dt.timedelta(hours=3))
        rows = [
            (
                visit["ym:s:clientID"],
                "4plus",
                int(dt.datetime.fromisoformat(visit["ym:s:dateTime"]).replace(tzinfo=zone).timestamp()) + 60,
            )
            for visit in visits
        ]
        seen = caller.finished_upload(caller.upload([*rows, ("424242", "4plus", rows[0][2])])["id"])
        assert (seen["status"], seen["source_quantity"], seen["line_quantity"]) == ("PROCESSED", 6, 6)
        assert seen["linked_quantity"] == 5

    def test_should_end_as_linkage_failure_when_nobody_is_known(self, call: Callable[..., Caller]) -> None:
        caller = call()
        moment = int(time.time()) - 86_400
        assert caller.finished_upload(caller.upload([("1", "4plus", moment)])["id"])["status"] == "LINKAGE_FAILURE"

    def test_should_show_the_comment_in_the_list(self, call: Callable[..., Caller]) -> None:
        caller = call()
        caller.upload([("1", "4plus", int(time.time()) - 86_400)], comment="abc123")
        listed = caller.get("/offline_conversions/uploadings", limit=10, offset=0).json()["uploadings"]
        assert [one["comment"] for one in listed] == ["abc123"]

    def test_should_refuse_a_comment_with_other_characters(self, call: Callable[..., Caller]) -> None:
        caller = call()
        url = f"{caller.root}/offline_conversions/upload"
        files = {"file": ("c.csv", "ClientId,Target,DateTime\n1,4plus,1\n")}
        answer = caller.session.post(url, params={"comment": "no spaces"}, files=files, timeout=10)
        assert answer.status_code == 400


class TestM26Faults:
    @pytest.mark.parametrize(
        ("fault", "word"),
        [
            ("processing_failed", "processing_failed"),
            ("canceled", "canceled"),
            ("cleaned_automatically", "cleaned_automatically_as_too_old"),
        ],
    )
    def test_should_end_in_the_chosen_status(self, call: Callable[..., Caller], fault: str, word: str) -> None:
        caller = call(fault)
        assert caller.wait(caller.order()["request_id"])["status"] == word

    def test_should_spoil_a_known_number_of_rows(self, call: Callable[..., Caller]) -> None:
        caller = call("garbage_rows=0.2")
        ready = caller.wait(caller.order()["request_id"])
        spoiled = caller.sandbox.stats()["log_requests"][0]["spoiled"]
        assert sum(spoiled.values()) > 0
        assert ready["status"] == "processed"

    def test_should_cut_a_part_once(self, call: Callable[..., Caller]) -> None:
        caller = call("truncated_part")
        ready = caller.wait(caller.order()["request_id"])
        header = len("\t".join(FIELDS.split(","))) + 1
        sizes = [len(caller.part(ready["request_id"], 0).content) - header for _ in range(2)]
        assert sizes[0] < sizes[1] == ready["parts"][0]["size"]

    def test_should_refuse_a_fault_it_does_not_know(self) -> None:
        with pytest.raises(Exception, match="no_such_fault"):
            parse_faults("no_such_fault")


class TestTraffic:
    def test_should_serve_the_same_rows_when_started_again(self, call: Callable[..., Caller]) -> None:
        def rows() -> bytes:
            caller = call()
            return caller.part(caller.wait(caller.order()["request_id"])["request_id"], 0).content

        assert rows() == rows()

    def test_should_know_the_truth_about_every_visit(self, call: Callable[..., Caller]) -> None:
        labels = call(visits_per_day=500).sandbox.labels(101, dt.date.fromisoformat(DAY))
        assert len(labels) == 500
        assert 0 < sum(labels.values()) < 250

    def test_should_change_a_known_number_of_visits_when_edited(self, call: Callable[..., Caller]) -> None:
        caller = call(parts=1)

        def lines() -> set[str]:
            number = caller.wait(caller.order()["request_id"])["request_id"]
            return set(caller.part(number, 0).text.splitlines())

        before = lines()
        changed = caller.sandbox.edit_visits(101, dt.date.fromisoformat(DAY), 7)
        assert len(lines() - before) == changed == 7
