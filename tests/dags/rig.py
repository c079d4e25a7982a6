"""Runs DAGs in this process and looks at what they left behind."""

from __future__ import annotations

import contextlib
import datetime as dt
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, func, select, update

from include.metrika.loading.load_job import order_log, plan_chunks
from include.metrika_sandbox.behaviour.config import DEMO_TOKEN
from include.metrika_sandbox.serving.server import SandboxHandle
from include.settings import Settings
from include.state.engine import connect_state, migrate
from include.state.manifest import StageRecord, read_stages
from include.state.tables import api_replays, api_tasks, conversion_uploads, conversions, log_requests
from include.warehouse.client import Warehouse
from tests.loading import loading_from

PROJECT = Path(__file__).parents[2]
DAG_IDS = (
    "metrika_logs",
    "visit_scoring",
    "conversion_upload",
    "visit_what_if",
    "visit_model_training",
    "housekeeping",
    "event_loading",
    "learning_metrics",
)
COUNTERS = (101, 202)


@dataclass
class DagRig:
    """The DAGs and the stores they write to."""

    environ: dict[str, str]
    warehouse: Warehouse
    state: Engine
    local_dir: Path
    sandbox: SandboxHandle

    @classmethod
    @contextlib.contextmanager
    def open(cls, environ: dict[str, str], local_dir: Path, sandbox: SandboxHandle) -> Iterator[DagRig]:
        settings = Settings.from_env(environ)
        assert settings.database_url is not None
        assert settings.clickhouse is not None
        state = connect_state(settings.database_url)
        migrate(state)
        try:
            yield cls(environ, Warehouse(settings.clickhouse), state, local_dir, sandbox)
        finally:
            state.dispose()

    def run(self, dag_id: str, **conf: Any) -> Any:
        """Read the file anew for each run: a DAG object remembers the parameters of its last test run."""
        from airflow.dag_processing.dagbag import DagBag

        return DagBag(PROJECT / "dags" / f"{dag_id}.py").dags[dag_id].test(run_conf=conf)

    def chain(self, **conf: Any) -> list[str]:
        return [str(self.run(dag_id, **conf).state) for dag_id in DAG_IDS[:3]]

    def stages(self, counter_id: int, day: dt.date) -> dict[str, StageRecord]:
        with self.state.connect() as connection:
            return {record.stage: record for record in read_stages(connection, counter_id, [day])}

    def digests(self, counter_id: int, day: dt.date) -> dict[str, str]:
        """Digests by stage, but for the report, which depends on the days around as well."""
        found = self.stages(counter_id, day)
        return {stage: record.digest for stage, record in found.items() if stage != "monitoring"}

    def open_log_requests(self) -> int:
        query = select(func.count()).select_from(log_requests).where(log_requests.c.released_at.is_(None))
        with self.state.connect() as connection:
            return int(connection.execute(query).scalar_one())

    def sent(self, counter_id: int, day: dt.date) -> int:
        c = conversions.c
        query = select(func.count()).where(c.counter_id == counter_id, c.day == day, c.upload_id.is_not(None))
        with self.state.connect() as connection:
            return int(connection.execute(query).scalar_one())

    def upload_statuses(self, counter_id: int, day: dt.date) -> list[str]:
        u, c = conversion_uploads.c, conversions.c
        owned = select(c.upload_id).where(c.counter_id == counter_id, c.day == day)
        with self.state.connect() as connection:
            return list(connection.execute(select(u.metrika_status).where(u.upload_id.in_(owned))).scalars())

    def rows_at_metrika(self, counter_id: int) -> list[Any]:
        return [row for upload in self.sandbox.uploads(counter_id) for row in upload["rows"]]

    def leak_log_request(self, counter_id: int, day: dt.date, *, ordered_at: dt.datetime) -> None:
        """Order a log like a run whose machine was lost long ago."""
        with loading_from(self.sandbox.url, DEMO_TOKEN, self.environ) as loading:
            job = loading.job(counter_id)
            order_log(job, plan_chunks(job, "visits", [day])[0][0])
        with self.state.begin() as connection:
            connection.execute(update(log_requests).values(ordered_at=ordered_at))

    def plant_api_rows(self, created_at: dt.datetime) -> None:
        key = uuid.uuid4().hex
        task = {"task_id": key, "kind": "visits", "parameters": {}, "parameters_sha256": key, "created_by": "test"}
        replay = {"principal": "test", "method": "POST", "path": "/tasks", "idempotency_key": key, "body_sha256": key}
        with self.state.begin() as connection:
            connection.execute(api_tasks.insert().values(encrypted_token=b"x", created_at=created_at, **task))
            connection.execute(api_replays.insert().values(created_at=created_at, **replay))

    def api_rows(self) -> dict[str, int]:
        tokens = select(func.count(api_tasks.c.encrypted_token))
        answers = select(func.count()).select_from(api_replays)
        with self.state.connect() as connection:
            return {
                "tokens": int(connection.execute(tokens).scalar_one()),
                "answers": int(connection.execute(answers).scalar_one()),
            }

    def staging_tables(self) -> list[str]:
        rows = self.warehouse.execute(
            "SELECT name FROM system.tables WHERE database = %(name)s AND position(name, '_stage_') > 0",
            {"name": self.warehouse.database},
        )
        return [name for (name,) in rows]
