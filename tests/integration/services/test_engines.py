"""The life of the engines of one machine: every test starts real ones."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import psycopg2
import pytest
from sqlalchemy.engine import make_url

from include.errors import ServiceError
from include.services import clickhouse
from include.services.engines import EnginePlan, EnginePorts, PortTaken
from include.services.files import locked
from include.services.group import ended_parts, group_record, start_group, stop_group
from include.services.ports import choose_port
from include.services.stack import down, endpoints_of, known_ports, running_engines, status, up
from tests.integration.services.conftest import ask_clickhouse, kill, wait_until_gone

STOP_SECONDS = 15
ROW_COUNT = 1501


def pids_of(local_dir: Path) -> list[int]:
    return [one.pid for one in status(local_dir) if one.pid is not None]


def query_postgres(url: str, statement: str) -> object:
    parts = make_url(url)
    connection = psycopg2.connect(
        host=parts.host, port=parts.port, user=parts.username, password=parts.password, dbname=parts.database
    )
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            row = cursor.fetchone() if cursor.description else None
            return row[0] if row else None
    finally:
        connection.close()


class TestRunningEngines:
    def test_should_answer_on_both_engines_when_the_block_runs(self, local_dir: Path) -> None:
        with running_engines(local_dir, {}) as endpoints:
            answer = ask_clickhouse(endpoints, "SELECT 1")
            version = query_postgres(endpoints.database_url, "SHOW server_version")
        assert (answer.text, str(version).partition(".")[0]) == ("1\n", "18")

    def test_should_leave_nothing_running_when_the_block_ends(self, local_dir: Path) -> None:
        with running_engines(local_dir, {}):
            pids = pids_of(local_dir)
        assert (len(pids), wait_until_gone(pids, STOP_SECONDS), endpoints_of(local_dir)) == (2, [], None)

    def test_should_keep_product_and_airflow_databases_apart_when_started(self, local_dir: Path) -> None:
        with running_engines(local_dir, {}) as endpoints:
            names = [
                query_postgres(url, "SELECT current_database()")
                for url in (endpoints.database_url, endpoints.airflow_database_url)
            ]
        assert names == ["state", "airflow"]

    def test_should_listen_on_loopback_only_when_started(self, local_dir: Path) -> None:
        with running_engines(local_dir, {}) as endpoints:
            addresses = query_postgres(endpoints.database_url, "SHOW listen_addresses")
            config = (local_dir / "clickhouse" / "config.xml").read_text()
        assert (addresses, config.count("<listen_host>127.0.0.1</listen_host>")) == ("127.0.0.1", 1)

    def test_should_keep_rows_and_ports_when_started_again(self, local_dir: Path) -> None:
        with running_engines(local_dir, {}) as endpoints:
            query_postgres(endpoints.database_url, "CREATE TABLE kept AS SELECT 42 AS value")
            ports = known_ports(local_dir)
        with running_engines(local_dir, {}) as endpoints:
            value = query_postgres(endpoints.database_url, "SELECT value FROM kept")
            assert (value, known_ports(local_dir)) == (42, ports)

    def test_should_choose_other_ports_when_the_known_ones_are_taken(self, local_dir: Path, occupied) -> None:
        with running_engines(local_dir, {}):
            before = known_ports(local_dir)
        for port in before.values():
            occupied(port)
        with running_engines(local_dir, {}) as endpoints:
            assert ask_clickhouse(endpoints, "SELECT 1").text == "1\n"
            assert not set(before.values()) & set(known_ports(local_dir).values())

    def test_should_keep_secrets_from_others_when_written(self, local_dir: Path) -> None:
        with running_engines(local_dir, {}):
            names = ("services.json", "postgres/password", "clickhouse/password", "clickhouse/users.xml")
            modes = {(local_dir / name).stat().st_mode & 0o777 for name in names}
        assert (modes, local_dir.stat().st_mode & 0o777) == ({0o600}, 0o700)

    def test_should_start_only_clickhouse_when_a_postgresql_address_is_given(self, local_dir: Path) -> None:
        with running_engines(local_dir, {"DATABASE_URL": "postgresql://u:p@db.example/x"}) as endpoints:
            states = {one.name: one.state for one in status(local_dir)}
        assert (states, endpoints.database_url) == (
            {"postgres": "stopped", "clickhouse": "running"},
            "postgresql+psycopg2://u:p@db.example/x",
        )

    def test_should_start_only_postgresql_when_a_clickhouse_address_is_given(self, local_dir: Path) -> None:
        environ = {"CLICKHOUSE_URL": "http://ch.example:8123", "CLICKHOUSE_PASSWORD": "p"}
        with running_engines(local_dir, environ) as endpoints:
            states = {one.name: one.state for one in status(local_dir)}
        assert (states, endpoints.clickhouse_url) == (
            {"postgres": "running", "clickhouse": "stopped"},
            "http://ch.example:8123",
        )

    def test_should_start_nothing_when_both_addresses_are_given(self, local_dir: Path) -> None:
        environ = {"CLICKHOUSE_URL": "http://ch.example:8123", "DATABASE_URL": "postgresql://u:p@db.example/x"}
        with running_engines(local_dir, environ):
            assert pids_of(local_dir) == []

    def test_should_refuse_with_the_way_out_when_an_engine_was_left_out_before(self, local_dir: Path) -> None:
        up(local_dir, {"DATABASE_URL": "postgresql://u:p@db.example/x"})
        with pytest.raises(ServiceError, match="services down"), running_engines(local_dir, {}):
            pass


class TestCrashes:
    def test_should_keep_acknowledged_rows_when_clickhouse_is_killed(self, local_dir: Path) -> None:
        with running_engines(local_dir, {}) as endpoints:
            table = f"{endpoints.clickhouse_database}.kept"
            ask_clickhouse(endpoints, f"CREATE TABLE {table} (n UInt64) ENGINE MergeTree ORDER BY n")
            inserted = ask_clickhouse(endpoints, f"INSERT INTO {table} SELECT number FROM numbers({ROW_COUNT})")
            kill(next(one.pid for one in status(local_dir) if one.name == "clickhouse" and one.pid))
        assert inserted.ok
        with running_engines(local_dir, {}) as endpoints:
            assert ask_clickhouse(endpoints, f"SELECT count() FROM {table}").text == f"{ROW_COUNT}\n"

    def test_should_start_again_when_everything_was_killed(self, local_dir: Path, hold) -> None:
        _, report = hold("engines", local_dir)
        query_postgres(report["environment"]["DATABASE_URL"], "CREATE TABLE kept AS SELECT 42 AS value")
        for pid in (report["supervisor"], *report["pids"].values()):
            kill(pid)
        with running_engines(local_dir, {}) as endpoints:
            assert query_postgres(endpoints.database_url, "SELECT value FROM kept") == 42

    def test_should_leave_nothing_running_when_the_caller_is_killed(self, local_dir: Path, hold) -> None:
        holder, report = hold("engines", local_dir)
        holder.kill()
        pids = [report["supervisor"], *report["pids"].values()]
        assert wait_until_gone(pids, STOP_SECONDS) == []

    def test_should_leave_no_engine_running_when_the_supervisor_is_killed(self, local_dir: Path, hold) -> None:
        _, report = hold("engines", local_dir)
        kill(report["supervisor"])
        assert wait_until_gone(list(report["pids"].values()), STOP_SECONDS) == []

    def test_should_start_an_engine_again_when_it_ends_after_a_while(self, local_dir: Path) -> None:
        with running_engines(local_dir, {}) as endpoints:
            time.sleep(5.5)  # an engine that ends sooner has a lasting reason to
            kill(next(one.pid for one in status(local_dir) if one.name == "clickhouse" and one.pid))
            deadline = time.monotonic() + STOP_SECONDS
            while time.monotonic() < deadline and status(local_dir)[1].restart_count == 0:
                time.sleep(0.1)
            with running_engines(local_dir, {}):
                assert ask_clickhouse(endpoints, "SELECT 1").text == "1\n"


class TestUp:
    def test_should_outlive_the_command_when_kept(self, local_dir: Path, hold) -> None:
        holder, report = hold("up", local_dir)
        holder.wait(STOP_SECONDS)
        time.sleep(1.0)  # several looks of the supervisor at who wants it
        assert sorted(pids_of(local_dir)) == sorted(report["pids"].values())

    def test_should_start_one_set_of_engines_when_two_start_at_once(self, local_dir: Path, hold) -> None:
        reports = [report for _, report in (hold("up", local_dir), hold("engines", local_dir))]
        assert reports[0] == reports[1]

    def test_should_leave_kept_engines_running_when_a_borrower_ends(self, local_dir: Path) -> None:
        up(local_dir, {})
        with running_engines(local_dir, {}):
            pass
        assert len(pids_of(local_dir)) == 2

    def test_should_stop_everything_when_told(self, local_dir: Path) -> None:
        up(local_dir, {})
        pids = pids_of(local_dir)
        assert (down(local_dir), wait_until_gone(pids, STOP_SECONDS), down(local_dir)) == (True, [], False)

    def test_should_wait_for_another_command_when_it_holds_the_lock(self, local_dir: Path) -> None:
        record = group_record(local_dir, "engines")
        with locked(record.lock_path), pytest.raises(ServiceError, match="Another command"):
            with locked(record.lock_path, wait_seconds=0.1):
                pass

    def test_should_not_touch_a_stranger_when_a_noted_process_id_was_reused(self, local_dir: Path, hold) -> None:
        stranger, _ = hold("engines", local_dir)
        record = group_record(local_dir / "other", "engines")
        noted = {"pid": stranger.pid, "started_at_seconds": stranger.create_time() - 3600}
        record.parts_path.write_text(f'{{"postgres": {{"process": {str(noted).replace(chr(39), chr(34))}}}}}')
        stop_group(record)
        assert stranger.is_running()


class TestTrouble:
    def test_should_notice_when_a_port_is_lost_between_choice_and_start(self, local_dir: Path, occupied) -> None:
        plan = EnginePlan.from_env(local_dir, {"DATABASE_URL": "postgresql://u:p@db.example/x"})
        ports = EnginePorts.choose({"postgres": 0, "native": 0, "http": 0})
        record = group_record(local_dir, "engines")
        parts = plan.parts(ports)
        occupied(ports.native)
        start_group(record, parts, kept=False)
        with pytest.raises(PortTaken, match="clickhouse"):
            plan.wait_until_ready(record, ports)

    def test_should_notice_when_postgresql_loses_its_port(self, local_dir: Path, occupied) -> None:
        plan = EnginePlan.from_env(local_dir, {"CLICKHOUSE_URL": "http://ch.example:8123"})
        ports = EnginePorts.choose({"postgres": 0, "native": 0, "http": 0})
        record = group_record(local_dir, "engines")
        parts = plan.parts(ports)
        occupied(ports.postgres)
        start_group(record, parts, kept=False)
        with pytest.raises(PortTaken, match="postgres"):
            plan.wait_until_ready(record, ports)

    def test_should_show_the_reason_when_an_engine_cannot_start(self, local_dir: Path) -> None:
        with running_engines(local_dir, {}):
            pass
        (local_dir / "postgres" / "data-18" / "postgresql.conf").write_text("no_such_setting = 1\n")
        with pytest.raises(ServiceError, match="no_such_setting"), running_engines(local_dir, {}):
            pass

    def test_should_leave_nothing_running_when_a_start_fails(self, local_dir: Path) -> None:
        with running_engines(local_dir, {}):
            pass
        (local_dir / "postgres" / "data-18" / "postgresql.conf").write_text("no_such_setting = 1\n")
        with pytest.raises(ServiceError), running_engines(local_dir, {}):
            pass
        assert (pids_of(local_dir), group_record(local_dir, "engines").supervisor()) == ([], None)

    def test_should_refuse_a_second_owner_when_a_data_folder_is_in_use(self, local_dir: Path) -> None:
        with running_engines(local_dir, {}):
            part = clickhouse.prepare(
                local_dir / "second",
                local_dir / "second.log",
                native_port=choose_port(0),
                http_port=choose_port(0),
            )
            record = group_record(local_dir, "second")
            argv = (*part.argv[:-1], str(local_dir / "clickhouse" / "data"))
            start_group(record, [replace(part, argv=argv)], kept=False)
            deadline = time.monotonic() + STOP_SECONDS
            while not ended_parts(record) and time.monotonic() < deadline:
                time.sleep(0.05)
            refused = ended_parts(record)
            stop_group(record)
        assert (refused, "code: 76" in (local_dir / "second.log").read_text().lower()) == (["clickhouse"], True)


class TestPasswordlessLogin:
    @pytest.mark.parametrize(
        "statement",
        [
            "SELECT count() FROM system.tables",
            "SELECT * FROM file('/etc/hostname', 'LineAsString', 'l String')",
            "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString', 'l String')",
            "INSERT INTO FUNCTION file('/tmp/never.tsv', 'TSV', 'n UInt8') SELECT 1",
            "CREATE DATABASE intruder",
        ],
    )
    def test_should_be_refused_when_it_asks_for_more_than_the_listeners(self, endpoints, statement: str) -> None:
        answer = ask_clickhouse(endpoints, statement, is_anonymous=True)
        assert (answer.ok, answer.headers["X-ClickHouse-Exception-Code"]) == (False, "497")

    def test_should_be_refused_when_postgresql_is_asked_without_a_password(self, endpoints) -> None:
        parts = make_url(endpoints.database_url)
        with pytest.raises(psycopg2.OperationalError, match="password"):
            psycopg2.connect(host=parts.host, port=parts.port, user=parts.username, dbname="state", password="")

    def test_should_be_refused_when_the_password_is_wrong(self, endpoints) -> None:
        environment = {**endpoints.environment(), "CLICKHOUSE_PASSWORD": "wrong"}
        wrong = type(endpoints).from_record({**environment, "AIRFLOW_DATABASE_URL": endpoints.airflow_database_url})
        assert ask_clickhouse(wrong, "SELECT 1").status_code in (401, 403)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands PostgreSQL over to another user")
class TestAsRoot:
    def test_should_run_postgresql_as_another_user_when_root_starts_it(self, local_dir: Path) -> None:
        with running_engines(local_dir, {}):
            owner = (local_dir / "postgres" / "data-18").stat().st_uid
        assert owner != 0

    def test_should_start_when_the_folder_is_closed_to_that_user(self, local_dir: Path) -> None:
        assert local_dir.parent.stat().st_mode & 0o777 == 0o700
        with running_engines(local_dir, {}) as endpoints:
            assert query_postgres(endpoints.database_url, "SELECT 1") == 1
