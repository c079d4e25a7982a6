from __future__ import annotations

from pathlib import Path

import pytest

from include.errors import ServiceError
from include.services.processes.files import (
    kept_secret,
    locked,
    log_tail,
    make_private_folder,
    read_record,
    write_record,
)


class TestWriteRecord:
    def test_should_be_readable_by_its_owner_only_when_written(self, tmp_path: Path) -> None:
        write_record(tmp_path / "a.json", {"n": 1})
        assert (tmp_path / "a.json").stat().st_mode & 0o777 == 0o600

    def test_should_leave_no_draft_when_written(self, tmp_path: Path) -> None:
        write_record(tmp_path / "a.json", {"n": 1})
        assert [path.name for path in tmp_path.iterdir()] == ["a.json"]

    def test_should_leave_the_old_file_and_no_draft_when_the_value_cannot_be_written(self, tmp_path: Path) -> None:
        write_record(tmp_path / "a.json", {"n": 1})
        with pytest.raises(TypeError):
            write_record(tmp_path / "a.json", {"n": object()})
        assert (read_record(tmp_path / "a.json"), len(list(tmp_path.iterdir()))) == ({"n": 1}, 1)


class TestReadRecord:
    @pytest.mark.parametrize("text", ["", "{", "[1]", "1"])
    def test_should_be_empty_when_the_file_is_no_record(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "a.json").write_text(text)
        assert read_record(tmp_path / "a.json") == {}


class TestKeptSecret:
    def test_should_stay_the_same_when_asked_again(self, tmp_path: Path) -> None:
        assert kept_secret(tmp_path / "s") == kept_secret(tmp_path / "s")

    def test_should_differ_when_kept_elsewhere(self, tmp_path: Path) -> None:
        assert kept_secret(tmp_path / "s") != kept_secret(tmp_path / "t")


class TestLocked:
    def test_should_be_free_again_when_the_block_failed(self, tmp_path: Path) -> None:
        with pytest.raises(RuntimeError), locked(tmp_path / "lock"):
            raise RuntimeError
        with locked(tmp_path / "lock", wait_seconds=0):
            assert True

    def test_should_say_what_is_in_the_way_when_it_is_held(self, tmp_path: Path) -> None:
        second = locked(tmp_path / "lock", wait_seconds=0)
        with locked(tmp_path / "lock"), pytest.raises(ServiceError, match=str(tmp_path)), second:
            pass


class TestMakePrivateFolder:
    def test_should_name_the_setting_when_it_cannot_be_made(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(ServiceError, match="COUNTERFLOW_LOCAL_DIR"):
            make_private_folder(tmp_path / "file" / "folder")


class TestLogTail:
    def test_should_give_the_last_lines_when_the_log_is_long(self, tmp_path: Path) -> None:
        (tmp_path / "log").write_text("\n".join(map(str, range(10_000))))
        assert log_tail(tmp_path / "log", line_count=2) == "9998\n9999"

    def test_should_say_so_when_there_is_nothing(self, tmp_path: Path) -> None:
        assert log_tail(tmp_path / "log") == "(the log is empty)"
