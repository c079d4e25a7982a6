"""The life of the engines of one machine: every test starts real ones."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import psycopg2
import pytest
from sqlalchemy.engine import make_url

from include.errors import ServiceError
from include.services.engines import clickhouse, postgres, postgres_program
from include.services.engines.endpoints import Endpoints
from include.services.engines.starting import EnginePlan, EnginePorts, PortTaken
from include.services.processes.files import locked
from include.services.processes.group import PROJECT_ROOT, ended_parts, group_record, start_group, stop_group
from include.services.processes.ports import choose_port
from include.services.stack import down, endpoints_of, known_ports, running_engines, status, up
from tests.integration.services.conftest import ask_clickhouse, kill, wait_until_gone

STOP_SECONDS = 15
ROW_COUNT = 1501


ORDINARY_PROGRAM = """
import sys
from pathlib import Path
from include.services.stack import running_engines, status
with running_engines(Path(sys.argv[1]) / "local", {}):
    for one in status(Path(sys.argv[1]) / "local"):
        print(one.name, one.state)
"""


def python_for_anybody() -> str:
    """Find a Python of this version that every user may run; the suite's own may be in a private home."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    user = pwd.getpwnam("nobody")
    for candidate in (sys.executable, shutil.which(name, path="/usr/bin:/usr/local/bin")):
        if candidate is None:
            continue
        try:
            subprocess.run([candidate, "-c", ""], cwd="/", env={}, user=user.pw_uid, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        return candidate
    pytest.skip(f"no {name} that the user nobody may run")


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Path, Endpoints]]:
    with tempfile.TemporaryDirectory(prefix="counterflow-services-") as folder:
        local_dir = Path(folder) / "local"
        with running_engines(local_dir, {}) as endpoints:
            yield local_dir, endpoints


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
    def test_should_answer_on_both_engines_when_the_block_runs(self, running) -> None:
        _, endpoints = running
        answer = ask_clickhouse(endpoints, "SELECT 1")
        version = query_postgres(endpoints.database_url, "SHOW server_version")
        assert (answer.text, str(version).partition(".")[0]) == ("1\n", "18")

    def test_should_keep_product_and_airflow_databases_apart_when_started(self, running) -> None:
        _, endpoints = running
        names = [
            query_postgres(url, "SELECT current_database()")
            for url in (endpoints.database_url, endpoints.airflow_database_url)
        ]
        assert names == ["state", "airflow"]

    def test_should_listen_on_loopback_only_when_started(self, running) -> None:
        local_dir, _ = running
        addresses = {
            one.laddr.ip
            for pid in pids_of(local_dir)
            for one in psutil.Process(pid).net_connections("tcp")
            if one.status == psutil.CONN_LISTEN
        }
        assert addresses == {"127.0.0.1"}

    def test_should_keep_secrets_from_others_when_written(self, running) -> None:
        local_dir, _ = running
        names = ("services.json", "postgres/password", "clickhouse/password", "clickhouse/users.xml")
        modes = {(local_dir / name).stat().st_mode & 0o777 for name in names}
        assert (modes, local_dir.stat().st_mode & 0o777) == ({0o600}, 0o700)

    def test_should_give_the_same_addresses_when_asked_again(self, running) -> None:
        local_dir, endpoints = running
        assert endpoints_of(local_dir) == endpoints

    def test_should_leave_nothing_running_when_the_block_ends(self, local_dir: Path) -> None:
        with running_engines(local_dir, {}):
            pids = pids_of(local_dir)
        assert (len(pids), wait_until_gone(pids, STOP_SECONDS), endpoints_of(local_dir)) == (2, [], None)

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
        second = locked(record.lock_path, wait_seconds=0.1)
        with locked(record.lock_path), pytest.raises(ServiceError, match="Another command"), second:
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

    def test_should_refuse_a_second_owner_when_a_data_folder_is_in_use(self, running, local_dir: Path) -> None:
        taken = running[0] / "clickhouse" / "data"
        log = local_dir / "second.log"
        record = group_record(local_dir, "second")
        part = clickhouse.prepare(local_dir / "own", log, native_port=choose_port(0), http_port=choose_port(0))
        start_group(record, [replace(part, argv=(*part.argv[:-1], str(taken)))], kept=False)
        deadline = time.monotonic() + STOP_SECONDS
        while not ended_parts(record) and time.monotonic() < deadline:
            time.sleep(0.05)
        refused = ended_parts(record)
        stop_group(record)
        assert (refused, "code: 76" in log.read_text().lower()) == (["clickhouse"], True)


class TestPasswordlessLogin:
    @pytest.mark.parametrize(
        "statement",
        [
            "SELECT * FROM counterflow.private",
            "SELECT * FROM file('/etc/hostname', 'LineAsString', 'l String')",
            "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString', 'l String')",
            "INSERT INTO FUNCTION file('/tmp/never.tsv', 'TSV', 'n UInt8') SELECT 1",
            "CREATE DATABASE intruder",
        ],
    )
    def test_should_be_refused_when_it_asks_for_more_than_the_listeners(self, running, statement: str) -> None:
        _, endpoints = running
        ask_clickhouse(endpoints, "CREATE TABLE IF NOT EXISTS counterflow.private (n UInt8) ENGINE Memory")
        answer = ask_clickhouse(endpoints, statement, is_anonymous=True)
        assert (answer.ok, answer.headers["X-ClickHouse-Exception-Code"]) == (False, "497")

    def test_should_be_refused_when_postgresql_is_asked_without_a_password(self, running) -> None:
        _, endpoints = running
        parts = make_url(endpoints.database_url)
        with pytest.raises(psycopg2.OperationalError, match="password"):
            psycopg2.connect(host=parts.host, port=parts.port, user=parts.username, dbname="state", password="")

    def test_should_be_refused_when_the_password_is_wrong(self, running) -> None:
        _, endpoints = running
        environment = {**endpoints.environment(), "CLICKHOUSE_PASSWORD": "wrong"}
        wrong = type(endpoints).from_record({**environment, "AIRFLOW_DATABASE_URL": endpoints.airflow_database_url})
        assert ask_clickhouse(wrong, "SELECT 1").status_code in (401, 403)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands PostgreSQL over to another user")
class TestAsRoot:
    def test_should_run_postgresql_as_another_user_when_root_starts_it(self, running) -> None:
        local_dir, _ = running
        pid = next(one.pid for one in status(local_dir) if one.name == "postgres")
        assert psutil.Process(pid).uids().real != 0

    def test_should_start_when_the_folder_is_closed_to_that_user(self, running) -> None:
        local_dir, endpoints = running
        assert local_dir.parent.stat().st_mode & 0o777 == 0o700
        assert query_postgres(endpoints.database_url, "SELECT 1") == 1

    def test_should_run_a_copy_when_the_installation_is_closed_to_that_user(
        self, local_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        site = postgres_program.wheel_site()
        closed = tmp_path / "closed"
        closed.mkdir(mode=0o700)
        for name in (postgres_program.WHEEL_PACKAGE, postgres_program.WHEEL_LIBRARIES):
            shutil.copytree(site / name, closed / name)
        with tempfile.TemporaryDirectory(prefix="counterflow-shared-", dir="/var/tmp") as shared:
            os.chmod(shared, 0o755)
            monkeypatch.setattr(postgres_program, "wheel_site", lambda: closed)
            monkeypatch.setattr(postgres_program, "SHARED_PARENT", Path(shared))
            monkeypatch.setattr(postgres, "find_program", postgres_program.find_program.__wrapped__)
            with running_engines(local_dir, {"CLICKHOUSE_URL": "http://ch.example:8123"}) as endpoints:
                pid = next(one.pid for one in status(local_dir) if one.name == "postgres")
                assert psutil.Process(pid).exe().startswith(shared)
                assert query_postgres(endpoints.database_url, "SELECT 1") == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="without root every other test here is one of an ordinary user")
class TestAsOrdinaryUser:
    def test_should_start_both_engines_when_the_caller_is_not_root(self) -> None:
        python = python_for_anybody()
        with tempfile.TemporaryDirectory(prefix="counterflow-nobody-") as folder:
            user = pwd.getpwnam("nobody")
            os.chown(folder, user.pw_uid, user.pw_gid)
            done = subprocess.run(
                [python, "-c", ORDINARY_PROGRAM, folder],
                cwd="/",
                env={"PYTHONPATH": os.pathsep.join([str(PROJECT_ROOT), *filter(None, sys.path)]), "PATH": os.defpath},
                user=user.pw_uid,
                group=user.pw_gid,
                extra_groups=[],
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
        assert (done.stdout.split(), done.stderr) == (["postgres", "running", "clickhouse", "running"], "")
