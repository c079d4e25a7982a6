"""Each switch of log requests and parts, as a client sees it over the socket (M24, M26)."""

from __future__ import annotations

import datetime as dt
import gzip
import zlib
from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.integration.metrika_sandbox.caller import DAY, FIELDS, Caller

Start = Callable[..., Caller]
KNOWN_WORDS = {
    "created", "awaiting_retry", "processed", "canceled", "processing_failed", "cleaned_by_user",
    "cleaned_automatically_as_too_old",
}  # fmt: skip
HEADER = ("\t".join(FIELDS.split(",")) + "\n").encode()


def raw_part(caller: Caller, number: int, *, encoding: str = "gzip") -> tuple[dict[str, str], bytes]:
    """Headers and body of part 0 as they came, not decoded."""
    url = f"{caller.root}/logrequest/{number}/part/0/download"
    answer = caller.session.get(url, headers={"Accept-Encoding": encoding}, stream=True, timeout=10)
    return dict(answer.headers), answer.raw.read(decode_content=False)


def evaluation(caller: Caller, **changes: str) -> dict[str, Any]:
    given = {"date1": DAY, "date2": DAY, "source": "visits", "fields": FIELDS} | changes
    return dict(caller.get("/logrequests/evaluate", **given).json()["log_request_evaluation"])


class TestM26Queue:
    def test_should_try_again_before_it_is_ready_when_awaiting_retry(self, call: Start) -> None:
        caller = call("awaiting_retry", queue_seconds=0.3)
        number = caller.order()["request_id"]
        seen = {caller.status(number)["status"]}
        for _ in range(60):
            seen.add(caller.status(number)["status"])
            caller.pause()
            if "processed" in seen:
                break
        assert seen == {"created", "awaiting_retry", "processed"}

    def test_should_show_a_word_no_page_names_when_unknown(self, call: Start) -> None:
        caller = call("unknown_status")
        assert caller.wait(caller.order()["request_id"])["status"] not in KNOWN_WORDS

    def test_should_fail_only_so_many_requests_as_counted(self, call: Start) -> None:
        caller = call("processing_failed=1")
        assert [caller.ready()["status"] for _ in range(2)] == ["processing_failed", "processed"]

    def test_should_stay_in_the_queue_when_it_is_slow(self, call: Start) -> None:
        caller = call("slow_queue=60", queue_seconds=0.0)
        number = caller.order()["request_id"]
        caller.pause()
        assert caller.status(number)["status"] == "created"

    def test_should_create_the_log_although_its_answer_is_lost(self, call: Start) -> None:
        caller = call("lost_create_reply")
        with pytest.raises(requests.ConnectionError):
            caller.order()
        assert len(caller.get("/logrequests").json()["requests"]) == 1

    def test_should_cancel_a_waiting_log_and_no_other(self, call: Start) -> None:
        caller = call(queue_seconds=60.0)
        number = caller.order()["request_id"]
        assert caller.post(f"/logrequest/{number}/cancel").json()["log_request"]["status"] == "canceled"
        assert caller.post(f"/logrequest/{number}/cancel").status_code == 400

    def test_should_refuse_to_clean_what_is_not_ready(self, call: Start) -> None:
        caller = call(queue_seconds=60.0)
        assert caller.post(f"/logrequest/{caller.order()['request_id']}/clean").status_code == 400


class TestM26Parts:
    def test_should_cut_a_part_by_rows_when_told_so(self, call: Start) -> None:
        caller = call(parts=None, rows_per_part=80)
        number = caller.ready()["request_id"]
        assert [len(caller.rows(number, part)) for part in range(3)] == [80, 80, 40]

    def test_should_cut_a_part_each_time_when_always(self, call: Start) -> None:
        caller = call("truncated_part_always")
        ready = caller.ready()
        sizes = [len(caller.part(ready["request_id"], 0).content) - len(HEADER) for _ in range(2)]
        assert max(sizes) < ready["parts"][0]["size"]

    def test_should_drop_the_socket_inside_a_part_once(self, call: Start) -> None:
        caller = call("dropped_socket")
        number = caller.ready()["request_id"]
        with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
            caller.part(number, 0)
        assert caller.part(number, 0).content.startswith(HEADER)

    def test_should_drop_the_socket_each_time_when_always(self, call: Start) -> None:
        caller = call("dropped_socket_always")
        number = caller.ready()["request_id"]
        for _ in range(2):
            with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
                caller.part(number, 0)

    @pytest.mark.parametrize(("fault", "sound"), [("gzip_broken", [False, False]), ("gzip_broken_once", [False, True])])
    def test_should_damage_compressed_bytes(self, call: Start, fault: str, sound: list[bool]) -> None:
        caller = call(fault)
        number = caller.ready()["request_id"]

        def is_sound() -> bool:
            try:
                gzip.decompress(raw_part(caller, number)[1])
            except (zlib.error, OSError, EOFError):
                return False
            return True

        assert [is_sound() for _ in range(2)] == sound

    def test_should_leave_plain_bytes_sound_when_gzip_is_broken(self, call: Start) -> None:
        caller = call("gzip_broken")
        ready = caller.ready()
        _, body = raw_part(caller, ready["request_id"], encoding="identity")
        assert len(body) - len(HEADER) == ready["parts"][0]["size"]

    def test_should_lack_the_last_line_end_when_switched_on(self, call: Start) -> None:
        caller = call("missing_trailing_lf")
        ready = caller.ready()
        body = caller.part(ready["request_id"], 0).content
        assert not body.endswith(b"\n")
        assert len(body) - len(HEADER) == ready["parts"][0]["size"]

    def test_should_name_another_field_when_the_header_is_changed(self, call: Start) -> None:
        caller = call("header_changed")
        names = caller.part(caller.ready()["request_id"], 0).text.splitlines()[0].split("\t")
        assert names[:-1] == FIELDS.split(",")[:-1]
        assert names[-1] not in FIELDS.split(",")

    def test_should_never_compress_when_identity_is_forced(self, call: Start) -> None:
        caller = call("identity_encoding")
        headers, body = raw_part(caller, caller.ready()["request_id"])
        assert "Content-Encoding" not in headers
        assert body.startswith(HEADER)

    def test_should_say_json_and_no_length_of_a_part(self, call: Start) -> None:
        caller = call()
        headers, _ = raw_part(caller, caller.ready()["request_id"])
        assert headers["Content-Type"] == "application/json;charset=utf-8"
        assert headers["Content-Encoding"] == "gzip"
        assert "Content-Length" not in headers

    @pytest.mark.parametrize(("fault", "shape"), [("", "one"), ("empty_parts", "empty"), ("empty_parts=absent", "no")])
    def test_should_show_an_empty_day_in_every_known_shape(self, call: Start, fault: str, shape: str) -> None:
        caller = call(fault, empty_dates=frozenset({dt.date.fromisoformat(DAY)}))
        ready = caller.ready()
        wanted = {"one": [{"part_number": 0, "size": 0}], "empty": [], "no": None}[shape]
        assert (ready["status"], ready["size"], ready.get("parts")) == ("processed", 0, wanted)

    def test_should_show_the_source_as_a_list_when_switched_on(self, call: Start) -> None:
        assert call("source_as_list").order()["source"] == ["visits"]


class TestM26Store:
    def test_should_refuse_a_log_when_the_store_is_full(self, call: Start) -> None:
        caller = call("full_storage")
        answer = caller.post("/logrequests", date1=DAY, date2=DAY, source="visits", fields=FIELDS)
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["error_type"] == "limit_exceeded"
        assert evaluation(caller)["max_possible_day_quantity"] == 0

    def test_should_count_what_others_keep(self, call: Start) -> None:
        assert evaluation(call("full_storage=123456"))["log_request_sum_size"] == 123_456

    def test_should_count_what_is_prepared(self, call: Start) -> None:
        caller = call()
        ready = caller.ready()
        assert evaluation(caller)["log_request_sum_size"] == ready["size"]

    def test_should_expect_four_times_too_little_unless_told_otherwise(self, call: Start) -> None:
        honest = call("expected_size=1")
        low, true = evaluation(call())["expected_size"], evaluation(honest)["expected_size"]
        assert true / low == pytest.approx(4.1, rel=0.01)
        assert true == pytest.approx(honest.ready()["size"], rel=0.05)

    def test_should_leave_undocumented_keys_out_when_bare(self, call: Start) -> None:
        assert set(evaluation(call("evaluate_bare"))) == {"possible", "max_possible_day_quantity"}


class TestM26Data:
    def test_should_spoil_exactly_the_rows_it_counts(self, call: Start) -> None:
        def lines(faults: str) -> tuple[Caller, list[list[str]]]:
            caller = call(faults, parts=1)
            return caller, caller.rows(caller.ready()["request_id"])

        caller, spoiled = lines("garbage_rows=0.2")
        _, sound = lines("")
        changed = sum(one != other for one, other in zip(spoiled, sound, strict=True))
        assert changed == sum(caller.sandbox.stats()["log_requests"][0]["spoiled"].values()) > 0

    def test_should_change_visits_between_two_exports_when_switched_on(self, call: Start) -> None:
        caller = call("late_edits=6", parts=1)
        first, second = ({tuple(row) for row in caller.rows(caller.ready()["request_id"])} for _ in range(2))
        assert len(second - first) == 6

    def test_should_leave_the_visit_of_a_hit_out_when_empty(self, call: Start) -> None:
        caller = call("no_pv_visit_id", parts=1)
        ready = caller.ready(source="hits", fields="ym:pv:watchID,ym:pv:visitID")
        assert {visit_id for _, visit_id in caller.rows(ready["request_id"])} == {"0"}

    def test_should_refuse_the_field_by_name_when_told_so(self, call: Start) -> None:
        given = {"date1": DAY, "date2": DAY, "source": "hits", "fields": "ym:pv:watchID,ym:pv:visitID"}
        answer = call("no_watch_ids_visit_id").post("/logrequests", **given)
        assert (answer.status_code, "ym:pv:visitID" in answer.json()["message"]) == (400, True)
