from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from include.errors import InputError
from include.provenance.passport.questions import Question, ask


class TestAsk:
    @pytest.mark.parametrize(
        ("given", "read"),
        [
            ("2025-07-01T12:34:56 03:00", "2025-07-01T12:34:56+03:00"),
            ("2025-07-01 12:34:56 03:00", "2025-07-01 12:34:56+03:00"),
            ("2025-07-01 12:34 0300", "2025-07-01 12:34+0300"),
            ("2025-07-01T12:34:56.120 03:00", "2025-07-01T12:34:56.120+03:00"),
            ("2025-07-01 12:34:56", "2025-07-01 12:34:56"),
            ("2025-07-01 12:34", "2025-07-01 12:34"),
            ("2025-07-01T12:34:56-03:00", "2025-07-01T12:34:56-03:00"),
            (" 2025-07-01T12:34:56Z ", "2025-07-01T12:34:56Z"),
        ],
    )
    def test_should_give_the_plus_of_an_offset_back_when_a_query_string_took_it(self, given: str, read: str) -> None:
        assert ask(client_id="5", counter_id=1, date_time=given).date_time == read

    @pytest.mark.parametrize(("given", "read"), [("007001", "7001"), ("5F1C5F0E8F2B5A619F513D2B9D6F7A10", None)])
    def test_should_write_upload_ids_in_one_way(self, given: str, read: str | None) -> None:
        assert ask(upload_id=given).upload_id == (read or "5f1c5f0e-8f2b-5a61-9f51-3d2b9d6f7a10")

    def test_should_take_ids_up_to_2_64(self) -> None:
        assert ask(visit_id=str(2**64 - 1)) == Question(visit_id=2**64 - 1)

    @pytest.mark.parametrize("text", ["", "0", "-1", str(2**64), "1e5", "٣", "9" * 5_000, "1 2", "\0"])
    @pytest.mark.parametrize("name", ["visit_id", "client_id"])
    def test_should_refuse_what_is_no_id(self, name: str, text: str) -> None:
        with pytest.raises(InputError) as caught:
            ask(**{name: text})
        assert (caught.value.code, caught.value.pointer) == ("bad_identifier", f"/{name}")

    @pytest.mark.parametrize("text", ["", "0", str(2**63), "9" * 5_000, "not-a-uuid", "\0"])
    def test_should_refuse_what_is_no_upload(self, text: str) -> None:
        with pytest.raises(InputError) as caught:
            ask(upload_id=text)
        assert caught.value.pointer == "/upload_id"

    @pytest.mark.parametrize(
        ("named", "code", "pointer"),
        [
            ({}, "parameter_missing", "/visit_id"),
            ({"visit_id": "1", "client_id": "2"}, "conflicting_input", "/client_id"),
            ({"visit_id": "1", "row": 2}, "conflicting_input", "/row"),
            ({"upload_id": "1", "row": 0}, "bad_row", "/row"),
            ({"upload_id": "1", "row": 2**31}, "bad_row", "/row"),
            ({"visit_id": "1", "date_time": "x"}, "parameter_missing", "/client_id"),
            ({"client_id": "1", "date_time": "x"}, "parameter_missing", "/counter"),
            (
                {"client_id": "1", "counter_id": 1, "date_time": "x", "day": dt.date(2025, 7, 1)},
                "conflicting_input",
                "/date",
            ),
            ({"visit_id": "1", "day": dt.date(1, 1, 1)}, "bad_date", "/date"),
            ({"visit_id": "1", "target": " "}, "bad_target", "/target"),
        ],
    )
    def test_should_name_what_is_wrong(self, named: dict[str, Any], code: str, pointer: str) -> None:
        with pytest.raises(InputError) as caught:
            ask(**named)
        assert (caught.value.code, caught.value.pointer) == (code, pointer)
