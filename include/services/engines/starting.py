"""Which engines this machine has to run itself, where they keep their things, and when they are ready."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sqlalchemy.engine import make_url

from include.errors import ServiceError
from include.services.engines import clickhouse, postgres
from include.services.engines.endpoints import Endpoints
from include.services.processes.files import log_tail, make_private_folder
from include.services.processes.group import ended_parts
from include.services.processes.parts import Part
from include.services.processes.ports import LOOPBACK, choose_port
from include.services.processes.record import GroupRecord
from include.settings import Settings, with_driver

READY_SECONDS, POLL_SECONDS = 60.0, 0.03
PORT_TAKEN_TEXT = "Address already in use"


class PortTaken(ServiceError):
    """Somebody took a chosen port between the choice and the start; another port will do."""


@dataclass(frozen=True)
class EnginePorts:
    """Loopback ports of the local engines.

    Attributes:
        postgres: PostgreSQL.
        native: ClickHouse, native protocol.
        http: ClickHouse, HTTP protocol.
    """

    postgres: int
    native: int
    http: int

    @classmethod
    def choose(cls, known: Mapping[str, int]) -> EnginePorts:
        """Choose free ports, those of the last start first.

        Args:
            known: ports of the last start by name; may be empty.

        Returns:
            Three different free ports.
        """
        first = choose_port(known.get("postgres", postgres.USUAL_PORT))
        native = choose_port(known.get("native", clickhouse.USUAL_NATIVE_PORT), avoid=(first,))
        http = choose_port(known.get("http", clickhouse.USUAL_HTTP_PORT), avoid=(first, native))
        return cls(first, native, http)


@dataclass(frozen=True)
class EnginePlan:
    """The engines to run below one folder; an engine given by address is not run.

    Attributes:
        local_dir: folder of this machine's services.
        environ: environment that may give addresses of external engines.
        settings: the same, read.
    """

    local_dir: Path
    environ: Mapping[str, str]
    settings: Settings

    @classmethod
    def from_env(cls, local_dir: Path, environ: Mapping[str, str]) -> EnginePlan:
        """Read which engines are given by address.

        Args:
            local_dir: folder of this machine's services.
            environ: names and values.

        Returns:
            The plan.

        Raises:
            ConfigError: an address cannot be read.
        """
        return cls(local_dir.absolute(), environ, Settings.from_env(environ))

    @property
    def part_names(self) -> tuple[str, ...]:
        """Engines to run, in start order."""
        wanted = (
            (postgres.NAME, self.settings.database_url is None),
            (clickhouse.NAME, self.settings.clickhouse is None),
        )
        return tuple(name for name, is_ours in wanted if is_ours)

    @property
    def clickhouse_database(self) -> str:
        """The product's database in ClickHouse."""
        if self.settings.clickhouse is not None:
            return self.settings.clickhouse.database
        return self.environ.get("CLICKHOUSE_DATABASE") or "counterflow"

    def folder(self, name: str) -> Path:
        """Give the folder of one engine."""
        return self.local_dir / name

    def log(self, name: str) -> Path:
        """Give the log of one engine."""
        return make_private_folder(self.local_dir / "logs") / f"{name}.log"

    def parts(self, ports: EnginePorts) -> list[Part]:
        """Prepare the folders and say what to run.

        Args:
            ports: chosen ports.

        Returns:
            Processes in start order.
        """
        make_private_folder(self.local_dir)
        parts = []
        if postgres.NAME in self.part_names:
            parts.append(postgres.prepare(self.folder("postgres"), self.log("postgres"), ports.postgres))
        if clickhouse.NAME in self.part_names:
            folder, log = self.folder("clickhouse"), self.log("clickhouse")
            parts.append(clickhouse.prepare(folder, log, native_port=ports.native, http_port=ports.http))
        return parts

    def wait_until_ready(self, record: GroupRecord, ports: EnginePorts) -> None:
        """Wait until each engine answers a login, and create the databases that are missing.

        Args:
            record: the group that runs them.
            ports: their ports.

        Raises:
            PortTaken: an engine lost its port to somebody else.
            ServiceError: an engine ended or did not answer in time; the message shows its last lines.
        """
        checks = {
            postgres.NAME: partial(postgres.is_ready, self.folder("postgres"), ports.postgres),
            clickhouse.NAME: partial(clickhouse.is_ready, self.folder("clickhouse"), ports.http),
        }
        waiting = [name for name in self.part_names if name in checks]
        deadline = time.monotonic() + READY_SECONDS
        while waiting:
            self._refuse_ended(record)
            waiting = [name for name in waiting if not checks[name]()]
            if waiting and time.monotonic() >= deadline:
                raise ServiceError(
                    f"{waiting[0]} did not answer within {READY_SECONDS:.0f} seconds. The end of "
                    f"{self.log(waiting[0])}:\n{log_tail(self.log(waiting[0]))}"
                )
            if waiting:
                time.sleep(POLL_SECONDS)
        self._refuse_ended(record)  # else a stranger on the same port could have answered
        self._create_databases(ports)

    def endpoints(self, ports: EnginePorts) -> Endpoints:
        """Give the addresses of all engines, run here or elsewhere.

        Args:
            ports: ports of those run here.

        Returns:
            The endpoints.
        """
        ours, theirs = self.folder("postgres"), self.settings.database_url
        state = theirs or postgres.database_url(ours, ports.postgres, postgres.STATE_DATABASE)
        sibling = make_url(state.value).set(database=postgres.AIRFLOW_DATABASE)
        airflow = self.environ.get("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN") if theirs else None
        external, folder = self.settings.clickhouse, self.folder("clickhouse")
        address = f"clickhouse://{LOOPBACK}:{ports.native}/{self.clickhouse_database}?http_port={ports.http}"
        return Endpoints(
            database_url=state.value,
            airflow_database_url=with_driver(airflow or sibling.render_as_string(hide_password=False)),
            clickhouse_url=self.environ["CLICKHOUSE_URL"] if external else address,
            clickhouse_user=external.user if external else clickhouse.USER,
            clickhouse_password=external.password if external else clickhouse.password_of(folder),
            clickhouse_database=self.clickhouse_database,
        )

    def _create_databases(self, ports: EnginePorts) -> None:
        if postgres.NAME in self.part_names:
            postgres.create_databases(self.folder("postgres"), ports.postgres)
        if clickhouse.NAME in self.part_names:
            clickhouse.create_database(self.folder("clickhouse"), ports.http, self.clickhouse_database)

    def _refuse_ended(self, record: GroupRecord) -> None:
        if record.supervisor() is None:
            raise ServiceError(f"The engines' supervisor ended:\n{log_tail(record.log_path)}")
        for name in ended_parts(record):
            tail = log_tail(self.log(name))
            if PORT_TAKEN_TEXT in tail:
                raise PortTaken(f"{name} lost its port to another program; try again.")
            raise ServiceError(f"{name} ended right after its start. The end of {self.log(name)}:\n{tail}")
