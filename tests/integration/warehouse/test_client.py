"""The ClickHouse client: what comes back, what is refused, and that no password is ever shown."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from include.errors import ConfigError, StoreError, StoreUnavailable
from include.secret import Secret
from include.services.processes.ports import choose_port
from include.warehouse.client import Warehouse, bound, quoted


class TestQueries:
    @given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
    @settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_should_give_a_text_back_unchanged_when_it_is_bound(self, warehouse: Warehouse, text: str) -> None:
        assert warehouse.scalar("SELECT %(text)s", {"text": text}) == text

    def test_should_keep_all_digits_when_ids_are_above_two_to_the_63(self, warehouse: Warehouse) -> None:
        assert warehouse.scalar("SELECT toUInt64(%(id)s)", {"id": 2**64 - 1}) == 2**64 - 1

    def test_should_answer_each_thread_its_own_question(self, warehouse: Warehouse) -> None:
        found: dict[int, int] = {}

        def ask(number: int) -> None:
            found[number] = warehouse.scalar("SELECT %(n)s + 0 * sleep(0.05)", {"n": number})

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert found == {number: number for number in range(8)}

    def test_should_read_every_row_once_when_a_result_comes_in_blocks(self, warehouse: Warehouse) -> None:
        frames = list(warehouse.iter_frames("SELECT number AS n FROM numbers(200000)", block_rows=10_000))
        assert len(frames) > 1
        assert np.array_equal(np.sort(np.concatenate([frame["n"] for frame in frames])), np.arange(200_000))

    def test_should_be_usable_when_a_reader_stops_half_way(self, warehouse: Warehouse) -> None:
        reading = warehouse.iter_frames("SELECT number FROM numbers(1000000)")
        next(reading)
        reading.close()  # type: ignore[attr-defined]
        assert warehouse.scalar("SELECT 1") == 1

    def test_should_be_usable_when_a_statement_was_refused(self, warehouse: Warehouse) -> None:
        with pytest.raises(StoreError, match=r"code 60\)") as caught:
            warehouse.execute("SELECT * FROM no_such_table")
        assert "Stack trace" not in caught.value.message
        assert warehouse.scalar("SELECT 1") == 1


class TestStreams:
    def test_should_store_every_row_when_bytes_come_in_any_cut(self, warehouse: Warehouse) -> None:
        warehouse.execute("CREATE OR REPLACE TABLE streamed (n UInt64) ENGINE = MergeTree ORDER BY n")
        body = b"".join(b"%d\n" % number for number in range(5_000))
        warehouse.insert_stream("INSERT INTO streamed FORMAT TSV", (body[i : i + 7] for i in range(0, len(body), 7)))
        assert warehouse.execute("SELECT count(), sum(n) FROM streamed") == [(5_000, 4_999 * 2_500)]

    def test_should_pass_the_error_on_when_the_source_of_bytes_fails(self, warehouse: Warehouse) -> None:
        def broken() -> Iterator[bytes]:
            yield b"1\n"
            raise ValueError("the source broke")

        warehouse.execute("CREATE OR REPLACE TABLE broken (n UInt64) ENGINE = MergeTree ORDER BY n")
        with pytest.raises(ValueError, match="the source broke"):
            warehouse.insert_stream("INSERT INTO broken FORMAT TSV", broken())

    def test_should_say_what_is_wrong_when_rows_are_refused(self, warehouse: Warehouse) -> None:
        warehouse.execute("CREATE OR REPLACE TABLE refused (n UInt64) ENGINE = MergeTree ORDER BY n")
        with pytest.raises(StoreError, match="refused rows"):
            warehouse.insert_stream("INSERT INTO refused FORMAT TSV", [b"not a number\n"])

    def test_should_store_every_member_when_gzip_members_come_one_after_another(self, warehouse: Warehouse) -> None:
        warehouse.execute("CREATE OR REPLACE TABLE members (n UInt64) ENGINE = MergeTree ORDER BY n")
        members = [gzip.compress(b"%d\n" % number) for number in range(1_000)]
        warehouse.insert_stream("INSERT INTO members FORMAT TSV", members, is_gzip=True)
        assert warehouse.execute("SELECT count(), sum(n) FROM members") == [(1_000, 499_500)]

    def test_should_say_so_when_a_member_is_damaged(self, warehouse: Warehouse) -> None:
        warehouse.execute("CREATE OR REPLACE TABLE damaged (n UInt64) ENGINE = MergeTree ORDER BY n")
        with pytest.raises(StoreError, match="refused rows"):
            warehouse.insert_stream("INSERT INTO damaged FORMAT TSV", [gzip.compress(b"1\n")[:-6]], is_gzip=True)

    def test_should_give_the_bytes_of_a_result_as_they_are(self, warehouse: Warehouse) -> None:
        sql = "SELECT number, {word:String} FROM numbers(3) FORMAT TabSeparated"
        with warehouse.read_stream(sql, {"word": "a'b"}) as body:
            assert body.read() == b"0\ta\\'b\n1\ta\\'b\n2\ta\\'b\n"

    def test_should_send_texts_unchanged_when_they_are_written_into_a_long_statement(
        self, warehouse: Warehouse
    ) -> None:
        texts = ["it's", 'say "no"', "back\\slash", "tab\there", "line\nend", "%(texts)s", "День", "\b\f\r\a\v"]
        filling = [f"{number:06}" for number in range(50_000)]
        sql = "SELECT arrayJoin(arraySlice(%(texts)s, 1, %(count)s)) FORMAT JSONCompactEachRow"
        with warehouse.read_stream(bound(sql, {"texts": texts + filling, "count": len(texts)})) as body:
            assert [json.loads(line) for line in body.read().splitlines()] == [[text] for text in texts]

    def test_should_say_so_when_a_result_fails_after_its_first_rows(self, warehouse: Warehouse) -> None:
        sql = "SELECT throwIf(number = 900000) FROM numbers(1000000) FORMAT TabSeparated"
        with pytest.raises(StoreError, match="refused a statement"), warehouse.read_stream(sql) as body:
            body.read()


class TestTrouble:
    def test_should_say_what_to_start_when_nobody_listens(self, warehouse: Warehouse) -> None:
        nowhere = replace(
            warehouse._settings,
            native_port=choose_port(29_000),
            http_port=choose_port(28_123),
            password=Secret("planted-password"),
        )
        for ask in (
            lambda: Warehouse(nowhere).scalar("SELECT 1"),
            lambda: Warehouse(nowhere).insert_stream("INSERT INTO t FORMAT TSV", [b"1\n"]),
        ):
            with pytest.raises(StoreUnavailable, match="services up") as caught:
                ask()
            assert "planted" not in caught.value.message

    def test_should_name_the_settings_when_the_login_is_refused(self, warehouse: Warehouse) -> None:
        wrong = Warehouse(replace(warehouse._settings, password=Secret("planted-password")))
        with pytest.raises(ConfigError, match="CLICKHOUSE_USER and CLICKHOUSE_PASSWORD") as caught:
            wrong.scalar("SELECT 1")
        assert "planted" not in caught.value.message

    def test_should_show_no_password_when_it_is_printed(self, warehouse: Warehouse) -> None:
        assert warehouse._settings.password.value not in repr(warehouse) + str(warehouse._settings)


class TestQuoted:
    @given(st.text(st.characters(codec="ascii", min_codepoint=32), min_size=1))
    @settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_should_name_one_column_whatever_its_name(self, warehouse: Warehouse, name: str) -> None:
        described = warehouse.execute(f"DESCRIBE (SELECT 7 AS {quoted(name)})")
        assert [column[0] for column in described] == [name]
