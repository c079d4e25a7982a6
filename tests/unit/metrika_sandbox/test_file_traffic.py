"""Given visits and hits served as a counter's logs (M24)."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from include.errors import ConfigError
from include.metrika_sandbox.behaviour.config import SandboxConfig
from include.metrika_sandbox.behaviour.faults import Faults
from include.metrika_sandbox.columns.dialect import Dialect
from include.metrika_sandbox.traffic.choosing import open_traffic
from include.metrika_sandbox.traffic.file_traffic import FileTraffic
from include.metrika_sandbox.traffic.source import NO_EDITS

DAY = dt.date(2025, 10, 26)  # the clocks of Berlin go back at three
VISITS = """\
ym:s:visitID\tym:s:clientID\tym:s:dateTime\tym:s:purchaseID\tyclid\tlabel
17293822569102704641\t5001\t2025-10-26 02:30:00\t[\\'order-1\\',\\'order-2\\']\t77\t1
2\t5002\t2025-10-26 23:59:59\t[]\t\t0
3\t5003\t2025-10-27 00:00:00\t[]\t\t0
"""
HITS = """\
ym:pv:watchID\tym:pv:dateTime\tym:pv:title
11\t2025-10-26 02:30:01\t"one quote
12\t2025-10-27 00:00:01\tplain
"""


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    visits, hits = tmp_path / "visits.tsv", tmp_path / "hits.tsv"
    visits.write_text(VISITS, encoding="utf-8")
    hits.write_text(HITS, encoding="utf-8")
    return visits, hits


@pytest.fixture
def given(files: tuple[Path, Path]) -> FileTraffic:
    return FileTraffic.read(*files, ZoneInfo("Europe/Berlin"))


def column(given: FileTraffic, source: str, name: str, day: dt.date = DAY) -> list[str]:
    blocks = given.iter_blocks(source, 101, day, day, NO_EDITS)
    return [value for block in blocks for value in block.column(name, Dialect())]


class TestRows:
    def test_should_serve_the_rows_of_their_day_as_they_stand(self, given: FileTraffic) -> None:
        assert column(given, "visits", "ym:s:visitID") == ["17293822569102704641", "2"]
        assert column(given, "hits", "ym:pv:title") == ['"one quote']

    def test_should_tell_the_day_of_each_row(self, given: FileTraffic) -> None:
        blocks = given.iter_blocks("visits", 101, DAY, DAY + dt.timedelta(days=1), NO_EDITS)
        assert [day for block in blocks for day in block.dates()] == ["2025-10-26", "2025-10-26", "2025-10-27"]

    def test_should_fill_known_fields_the_files_lack(self, given: FileTraffic) -> None:
        assert column(given, "visits", "ym:s:browser") == ["", ""]
        assert column(given, "visits", "ym:s:pageViews") == ["0", "0"]
        assert column(given, "visits", "ym:s:goalsID") == ["[]", "[]"]
        assert column(given, "visits", "ym:s:dateTimeUTC") == ["1970-01-01 00:00:00"] * 2

    def test_should_know_its_days_and_how_many_rows_they_have(self, given: FileTraffic) -> None:
        assert given.days() == ["2025-10-26", "2025-10-27"]
        assert given.row_estimate("visits", 101, DAY, DAY + dt.timedelta(days=1)) == 3

    def test_should_have_nothing_on_other_days(self, given: FileTraffic) -> None:
        other = dt.date(2025, 1, 1)
        assert column(given, "visits", "ym:s:visitID", other) == []
        assert list(given.iter_heads(101, other)) == []

    def test_should_never_be_edited(self, given: FileTraffic) -> None:
        assert len(given.edit(101, DAY, 5, 0)) == 0


class TestIdentifiers:
    def test_should_start_at_the_first_reading_of_an_hour_that_comes_twice(self, given: FileTraffic) -> None:
        (heads,) = given.iter_heads(101, DAY)
        assert heads.start_epochs[0] == 1761438600

    def test_should_know_every_identifier_it_was_given(self, given: FileTraffic) -> None:
        (heads,) = given.iter_heads(101, DAY)
        assert heads.client_ids.tolist() == [5001, 5002]
        assert list(heads.click_ids()) == ["77", ""]
        assert list(heads.user_ids()) == ["", ""]
        assert list(heads.purchase_ids()) == ["order-1 order-2", ""]

    def test_should_tell_labels_when_they_are_given(self, given: FileTraffic) -> None:
        labels = [(one.visit_id, one.label) for one in given.iter_labels(101, DAY)]
        assert labels == [(17293822569102704641, 1), (2, 0)]


class TestOpening:
    def test_should_open_the_files_the_settings_name(self, files: tuple[Path, Path]) -> None:
        config = SandboxConfig(visits_file=files[0], hits_file=files[1])
        assert isinstance(open_traffic(config, Faults), FileTraffic)

    def test_should_read_a_packed_csv_too(self, files: tuple[Path, Path], tmp_path: Path) -> None:
        packed = tmp_path / "visits.csv.gz"
        pd.read_csv(files[0], sep="\t", dtype=str, quoting=3).to_csv(packed, index=False)
        assert FileTraffic.read(packed, files[1]).days() == ["2025-10-26", "2025-10-27"]

    def test_should_ask_for_both_files(self, files: tuple[Path, Path]) -> None:
        with pytest.raises(ConfigError, match="give both files or none"):
            FileTraffic.read(files[0], None)

    def test_should_name_the_file_that_is_missing(self, files: tuple[Path, Path], tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"nowhere\.tsv does not exist"):
            FileTraffic.read(tmp_path / "nowhere.tsv", files[1])

    def test_should_name_the_column_that_is_missing(self, files: tuple[Path, Path]) -> None:
        with pytest.raises(ConfigError, match="visits data has no column ym:s:visitID"):
            FileTraffic.read(files[1], files[1])


class TestClientIds:
    def test_should_hold_ids_of_20_digits_exactly(self, given: FileTraffic) -> None:
        (heads,) = given.iter_heads(101, DAY)
        assert heads.client_ids.dtype == np.uint64
