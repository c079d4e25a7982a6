"""Reading files of labels and events: every value exact, every bad row by its line, one row in memory."""

from __future__ import annotations

import datetime as dt
import tracemalloc
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.errors import InputError
from include.visits.labels.csv_rows import iter_label_rows
from include.visits.labels.delimited import MAX_ID, MOST_LISTED, BadRows, parse_id
from include.visits.labels.event_rows import iter_event_rows
from include.visits.labels.moments import parse_as_of, parse_moment
from include.visits.labels.reports import kappa

MOSCOW = ZoneInfo("Europe/Moscow")


def read(path: Path, text: str, *, zone: ZoneInfo | None = MOSCOW, reader=iter_label_rows) -> tuple[list[str], BadRows]:
    path.write_text(text, encoding="utf-8", newline="")
    bad = BadRows(path)
    return b"".join(reader(path, zone, bad)).decode().splitlines(), bad


class TestIterLabelRows:
    @pytest.mark.parametrize("ending", ["\n", "\r\n"])
    @pytest.mark.parametrize("mark", ["", "\ufeff"])
    @pytest.mark.parametrize("delimiter", [",", ";", "\t"])
    def test_should_read_the_same_when_saved_by_other_programs(self, tmp_path, ending, mark, delimiter):
        text = mark + ending.join(delimiter.join(row) for row in [("note", "visit_id", "level"), ("a", " 7 ", "4")])
        rows, bad = read(tmp_path / "f.csv", text)
        assert (rows, bad.count) == (["2\t7\t1\t4\t\\N"], 0)

    def test_should_take_the_level_border_when_levels_are_given(self, tmp_path):
        rows, _ = read(tmp_path / "f.csv", "visit_id,level\n1,3\n2,4\n3,255\n")
        assert [row.split("\t")[2:4] for row in rows] == [["0", "3"], ["1", "4"], ["1", "255"]]

    def test_should_name_every_bad_row_when_there_are_several(self, tmp_path):
        rows, bad = read(tmp_path / "f.csv", "visit_id,level\n1,x\n\n2,4\n-3,4\n4,256\n")
        assert len(rows) == 1
        assert bad.listed == [
            "line 2: level 'x' is not a whole number from 0 to 255",
            f"line 5: visit_id '-3' is not a whole number from 1 to {MAX_ID}",
            "line 6: level '256' is not a whole number from 0 to 255",
        ]

    def test_should_count_the_rest_when_more_are_bad_than_a_message_holds(self, tmp_path):
        _, bad = read(tmp_path / "f.csv", "visit_id,label\n" + "1,5\n" * (MOST_LISTED + 7))
        with pytest.raises(InputError, match=f"{MOST_LISTED + 7} bad rows") as caught:
            bad.refuse()
        assert caught.value.message.endswith("and 7 more.")

    @pytest.mark.parametrize(
        "header", ["", "visit_id", "level", "visit_id,level,label", "visit_id,visit_id,label", "Visit_ID,label"]
    )
    def test_should_refuse_when_the_header_does_not_fit(self, tmp_path, header):
        with pytest.raises(InputError, match="header"):
            read(tmp_path / "f.csv", f"{header}\n1,1\n")

    def test_should_want_an_offset_when_the_counters_have_several_zones(self, tmp_path):
        text = "visit_id,label,labelled_at\n1,1,2025-07-01 10:00:00\n2,1,2025-07-01T10:00:00+03:00\n"
        rows, bad = read(tmp_path / "f.csv", text, zone=None)
        assert (len(rows), bad.listed[0].startswith("line 2: labelled_at")) == (1, True)

    def test_should_refuse_when_the_file_is_absent(self, tmp_path):
        with pytest.raises(InputError, match="cannot be read"):
            list(iter_label_rows(tmp_path / "none.csv", None, BadRows(tmp_path)))

    def test_should_hold_little_in_memory_when_the_file_is_long(self, tmp_path):
        path = tmp_path / "long.csv"
        with path.open("w") as file:
            file.write("visit_id,label\n")
            file.writelines(f"{2**63 + number},1\n" for number in range(200_000))
        tracemalloc.start()
        size = sum(map(len, iter_label_rows(path, None, BadRows(path))))
        _, most_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert size > 5_000_000
        assert most_bytes < 3_000_000

    @given(number=st.integers(-(2**65), 2**65))
    def test_should_keep_every_digit_or_refuse(self, number):
        if 0 < number <= MAX_ID:
            assert parse_id(str(number), "visit_id") == number
        else:
            with pytest.raises(ValueError, match="whole number"):
                parse_id(str(number), "visit_id")


class TestIterEventRows:
    def test_should_read_true_seconds_when_times_have_offsets_or_none(self, tmp_path):
        text = "occurred_at,client_id\n2025-06-26 00:13:09,9\n2025-06-25T21:13:09Z,9\n"
        rows, _ = read(tmp_path / "f.csv", text, reader=iter_event_rows)
        assert rows == ["9\t1750885989"] * 2

    def test_should_name_the_line_when_a_client_is_none(self, tmp_path):
        _, bad = read(tmp_path / "f.csv", "client_id,occurred_at\n0,2025-06-26\n", reader=iter_event_rows)
        assert bad.listed[0].startswith("line 2: client_id '0'")


class TestMoments:
    @pytest.mark.parametrize("text", ["", "soon", "2025-02-30", "10:00", "1750885989x"])
    def test_should_give_none_when_a_text_is_no_time(self, text):
        assert parse_moment(text, MOSCOW) is None

    def test_should_mean_the_end_when_a_day_is_given(self):
        assert parse_as_of("2025-07-01", None) == dt.datetime(2025, 7, 2, tzinfo=dt.UTC)

    def test_should_refuse_when_as_of_is_no_time(self):
        with pytest.raises(InputError, match="neither a day nor a time"):
            parse_as_of("soon", None)


class TestKappa:
    @pytest.mark.parametrize(
        ("counts", "expected"),
        [((10, 10, 5, 5), 1.0), ((10, 0, 5, 5), -1.0), ((4, 2, 2, 2), 0.0), ((3, 3, 3, 3), None)],
    )
    def test_should_be_agreement_beyond_chance(self, counts, expected):
        assert kappa(*counts) == expected
